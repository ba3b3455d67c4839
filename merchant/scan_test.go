package merchant_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// listens hands what the simulator pushes on, as the inbox does.
func (h *house) listens() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Write([]byte(r.FormValue("echostr")))
			return
		}
		var p struct {
			FromUserName, Event, EventKey, Ticket string
			CreateTime                            int64
		}
		if err := xml.NewDecoder(r.Body).Decode(&p); err != nil {
			h.t.Error(err)
			return
		}
		at := time.Unix(p.CreateTime, 0)
		if p.Event == "subscribe" || p.Event == "unsubscribe" {
			if err := h.store.SetFollower(r.Context(), follower.Follower{AppID: account, OpenID: p.FromUserName, Following: p.Event == "subscribe", At: at}); err != nil {
				h.t.Error(err)
			}
		}
		word, followed := strings.CutPrefix(p.EventKey, "qrscene_")
		if p.Event != "SCAN" && !followed {
			return
		}
		err := h.codes.Scanned(r.Context(), scene.Scan{
			AppID: account, OpenID: p.FromUserName, Scene: word, Ticket: p.Ticket, Followed: followed, At: at, Key: p.FromUserName + p.Event + fmt.Sprint(p.CreateTime),
		})
		if err != nil {
			h.t.Error(err)
		}
	}))
	h.t.Cleanup(server.Close)
	h.must(h.sim.SetPush(account, server.URL, "token1234", "", wechatsim.PushPlain))
}

// shown is what a person's phone shows of the account.
func (h *house) shown(person string) (texts []string) {
	h.t.Helper()
	for more := true; more; {
		var err error
		more, err = h.outbox.Step(h.t.Context())
		h.must(err)
	}
	for _, m := range h.sim.Chat(person, account) {
		if m.By == wechatsim.ByAccount {
			texts = append(texts, m.Text)
		}
	}
	return texts
}

func TestScan(t *testing.T) {
	t.Parallel()
	t.Run("who follows by the code is bound, welcomed, and shown as one who follows", func(t *testing.T) {
		t.Parallel()
		h := newHouse(t, sqlite)
		h.listens()
		h.merchant("m1", func(m *merchant.Merchant) { m.User = "boss-1" })
		h.must(h.sim.Follow("ming", account, false))
		h.must(h.sim.Pass(t.Context(), time.Minute)) // follows are dated by the second
		c := h.code("m1")
		if h.want(c, merchant.Waiting, ""); !c.Expires.Equal(c.Made.Add(merchant.Mailed)) {
			t.Errorf("the code lives from %v to %v", c.Made, c.Expires)
		}
		_, err := h.sim.Scan("ming", c.URL)
		h.must(err)
		h.must(h.sim.Settle(t.Context()))
		h.want(c, merchant.Waiting, "")
		h.must(h.sim.FollowScanned("ming", c.URL))
		h.must(h.sim.Settle(t.Context()))
		h.want(c, merchant.Bound, "")
		openID := h.sim.OpenID("ming", account)
		b := h.get("m1").Bindings
		if len(b) != 1 || b[0].OpenID != openID || b[0].User != "boss-1" || !b[0].Known || !b[0].Following {
			t.Errorf("bound are %+v", b)
		}
		if user := h.who(openID); user != "boss-1" {
			t.Errorf("the scanner is %s to the identity centre", user)
		}
		if got := h.shown("ming"); len(got) != 1 || !strings.Contains(got[0], "商户 m1") {
			t.Errorf("the phone shows %q", got)
		}
		h.must(h.sim.Pass(t.Context(), time.Minute))
		h.must(h.sim.Follow("ming", account, false))
		h.must(h.sim.Settle(t.Context()))
		if b := h.get("m1").Bindings; len(b) != 1 || b[0].Following || !b[0].Known {
			t.Errorf("after he has unfollowed, bound are %+v", b)
		}
		gone, _, _, err := h.List(t.Context(), merchant.Filter{Realm: "shop", Shown: merchant.ShowUnfollowed})
		if h.must(err); len(gone) != 1 {
			t.Errorf("unfollowed are %+v", gone)
		}
	})
	onBoth(t, func(t *testing.T, on engine) {
		t.Run("what contradicts leaves the old binding, and is told on both sides", func(t *testing.T) { t.Parallel(); contradictions(t, on) })
		t.Run("a scan that was cut off goes on where it was, and no other takes its place", func(t *testing.T) { t.Parallel(); cutOff(t, on) })
		t.Run("of two who scan one code one is bound", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			for i := range 20 {
				id := fmt.Sprint("m", i)
				h.merchant(id)
				c := h.code(id)
				var both sync.WaitGroup
				for _, who := range []string{"a", "b"} {
					both.Go(func() {
						if err := h.scanned(c, who+id, who); err != nil {
							t.Error(err)
						}
					})
				}
				both.Wait()
				h.want(c, merchant.Bound, "")
				if b := h.get(id).Bindings; len(b) != 1 || b[0].User == "" {
					t.Errorf("bound are %+v", b)
				}
			}
		})
		t.Run("of codes that are made at once one waits", func(t *testing.T) {
			t.Parallel()
			h := newHouse(t, on)
			h.merchant("m1")
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() { h.code("m1") })
			}
			all.Wait()
			list, err := h.CodesOf(t.Context(), "shop", "m1")
			h.must(err)
			states := map[merchant.State]int{}
			for _, c := range list {
				states[c.State]++
			}
			if states[merchant.Waiting] != 1 || states[merchant.Superseded] != 7 {
				t.Errorf("the codes are %v", states)
			}
		})
		t.Run("of 1,000 scans at once none is lost, and each binds once", func(t *testing.T) { t.Parallel(); crowd(t, on) })
	})
}

