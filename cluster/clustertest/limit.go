package clustertest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// verdict wants a verdict. Where the time goes on by itself a wait may be shorter, by
// less than a millisecond.
func (n nodes) verdict(s cluster.Shared, key string, rate cluster.Rate, want cluster.Verdict) {
	n.Helper()
	got, err := s.Limit(n.ctx, key, rate)
	n.must(err)
	if !same(got, want) {
		n.Errorf("%s at %+v: %+v, want %+v", key, rate, got, want)
	}
}

func same(got, want cluster.Verdict) bool {
	near := func(got, want time.Duration) bool { return got <= want && got > want-time.Millisecond }
	return got.Allowed == want.Allowed && got.Limit == want.Limit && got.Remaining == want.Remaining &&
		near(got.RetryAfter, want.RetryAfter) && near(got.ResetAfter, want.ResetAfter)
}

// limits: how much is let through.
func (h Harness) limits(t *testing.T) {
	rate := cluster.Rate{Count: 6, Per: time.Minute, Burst: 3} // one every 10s
	passed := func(remaining int, reset time.Duration) cluster.Verdict {
		return cluster.Verdict{Allowed: true, Limit: 3, Remaining: remaining, ResetAfter: reset}
	}
	h.promise(t, "a burst is let through, then one each time", func(n nodes) {
		n.verdict(n.a, "k", rate, passed(2, 10*time.Second))
		n.verdict(n.b, "k", rate, passed(1, 20*time.Second))
		n.verdict(n.a, "k", rate, passed(0, 30*time.Second))
		n.verdict(n.b, "k", rate, cluster.Verdict{Limit: 3, RetryAfter: 10 * time.Second, ResetAfter: 30 * time.Second})
		n.advance(10*time.Second - time.Millisecond)
		n.verdict(n.a, "k", rate, cluster.Verdict{Limit: 3, RetryAfter: time.Millisecond, ResetAfter: 20*time.Second + time.Millisecond})
		n.advance(time.Millisecond)
		n.verdict(n.a, "k", rate, passed(0, 30*time.Second))
		n.verdict(n.b, "k", rate, cluster.Verdict{Limit: 3, RetryAfter: 10 * time.Second, ResetAfter: 30 * time.Second})
	})
	h.promise(t, "the burst comes back, and not more than it", func(n nodes) {
		for range 3 {
			n.verdictAllowed(n.a, "k", rate, true)
		}
		n.advance(30 * time.Second)
		n.verdict(n.b, "k", rate, passed(2, 10*time.Second))
		n.advance(24 * time.Hour)
		n.verdict(n.b, "k", rate, passed(2, 10*time.Second))
	})
	h.promise(t, "keys are limited each for itself, and not with the values of their names", func(n nodes) {
		one := cluster.Rate{Count: 1, Per: time.Minute, Burst: 1}
		n.verdictAllowed(n.a, "k", one, true)
		n.verdictAllowed(n.a, "l", one, true)
		n.verdictAllowed(n.b, "k", one, false)
		n.has(n.a, "k", "-")
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Minute))
		n.must(n.a.Delete(n.ctx, "k"))
		n.leased(n.a, "k", "x", time.Minute)
		n.verdictAllowed(n.b, "k", one, false)
	})
	h.promise(t, "of many at once the burst is let through", func(n nodes) {
		few := cluster.Rate{Count: 1, Per: time.Minute, Burst: 7}
		if passed := n.crowd(func(s cluster.Shared, _ int) (bool, error) {
			v, err := s.Limit(n.ctx, "k", few)
			return v.Allowed, err
		}); passed != 7 {
			n.Errorf("%d were let through", passed)
		}
	})
	h.promise(t, "a rate that is none is refused", func(n nodes) {
		for _, rate := range []cluster.Rate{
			{},
			{Count: 0, Per: time.Second, Burst: 1},
			{Count: -1, Per: time.Second, Burst: 1},
			{Count: 1, Per: 0, Burst: 1},
			{Count: 1, Per: -time.Second, Burst: 1},
			{Count: 1, Per: time.Second, Burst: 0},
			{Count: 1, Per: time.Second, Burst: -1},
			{Count: 10_001, Per: time.Second, Burst: 1},
			{Count: 1, Per: 24 * time.Hour, Burst: 367},
			{Count: 1, Per: 1 << 62, Burst: 1 << 62},
		} {
			if v, err := n.a.Limit(n.ctx, "k", rate); v.Allowed || !errors.Is(err, cluster.ErrInvalid) {
				n.Errorf("%+v: %+v, %v", rate, v, err)
			}
		}
		n.verdictAllowed(n.a, "k", cluster.Rate{Count: 10_000, Per: time.Second, Burst: 1}, true)
	})
}

func (n nodes) verdictAllowed(s cluster.Shared, key string, rate cluster.Rate, want bool) {
	n.Helper()
	v, err := s.Limit(n.ctx, key, rate)
	n.must(err)
	if v.Allowed != want {
		n.Errorf("%s: %+v", key, v)
	}
}

// bucket is a rate as a bucket, which fills with time and from which each one takes: the
// other way to tell what [cluster.Shared] promises.
type bucket struct {
	full, each, has time.Duration
}

func (b *bucket) wait(d time.Duration) { b.has = min(b.full, b.has+d) }

func (b *bucket) take(limit int) cluster.Verdict {
	v := cluster.Verdict{Limit: limit}
	if v.Allowed = b.has >= b.each; v.Allowed {
		b.has -= b.each
		v.Remaining = int(b.has / b.each)
	} else {
		v.RetryAfter = b.each - b.has
	}
	v.ResetAfter = b.full - b.has
	return v
}

// limitModel plays any sequence of calls and waits at any rate.
func (h Harness) limitModel(t *testing.T) {
	t.Run("any sequence is let through as from a bucket", func(t *testing.T) {
		t.Parallel()
		rapid.Check(t, func(r *rapid.T) {
			a, b, advance := h.Open(t)
			count := rapid.IntRange(1, 5).Draw(r, "count")
			each := time.Duration(rapid.IntRange(2, 5000).Draw(r, "each")) * time.Millisecond
			rate := cluster.Rate{Count: count, Per: time.Duration(count) * each, Burst: rapid.IntRange(1, 5).Draw(r, "burst")}
			full := time.Duration(rate.Burst) * each
			buckets := map[string]*bucket{"k": {full, each, full}, "l": {full, each, full}}
			for i := range rapid.IntRange(1, 30).Draw(r, "calls") {
				if rapid.Bool().Draw(r, "wait") {
					// To a boundary, or to either side of it.
					d := time.Duration(rapid.IntRange(0, 3).Draw(r, "times"))*each + time.Duration(rapid.IntRange(-1, 1).Draw(r, "beside"))*time.Millisecond
					d = max(d, 0)
					advance(d)
					for _, bucket := range buckets {
						bucket.wait(d)
					}
				}
				key := rapid.SampledFrom([]string{"k", "l"}).Draw(r, "key")
				want := buckets[key].take(rate.Burst)
				got, err := []cluster.Shared{a, b}[i%2].Limit(t.Context(), key, rate)
				if err != nil || !same(got, want) {
					r.Fatal(fmt.Sprintf("%s at %+v: %+v, %v; want %+v", key, rate, got, err, want))
				}
			}
		})
	})
}
