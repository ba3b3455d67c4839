package merchant_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

func TestBinding(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("who is unbound is nobody's, and may be bound again", func(t *testing.T) { t.Parallel(); unbinding(t, on) })
		t.Run("staff decide for the new one, once", func(t *testing.T) { t.Parallel(); replacing(t, on) })
		t.Run("who goes to another merchant leaves his own", func(t *testing.T) { t.Parallel(); moving(t, on) })
		t.Run("several persons have places of their own", func(t *testing.T) { t.Parallel(); several(t, on) })
		t.Run("where the identity centre refuses all is as before", func(t *testing.T) { t.Parallel(); refusing(t, on) })
		t.Run("who is erased is nowhere left", func(t *testing.T) { t.Parallel(); erasing(t, on) })
	})
}

func boss(m *merchant.Merchant) { m.User = "boss-" + m.ID }

func unbinding(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.merchant("m1", boss)
	b := h.bound("m1", "ming")
	if b.User != "boss-m1" || h.who("ming") != "boss-m1" {
		t.Fatalf("bound is %+v", b)
	}
	m.User = "other"
	_, err := h.Edit(t.Context(), m, staff)
	wantFault(t, err, merchant.FaultField, "user")
	stale := b
	stale.Code = "another"
	if err := h.Unbind(t.Context(), "shop", stale, staff); !errors.Is(err, merchant.ErrChanged) {
		t.Errorf("who shows another binding gets %v", err)
	}
	var all sync.WaitGroup
	var won atomic.Int32
	for range 5 {
		all.Go(func() {
			if err := h.Unbind(t.Context(), "shop", b, staff); err == nil {
				won.Add(1)
			} else if !errors.Is(err, merchant.ErrChanged) {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 {
		t.Errorf("%d have unbound him", won.Load())
	}
	h.wantBound("m1")
	if h.who("ming") == "boss-m1" {
		t.Error("his WeChat still leads to the merchant's user")
	}
	if n, err := h.Count(t.Context(), merchant.Filter{Realm: "shop", Shown: merchant.ShowUnbound}); n != 1 || err != nil {
		t.Errorf("%d are unbound, %v", n, err)
	}
	_, err = h.Edit(t.Context(), m, staff)
	h.must(err)
	if b := h.bound("m1", "wang"); b.User != "other" {
		t.Errorf("bound is %+v", b)
	}
	history, err := h.History(t.Context(), "shop", "m1", 0, 100)
	h.must(err)
	said := ""
	for _, e := range history {
		said = e.What + " " + said
	}
	if said != "made code_made bound unbound edited code_made bound " {
		t.Errorf("the history is %q", said)
	}
	if strings.Contains(fmt.Sprint(history), "ming") {
		t.Error("the history holds an openid")
	}
}

// conflicting is a code that somebody has scanned for whom there is no place.
func (h *house) conflicting(id, openID string, reason merchant.Reason) merchant.Code {
	h.t.Helper()
	c := h.code(id)
	h.must(h.scanned(c, openID, "conflict "+c.ID))
	return h.want(c, merchant.Refused, reason)
}

func replacing(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1", boss)
	h.bound("m1", "ming")
	c := h.conflicting("m1", "wang", merchant.ReasonFull)
	r := merchant.Replacement{Realm: "shop", Code: c.ID, Version: c.Version, By: staff}
	wrong := r
	wrong.Slot = 3
	_, err := h.Replace(t.Context(), wrong)
	wantFault(t, err, merchant.FaultField, "slot")
	wrong = r
	wrong.Version--
	_, err = h.Replace(t.Context(), wrong)
	wantFault(t, err, merchant.FaultState, "")
	h.wantBound("m1", "ming")
	before := len(h.told("wang"))
	got, err := h.Replace(t.Context(), r)
	if after := len(h.told("wang")); after != before+1 {
		t.Errorf("he is told %d times", after-before)
	}
	if h.must(err); got.State != merchant.Bound || got.Reason != "" {
		t.Errorf("the code is %+v", got)
	}
	h.wantBound("m1", "wang")
	if h.who("wang") != "boss-m1" || h.who("ming") == "boss-m1" {
		t.Errorf("ming is %s, and wang is %s", h.who("ming"), h.who("wang"))
	}
	_, err = h.Replace(t.Context(), r)
	wantFault(t, err, merchant.FaultState, "")
	one, two := h.conflicting("m1", "li", merchant.ReasonFull), h.conflicting("m1", "zhao", merchant.ReasonFull)
	var all sync.WaitGroup
	var won atomic.Int32
	for _, c := range []merchant.Code{one, two} {
		all.Go(func() {
			if _, err := h.Replace(t.Context(), merchant.Replacement{Realm: "shop", Code: c.ID, Version: c.Version, By: staff}); err == nil {
				won.Add(1)
			}
		})
	}
	all.Wait()
	b := h.get("m1").Bindings
	if len(b) != 1 || won.Load() == 0 || h.who(b[0].OpenID) != "boss-m1" || b[0].User != "boss-m1" {
		t.Errorf("%d of two have decided, and bound are %+v, of whom WeChat leads to %s", won.Load(), b, h.who(b[0].OpenID))
	}
}

func moving(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1", boss)
	h.merchant("m2", boss)
	h.bound("m1", "ming")
	h.bound("m2", "wang")
	c := h.conflicting("m2", "ming", merchant.ReasonElsewhere)
	_, err := h.Replace(t.Context(), merchant.Replacement{Realm: "shop", Code: c.ID, Version: c.Version, By: staff})
	h.must(err)
	h.wantBound("m1")
	h.wantBound("m2", "ming")
	if h.who("ming") != "boss-m2" || h.who("wang") == "boss-m2" {
		t.Errorf("ming is %s, and wang is %s", h.who("ming"), h.who("wang"))
	}
	history, err := h.History(t.Context(), "shop", "m1", 0, 1)
	if h.must(err); len(history) != 1 || history[0].What != merchant.EventReplaced {
		t.Errorf("the history of who has lost him is %+v", history)
	}
}

func several(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.merchant("m1", boss, func(m *merchant.Merchant) { m.Persons = 2 })
	first, second := h.bound("m1", "ming"), h.bound("m1", "wang")
	if first.Slot != 0 || second.Slot != 1 || second.User == "boss-m1" {
		t.Errorf("bound are %+v and %+v", first, second)
	}
	c := h.conflicting("m1", "li", merchant.ReasonFull)
	_, err := h.Replace(t.Context(), merchant.Replacement{Realm: "shop", Code: c.ID, Version: c.Version, Slot: 1, By: staff})
	h.must(err)
	h.wantBound("m1", "ming", "li")
	if again := h.bound("m1", "li"); again.Slot != 1 {
		t.Errorf("who scans again has the place %d", again.Slot)
	}
	m.Persons = 1
	_, err = h.Edit(t.Context(), m, staff)
	h.must(err)
	h.must(h.Unbind(t.Context(), "shop", first, staff))
	h.conflicting("m1", "zhao", merchant.ReasonFull)
	h.wantBound("m1", "li")
}

func refusing(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1", boss)
	h.bound("m1", "ming")
	// wang is a member already, so his WeChat can't become the merchant's user.
	_, err := h.people.Bind(t.Context(), "shop", identity.Openid{AppID: account, OpenID: "wang"}, "member-7", "test")
	h.must(err)
	c := h.conflicting("m1", "wang", merchant.ReasonFull)
	_, err = h.Replace(t.Context(), merchant.Replacement{Realm: "shop", Code: c.ID, Version: c.Version, By: staff})
	wantFault(t, err, merchant.FaultIdentity, "")
	h.want(c, merchant.Refused, merchant.ReasonFull)
	h.wantBound("m1", "ming")
	if h.who("ming") != "boss-m1" || h.who("wang") != "member-7" {
		t.Errorf("ming is %s, and wang is %s", h.who("ming"), h.who("wang"))
	}
	h.merchant("m2", boss)
	fresh := h.code("m2")
	h.must(h.scanned(fresh, "wang", "identity"))
	h.want(fresh, merchant.Refused, merchant.ReasonIdentity)
	h.wantBound("m2")
}

func erasing(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1")
	h.merchant("m2")
	ming, wang := h.bound("m1", "ming"), h.bound("m2", "wang")
	c := h.conflicting("m1", "wang", merchant.ReasonElsewhere)
	refused := h.conflicting("m1", "li", merchant.ReasonFull)
	if n, err := h.EraseOpenid(t.Context(), account, "li"); n != 0 || err != nil {
		t.Errorf("%d were erased, %v", n, err)
	}
	if n, err := h.EraseOpenid(t.Context(), account, "ming"); n != 1 || err != nil {
		t.Errorf("%d were erased, %v", n, err)
	}
	if n, err := h.EraseUser(t.Context(), "shop", wang.User); n != 1 || err != nil {
		t.Errorf("%d were erased, %v", n, err)
	}
	h.wantBound("m1")
	h.wantBound("m2")
	for _, id := range []string{ming.Code, wang.Code, c.ID, refused.ID} {
		if got, err := h.Code(t.Context(), "shop", id); got.OpenID != "" || err != nil {
			t.Errorf("the code still names %q, %v", got.OpenID, err)
		}
	}
	_, err := h.Replace(t.Context(), merchant.Replacement{Realm: "shop", Code: c.ID, Version: c.Version, By: staff})
	wantFault(t, err, merchant.FaultState, "")
	if n, err := h.EraseOpenid(t.Context(), account, "ming"); n != 0 || err != nil {
		t.Errorf("%d were erased again, %v", n, err)
	}
}
