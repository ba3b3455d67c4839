package merchant_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

func TestDesk(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("of two who edit at once the second learns what has changed", func(t *testing.T) { t.Parallel(); editing(t, on) })
		t.Run("the list shows who is unbound first, and goes both ways", func(t *testing.T) { t.Parallel(); listing(t, on) })
		t.Run("a search looks through what people know", func(t *testing.T) { t.Parallel(); searching(t, on) })
	})
	t.Run("what staff enter is judged", func(t *testing.T) { t.Parallel(); entering(t, newHouse(t, sqlite)) })
}

func editing(t *testing.T, on engine) {
	h := newHouse(t, on)
	m := h.merchant("m1", func(m *merchant.Merchant) { m.Sites = []string{"b", "a", "b"} })
	if got := h.get("m1").Merchant; fmt.Sprint(got) != fmt.Sprint(m) || !slices.Equal(got.Sites, []string{"a", "b"}) {
		t.Fatalf("got %+v, want %+v", got, m)
	}
	_, err := h.Create(t.Context(), m, staff)
	wantFault(t, err, merchant.FaultTaken, "")
	mine, theirs := m, m
	theirs.Name, theirs.Phone = "新名称", "139"
	theirs, err = h.Edit(t.Context(), theirs, "staff:wang")
	h.must(err)
	mine.Contact = "李娜"
	_, err = h.Edit(t.Context(), mine, staff)
	var changed *merchant.Changed
	if !errors.Is(err, merchant.ErrChanged) || !errors.As(err, &changed) || changed.Current.Name != "新名称" {
		t.Fatalf("got error %v", err)
	}
	if !slices.ContainsFunc(changed.By, func(d merchant.Difference) bool { return d.Field == "name" && d.Was == m.Name && d.Is == "新名称" }) {
		t.Errorf("the difference is %+v", changed.By)
	}
	if same, err := h.Edit(t.Context(), theirs, staff); err != nil || same.Version != theirs.Version {
		t.Errorf("an edit that changes nothing makes the version %d, %v", same.Version, err)
	}
	editingAtOnce(t, h, theirs)
	at := h.sim.Now().Truncate(time.Second)
	h.must(h.LoggedIn(t.Context(), "shop", "m1", at))
	h.must(h.LoggedIn(t.Context(), "shop", "m1", at.Add(-time.Hour)))
	wantFault(t, h.LoggedIn(t.Context(), "shop", "nobody", at), merchant.FaultNotFound, "")
	if got := h.get("m1"); !got.LastLogin.Equal(at) || got.Version != theirs.Version+1 {
		t.Errorf("logged in at %v, in version %d", got.LastLogin, got.Version)
	}
	history, err := h.History(t.Context(), "shop", "m1", 0, 10)
	if h.must(err); len(history) != 3 || history[2].What != merchant.EventMade || history[1].Actor != "staff:wang" {
		t.Fatalf("the history is %+v", history)
	}
	if said := fmt.Sprint(history); strings.Contains(said, "139") || strings.Contains(said, "1380") || !strings.Contains(said, "新名称") {
		t.Errorf("the history says %s", said)
	}
	if older, err := h.History(t.Context(), "shop", "m1", history[1].Seq, 10); err != nil || len(older) != 1 {
		t.Errorf("before that there are %+v, %v", older, err)
	}
	_, err = h.Get(t.Context(), "other", "m1")
	wantFault(t, err, merchant.FaultNotFound, "")
	_, err = h.Get(t.Context(), "shop", "m1\x00")
	wantFault(t, err, merchant.FaultNotFound, "")
}

