package cluster

import (
	"context"
	"time"
)

const (
	// minEvery is the least time between two that a [Rate] lets through.
	minEvery = 100 * time.Microsecond
	// maxReset is the longest that a [Rate] takes to forget a full burst.
	maxReset = 366 * 24 * time.Hour
)

// Rate is how much is let through: Count in every Per, and at most Burst at once. One
// that never pauses gets Burst, and then one each Per/Count.
//
// All three are at least 1, Count is at most 10,000 a second, and a full burst comes
// back within 366 days; anything else is [ErrInvalid].
type Rate struct {
	Count int
	Per   time.Duration
	Burst int
}

// Verdict says whether one more was let through.
type Verdict struct {
	Allowed bool
	Limit   int // the burst of the rate
	// Remaining is how many more would be let through now.
	Remaining int
	// RetryAfter is how long until the next is let through; 0 if this one was.
	RetryAfter time.Duration
	// ResetAfter is how long until Remaining is Limit again.
	ResetAfter time.Duration
}

// every is the time that one takes to be forgotten.
func (r Rate) every() time.Duration { return r.Per / time.Duration(r.Count) }

// check refuses what no implementation takes.
func (r Rate) check() error {
	if r.Count < 1 || r.Per < 1 || r.Burst < 1 || r.every() < minEvery || time.Duration(r.Burst) > maxReset/r.every() {
		return ErrInvalid
	}
	return nil
}

// judge judges one more at a key that is ahead of its rate by so much, and says how far
// it is ahead then. It is the algorithm GCRA, as package redis_rate has it.
func (r Rate) judge(ahead time.Duration) (Verdict, time.Duration) {
	every := r.every()
	room := time.Duration(r.Burst)*every - ahead
	if room < every {
		return Verdict{Limit: r.Burst, RetryAfter: every - room, ResetAfter: ahead}, ahead
	}
	ahead += every
	return Verdict{Allowed: true, Limit: r.Burst, Remaining: int(room/every) - 1, ResetAfter: ahead}, ahead
}

// Limit lets one more through, or not.
func (m *Memory) Limit(ctx context.Context, key string, rate Rate) (Verdict, error) {
	if err := rate.check(); err != nil {
		return Verdict{}, err
	}
	if err := m.begin(ctx, key, nil, time.Millisecond); err != nil {
		return Verdict{}, err
	}
	defer m.mu.Unlock()
	now := m.now()
	var ahead time.Duration
	if i := m.limits.live(key, now); i != nil {
		ahead = i.end.Sub(now)
	}
	verdict, ahead := rate.judge(ahead)
	if verdict.Allowed {
		m.limits.put(&item{key: key, end: now.Add(ahead)}, now)
	}
	return verdict, nil
}
