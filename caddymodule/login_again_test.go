package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// An address that was good once is opened again.
func TestLogin_again(t *testing.T) {
	t.Parallel()
	signOut := func(g *gateway, p *phone) {
		t.Helper()
		if page := p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin"); page.Status != http.StatusSeeOther {
			t.Fatalf("signing out answered %d: %s", page.Status, page.Body)
		}
	}
	t.Run("an old callback signs nobody in who has signed out", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		callback := p.toCallback(g.at(appA, "shop", "/"))
		name := g.who(p.open(callback)).Subject
		signOut(g, p)
		page := p.open(callback)
		if guest := g.who(page); guest.Subject == name || guest.AMR[0] != "guest" {
			t.Errorf("after a sign-out an old callback makes the visitor %+v", guest)
		}
		if strings.Contains(page.URL, "code=") {
			t.Errorf("the visitor ended at %s", page.URL)
		}
	})
	t.Run("a session that was signed out doesn't come back with its callback", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		callback := p.toCallback(g.at(appA, "shop", "/"))
		p.open(callback)
		session := p.cookie(g, appA)
		signOut(g, p)
		p.open(g.at(appA, "shop", "/-/login"))
		mine := p.cookie(g, appA)
		p.step(callback)
		if now := p.cookie(g, appA); now != mine || now == session {
			t.Error("an old callback has replaced the session")
		}
	})
	t.Run("a callback opened in another browser ends as that browser's guest", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		callback := g.phone("ming").toCallback(g.at(appA, "shop", "/a"))
		p := g.phone("")
		p.ua = uaDesktop
		page := p.open(callback)
		if guest := g.who(page); guest.AMR[0] != "guest" || page.URL != g.at(appA, "shop", "/a") {
			t.Errorf("the other browser ended at %s as %+v", page.URL, guest)
		}
		if n := g.sim.Calls("/sns/oauth2/access_token"); n != 0 {
			t.Errorf("the code was exchanged %d times", n)
		}
	})
	t.Run("the old address leads to the account last used, not the one last signed in to", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/"))
		p.open(g.at(appB, "shop", "/"))
		p.open(g.at(appA, "shop", "/back"))
		if page := p.step(g.url + "/wsite/shop/x"); !strings.Contains(page.Header.Get("Location"), appA) {
			t.Errorf("the old address leads to %s", page.Header.Get("Location"))
		}
	})
	t.Run("a login for consent is what a script is told on such a path", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		p.open(g.at(appA, "shop", "/"))
		g.sim.Answer("allow")
		page := p.fetch("GET", g.at(appA, "shop", "/members/data"))
		_, login, _ := strings.Cut(page.Body, `"login":"`)
		login, _, _ = strings.Cut(login, `"`)
		if page.Status != http.StatusUnauthorized || !g.who(p.open(login)).Linked {
			t.Errorf("the script is told %s", page.Body)
		}
	})
}

func TestMasterKey_rotation(t *testing.T) {
	t.Parallel()
	const older, newer = "1f1e1d1c1b1a191817161514131211100f0e0d0c0b0a09080706050403020100", "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
	sim, data := simulated(t), t.TempDir()
	var outside, inside *phone
	var guest, name string
	for i, keys := range []string{older, newer + " " + older, newer} {
		g := startGatewayOn(t, sim, standard, data, "facts sqlite", "master_key "+keys+"\nfacts sqlite")
		if i == 0 {
			outside, inside = g.phone(""), g.phone("ming")
			outside.ua = uaDesktop
		}
		gotGuest, gotName := g.who(outside.open(g.at(appA, "shop", "/"))).Subject, g.who(inside.open(g.at(appA, "shop", "/"))).Subject
		if i == 0 {
			guest, name = gotGuest, gotName
		}
		if gotGuest != guest || gotName != name {
			t.Errorf("with the keys of step %d the guest is %s and not %s, the visitor %s and not %s", i, gotGuest, guest, gotName, name)
		}
		g.close()
	}
}
