package inbox_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// BenchmarkAccept is how many encrypted pushes a gateway verifies, reads and writes down
// in a second, and how long WeChat waits for its answer when 64 come at once.
func BenchmarkAccept(b *testing.B) {
	for engine, fresh := range engines {
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

// BenchmarkRun is how many pushes a gateway hands on in a second to one handler, each
// about another visitor, once they are queued.
func BenchmarkRun(b *testing.B) {
	for engine, fresh := range engines {
		b.Run(engine, func(b *testing.B) {
			_, store, err := gateway(fresh(b), "bench", "http://127.0.0.1:1/")
			if err != nil {
				b.Fatal(err)
			}
			defer store.Close()
			ctx, cancel := context.WithCancel(b.Context())
			defer cancel()
			var told atomic.Int64
			g := inbox.New(inbox.Config{
				Store: store, Sealer: sealer(b), Holder: "bench", Now: time.Now, Random: random, Every: time.Hour,
				Keys: func(string) (push.Keys, bool) { return account, true },
				Handlers: inbox.Handlers{Scan: func(context.Context, inbox.Scan) error {
					if told.Add(1) == int64(b.N) {
						cancel()
					}
					return nil
				}},
			})
			var queued sync.WaitGroup
			for i := range b.N {
				m, err := push.Read([]byte(strings.ReplaceAll(event("SCAN", "<EventKey>1</EventKey>"), openID, fmt.Sprint("o", i))))
				if err != nil {
					b.Fatal(err)
				}
				p, err := account.Post(m, time.Now(), random)
				if err != nil {
					b.Fatal(err)
				}
				queued.Go(func() {
					if _, err := g.Accept(b.Context(), appID, p.Query, p.ContentType, p.Body); err != nil {
						b.Error(err)
					}
				})
			}
			queued.Wait()
			b.ResetTimer()
			g.Run(ctx)
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
		})
	}
}
