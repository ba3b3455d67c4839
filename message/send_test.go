package message_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

func TestSend(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("a message goes to the site's own account, is sent, then delivered", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.want(m.ID, message.Queued, message.ReasonNone)
			h.drain()
			m = h.want(m.ID, message.Sent, message.ReasonNone)
			got := h.phones.arrived()
			if len(got) != 1 || got[0].appID != own || got[0].openID != "o-ming-own" || got[0].clientID != m.ID || got[0].what != "巧克力 a" {
				t.Fatalf("arrived: %+v", got)
			}
			h.must(h.Finished(t.Context(), own, m.MsgID, "success", h.clock.time()))
			h.want(m.ID, message.Delivered, message.ReasonNone)
			h.must(h.Finished(t.Context(), own, m.MsgID, "failed:user block", h.clock.time()))
			h.want(m.ID, message.Delivered, message.ReasonNone)
		})
		t.Run("an order that WeChat would refuse is refused before", func(t *testing.T) { t.Parallel(); refusals(t, newHouse(t, on)) })
		t.Run("the same order twice is one message, and another one under its name is refused", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			m := h.send(order("a"))
			h.people.set("ming") // a repetition finds what is there, whoever is reachable now
			if again := h.send(order("a")); again.ID != m.ID {
				t.Errorf("the second is %s, the first %s", again.ID, m.ID)
			}
			other := order("a")
			other.Data["thing1"] = "others"
			_, err := h.Send(t.Context(), other)
			wantFault(t, err, message.FaultReused, "")
			h.people.set("ming", follows(own, "o-ming-own"))
			elsewhere := order("a")
			elsewhere.By = "key2"
			if m2 := h.send(elsewhere); m2.ID == m.ID {
				t.Error("another caller's message was taken for this one's")
			}
		})
		t.Run("many who send the same at once get the same", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			ids := make([]string, 16)
			var all sync.WaitGroup
			for i := range ids {
				all.Go(func() {
					m, err := h.Send(t.Context(), order("a"))
					if err != nil {
						t.Error(err)
					}
					ids[i] = m.ID
				})
			}
			all.Wait()
			for _, id := range ids {
				if id != ids[0] {
					t.Errorf("the ids are %v", ids)
				}
			}
			h.drain()
			h.wantArrivals(1)
		})
		t.Run("a message waits for its time", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			later := order("a")
			later.NotBefore = h.clock.time().Add(time.Hour)
			m := h.send(later)
			h.drain()
			h.want(m.ID, message.Queued, message.ReasonNone)
			h.clock.advance(time.Hour)
			h.drain()
			h.want(m.ID, message.Sent, message.ReasonNone)
		})
		t.Run("single messages go before those of batches", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on, func(c *message.Config) { c.Take, c.Concurrency = 1, 1 })
			h.batch("b", 3)
			h.clock.advance(time.Second)
			h.send(order("single"))
			h.drain()
			if got := h.phones.arrived(); len(got) != 4 || got[0].what != "巧克力 single" {
				t.Errorf("arrived: %+v", got)
			}
		})
	})
}

// batch sends a batch of n rows.
func (h *house) batch(name string, n int) message.Counts {
	h.t.Helper()
	counts, err := h.Batch(h.t.Context(), message.Bulk{Name: name, Order: order("")}, func(yield func(message.Row, error) bool) {
		for i := range n {
			if !yield(message.Row{Line: i + 2, User: "ming", Data: map[string]string{"thing1": fmt.Sprint("row ", i)}}, nil) {
				return
			}
		}
	})
	h.must(err)
	return counts
}

func refusals(t *testing.T, h *house) {
	for _, x := range []struct {
		what, code, field string
		change            func(*message.Order)
	}{
		{"a field too many", message.FaultUnknown, "thing9", func(o *message.Order) { o.Data["thing9"] = "x" }},
		{"a field too few", message.FaultMissing, "amount2", func(o *message.Order) { delete(o.Data, "amount2") }},
		{"a field too long", message.FaultTooLong, "thing1", func(o *message.Order) {
			o.Data["thing1"] = "一二三四五六七八九十一二三四五六七八九十一"
		}},
		{"a field of the wrong kind", message.FaultKind, "amount2", func(o *message.Order) { o.Data["amount2"] = "much" }},
		{"a template of nobody", message.FaultTemplate, "", func(o *message.Order) { o.Template = "nobodys" }},
		{"a template of an account that isn't the site's", message.FaultTemplate, "", func(o *message.Order) { o.PreferAppIDs = []string{shared} }},
		{"a user whom nobody knows", message.FaultUnreachable, "", func(o *message.Order) { o.User = "nobody" }},
		{"no account", message.FaultUnreachable, "", func(o *message.Order) { o.PreferAppIDs = nil }},
		{"no realm", message.FaultOrder, "realm", func(o *message.Order) { o.Realm = "" }},
		{"a notification of two accounts", message.FaultOrder, "appids", func(o *message.Order) { o.Kind = message.KindSubscription }},
		{"an address that leads nowhere", message.FaultOrder, "url", func(o *message.Order) { o.URL = "javascript:alert(1)" }},
		{"a customer-service message with a template", message.FaultOrder, "template", func(o *message.Order) { o.Kind = message.KindCustom }},
	} {
		o := order("")
		x.change(&o)
		_, err := h.Send(t.Context(), o)
		t.Log(x.what)
		wantFault(t, err, x.code, x.field)
	}
	empty := custom("")
	empty.Content = []byte(`{"content":" "}`)
	_, err := h.Send(t.Context(), empty)
	wantFault(t, err, message.FaultMissing, "content")
	h.must(h.store.PutTemplates(t.Context(), own, nil, h.clock.time()))
	_, err = h.Send(t.Context(), order(""))
	wantFault(t, err, message.FaultTemplate, "")
	h.drain()
	h.wantArrivals(0)
	if list, err := h.List(t.Context(), message.Filter{Realm: "shop", Limit: 10}); err != nil || len(list) != 0 {
		t.Errorf("the outbox holds %+v, %v", list, err)
	}
}
