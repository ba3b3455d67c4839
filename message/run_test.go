package message_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestRun(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a slow account delays no other, and what is under way at the end is settled", func(t *testing.T) {
			t.Parallel()
			slow, sent := make(chan struct{}), make(chan message.Message, 10)
			h := newHouse(t, on, func(c *message.Config) {
				c.Every = 10 * time.Millisecond
				c.Observe = func(m message.Message) {
					if m.State == message.Sent {
						sent <- m
					}
				}
				c.Call = func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
					if appID == own {
						<-slow
					}
					return call(ctx, appID, do)
				}
			})
			stuck := h.send(order("a"))
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { h.Run(ctx); close(ended) }()
			other := order("b")
			other.Template = notice + "-" + shared
			for i := range 3 {
				other.ClientID = fmt.Sprint("b", i)
				m := h.send(other)
				if got := <-sent; got.ID != m.ID {
					t.Errorf("%s was sent, want %s", got.ID, m.ID)
				}
			}
			stop()
			select {
			case <-ended:
				t.Error("it ended before everything was settled")
			default:
			}
			close(slow)
			<-ended
			h.want(stuck.ID, message.Sent, message.ReasonNone)
			h.wantArrivals(4)
		})
		t.Run("each account sends as fast as it may, and no faster", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on, func(c *message.Config) { c.Limiter = message.NewBuckets(10, 20, c.Now) })
			for i := range 5 { // each costs one token, whatever the batch could take
				h.send(order(fmt.Sprint("single", i)))
				h.drain()
			}
			h.wantArrivals(5)
			h.batch("b", 100)
			h.drain()
			h.wantArrivals(20)
			h.clock.advance(3 * time.Second)
			h.drain()
			h.wantArrivals(40) // no more than the bucket holds
			h.clock.advance(time.Second)
			h.drain()
			h.wantArrivals(50)
		})
		t.Run("what is accepted is sent at once, not when somebody looks the next time", func(t *testing.T) {
			t.Parallel()
			sent := make(chan struct{}, 10)
			h := newHouse(t, on, func(c *message.Config) {
				c.Every = time.Hour
				c.Observe = func(m message.Message) {
					if m.State == message.Sent {
						sent <- struct{}{}
					}
				}
			})
			ctx, stop := context.WithCancel(t.Context())
			ended := make(chan struct{})
			go func() { h.Run(ctx); close(ended) }()
			for i := range 3 {
				h.send(order(fmt.Sprint("a", i)))
				<-sent
			}
			h.batch("b", 2)
			<-sent
			<-sent
			stop()
			<-ended
		})
		t.Run("several nodes on one store send each message once", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			const n = 300
			h.batch("b", n)
			ctx, stop := context.WithCancel(t.Context())
			sent := make(chan struct{}, 2*n)
			ended := make(chan struct{}, 3)
			for i := range 3 {
				c := h.config
				c.Store, c.Holder, c.Every, c.Take = h.again(), fmt.Sprint("node", i), 5*time.Millisecond, 8
				c.Observe = func(message.Message) { sent <- struct{}{} }
				node := message.New(c)
				go func() { node.Run(ctx); ended <- struct{}{} }()
			}
			for range n {
				<-sent
			}
			stop()
			for range 3 {
				<-ended
			}
			h.wantArrivals(n)
			if h.phones.calls != n {
				t.Errorf("%d calls for %d messages", h.phones.calls, n)
			}
		})
		t.Run("who doesn't follow is recorded in the facts", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			h.config.Followers = h.store
			h.Outbox = message.New(h.config)
			h.send(order("a"))
			h.phones.next = []func() error{code(43004)}
			h.drain()
			got, err := h.store.Followers(t.Context(), own, []string{"o-ming-own"})
			if f, known := got["o-ming-own"]; err != nil || !known || f.Following {
				t.Errorf("recorded: %+v, %v", got, err)
			}
		})
	})
}
