package storetest

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// What becomes of pushes that aren't handed on, or are no longer needed.

// die has a push of a visitor become a dead letter.
func die(t *testing.T, s inbox.Store, key, openID string) inbox.Task {
	t.Helper()
	put(t, s, key, openID)
	tasks, _ := take(t, s, line, t0)
	for _, k := range tasks {
		if k.Key == key {
			k.Tries, k.Since, k.Next, k.Error, k.Dead = 9, t0, t0.Add(time.Hour), "status_500", true
			settle(t, s, line, inbox.Settlement{Failed: []inbox.Task{k}})
			return k
		}
	}
	t.Fatalf("%s isn't due", key)
	return inbox.Task{}
}

func letters(t *testing.T, s inbox.Store, after int64, limit int) []inbox.Task {
	t.Helper()
	list, err := s.DeadPushes(t.Context(), line, after, limit)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func replay(t *testing.T, s inbox.Store, now time.Time, keys ...string) int {
	t.Helper()
	n, err := s.ReplayPushes(t.Context(), line, keys, now)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func dead(t *testing.T, s inbox.Store) {
	first := die(t, s, "a1", "o1")
	die(t, s, "b1", "o2")
	put(t, s, "a2", "o1")
	_, keys := take(t, s, line, t0)
	want(t, keys, "a2 ")
	settle(t, s, line, inbox.Settlement{})
	list := letters(t, s, 0, 10)
	want(t, keysOf(list), "a1 b1 ")
	want(t, list[0].Tries, 9)
	want(t, list[0].Error, "status_500")
	want(t, string(list[0].Sealed), "a1")
	want(t, keysOf(letters(t, s, first.Seq, 10)), "b1 ")
	want(t, keysOf(letters(t, s, 0, 1)), "a1 ")
	want(t, replay(t, s, t0, "b1", "nothing", "a2"), 1)
	tasks, keys := take(t, s, line, t0)
	want(t, keys, "b1 a2 ")
	want(t, tasks[0].Tries, 0)
	want(t, tasks[0].Since.IsZero(), true)
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq, tasks[1].Seq}})
	want(t, replay(t, s, t0), 1)
	want(t, due(t, s, t0)[line], true)
	_, keys = take(t, s, line, t0)
	want(t, keys, "a1 ")
}

func replayed(t *testing.T, s inbox.Store) {
	die(t, s, "a1", "o1")
	die(t, s, "a2", "o1")
	put(t, s, "a3", "o1")
	want(t, replay(t, s, t0, "a2"), 1)
	tasks, keys := take(t, s, line, t0)
	want(t, keys, "a2 ")
	later := t0.Add(time.Hour)
	tasks[0].Tries, tasks[0].Next = 1, later
	settle(t, s, line, inbox.Settlement{Failed: tasks})
	want(t, replay(t, s, t0), 1) // a1 comes before what waits, and waits with it
	_, keys = take(t, s, line, t0)
	want(t, keys, "")
	want(t, settle(t, s, line, inbox.Settlement{}), later)
	_, keys = take(t, s, line, later)
	want(t, keys, "a1 ")
}

func finished(t *testing.T, s inbox.Store) {
	put(t, s, "a", "o1", inbox.Delivery{Target: line.Target, Next: t0}, inbox.Delivery{Target: "crm", Next: t0})
	if err := s.FinishPush(t.Context(), inbox.Line{AppID: "wx1", Target: "crm"}, "a"); err != nil {
		t.Fatal(err)
	}
	_, keys := take(t, s, inbox.Line{AppID: "wx1", Target: "crm"}, t0)
	want(t, keys, "")
	_, keys = take(t, s, line, t0)
	want(t, keys, "a ")
	want(t, put(t, s, "a", "o1"), false)
}

