package merchant_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// TestModel plays staff and scanners in any order against a model that is two maps.
func TestModel(t *testing.T) {
	t.Parallel()
	h := newHouse(t, sqlite)
	round := 0
	rapid.Check(t, func(r *rapid.T) {
		round++
		m := &model{house: h, prefix: fmt.Sprint("r", round, "-"), of: map[string]string{}, persons: map[string]int{}, disabled: map[string]bool{}}
		for i := range 3 {
			id := m.prefix + fmt.Sprint(i)
			m.persons[id] = rapid.IntRange(1, 2).Draw(r, "persons")
			h.merchant(id, func(x *merchant.Merchant) { x.Persons = m.persons[id] })
			m.ids = append(m.ids, id)
		}
		r.Repeat(map[string]func(*rapid.T){"make": m.make, "scan": m.scan, "unbind": m.unbind, "replace": m.replace, "turn": m.turn, "": m.check})
	})
}

// model is what should be so.
type model struct {
	*house
	prefix   string
	ids      []string
	made     []merchant.Code
	of       map[string]string // by openid, the merchant
	persons  map[string]int
	disabled map[string]bool
	scans    int
}

func (m *model) pick(r *rapid.T) string { return rapid.SampledFrom(m.ids).Draw(r, "merchant") }

func (m *model) bound(id string) (n int) {
	for _, at := range m.of {
		if at == id {
			n++
		}
	}
	return n
}

func (m *model) make(r *rapid.T) {
	id := m.pick(r)
	c, err := m.MakeCode(m.t.Context(), merchant.Order{Realm: "shop", Merchant: id, AppID: account, Life: merchant.OnScreen, By: staff})
	var fault *merchant.Fault
	if m.disabled[id] != (errors.As(err, &fault) && fault.Code == merchant.FaultDisabled) {
		r.Fatalf("for %s, disabled: %v, got %v", id, m.disabled[id], err)
	}
	if err != nil {
		return
	}
	for i, old := range m.made {
		if old.Merchant == id && old.State == merchant.Waiting {
			m.made[i].State = merchant.Superseded
		}
	}
	m.made = append(m.made, c)
}

func (m *model) scan(r *rapid.T) {
	if len(m.made) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.made)-1).Draw(r, "code")
	c, who := &m.made[i], m.prefix+rapid.SampledFrom([]string{"a", "b", "c", "d"}).Draw(r, "who")
	m.scans++
	for range rapid.IntRange(1, 2).Draw(r, "pushes") {
		s := scene.Scan{AppID: account, OpenID: who, Scene: m.sceneOf(*c), At: m.sim.Now(), Key: fmt.Sprint(m.prefix, m.scans)}
		if err := m.codes.Scanned(m.t.Context(), s); err != nil {
			r.Fatal(err)
		}
	}
	if c.State != merchant.Waiting {
		return
	}
	at := m.of[who]
	switch {
	case m.disabled[c.Merchant]:
		c.State, c.Reason = merchant.Refused, merchant.ReasonDisabled
	case at != "" && at != c.Merchant:
		c.State, c.Reason, c.OpenID = merchant.Refused, merchant.ReasonElsewhere, who
	case at == "" && m.bound(c.Merchant) >= m.persons[c.Merchant]:
		c.State, c.Reason, c.OpenID = merchant.Refused, merchant.ReasonFull, who
	default:
		c.State, m.of[who] = merchant.Bound, c.Merchant
	}
}

func (m *model) unbind(r *rapid.T) {
	held := m.get(m.pick(r)).Bindings
	if len(held) == 0 {
		return
	}
	b := rapid.SampledFrom(held).Draw(r, "binding")
	if err := m.Unbind(m.t.Context(), "shop", b, staff); err != nil {
		r.Fatal(err)
	}
	delete(m.of, b.OpenID)
}

func (m *model) replace(r *rapid.T) {
	if len(m.made) == 0 {
		return
	}
	i := rapid.IntRange(0, len(m.made)-1).Draw(r, "code")
	c := &m.made[i]
	now, err := m.Code(m.t.Context(), "shop", c.ID)
	if err != nil {
		r.Fatal(err)
	}
	held := m.get(c.Merchant).Bindings
	slot := rapid.IntRange(0, 1).Draw(r, "slot")
	_, err = m.Replace(m.t.Context(), merchant.Replacement{Realm: "shop", Code: c.ID, Version: now.Version, Slot: slot, By: staff})
	full := len(held) >= m.persons[c.Merchant]
	old := ""
	for _, b := range held {
		if b.Slot == slot {
			old = b.OpenID
		}
	}
	may := c.State == merchant.Refused && c.Reason.Conflict() && !m.disabled[c.Merchant] && m.of[c.OpenID] != c.Merchant && (!full || old != "")
	if may != (err == nil) {
		r.Fatalf("%+v, in place of %q: got %v", *c, old, err)
	}
	if err != nil {
		return
	}
	if full {
		delete(m.of, old)
	}
	m.of[c.OpenID], c.State, c.Reason = c.Merchant, merchant.Bound, ""
}

func (m *model) turn(r *rapid.T) {
	id := m.pick(r)
	do := m.Disable
	if m.disabled[id] {
		do = m.Enable
	}
	if _, err := do(m.t.Context(), "shop", id, m.get(id).Version, staff); err != nil {
		r.Fatal(err)
	}
	m.disabled[id] = !m.disabled[id]
	m.sim.Advance(time.Millisecond)
}

// check compares what is with what should be.
func (m *model) check(r *rapid.T) {
	seen := 0
	for _, id := range m.ids {
		slots := map[int]bool{}
		for _, b := range m.get(id).Bindings {
			if m.of[b.OpenID] != id || b.User == "" || slots[b.Slot] || b.Slot >= m.persons[id] {
				r.Fatalf("%+v is bound to %s, and should be to %q", b, id, m.of[b.OpenID])
			}
			slots[b.Slot] = true
			seen++
		}
	}
	if seen != len(m.of) {
		r.Fatalf("%d are bound, and %v should be", seen, m.of)
	}
	for _, c := range m.made {
		got, err := m.Code(m.t.Context(), "shop", c.ID)
		if err != nil || got.State != c.State || got.Reason != c.Reason {
			r.Fatalf("the code is %s because of %q, %v; want %s because of %q", got.State, got.Reason, err, c.State, c.Reason)
		}
	}
}
