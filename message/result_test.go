package message_test

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

func TestFinished(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a result that comes before the message is known to be sent is not lost", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			// WeChat is fast: its push is there before its answer is written.
			first := int64(1<<60 + 1)
			h.phones.before = func(string) { h.must(h.Finished(t.Context(), own, first, "success", h.clock.time())) }
			h.drain()
			m = h.want(m.ID, message.Delivered, message.ReasonNone)
			if m.MsgID != first || m.Sent.IsZero() || m.Ended.IsZero() {
				t.Errorf("it stands at %+v", m)
			}
		})
		t.Run("the same number of another account is another message", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.drain()
			m = h.get(m.ID)
			h.must(h.Finished(t.Context(), shared, m.MsgID, "success", h.clock.time()))
			h.want(m.ID, message.Sent, message.ReasonNone)
		})
		t.Run("every wording of a result is understood", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			for status, want := range map[string]struct {
				state  message.State
				reason message.Reason
			}{
				"success": {message.Delivered, message.ReasonNone}, "Success ": {message.Delivered, message.ReasonNone},
				"failed:user block": {message.Blocked, message.ReasonBlocked}, "failed: user block": {message.Blocked, message.ReasonBlocked},
				"failed: system failed": {message.Failed, message.ReasonSystem}, "who knows": {message.Failed, message.ReasonSystem},
			} {
				m := h.send(order(""))
				h.drain()
				h.must(h.Finished(t.Context(), own, h.get(m.ID).MsgID, status, h.clock.time()))
				h.want(m.ID, want.state, want.reason)
			}
		})
		t.Run("a message that WeChat held back for its user's sake is sent again under another id, three times", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			ids := map[string]bool{}
			for round := range 4 {
				h.drain()
				now := h.get(m.ID)
				if now.State != message.Sent {
					t.Fatalf("in round %d it stands at %+v", round, now)
				}
				ids[h.phones.arrived()[round].clientID] = true
				for range 3 { // as often as WeChat likes
					h.must(h.Finished(t.Context(), own, now.MsgID, "failed:freq limit", h.clock.time()))
				}
				h.drain()
				h.clock.advance(time.Hour)
			}
			h.want(m.ID, message.Failed, message.ReasonUserRate)
			if len(ids) != 4 {
				t.Errorf("the ids were %v", ids)
			}
			h.wantArrivals(4)
		})
		t.Run("results of other systems' messages are forgotten after a day", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			h.must(h.Finished(t.Context(), own, int64(1<<60+1), "failed:user block", h.clock.time()))
			h.clock.advance(25 * time.Hour)
			h.must(h.Sweep(t.Context()))
			m := h.send(order("a"))
			h.drain()
			h.want(m.ID, message.Sent, message.ReasonNone)
		})
	})
}
