package job_test

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
)

// onBoth runs a test on each engine, with the place of an empty database.
func onBoth(t *testing.T, test func(t *testing.T, place string)) {
	t.Helper()
	for engine, fresh := range map[string]func(testing.TB) string{
		"sqlite":   freshtest.SQLite,
		"postgres": freshtest.Postgres,
	} {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, fresh(t))
		})
	}
}

func open(ctx context.Context, place string) (*sqlstore.Store, error) {
	if strings.HasPrefix(place, "postgres://") {
		return sqlstore.OpenPostgres(ctx, place, sqlstore.Options{})
	}
	return sqlstore.OpenSQLite(ctx, place, sqlstore.Options{})
}

func openAt(t testing.TB, place string) *sqlstore.Store {
	t.Helper()
	s, err := open(t.Context(), place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// clock is set by hand.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func newClock() *clock {
	return &clock{at: time.Date(2026, 5, 1, 20, 30, 0, 0, time.FixedZone("CST", 8*60*60))}
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

// desk is a runner on a store, with a clock, and hears of its jobs.
type desk struct {
	*job.Runner
	*clock
	store  job.Store
	shared *cluster.Memory
	states chan job.Job
	taken  chan time.Time // if it is watched
}

// serial makes ids, of which no two are the same.
var serial atomic.Int64

// unlike fills in what it never has before, but not with much.
func unlike(b []byte) {
	clear(b)
	n := serial.Add(1)
	b[len(b)-1], b[len(b)-2] = byte(n), byte(n>>8)
}

// newDesk makes a runner that runs until the test ends.
func newDesk(t *testing.T, store job.Store, kinds map[string]job.Work, edits ...func(*job.Config)) *desk {
	t.Helper()
	d := stillDesk(store, kinds, newClock(), edits...)
	d.run(t)
	return d
}

// stillDesk makes a runner that doesn't run yet.
func stillDesk(store job.Store, kinds map[string]job.Work, c *clock, edits ...func(*job.Config)) *desk {
	d := &desk{clock: c, store: store, shared: cluster.NewMemory(c.Now), states: make(chan job.Job, 10_000)}
	cfg := job.Config{
		Store: store, Shared: d.shared, Kinds: kinds, Holder: "first", Now: c.Now,
		Random:  unlike,
		Observe: func(j job.Job) { d.states <- j },
		Every:   time.Hour, // the tests wake it
	}
	for _, edit := range edits {
		edit(&cfg)
	}
	d.Runner = job.NewRunner(cfg)
	return d
}

// watched makes the runner tell when it looks for jobs. What it returns has it look, and
// waits until it has decided what to take on. To be called before run.
func (d *desk) watched() (look func()) {
	looks := make(chan struct{})
	d.taken = make(chan time.Time, 100)
	d.Runner.Store = watchedStore{d.store, looks, d.taken}
	return func() {
		for range 2 { // the second begins when the first is over
			for more := true; more; {
				d.Wake()
				select {
				case <-looks:
					more = false
				case <-time.After(time.Millisecond):
				}
			}
		}
	}
}

// watchedStore tells of each look at it.
type watchedStore struct {
	job.Store
	looks chan struct{}
	taken chan time.Time // when jobs were to be taken
}

func (s watchedStore) TakeJob(ctx context.Context, id, node string, now time.Time) (job.Job, error) {
	s.taken <- now
	return s.Store.TakeJob(ctx, id, node, now)
}

func (s watchedStore) DueJobs(ctx context.Context, now time.Time, limit int) ([]job.Job, error) {
	select {
	case s.looks <- struct{}{}:
	default: // nobody wants to know
	}
	return s.Store.DueJobs(ctx, now, limit)
}

// run runs until the test ends, or what it returns is called.
func (d *desk) run(t *testing.T) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); d.Run(ctx) }()
	stop = func() { cancel(); <-done }
	t.Cleanup(stop)
	return stop
}

// start queues a job.
func (d *desk) start(t *testing.T, kind string, params map[string]string) job.Job {
	t.Helper()
	j, err := d.Start(t.Context(), kind, appID, params, "command:test")
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// until waits until a job has got into a state, and returns it as it is kept.
func (d *desk) until(t *testing.T, id string, state job.State) job.Job {
	t.Helper()
	patience := time.After(time.Minute)
	for {
		select {
		case j := <-d.states:
			if j.ID == id && j.State == state {
				return d.get(t, id)
			}
			if j.ID == id && j.State.Ended() {
				t.Fatalf("the job is %s, want %s: %s %s", j.State, state, j.Why, j.Error)
			}
		case <-patience:
			t.Fatalf("the job is not %s in time: %+v", state, d.get(t, id))
		}
	}
}

func (d *desk) get(t *testing.T, id string) job.Job {
	t.Helper()
	j, err := d.Get(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// wakeAfter lets time go by, and has the runner look.
func (d *desk) wakeAfter(pause time.Duration) {
	d.advance(pause)
	d.Wake()
}

// counting is a work that counts to n, a step at a time, and hears each time it is called.
func counting(n int64, each func(ctx context.Context, i int64) error) job.Work {
	return job.Work{Do: func(ctx context.Context, j job.Job, save job.Save) error {
		var at int64
		if j.Cursor != "" {
			at, _ = strconv.ParseInt(j.Cursor, 10, 64)
		}
		for ; at < n; at++ {
			if err := each(ctx, at); err != nil {
				return err
			}
			if err := save(ctx, job.Progress{Cursor: strconv.FormatInt(at+1, 10), Done: at + 1, Total: n}); err != nil {
				return err
			}
		}
		return nil
	}}
}

const appID = "wx0123456789abcdef"

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}
