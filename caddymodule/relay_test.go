package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestHosts(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	ming := g.device("ming", uaAndroid)
	page := ming.open(g.on("shop", appA, "shop", "/cart?a=1#/pay"))
	user := g.who(page) // the issuer is the origin
	if page.URL != g.on("shop", appA, "shop", "/cart?a=1") || page.Fragment != "/pay" || user.OpenID != g.sim.OpenID("ming", appA) {
		t.Errorf("he ended at %s#%s as %+v", page.URL, page.Fragment, user)
	}
	relayed := ""
	for _, address := range ming.visited {
		if strings.HasPrefix(address, g.url+"/wsite/-/relay?") {
			relayed = address
		}
		if strings.HasPrefix(address, g.url) && !strings.HasPrefix(address, g.url+"/wsite/-/relay?") {
			t.Errorf("on his way he was at %s", address)
		}
	}
	if relayed == "" {
		t.Fatalf("no relay in %v", ming.visited)
	}
	t.Run("a session is that host's own", func(t *testing.T) {
		value := ming.cookies(g.on("shop", appA, "shop", "/"))[g.app.jar.prefix+appA]
		if value == "" || ming.cookie(g, appA) != "" {
			t.Fatal("the cookie is elsewhere")
		}
		thief := g.device("", uaAndroid)
		thief.plant(g, appA, value)
		g.wantRefusal(t, thief.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
		g.who(ming.fetch("GET", g.on("shop", appA, "shop", "/"))) // cached there
		g.wantRefusal(t, thief.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
		if again := g.who(ming.open(g.at(appA, "shop", "/"))); again.Subject != user.Subject {
			t.Errorf("on the origin he is %+v", again)
		}
		value = ming.cookie(g, appA)
		thief = g.device("", uaAndroid)
		u, _ := url.Parse(g.on("shop", appA, "shop", "/"))
		thief.jar.SetCookies(u, []*http.Cookie{{Name: g.app.jar.prefix + appA, Value: value, Path: "/"}})
		g.wantRefusal(t, thief.fetch("GET", u.String()), codeLoginRequired)
	})
	t.Run("a host serves its own sites, and the origin those that want it", func(t *testing.T) {
		for name, address := range map[string]string{
			"a site of another host":        g.on("shop", appA, "rival", "/"),
			"a site of the origin":          g.on("shop", appA, "bank", "/"),
			"a site off the origin":         g.at(appA, "rival", "/"),
			"a site off the origin, by old": g.url + "/wsite/rival/",
			"an unknown host":               g.on("evil", appA, "shop", "/"),
		} {
			t.Log(name)
			g.wantRefusal(t, ming.step(address), codeBadHost)
		}
		w := g.overH1(t, request{Target: shopPath("/"), Host: "evil.localhost", Headers: inWeChat()})
		g.wantRefusal(t, w.page(""), codeBadHost)
		u, _ := url.Parse(g.url)
		for _, host := range []string{"shop.localhost:" + u.Port(), "SHOP.Localhost:" + u.Port()} {
			w := g.overH1(t, request{Target: shopPath("/open/x"), Host: host, Headers: inWeChat()})
			if _, reached := w.site(); !reached {
				t.Errorf("%s answers %d", host, w.Status)
			}
		}
		for _, host := range []string{"shop.localhost", "evil.shop.localhost:" + u.Port(), "shop.localhost.evil:" + u.Port(), "shop.localhost:1", "rival.localhost:" + u.Port()} {
			w := g.overH1(t, request{Target: shopPath("/open/x"), Host: host, Headers: inWeChat()})
			if _, reached := w.site(); reached || w.Status != http.StatusMisdirectedRequest {
				t.Errorf("%q reaches the site", host)
			}
		}
	})
	t.Run("a mini program's token and ticket are one host's", func(t *testing.T) {
		p := g.program(appMini, "shop")
		p.site = g.on("shop", appMini, "shop", "")
		p.login(g.sim.MiniLogin("ming", appMini))
		g.who(p.get("/"))
		view := g.device("", uaMiniView)
		if page := view.enter(p.ticket("/a").URL); g.who(page).AppID != appMini || page.URL != g.on("shop", appMini, "shop", "/a") {
			t.Errorf("the web-view ended at %s", page.URL)
		}
		p.site = g.at(appMini, "shop", "")
		g.wantRefusal(t, p.get("/"), codeLoginRequired)
	})
	t.Run("a code that WeChat delivers twice is exchanged once", func(t *testing.T) {
		p := g.device("li", uaAndroid)
		back := p.relayAddress(g.on("shop", appA, "shop", "/x"))
		before := g.sim.Calls("/sns/oauth2/access_token")
		for range 2 {
			callback := p.step(back).Header.Get("Location")
			if page := p.step(callback); page.Header.Get("Location") != "/wsite/"+appA+"/shop/x#" {
				t.Errorf("the callback answers %d to %q", page.Status, page.Header.Get("Location"))
			}
		}
		if n := g.sim.Calls("/sns/oauth2/access_token") - before; n != 1 {
			t.Errorf("%d exchanges were made", n)
		}
	})
	t.Run("a refusal and a consent go through the relay", func(t *testing.T) {
		g.sim.Answer("allow")
		p := g.device("li", uaAndroid)
		asked := p.open(g.on("shop", appA, "shop", "/ask/x"))
		links := button.FindStringSubmatch(asked.Body)
		if links == nil {
			t.Fatalf("he isn't asked: %s", asked.Body)
		}
		host, _, _ := strings.Cut(g.on("shop", appA, "shop", ""), "/wsite/")
		if user := g.who(p.open(host + strings.ReplaceAll(links[2], "&amp;", "&"))); !user.Linked {
			t.Errorf("he is %+v", user)
		}
	})
	t.Run("a desk's scan comes back to its host", func(t *testing.T) {
		desk := g.device("ming", uaDesktop)
		if page := desk.open(g.on("shop", appA, "shop", "/x")); g.who(page).AppID != appWeb || page.URL != g.on("shop", appWeb, "shop", "/x") {
			t.Errorf("it ended at %s", page.URL)
		}
	})
}

// TestHosts_callbackHost sends the visitors of an account back to another host than the
// origin.
func TestHosts_callbackHost(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	for _, c := range []struct{ at, relay string }{
		{g.at(appB, "shop", "/x"), g.on("tenant", "", "", "")},
		{g.on("shop", appB, "shop", "/x"), g.on("tenant", "", "", "")},
		{g.on("tenant", appB, "shop", "/x"), ""},
		{g.on("tenant", appA, "shop", "/x"), g.url},
	} {
		p := g.device("ming", uaAndroid)
		page := p.open(c.at)
		g.who(page)
		relay := ""
		for _, address := range p.visited {
			if before, _, ok := strings.Cut(address, "/wsite/-/relay?"); ok {
				relay = before
			}
		}
		want, _, _ := strings.Cut(c.relay, "/wsite")
		if page.URL != c.at || relay != want {
			t.Errorf("%s ended at %s by the relay at %q", c.at, page.URL, relay)
		}
	}
	d := g.app.checkDeps(g.app.directory().Account(appB))
	if want, _, _ := strings.Cut(g.on("tenant", "", "", ""), "/wsite"); d.Origin != want || !strings.HasPrefix(d.Callback, want+"/wsite/") {
		t.Errorf("a check of the account tries %s and %s", d.Origin, d.Callback)
	}
}
