package caddymodule

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// T067: who planted a guest cookie, or copied it before, mustn't be the member who logs
// in with it later.
func TestAttack_fixation(t *testing.T) {
	t.Parallel()
	g := startBinding(t)
	thief := g.phone("")
	thief.ua = uaDesktop
	thief.open(g.at(appA, "shop", "/a"))
	victim := g.phone("")
	victim.ua = uaDesktop
	victim.plant(g, cookieGuest, thief.cookie(g, cookieGuest))
	g.wantError(t, victim.open(g.at(appA, "shop", "/login?as=m1")), "")
	if victim.cookie(g, cookieGuest) == thief.cookie(g, cookieGuest) {
		t.Error("the login left the cookie from before in place")
	}
	if now := g.who(thief.open(g.at(appA, "shop", "/a"))); now.Subject == "m1" {
		t.Error("who planted the cookie is the member")
	}
	if now := g.who(victim.open(g.at(appA, "shop", "/a"))); now.Subject != "m1" {
		t.Errorf("the member is %s", now.Subject)
	}
}

// A sign-out while a renewal is under way holds: what the session was logged in as isn't
// carried on. finish has read the session as live before the sign-out.
func TestAttack_carryAfterSignOut(t *testing.T) {
	t.Parallel()
	g := startBinding(t)
	p := g.phone("ming")
	g.wantError(t, p.open(g.at(appA, "shop", "/login?as=m1")), "")
	s, err := g.app.box.openSession(p.cookie(g, appA), appA)
	if err != nil {
		t.Fatal(err)
	}
	p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
	if from, _ := g.app.facts().Revoked(t.Context(), s.key()); from.IsZero() {
		t.Fatal("it isn't revoked")
	}
	next := "00112233445566778899aabbccddeeff"
	if err := g.app.facts().CarryLogins(context.Background(), s.key(), next, identity.Openid{AppID: appA, OpenID: s.OpenID}, time.Now()); err != nil {
		t.Fatal(err)
	}
	known, err := g.app.facts().Load(t.Context(), identity.Query{Realm: "main", Openid: identity.Openid{AppID: appA, OpenID: s.OpenID}, Session: next})
	if err != nil {
		t.Fatal(err)
	}
	if known.LoginUser.ID != "" {
		t.Errorf("the session after the sign-out is logged in as %s", known.LoginUser.ID)
	}
}

// A login told with the token of the session that was just renewed isn't lost.
func TestAttack_bindDuringRenewal(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", "bind")
	p := g.phone("ming")
	p.open(g.at(appA, "shop", "/a"))
	g.advance(7*time.Hour - 10*time.Second)
	g.sim.Advance(7*time.Hour - 10*time.Second)
	p.fetch("GET", g.at(appA, "shop", "/form")) // a page's script: no renewal
	token := g.upstream.last().Header.Get(headerUser)
	p.open(g.at(appA, "shop", "/next")) // a navigation renews
	a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1"))
	if _, now := g.tokenAt(t, p, appA, "shop"); a.Status == 200 && now.Subject != "m1" {
		t.Errorf("it says %s, and the visitor is %s", a.Body, now.Subject)
	}
}

// A browser's login isn't lost by looking at the same site through another account.
func TestAttack_browserLoginAccounts(t *testing.T) {
	t.Parallel()
	g := startBinding(t)
	p := g.phone("")
	p.ua = uaDesktop
	p.open(g.at(appA, "shop", "/login?as=m1"))
	if now := g.who(p.open(g.at(appA, "shop", "/a"))); now.Subject != "m1" {
		t.Fatalf("he is %s", now.Subject)
	}
	t.Logf("through the other account he is %s", g.who(p.open(g.at(appB, "shop", "/a"))).Subject)
	if now := g.who(p.open(g.at(appA, "shop", "/a"))); now.Subject != "m1" {
		t.Errorf("back at the first account he is %s: one look elsewhere signed him out", now.Subject)
	}
}

// A visitor's token outlives his session; what it may bind mustn't.
func TestAttack_tokenOfEndedSession(t *testing.T) {
	t.Parallel()
	t.Run("a signed-out WeChat session's token binds no more, nor does it part anybody", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key := g.apiKey(t, "main", "bind read")
		p := g.phone("ming")
		g.consents(t, p, appA)
		token, _ := g.tokenAt(t, p, appA, "shop")
		p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).wantCode(t, string(apiBadToken))
		g.ask(t, key, "POST", "main/resolve", body("token", token)).wantCode(t, string(apiBadToken))
	})
	t.Run("a signed-out browser's old cookie isn't logged in again by its old token", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key := g.apiKey(t, "main", "bind")
		p := g.phone("")
		p.ua = uaDesktop
		token, _ := g.tokenAt(t, p, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).want(t, 200)
		kept := p.cookie(g, cookieGuest)
		p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
		if a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")); a.Status == 200 {
			t.Errorf("the token of the signed-out browser binds: %s", a.Body)
		}
		thief := g.phone("")
		thief.ua = uaDesktop
		thief.plant(g, cookieGuest, kept)
		if _, now := g.tokenAt(t, thief, appA, "shop"); now.Subject == "m1" {
			t.Error("the old cookie is the member again, after the sign-out")
		}
	})
}