func swept(t *testing.T, s inbox.Store) {
	at := func(key string, came time.Time, targets ...inbox.Delivery) {
		if _, err := s.PutPush(t.Context(), inbox.Push{AppID: "wx1", Key: key, Kind: "text", At: came, Came: came, Sealed: []byte{}}, targets); err != nil {
			t.Fatal(err)
		}
	}
	waits := inbox.Delivery{Target: line.Target, Next: t0}
	day := 24 * time.Hour
	at("ancient", t0.Add(-20*day), waits)
	at("waits", t0.Add(-5*day), waits)
	at("done1", t0.Add(-5*day))
	at("done2", t0.Add(-4*day))
	at("young", t0.Add(-2*day))
	var rounds int
	for from := (time.Time{}); rounds == 0 || !from.IsZero(); rounds++ {
		var err error
		if from, err = s.SweepPushes(t.Context(), from, t0.Add(-3*day), t0.Add(-14*day), 2); err != nil || rounds > 9 {
			t.Fatalf("after %d rounds: %v", rounds, err)
		}
	}
	want(t, rounds, 2)
	_, keys := take(t, s, line, t0)
	want(t, keys, "waits ")
	for key, fresh := range map[string]bool{"ancient": true, "waits": false, "done1": true, "done2": true, "young": false} {
		if got := put(t, s, key, ""); got != fresh {
			t.Errorf("%s is fresh: %v", key, got)
		}
	}
}

func forgotten(t *testing.T, s inbox.Store) {
	put(t, s, "a", "o1", inbox.Delivery{Target: line.Target, Next: t0}, inbox.Delivery{Target: "crm", Next: t0})
	die(t, s, "a2", "o3")
	put(t, s, "b", "o2")
	for _, kind := range []string{"user_info_modified", "user_authorization_revoke", "user_authorization_cancellation"} {
		if _, err := s.PutPush(t.Context(), inbox.Push{AppID: "wx1", Key: kind, OpenID: "o1", Kind: "event:" + kind, At: t0, Came: t0, Sealed: []byte{}},
			[]inbox.Delivery{{Target: kind, Next: t0}}); err != nil {
			t.Fatal(err)
		}
	}
	for _, openID := range []string{"o1", "o3", "o9"} {
		if err := s.ForgetPushes(t.Context(), "wx1", openID); err != nil {
			t.Fatal(err)
		}
	}
	_, keys := take(t, s, line, t0)
	want(t, keys, "b ")
	_, keys = take(t, s, inbox.Line{AppID: "wx1", Target: "crm"}, t0)
	want(t, keys, "")
	want(t, len(letters(t, s, 0, 10)), 0)
	for _, kind := range []string{"user_info_modified", "user_authorization_revoke", "user_authorization_cancellation"} {
		_, keys = take(t, s, inbox.Line{AppID: "wx1", Target: kind}, t0)
		want(t, keys, kind+" ") // whoever else knows something of him has to hear it
	}
}

func status(t *testing.T, s inbox.Store) {
	die(t, s, "a", "o1")
	put(t, s, "b", "o2", inbox.Delivery{Target: line.Target, Next: t0}, inbox.Delivery{Target: "crm", Next: t0})
	crm := inbox.Line{AppID: "wx1", Target: "crm"}
	tasks, _ := take(t, s, crm, t0)
	settle(t, s, crm, inbox.Settlement{Failed: tasks, Tries: 3, Next: t0.Add(time.Minute), Error: "timeout"})
	lines, err := s.PushLines(t.Context(), "wx1")
	if err != nil || len(lines) != 2 {
		t.Fatalf("got %+v, %v", lines, err)
	}
	want(t, lines[0], inbox.LineStatus{Line: line, Waiting: 1, Dead: 1, Oldest: t0})
	want(t, lines[1], inbox.LineStatus{Line: crm, Waiting: 1, Oldest: t0, Tries: 3, Next: t0.Add(time.Minute), Error: "timeout"})
	lines, err = s.PushLines(t.Context(), "wx9")
	want(t, err, nil)
	want(t, len(lines), 0)
}
