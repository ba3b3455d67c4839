package message_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestManage(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("messages are listed by every filter, page by page, each once", func(t *testing.T) { t.Parallel(); listing(t, on) })
		t.Run("a queued message can be taken back, one under way can't, nor one that is sent", func(t *testing.T) { t.Parallel(); cancelling(t, on) })
		t.Run("a message that was not delivered can be sent again, a delivered one can't", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.drain()
			h.must(h.Finished(t.Context(), own, h.get(m.ID).MsgID, "failed: system failed", h.clock.time()))
			if _, err := h.Replay(t.Context(), "shop", m.ID); err != nil {
				t.Fatal(err)
			}
			h.drain()
			sent := h.want(m.ID, message.Sent, message.ReasonNone)
			h.wantArrivals(2) // at once: WeChat would have dropped the same id
			h.must(h.Finished(t.Context(), own, sent.MsgID, "success", h.clock.time()))
			_, err := h.Replay(t.Context(), "shop", m.ID)
			wantFault(t, err, message.FaultState, "")
			_, err = h.Replay(t.Context(), "other", m.ID)
			wantFault(t, err, message.FaultNotFound, "")
		})
		t.Run("the content is sealed, swept after a time, and the row after another", func(t *testing.T) { t.Parallel(); sweeping(t, on) })
		t.Run("a user is erased with all his messages, also those under way, and nobody else's", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			h.people.set("li", follows(own, "o-li"))
			m := h.send(order("a"))
			li := order("b")
			li.User = "li"
			kept := h.send(li)
			h.phones.before = func(id string) {
				if id == m.ID {
					_, err := h.EraseUser(t.Context(), "shop", "ming")
					h.must(err)
				}
			}
			h.drain()
			_, err := h.Get(t.Context(), "shop", m.ID)
			wantFault(t, err, message.FaultNotFound, "")
			h.want(kept.ID, message.Sent, message.ReasonNone)
			if n, err := h.EraseUser(t.Context(), "other", "li"); n != 0 || err != nil {
				t.Errorf("erased %d, %v", n, err)
			}
		})
	})
}

func listing(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.people.set("li", follows(shared, "o-li"))
	var all []string
	for i := range 7 {
		o := order(fmt.Sprint("a", i))
		if i%2 == 1 {
			o.User, o.Template = "li", notice+"-"+shared
		}
		all = append(all, h.send(o).ID)
		h.clock.advance(time.Millisecond)
	}
	h.batch("b1", 2)
	h.drain()
	slices.Reverse(all)
	for _, f := range []struct {
		message.Filter
		want int
	}{
		{message.Filter{}, 9},
		{message.Filter{State: message.Sent}, 9},
		{message.Filter{State: message.Queued}, 0},
		{message.Filter{AppID: shared}, 3},
		{message.Filter{User: "li"}, 3},
		{message.Filter{User: "li", AppID: own}, 0},
		{message.Filter{User: "ming", State: message.Sent, AppID: own}, 6},
		{message.Filter{Batch: "b1"}, 2},
		{message.Filter{Batch: "b1", State: message.Sent, User: "ming", AppID: own}, 2},
		{message.Filter{Realm: "other"}, 0},
	} {
		if f.Realm == "" {
			f.Realm = "shop"
		}
		f.Limit = 2
		var got []string
		for {
			page, err := h.List(t.Context(), f.Filter)
			h.must(err)
			for _, m := range page {
				got = append(got, m.ID)
			}
			if len(page) < 2 {
				break
			}
			f.Before = page[1].ID
		}
		if len(got) != f.want || !slices.IsSortedFunc(got, func(a, b string) int { return bytes.Compare([]byte(b), []byte(a)) }) {
			t.Errorf("%+v lists %v, want %d", f.Filter, got, f.want)
		}
	}
	counts, err := h.Count(t.Context(), "shop", "b1", "")
	if err != nil || len(counts) != 1 || counts[message.Sent] != 2 {
		t.Errorf("the batch has %v, %v", counts, err)
	}
}

func cancelling(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.send(order("a"))
	if _, err := h.Cancel(t.Context(), "shop", m.ID); err != nil {
		t.Fatal(err)
	}
	h.drain()
	h.want(m.ID, message.Cancelled, message.ReasonNone)
	h.wantArrivals(0)
	under := h.send(order("b"))
	h.phones.before = func(string) {
		_, err := h.Cancel(t.Context(), "shop", under.ID)
		wantFault(t, err, message.FaultState, "")
	}
	h.drain()
	h.want(under.ID, message.Sent, message.ReasonNone)
	_, err := h.Cancel(t.Context(), "shop", under.ID)
	wantFault(t, err, message.FaultState, "")
	h.phones.before = nil
	unsure := h.send(order("c"))
	h.phones.next = []func() error{lost(true)}
	h.drain()
	if _, err := h.Cancel(t.Context(), "shop", unsure.ID); err != nil {
		t.Fatal(err)
	}
	h.want(unsure.ID, message.Cancelled, message.ReasonUnknown)
}

