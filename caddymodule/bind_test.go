package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// startBinding starts a gateway whose shop says with `?as=` who its visitor is, as a
// site does that has a login of its own.
func startBinding(t *testing.T, changes ...string) *gateway {
	changes = append(changes, "path /pay/notify public", "path /pay/notify public\n\t\t\tbind_header on")
	g := startGateway(t, changes...)
	g.upstream.answer = func(w http.ResponseWriter, r *http.Request) {
		if as := r.URL.Query()["as"]; as != nil {
			w.Header()[headerBind] = as
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(seen{r.Method, r.RequestURI, r.Header, nil})
	}
	return g
}

func (g *gateway) wantError(t *testing.T, page seenPage, code string) {
	t.Helper()
	if got := page.Header.Get(headerBindError); got != code || page.Status != http.StatusOK {
		t.Errorf("answered %d with the error %q, want %q", page.Status, got, code)
	}
	if page.Header.Get(headerBind) != "" {
		t.Error("the browser sees whom the site named")
	}
}

func (g *gateway) events(t *testing.T, realm string) string {
	t.Helper()
	all, err := g.app.facts().Events(t.Context(), realm, 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, e := range all {
		list = append(list, string(e.Type)+" "+e.Old+"→"+e.New)
	}
	return strings.Join(list, "\n")
}

func TestBindHeader(t *testing.T) {
	t.Parallel()
	consent := func(t *testing.T, g *gateway, person string) *phone {
		p := g.phone(person)
		g.sim.Answer("allow")
		p.press(g, p.open(g.at(appA, "shop", "/ask/x")), "allow")
		return p
	}
	t.Run("a linked visitor is the member from the next request on, at every account", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := consent(t, g, "ming")
		guest := g.who(p.open(g.at(appA, "shop", "/a")))
		page := p.open(g.at(appA, "shop", "/login?as=m1"))
		g.wantError(t, page, "")
		if saw := g.who(page); saw.Subject != guest.Subject {
			t.Errorf("the very request was made as %s", saw.Subject)
		}
		now := g.who(p.open(g.at(appA, "shop", "/a")))
		if now.Subject != "m1" || now.Kind != identity.Real || !now.Linked || len(now.Prev) != 1 || now.Prev[0] != guest.Subject {
			t.Errorf("he is %+v", now)
		}
		if other := g.who(consentAt(t, g, "ming", appB)); other.Subject != "m1" {
			t.Errorf("at the other account he is %s", other.Subject)
		}
		if events := g.events(t, "main"); !strings.Contains(events, "userid.replaced "+guest.Subject+"→m1") {
			t.Errorf("told was %q", events)
		}
	})
	t.Run("without a unionid he is the member in this session only, and renewals carry it on", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := g.phone("ming")
		guest := g.who(p.open(g.at(appA, "shop", "/a")))
		g.wantError(t, p.open(g.at(appA, "shop", "/login?as=m1")), "")
		now := g.who(p.open(g.at(appA, "shop", "/a")))
		if now.Subject != "m1" || now.Linked || len(now.Prev) != 1 || now.Prev[0] != guest.Subject {
			t.Errorf("he is %+v", now)
		}
		if other := g.who(g.phone("ming").open(g.at(appA, "shop", "/a"))); other.Subject == "m1" || other.Subject == guest.Subject {
			t.Errorf("on another phone he is %s, where nobody logged in", other.Subject)
		}
		for range 3 {
			g.advance(7 * time.Hour)
			g.sim.Advance(7 * time.Hour)
			if again := g.who(p.open(g.at(appA, "shop", "/a"))); again.Subject != "m1" {
				t.Errorf("after a renewal he is %s", again.Subject)
			}
		}
		g.sim.Answer("allow")
		linked := g.who(p.press(g, p.open(g.at(appA, "shop", "/ask/x")), "allow"))
		if linked.Subject != "m1" || !linked.Linked {
			t.Errorf("with consent he is %+v", linked)
		}
		if other := g.who(consentAt(t, g, "ming", appB)); other.Subject != "m1" {
			t.Errorf("at the other account he is %s", other.Subject)
		}
	})
	t.Run("a sign-out ends it", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/login?as=m1"))
		g.who(p.open(g.at(appA, "shop", "/a")))
		kept := p.cookie(g, appA)
		p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
		if out := g.who(p.open(g.at(appA, "shop", "/a"))); out.Subject == "m1" {
			t.Error("signed out, he is still the member")
		}
		thief := g.phone("")
		thief.plant(g, appA, kept)
		if page := thief.fetch("GET", g.at(appA, "shop", "/a")); page.Status != http.StatusUnauthorized {
			t.Errorf("the old cookie is answered with %d", page.Status)
		}
	})
	t.Run("another person on that phone is not the member", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		g.crowd("hong")
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/login?as=m1"))
		p.become(g, "hong")
		g.advance(7 * time.Hour)
		g.sim.Advance(7 * time.Hour)
		if other := g.who(p.open(g.at(appA, "shop", "/a"))); other.Subject == "m1" {
			t.Error("the second person is the member")
		}
		g.advance(7 * time.Hour)
		g.sim.Advance(7 * time.Hour)
		p.become(g, "ming")
		if back := g.who(p.open(g.at(appA, "shop", "/a"))); back.Subject == "m1" {
			t.Error("the login came back after somebody else was there")
		}
	})
	t.Run("a guest of another browser is the member in that browser, until he signs out", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := g.phone("")
		p.ua = uaDesktop
		guest := g.who(p.open(g.at(appA, "shop", "/a")))
		g.wantError(t, p.open(g.at(appA, "shop", "/login?as=m1")), "")
		now := g.who(p.open(g.at(appA, "shop", "/a")))
		if now.Subject != "m1" || now.Kind != identity.Real || now.Linked {
			t.Errorf("he is %+v", now)
		}
		if events := g.events(t, "main"); events != "userid.replaced "+guest.Subject+"→m1" {
			t.Errorf("told was %q", events)
		}
		kept := p.cookie(g, cookieGuest)
		p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
		out := g.who(p.open(g.at(appA, "shop", "/a")))
		if out.Subject == "m1" || out.Subject == guest.Subject {
			t.Errorf("signed out he is %s", out.Subject)
		}
		thief := g.phone("")
		thief.ua = uaDesktop
		thief.plant(g, cookieGuest, kept)
		if stolen := g.who(thief.open(g.at(appA, "shop", "/a"))); stolen.Subject == "m1" || stolen.Subject == guest.Subject {
			t.Errorf("the old cookie makes somebody %s", stolen.Subject)
		}
	})
	t.Run("saying it again writes nothing", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := consent(t, g, "ming")
		p.open(g.at(appA, "shop", "/login?as=m1"))
		before := g.rows(t)
		for range 3 {
			g.wantError(t, p.open(g.at(appA, "shop", "/login?as=m1")), "")
		}
		g.wantRows(t, before)
	})
}

