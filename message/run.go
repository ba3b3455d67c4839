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
	failing := false
	for {
		more, err := true, error(nil)
		for more && err == nil && ctx.Err() == nil {
			more, err = o.Step(ctx)
		}
		if bad := err != nil && ctx.Err() == nil; bad != failing {
			if failing = bad; bad {
				o.Log.ErrorContext(ctx, "sending messages", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-o.wake:
		}
	}
}

// Step sends one batch for each account that has something due, and says whether to
// look again at once.
func (o *Outbox) Step(ctx context.Context) (bool, error) {
	const most = 1000
	lanes, err := o.Store.DueLanes(ctx, o.Now(), most)
	if err != nil {
		return false, fmt.Errorf("looking for messages: %w", err)
	}
	next := make(chan string, len(lanes))
	for _, appID := range lanes {
		next <- appID
	}
	close(next)
	var more atomic.Bool
	var first atomic.Pointer[error]
	var workers sync.WaitGroup
	for range min(o.Lanes, len(lanes)) {
		workers.Go(func() {
			for appID := range next {
				if ctx.Err() != nil {
					return
				}
				again, err := o.serve(ctx, appID)
				if err != nil {
					first.CompareAndSwap(nil, &err)
				}
				if again {
					more.Store(true)
				}
			}
		})
	}
	workers.Wait()
	if err := first.Load(); err != nil {
		return false, *err
	}
	return more.Load(), nil
}

// serve sends one batch for an account, and says whether there may be another.
func (o *Outbox) serve(ctx context.Context, appID string) (bool, error) {
	n, err := o.Limiter.AtMost(ctx, appID, o.Take)
	if err != nil {
		return false, fmt.Errorf("limiting messages: %w", err)
	}
	if n == 0 {
		return false, nil
	}
	now := o.Now()
	taken, err := o.Store.TakeMessages(ctx, appID, o.Holder, now, now.Add(o.Lease), n)
	if err != nil {
		return false, fmt.Errorf("taking messages: %w", err)
	}
	b := &batch{Outbox: o, deadline: now.Add(o.Lease / 2)}
	next := make(chan Message, len(taken))
	for _, m := range taken {
		next <- m
	}
	close(next)
	var workers sync.WaitGroup
	for range min(o.Concurrency, len(taken)) {
		workers.Go(func() {
			for m := range next {
				b.one(ctx, m)
			}
		})
	}
	workers.Wait()
	if err := b.failed.Load(); err != nil {
		return false, *err
	}
	// A paused account is not looked at again, nor one whose tokens are used up.
	return len(taken) == n && !b.paused.Load() || b.moved.Load(), nil
}

// batch is what an outbox has taken of an account's messages.
type batch struct {
	*Outbox
	deadline time.Time // no attempt begins after it
	paused   atomic.Bool
	moved    atomic.Bool // something, to another account
	failed   atomic.Pointer[error]
}

// one makes an attempt, and settles it even if everything ends now: another one
// elsewhere would be a second attempt.
func (b *batch) one(ctx context.Context, m Message) {
	before := m.Unsure
	if ctx.Err() != nil || b.paused.Load() || !b.Now().Before(b.deadline) {
		m.Next = b.Now() // as if it had never been taken
	} else {
		m = b.attempt(context.WithoutCancel(ctx), m, before)
	}
	settled, ours, err := b.Store.SettleMessage(context.WithoutCancel(ctx), m, b.Holder)
	switch {
	case err != nil:
		err = fmt.Errorf("settling a message: %w", err)
		b.failed.CompareAndSwap(nil, &err)
	case ours:
		b.Observe(settled)
	}
}
