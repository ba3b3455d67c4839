package message_test

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// TestUnknown is about attempts of which nobody knows how they ended.
func TestUnknown(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a template message whose answer is lost is sent again under its id, and arrives once", func(t *testing.T) {
			t.Parallel()
			for _, arrived := range []bool{true, false} {
				h := newHouse(t, on)
				m := h.send(order("a"))
				h.phones.next = []func() error{lost(arrived), lost(arrived)}
				for range 8 {
					h.drain()
					h.clock.advance(time.Minute)
				}
				m = h.want(m.ID, message.Sent, message.ReasonNone)
				h.wantArrivals(1)
				if m.Tries != 3 || !m.Unsure.IsZero() {
					t.Errorf("it stands at %+v", m)
				}
				h.must(h.Finished(t.Context(), own, m.MsgID, "success", h.clock.time()))
				h.want(m.ID, message.Delivered, message.ReasonNone)
			}
		})
		t.Run("after nine minutes it is not repeated, and a person may decide to", func(t *testing.T) { t.Parallel(); tooOld(t, on) })
		t.Run("a refusal after an attempt of unknown outcome doesn't make that one known", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.phones.next = []func() error{lost(true), code(43117)} // and in an hour WeChat has forgotten the id
			h.drain()
			h.clock.advance(time.Minute)
			h.drain()
			h.want(m.ID, message.Failed, message.ReasonUnknown)
			h.clock.advance(2 * time.Hour)
			h.drain()
			h.wantArrivals(1)
		})
		t.Run("what has no id at WeChat is never sent again after an attempt of unknown outcome", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(custom("a"))
			h.phones.next = []func() error{lost(true)}
			h.drain()
			h.want(m.ID, message.Failed, message.ReasonUnknown)
			h.clock.advance(time.Hour)
			h.drain()
			h.wantArrivals(1)
		})
		t.Run("a node that dies with messages taken leaves them to another, which sends each once", func(t *testing.T) { t.Parallel(); died(t, on) })
		t.Run("a message is not sent to an openid that is its user's no longer", func(t *testing.T) { t.Parallel(); parted(t, on) })
	})
}

func tooOld(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.send(order("a"))
	h.phones.always = lost(true)
	for range 30 {
		h.drain()
		h.clock.advance(time.Minute)
	}
	m = h.want(m.ID, message.Failed, message.ReasonUnknown)
	h.wantArrivals(1)
	calls := h.phones.calls
	if calls < 4 {
		t.Errorf("only %d attempts", calls)
	}
	h.clock.advance(10 * time.Hour)
	h.drain()
	if h.phones.calls != calls {
		t.Error("it was tried again")
	}
	h.phones.always = nil
	if _, err := h.Replay(t.Context(), "shop", m.ID); err != nil {
		t.Fatal(err)
	}
	h.drain()
	h.want(m.ID, message.Sent, message.ReasonNone)
	got := h.phones.arrived()
	if len(got) != 2 || got[1].clientID == m.ID {
		t.Errorf("arrived: %+v", got)
	}
}

func died(t *testing.T, on engine) {
	h := newHouse(t, on)
	now := h.clock.time()
	m, c := h.send(order("a")), h.send(custom("b"))
	// The first node takes both, sends both, and dies before it can write so.
	var taken []message.Message
	for _, kind := range []message.Kind{message.KindTemplate, message.KindCustom} {
		some, err := h.store.TakeMessages(t.Context(), message.Lane{AppID: own, Kind: kind}, "dead", now, now.Add(2*time.Minute), 10)
		if err != nil || len(some) != 1 {
			t.Fatalf("taken: %+v, %v", some, err)
		}
		taken = append(taken, some...)
	}
	for _, x := range taken {
		id := x.ClientMsgID()
		if x.Kind == message.KindCustom {
			id = ""
		}
		if _, err := h.phones.take(bearer(own), x.OpenID, id, "before death"); err != nil {
			t.Fatal(err)
		}
	}
	h.drain()
	h.wantArrivals(2)
	h.want(m.ID, message.Queued, message.ReasonNone)
	h.clock.advance(2 * time.Minute)
	h.drain()
	h.want(m.ID, message.Sent, message.ReasonNone)
	h.want(c.ID, message.Failed, message.ReasonUnknown)
	h.wantArrivals(2)
	// The dead one comes back and is told that it has nothing to say any more.
	taken[0].State = message.Failed
	if _, ours, err := h.store.SettleMessage(t.Context(), taken[0], "dead"); err != nil || ours {
		t.Errorf("it settled, %v", err)
	}
	h.want(m.ID, message.Sent, message.ReasonNone)
}

func parted(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.send(custom("a"))
	h.people.set("ming", follows(own, "o-ming-new"))
	h.drain()
	h.want(m.ID, message.Sent, message.ReasonNone)
	if got := h.phones.arrived(); got[0].openID != "o-ming-new" {
		t.Errorf("arrived: %+v", got)
	}
	gone := h.send(custom("b"))
	h.people.set("ming")
	h.drain()
	h.want(gone.ID, message.Dropped, message.ReasonUnreachable)
	h.people.set("ming", follows(own, "o1"), follows(shared, "o2"))
	both := custom("c")
	both.PreferAppIDs = []string{own, shared}
	moved := h.send(both)
	h.people.set("ming", message.Address{AppID: own, OpenID: "o1", Known: true}, follows(shared, "o2"))
	h.drain()
	h.want(moved.ID, message.Sent, message.ReasonNone)
	if got := h.phones.arrived(); len(got) != 2 || got[1].appID != shared || got[1].openID != "o2" {
		t.Errorf("arrived: %+v", got)
	}
	// What may have arrived at one openid is not sent to another.
	h.people.set("ming", follows(own, "o1"))
	unsure := h.send(order("d"))
	h.phones.next = []func() error{lost(true)}
	h.drain()
	h.people.set("ming", follows(own, "o9"))
	h.clock.advance(time.Minute)
	h.drain()
	h.want(unsure.ID, message.Failed, message.ReasonUnknown)
	h.wantArrivals(3)
}
