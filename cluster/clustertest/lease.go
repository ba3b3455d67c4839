package clustertest

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// leased wants a lease to be given, and returns its fence.
func (n nodes) leased(s cluster.Shared, name, holder string, life time.Duration) int64 {
	n.Helper()
	fence, ok, err := s.Lease(n.ctx, name, holder, life)
	n.must(err)
	if !ok {
		n.Errorf("%s doesn't get %s", holder, name)
	}
	return fence
}

// refused wants a lease to be refused.
func (n nodes) refused(s cluster.Shared, name, holder string) {
	n.Helper()
	if _, ok, err := s.Lease(n.ctx, name, holder, time.Minute); ok || err != nil {
		n.Errorf("%s gets %s: %t, %v", holder, name, ok, err)
	}
}

// leases: who may work.
func (h Harness) leases(t *testing.T) {
	h.promise(t, "a lease has one holder until it ends", func(n nodes) {
		first := n.leased(n.a, "l", "x", time.Minute)
		n.refused(n.b, "l", "y")
		n.leased(n.b, "other", "y", time.Minute)
		n.advance(time.Minute - time.Millisecond)
		n.refused(n.b, "l", "y")
		n.advance(time.Millisecond)
		if second := n.leased(n.b, "l", "y", time.Minute); second <= first {
			n.Errorf("fence %d after %d", second, first)
		}
		n.refused(n.a, "l", "x")
	})
	h.promise(t, "its holder prolongs a lease, which keeps its fence", func(n nodes) {
		first := n.leased(n.a, "l", "x", time.Minute)
		n.advance(50 * time.Second)
		if again := n.leased(n.b, "l", "x", time.Minute); again != first {
			n.Errorf("fence %d, was %d", again, first)
		}
		n.advance(50 * time.Second)
		n.refused(n.b, "l", "y")
		n.advance(10 * time.Second)
		if late := n.leased(n.a, "l", "x", time.Minute); late <= first {
			n.Errorf("whoever comes back after its end gets fence %d, had %d", late, first)
		}
	})
	h.promise(t, "a lease is released by its holder alone", func(n nodes) {
		first := n.leased(n.a, "l", "x", time.Minute)
		n.must(n.b.Release(n.ctx, "l", "y"))
		n.must(n.b.Release(n.ctx, "never", "y"))
		n.refused(n.b, "l", "y")
		n.must(n.b.Release(n.ctx, "l", "x"))
		second := n.leased(n.b, "l", "y", time.Minute)
		n.must(n.b.Release(n.ctx, "l", "y"))
		if third := n.leased(n.b, "l", "y", time.Minute); !(first < second && second < third) {
			n.Errorf("fences %d, %d, %d", first, second, third)
		}
		n.must(n.a.Release(n.ctx, "l", "x"))
		n.refused(n.a, "l", "x")
	})
	h.promise(t, "fences grow from one name to the next", func(n nodes) {
		var last int64
		for i := range 100 {
			fence := n.leased(n.a, fmt.Sprint("l", i), "x", time.Minute)
			if fence <= last {
				n.Fatalf("fence %d after %d", fence, last)
			}
			last = fence
		}
	})
	h.promise(t, "a lease and a value of one name have nothing to do with each other", func(n nodes) {
		n.leased(n.a, "k", "x", time.Minute)
		n.has(n.a, "k", "-")
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Minute))
		n.must(n.a.Delete(n.ctx, "k"))
		n.refused(n.b, "k", "y")
	})
}

// crowd runs do often at once, on both nodes, and says how often it did something.
func (n nodes) crowd(do func(s cluster.Shared, i int) (bool, error)) int {
	var done atomic.Int64
	var all sync.WaitGroup
	for i := range 64 {
		all.Go(func() {
			did, err := do([]cluster.Shared{n.a, n.b}[i%2], i)
			if err != nil {
				n.Error(err)
			}
			if did {
				done.Add(1)
			}
		})
	}
	all.Wait()
	return int(done.Load())
}

// races: what many do at once.
func (h Harness) races(t *testing.T) {
	h.promise(t, "of many at once one puts a new value, one takes it, one gets a lease", func(n nodes) {
		for round := range 20 {
			key := fmt.Sprint("k", round)
			if put := n.crowd(func(s cluster.Shared, i int) (bool, error) {
				return s.PutNew(n.ctx, key, fmt.Append(nil, i), time.Minute)
			}); put != 1 {
				n.Fatalf("%d put a new value", put)
			}
			if took := n.crowd(func(s cluster.Shared, _ int) (bool, error) {
				_, ok, err := s.Take(n.ctx, key)
				return ok, err
			}); took != 1 {
				n.Fatalf("%d took it", took)
			}
			if leased := n.crowd(func(s cluster.Shared, i int) (bool, error) {
				_, ok, err := s.Lease(n.ctx, key, fmt.Sprint("x", i), time.Minute)
				return ok, err
			}); leased != 1 {
				n.Fatalf("%d got the lease", leased)
			}
		}
	})
	h.promise(t, "of many fences at once the greatest remains", func(n nodes) {
		for round := range 20 {
			key := fmt.Sprint("k", round)
			n.crowd(func(s cluster.Shared, i int) (bool, error) {
				return s.PutFenced(n.ctx, key, fmt.Append(nil, i*37%64), int64(i*37%64), time.Minute)
			})
			n.has(n.a, key, "63")
		}
	})
}
