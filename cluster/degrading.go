package cluster

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// ErrAway says that the shared state is away, and that a node alone can't decide what was
// asked: that would be a guess at what the others do.
var ErrAway = errors.New("the shared state is away")

const (
	// probeEvery is how often a Redis that is away is tried.
	probeEvery = time.Second
	// maxProbe is how rarely it is at most, if it goes away again and again.
	maxProbe = 16 * time.Second
	// maxOwed bounds the keys that are noted during an outage.
	maxOwed = 10_000
)

// Degrading is the [Shared] of a node that has a [Redis], and goes on without it.
//
// The first call that finds the Redis slow, gone, full, read-only, starting or denied
// pays for it with its time-out, as do others that wait already; from then on calls don't go there until a
// check, once a second, has passed. Meanwhile values and limits are in a [Memory] of this
// node, empty at first and forgotten at the end. Lease, PutFenced and Publish are
// [ErrAway], and a listener hears nil when it listens again.
//
// So during an outage each node counts for itself, and what must be used once is used
// once on each: PutNew is weaker then. A value that was put before isn't found; it is
// there again afterwards, unless this node has put or deleted its key meanwhile.
type Degrading struct {
	redis   *Redis
	now     func() time.Time
	log     *slog.Logger
	observe func(up bool, reason string)
	every   time.Duration // between probes

	away      atomic.Pointer[outage] // nil while the Redis is there
	fallbacks atomic.Uint64

	mu     sync.Mutex // guards what follows, and the change of away
	back   time.Time  // when the last outage ended
	pause  time.Duration
	closed bool
	life   context.Context
	stop   context.CancelFunc
	work   sync.WaitGroup
}

// outage is what a node has while the Redis is away.
type outage struct {
	*Memory
	mu   sync.Mutex
	owed map[string]struct{} // keys whose values in the Redis are out of date; nil at the end
}

// NewDegrading makes one, which begins without the Redis if that wasn't there when it was
// opened. now is the clock, log hears when an outage begins and ends, and observe, which
// may be nil, hears the same with the reason in one word: slow, unreachable, full,
// read_only, starting, busy, cluster, denied or refused.
func NewDegrading(r *Redis, now func() time.Time, log *slog.Logger, observe func(up bool, reason string)) *Degrading {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if observe == nil {
		observe = func(bool, string) {}
	}
	d := &Degrading{redis: r, now: now, log: log, observe: observe, every: probeEvery}
	d.life, d.stop = context.WithCancel(context.Background())
	if !r.admitted.Load() {
		d.leave(r.missed, cmp.Or(trouble(r.missed), "unreachable"))
	}
	return d
}

// Close ends its look-out. The Redis stays open.
func (d *Degrading) Close() {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.stop()
	d.work.Wait()
}

// Up says whether the Redis is used.
func (d *Degrading) Up() bool { return d.away.Load() == nil }

// Fallbacks is how many calls were answered by this node alone until now, or refused.
func (d *Degrading) Fallbacks() uint64 { return d.fallbacks.Load() }

// leave begins an outage, if there is none, and returns it.
func (d *Degrading) leave(err error, reason string) *outage {
	d.mu.Lock()
	defer d.mu.Unlock()
	if o := d.away.Load(); o != nil {
		return o
	}
	o := &outage{Memory: NewMemory(d.now), owed: map[string]struct{}{}}
	d.away.Store(o)
	if d.pause *= 2; d.pause == 0 || d.now().Sub(d.back) > maxProbe {
		d.pause = d.every
	}
	d.pause = min(d.pause, max(d.every, maxProbe))
	d.log.Error("Redis is away: this node goes on by itself", "reason", reason, "error", err)
	d.observe(false, reason)
	if !d.closed {
		pause := d.pause
		d.work.Go(func() { d.probe(o, reason, pause) })
	}
	return o
}

// probe tries the Redis until it is there again.
func (d *Degrading) probe(o *outage, reason string, pause time.Duration) {
	ticker := time.NewTicker(pause)
	defer ticker.Stop()
	for {
		select {
		case <-d.life.Done():
			return
		case <-ticker.C:
		}
		err := d.redis.Check(d.life)
		if err == nil {
			err = o.settle(d.life, d.redis)
		}
		if err == nil {
			d.enter()
			return
		}
		if word := trouble(err); word != reason && word != "" && d.life.Err() == nil {
			reason = word
			d.log.Error("Redis is still away", "reason", reason, "error", err)
			d.observe(false, reason)
		}
	}
}

// enter ends an outage.
func (d *Degrading) enter() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.back = d.now()
	d.away.Store(nil)
	d.log.Info("Redis is there again")
	d.observe(true, "")
}

// owe notes that what the Redis has at a key is out of date. It is false if the outage has
// ended just now: then the Redis itself can be told.
func (o *outage) owe(key string) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.owed == nil {
		return false
	}
	if len(o.owed) < maxOwed {
		o.owed[key] = struct{}{}
	}
	return true
}

// settle deletes what is out of date, and ends the outage with that.
func (o *outage) settle(ctx context.Context, r *Redis) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	for key := range o.owed {
		if err := r.Delete(ctx, key); err != nil {
			return err
		}
		delete(o.owed, key)
	}
	o.owed = nil
	return nil
}

// on does something with the Redis, within its time-out all in all, or, if that is away,
// says what there is instead.
func (d *Degrading) on(ctx context.Context, do func(context.Context) error) (*outage, error) {
	if o := d.away.Load(); o != nil {
		d.fallbacks.Add(1)
		return o, nil
	}
	bounded, cancel := context.WithTimeout(ctx, d.redis.timeout)
	defer cancel()
	err := do(bounded)
	if err == nil {
		return nil, nil
	}
	if over := over(ctx); over != nil {
		return nil, over // a visitor who went away says nothing about the Redis
	}
	reason := trouble(err)
	if reason == "" {
		return nil, err
	}
	d.fallbacks.Add(1)
	return d.leave(err, reason), nil
}

// over is the error of a context that is over. A connection notices first when its time
// is up.
func over(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= 0 {
		return context.DeadlineExceeded
	}
	return ctx.Err()
}

var _ Shared = (*Degrading)(nil)
