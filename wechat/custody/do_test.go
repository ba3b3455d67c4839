package custody_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

func TestDo(t *testing.T) {
	t.Parallel()
	for kind, appID := range map[string]string{"stable": stable, "legacy": legacy} {
		t.Run(kind+": a call whose token died is made once more, with the next", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				k := w.node("a")
				w.token(k, appID)
				w.wechat.kill(appID)
				made := 0
				w.asks(1, func() {
					if err := k.Do(w.Context(), appID, w.call(&made)); err != nil || made != 2 {
						w.Errorf("called %d times, %v", made, err)
					}
				})
				w.tells()
			})
		})
		t.Run(kind+": all who hold one dead token replace it once, on all nodes", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				w.wechat.with(func(string, string) fault { return fault{before: time.Second, after: time.Second} })
				nodes := []*custody.Keeper{w.node("a"), w.node("b"), w.node("c")}
				for _, k := range nodes {
					w.token(k, appID)
				}
				w.wechat.kill(appID)
				w.asks(1, func() {
					var all sync.WaitGroup
					for i := range 60 {
						all.Go(func() {
							err := nodes[i%3].Do(w.Context(), appID, func(ctx context.Context, as wechat.Bearer) error {
								pass(time.Duration(i) * 100 * time.Millisecond)
								return w.wechat.use(ctx, as)
							})
							if err != nil {
								w.Error(err)
							}
						})
					}
					all.Wait()
				})
			})
		})
		t.Run(kind+": a token that is reported dead is compared first", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				a, b := w.node("a"), w.node("b")
				old := w.token(a, appID)
				w.token(b, appID)
				w.wechat.kill(appID)
				report := func(k *custody.Keeper, token string) {
					if err := k.Report(w.Context(), appID, token); err != nil {
						w.Error(err)
					}
				}
				w.asks(1, func() { report(a, old) })
				w.asks(0, func() { report(a, old); report(b, old); report(b, ""); report(a, "anything") })
				if x, y := w.token(a, appID), w.token(b, appID); x != y || x == old {
					w.Errorf("%s and %s after %s", x, y, old)
				}
				pass(119 * time.Minute) // another one is due, but not because of that
				w.asks(0, func() { report(a, old); report(b, old); report(a, "anything") })
			})
		})
	}
	t.Run("there is one more call, never two", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			made := 0
			err := k.Do(w.Context(), stable, func(context.Context, wechat.Bearer) error {
				made++
				return refusal(40001, wechat.ClassRefresh)
			})
			var e *wechat.Error
			if !errors.As(err, &e) || e.Code != 40001 || made != 2 {
				w.Errorf("called %d times, %v", made, err)
			}
		})
	})
	t.Run("other errors are the caller's, and no reason to call again", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k, own := w.node("a"), errors.New("own")
			for _, want := range []error{own, refusal(-1, wechat.ClassRetry), refusal(48001, wechat.ClassConfig)} {
				made := 0
				err := k.Do(w.Context(), stable, func(context.Context, wechat.Bearer) error { made++; return want })
				if !errors.Is(err, want) || made != 1 {
					w.Errorf("called %d times, %v", made, err)
				}
			}
		})
	})
	t.Run("a dead token is served no more by who has seen it die, also while there is no other", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.token(k, stable)
			w.wechat.kill(stable)
			w.wechat.with(func(string, string) fault { return fault{err: refusal(-1, wechat.ClassRetry)} })
			made := 0
			if err := k.Do(w.Context(), stable, w.call(&made)); !strings.Contains(err.Error(), "40001") || made != 1 {
				w.Errorf("called %d times, %v", made, err)
			}
			if token, _, err := k.Token(w.Context(), stable); err == nil {
				w.Errorf("%s is served", token)
			}
			w.wechat.with(nil)
			pass(2 * time.Second)
			w.token(k, stable)
		})
	})
	t.Run("a token that others only say is dead is served while there is no other", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			old := w.token(k, stable)
			w.wechat.with(func(string, string) fault { return fault{err: refusal(-1, wechat.ClassRetry)} })
			if err := k.Report(w.Context(), stable, old); err == nil {
				w.Error("nobody says that it couldn't be replaced")
			}
			if got := w.token(k, stable); got != old {
				w.Errorf("served is %s, want %s", got, old)
			}
		})
	})
}

