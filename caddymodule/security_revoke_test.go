package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// revoke ends sessions, as an operator.
func (g *gateway) revoke(t testing.TB, in revokeIn) revocationOut {
	t.Helper()
	in.Reason = "ticket 7"
	c := &apiCall{App: g.app, ctx: t.Context(), r: httptest.NewRequest("POST", "/v1/revocations", nil), key: identity.APIKey{ID: operatorKey, Realm: identity.AllRealms}}
	out, err := c.revoke(in)
	if err != nil {
		t.Fatalf("revoking %+v: %v", in, err)
	}
	return out
}

// securityRevocations are the kinds of T121: what is ended at one node is over at all.
func securityRevocations(t *testing.T) {
	t.Run("T121 what is revoked is refused by every node within a second, in SQLite", func(t *testing.T) {
		t.Parallel()
		sim, data := simulated(t), t.TempDir()
		revokedEverywhere(t, startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data))
	})
	t.Run("T121 what is revoked is refused by every node within a second, in PostgreSQL", func(t *testing.T) {
		t.Parallel()
		sim := simulated(t)
		facts := []string{"facts sqlite DATA/wsite.db", "facts postgres " + pgtest.Start(t).DSN(t) + "\n\t\tmaster_key 0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c"}
		revokedEverywhere(t, startGatewayOn(t, sim, standard, t.TempDir(), facts...), startGatewayOn(t, sim, standard, t.TempDir(), facts...))
	})
	t.Run("T121 a guest who is revoked is another one from then on, and nobody takes him over", revokedGuest)
	t.Run("T121 the token and the ticket of a program that are revoked open nothing", revokedProgram)
	t.Run("T121 a login in one session ends with its user and its realm, and isn't carried on", revokedLogin)
	t.Run("T121 a node whose clock is behind signs visitors in again, once", func(t *testing.T) {
		t.Parallel()
		sim, data := simulated(t), t.TempDir()
		one, two := startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data)
		two.advance(-90 * time.Second)
		p, guest := two.phone("ming"), two.phone("")
		guest.ua = uaDesktop
		user := two.who(p.open(two.at(appA, "shop", "/")))
		for _, in := range []revokeIn{{User: user.Subject, Realm: "main"}, {Site: "shop"}, {All: true}} {
			one.revoke(t, in)
			before := sim.Calls("/connect/oauth2/authorize")
			waitFor(t, "the other node to refuse him", func() bool { return p.fetch("GET", two.at(appA, "shop", "/")).Status == http.StatusUnauthorized })
			met := ""
			for range 3 {
				if two.who(p.open(two.at(appA, "shop", "/"))).Subject != user.Subject {
					t.Error("he is somebody else")
				}
				now := two.who(guest.open(two.at(appA, "shop", "/"))).Subject
				if met != "" && now != met {
					t.Error("the guest is another one on each page")
				}
				met = now
			}
			if n := sim.Calls("/connect/oauth2/authorize") - before; n != 1 {
				t.Errorf("%+v: he signed in %d times", in, n)
			}
		}
	})
	t.Run("T121 a node that starts later obeys what was revoked before", func(t *testing.T) {
		t.Parallel()
		sim, data := simulated(t), t.TempDir()
		one := startGatewayOn(t, sim, standard, data)
		p := one.phone("ming")
		one.who(p.open(one.at(appA, "shop", "/")))
		one.revoke(t, revokeIn{All: true})
		two := startGatewayOn(t, sim, standard, data)
		thief := two.phone("")
		thief.plant(two, appA, p.cookie(one, appA))
		two.wantRefusal(t, thief.fetch("GET", two.at(appA, "shop", "/")), codeLoginRequired)
	})
}