func sweeping(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.send(order("a"))
	waiting := order("b")
	waiting.NotBefore = h.clock.time().Add(200 * 24 * time.Hour)
	kept := h.send(waiting)
	if m := h.get(m.ID); len(m.Sealed) == 0 || bytes.Contains(m.Sealed, []byte("巧克力")) {
		t.Errorf("the content is kept as %q", m.Sealed)
	}
	h.drain()
	h.clock.advance(7*24*time.Hour - time.Second)
	h.must(h.Sweep(t.Context()))
	if h.get(m.ID).Sealed == nil {
		t.Error("the content went too early")
	}
	h.clock.advance(2 * time.Second)
	h.must(h.Sweep(t.Context()))
	if h.get(m.ID).Sealed != nil {
		t.Error("the content is still there")
	}
	if again := h.send(order("a")); again.ID != m.ID {
		t.Error("the same order was accepted twice")
	}
	h.must(h.Finished(t.Context(), own, h.get(m.ID).MsgID, "failed: system failed", h.clock.time()))
	_, err := h.Replay(t.Context(), "shop", m.ID)
	wantFault(t, err, message.FaultContent, "")
	h.clock.advance(91 * 24 * time.Hour)
	h.must(h.Sweep(t.Context()))
	_, err = h.Get(t.Context(), "shop", m.ID)
	wantFault(t, err, message.FaultNotFound, "")
	if h.get(kept.ID).Sealed == nil {
		t.Error("a message that waits was swept")
	}
}

func TestSync(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("templates are listed, changed, marked as removed and found again; approved values stay", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			if _, at, err := h.Templates(t.Context(), mini); err != nil || !at.IsZero() {
				t.Errorf("the mini program was listed at %v, %v", at, err)
			}
			h.clock.advance(time.Hour)
			h.phones.listed = []wechat.Template{{ID: "t1", Title: "A", Content: "{{const1.DATA}}{{first.DATA}}"}, {ID: "t2", Title: "B", Content: "{{thing1.DATA}}"}}
			h.must(h.Sync(t.Context(), own))
			h.must(h.ApproveValues(t.Context(), own, "t1", "const1", []string{"已发货"}))
			wantFault(t, h.ApproveValues(t.Context(), shared, "t1", "const1", nil), message.FaultTemplate, "")
			h.clock.advance(time.Hour)
			h.phones.listed = []wechat.Template{{ID: "t1", Title: "A2", Content: "{{const1.DATA}}"}}
			h.must(h.Sync(t.Context(), own))
			list, at, err := h.Templates(t.Context(), own)
			if err != nil || !at.Equal(h.clock.time()) || len(list) != 3 {
				t.Fatalf("got %+v at %v, %v", list, at, err)
			}
			t1, t2 := list[0], list[1]
			if t1.Title != "A2" || !t1.Removed.IsZero() || t2.ID != "t2" || t2.Removed.IsZero() || list[2].Removed.IsZero() {
				t.Errorf("got %+v", list)
			}
			fields := t1.Fields()
			if len(fields) != 1 || !fields[0].Required || fields[0].Max != 20 || len(fields[0].Approved) != 1 {
				t.Errorf("the fields are %+v", fields)
			}
			late := []message.Template{{ID: "old"}}
			h.must(h.store.PutTemplates(t.Context(), own, late, h.clock.time().Add(-time.Minute)))
			if again, _, err := h.Templates(t.Context(), own); err != nil || len(again) != 3 {
				t.Errorf("an older list was written over a newer: %+v, %v", again, err)
			}
		})
		t.Run("a message whose template is gone has the templates listed anew, but not each time", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			a, b := h.send(order("a")), h.send(order("b"))
			h.clock.advance(2 * time.Hour)
			h.phones.always = code(40037)
			h.drain()
			h.want(a.ID, message.Failed, message.ReasonTemplate)
			h.want(b.ID, message.Failed, message.ReasonTemplate)
			_, err := h.Send(t.Context(), order("c"))
			wantFault(t, err, message.FaultTemplate, "")
		})
	})
}
