package message

import (
	"context"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Limiter bounds how many messages each account sends.
type Limiter interface {
	// AtMost takes up to n of an account's tokens and says how many it got.
	AtMost(ctx context.Context, appID string, n int) (int, error)
}

// Buckets is the [Limiter] of a single node: a token bucket for each account.
type Buckets struct {
	perSecond float64
	burst     int
	now       func() time.Time

	mu      sync.Mutex
	buckets map[string]*rate.Limiter
}

// NewBuckets makes buckets that fill with perSecond tokens, up to burst.
func NewBuckets(perSecond float64, burst int, now func() time.Time) *Buckets {
	return &Buckets{perSecond: perSecond, burst: burst, now: now, buckets: map[string]*rate.Limiter{}}
}

// AtMost takes up to n tokens. It never fails.
func (b *Buckets) AtMost(_ context.Context, appID string, n int) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	bucket := b.buckets[appID]
	if bucket == nil {
		bucket = rate.NewLimiter(rate.Limit(b.perSecond), b.burst)
		b.buckets[appID] = bucket
	}
	now := b.now()
	n = min(n, int(bucket.TokensAt(now)))
	if n <= 0 || !bucket.AllowN(now, n) {
		return 0, nil
	}
	return n, nil
}

var _ Limiter = (*Buckets)(nil)
