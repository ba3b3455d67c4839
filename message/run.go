package message

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"
)

// Run sends what is due until ctx ends, and returns when every attempt under way is
// settled.
func (o *Outbox) Run(ctx context.Context) {
	var all sync.WaitGroup
	all.Go(func() { o.send(ctx) })
	all.Go(func() { o.upkeep(ctx) })
	all.Wait()
}

func (o *Outbox) send(ctx context.Context) {
	ticker := time.NewTicker(o.Every)
	defer ticker.Stop()
	var failing atomic.Bool
	r := &round{Outbox: o, busy: map[Lane]bool{}, slots: make(chan struct{}, o.Lanes), ended: func(err error) {
		if bad := err != nil && ctx.Err() == nil; failing.Swap(bad) != bad && bad {
			o.Log.ErrorContext(ctx, "sending messages", "error", err)
		}
	}}
	defer r.lanes.Wait()
	for ctx.Err() == nil {
		if err := r.begin(ctx); err != nil {
			r.ended(err)
		}
		select {
		case <-ctx.Done():
		case <-ticker.C:
		case <-o.wake:
		}
	}
}

// Step sends what is due now, as far as the accounts may send, and says whether
// anything was.
func (o *Outbox) Step(ctx context.Context) (bool, error) {
	var first atomic.Pointer[error]
	r := &round{Outbox: o, busy: map[Lane]bool{}, slots: make(chan struct{}, o.Lanes), ended: func(err error) {
		if err != nil {
			first.CompareAndSwap(nil, &err)
		}
	}}
	err := r.begin(ctx)
	r.lanes.Wait()
	if failed := first.Load(); err == nil && failed != nil {
		err = *failed
	}
	return r.taken.Load() > 0, err
}

// round serves lanes side by side, so that a slow one delays no other.
type round struct {
	*Outbox
	slots chan struct{}
	lanes sync.WaitGroup
	taken atomic.Int64
	ended func(error) // hears how each lane's turn ended

	mu   sync.Mutex
	busy map[Lane]bool // that are being served
}

// begin has every lane served that has something due and isn't being served.
func (r *round) begin(ctx context.Context) error {
	const most = 1000
	due, err := r.Store.DueLanes(ctx, r.Now(), most)
	if err != nil {
		return fmt.Errorf("looking for messages: %w", err)
	}
	for _, lane := range due {
		if !r.claim(lane, true) {
			continue
		}
		select {
		case r.slots <- struct{}{}:
		case <-ctx.Done():
			return nil
		}
		r.lanes.Go(func() {
			n, err := r.serve(ctx, lane)
			r.taken.Add(n)
			<-r.slots
			r.claim(lane, false)
			r.ended(err)
			if n > 0 { // something may have come meanwhile, or moved to another account
				r.Wake()
			}
		})
	}
	return nil
}

// claim notes that a lane is being served, or no longer. It says whether it wasn't.
func (r *round) claim(l Lane, served bool) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	was := r.busy[l]
	if r.busy[l] = served; !served {
		delete(r.busy, l)
	}
	return !was
}

// serve sends what is due in a lane, batch by batch, and says how many messages it took.
func (o *Outbox) serve(ctx context.Context, l Lane) (total int64, err error) {
	for ctx.Err() == nil {
		// The limiter takes nothing back, so it is asked for no more than there is.
		due, err := o.Store.DueMessages(ctx, l, o.Now(), o.Take)
		if err != nil {
			return total, fmt.Errorf("looking for messages: %w", err)
		}
		n := 0
		if due > 0 {
			if n, err = o.Limiter.AtMost(ctx, l.AppID, due); err != nil {
				return total, fmt.Errorf("limiting messages: %w", err)
			}
		}
		if n == 0 {
			return total, nil
		}
		now := o.Now()
		taken, err := o.Store.TakeMessages(ctx, l, o.Holder, now, now.Add(o.Lease), n)
		if err != nil {
			return total, fmt.Errorf("taking messages: %w", err)
		}
		total += int64(len(taken))
		b := &batch{Outbox: o, deadline: now.Add(o.Lease / 2)}
		b.all(ctx, taken)
		if err := b.failed.Load(); err != nil {
			return total, *err
		}
		if len(taken) == 0 || b.paused.Load() {
			return total, nil
		}
	}
	return total, nil
}

// batch is what an outbox has taken of a lane.
type batch struct {
	*Outbox
	deadline time.Time // no attempt begins after it
	paused   atomic.Bool
	failed   atomic.Pointer[error]
}

// all makes an attempt with each of the messages.
func (b *batch) all(ctx context.Context, taken []Message) {
	next := make(chan Message, len(taken))
	for _, m := range taken {
		next <- m
	}
	close(next)
	var workers sync.WaitGroup
	for range min(b.Concurrency, len(taken)) {
		workers.Go(func() {
			for m := range next {
				b.one(ctx, m)
			}
		})
	}
	workers.Wait()
}

// one makes an attempt, and settles it even if everything ends now: another one
// elsewhere would be a second attempt.
func (b *batch) one(ctx context.Context, m Message) {
	kept := context.WithoutCancel(ctx)
	if ctx.Err() != nil || b.paused.Load() || !b.Now().Before(b.deadline) {
		m.Next = b.Now() // as if it had never been taken
	} else {
		m = b.attempt(kept, m, m.Unsure)
	}
	settled, ours, err := b.Store.SettleMessage(kept, m, b.Holder)
	switch {
	case err != nil:
		err = fmt.Errorf("settling a message: %w", err)
		b.failed.CompareAndSwap(nil, &err)
	case ours:
		b.Observe(settled)
	}
}