// wantTold wants the newest thing that a scanner was told.
func (h *house) wantRefused(c merchant.Code, openID string, state merchant.State, reason merchant.Reason) {
	h.t.Helper()
	before := len(h.told(openID))
	key := fmt.Sprint("scan ", before, " of ", c.ID, " by ", openID)
	h.must(h.scanned(c, openID, key))
	h.must(h.scanned(c, openID, key)) // WeChat pushes twice
	got := h.want(c, state, reason)
	if after := h.told(openID); len(after) != before+1 {
		h.t.Errorf("for %s %s got %d answers", got.Reason, openID, len(after)-before)
	}
}

func contradictions(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1")
	h.merchant("m2")
	h.bound("m1", "ming")
	h.wantRefused(h.code("m1"), "wang", merchant.Refused, merchant.ReasonFull)
	h.wantRefused(h.code("m2"), "ming", merchant.Refused, merchant.ReasonElsewhere)
	h.wantBound("m1", "ming")
	h.wantBound("m2")
	old := h.code("m2")
	fresh := h.code("m2")
	h.wantRefused(old, "wang", merchant.Superseded, "")
	h.must(h.scanned(fresh, "wang", "fresh"))
	h.wantBound("m2", "wang")
	h.wantRefused(fresh, "li", merchant.Bound, "")   // used
	h.wantRefused(fresh, "wang", merchant.Bound, "") // he is told that he is bound
	cancelled := h.code("m1")
	_, err := h.Cancel(t.Context(), "shop", cancelled.ID, staff)
	h.must(err)
	h.wantRefused(cancelled, "li", merchant.Cancelled, "")
	_, err = h.Cancel(t.Context(), "shop", cancelled.ID, staff)
	h.must(err) // twice is allowed
	_, err = h.Cancel(t.Context(), "shop", fresh.ID, staff)
	wantFault(t, err, merchant.FaultState, "")
	m3 := h.merchant("m3")
	disabled := h.code("m3")
	m3, err = h.Disable(t.Context(), "shop", "m3", m3.Version, staff)
	h.must(err)
	h.wantRefused(disabled, "li", merchant.Refused, merchant.ReasonDisabled)
	_, err = h.MakeCode(t.Context(), merchant.Order{Realm: "shop", Merchant: "m3", AppID: account, By: staff})
	wantFault(t, err, merchant.FaultDisabled, "")
	m3, err = h.Enable(t.Context(), "shop", "m3", m3.Version, staff)
	h.must(err)
	m3.User = h.who("ming") // a virtual id, which is nobody's own
	_, err = h.Edit(t.Context(), m3, staff)
	h.must(err)
	h.wantRefused(h.code("m3"), "li", merchant.Refused, merchant.ReasonIdentity)
	h.wantBound("m3")
	late := h.code("m3")
	h.sim.Advance(merchant.Mailed + time.Hour)
	h.wantRefused(late, "li", merchant.Expired, "")
	h.wantBound("m1", "ming")
	h.wantBound("m2", "wang")
	h.must(h.codes.Scanned(t.Context(), scene.Scan{AppID: account, OpenID: "zhao", Scene: merchant.Purpose + ".0123", At: h.sim.Now(), Key: "unknown"}))
	h.must(h.codes.Scanned(t.Context(), scene.Scan{AppID: account, OpenID: "zhao", Scene: "another system's", At: h.sim.Now(), Key: "foreign"}))
	if got := h.told("zhao"); len(got) != 1 {
		t.Errorf("of a code that nobody knows its scanner got %d answers", len(got))
	}
}

