package caddymodule

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// whoami is what the site saw of its visitor, verified as a site has to.
func (g *gateway) whoami(page seenPage, audience string) identity.Token {
	g.t.Helper()
	if page.Status != http.StatusOK {
		g.t.Fatalf("%s answered %d: %s", page.URL, page.Status, page.Body)
	}
	var s seen
	if err := json.Unmarshal([]byte(page.Body), &s); err != nil {
		g.t.Fatalf("%s is not the site's answer: %s", page.URL, page.Body)
	}
	return g.verify(s.Header.Get("X-User"), audience)
}

func (g *gateway) verify(token, audience string) identity.Token {
	g.t.Helper()
	keys, _ := g.app.facts().keys.JWKS()
	user, err := identity.Verify(keys, token, identity.Expect{Issuer: g.url + "/wsite/-", Audience: audience, Now: g.now()})
	if err != nil {
		g.t.Fatalf("verifying %q: %v", token, err)
	}
	return user
}

func TestLogin(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")

	page := ming.open(g.at(appA, "shop", "/?a=1"))
	user := g.whoami(page, "https://shop.example.com")
	if user.Kind != identity.Virtual || user.OpenID != g.sim.OpenID("ming", appA) {
		t.Errorf("the site saw %+v", user)
	}
	if page.URL != g.at(appA, "shop", "/?a=1") {
		t.Errorf("the visitor ended at %s", page.URL)
	}
	again := g.whoami(ming.open(g.at(appA, "shop", "/other")), "https://shop.example.com")
	if again.Subject != user.Subject {
		t.Errorf("the same visitor is %s and then %s", user.Subject, again.Subject)
	}
	for name := range g.upstream.last().Header {
		if name == "Cookie" {
			t.Errorf("the site saw our cookies: %v", g.upstream.last().Header[name])
		}
	}
	li := g.whoami(g.phone("li").open(g.at(appA, "shop", "/")), "https://shop.example.com")
	if li.Subject == user.Subject {
		t.Error("two people are one user")
	}
}

func TestLogin_fragmentSurvives(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	page := g.phone("ming").open(g.at(appA, "shop", "/app#/level/2?x=1"))
	if page.Fragment != "/level/2?x=1" {
		t.Errorf("the fragment is %q after %s", page.Fragment, strings.Join(g.phone("").visited, "\n"))
	}
	if page := g.phone("ming").open(g.at(appA, "shop", "/app")); page.Fragment != "" {
		t.Errorf("a visitor without a fragment came back with %q", page.Fragment)
	}
}
