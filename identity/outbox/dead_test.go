package outbox_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

func TestRelay_dead(t *testing.T) {
	t.Parallel()
	onBoth(t, deadLetters)
}

func deadLetters(t *testing.T, on engine) {
	t.Run("after three days an event is a dead letter, stops nobody, and can be sent again", func(t *testing.T) {
		t.Parallel()
		var outcomes []outbox.Outcome
		f, c, r, target := one(t, on, func(c *outbox.Config) {
			c.Observe = func(_ outbox.Line, o outbox.Outcome) { outcomes = append(outcomes, o) }
		})
		c.answers(func(e received, w http.ResponseWriter) {
			if e.Data.Old == "g" {
				w.WriteHeader(http.StatusGone)
			}
		})
		f.retire("g", "w", "w", "y")
		for range 200 {
			drain(t, r, target)
			f.clock.advance(30 * time.Minute)
		}
		c.want("w")
		dead, err := f.Dead(t.Context(), target.Line, 0, 10)
		if err != nil || len(dead) != 1 || dead[0].Old != "g" || dead[0].New != "y" || dead[0].Error != "status_410" || dead[0].Tries < 80 {
			t.Fatalf("the dead letters are %+v, %v", dead, err)
		}
		if s := f.status(target.Line); s.Dead != 1 || s.Waiting != 0 || !s.Oldest.IsZero() {
			t.Errorf("the line stands at %+v", s)
		}
		if n := count(outcomes, outbox.Died); n != 1 || count(outcomes, outbox.Delivered) != 1 || count(outcomes, outbox.Failed) != int(dead[0].Tries) {
			t.Errorf("the outcomes are %v", outcomes)
		}
		c.answers(nil)
		drain(t, r, target)
		c.want("w")
		if n, err := f.Replay(t.Context(), target.Line, []string{"nosuch"}, f.clock.time()); n != 0 || err != nil {
			t.Errorf("replaying what isn't there: %d, %v", n, err)
		}
		if n, err := f.Replay(t.Context(), target.Line, []string{"g.first"}, f.clock.time()); n != 1 || err != nil {
			t.Errorf("replaying one: %d, %v", n, err)
		}
		drain(t, r, target)
		c.want("w", "g")
	})
	t.Run("a consumer that is gone for days loses the first events to the dead letters, and all can be replayed", func(t *testing.T) {
		t.Parallel()
		f, c, r, target := one(t, on)
		c.says(http.StatusBadGateway)
		var all []string
		for i := range 40 {
			all = append(all, fmt.Sprint("a", i))
			f.retire(all[i], fmt.Sprint("b", i))
		}
		for range 200 {
			drain(t, r, target)
			f.clock.advance(30 * time.Minute)
		}
		s := f.status(target.Line)
		if s.Dead == 0 || s.Dead > 24 || s.Behind == 0 {
			t.Errorf("after 100 hours the line stands at %+v", s)
		}
		drain(t, r, target)
		s = f.status(target.Line)
		if !s.Next.After(f.clock.time()) {
			t.Error("the line is not left alone")
		}
		c.answers(nil)
		n, err := f.Replay(t.Context(), target.Line, nil, f.clock.time())
		if err != nil || int64(n) != s.Dead {
			t.Errorf("replaying all: %d, %v", n, err)
		}
		drain(t, r, target) // at once: a replay ends the waiting
		c.wantAll(all...)
		if s := f.status(target.Line); s.Dead != 0 || s.Behind != 0 || s.Waiting != 0 {
			t.Errorf("the line stands at %+v", s)
		}
	})
}

func count(all []outbox.Outcome, one outbox.Outcome) (n int) {
	for _, o := range all {
		if o == one {
			n++
		}
	}
	return n
}
