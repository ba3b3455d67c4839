package job

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// Leases are what a runner needs of cluster.Shared: at most one runner works on a job.
type Leases interface {
	Lease(ctx context.Context, name, holder string, life time.Duration) (fence int64, ok bool, err error)
	Release(ctx context.Context, name, holder string) error
}

// Config is what a [Runner] needs. Store, Shared, Kinds, Holder, Now and Random are
// required; everything else has a default.
type Config struct {
	Store  Store
	Shared Leases
	Kinds  map[string]Work
	// Holder names this runner among all that there are and were.
	Holder string
	// Node is what an operator calls the process; it is told of the jobs it has taken.
	Node string
	Now  func() time.Time
	// Random fills in random bytes.
	Random func([]byte)
	// Log hears of what becomes of jobs; nil discards.
	Log *slog.Logger
	// Observe hears of every change of a job's state; nil for nobody.
	Observe func(Job)

	Every      time.Duration // between looks at the store; default 2s
	Lease      time.Duration // how long a job is reserved, renewed after a third of it; default 30s
	Parallel   int           // jobs at once; default 4
	Backoff    time.Duration // after a failure, then twice as long each time; default 30s
	MaxBackoff time.Duration // default 30m
	// MaxTries is how often a job fails in a row, for a reason that doesn't go away by
	// itself, before it is given up; default 8.
	MaxTries int
	// Keep is how long jobs are kept after their end; default 90 days. They are forgotten
	// when the next of their kind and account is started.
	Keep time.Duration
}

// Runner works on jobs. It is safe for concurrent use.
type Runner struct {
	Config
	wake  chan struct{}
	mu    sync.Mutex
	under map[string]bool      // ids of jobs that are worked on here
	shun  map[string]time.Time // ids of jobs that somebody else has taken from us, and until when we leave them alone
}

// NewRunner makes a runner and fills in defaults.
func NewRunner(c Config) *Runner {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Observe == nil {
		c.Observe = func(Job) {}
	}
	c.Every, c.Lease = cmp.Or(c.Every, 2*time.Second), cmp.Or(c.Lease, 30*time.Second)
	c.Backoff, c.MaxBackoff = cmp.Or(c.Backoff, 30*time.Second), cmp.Or(c.MaxBackoff, 30*time.Minute)
	c.Parallel, c.MaxTries, c.Keep = cmp.Or(c.Parallel, 4), cmp.Or(c.MaxTries, 8), cmp.Or(c.Keep, 90*24*time.Hour)
	return &Runner{Config: c, wake: make(chan struct{}, 1), under: map[string]bool{}, shun: map[string]time.Time{}}
}

// Start queues a job. [ErrBusy] means that one of the kind is under way for the account;
// a [*Refusal], that such a job makes no sense.
func (r *Runner) Start(ctx context.Context, kind, appID string, params map[string]string, by string) (Job, error) {
	work, known := r.Kinds[kind]
	if !known {
		return Job{}, &Refusal{Code: "kind_unknown", Message: fmt.Sprintf("there are no jobs of the kind %q", kind)}
	}
	now := r.now()
	j := Job{ID: r.newID(), Kind: kind, AppID: appID, Params: params, State: Queued, Started: now, Updated: now, By: by}
	if work.Check != nil {
		if err := work.Check(j); err != nil {
			return Job{}, err
		}
	}
	if err := r.Store.AddJob(ctx, j, now.Add(-r.Keep)); err != nil {
		return Job{}, err
	}
	r.Log.InfoContext(ctx, "a job was started", "job", j.ID, "kind", kind, "account", appID, "by", by)
	r.Observe(j)
	r.Wake()
	return j, nil
}

// Refusal says why a job can't be started.
type Refusal struct {
	Code    string // stable
	Message string
}

func (r *Refusal) Error() string { return r.Message }

// Cancel ends a job, wherever it is worked on: within the piece that is under way.
// [ErrUnknown] means that there is nothing to cancel.
func (r *Runner) Cancel(ctx context.Context, id string) error {
	return r.Store.CancelJob(ctx, id, r.now())
}

// Resume queues a job again that has failed or was cancelled. It goes on from its cursor.
func (r *Runner) Resume(ctx context.Context, id string) error {
	err := r.Store.ResumeJob(ctx, id, r.now())
	if err == nil {
		r.Wake()
	}
	return err
}

// Get returns a job; [ErrUnknown] if there is none.
func (r *Runner) Get(ctx context.Context, id string) (Job, error) { return r.Store.Job(ctx, id) }

// List returns at most limit jobs, the youngest first, of all accounts if appID is empty.
// before is the last of the page before, or zero.
func (r *Runner) List(ctx context.Context, appID string, before Job, limit int) ([]Job, error) {
	return r.Store.Jobs(ctx, appID, before, limit)
}

// Problems returns at most limit problems of a job with Seq > after, in order.
func (r *Runner) Problems(ctx context.Context, id string, after int64, limit int) ([]Problem, error) {
	return r.Store.JobProblems(ctx, id, after, limit)
}

// Wake has the store looked at now.
func (r *Runner) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // woken already
	}
}

// Run works on jobs until ctx ends, and returns when everything under way has stopped.
func (r *Runner) Run(ctx context.Context) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	var all sync.WaitGroup
	defer all.Wait()
	failing := false
	for {
		err := r.look(ctx, &all)
		if bad := err != nil && ctx.Err() == nil; bad != failing {
			if failing = bad; bad {
				r.Log.ErrorContext(ctx, "looking for jobs", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-r.wake:
		}
	}
}

// look takes on the jobs that are due, as many as there is room for.
func (r *Runner) look(ctx context.Context, all *sync.WaitGroup) error {
	const page = 64
	due, err := r.Store.DueJobs(ctx, r.now(), page)
	if err != nil {
		return err
	}
	for _, j := range due {
		if !r.room(j.ID) {
			continue
		}
		all.Go(func() {
			worked, err := r.takeOn(ctx, j.ID)
			// A shared state that is away says so itself, and jobs wait for it.
			if err != nil && ctx.Err() == nil && !errors.Is(err, ErrUnknown) && !errors.Is(err, cluster.ErrAway) {
				r.Log.ErrorContext(ctx, "working on a job", "job", j.ID, "kind", j.Kind, "account", j.AppID, "error", err)
			}
			if r.leave(j.ID); worked {
				r.Wake() // there is room for another
			}
		})
	}
	return nil
}

// room says whether there is room for a job, and takes it.
func (r *Runner) room(id string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if until, shunned := r.shun[id]; r.under[id] || len(r.under) >= r.Parallel || shunned && r.now().Before(until) {
		return false
	}
	delete(r.shun, id)
	r.under[id] = true
	return true
}

func (r *Runner) leave(id string) {
	r.mu.Lock()
	delete(r.under, id)
	r.mu.Unlock()
}

// avoid leaves a job alone for the life of a lease: where the shared state was lost, two
// runners would otherwise take it from each other all the time.
func (r *Runner) avoid(id string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	for old, until := range r.shun {
		if !now.Before(until) {
			delete(r.shun, old)
		}
	}
	r.shun[id] = now.Add(r.Lease)
}

func (r *Runner) now() time.Time { return r.Now().UTC().Truncate(time.Microsecond) }

func (r *Runner) newID() string {
	b := make([]byte, 12)
	r.Random(b)
	return hex.EncodeToString(b)
}
