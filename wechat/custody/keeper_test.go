package custody_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

func TestToken(t *testing.T) {
	t.Parallel()
	for kind, appID := range map[string]string{"stable": stable, "legacy": legacy} {
		t.Run(kind+": all nodes have the same, and WeChat is asked once", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				a, b := w.node("a"), w.node("b")
				w.asks(1, func() {
					first := w.token(a, appID)
					if second := w.token(b, appID); second != first {
						w.Errorf("%s and %s", first, second)
					}
					for range 10 {
						go a.Token(w.Context(), appID)
						go b.Token(w.Context(), appID)
					}
				})
			})
		})
		t.Run(kind+": many callers on many nodes at once are one call to WeChat", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				w.wechat.with(func(string, string) fault { return fault{before: time.Second, after: time.Second} })
				nodes := []*custody.Keeper{w.node("a"), w.node("b"), w.node("c")}
				w.asks(1, func() {
					got := make(chan string)
					for i := range 60 {
						go func() {
							token, _, err := nodes[i%3].Token(w.Context(), appID)
							if err != nil {
								w.Error(err)
							}
							got <- token
						}()
					}
					first := <-got
					for range 59 {
						if token := <-got; token != first {
							w.Errorf("%s and %s", first, token)
						}
					}
				})
			})
		})
		t.Run(kind+": the old one is served while the next is got, and the next one from then on", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				k := w.node("a")
				old := w.token(k, appID)
				pass(119 * time.Minute)
				w.wechat.with(func(string, string) fault { return fault{after: 10 * time.Second} })
				began := time.Now()
				if got := w.token(k, appID); got != old || time.Since(began) > 0 {
					w.Errorf("%s after %v, want %s at once", got, time.Since(began), old)
				}
				pass(11 * time.Second)
				if got := w.token(k, appID); got == old {
					w.Errorf("%s is still served", got)
				}
			})
		})
		t.Run(kind+": Run gets it between 80 and 90 % of its life, and one node suffices", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				ctx, cancel := context.WithCancel(w.Context())
				defer synctest.Wait()
				defer cancel()
				for _, name := range []string{"a", "b", "c"} {
					k := w.node(name)
					w.token(k, appID)
					go k.Run(ctx)
				}
				w.asks(0, func() { pass(96 * time.Minute) })
				w.asks(1, func() { pass(13 * time.Minute) })
			})
		})
	}
	t.Run("1,000 accounts that began together spread", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			ctx, cancel := context.WithCancel(w.Context())
			defer synctest.Wait()
			defer cancel()
			k := w.node("a")
			for i := range 1000 {
				w.token(k, appIDOf(i))
			}
			go k.Run(ctx)
			pass(95 * time.Minute)
			busiest, before := 0, w.wechat.asked()
			for range 15 {
				pass(time.Minute)
				now := w.wechat.asked()
				busiest, before = max(busiest, now-before), now
			}
			if busiest > 160 || before < 2000 {
				w.Errorf("%d in a minute, %d in all", busiest, before)
			}
		})
	})
	t.Run("an account that doesn't exist has none", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			_, _, err := k.Token(w.Context(), "nobody")
			if !errors.Is(err, custody.ErrUnknownAccount) || len(k.States()) > 0 {
				w.Errorf("got error %v", err)
			}
			if err := k.Report(w.Context(), "nobody", "x"); !errors.Is(err, custody.ErrUnknownAccount) {
				w.Errorf("got error %v", err)
			}
			if _, _, err := k.Ticket(w.Context(), stable, "other"); err == nil {
				w.Error("a ticket of another kind was got")
			}
		})
	})
	t.Run("an account that nobody asks for is forgotten", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.token(k, stable)
			for range 30 {
				k.Step(w.Context())
				pass(time.Hour)
			}
			if s := k.States(); len(s) > 0 {
				w.Errorf("kept are %+v", s)
			}
			w.asks(0, func() { pass(time.Hour); k.Step(w.Context()) })
			w.token(k, stable)
		})
	})
	t.Run("a keeper without what it needs isn't made", func(t *testing.T) {
		t.Parallel()
		if _, err := custody.NewKeeper(custody.Config{}); err == nil {
			t.Error("it was")
		}
	})
}
