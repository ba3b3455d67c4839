package cluster_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

func TestFailover(t *testing.T) {
	t.Parallel()
	t.Run("when sentinels have made another the master it is used, without a restart", func(t *testing.T) {
		t.Parallel()
		w := redistest.Sentinel(t)
		n := join(t, w.Master, sentinels(w))
		use(t, n)
		before, ok, err := n.Lease(t.Context(), "l", "x", time.Hour)
		if !ok || err != nil {
			t.Fatal(ok, err)
		}
		n.must(n.Release(t.Context(), "l", "x"))
		w.Hurry(t)
		w.Master.Kill()
		n.must(n.Put(t.Context(), "k", []byte("one"), time.Hour))
		if n.Up() {
			t.Error("nobody has noticed")
		}
		n.back()
		use(t, n)
		n.must(n.Put(t.Context(), "k", []byte("two"), time.Hour))
		n.has("k", "two")
		if after, ok, err := n.Lease(t.Context(), "l", "y", time.Hour); !ok || err != nil || after <= before {
			t.Errorf("fence %d after %d, %t, %v", after, before, ok, err)
		}
		if role := w.Replica.Do(t, "role").([]any)[0]; role != "master" {
			t.Errorf("the other is a %v", role)
		}
	})
	for what, outage := range map[string]struct {
		take, give func(testing.TB, *redistest.Server)
	}{
		"lacks":         {outages["gone"].take, outages["gone"].give},
		"waits for":     {outages["paused"].take, outages["paused"].give},
		"can't fill up": {outages["full"].take, outages["full"].give},
	} {
		t.Run("a cluster that "+what+" a part is away until it is whole", func(t *testing.T) {
			t.Parallel()
			servers := redistest.Cluster(t)
			n := join(t, servers[0], func(c *cluster.RedisConfig) { c.Mode = cluster.RedisCluster })
			use(t, n)
			outage.take(t, servers[2])
			for i := 0; n.Up(); i++ {
				began := time.Now()
				n.must(n.Put(t.Context(), fmt.Sprint(i), nil, time.Minute))
				if took := time.Since(began); took > slack {
					t.Errorf("a call took %v", took)
				}
			}
			n.must(n.Put(t.Context(), "k", []byte("one"), time.Hour))
			n.has("k", "one")
			outage.give(t, servers[2])
			n.back()
			n.has("k", "-")
			use(t, n)
		})
	}
}

// sentinels is the config for a master that sentinels watch.
func sentinels(w redistest.Watched) func(*cluster.RedisConfig) {
	return func(c *cluster.RedisConfig) {
		c.Mode, c.Addresses, c.MasterName = cluster.RedisSentinel, []string{w.Sentinel}, w.Name
	}
}

// TestRedisCloses opens and closes many, used and in trouble, and wants nothing to remain.
// It isn't parallel, for it counts what all tests have.
func TestRedisCloses(t *testing.T) {
	s, gone, servers, watched := redistest.Single(t), redistest.Single(t), redistest.Cluster(t), redistest.Sentinel(t)
	gone.Kill()
	configs := []cluster.RedisConfig{
		at(s), at(gone), at(watched.Master, sentinels(watched)),
		at(servers[0], func(c *cluster.RedisConfig) { c.Mode = cluster.RedisCluster }),
	}
	before := runtime.NumGoroutine()
	for range 10 {
		for _, c := range configs {
			ctx, cancel := context.WithCancel(t.Context())
			r, err := cluster.OpenRedis(ctx, c)
			if err != nil {
				t.Fatal(err)
			}
			d := cluster.NewDegrading(r, time.Now, nil, nil)
			listened := make(chan struct{})
			go func() {
				d.Subscribe(ctx, "t", func([]byte) {})
				close(listened)
			}()
			for i := range 5 {
				if err := d.Put(ctx, fmt.Sprint(i), nil, time.Minute); err != nil {
					t.Error(err)
				}
			}
			d.Close()
			if err := r.Close(); err != nil {
				t.Error(err)
			}
			cancel()
			<-listened
		}
	}
	until(t, "goroutines end", func() bool { return runtime.NumGoroutine() <= before })
}
