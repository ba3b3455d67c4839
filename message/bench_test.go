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
			accept(b, h, order(""))
			drainTimed(b, h)
		})
		b.Run("simulator/"+name, func(b *testing.B) {
			w := newWorld(b, on)
			token := ""
			w.must(w.config.Call(b.Context(), simAccount, func(_ context.Context, as wechat.Bearer) error { token = as.Token; return nil }))
			w.config.Call = func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
				return do(ctx, wechat.Bearer{AppID: appID, Token: token})
			}
			w.Outbox = message.New(w.config)
			accept(b, w.house, w.login("ming", "x"))
			drainTimed(b, w.house)
		})
	}
}

// accept puts b.N messages into the outbox, and reports how fast.
func accept(b *testing.B, h *house, o message.Order) {
	b.ResetTimer()
	_, err := h.Batch(b.Context(), message.Bulk{Name: "b", Order: o}, func(yield func(message.Row, error) bool) {
		for i := range b.N {
			if !yield(message.Row{Line: i, User: "ming", ClientID: fmt.Sprint(i)}, nil) {
				return
			}
		}
	})
	h.must(err)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "accepted/s")
}

func drainTimed(b *testing.B, h *house) {
	b.ResetTimer()
	h.drain()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "sent/s")
	b.StopTimer()
	if counts, err := h.Count(b.Context(), "shop", "b"); err != nil || counts[message.Sent] != int64(b.N) {
		b.Errorf("the batch stands at %v, %v", counts, err)
	}
}
