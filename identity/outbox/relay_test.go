package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

func TestRelay(t *testing.T) {
	t.Parallel()
	onBoth(t, delivering)
}

func delivering(t *testing.T, on engine) {
	t.Run("every event is delivered, each with who stands for the old id now", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on)
		f.retire("g", "w", "w", "y", "h", "z")
		drain(t, r, target)
		c.wantAll("g", "w", "h")
		for _, e := range c.taken {
			if want := map[string]string{"g": "y", "w": "y", "h": "z"}[e.Data.Old]; e.Data.New != want {
				t.Errorf("%s became %s, want %s", e.Data.Old, e.Data.New, want)
			}
		}
		if s := f.status(target.Line); s.Behind != 0 || s.Cursor != 3 || !s.Oldest.IsZero() {
			t.Errorf("the line stands at %+v", s)
		}
		drain(t, r, target)
		if c.tried() != 3 {
			t.Errorf("what was delivered came again: %d", c.tried())
		}
	})
	t.Run("a new line begins at the end, unless it asks for all", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on)
		f.retire("a", "y")
		late := outbox.Line{Realm: f.realm, Name: "late"}
		for _, fromStart := range []bool{false, true} { // the second time it is known
			if err := f.Join(t.Context(), late, fromStart); err != nil {
				t.Fatal(err)
			}
		}
		f.retire("b", "z")
		if s := f.status(late); s.Cursor != 1 || s.Behind != 1 {
			t.Errorf("the late line stands at %+v", s)
		}
		drain(t, r, target)
		c.wantAll("a", "b")
	})
	t.Run("a realm's events stay in it", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on)
		other := outbox.Target{Line: outbox.Line{Realm: "other", Name: "orders"}, Sender: target.Sender}
		if err := f.Join(t.Context(), other.Line, true); err != nil {
			t.Fatal(err)
		}
		f.retire("a", "y")
		drain(t, r, other)
		c.want()
	})
	t.Run("an event that fails holds up those about its users and nobody else", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on)
		c.answers(func(e received, w http.ResponseWriter) {
			if e.Data.Old == "g" {
				w.WriteHeader(http.StatusInternalServerError)
			}
		})
		f.retire("g", "w", "a", "b", "w", "y", "c", "d")
		drain(t, r, target)
		if got := c.olds(); slices.Contains(got, "w") || !slices.Contains(got, "a") || !slices.Contains(got, "c") {
			t.Errorf("delivered %v", got)
		}
		f.retire("y", "z", "e", "f")
		drain(t, r, target)
		if got := c.olds(); slices.Contains(got, "y") || !slices.Contains(got, "e") {
			t.Errorf("delivered %v", got)
		}
		if s := f.status(target.Line); s.Behind != 0 || s.Waiting != 3 || s.Dead != 0 || s.Error != "" || s.Oldest.IsZero() {
			t.Errorf("the line stands at %+v", s)
		}
		c.answers(nil)
		drain(t, r, target)
		c.wantAll("a", "c", "e") // the time to try again hasn't come
		f.clock.advance(2 * time.Second)
		drain(t, r, target)
		if got := slices.DeleteFunc(c.olds(), func(id string) bool { return strings.Contains("ace", id) }); !slices.Equal(got, []string{"g", "w", "y"}) {
			t.Errorf("the chain came as %v", got)
		}
	})
	t.Run("a consumer that nobody reaches parks nothing, and is left alone twice as long each time", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on)
		c.says(http.StatusServiceUnavailable)
		for i := range 40 {
			f.retire(fmt.Sprint("a", i), fmt.Sprint("b", i))
		}
		var waits []time.Duration
		for range 14 {
			drain(t, r, target)
			s := f.status(target.Line)
			if s.Waiting != 0 || s.Cursor != 0 || s.Error != "status_503" {
				t.Fatalf("the line stands at %+v", s)
			}
			waits = append(waits, s.Next.Sub(f.clock.time()))
			before := c.tried()
			drain(t, r, target)
			if c.tried() != before {
				t.Fatal("it was tried while it was left alone")
			}
			f.clock.advance(waits[len(waits)-1])
		}
		if waits[0] != time.Second/2 || waits[1] != time.Second || waits[13] != time.Hour/2 {
			t.Errorf("it waited %v", waits)
		}
		if c.tried() > 14*24 {
			t.Errorf("%d attempts in 14 batches", c.tried())
		}
		c.answers(nil)
		drain(t, r, target)
		if s := f.status(target.Line); s.Behind != 0 || s.Tries != 0 || s.Error != "" {
			t.Errorf("the line stands at %+v", s)
		}
	})
	t.Run("Retry-After is honoured", func(t *testing.T) {
		t.Parallel()
		for header, want := range map[string]time.Duration{"120": 2 * time.Minute, "Fri, 02 Jan 2026 03:09:05 GMT": 5 * time.Minute, "soon": time.Second / 2, "999999": time.Hour} {
			f, c, r, target := one(t, on)
			c.answers(func(_ received, w http.ResponseWriter) {
				w.Header().Set("Retry-After", header)
				w.WriteHeader(http.StatusTooManyRequests)
			})
			f.retire("a", "b")
			drain(t, r, target)
			if got := f.status(target.Line).Next.Sub(f.clock.time()); got != want {
				t.Errorf("after %q it waits %s, want %s", header, got, want)
			}
		}
	})
}