func cutOff(t *testing.T, on engine) {
	h := newHouse(t, on)
	h.merchant("m1")
	c := h.code("m1")
	h.people.failing(identity.ErrUnavailable)
	if err := h.scanned(c, "ming", "first"); !errors.Is(err, identity.ErrUnavailable) {
		t.Fatalf("got error %v", err)
	}
	h.people.failing(nil)
	h.want(c, merchant.Scanned, "")
	if b := h.get("m1").Bindings; len(b) != 1 || b[0].User != "" {
		t.Fatalf("reserved are %+v", b)
	}
	h.must(h.scanned(c, "wang", "second"))
	other := h.code("m1")
	h.must(h.scanned(other, "wang", "third"))
	h.want(other, merchant.Refused, merchant.ReasonFull)
	h.must(h.scanned(c, "ming", "first"))
	h.want(c, merchant.Bound, "")
	h.wantBound("m1", "ming")
	if got := h.told("ming"); len(got) != 1 {
		t.Errorf("he is told %d times", len(got))
	}
	// A scan that is cut off before anything is reserved is the first one all the same.
	h.merchant("m3")
	c = h.code("m3")
	_, _, _, err := h.store.RecordScan(t.Context(), scene.Mark(account, h.sceneOf(c)), scene.Scan{AppID: account, OpenID: "zhao", At: h.sim.Now(), Key: "fifth"}, time.Minute, 10)
	h.must(err)
	h.wantRefused(c, "zhou", merchant.Waiting, "")
	h.must(h.scanned(c, "zhao", "fifth"))
	h.want(c, merchant.Bound, "")
	h.wantBound("m3", "zhao")
	// Staff may unbind who is only reserved; then he isn't linked either.
	h.merchant("m2", boss)
	c = h.code("m2")
	h.people.failing(identity.ErrUnavailable)
	if err := h.scanned(c, "li", "fourth"); err == nil {
		t.Fatal("nothing was cut off")
	}
	h.people.failing(nil)
	reserved := h.get("m2").Bindings[0]
	for _, unbound := range []bool{true, false} {
		if err := h.Unbind(t.Context(), "shop", reserved, staff); (err == nil) != unbound {
			t.Fatal(err)
		}
	}
	h.must(h.scanned(c, "li", "fourth"))
	h.want(c, merchant.Refused, merchant.ReasonCancelled)
	h.wantBound("m2")
	if h.who("li") == "boss-m2" {
		t.Error("who was unbound is linked")
	}
}

func crowd(t *testing.T, on engine) {
	h := newHouse(t, on)
	many := 1000
	if raceDetector {
		many = 100
	}
	codes := make([]merchant.Code, many)
	var all sync.WaitGroup
	gate := make(chan struct{}, 32)
	for i := range many {
		all.Go(func() {
			gate <- struct{}{}
			defer func() { <-gate }()
			id := fmt.Sprint("m", i)
			h.merchant(id)
			codes[i] = h.code(id)
		})
	}
	all.Wait()
	words := map[string]string{}
	for _, s := range h.sim.Scenes(account) {
		words[s.URL] = s.Scene
	}
	began := time.Now()
	for i, c := range codes {
		for range 2 { // WeChat pushes twice
			all.Go(func() {
				err := h.codes.Scanned(t.Context(), scene.Scan{AppID: account, OpenID: fmt.Sprint("o", i), Scene: words[c.URL], At: h.sim.Now(), Key: fmt.Sprint("e", i)})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	all.Wait()
	t.Logf("%d scans, each pushed twice at once, took %v", many, time.Since(began).Round(time.Millisecond))
	for i, c := range codes {
		h.want(c, merchant.Bound, "")
		if b := h.get(c.Merchant).Bindings; len(b) != 1 || b[0].OpenID != fmt.Sprint("o", i) || b[0].User == "" {
			t.Fatalf("bound to %s are %+v", c.Merchant, b)
		}
	}
	for shown, want := range map[merchant.Shown]int64{merchant.ShowBound: int64(many), merchant.ShowUnbound: 0} {
		if n, err := h.Count(t.Context(), merchant.Filter{Realm: "shop", Shown: shown}); n != want || err != nil {
			t.Errorf("%d are %s, %v; want %d", n, shown, err, want)
		}
	}
}
