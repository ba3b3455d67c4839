package message_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestAttempt(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("each refusal of WeChat ends a message as the law says", func(t *testing.T) { t.Parallel(); endings(t, on) })
		t.Run("who turns out not to follow is recorded, and nothing is sent to him any more", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.phones.next = []func() error{code(43004)}
			h.drain()
			h.want(m.ID, message.Dropped, message.ReasonUnfollowed)
			_, err := h.Send(t.Context(), order("b"))
			wantFault(t, err, message.FaultUnreachable, "")
			if a, _ := h.people.Addresses(t.Context(), "shop", "ming"); !a[1].Following {
				t.Error("he is taken for gone from the other account, too")
			}
		})
		t.Run("a spent quota stops one kind of messages of one account until midnight in China, and no other", func(t *testing.T) { t.Parallel(); quota(t, on) })
		t.Run("too many calls in a minute wait for the next", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.phones.next = []func() error{code(45011)}
			h.drain()
			h.want(m.ID, message.Queued, message.ReasonRate)
			h.clock.advance(54 * time.Second) // it was 03:04:05
			h.drain()
			h.want(m.ID, message.Queued, message.ReasonRate)
			h.clock.advance(time.Second)
			h.drain()
			h.want(m.ID, message.Sent, message.ReasonNone)
		})
		t.Run("a user with too many messages is spared for an hour, others are not", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.phones.next = []func() error{code(43117)}
			h.drain()
			other := h.send(order("b"))
			h.drain()
			h.want(other.ID, message.Sent, message.ReasonNone)
			h.clock.advance(59 * time.Minute)
			h.drain()
			h.want(m.ID, message.Queued, message.ReasonUserRate)
			h.clock.advance(time.Minute)
			h.drain()
			h.want(m.ID, message.Sent, message.ReasonNone)
		})
		t.Run("a busy WeChat is asked again, later each time", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.phones.next = []func() error{code(-1), code(-1)}
			h.drain()
			first := h.want(m.ID, message.Queued, message.ReasonBusy)
			h.clock.advance(time.Minute)
			h.drain()
			second := h.want(m.ID, message.Queued, message.ReasonBusy)
			a, b := first.Next.Sub(h.clock.time().Add(-time.Minute)), second.Next.Sub(h.clock.time())
			if a < 5*time.Second || b < 2*5*time.Second || b > 13*time.Second {
				t.Errorf("it waits %v, then %v", a, b)
			}
			h.clock.advance(time.Minute)
			h.drain()
			h.want(m.ID, message.Sent, message.ReasonNone)
		})
		t.Run("an account without a token stops its messages, longer each time, and at last they fail", func(t *testing.T) { t.Parallel(); tokenless(t, on) })
	})
}

func endings(t *testing.T, on engine) {
	h := newHouse(t, on)
	for n, want := range map[int]struct {
		state  message.State
		reason message.Reason
	}{
		43101: {message.Dropped, message.ReasonRefused},
		48002: {message.Blocked, message.ReasonBlocked},
		43019: {message.Dropped, message.ReasonBlacklisted},
		45015: {message.Dropped, message.ReasonWindow},
		45047: {message.Dropped, message.ReasonTooMany},
		40003: {message.Failed, message.ReasonOpenID},
		40037: {message.Failed, message.ReasonTemplate},
		47003: {message.Failed, message.ReasonData},
		48001: {message.Failed, message.ReasonPermission},
		99999: {message.Failed, message.ReasonWeChat},
	} {
		m := h.send(order(""))
		h.phones.next = []func() error{code(n)}
		h.drain()
		m = h.want(m.ID, want.state, want.reason)
		if m.Detail == "" || m.Ended.IsZero() || m.Tries != 1 {
			t.Errorf("after %d: %+v", n, m)
		}
		if en, zh := m.Reason.Say(); en == "" || zh == "" {
			t.Errorf("%s has no sentences", m.Reason)
		}
	}
	gone := h.send(order(""))
	h.people.set("ming", follows(own, "o-ming-own"))
	h.phones.next = []func() error{code(50005)}
	h.drain()
	h.want(gone.ID, message.Dropped, message.ReasonUnfollowed)
	h.wantArrivals(0)
}

func quota(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.send(order("a"))
	elsewhere := order("b")
	elsewhere.Template = notice + "-" + shared
	h.phones.next = []func() error{code(45009)}
	h.drain()
	h.want(m.ID, message.Queued, message.ReasonQuota)
	other, service := h.send(elsewhere), h.send(custom("s"))
	h.drain()
	h.want(other.ID, message.Sent, message.ReasonNone)
	h.want(service.ID, message.Sent, message.ReasonNone)
	lanes, err := h.Paused(t.Context())
	midnight := time.Date(2026, 1, 2, 16, 0, 0, 0, time.UTC) // it was 11:04 in China
	if err != nil || len(lanes) != 1 || lanes[0].Lane != (message.Lane{AppID: own, Kind: message.KindTemplate}) || !lanes[0].Until.Equal(midnight) {
		t.Fatalf("left alone: %+v, %v", lanes, err)
	}
	h.clock.advance(midnight.Sub(h.clock.time()) - time.Second)
	second := h.send(order("c"))
	h.drain()
	h.want(m.ID, message.Queued, message.ReasonQuota)
	h.want(second.ID, message.Queued, message.ReasonNone)
	h.clock.advance(time.Second)
	h.drain()
	h.want(m.ID, message.Sent, message.ReasonNone)
	h.want(second.ID, message.Sent, message.ReasonNone)

	h.phones.next = []func() error{code(45009)}
	third := h.send(order("d"))
	h.drain()
	h.want(third.ID, message.Queued, message.ReasonQuota)
	h.must(h.Resume(t.Context(), own)) // somebody has cleared the quota
	h.drain()
	h.want(third.ID, message.Sent, message.ReasonNone)
}

func tokenless(t *testing.T, on engine) {
	broken := true
	h := newHouse(t, on, func(c *message.Config) {
		c.Call = func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
			if broken {
				return errors.New("no token")
			}
			return call(ctx, appID, do)
		}
	})
	m := h.send(order("a"))
	var waited []time.Duration
	for range 4 {
		h.drain()
		h.want(m.ID, message.Queued, message.ReasonAccount)
		lanes, err := h.Paused(t.Context())
		if err != nil || len(lanes) != 1 {
			t.Fatalf("left alone: %+v, %v", lanes, err)
		}
		waited = append(waited, lanes[0].Until.Sub(h.clock.time()))
		h.clock.advance(waited[len(waited)-1])
	}
	if waited[0] != time.Minute || waited[1] != 2*time.Minute || waited[3] != 8*time.Minute {
		t.Errorf("it waited %v", waited)
	}
	h.clock.advance(49 * time.Hour)
	h.drain()
	m = h.want(m.ID, message.Failed, message.ReasonTooLate)
	h.wantArrivals(0)
	broken = false
	h.clock.advance(time.Hour)
	if _, err := h.Replay(t.Context(), "shop", m.ID); err != nil {
		t.Fatal(err)
	}
	h.drain()
	h.want(m.ID, message.Sent, message.ReasonNone)
}
