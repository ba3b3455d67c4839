package cluster_test

import (
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/clustertest"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

func TestMemory(t *testing.T) {
	t.Parallel()
	clustertest.Run(t, clustertest.Harness{Open: func(testing.TB) (a, b cluster.Shared, advance func(time.Duration)) {
		var mu sync.Mutex
		now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
		m := cluster.NewMemory(func() time.Time {
			mu.Lock()
			defer mu.Unlock()
			return now
		})
		return m, m, func(d time.Duration) {
			mu.Lock()
			defer mu.Unlock()
			now = now.Add(d)
		}
	}})
}

func TestRedis(t *testing.T) {
	t.Parallel()
	clustertest.Run(t, harness(func(*cluster.RedisConfig) {}, redistest.Single(t)))
}

func TestRedisCluster(t *testing.T) {
	t.Parallel()
	servers := redistest.Cluster(t)
	clustertest.Run(t, harness(func(c *cluster.RedisConfig) {
		c.Mode, c.Addresses = cluster.RedisCluster, []string{servers[1].Addr, servers[2].Addr}
	}, servers...))
}

func TestRedisSentinel(t *testing.T) {
	t.Parallel()
	w := redistest.Sentinel(t)
	clustertest.Run(t, harness(sentinels(w), w.Master))
}
