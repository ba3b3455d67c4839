package wechatsim

import (
	"context"
	"sync"
	"time"
)

// pollForeign is how often a clock that isn't ours is looked at while somebody
// waits for it.
const pollForeign = 10 * time.Millisecond

// clock is a clock that can be moved forward by hand.
type clock struct {
	base    func() time.Time
	foreign bool // base may stand still or jump

	mu     sync.Mutex
	offset time.Duration
	moved  chan struct{} // closed and replaced when the hand moves it
}

func newClock(base func() time.Time) *clock {
	c := &clock{base: base, foreign: base != nil, moved: make(chan struct{})}
	if base == nil {
		c.base = time.Now
	}
	return c
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.base().Add(c.offset)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.offset += d
	close(c.moved)
	c.moved = make(chan struct{})
}

// wait returns once the clock has gone on by d, or with the context's error.
func (c *clock) wait(ctx context.Context, d time.Duration) error {
	return c.waitUntil(ctx, c.now().Add(d))
}

// waitUntil returns once the clock shows until, or with the context's error.
func (c *clock) waitUntil(ctx context.Context, until time.Time) error {
	for {
		c.mu.Lock()
		moved := c.moved
		c.mu.Unlock()
		left := until.Sub(c.now())
		if left <= 0 {
			return nil
		}
		if c.foreign {
			left = min(left, pollForeign)
		}
		timer := time.NewTimer(left)
		select {
		case <-ctx.Done():
		case <-moved:
		case <-timer.C:
		}
		timer.Stop()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
}

// Now is the time in the simulator.
func (s *Sim) Now() time.Time { return s.clock.now() }

// Advance moves the simulator's clock forward: codes and tokens age, and what
// waits by this clock wakes up. It never moves backward; d must not be negative.
func (s *Sim) Advance(d time.Duration) {
	if d < 0 {
		panic("wechatsim: the clock doesn't go backward")
	}
	s.clock.advance(d)
}
