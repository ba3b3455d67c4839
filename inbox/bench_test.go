package inbox_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// BenchmarkAccept is how many encrypted pushes a gateway verifies, reads and writes down
// in a second, and how long WeChat waits for its answer when 64 come at once.
func BenchmarkAccept(b *testing.B) {
	for engine, fresh := range map[string]func(testing.TB) string{
		"sqlite": func(t testing.TB) string { return filepath.Join(t.TempDir(), "facts.db") }, "postgres": pgtest.DSN,
	} {
		b.Run(engine, func(b *testing.B) {
			g, store, err := gateway(fresh(b), "bench", "http://127.0.0.1:1/")
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			posts := make([]push.Post, b.N)
			for i := range posts {
				m, err := push.Read([]byte(text(i+1, fmt.Sprint("hello ", i))))
				if err != nil {
					b.Fatal(err)
				}
				if posts[i], err = account.Post(m, time.Now(), random); err != nil {
					b.Fatal(err)
				}
			}
			var n atomic.Int64
			var mu sync.Mutex
			var took []time.Duration
			b.SetParallelism(32)
			b.ReportAllocs()
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				var mine []time.Duration
				for pb.Next() {
					p, begin := posts[n.Add(1)-1], time.Now()
					if _, err := g.Accept(b.Context(), appID, p.Query, p.ContentType, p.Body); err != nil {
						b.Error(err)
					}
					mine = append(mine, time.Since(begin))
				}
				mu.Lock()
				defer mu.Unlock()
				took = append(took, mine...)
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
