package sqlstore

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sort"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// BenchmarkScale says whether the facts stay as fast when they grow: claims per second
// at 10⁴, 10⁶ and, with WSITE_SOAK set, in SQLite 10⁷ identities, of people who are on
// record and of people who become members. The sizes take turns within a round, and
// the median of the ratios to the smallest one is reported: these machines are noisy.
func BenchmarkScale(b *testing.B) {
	for engine, fresh := range engines {
		b.Run(engine, func(b *testing.B) {
			sizes := []int{10_000, 1_000_000}
			if os.Getenv("WSITE_SOAK") != "" && engine == "sqlite" {
				sizes = append(sizes, 10_000_000)
			}
			stores := make([]*Store, len(sizes))
			for i, n := range sizes {
				stores[i] = openAt(b, fresh(b))
				fill(b, stores[i], n)
			}
			const rounds = 5
			resolves, binds := make([][]float64, len(sizes)), make([][]float64, len(sizes))
			b.ResetTimer()
			for round := range rounds {
				for i, s := range stores {
					resolves[i] = append(resolves[i], perSecond(b, 16, func(int64) identity.Claim { return onRecord(rand.IntN(sizes[i])) }, s))
					binds[i] = append(binds[i], perSecond(b, 64, func(k int64) identity.Claim { return becomesMember(round, k) }, s))
				}
			}
			for i, n := range sizes {
				b.ReportMetric(median(resolves[i]), fmt.Sprintf("resolve/s@%.0e", float64(n)))
				b.ReportMetric(median(binds[i]), fmt.Sprintf("bind/s@%.0e", float64(n)))
				if i > 0 {
					b.ReportMetric(median(ratios(resolves[i], resolves[0])), fmt.Sprintf("resolve-ratio@%.0e", float64(n)))
					b.ReportMetric(median(ratios(binds[i], binds[0])), fmt.Sprintf("bind-ratio@%.0e", float64(n)))
				}
			}
			b.ReportMetric(0, "ns/op")
		})
	}
}

// fill writes n members, each with an openid and a unionid, past our own code: what
// is measured is not how they came in.
func fill(b *testing.B, s *Store, n int) {
	b.Helper()
	const part = 50_000 // a store gives up what takes it longer than that
	for from := 0; from < n; from += part {
		numbers := fmt.Sprintf("WITH RECURSIVE number (i) AS (SELECT %d UNION ALL SELECT i + 1 FROM number WHERE i < %d) ", from, min(from+part, n)-1)
		for _, insert := range []string{
			"INSERT INTO userid (realm, id, kind, born, version) " + numbers + "SELECT 'shop', 'm' || i, 'real', i, 1 FROM number",
			"INSERT INTO union_key (realm, subject, unionid, userid, slot, epoch, version) " + numbers + "SELECT 'shop', 'open1', 'n' || i, 'm' || i, 0, 0, 1 FROM number",
			"INSERT INTO openid_key (realm, appid, openid, subject, unionid, gen, version) " + numbers + "SELECT 'shop', 'wx1', 'o' || i, 'open1', 'n' || i, 0, 1 FROM number",
		} {
			if err := s.writer.write(context.Background(), func(c *session) error { _, err := c.exec(insert); return err }); err != nil {
				b.Fatal(err)
			}
		}
	}
	// PostgreSQL does this by itself in time. SQLite never does, and shouldn't be made
	// to: with statistics it plans a statement anew for every value that it is given.
	if isPostgres(placeOf(s)) {
		if _, err := s.write.Exec("ANALYZE"); err != nil {
			b.Fatal(err)
		}
	}
}

func onRecord(i int) identity.Claim { return claim(fmt.Sprintf("o%d", i), "") }

func becomesMember(round int, k int64) identity.Claim {
	c := claim(fmt.Sprintf("new-%d-%d", round, k), fmt.Sprintf("new-n-%d-%d", round, k))
	c.User, c.UserKind, c.Bind = fmt.Sprintf("new-m-%d-%d", round, k), identity.Real, true
	return c
}

// perSecond is how many claims are resolved in a second by so many callers.
func perSecond(b *testing.B, callers int, next func(k int64) identity.Claim, s *Store) float64 {
	b.Helper()
	c := centre(s)
	var done atomic.Int64
	var wg sync.WaitGroup
	began := time.Now()
	for range callers {
		wg.Go(func() {
			for time.Since(began) < time.Second {
				if _, err := c.Resolve(context.Background(), next(done.Add(1))); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	return float64(done.Load()) / time.Since(began).Seconds()
}

func ratios(of, to []float64) []float64 {
	r := make([]float64, len(of))
	for i := range of {
		r[i] = of[i] / to[i]
	}
	return r
}

func median(values []float64) float64 {
	sorted := append([]float64(nil), values...)
	sort.Float64s(sorted)
	return sorted[len(sorted)/2]
}
