package wechatsim

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// agenda is what the simulator does by itself, each thing at its time by the
// simulator's clock.
type agenda struct {
	clock *clock

	mu      sync.Mutex
	changed chan struct{} // closed and replaced when something ends or the agenda closes
	entries map[*entry]struct{}
	closed  bool
}

// entry waits for its time, or is being done.
type entry struct {
	at      time.Time
	started bool
}

func newAgenda(c *clock) *agenda {
	return &agenda{clock: c, changed: make(chan struct{}), entries: map[*entry]struct{}{}}
}

// do does something at a time, each thing in a goroutine of its own; ctx ends with
// the simulator. It says whether that will be.
func (a *agenda) do(ctx context.Context, at time.Time, act func(context.Context)) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed {
		return false
	}
	e := &entry{at: at}
	a.entries[e] = struct{}{}
	go func() {
		defer a.end(e)
		if a.clock.waitUntil(ctx, at) != nil {
			return
		}
		a.mu.Lock()
		e.started = true
		a.mu.Unlock()
		act(ctx)
	}()
	return true
}

func (a *agenda) end(e *entry) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.entries, e)
	a.wake()
}

// wake is called with the lock held.
func (a *agenda) wake() {
	close(a.changed)
	a.changed = make(chan struct{})
}

// busy says whether something is due or under way, and when the next thing is due
// that isn't yet; zero is never.
func (a *agenda) busy(all bool) (busy bool, next time.Time, changed <-chan struct{}) {
	now := a.clock.now()
	a.mu.Lock()
	defer a.mu.Unlock()
	for e := range a.entries {
		if all || e.started || !e.at.After(now) {
			busy = true
		} else if next.IsZero() || e.at.Before(next) {
			next = e.at
		}
	}
	return busy, next, a.changed
}

// settle waits until nothing is due; with all, until nothing is left.
func (a *agenda) settle(ctx context.Context, all bool) (next time.Time, err error) {
	for {
		busy, next, changed := a.busy(all)
		if !busy {
			return next, nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return time.Time{}, fmt.Errorf("waiting for what the simulator does: %w", ctx.Err())
		}
	}
}

// close lets nothing new begin, and returns when everything has ended. The context
// of what is there must be over.
func (a *agenda) close() {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	_, _ = a.settle(context.Background(), true)
}

// Settle waits until everything that the simulator does by itself and that is due
// is over: pushes with their answers, callbacks that it makes. What waits for the
// clock isn't due; see [Sim.Pass]. Its error is the context's.
func (s *Sim) Settle(ctx context.Context) error {
	_, err := s.agenda.settle(ctx, false)
	return err
}

// Pass lets time pass as it would without a simulator, only faster: what is due
// comes first, then the clock moves forward by d and stops at everything that is
// due until then, in its order, and waits until that is over. [Sim.Advance]
// doesn't stop. Its error is the context's; d must not be negative.
func (s *Sim) Pass(ctx context.Context, d time.Duration) error {
	if err := s.Settle(ctx); err != nil {
		return err
	}
	until := s.Now().Add(d)
	for {
		next, err := s.agenda.settle(ctx, false)
		if err != nil {
			return err
		}
		now := s.Now()
		if next.IsZero() || next.After(until) {
			s.Advance(max(0, until.Sub(now)))
			return s.Settle(ctx)
		}
		s.Advance(max(0, next.Sub(now)))
	}
}
