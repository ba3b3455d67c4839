package custody_test

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestRenewed(t *testing.T) {
	t.Parallel()
	t.Run("a secret that was set right is tried at once, not when the pause is over", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			w.wechat.with(func(string, string) fault { return fault{err: &wechat.Error{Code: 40125, Class: wechat.ClassConfig}} })
			if _, _, err := k.Token(w.Context(), stable); err == nil {
				w.Fatal("there is a token")
			}
			w.wechat.with(nil)
			w.asks(0, func() { k.Step(w.Context()) }) // it pauses
			k.Renewed("unknown")
			w.asks(0, func() { k.Step(w.Context()) })
			k.Renewed(stable)
			w.asks(1, func() { k.Step(w.Context()) })
			w.token(k, stable)
		})
	})
	t.Run("a new account has its first token got, and a good one is left alone", func(t *testing.T) {
		t.Parallel()
		play(t, func(w *world) {
			k := w.node("a")
			k.Renewed(stable)
			w.asks(1, func() { k.Step(w.Context()) })
			pass(time.Minute)
			k.Renewed(stable)
			w.asks(0, func() { k.Step(w.Context()) })
		})
	})
}
