package custody_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

func TestRun_end(t *testing.T) {
	t.Parallel()
	for kind, appID := range map[string]string{"stable": stable, "legacy": legacy} {
		t.Run(kind+": it ends within a second though WeChat takes its time, and what WeChat gives then is kept", func(t *testing.T) {
			t.Parallel()
			play(t, func(w *world) {
				w.wechat.with(func(string, string) fault { return fault{before: 10 * time.Second, after: 10 * time.Second} })
				w.config = func(c *custody.Config) { c.Accounts = func() []string { return []string{appID} } }
				k := w.node("a")
				ctx, cancel := context.WithCancel(w.Context())
				ended := make(chan struct{})
				go func() {
					k.Run(ctx)
					close(ended)
				}()
				for w.wechat.asked() == 0 { // and no answer for 20 seconds
					pass(time.Second)
				}
				before := time.Now()
				cancel()
				<-ended
				if took := time.Since(before); took > time.Second {
					w.Errorf("it took %s", took)
				}
				pass(time.Minute)
				w.wechat.with(nil)
				w.asks(0, func() { w.token(w.node("b"), appID) })
			})
		})
	}
}

func TestRun_start(t *testing.T) {
	t.Parallel()
	play(t, func(w *world) {
		var ids []string
		for i := range 60 {
			ids = append(ids, appIDOf(i))
		}
		w.config = func(c *custody.Config) { c.Accounts = func() []string { return append(slices.Clone(ids), "unknown") } }
		ctx, cancel := context.WithCancel(w.Context())
		defer synctest.Wait()
		defer cancel()
		for i := range 3 {
			go w.node(fmt.Sprint("n", i)).Run(ctx)
		}
		synctest.Wait()
		if n := w.wechat.asked(); n > 10 {
			w.Errorf("WeChat was asked %d times at once", n)
		}
		pass(30 * time.Second)
		if n := w.wechat.asked(); n < 15 || n > 59 {
			w.Errorf("WeChat was asked %d times in half of the minute", n)
		}
		pass(40 * time.Second)
		if n := w.wechat.asked(); n != len(ids) {
			w.Errorf("WeChat was asked %d times by three nodes for %d tokens", n, len(ids))
		}
		w.asks(0, func() { w.token(w.node("n4"), ids[0]) })
	})
}