func editingAtOnce(t *testing.T, h *house, m merchant.Merchant) {
	var all sync.WaitGroup
	var won, lost atomic.Int32
	for i := range 20 {
		all.Go(func() {
			mine := m
			mine.Name = fmt.Sprint("by ", i)
			switch _, err := h.Edit(t.Context(), mine, staff); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, merchant.ErrChanged):
				lost.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	all.Wait()
	if won.Load() != 1 || lost.Load() != 19 {
		t.Errorf("%d won, and %d lost", won.Load(), lost.Load())
	}
}

// names are the ids of a page.
func names(page []merchant.Listed) (ids string) {
	for _, m := range page {
		ids += m.ID + " "
	}
	return ids
}

func listing(t *testing.T, on engine) {
	h := newHouse(t, on)
	for i := range 7 {
		h.merchant(fmt.Sprint("m", i))
	}
	h.bound("m1", "o1")
	h.bound("m4", "o4")
	m6 := h.get("m6")
	_, err := h.Disable(t.Context(), "shop", "m6", m6.Version, staff)
	h.must(err)
	page := func(f merchant.Filter) ([]merchant.Listed, string) {
		t.Helper()
		f.Realm, f.Limit = "shop", 3
		list, before, after, err := h.List(t.Context(), f)
		h.must(err)
		return list, fmt.Sprint(names(list), before, " ", after)
	}
	var f merchant.Filter
	var list []merchant.Listed
	for _, want := range []string{"m0 m2 m3 false true", "m5 m6 m1 true true", "m4 true false"} {
		got := ""
		if list, got = page(f); got != want {
			t.Errorf("the page is %q, want %q", got, want)
		}
		f.From = list[len(list)-1].Place()
	}
	if len(list[0].Bindings) != 1 || list[0].Bindings[0].OpenID != "o4" {
		t.Errorf("the last one is %+v", list[0])
	}
	f.From, f.Backward = list[0].Place(), true
	for _, want := range []string{"m5 m6 m1 true true", "m0 m2 m3 false true"} {
		got := ""
		if list, got = page(f); got != want {
			t.Errorf("the page before is %q, want %q", got, want)
		}
		f.From = list[0].Place()
	}
	for want, f := range map[string]merchant.Filter{
		"m6 m1 m4 true true":  {Backward: true},
		"m1 m4 false false":   {Shown: merchant.ShowBound},
		"m1 m4 true true":     {Shown: merchant.ShowBound, Backward: true},
		"m4 true false":       {Shown: merchant.ShowBound, From: merchant.Place{Bound: true, ID: "m1"}},
		"m0 m2 m3 false true": {Shown: merchant.ShowUnbound},
		"m6 false false":      {Status: merchant.Disabled},
		"false false":         {Shown: merchant.ShowUnfollowed},
	} {
		if _, got := page(f); got != want && (f != merchant.Filter{Shown: merchant.ShowBound, Backward: true} || !strings.HasPrefix(got, "m1 m4 ")) {
			t.Errorf("%+v shows %q, want %q", f, got, want)
		}
	}
	for want, f := range map[int64]merchant.Filter{7: {}, 2: {Shown: merchant.ShowBound}, 5: {Shown: merchant.ShowUnbound}, 1: {Status: merchant.Disabled}} {
		f.Realm = "shop"
		if n, err := h.Count(t.Context(), f); n != want || err != nil {
			t.Errorf("%+v counts %d, %v; want %d", f, n, err, want)
		}
	}
}

func searching(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1", func(m *merchant.Merchant) {
		m.Name, m.Login, m.Contact, m.Phone = "上海100%商户", "Ming@Example.com", "王_明", "138-0001"
	})
	h.merchant("x2", func(m *merchant.Merchant) { m.Name, m.Login, m.Contact, m.Phone = "北京", "a", "b", "c" })
	for search, want := range map[string]string{
		"100%": "m1 ", "海100": "m1 ", "%": "m1 ", "_": "m1 ", `\`: "", "ming@EXAMPLE": "m1 ", "0001": "m1 ", "M1": "m1 ", " 北京 ": "x2 ", "": "m1 x2 ",
		"a\x00\xff": "m1 x2 ", "海京": "", strings.Repeat("海", 500): "",
	} {
		list, _, _, err := h.List(t.Context(), merchant.Filter{Realm: "shop", Search: search, Limit: 9})
		n, counting := h.Count(t.Context(), merchant.Filter{Realm: "shop", Search: search})
		if err != nil || counting != nil || names(list) != want || int(n) != len(list) {
			t.Errorf("%q finds %q and counts %d, %v, %v; want %q", search, names(list), n, err, counting, want)
		}
	}
}

func entering(t *testing.T, h *house) {
	for field, change := range map[string]func(*merchant.Merchant){
		"realm":   func(m *merchant.Merchant) { m.Realm = "" },
		"id":      func(m *merchant.Merchant) { m.ID = "a/b" },
		"name":    func(m *merchant.Merchant) { m.Name = " " },
		"login":   func(m *merchant.Merchant) { m.Login = strings.Repeat("字", 65) },
		"contact": func(m *merchant.Merchant) { m.Contact = "two\nlines" },
		"phone":   func(m *merchant.Merchant) { m.Phone = "\xff" },
		"status":  func(m *merchant.Merchant) { m.Status = "gone" },
		"persons": func(m *merchant.Merchant) { m.Persons = 21 },
		"user":    func(m *merchant.Merchant) { m.User = "undefined" },
		"sites":   func(m *merchant.Merchant) { m.Sites = []string{"a b"} },
	} {
		m := merchant.Merchant{Realm: "shop", ID: "m1", Name: "商户"}
		change(&m)
		_, err := h.Create(t.Context(), m, staff)
		wantFault(t, err, merchant.FaultField, field)
	}
	m := h.merchant("m1")
	m.Name = ""
	_, err := h.Edit(t.Context(), m, staff)
	wantFault(t, err, merchant.FaultField, "name")
	order := merchant.Order{Realm: "shop", Merchant: "m1", AppID: account, By: staff}
	for _, c := range []struct {
		change      func(*merchant.Order)
		code, field string
	}{
		{func(o *merchant.Order) { o.Merchant = "nobody" }, merchant.FaultNotFound, ""},
		{func(o *merchant.Order) { o.AppID = "wx00000000000000a1" }, merchant.FaultAccount, ""},
		{func(o *merchant.Order) { o.Life = time.Second }, merchant.FaultField, "life"},
		{func(o *merchant.Order) { o.Life = 31 * 24 * time.Hour }, merchant.FaultField, "life"},
	} {
		o := order
		c.change(&o)
		_, err := h.MakeCode(t.Context(), o)
		wantFault(t, err, c.code, c.field)
	}
	for phone, want := range map[string]string{"13800001234": "138****1234", "123": "***", "": ""} {
		if got := (merchant.Merchant{Phone: phone}).MaskedPhone(); got != want {
			t.Errorf("%q is shown as %q, want %q", phone, got, want)
		}
	}
	o := order
	o.Life = merchant.OnScreen
	c, err := h.MakeCode(t.Context(), o)
	h.must(err)
	if life := c.Expires.Sub(c.Made); life != merchant.OnScreen || c.URL == "" {
		t.Errorf("the code lives for %v, and says %q", life, c.URL)
	}
	kept, err := h.Code(t.Context(), "shop", c.ID)
	if h.must(err); kept.URL != "" {
		t.Error("what the code says is kept")
	}
}
