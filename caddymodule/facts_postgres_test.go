package caddymodule

import (
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

func TestFactsInPostgres(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	g := startGateway(t, "facts sqlite DATA/wsite.db", "facts postgres "+server.DSN(t)+"\n\t\tmaster_key "+strings.Repeat("0f1e2d3c", 8))
	p, idle := g.phone("ming"), g.phone("li")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	callback := idle.toCallback(g.at(appA, "shop", "/"))
	if on := g.known(t, "ming", appA).Openid.Guest; on != user.Subject {
		t.Errorf("the facts know the visitor as %q, the site as %q", on, user.Subject)
	}
	server.Stop()
	waitFor(t, "the outage to be noticed", g.app.factsDown.Load)
	t.Run("while the server is away, a visitor in the cache goes on", func(t *testing.T) {
		if g.who(p.open(g.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Error("he is somebody else")
		}
	})
	t.Run("and everybody else gets 503", func(t *testing.T) {
		g.wantRefusal(t, g.phone("chen").open(g.at(appA, "shop", "/")), codeFactsDown)
		g.wantRefusal(t, idle.open(callback), codeFactsDown)
	})
	if err := server.Again(); err != nil {
		t.Fatal(err)
	}
	waitFor(t, "the server to be found again", func() bool { return !g.app.factsDown.Load() })
	t.Run("once it is back, all is as it was", func(t *testing.T) {
		g.app.visitors.forgetAll() // so that the facts are asked
		if g.who(p.open(g.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Error("he is somebody else")
		}
		if g.who(g.phone("ming").open(g.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Error("on another phone he is somebody else")
		}
		if g.who(idle.open(g.at(appA, "shop", "/"))).OpenID != g.sim.OpenID("li", appA) {
			t.Error("nobody can sign in any more")
		}
	})
}
