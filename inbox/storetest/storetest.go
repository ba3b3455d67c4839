package storetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// Run tests a store. open returns an empty one, second another one on the same facts, as
// another node has.
func Run(t *testing.T, open func(*testing.T) inbox.Store, second func(*testing.T, inbox.Store) inbox.Store) {
	for name, test := range map[string]func(*testing.T, inbox.Store){
		"a push is queued once":                                                             once,
		"what is taken is what was put":                                                     whole,
		"of a visitor only what came first is handed out":                                   inOrder,
		"a failure has the visitor wait, and nobody else":                                   waiting,
		"a line that can't be reached rests, and no other":                                  resting,
		"targets share nothing":                                                             targets,
		"a dead letter stops nobody, is seen, and comes back when asked for":                dead,
		"a replayed letter doesn't overtake":                                                replayed,
		"what was handed on past the queue isn't handed out":                                finished,
		"what is over is swept, what waits is kept, what is too old goes, too":              swept,
		"a visitor is forgotten with all but the word that he is to be, and nobody else is": forgotten,
		"a line says how it stands":                                                         status,
		"the log has pushes from the newest back, each with what is left to be done":        logged,
		"the log looks at no more than it was told, and says where to go on":                lookedAt,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
	t.Run("a line has one holder until the lease is over, and who lost it settles nothing", func(t *testing.T) {
		t.Parallel()
		one := open(t)
		leased(t, one, second(t, one))
	})
	t.Run("whoever takes at the same time, no push is handed out twice", func(t *testing.T) {
		t.Parallel()
		one := open(t)
		raced(t, one, second(t, one))
	})
	t.Run("of a push that comes to two nodes at once one is fresh", func(t *testing.T) {
		t.Parallel()
		one := open(t)
		twice(t, one, second(t, one))
	})
}

var (
	t0   = time.Unix(1700000000, 0).UTC()
	line = inbox.Line{AppID: "wx1", Target: inbox.Own}
)

// put queues a push about a visitor, by default for the line of the tests.
func put(t *testing.T, s inbox.Store, key, openID string, targets ...inbox.Delivery) bool {
	t.Helper()
	if targets == nil {
		targets = []inbox.Delivery{{Target: line.Target, Next: t0}}
	}
	fresh, err := s.PutPush(t.Context(), inbox.Push{AppID: "wx1", Key: key, OpenID: openID, Kind: "text", At: t0, Came: t0, Sealed: []byte(key)}, targets)
	if err != nil {
		t.Fatal(err)
	}
	return fresh
}

// take takes a line, and returns the keys of what is due.
func take(t *testing.T, s inbox.Store, l inbox.Line, now time.Time) ([]inbox.Task, string) {
	t.Helper()
	due, ok, err := s.TakePushes(t.Context(), l, "me", now, now.Add(time.Minute), 10)
	if err != nil || !ok {
		t.Fatalf("took %v, %v", ok, err)
	}
	return due, keysOf(due)
}

func keysOf(due []inbox.Task) (keys string) {
	for _, d := range due {
		keys += d.Key + " "
	}
	return keys
}

func settle(t *testing.T, s inbox.Store, l inbox.Line, settled inbox.Settlement) time.Time {
	t.Helper()
	next, err := s.SettlePushes(t.Context(), l, "me", settled)
	if err != nil {
		t.Fatal(err)
	}
	return next
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

// due are the lines that are due, in any order.
func due(t *testing.T, s inbox.Store, now time.Time) map[inbox.Line]bool {
	t.Helper()
	lines, err := s.DueLines(t.Context(), now, 100)
	if err != nil {
		t.Fatal(err)
	}
	set := map[inbox.Line]bool{}
	for _, l := range lines {
		set[l] = true
	}
	return set
}

func once(t *testing.T, s inbox.Store) {
	want(t, put(t, s, "a", "o1"), true)
	want(t, put(t, s, "a", "o1"), false)
	want(t, put(t, s, "b", "o1"), true)
	fresh, err := s.PutPush(t.Context(), inbox.Push{AppID: "wx2", Key: "a", Sealed: []byte{}, At: t0, Came: t0}, nil)
	want(t, err, nil)
	want(t, fresh, true) // another account's
	tasks, _ := take(t, s, line, t0)
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}})
	want(t, put(t, s, "a", "o1"), false) // although it is done
}