// become signs another person in to WeChat on this phone.
func (p *phone) become(g *gateway, person string) {
	u, _ := url.Parse(g.sim.URL)
	p.jar.SetCookies(u, []*http.Cookie{g.sim.PersonCookie(person)})
}

// consentAt is a page of the shop, opened on a fresh phone with consent.
func consentAt(t *testing.T, g *gateway, person, appID string) seenPage {
	t.Helper()
	p := g.phone(person)
	g.sim.Answer("allow")
	return p.press(g, p.open(g.at(appID, "shop", "/ask/x")), "allow")
}

func TestBindHeader_refused(t *testing.T) {
	t.Parallel()
	t.Run("a conflict lets the answer pass, changes nothing, and is told once", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		consentAt(t, g, "ming", appA)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/login?as=m1"))
		for range 2 {
			page := p.open(g.at(appA, "shop", "/login?as=m2"))
			g.wantError(t, page, identity.CodeUnionIDTaken)
			if !strings.Contains(page.Body, "/login?as=m2") {
				t.Error("the answer isn't the site's")
			}
		}
		if now := g.who(p.open(g.at(appA, "shop", "/a"))); now.Subject != "m1" {
			t.Errorf("he is %s", now.Subject)
		}
		if told := strings.Count(g.events(t, "main"), "userid.conflict"); told != 1 {
			t.Errorf("told %d times", told)
		}
		records, err := g.app.facts().Centre.Audit(t.Context(), "main", "m2", 0, 10)
		if err != nil || len(records) != 1 || records[0].Actor != "site:shop" || records[0].Detail.Trace == "" {
			t.Errorf("on record is %+v, %v", records, err)
		}
		hong := g.crowd("hong")[0]
		consentAt(t, g, "hong", appA)
		g.wantError(t, hong.open(g.at(appA, "shop", "/login?as=m1")), identity.CodeUserTaken)
	})
	t.Run("what can't be an id", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := g.phone("ming")
		before := g.who(p.open(g.at(appA, "shop", "/a"))).Subject
		for _, as := range []string{"", "null", "undefined", "0", "test", "a%20b", strings.Repeat("x", 65), "%E4%BD%A0", "m1&as=m2"} {
			g.wantError(t, p.open(g.at(appA, "shop", "/login?as="+as)), "bad_id")
		}
		g.wantError(t, p.open(g.at(appA, "shop", "/login?as=v"+strings.Repeat("a", 32))), identity.CodeUserVirtual)
		if now := g.who(p.open(g.at(appA, "shop", "/a"))).Subject; now != before {
			t.Errorf("he is %s, was %s", now, before)
		}
	})
	t.Run("a site that may not say it, or of whom, hears so, and its header goes nowhere", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		p := g.phone("ming")
		g.wantError(t, p.open(g.at(appA, "game", "/login?as=m1")), bindNotAllowed)
		g.wantError(t, p.open(g.at(appA, "shop", "/open/x?as=m1")), bindNobody)
		if rows := g.rows(t); rows["userid"] != 0 {
			t.Errorf("the facts hold %v", rows)
		}
	})
	t.Run("a preview is nobody's", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		g.sim.Fail("snapshot", wechatsim.Always())
		p := g.phone("ming")
		g.wantError(t, p.open(g.at(appA, "shop", "/login?as=m1")), identity.CodeUnionIDNeeded)
		if rows := g.rows(t); rows["userid"]+rows["openid_key"] != 0 {
			t.Errorf("the facts hold %v", rows)
		}
	})
	t.Run("a blocked user is turned away until he is let in again", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		consentAt(t, g, "ming", appA)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/login?as=m1"))
		by := identity.By{Actor: "test", Evidence: "abuse"}
		if err := g.app.facts().Block(t.Context(), "main", "m1", by); err != nil {
			t.Fatal(err)
		}
		g.app.forget("main", "m1")
		g.wantRefusal(t, p.open(g.at(appA, "shop", "/a")), codeBlocked)
		if err := g.app.facts().Unblock(t.Context(), "main", "m1", by); err != nil {
			t.Fatal(err)
		}
		g.app.forget("main", "m1")
		if now := g.who(p.open(g.at(appA, "shop", "/a"))); now.Subject != "m1" {
			t.Errorf("let in again he is %s", now.Subject)
		}
	})
	t.Run("parted from his user, a visitor is somebody new, and his old session is over", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t)
		consentAt(t, g, "ming", appA)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/login?as=m1"))
		old := p.cookie(g, appA)
		g.advance(time.Minute)
		if err := g.app.facts().Unbind(t.Context(), "main", "m1", identity.Unionid{}, identity.By{Actor: "test"}); err != nil {
			t.Fatal(err)
		}
		g.app.forget("main", "m1")
		thief := g.phone("")
		thief.plant(g, appA, old)
		if page := thief.fetch("GET", g.at(appA, "shop", "/a")); page.Status != http.StatusUnauthorized {
			t.Errorf("the old session is answered with %d", page.Status)
		}
		if now := g.who(p.open(g.at(appA, "shop", "/a"))); now.Subject == "m1" || now.Kind != identity.Virtual || !now.Linked {
			t.Errorf("he is %+v", now)
		}
	})
}