// revokedEverywhere ends at one node what both know, kind by kind.
func revokedEverywhere(t *testing.T, one, two *gateway) {
	for i, tt := range []struct {
		name  string
		in    func(user identity.Token, token string) revokeIn
		stays string // whose session is taken at which site all the same; empty for none
	}{
		{"a user", func(user identity.Token, _ string) revokeIn { return revokeIn{User: user.Subject, Realm: "main"} }, "li shop"},
		{"a session", func(_ identity.Token, token string) revokeIn { return revokeIn{Token: token, Realm: "main"} }, "li shop"},
		{"a site", func(identity.Token, string) revokeIn { return revokeIn{Site: "shop"} }, "ming game"},
		{"a realm", func(identity.Token, string) revokeIn { return revokeIn{Realm: "main"} }, "ming club"},
		{"all", func(identity.Token, string) revokeIn { return revokeIn{All: true} }, ""},
	} {
		people := one.crowd(fmt.Sprint("ming", i), fmt.Sprint("li", i))
		ming, li := people[0], people[1]
		ming.open(one.at(appA, "shop", "/"))
		li.open(one.at(appA, "shop", "/"))
		user := one.who(ming.fetch("GET", one.at(appA, "shop", "/")))
		token := one.upstream.last().Header.Get(headerUser)
		mine := map[string]string{"ming": ming.cookie(one, appA), "li": li.cookie(one, appA)}
		thief := two.phone("")
		thief.plant(two, appA, mine["ming"])
		if two.who(thief.fetch("GET", two.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Fatalf("%s: the other node doesn't know him", tt.name)
		}
		began := time.Now()
		one.revoke(t, tt.in(user, token))
		one.wantRefusal(t, ming.fetch("GET", one.at(appA, "shop", "/")), codeLoginRequired)
		waitFor(t, tt.name+" to be refused by the other node", func() bool {
			return thief.fetch("GET", two.at(appA, "shop", "/")).Status == http.StatusUnauthorized
		})
		if took := time.Since(began); took > 3*time.Second { // a poll a second, on a busy machine
			t.Errorf("%s: it took %s", tt.name, took)
		}
		if who, site, some := strings.Cut(tt.stays, " "); some {
			stays := two.phone("")
			stays.plant(two, appA, mine[who])
			if page := stays.fetch("GET", two.at(appA, site, "/")); page.Status != http.StatusOK {
				t.Errorf("%s: %s is refused as well: %d", tt.name, tt.stays, page.Status)
			}
		}
		if again := one.who(ming.open(one.at(appA, "shop", "/"))); again.Subject != user.Subject {
			t.Errorf("%s: he comes back as %s, and was %s", tt.name, again.Subject, user.Subject)
		}
		thief.plant(two, appA, ming.cookie(one, appA))
		if two.who(thief.fetch("GET", two.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Errorf("%s: his new session is refused too", tt.name)
		}
	}
}

func revokedGuest(t *testing.T) {
	t.Parallel()
	sim, data := simulated(t), t.TempDir()
	sim.Answer("allow")
	one, two := startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data)
	p := one.phone("")
	p.ua = uaDesktop
	for name, in := range map[string]func(id string) revokeIn{
		"by his id": func(id string) revokeIn { return revokeIn{User: id, Realm: "main"} },
		"by his token": func(string) revokeIn {
			return revokeIn{Token: one.upstream.last().Header.Get(headerUser), Realm: "main"}
		},
		"with the site":  func(string) revokeIn { return revokeIn{Site: "shop"} },
		"with the realm": func(string) revokeIn { return revokeIn{Realm: "main"} },
		"with all":       func(string) revokeIn { return revokeIn{All: true} },
	} {
		guest := one.who(p.open(one.at(appA, "shop", "/")))
		cookie := p.cookie(one, cookieGuest)
		thief := two.phone("")
		thief.ua = uaDesktop
		thief.plant(two, cookieGuest, cookie)
		if two.who(thief.fetch("GET", two.at(appA, "shop", "/"))).Subject != guest.Subject {
			t.Fatalf("%s: the other node doesn't know him", name)
		}
		if out := one.revoke(t, in(guest.Subject)); out.Kind == identity.CutoffGuest {
			t.Errorf("%s: it is called %s", name, out.Kind)
		}
		one.wantRefusal(t, p.fetch("GET", one.at(appA, "shop", "/")), codeLoginRequired)
		waitFor(t, name+" to be refused by the other node", func() bool {
			return thief.fetch("GET", two.at(appA, "shop", "/")).Status == http.StatusUnauthorized
		})
		if now := one.who(p.open(one.at(appA, "shop", "/"))); now.Subject == guest.Subject || p.cookie(one, cookieGuest) == cookie {
			t.Errorf("%s: he is the same guest", name)
		}
		if now := one.who(p.fetch("GET", one.at(appA, "shop", "/"))); now.Subject == guest.Subject {
			t.Errorf("%s: his new cookie isn't taken", name)
		}
		wang := one.crowd("wang" + strings.ReplaceAll(name, " ", ""))[0]
		wang.plant(one, cookieGuest, cookie)
		if became := one.who(wang.press(one, wang.open(one.at(appA, "shop", "/ask/x")), "allow")); became.Subject == guest.Subject || slices.Contains(became.Prev, guest.Subject) {
			t.Errorf("%s: somebody who kept the cookie has taken him over: %+v", name, became)
		}
	}
}

func revokedProgram(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	ming, li := g.mini("ming", "shop"), g.mini("li", "shop")
	realm := g.app.directory().Site("shop").Realm
	for name, in := range map[string]func(user string) revokeIn{
		"the user": func(user string) revokeIn { return revokeIn{User: user, Realm: realm} },
		"the site": func(string) revokeIn { return revokeIn{Site: "shop"} },
		"all":      func(string) revokeIn { return revokeIn{All: true} },
	} {
		user := g.who(ming.get("/"))
		token, ticket := ming.token, ming.ticket("/")
		g.revoke(t, in(user.Subject))
		g.wantRefusal(t, ming.get("/"), codeLoginRequired)
		g.wantRefusal(t, ming.post("/-/ticket", map[string]string{"path": "/"}), codeLoginRequired)
		view := g.device("", uaMiniView)
		if view.enter(ticket.URL); view.cookie(g, appMini) != "" {
			t.Errorf("%s: the ticket still opens", name)
		}
		if ming.login(g.sim.MiniLogin("ming", appMini)); g.who(ming.get("/")).Subject != user.Subject || ming.token == token {
			t.Errorf("%s: he can't come back", name)
		}
		g.who(view.enter(ming.ticket("/").URL))
		if name == "the user" {
			g.who(li.get("/"))
		}
		li.login(g.sim.MiniLogin("li", appMini))
	}
}

func revokedLogin(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", "bind")
	for name, in := range map[string]revokeIn{"user": {User: "m-user", Realm: "main"}, "realm": {Realm: "main"}, "all": {All: true}} {
		ming := g.crowd("wu" + name)[0]
		token, _ := g.tokenAt(t, ming, appA, "shop")
		a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m-"+name)).want(t, 200)
		if _, now := g.tokenAt(t, ming, appA, "shop"); now.Subject != "m-"+name || a.JSON["in_session"] != true {
			t.Fatalf("%s: he is %s, %s", name, now.Subject, a.Body)
		}
		g.revoke(t, in)
		if page := ming.fetch("GET", g.at(appA, "shop", "/")); page.Status == http.StatusOK && g.who(page).Kind == identity.Real {
			t.Errorf("%s: he is still %s", name, g.who(page).Subject)
		}
		for range 2 {
			if _, now := g.tokenAt(t, ming, appA, "shop"); now.Kind != identity.Virtual {
				t.Errorf("%s: after the silent login he is %s", name, now.Subject)
			}
			ming.open(g.at(appA, "shop", "/-/login"))
		}
		if known, err := g.app.facts().Centre.User(t.Context(), "main", "m-"+name); err != nil || known.Logins != 0 {
			t.Errorf("%s: %d logins are left, %v", name, known.Logins, err)
		}
	}
}