func TestRelay_crash(t *testing.T) {
	t.Parallel()
	onBoth(t, crashes)
}

func crashes(t *testing.T, on engine) {
	t.Run("what was delivered and not settled is delivered again by the next relay", func(t *testing.T) {
		t.Parallel()
		f, c, _, target := one(t, on)
		f.retire("a", "y", "b", "z")
		crashed := newRelay(f, crashing{f.Store}, []outbox.Target{target})
		for range 2 {
			_, _ = crashed.Step(t.Context(), target)
		}
		c.wantAll("a", "b")
		next := newRelay(f, f.Store, []outbox.Target{target})
		drain(t, next, target)
		if c.tried() != 2 {
			t.Error("the lease of the crashed one was not respected")
		}
		f.clock.advance(2 * time.Minute)
		drain(t, next, target)
		if c.tried() != 4 || f.status(target.Line).Behind != 0 {
			t.Errorf("%d attempts, and the line stands at %+v", c.tried(), f.status(target.Line))
		}
	})
	t.Run("a line has one holder, until the lease is over or given back", func(t *testing.T) {
		t.Parallel()
		f, _, _, target := one(t, on)
		now := f.clock.time()
		for i, c := range []struct {
			holder     string
			now, until time.Duration
			want       bool
		}{
			{"a", 0, time.Minute, true},
			{"b", 0, time.Minute, false},
			{"a", time.Second, 2 * time.Minute, true},
			{"b", time.Minute, 2 * time.Minute, false},
			{"b", 2 * time.Minute, 3 * time.Minute, true},
			{"b", 2 * time.Minute, 2 * time.Minute, true},
			{"a", 2 * time.Minute, 3 * time.Minute, true},
		} {
			if got, err := f.Lease(t.Context(), target.Line, c.holder, now.Add(c.now), now.Add(c.until)); got != c.want || err != nil {
				t.Errorf("lease %d: %v, %v", i, got, err)
			}
		}
	})
	t.Run("nothing new begins in the second half of a lease, and nothing is left out", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on, func(c *outbox.Config) { c.Concurrency = 1 })
		c.answers(func(received, http.ResponseWriter) { f.clock.advance(31 * time.Second) })
		f.retire("a", "y", "b", "z", "c", "x")
		for _, want := range []int{0, 1, 2, 3} { // the first step takes the lease
			if _, err := r.Step(t.Context(), target); err != nil {
				t.Fatal(err)
			}
			if c.tried() != want {
				t.Errorf("%d were tried, want %d", c.tried(), want)
			}
		}
		c.want("a", "b", "c")
	})
	t.Run("a relay that has lost its lease settles nothing", func(t *testing.T) {
		t.Parallel()
		f, c, slow, target := one(t, on)
		f.retire("a", "y")
		if more, err := slow.Step(t.Context(), target); !more || err != nil { // takes the lease
			t.Fatal(more, err)
		}
		fast := newRelay(f, f.Store, []outbox.Target{target})
		c.answers(func(received, http.ResponseWriter) { // while the slow one delivers
			c.answers(nil)
			f.clock.advance(2 * time.Minute)
			drain(t, fast, target)
			f.retire("b", "z")
		})
		if _, err := slow.Step(t.Context(), target); !errors.Is(err, outbox.ErrLeaseLost) {
			t.Errorf("the slow one: %v", err)
		}
		if s := f.status(target.Line); s.Cursor != 1 || s.Behind != 1 {
			t.Errorf("the line stands at %+v", s)
		}
	})
}