func TestToken_lateLease(t *testing.T) {
	t.Parallel()
	play(t, func(w *world) {
		k := w.node("a")
		// Another node has reserved the account, and dies.
		if _, ok, err := w.store.Store.ReserveCustody(w.Context(), legacy, "x", time.Now(), time.Now().Add(28*time.Second)); !ok || err != nil {
			w.Fatal(ok, err)
		}
		w.wechat.with(func(string, string) fault { return fault{slow: 4 * time.Second} })
		w.asks(1, func() { w.token(k, legacy) })
	})
}

func TestDeadAgain(t *testing.T) {
	t.Parallel()
	// refused is a WeChat that takes no token, and gives the same one again.
	refused := func(context.Context, wechat.Bearer) error { return refusal(40001, wechat.ClassRefresh) }
	t.Run("the same stable token again is an alarm, and never forced", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.token(k, stable)
			w.asks(1, func() { _ = k.Do(w.Context(), stable, refused) })
			w.tells("dead+")
			w.asks(0, func() {
				for range 100 {
					_ = k.Do(w.Context(), stable, refused)
				}
			})
			pass(31 * time.Second)
			made := 0
			if err := k.Do(w.Context(), stable, w.call(&made)); err != nil {
				w.Error(err)
			}
			w.tells("dead-")
			if w.wechat.forced != 0 {
				w.Errorf("forced %d times", w.wechat.forced)
			}
		})
	})
	t.Run("where the operator permits it, it is killed, and not again for 90 minutes", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			w.config = func(c *custody.Config) { c.Force = true }
			k := w.node("a")
			old := w.token(k, stable)
			w.wechat.kill(stable)
			w.wechat.sticky = true
			made := 0
			if err := k.Do(w.Context(), stable, w.call(&made)); err != nil || made != 2 || w.token(k, stable) == old {
				w.Errorf("called %d times, %v", made, err)
			}
			for range 80 {
				pass(time.Minute)
				_ = k.Do(w.Context(), stable, refused)
			}
			if w.wechat.forced != 1 {
				w.Errorf("forced %d times", w.wechat.forced)
			}
		})
	})
	t.Run("another program that takes the legacy token away is an alarm, and no race for the quota", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.token(k, legacy)
			before := w.wechat.asked()
			failed := 0
			for range 24 * 60 {
				pass(time.Minute)
				w.wechat.rival(legacy)
				if k.Do(w.Context(), legacy, w.call(new(int))) != nil {
					failed++
				}
			}
			w.Logf("%d times asked, %d of %d calls failed", w.wechat.asked()-before, failed, 24*60)
			if got := w.wechat.asked() - before; got > 200 {
				w.Errorf("WeChat was asked %d times in a day", got)
			}
			w.tells("rival+")
			pass(time.Hour)
			w.token(k, legacy)
			synctest.Wait()
			pass(2 * time.Hour)
			w.token(k, legacy)
			w.tells("rival-")
		})
	})
}

func TestTicket(t *testing.T) {
	t.Parallel()
	t.Run("all nodes have the same, each kind its own, beside the token", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			a, b := w.node("a"), w.node("b")
			got := map[string]bool{}
			w.asks(3, func() {
				for _, k := range []*custody.Keeper{a, b, a} {
					for _, kind := range []string{"jsapi", "wx_card"} {
						ticket, until, err := k.Ticket(w.Context(), stable, kind)
						if err != nil || time.Until(until) < time.Hour {
							w.Errorf("%s until %v, %v", ticket, until, err)
						}
						got[ticket] = true
					}
				}
			})
			if len(got) != 2 {
				w.Errorf("tickets %v", got)
			}
		})
	})
	t.Run("a token that is dead when a ticket is got is replaced", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.token(k, legacy)
			w.wechat.kill(legacy)
			if _, _, err := k.Ticket(w.Context(), legacy, "jsapi"); err != nil {
				w.Error(err)
			}
			w.tells()
		})
	})
	t.Run("a ticket outlives its token, and an outage up to its end", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			ticket, until, err := k.Ticket(w.Context(), stable, "jsapi")
			if err != nil {
				w.Fatal(err)
			}
			w.wechat.kill(stable)
			w.wechat.with(func(string, string) fault { return fault{err: refusal(-1, wechat.ClassRetry)} })
			for time.Until(until) > time.Minute {
				pass(time.Minute)
				if got, _, err := k.Ticket(w.Context(), stable, "jsapi"); got != ticket {
					w.Fatalf("%s, %v with %v left", got, err, time.Until(until))
				}
			}
			pass(time.Minute)
			if got, _, err := k.Ticket(w.Context(), stable, "jsapi"); err == nil {
				w.Errorf("%s is served after its end", got)
			}
		})
	})
}
