package caddymodule

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// rewrittenPaths changes the path in front of wsite in every way that Caddy offers.
func rewrittenPaths(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ block, target string }{
		"handle_path":                  {"\thandle_path /wsite/* {\n\t\twsite\n\t\treverse_proxy UPSTREAM\n\t}", shopPath("/x")},
		"uri strip_prefix":             {"\turi strip_prefix /wsite\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/x")},
		"uri replace":                  {"\turi replace /shop/ /game/\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/x")},
		"rewrite to another path":      {"\trewrite * " + shopPath("/open/x") + "\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/x")},
		"rewrite of one escape":        {"\turi replace %20 +\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/a%20b")},
		"rewrite into a site":          {"\trewrite /short " + shopPath("/x") + "\n\twsite\n\treverse_proxy UPSTREAM", "/short"},
		"rewrite out of the sites":     {"\trewrite * /x\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/open/x")},
		"rewrite of the callback":      {"\trewrite */callback " + shopPath("/x") + "\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/-/callback")},
		"try_files":                    {"\troot DATA\n\ttry_files /wsite.db\n\twsite\n\treverse_proxy UPSTREAM", shopPath("/x")},
		"a path with .. and a rewrite": {"\turi strip_prefix /wsite\n\twsite\n\treverse_proxy UPSTREAM", "/wsite/wx00000000000000aa/../../x"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, "\twsite\n\treverse_proxy UPSTREAM", c.block)
			w := g.overH1(t, request{Target: c.target, Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html"}})
			if s, ok := w.site(); ok {
				t.Fatalf("%s reached the site as %s with %v", c.target, s.URI, s.Header)
			}
			if strings.Contains(c.target, "..") {
				return // led to its canonical form first
			}
			g.wantRefusal(t, w.page(c.target), codeRewritten)
			if !g.logged(codeRewritten) {
				t.Fatal("the log doesn't tell")
			}
			for _, line := range g.logs.FilterMessage("refused").All() {
				cause, _ := line.ContextMap()["error"].(string)
				for _, word := range []string{c.target, "rewrite", "uri", "handle_path", "reverse_proxy"} {
					if !strings.Contains(cause, word) {
						t.Errorf("the log says %q and nothing of %s", cause, word)
					}
				}
			}
		})
	}
	t.Run("inside reverse_proxy it is allowed", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, "\treverse_proxy UPSTREAM", "\treverse_proxy UPSTREAM {\n\t\trewrite {http.wsite.rest}\n\t}")
		w := g.overH1(t, request{Target: shopPath("/a/b?c"), Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html"}})
		s, _ := w.site()
		if s.Header.Get("X-User") == "" || s.URI != "/a/b" && s.URI != "/a/b?c" {
			t.Errorf("the site saw %s with %v", s.URI, s.Header)
		}
	})
}

// hosts asks a gateway that takes every Host, at a name with upper-case letters.
func hosts(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "ORIGIN {\n\tbind", "http://:PORT {\n\tbind")
	port := g.url[strings.LastIndexByte(g.url, ':'):]
	desktop := []string{"User-Agent", uaDesktop, "Accept", "text/html"}
	for host, ours := range map[string]bool{
		"127.0.0.1" + port: true, "127.0.0.1": false, "127.0.0.1:80": false, "127.0.0.1:" + "1": false, "127.0.0.1." + port: false, "localhost" + port: false, "127.1" + port: false, "2130706433" + port: false,
		"evil.example": false, "evil.example" + port: false, "127.0.0.1" + port + ".evil.example": false, "evil.127.0.0.1" + port: false, "127.0.0.1" + port + "@evil.example": false, "[::ffff:127.0.0.1]" + port: false,
	} {
		for _, target := range []string{shopPath("/"), shopPath("/open/x"), shopPath("/-/login"), shopPath("/-/callback?code=a&state=b&r=c"), "/wsite/-/jwks.json", "/wsite/shop/"} {
			w := g.overH1(t, request{Target: target, Host: host, Headers: desktop})
			if !ours && w.Status == http.StatusBadRequest && strings.Contains(host, "@") {
				continue
			}
			if (w.Status != http.StatusMisdirectedRequest) != ours {
				t.Errorf("Host %q at %s was answered with %d %.80s", host, target, w.Status, w.Body)
			}
		}
	}
	w := g.overH1(t, request{Target: shopPath("/"), Host: "127.0.0.1" + port, Headers: append(desktop, "X-Forwarded-Host", "evil.example", "Forwarded", "host=evil.example", "X-Original-Host", "evil.example")})
	g.wantVisitor(t, w, true)
	for _, c := range []struct {
		host  string
		https bool
		want  string
	}{
		{"APP.Example.COM", true, "app.example.com"},
		{"app.example.com.", true, "app.example.com"},
		{"app.example.com:443", true, "app.example.com"},
		{"APP.example.com.:443", true, "app.example.com"},
		{"app.example.com:80", true, "app.example.com:80"},
		{"app.example.com:8443", true, "app.example.com:8443"},
		{"app.localhost:80", false, "app.localhost"},
		{"app.localhost:443", false, "app.localhost:443"},
		{"app.example.com:4430", true, "app.example.com:4430"},
		{"xn--fiq228c.example", true, "xn--fiq228c.example"},
		{"[::1]:443", true, "[::1]"},
	} {
		if got := canonicalHost(c.host, c.https); got != c.want {
			t.Errorf("canonicalHost(%q, %v) is %q, want %q", c.host, c.https, got, c.want)
		}
	}
}

