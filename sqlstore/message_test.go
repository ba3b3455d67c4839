package sqlstore

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
)

var _ message.Store = (*Store)(nil) // what the outbox of messages asks of a store

// wantPlans looks how the engine answers every statement that was asked so far, with
// exceptions by their beginnings.
func wantPlans(t *testing.T, s *Store, least int, about ...string) {
	t.Helper()
	statements := map[string]bool{}
	for range cap(s.readers.idle) {
		r := <-s.readers.idle
		if r != nil {
			for q := range r.statements {
				statements[q] = true
			}
		}
		defer func() { s.readers.idle <- r }()
	}
	if err := s.writer.write(t.Context(), func(c *session) error {
		for q := range c.statements {
			statements[q] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	seen := 0
	for q := range statements {
		for _, table := range about {
			if strings.Contains(q, table) && !strings.HasPrefix(q, "DELETE FROM") {
				wantPlan(t, s, q)
				seen++
				break
			}
		}
	}
	if seen < least {
		t.Errorf("only %d statements were seen", seen)
	}
}

var aLane = message.Lane{AppID: "wx1", Kind: message.KindTemplate}

func aMessage(id string, at time.Time) message.Message {
	return message.Message{
		ID: id, Realm: "shop", User: "u", AppID: "wx1", OpenID: "o", Kind: message.KindTemplate, Template: "t", By: "k", ClientID: "c" + id,
		State: message.Queued, Made: at, Due: at, Next: at, Sealed: []byte{1},
	}
}

func TestMessages(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		t0 := time.Unix(1000, 0).UTC()
		t.Run("a message is kept as it was given", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			m := aMessage("a1", t0)
			if before, err := s.PutMessages(t.Context(), []message.Message{m}); err != nil || before[0].ID != "" {
				t.Fatalf("got %+v, %v", before, err)
			}
			got, found, err := s.Message(t.Context(), "shop", "a1")
			if err != nil || !found || fmt.Sprint(got) != fmt.Sprint(m) {
				t.Errorf("got %+v, %v, %v; want %+v", got, found, err, m)
			}
			if _, found, err := s.Message(t.Context(), "other", "a1"); found || err != nil {
				t.Errorf("another realm sees it, %v", err)
			}
		})
		t.Run("of one name only the first message is kept, also within a transaction", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			a, b, c := aMessage("a1", t0), aMessage("a2", t0), aMessage("a3", t0)
			b.ClientID, c.By, c.ClientID = a.ClientID, "k2", a.ClientID
			before, err := s.PutMessages(t.Context(), []message.Message{a, b, c})
			if err != nil || before[0].ID != "" || before[1].ID != "a1" || before[2].ID != "" {
				t.Errorf("got %+v, %v", before, err)
			}
			if _, found, _ := s.Message(t.Context(), "shop", "a2"); found {
				t.Error("the second is there")
			}
			nameless := aMessage("a4", t0)
			nameless.ClientID = ""
			again := nameless
			if _, err := s.PutMessages(t.Context(), []message.Message{nameless}); err != nil {
				t.Error(err)
			}
			if _, err := s.PutMessages(t.Context(), []message.Message{again}); err == nil {
				t.Error("two messages have one id")
			}
		})
		t.Run("what is taken is nobody else's until its time is over, and counts as attempted", func(t *testing.T) { t.Parallel(); taking(t, openAt(t, fresh(t)), t0) })
		t.Run("a store that is closed says so", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			s.Close()
			_, err := s.PutMessages(t.Context(), []message.Message{aMessage("a1", t0)})
			_, listing := s.Messages(t.Context(), message.Filter{Realm: "shop", Limit: 1})
			if !errors.Is(err, identity.ErrUnavailable) || !errors.Is(listing, identity.ErrUnavailable) {
				t.Errorf("got %v and %v", err, listing)
			}
		})
		t.Run("every statement finds its rows by an index", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			allOfMessages(t, s, t0)
			wantPlans(t, s, 22, "message")
		})
	})
}

