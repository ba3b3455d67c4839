package message_test

import (
	"context"
	"fmt"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// BenchmarkOutbox is messages from their acceptance in a batch to WeChat's answer on
// record.
func BenchmarkOutbox(b *testing.B) {
	for name, on := range map[string]engine{"SQLite": sqlite, "PostgreSQL": postgres} {
		b.Run("phones/"+name, func(b *testing.B) {
			h := newHouse(b, on)
			acceptAndSend(b, h, order(""))
		})
		b.Run("simulator/"+name, func(b *testing.B) {
			w := newWorld(b, on)
			token := ""
			w.must(w.config.Call(b.Context(), simAccount, func(_ context.Context, as wechat.Bearer) error { token = as.Token; return nil }))
			w.config.Call = func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
				return do(ctx, wechat.Bearer{AppID: appID, Token: token})
			}
			w.Outbox = message.New(w.config)
			acceptAndSend(b, w.house, w.login("ming", "x"))
		})
	}
}

// acceptAndSend puts b.N messages into the outbox, then sends them, and reports how fast.
func acceptAndSend(b *testing.B, h *house, o message.Order) {
	b.ResetTimer()
	_, err := h.Batch(b.Context(), message.Bulk{Name: "b", Order: o}, func(yield func(message.Row, error) bool) {
		for i := range b.N {
			if !yield(message.Row{Line: i, User: "ming", ClientID: fmt.Sprint(i)}, nil) {
				return
			}
		}
	})
	h.must(err)
	accepted := b.Elapsed()
	h.drain()
	b.StopTimer()
	b.ReportMetric(float64(b.N)/accepted.Seconds(), "accepted/s")
	b.ReportMetric(float64(b.N)/(b.Elapsed()-accepted).Seconds(), "sent/s")
	if counts, err := h.Count(b.Context(), "shop", "b", ""); err != nil || counts[message.Sent] != int64(b.N) {
		b.Errorf("the batch stands at %v, %v", counts, err)
	}
}