// methods sends what is no proper method to a site and to its callback.
func methods(t *testing.T) {
	g := startGateway(t)
	cookie := g.signedIn(t, "ming", appA, "shop")
	for method, status := range map[string]int{"TRACE": 405, "CONNECT": 405, "get": 200, "GETX": 200, "POST": 200, strings.Repeat("A", 40): 405, "G\x00T": 400, "G T": 400} {
		w := g.overH1(t, request{Method: method, Target: shopPath("/x"), Headers: inWeChat("Cookie", cookie)})
		s, ok := w.site()
		if w.Status != status || ok != (status == http.StatusOK) {
			t.Errorf("%q was answered with %d", method, w.Status)
		}
		if ok && s.Method != method {
			t.Errorf("%q reached the site as %q", method, s.Method)
		}
		if w := g.overH1(t, request{Method: method, Target: shopPath("/x"), Headers: inWeChat()}); method != "POST" || w.Status != http.StatusUnauthorized {
			if _, ok := w.site(); ok {
				t.Errorf("%q reached the site without a login", method)
			}
		}
	}
	li := g.phone("li")
	callback := li.toCallback(g.at(appA, "shop", "/x"))
	exchanges := g.sim.Calls("/sns/oauth2/access_token")
	for _, method := range []string{"HEAD", "POST", "PUT", "OPTIONS", "DELETE", "get", "TRACE"} {
		w := g.overH1(t, request{Method: method, Target: strings.TrimPrefix(callback, g.url), Headers: inWeChat("Cookie", li.cookieLine(g))})
		if w.Status != http.StatusMethodNotAllowed || w.Header["Set-Cookie"] != nil {
			t.Errorf("%s of the callback was answered with %d, %v", method, w.Status, w.Header)
		}
	}
	if n := g.sim.Calls("/sns/oauth2/access_token"); n != exchanges {
		t.Errorf("the code was used %d times", n-exchanges)
	}
	if user := g.who(li.open(callback)); user.OpenID != g.sim.OpenID("li", appA) {
		t.Errorf("the code made %+v of li", user)
	}
}

// tenants carries what one account or site gave out to another.
func tenants(t *testing.T) {
	g := startGateway(t)
	ming := g.phone("ming")
	callback := ming.toCallback(g.at(appA, "shop", "/x"))
	exchanges := g.sim.Calls("/sns/oauth2/access_token")
	for name, other := range map[string]string{
		"another account": strings.Replace(callback, appA+"/shop", appB+"/shop", 1), "another site": strings.Replace(callback, appA+"/shop", appA+"/game", 1),
		"another realm": strings.Replace(callback, appA+"/shop", appA+"/club", 1),
	} {
		w := g.overH1(t, request{Target: strings.TrimPrefix(other, g.url), Headers: inWeChat("Cookie", ming.cookieLine(g))})
		g.wantRefusal(t, w.page(name), codeLoginUnproved)
		for _, c := range w.Header["Set-Cookie"] {
			t.Errorf("%s: the browser was given %.30s", name, c)
		}
		if !g.logged(codeLoginUnproved) {
			t.Error("the log doesn't tell")
		}
	}
	if n := g.sim.Calls("/sns/oauth2/access_token"); n != exchanges {
		t.Errorf("the code was used %d times", n-exchanges)
	}
	page := ming.open(callback)
	user := g.who(page)

	session := ming.cookie(g, appA)
	for name, line := range map[string]string{
		"the session of A as that of B": g.app.jar.prefix + appB + "=" + session, "the session of A itself": g.app.jar.prefix + appA + "=" + session,
		"the session as a guest": g.app.jar.prefix + cookieGuest + "=" + session, "the login cookie as the session": g.app.jar.prefix + appB + "=" + ming.cookie(g, cookieLogin),
	} {
		w := g.overH1(t, request{Target: "/wsite/" + appB + "/shop/maybe", Headers: inWeChat("Cookie", line)})
		g.wantVisitor(t, w, false)
		w = g.overH1(t, request{Target: "/wsite/" + appB + "/shop/", Headers: []string{"User-Agent", uaAndroid, "Cookie", line}})
		g.wantRefusal(t, w.page(name), codeLoginRequired)
	}
	keys, _ := g.app.facts().keys.JWKS()
	shown, _ := wire{Body: page.Body}.site()
	token := shown.Header.Get("X-User")
	if _, err := identity.Verify(keys, token, identity.Expect{Issuer: g.url + "/wsite/-", Audience: "game", Now: g.now()}); token == "" || err == nil {
		t.Errorf("the shop's token %.20q for %s holds at another site", token, user.Subject)
	}
}
