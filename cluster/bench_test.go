package cluster_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// BenchmarkShared has what each call costs in memory, and in a Redis on the same machine
// through a socket of TCP.
func BenchmarkShared(b *testing.B) {
	r := open(b, at(redistest.Single(b)))
	degrading := cluster.NewDegrading(r, time.Now, nil, nil)
	b.Cleanup(degrading.Close)
	value, rate := make([]byte, 500), cluster.Rate{Count: 10, Per: time.Second, Burst: 20}
	for _, each := range []struct {
		name   string
		shared cluster.Shared
	}{{"Memory", cluster.NewMemory(time.Now)}, {"Redis", r}, {"Degrading", degrading}} {
		for _, call := range []struct {
			name string
			do   func(i int) error
		}{
			{"Put", func(i int) error { return each.shared.Put(b.Context(), fmt.Sprint("k/", i%1000), value, time.Hour) }},
			{"Get", func(i int) error { _, _, err := each.shared.Get(b.Context(), fmt.Sprint("k/", i%1000)); return err }},
			{"Limit", func(i int) error {
				_, err := each.shared.Limit(b.Context(), fmt.Sprint("k/", i%1000), rate)
				return err
			}},
			{"Lease", func(i int) error {
				_, _, err := each.shared.Lease(b.Context(), fmt.Sprint("k/", i%1000), "x", time.Hour)
				return err
			}},
		} {
			b.Run(each.name+"/"+call.name, func(b *testing.B) {
				b.ReportAllocs()
				for i := range b.N {
					if err := call.do(i); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}