// crashing is a store whose relay ends between delivery and settling.
type crashing struct{ outbox.Store }

func (crashing) Settle(context.Context, outbox.Line, string, outbox.Settlement) error {
	return errors.New("crashed")
}

func TestRelay_run(t *testing.T) {
	t.Parallel()
	onBoth(t, runningRelays)
}

func runningRelays(t *testing.T, on engine) {
	t.Run("a dead consumer delays nobody else", func(t *testing.T) {
		t.Parallel()
		f, well, stuck := newFacts(t, on), newConsumer(t), newConsumer(t)
		arrived, release := make(chan string, 100), make(chan struct{})
		stuck.answers(func(_ received, w http.ResponseWriter) { <-release; w.WriteHeader(http.StatusTeapot) })
		well.answers(func(e received, _ http.ResponseWriter) { arrived <- e.Data.Old })
		targets := []outbox.Target{
			{Line: f.join("stuck"), Sender: webhook(t, stuck.URL, f.clock.time)},
			{Line: f.join("well"), Sender: webhook(t, well.URL, f.clock.time)},
		}
		r := newRelay(f, f.Store, targets, func(c *outbox.Config) { c.Every = time.Hour })
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { r.Run(ctx); close(done) }()
		for i := range 20 {
			id := fmt.Sprint("a", i)
			f.retire(id, fmt.Sprint("b", i))
			r.Wake()
			if got := <-arrived; got != id {
				t.Fatalf("got %s, want %s", got, id)
			}
		}
		cancel()
		<-done // although the stuck one still doesn't answer
		close(release)
		if s := f.status(targets[0].Line); s.Tries != 0 || s.Error != "" || s.Cursor != 0 {
			t.Errorf("a delivery that was cut off counts as a failure: %+v", s)
		}
		for _, target := range targets {
			b, err := f.Pending(t.Context(), target.Line, f.clock.time(), 1)
			if err != nil || b.Until.After(f.clock.time()) {
				t.Errorf("the line %s is still leased until %s, %v", target.Name, b.Until, err)
			}
		}
	})
	t.Run("what was delivered is settled also when everything ends", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on, func(c *outbox.Config) { c.Concurrency = 1 })
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		release := make(chan struct{})
		defer close(release)
		c.answers(func(e received, _ http.ResponseWriter) {
			if e.Data.Old == "b" {
				cancel()
				<-release
			}
		})
		f.retire("a", "y", "b", "z")
		r.Run(ctx)
		if s := f.status(target.Line); s.Cursor != 1 || s.Behind != 1 {
			t.Errorf("the line stands at %+v", s)
		}
	})
	t.Run("two relays at once miss nothing", func(t *testing.T) {
		t.Parallel()
		f, c, _, target := one(t, on)
		const events = 60
		all := make(chan struct{})
		var once sync.Once
		c.answers(func(received, http.ResponseWriter) {
			if c.tried() >= events {
				once.Do(func() { close(all) })
			}
		})
		ctx, cancel := context.WithCancel(t.Context())
		var running sync.WaitGroup
		for range 2 {
			r := newRelay(f, f.Store, []outbox.Target{target}, func(c *outbox.Config) { c.Every, c.Batch = time.Millisecond, 4 })
			running.Go(func() { r.Run(ctx) })
		}
		var want []string
		for i := range events {
			want = append(want, fmt.Sprint("a", i))
			f.retire(want[i], fmt.Sprint("b", i))
		}
		<-all
		cancel()
		running.Wait()
		drain(t, newRelay(f, f.Store, []outbox.Target{target}), target)
		c.wantAll(want...)
		if len(c.clashes) > 0 {
			t.Errorf("two events at once about %v", c.clashes)
		}
	})
}

func TestRelay_otherEvents(t *testing.T) {
	t.Parallel()
	onBoth(t, otherEvents)
}

func otherEvents(t *testing.T, on engine) {
	f, c, r, target := one(t, on)
	for _, kind := range identity.EventTypes {
		if kind != identity.EventReplaced {
			f.happens(identity.Event{ID: string(kind) + "-1", Type: kind, Old: "u-" + string(kind)})
		}
	}
	drain(t, r, target)
	if got := len(c.olds()); got != len(identity.EventTypes)-1 {
		t.Errorf("%d of %d came", got, len(identity.EventTypes)-1)
	}
}
