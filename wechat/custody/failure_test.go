package custody_test

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// whitelist is WeChat's refusal of an address.
func whitelist() *wechat.Error {
	return &wechat.Error{API: "cgi-bin/token", Code: 40164, Class: wechat.ClassConfig, Message: "invalid ip 192.0.2.9 ipv6 ::ffff:192.0.2.9, not in whitelist"}
}

func TestFailure(t *testing.T) {
	t.Parallel()
	t.Run("while WeChat is down the old token is served to its end, not beyond, and WeChat isn't pressed", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			old, until, err := k.Token(w.Context(), legacy)
			if err != nil {
				w.Fatal(err)
			}
			before := w.wechat.asked()
			w.wechat.with(func(string, string) fault { return fault{err: refusal(-1, wechat.ClassRetry)} })
			for time.Until(until) > time.Second {
				pass(time.Second)
				if got, _, err := k.Token(w.Context(), legacy); got != old {
					w.Fatalf("%s, %v with %v left", got, err, time.Until(until))
				}
			}
			pass(time.Second)
			if got, _, err := k.Token(w.Context(), legacy); err == nil {
				w.Errorf("%s is served after its end", got)
			}
			if n := w.wechat.asked() - before; n > 45 {
				w.Errorf("asked %d times in the last 24 minutes", n)
			}
			pass(5 * time.Minute)
			for range 10 {
				pass(2 * time.Minute)
				_, _, _ = k.Token(w.Context(), legacy)
			}
			w.tells("down+")
			w.wechat.with(nil)
			pass(2 * time.Minute)
			w.token(k, legacy)
			w.tells("down-")
		})
	})
	t.Run("one that is down is tried again by Run alone", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.wechat.with(func(string, string) fault { return fault{err: whitelist()} })
			if _, _, err := k.Token(w.Context(), stable); err == nil {
				w.Error("there is a token")
			}
			w.tells("ip+")
			w.wechat.with(nil)
			pass(2 * time.Minute)
			k.Step(w.Context())
			w.tells("ip-")
		})
	})
	t.Run("what an operator must do is told once when it begins and once when it ends, with the address", func(t *testing.T) {
		t.Parallel()
		for _, tt := range []struct {
			err    error
			reason custody.Reason
		}{
			{whitelist(), custody.ReasonIP},
			{refusal(89503, wechat.ClassRetry), custody.ReasonConfirm},
			{refusal(89501, wechat.ClassRetry), custody.ReasonConfirm},
			{refusal(89506, wechat.ClassConfig), custody.ReasonRefused},
			{refusal(89507, wechat.ClassConfig), custody.ReasonRefused},
			{refusal(40125, wechat.ClassConfig), custody.ReasonSecret},
			{refusal(40001, wechat.ClassConfig), custody.ReasonSecret},
			{refusal(40243, wechat.ClassConfig), custody.ReasonFrozen},
			{refusal(50007, wechat.ClassConfig), custody.ReasonFrozen},
			{refusal(45009, wechat.ClassRetry), custody.ReasonQuota},
			{refusal(48001, wechat.ClassConfig), custody.ReasonConfig},
		} {
			play(t, func(w *world) { announced(w, tt.err, tt.reason) })
		}
	})
	t.Run("a quota that is used up is respected", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			midnight := time.Now().Add(10 * time.Hour)
			w.wechat.with(func(string, string) fault {
				return fault{err: &wechat.Error{Code: 45009, Class: wechat.ClassRetry, Until: midnight}}
			})
			for range 10 * 60 {
				_, _, _ = k.Token(w.Context(), stable)
				pass(time.Minute)
			}
			if n := w.wechat.asked(); n > 11 {
				w.Errorf("asked %d times in 10 hours", n)
			}
		})
	})
	t.Run("a ticket that can't be had for want of a token is no second alarm", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.wechat.with(func(string, string) fault { return fault{err: whitelist()} })
			for range 10 {
				if _, _, err := k.Ticket(w.Context(), stable, "jsapi"); err == nil || !strings.Contains(err.Error(), "40164") {
					w.Errorf("got error %v", err)
				}
				pass(time.Minute)
			}
			w.tells("ip+")
		})
	})
	t.Run("without the shared state each node gets the stable token by itself", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			w.shared.fail(errors.New("gone"))
			a, b := w.node("a"), w.node("b")
			if x, y := w.token(a, stable), w.token(b, stable); x != y {
				w.Errorf("%s and %s", x, y)
			}
			w.wechat.kill(stable)
			for _, k := range []*custody.Keeper{a, b} {
				if err := k.Do(w.Context(), stable, w.call(new(int))); err != nil {
					w.Error(err)
				}
			}
			w.shared.fail(nil)
			pass(2 * time.Hour)
			if x, y := w.token(a, stable), w.token(b, stable); x != y {
				w.Errorf("%s and %s", x, y)
			}
		})
	})
	t.Run("without the facts no legacy token is got, and the old one is served", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			old := w.token(k, legacy)
			w.store.fail(errors.New("gone"))
			pass(119 * time.Minute)
			w.asks(0, func() {
				for range 50 {
					if got := w.token(k, legacy); got != old {
						w.Errorf("served is %s, want %s", got, old)
					}
					pass(time.Second)
				}
			})
			w.store.fail(nil)
			pass(time.Minute)
			w.token(k, legacy)
			synctest.Wait()
		})
	})
	t.Run("an outage is told once when it begins and once when it ends, whatever the number of accounts", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			use := func() {
				for i := range 20 {
					w.token(k, appIDOf(i))
				}
			}
			use()
			for _, down := range []error{errors.New("gone"), nil} {
				w.shared.fail(down)
				for range 10 {
					pass(2 * time.Minute)
					use()
				}
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if log := w.log.String(); strings.Count(log, "can't be reached") != 1 || strings.Count(log, "reached again") != 1 || strings.Count(log, "\n") != 2 {
				w.Errorf("the log is %s", log)
			}
		})
	})
	t.Run("a shared state that says by itself that it is away isn't talked about", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.shared.fail(cluster.ErrAway)
			for range 10 {
				w.token(k, stable)
				pass(2 * time.Hour)
			}
			w.mu.Lock()
			defer w.mu.Unlock()
			if log := w.log.String(); log != "" {
				w.Errorf("the log is %s", log)
			}
		})
	})
	t.Run("legacy without a store is an error, and no crash", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			w.config = func(c *custody.Config) { c.Store = nil }
			if _, _, err := w.node("a").Token(w.Context(), legacy); err == nil {
				w.Error("there is a token")
			}
		})
	})
}

