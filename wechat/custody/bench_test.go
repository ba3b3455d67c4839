package custody_test

import (
	"context"
	"fmt"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

func appIDOf(i int) string { return fmt.Sprintf("wx1%015x", i) }

// TestCost holds a keeper to what 1,000 accounts may cost: neither a goroutine nor a
// timer for each.
func TestCost(t *testing.T) {
	t.Parallel()
	t.Run("1,000 accounts have no goroutines, and cost nothing but their refreshes", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			ctx, cancel := context.WithCancel(w.Context())
			defer synctest.Wait()
			defer cancel()
			k := w.node("a")
			for i := range 1000 {
				w.token(k, appIDOf(i))
			}
			synctest.Wait()
			before := runtime.NumGoroutine()
			go k.Run(ctx)
			pass(3 * time.Hour)
			synctest.Wait()
			// Other tests run at the same time.
			if more := runtime.NumGoroutine() - before; more > 500 {
				w.Errorf("there are %d goroutines more", more)
			}
			asked := w.wechat.asked()
			w.Logf("1,000 accounts asked %d times in three hours; %d leases", asked, w.shared.grants)
			if asked > 4500 {
				w.Errorf("WeChat was asked %d times", asked)
			}
		})
	})
}

// steady is a WeChat that always answers at once.
type steady struct{ n atomic.Int64 }

func (s *steady) fresh() (wechat.Fresh, error) {
	return wechat.Fresh{Token: fmt.Sprint("token-of-an-account-that-is-as-long-as-real-ones-are-", s.n.Add(1)), Life: 2 * time.Hour}, nil
}

func (s *steady) StableToken(context.Context, string, string, bool) (wechat.Fresh, error) {
	return s.fresh()
}

func (s *steady) AccessToken(context.Context, string, string) (wechat.Fresh, error) { return s.fresh() }

func (s *steady) JSTicket(context.Context, wechat.Bearer, string) (wechat.Fresh, error) {
	return s.fresh()
}

// benched is a keeper with 1,000 accounts, whose clock is in the benchmark's hand.
func benched(b *testing.B) (k *custody.Keeper, now *atomic.Int64) {
	now = &atomic.Int64{}
	now.Store(time.Now().UnixNano())
	clock := func() time.Time { return time.Unix(0, now.Load()) }
	sealer, err := identity.NewSealer(make([]byte, identity.MasterKeySize))
	if err != nil {
		b.Fatal(err)
	}
	box := sealer.Box("custody")
	k, err = custody.NewKeeper(custody.Config{
		Source: &steady{}, Shared: cluster.NewMemory(clock), Seal: box.Seal, Open: box.Open, Holder: "a", Account: account, Now: clock,
	})
	if err != nil {
		b.Fatal(err)
	}
	for i := range 1000 {
		if _, _, err := k.Token(b.Context(), appIDOf(i)); err != nil {
			b.Fatal(err)
		}
	}
	return k, now
}

// BenchmarkToken is a token that is there.
func BenchmarkToken(b *testing.B) {
	k, _ := benched(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, _, err := k.Token(b.Context(), appIDOf(i%1000)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRest is a look at 1,000 accounts of which none is due, which Run takes once
// a minute.
func BenchmarkRest(b *testing.B) {
	k, _ := benched(b)
	b.ReportAllocs()
	for b.Loop() {
		k.Step(b.Context())
	}
}

// BenchmarkRefresh is the next token of all 1,000 accounts, which are due about once in
// an hour: lease, two looks, sealing and keeping, without WeChat's part of it.
func BenchmarkRefresh(b *testing.B) {
	k, now := benched(b)
	b.ReportAllocs()
	for b.Loop() {
		now.Add(int64(110 * time.Minute))
		k.Step(b.Context())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/1000, "µs/account")
	b.ReportMetric(float64(runtime.NumGoroutine()), "goroutines")
}
