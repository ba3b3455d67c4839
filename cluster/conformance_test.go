package cluster_test

import (
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/clustertest"
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