func taking(t *testing.T, s *Store, t0 time.Time) {
	bulk, single, later := aMessage("a1", t0), aMessage("a2", t0.Add(time.Second)), aMessage("a3", t0.Add(time.Hour))
	bulk.Batch = "b"
	if _, err := s.PutMessages(t.Context(), []message.Message{bulk, single, later}); err != nil {
		t.Fatal(err)
	}
	now := t0.Add(time.Minute)
	take := func(holder string, now time.Time, limit int) (ids string) {
		t.Helper()
		taken, err := s.TakeMessages(t.Context(), aLane, holder, now, now.Add(time.Minute), limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range taken {
			ids += m.ID + " "
			if !m.Unsure.IsZero() {
				ids += "unsure "
			}
		}
		return ids
	}
	for _, x := range []struct {
		holder string
		now    time.Time
		limit  int
		want   string
	}{
		{"x", now, 1, "a2 "},
		{"y", now, 5, "a1 "},
		{"z", now, 5, ""},
		{"z", now.Add(59 * time.Second), 5, ""},
		{"z", now.Add(time.Minute), 5, "a2 unsure a1 unsure "},
	} {
		if got := take(x.holder, x.now, x.limit); got != x.want {
			t.Errorf("%s takes %q at %v, want %q", x.holder, got, x.now, x.want)
		}
	}
	if _, ours, err := s.SettleMessage(t.Context(), bulk, "y"); ours || err != nil {
		t.Errorf("who has lost a message settled it, %v", err)
	}
	bulk.Next, bulk.Unsure = now, time.Time{}
	if _, ours, err := s.SettleMessage(t.Context(), bulk, "z"); !ours || err != nil {
		t.Errorf("who has a message didn't settle it, %v", err)
	}
	if err := s.PauseLane(t.Context(), message.Pause{Lane: aLane, Until: now.Add(time.Hour)}, now); err != nil {
		t.Fatal(err)
	}
	if got := take("x", now.Add(time.Second), 5); got != "" {
		t.Errorf("of an account that is left alone %q is taken", got)
	}
	lanes, err := s.DueLanes(t.Context(), now.Add(time.Second), 10)
	if err != nil || len(lanes) != 0 {
		t.Errorf("due are %v, %v", lanes, err)
	}
	if err := s.ResumeLanes(t.Context(), "wx1"); err != nil {
		t.Fatal(err)
	}
	if lanes, err := s.DueLanes(t.Context(), now.Add(time.Second), 10); err != nil || len(lanes) != 1 {
		t.Errorf("due are %v, %v", lanes, err)
	}
	if got := take("x", now.Add(time.Second), 5); got != "a1 " {
		t.Errorf("then %q is taken", got)
	}
}

// allOfMessages calls every method, so that it asks all that it can ask.
func allOfMessages(t *testing.T, s *Store, t0 time.Time) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	_, err := s.PutMessages(ctx, []message.Message{aMessage("a1", t0), aMessage("a2", t0)})
	must(err)
	_, err = s.PutMessages(ctx, []message.Message{aMessage("a1", t0)})
	must(err)
	_, err = s.DueLanes(ctx, t0, 1)
	must(err)
	if n, err := s.DueMessages(ctx, aLane, t0, 5); n != 2 || err != nil {
		t.Errorf("%d are due, %v", n, err)
	}
	taken, err := s.TakeMessages(ctx, aLane, "x", t0, t0.Add(time.Minute), 1)
	must(err)
	_, _, err = s.FinishMessage(ctx, "wx1", 7, "success", t0)
	must(err)
	sent := taken[0]
	sent.State, sent.MsgID, sent.Ended = message.Sent, 7, t0
	settled, ours, err := s.SettleMessage(ctx, sent, "x")
	must(err)
	if queued, err := s.QueuedMessages(ctx, aLane.AppID); err != nil || len(queued) != 1 || queued[aLane] != 1 {
		t.Errorf("queued are %v, %v", queued, err)
	}
	if !ours || settled.State != message.Delivered {
		t.Errorf("it is settled as %+v", settled)
	}
	noResultsLeft(t, s)
	_, _, err = s.FinishMessage(ctx, "wx1", 7, "success", t0)
	must(err)
	for i := range 32 {
		f := message.Filter{Realm: "shop", Limit: 1}
		for bit, set := range []func(){func() { f.State = message.Queued }, func() { f.AppID = "wx1" }, func() { f.User = "u" }, func() { f.Batch = "b" }, func() { f.Kind = message.KindTemplate }} {
			if i>>bit&1 == 1 {
				set()
			}
		}
		_, err = s.Messages(ctx, f)
		must(err)
	}
	_, err = s.CountMessages(ctx, "shop", "b", "key:1")
	must(err)
	_, _, err = s.ChangeMessage(ctx, "shop", "a1", t0, func(*message.Message, bool) error { return nil })
	must(err)
	must(s.PauseLane(ctx, message.Pause{Lane: aLane}, t0))
	_, err = s.Pauses(ctx, t0)
	must(err)
	must(s.ResumeLanes(ctx, "wx1"))
	_, err = s.SweepMessages(ctx, t0, t0, t0, 1)
	must(err)
	allOfErasing(t, s, t0)
	allOfTemplates(t, s, t0)
}

func noResultsLeft(t *testing.T, s *Store) {
	t.Helper()
	var left int
	if err := s.read.QueryRow("SELECT COUNT(*) FROM message_result").Scan(&left); err != nil || left != 0 {
		t.Errorf("%d results are left over, %v", left, err)
	}
}

// allOfErasing takes away what is about a person: all of it, or what went to an openid.
func allOfErasing(t *testing.T, s *Store, t0 time.Time) {
	t.Helper()
	ctx := t.Context()
	elsewhere := aMessage("e1", t0)
	elsewhere.OpenID = "another"
	if _, err := s.PutMessages(ctx, []message.Message{aMessage("e0", t0), elsewhere}); err != nil {
		t.Fatal(err)
	}
	if n, err := s.EraseMessagesAt(ctx, elsewhere.Realm, elsewhere.User, elsewhere.AppID, elsewhere.OpenID); n != 1 || err != nil {
		t.Errorf("%d messages at an openid were erased, %v", n, err)
	}
	if _, found, err := s.Message(ctx, elsewhere.Realm, "e0"); !found || err != nil {
		t.Errorf("one at another openid went too, %v", err)
	}
	if _, err := s.EraseMessages(ctx, "shop", "u"); err != nil {
		t.Fatal(err)
	}
}

func allOfTemplates(t *testing.T, s *Store, t0 time.Time) {
	t.Helper()
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(s.PutTemplates(ctx, "wx1", []message.Template{{ID: "t"}}, t0))
	_, err := s.ApproveValues(ctx, "wx1", "t", "const1", []string{"a"})
	must(err)
	_, _, err = s.Templates(ctx, "wx1")
	must(err)
	_, err = s.TemplateOf(ctx, "t", []string{"wx1"})
	must(err)
}