// announced has an operator told of an error, and of its end.
func announced(w *world, err error, want custody.Reason) {
	k := w.node("a")
	w.wechat.with(func(string, string) fault { return fault{err: err} })
	before := w.wechat.asked()
	for range 60 * 12 {
		if _, _, err := k.Token(w.Context(), stable); err == nil {
			w.Errorf("%s: there is a token", want)
		}
		pass(time.Minute)
	}
	if n := w.wechat.asked() - before; n > 36 {
		w.Errorf("%s: asked %d times in 12 hours", want, n)
	}
	w.mu.Lock()
	on := append([]custody.Alarm{}, w.alarms...)
	w.mu.Unlock()
	if len(on) != 1 || on[0].Reason != want || !on[0].On || on[0].AppID != stable || on[0].Do == "" || on[0].DoZH == "" {
		w.Fatalf("%v: the alarms are %+v", err, on)
	}
	if s := k.States()[0]; s.Alarm != want || s.LastError == "" || !s.RetryAt.After(time.Now().Add(-time.Minute)) {
		w.Errorf("the state is %+v", s)
	}
	if want == custody.ReasonIP && (on[0].IP.String() != "192.0.2.9" || !strings.HasSuffix(on[0].Do, ": 192.0.2.9") || k.States()[0].IP != "192.0.2.9") {
		w.Errorf("the alarm is %+v", on[0])
	}
	w.wechat.with(nil)
	pass(time.Hour)
	w.token(k, stable)
	w.tells(string(want)+"+", string(want)+"-")
	if s := k.States()[0]; s.Alarm != "" || s.LastError != "" || s.IP != "" || s.Refreshes != 1 {
		w.Errorf("the state is %+v", s)
	}
}