func whole(t *testing.T, s inbox.Store) {
	p := inbox.Push{AppID: "wx1", Key: "k", OpenID: "o1", Kind: "event:scan", At: t0, Came: t0.Add(time.Second + time.Microsecond), Sealed: []byte{0, 1, 255}}
	if _, err := s.PutPush(t.Context(), p, []inbox.Delivery{{Target: "crm", Next: t0}}); err != nil {
		t.Fatal(err)
	}
	l := inbox.Line{AppID: "wx1", Target: "crm"}
	tasks, _ := take(t, s, l, t0)
	if len(tasks) != 1 {
		t.Fatalf("got %+v", tasks)
	}
	got := tasks[0]
	want(t, string(got.Sealed), string(p.Sealed))
	want(t, got.Target+got.AppID+got.Key+got.OpenID+got.Kind, "crmwx1ko1event:scan")
	want(t, got.At, p.At)
	want(t, got.Came, p.Came)
	want(t, got.Next, t0)
	want(t, got.Since.IsZero() && got.Tries == 0 && !got.Dead, true)
}

func inOrder(t *testing.T, s inbox.Store) {
	put(t, s, "a1", "o1")
	put(t, s, "b1", "o2")
	put(t, s, "a2", "o1")
	tasks, keys := take(t, s, line, t0)
	want(t, keys, "a1 b1 ")
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq, tasks[1].Seq}})
	_, keys = take(t, s, line, t0)
	want(t, keys, "a2 ")
}

func waiting(t *testing.T, s inbox.Store) {
	put(t, s, "a1", "o1")
	put(t, s, "a2", "o1")
	tasks, _ := take(t, s, line, t0)
	tasks[0].Tries, tasks[0].Since, tasks[0].Next, tasks[0].Error = 1, t0, t0.Add(time.Hour), "status_500"
	next := settle(t, s, line, inbox.Settlement{Failed: tasks})
	want(t, next, t0.Add(time.Hour))
	put(t, s, "a3", "o1")
	put(t, s, "b1", "o2")
	want(t, due(t, s, t0)[line], true)
	tasks, keys := take(t, s, line, t0)
	want(t, keys, "b1 ")
	next = settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}})
	want(t, next, t0.Add(time.Hour)) // a3 waits with a1, and the line for both
	want(t, len(due(t, s, t0.Add(time.Hour-time.Microsecond))), 0)
	tasks, keys = take(t, s, line, t0.Add(time.Hour))
	want(t, keys, "a1 ")
	want(t, tasks[0].Tries, 1)
	want(t, tasks[0].Since, t0)
	want(t, tasks[0].Error, "status_500")
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}})
	tasks, keys = take(t, s, line, t0.Add(time.Hour))
	want(t, keys, "a2 ")
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}})
	tasks, keys = take(t, s, line, t0.Add(time.Hour))
	want(t, keys, "a3 ")
	want(t, settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}}).IsZero(), true)
}

func resting(t *testing.T, s inbox.Store) {
	crm := inbox.Line{AppID: "wx1", Target: "crm"}
	both := []inbox.Delivery{{Target: line.Target, Next: t0}, {Target: "crm", Next: t0}}
	put(t, s, "a", "o1", both...)
	tasks, _ := take(t, s, crm, t0)
	want(t, tasks[0].LineTries, 0)
	settle(t, s, crm, inbox.Settlement{Failed: tasks, Tries: 1, Next: t0.Add(time.Minute), Error: "timeout"})
	put(t, s, "b", "o2", both...)
	want(t, due(t, s, t0)[crm], false)
	want(t, due(t, s, t0)[line], true)
	want(t, due(t, s, t0.Add(time.Minute))[crm], true)
	tasks, keys := take(t, s, crm, t0.Add(time.Minute))
	want(t, keys, "a b ")
	want(t, tasks[1].LineTries, 1)
	settle(t, s, crm, inbox.Settlement{Done: []int64{tasks[0].Seq, tasks[1].Seq}})
	put(t, s, "c", "o2", both...)
	want(t, due(t, s, t0)[crm], true) // it is reached again
}

