package caddymodule

import (
	"context"
	"database/sql"
	"net/http"
	"testing"
	"time"
)

// loseFacts closes the facts under a running gateway, as a disk that went away does.
func (g *gateway) loseFacts(t *testing.T) {
	t.Helper()
	if err := g.app.facts().Store.(pooledStore).Close(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the outage to be noticed", g.app.factsDown.Load)
}

func TestOutage_factsGone(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p, guest := g.phone("ming"), g.phone("li")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	guest.ua = uaDesktop
	g.who(guest.open(g.at(appA, "shop", "/")))
	met := g.who(guest.open(g.at(appA, "shop", "/")))
	idle := g.phone("wang")
	callback := idle.toCallback(g.at(appA, "shop", "/"))
	older := g.phone("ming")
	older.plant(g, appA, g.app.box.sealSession(&session{AppID: appA, OpenID: g.sim.OpenID("ming", appA), Granted: grantedBase, At: g.now().Add(-half), ID: [16]byte{2}}))
	g.who(older.fetch("GET", g.at(appA, "shop", "/")))
	g.loseFacts(t)

	t.Run("a visitor in the cache goes on, page and script", func(t *testing.T) {
		if g.who(p.open(g.at(appA, "shop", "/"))).Subject != user.Subject || g.who(p.fetch("GET", g.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Error("he is somebody else")
		}
		if g.who(guest.open(g.at(appA, "shop", "/"))).Subject != met.Subject {
			t.Error("the guest is somebody else")
		}
	})
	t.Run("everybody else gets 503 and is told when to come back", func(t *testing.T) {
		stranger, planted := g.phone("chen"), g.phone("")
		planted.plant(g, appA, g.app.box.sealSession(&session{AppID: appA, OpenID: "oSomebodyElseEntirely12345678", Granted: grantedBase, At: g.now(), ID: [16]byte{1}}))
		logout := p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
		for name, page := range map[string]seenPage{
			"a session that isn't cached": planted.open(g.at(appA, "shop", "/")),
			"its script":                  planted.fetch("GET", g.at(appA, "shop", "/")),
			"a login that ends now":       idle.open(callback),
			"a login that begins now":     stranger.open(g.at(appA, "shop", "/")),
			"a sign-out":                  logout,
		} {
			if g.wantRefusal(t, page, codeFactsDown); page.Header.Get("Retry-After") == "" {
				t.Errorf("%s isn't told when to come back", name)
			}
		}
		if stranger.cookie(g, appA) != "" || idle.cookie(g, appA) != "" {
			t.Error("a session was made that nobody can end")
		}
	})
	t.Run("the session of a visitor in the cache isn't renewed now", func(t *testing.T) {
		calls := g.sim.Calls("/connect/oauth2/authorize")
		g.who(older.open(g.at(appA, "shop", "/")))
		g.advance(factsGrace - time.Minute)
		g.who(older.open(g.at(appA, "shop", "/")))
		if g.sim.Calls("/connect/oauth2/authorize") != calls {
			t.Error("he was sent to WeChat")
		}
	})
	t.Run("after a quarter of an hour nobody is believed any more", func(t *testing.T) {
		g.advance(2 * time.Minute)
		g.wantRefusal(t, p.open(g.at(appA, "shop", "/")), codeFactsDown)
	})
	t.Run("public paths and keys need no facts", func(t *testing.T) {
		if page := p.open(g.at(appA, "shop", "/open/x")); page.Status != http.StatusOK {
			t.Errorf("answered %d", page.Status)
		}
		if page := p.open(g.url + "/wsite/-/jwks.json"); page.Status != http.StatusOK {
			t.Errorf("the keys answered %d", page.Status)
		}
	})
}

func TestOutage_factsLocked(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p, late := g.phone("ming"), g.phone("li")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	callback := late.toCallback(g.at(appA, "shop", "/"))
	db, err := sql.Open("sqlite", "file:"+g.app.Facts.SQLite+"?_txlock=exclusive&_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(context.Background(), nil)
	if err != nil {
		t.Fatal(err)
	}
	// Another program writes, for longer than we wait. Reading goes on.
	g.wantRefusal(t, late.open(callback), codeFactsDown)
	if g.who(p.open(g.at(appA, "shop", "/"))).Subject != user.Subject {
		t.Error("who was known is somebody else")
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if page := late.open(g.at(appA, "shop", "/")); g.who(page).OpenID != g.sim.OpenID("li", appA) {
		t.Error("afterwards he can't sign in")
	}
}
