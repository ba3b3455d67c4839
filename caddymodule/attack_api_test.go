package caddymodule

import (
	"database/sql"
	"net/http"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// A blocked user stays blocked.
func TestAttack_block(t *testing.T) {
	t.Parallel()
	t.Run("he can't be parted from his WeChat account by a token, and so be let in", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key, ops := g.apiKey(t, "main", "bind read"), g.apiKey(t, identity.AllRealms, "operate")
		p := g.phone("ming")
		g.consents(t, p, appA)
		token, _ := g.tokenAt(t, p, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).want(t, 200)
		g.ask(t, ops, "POST", "main/users/m1/block", body("evidence", "fraud")).want(t, 204)
		if page := p.open(g.at(appA, "shop", "/a")); page.Status != http.StatusForbidden {
			t.Fatalf("blocked, he sees %d", page.Status)
		}
		if a := g.ask(t, key, "POST", "main/resolve", body("token", token)); a.Status == 200 && a.JSON["blocked"] != true {
			t.Errorf("a business that asks isn't told that he is blocked: %s", a.Body)
		}
		g.ask(t, key, "POST", "main/unbind", body("token", token)).wantCode(t, string(apiBadToken)) // it is from before the block
		if err := g.app.facts().Unbind(t.Context(), "main", "m1", identity.Unionid{}, identity.By{Actor: "test"}); err == nil {
			t.Error("a fresh id would let him in again")
		}
		if page := p.open(g.at(appA, "shop", "/a")); page.Status != http.StatusForbidden {
			t.Errorf("he is let in: %d as %s", page.Status, g.who(page).Subject)
		}
	})
	t.Run("the session that he logged in in ends with the block", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key, ops := g.apiKey(t, "main", "bind read"), g.apiKey(t, identity.AllRealms, "operate")
		p := g.phone("ming")
		token, _ := g.tokenAt(t, p, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).want(t, 200)
		g.ask(t, ops, "POST", "main/users/m1/block", body("evidence", "stolen phone")).want(t, 204)
		g.ask(t, ops, "POST", "main/users/m1/unblock", body("evidence", "has a new password")).want(t, 204)
		if _, now := g.tokenAt(t, p, appA, "shop"); now.Subject == "m1" {
			t.Error("after block and unblock the session from before is the member still")
		}
	})
}

// At an account without an open platform the unionid is the openid, whoever says otherwise.
func TestAttack_unionidOfLoneAccount(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	ops := g.apiKey(t, identity.AllRealms, "operate read")
	ming, li := g.sim.OpenID("ming", appLone), g.sim.OpenID("li", appLone)
	a := g.ask(t, ops, "POST", "main/bind", body("appid", appLone, "openid", ming, "unionid", li, "user", "m1", "evidence", "e"))
	if a.Status < 400 {
		t.Errorf("a unionid is taken that there can't be: %s", a.Body)
	}
	if who := g.ask(t, ops, "POST", "main/resolve", body("appid", appLone, "openid", li)); who.text("user") == "m1" {
		t.Errorf("another person is m1: %s", who.Body)
	}
	if _, now := g.tokenAt(t, g.phone("li"), appLone, "shop"); now.Subject == "m1" {
		t.Error("li opens a page and is ming's member")
	}
}

// A visitor's token parts his own WeChat account, and nobody else's of the same user.
func TestAttack_unbindOwnAlone(t *testing.T) {
	t.Parallel()
	g := startAPI(t, "\t\trealm main\n\t\trealm other", "\t\trealm main {\n\t\t\tunionids_per_user 2\n\t\t}\n\t\trealm other")
	key := g.apiKey(t, "main", "bind read")
	tokens := map[string]string{}
	for _, person := range []string{"ming", "li"} {
		p := g.phone(person)
		g.consents(t, p, appA)
		tokens[person], _ = g.tokenAt(t, p, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", tokens[person], "user", "m1")).want(t, 200)
	}
	g.ask(t, key, "POST", "main/unbind", body("token", tokens["li"])).want(t, 204)
	who := g.ask(t, key, "POST", "main/resolve", body("appid", appA, "openid", g.sim.OpenID("ming", appA))).want(t, 200)
	if who.text("user") != "m1" {
		t.Errorf("li's token has parted ming: he is %s", who.Body)
	}
}

// The id of a browser's guest is one that we minted, row or no row: nobody becomes it.
func TestAttack_guestUUID(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", "bind read")
	desktop := func() *phone { p := g.phone(""); p.ua = uaDesktop; return p }
	t.Run("not the visitor himself", func(t *testing.T) {
		token, seen := g.tokenAt(t, desktop(), appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", seen.Subject)).wantCode(t, identity.CodeUserVirtual)
	})
	t.Run("nor another visitor", func(t *testing.T) {
		victim := desktop()
		_, seen := g.tokenAt(t, victim, appA, "shop")
		thief := desktop()
		token, _ := g.tokenAt(t, thief, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", seen.Subject)).wantCode(t, identity.CodeUserVirtual)
		if _, now := g.tokenAt(t, thief, appA, "shop"); now.Subject == seen.Subject {
			t.Errorf("another visitor speaks under the guest's id, as %s", now.Kind)
		}
		if _, now := g.tokenAt(t, victim, appA, "shop"); now.Subject != seen.Subject {
			t.Errorf("the guest has lost his id, and is %s", now.Subject)
		}
	})
}

// Who was erased stands in no answer that is kept for repetitions.
func TestAttack_eraseRepeats(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key, ops := g.apiKey(t, "main", "bind"), g.apiKey(t, identity.AllRealms, "operate")
	p := g.phone("ming")
	g.consents(t, p, appA)
	token, _ := g.tokenAt(t, p, appA, "shop")
	g.ask(t, key, "POST", "main/bind", body("token", token, "user", "13800138000"), "Idempotency-Key", "a").want(t, 200)
	g.ask(t, ops, "DELETE", "main/users/13800138000", body("evidence", "asked for it")).want(t, 204)
	db, err := sql.Open("sqlite", "file:"+g.app.Facts.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var n int
	if err := db.QueryRow(`SELECT COUNT(*) FROM idempotency WHERE CAST(body AS TEXT) LIKE '%13800138000%'`).Scan(&n); err != nil || n > 0 {
		t.Errorf("%d kept answers name the erased user (%v)", n, err)
	}
	if a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "13800138000"), "Idempotency-Key", "a"); a.Status == 200 {
		t.Errorf("repeated, it still says %s", a.Body)
	}
}