func targets(t *testing.T, s inbox.Store) {
	put(t, s, "a", "o1", inbox.Delivery{Target: inbox.Own, Next: t0}, inbox.Delivery{Target: "crm", Next: t0.Add(time.Second)}, inbox.Delivery{Target: "crm", Next: t0.Add(time.Second)})
	want(t, len(due(t, s, t0)), 1)
	want(t, len(due(t, s, t0.Add(time.Second))), 2)
	tasks, _ := take(t, s, line, t0)
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}})
	want(t, len(due(t, s, t0.Add(time.Second))), 1)
	_, keys := take(t, s, inbox.Line{AppID: "wx1", Target: "crm"}, t0.Add(time.Second))
	want(t, keys, "a ")
}

func leased(t *testing.T, s, other inbox.Store) {
	put(t, s, "a", "o1")
	tasks, _ := take(t, s, line, t0)
	ctx := t.Context()
	want(t, len(due(t, other, t0.Add(time.Minute-time.Microsecond))), 0)
	_, ok, err := other.TakePushes(ctx, line, "other", t0.Add(time.Second), t0.Add(time.Hour), 10)
	want(t, err, nil)
	want(t, ok, false)
	want(t, due(t, other, t0.Add(time.Minute))[line], true)
	again, ok, err := other.TakePushes(ctx, line, "other", t0.Add(time.Minute), t0.Add(time.Hour), 10)
	want(t, err, nil)
	want(t, ok, true)
	want(t, keysOf(again), "a ")
	if _, err := s.SettlePushes(ctx, line, "me", inbox.Settlement{Done: []int64{tasks[0].Seq}}); !errors.Is(err, inbox.ErrLeaseLost) {
		t.Errorf("got error %v, want ErrLeaseLost", err)
	}
	if _, err := other.SettlePushes(ctx, line, "other", inbox.Settlement{}); err != nil {
		t.Error(err)
	}
	_, keys := take(t, s, line, t0.Add(2*time.Minute))
	want(t, keys, "a ") // what was settled by nobody is still there
	_, ok, err = s.TakePushes(ctx, inbox.Line{AppID: "wx9"}, "me", t0, t0, 10)
	want(t, err, nil)
	want(t, ok, false) // nobody has ever heard of that line
}

// raced has four takers on two nodes take what is about twenty visitors.
func raced(t *testing.T, s, other inbox.Store) {
	const pushes = 200
	for i := range pushes {
		put(t, s, fmt.Sprint("k", i), fmt.Sprint("o", i%20))
	}
	var mu sync.Mutex
	last, done := map[string]int64{}, map[string]int{}
	var all sync.WaitGroup
	for taker := range 4 {
		store, holder := s, fmt.Sprint("taker", taker)
		if taker%2 == 1 {
			store = other
		}
		all.Go(func() {
			for {
				mu.Lock()
				finished := len(done) == pushes
				mu.Unlock()
				if finished || t.Failed() {
					return
				}
				tasks, ok, err := store.TakePushes(t.Context(), line, holder, t0, t0.Add(time.Minute), 7)
				if err != nil {
					t.Error(err)
					return
				}
				if !ok {
					continue
				}
				var seqs []int64
				mu.Lock()
				for _, k := range tasks {
					if last[k.OpenID] >= k.Seq {
						t.Errorf("%s of %s comes after a later one", k.Key, k.OpenID)
					}
					last[k.OpenID] = k.Seq
					done[k.Key]++
					seqs = append(seqs, k.Seq)
				}
				mu.Unlock()
				if _, err := store.SettlePushes(t.Context(), line, holder, inbox.Settlement{Done: seqs}); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	for key, n := range done {
		if n != 1 {
			t.Errorf("%s was handed out %d times", key, n)
		}
	}
}
