package caddymodule

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// forgedNames are the spellings of headers that only the gateway may speak, and
// of those that careless sites take for WeChat's word.
var forgedNames = []string{
	"X-User", "x-user", "X-USER", "X-User-Id", "X-User-Kind", "X-User-Bind", "X-Forwarded-Prefix",
	"X-Openid", "X-Unionid", "X-WX-OPENID", "x-wx-unionid", "X-Wx-Source", "Proxy",
}

// aliasNames are what CGI, WSGI and Rack fold onto the same variables.
var aliasNames = []string{
	"X_User", "x_user", "X-User_", "_X-User", "-X-User", "X_USER_ID", "X-User_Id", "X_User-Kind", "X.User", "x.user.id",
	"X_Forwarded_Prefix", "X-Forwarded_Prefix", "X.Forwarded-Prefix", "X_Openid", "X_Wx_Openid", "X-Wx_Openid", "Proxy_",
	"X!User", "X#User", "X$User", "X%User", "X&User", "X'User", "X*User", "X+User-Id", "X^User", "X`User-Kind", "X|User", "x~user", "!X-User", "*x_user", "~Proxy", "Proxy|", "X+Wx+Openid",
}

// forgery is a header pair for each name.
func forgery(names []string) []string {
	var pairs []string
	for _, name := range names {
		pairs = append(pairs, name, "forged")
	}
	return pairs
}

// lenient is a Caddy told to let aliases pass, which by itself it would drop.
var lenient = []string{"\tadmin off", "\tadmin off\n\tservers {\n\t\tprotocols h1 h2c\n\t\texpected_underscore_headers X_User X-User_ _X-User X_user_id X_user-Kind X-User_Id X_Forwarded_Prefix X-Forwarded_Prefix X_Openid X_Wx_Openid X-Wx_Openid Proxy_\n\t\texpected_dot_headers X.User X.user.id X.Forwarded-Prefix\n\t}"}

// variables are what CGI (RFC 3875 §4.1.18), and like it WSGI and Rack, make of
// headers.
func variables(h http.Header) map[string][]string {
	vars := map[string][]string{}
	for name, values := range h {
		folded := strings.Map(func(r rune) rune {
			if 'a' <= r && r <= 'z' {
				return r + 'A' - 'a'
			}
			if 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' {
				return r
			}
			return '_'
		}, name)
		folded = "HTTP_" + strings.Trim(folded, "_")
		vars[folded] = append(vars[folded], values...)
	}
	return vars
}

// wantVisitor fails unless the site saw exactly one identity, ours, and nothing
// that the client made up. Without somebody it is to have seen none.
func (g *gateway) wantVisitor(t testing.TB, w wire, somebody bool) identity.Token {
	t.Helper()
	s, ok := w.site()
	if !ok {
		t.Fatalf("the site was not reached: %d %.300s", w.Status, w.Body)
	}
	for _, h := range []http.Header{s.Header, s.Trailer} {
		for name, values := range h {
			if strings.Contains(strings.ToLower(strings.Join(values, " ")), "forged") {
				t.Errorf("the site saw %s: %q", name, values)
			}
		}
	}
	vars := variables(s.Header)
	for _, name := range []string{"HTTP_X_USER_ID", "HTTP_X_USER_KIND", "HTTP_X_OPENID", "HTTP_X_UNIONID", "HTTP_X_WX_OPENID", "HTTP_PROXY"} {
		if vars[name] != nil {
			t.Errorf("a CGI program would see %s=%q", name, vars[name])
		}
	}
	for name := range s.Trailer {
		if isGuarded(name) {
			t.Errorf("the site was told to expect %s behind the body", name)
		}
	}
	if strings.Contains(s.Header.Get("Cookie"), g.app.jar.prefix) {
		t.Errorf("the site saw our cookies: %q", s.Header["Cookie"])
	}
	prefix := vars["HTTP_X_FORWARDED_PREFIX"]
	inside := strings.HasPrefix(s.URI, "/wsite/")
	if inside && (len(prefix) != 1 || !strings.HasPrefix(s.URI, prefix[0]+"/")) || !inside && prefix != nil {
		t.Errorf("at %s the site saw the prefix %q", s.URI, prefix)
	}
	user := vars["HTTP_X_USER"]
	if !somebody {
		if user != nil {
			t.Errorf("at %s the site saw X-User: %q, and nobody is known", s.URI, user)
		}
		return identity.Token{}
	}
	if len(user) != 1 || len(s.Header["X-User"]) != 1 {
		t.Fatalf("at %s the site saw X-User: %q", s.URI, user)
	}
	return g.verify(user[0], shopAudience)
}

// securityA is group A, identity headers: nobody but the gateway may speak them.
func securityA(t *testing.T) {
	t.Helper()
	g := startGateway(t, h2c...)
	ming := g.signedIn(t, "ming", appA, "shop")
	t.Run("T001 a forged X-User reaches the site on no path", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { forgedNowhere(t, g, send, ming, forgedNames) })
	})
	t.Run("T002 no other spelling of it does either, even where Caddy lets it pass", func(t *testing.T) {
		t.Parallel()
		l := startGateway(t, lenient...)
		cookie := l.signedIn(t, "ming", appA, "shop")
		over(t, func(t *testing.T, send sender) { forgedNowhere(t, l, send, cookie, aliasNames) })
		over(t, func(t *testing.T, send sender) { forgedNowhere(t, g, send, ming, aliasNames) })
	})
	t.Run("T005 a client can't have X-User dropped as a hop-by-hop header", func(t *testing.T) {
		t.Parallel()
		nominated(t, g, ming)
	})
	t.Run("T007 nor the headers by which a request is judged", func(t *testing.T) {
		t.Parallel()
		nominatedOthers(t, g, ming)
	})
	t.Run("T008 a forged X-User doesn't come as a trailer", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { trailers(t, g, send, ming) })
	})
	t.Run("T010 folded lines and blanks make no header", func(t *testing.T) {
		t.Parallel()
		foldedLines(t, g, ming)
	})
	t.Run("T011 CGI programs see one HTTP_X_USER and no HTTP_PROXY", func(t *testing.T) {
		t.Parallel()
		w := g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat("Cookie", ming, "Proxy", "http://forged.example", "proxy", "forged", "X-User", "forged", "x-uSER", "forged")})
		g.wantVisitor(t, w, true)
	})
	t.Run("T013 nothing forged passes where an error is answered by another site", func(t *testing.T) {
		t.Parallel()
		errorRoutes(t)
	})
	t.Run("T014 a site that echoes its request doesn't show the token", func(t *testing.T) {
		t.Parallel()
		echoed(t)
	})
	t.Run("T016 our cookies stay here, and every other byte of Cookie goes on", func(t *testing.T) {
		t.Parallel()
		cookieStaysHere(t, g, ming)
		w := g.overH2(t, request{Target: shopPath("/"), Headers: inWeChat("Cookie", "a=1; "+ming+"; b=2; "+ming)})
		g.wantVisitor(t, w, true)
		if s, _ := w.site(); s.Header.Get("Cookie") != "a=1; b=2" {
			t.Errorf("over HTTP/2 the site saw Cookie: %q", s.Header["Cookie"])
		}
	})
	t.Run("T017 no Cookie costs much or stops the gateway", func(t *testing.T) {
		t.Parallel()
		hostileCookies(t, g)
	})
	securityNames(t, g, ming)
}

// shopPath is a path of the shop, through account A.
func shopPath(rest string) string { return "/wsite/" + appA + "/shop" + rest }

// forgedNowhere sends forged headers along every kind of path.
func forgedNowhere(t *testing.T, g *gateway, send sender, cookie string, names []string) {
	forged := forgery(names)
	preflight := []string{"Origin", "https://other.example", "Access-Control-Request-Method", "POST"}
	for _, c := range []struct {
		name     string
		req      request
		somebody bool
	}{
		{"signed in", request{Target: shopPath("/a?b=c"), Headers: inWeChat("Cookie", cookie)}, true},
		{"signed in, by a script", request{Method: "POST", Target: shopPath("/a"), Headers: []string{"Cookie", cookie, "Sec-Fetch-Mode", "cors"}}, true},
		{"a guest", request{Target: shopPath("/a"), Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html"}}, true},
		{"asked for the unionid where there is none to give", request{Target: shopPath("/ask/a"), Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html"}}, true},
		{"a public path", request{Target: shopPath("/pay/notify"), Headers: inWeChat("Cookie", cookie)}, false},
		{"a public path, by POST", request{Method: "POST", Target: shopPath("/open/x"), Headers: []string{"Cookie", cookie}}, false},
		{"an optional path and nobody known", request{Target: shopPath("/maybe"), Headers: inWeChat()}, false},
		{"an optional path and somebody known", request{Target: shopPath("/maybe"), Headers: inWeChat("Cookie", cookie)}, true},
		{"a preflight", request{Method: "OPTIONS", Target: shopPath("/a"), Headers: append(preflight, "Cookie", cookie)}, false},
		{"beside the sites", request{Target: "/about", Headers: inWeChat("Cookie", cookie)}, false},
		{"a path that begins like ours", request{Target: "/wsitex/" + appA + "/shop/", Headers: inWeChat("Cookie", cookie)}, false},
		{"a spoilt session on an optional path", request{Target: shopPath("/maybe"), Headers: inWeChat("Cookie", g.app.jar.prefix+appA+"=forged")}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			g.wantVisitor(t, send(g, t, c.req.with(forged...)), c.somebody)
		})
	}
	for _, target := range []string{"/wsite/-/jwks.json", shopPath("/-/me"), shopPath("/-/login"), shopPath("/-/callback"), shopPath("/-/logout"), "/wsite/" + appA + "/nowhere/", shopPath("/../x/%2f")} {
		w := send(g, t, request{Target: target, Headers: inWeChat("Cookie", cookie)}.with(forged...))
		if _, ok := w.site(); ok || strings.Contains(w.Body, "forged") {
			t.Errorf("%s was answered with %d %.200s", target, w.Status, w.Body)
		}
	}
}

// nominated names our headers in Connection, which asks a proxy to drop them (RFC
// 9110 §7.6.1).
func nominated(t *testing.T, g *gateway, cookie string) {
	for _, value := range []string{
		"close, X-User", "X-User", "x-user,close", "X-Forwarded-Prefix, X-User , close", "close,,\tX-User", "close\r\nConnection: X-User",
		"X-User-Id, Authorization", "X_User, X-User", "Cookie, Host, X-User",
	} {
		w := g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat("Cookie", cookie+"; theirs=1", "Connection", value)})
		g.wantVisitor(t, w, true)
		s, _ := w.site()
		if s.Header.Get("X-Forwarded-Prefix") != "/wsite/"+appA+"/shop" {
			t.Errorf("Connection: %q took X-Forwarded-Prefix away", value)
		}
		if s.Header.Get("Cookie") != "theirs=1" {
			t.Errorf("Connection: %q made the site's Cookie %q", value, s.Header["Cookie"])
		}
	}
}

// nominatedOthers names what sites and this gateway judge a request by.
func nominatedOthers(t *testing.T, g *gateway, cookie string) {
	w := g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat("Cookie", cookie, "Connection", "close, X-Forwarded-For, X-Forwarded-Proto, X-Real-Ip, X-Request-Id, Sec-Fetch-Mode, User-Agent, Referer",
		"X-Request-Id", "kept", "Sec-Fetch-Mode", "navigate", "Referer", "kept")})
	g.wantVisitor(t, w, true)
	s, _ := w.site()
	for _, name := range []string{"X-Forwarded-For", "X-Forwarded-Proto", "X-Request-Id", "Sec-Fetch-Mode", "User-Agent", "Referer"} {
		if s.Header.Get(name) == "" {
			t.Errorf("a client had %s dropped", name)
		}
	}
	w = g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat("Sec-Fetch-Mode", "cors", "Connection", "close, Sec-Fetch-Mode")})
	g.wantRefusal(t, w.page("/"), codeLoginRequired)
	w = g.overH1(t, request{Target: shopPath("/open/"), Headers: []string{"Connection", "keep-alive, Upgrade, X-User", "Upgrade", "other"}})
	g.wantVisitor(t, w, false)
}

// trailers sends forged headers behind the body, announced and not.
func trailers(t *testing.T, g *gateway, send sender, cookie string) {
	for _, announced := range [][]string{{"X-User"}, {"X-Other, X-User"}, {"x-user", "X-Other"}, {"X-Other"}, {"X-User, X_User, X-Wx-Openid"}, nil} {
		req := request{Method: "POST", Target: shopPath("/"), Headers: []string{"Cookie", cookie}, Trailers: []string{
			"X-Other", "fine", "X-User", "forged", "X_User", "forged", "X-Wx-Openid", "forged",
		}}
		for _, line := range announced {
			req.Headers = append(req.Headers, "Trailer", line)
		}
		g.wantVisitor(t, send(g, t, req), true)
		req.Target = shopPath("/open/x")
		g.wantVisitor(t, send(g, t, req), false)
		req.Target = "/about"
		g.wantVisitor(t, send(g, t, req), false)
	}
}

// foldedLines writes headers as only old servers read them (RFC 9112 §5.2).
func foldedLines(t *testing.T, g *gateway, cookie string) {
	host := strings.TrimPrefix(g.url, "http://")
	head := "GET " + shopPath("/") + " HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: " + uaAndroid + "\r\nAccept: text/html\r\nCookie: " + cookie + "\r\nX-Z: 1\r\n"
	for _, lines := range []string{
		"X-User : forged\r\n", "X-User\t: forged\r\n", " X-User: f\r\n", "X-A: 1\r\n X-User: f\r\n", "X-A: 1\r\n\tX-User: f\r\n",
		"X-User:\r\n forged\r\n", "X-User\x00: forged\r\n", "X-User\r: forged\r\n", "X-A: 1\rX-User: forged\r\n", "X-A: 1\nX-User: forged\r\n", ": forged\r\n", "X-User; forged\r\n",
	} {
		w := g.raw(t, "GET", head+lines+"\r\n")
		if w.Status == http.StatusBadRequest {
			continue
		}
		g.wantVisitor(t, w, true)
		s, _ := w.site()
		if slices.ContainsFunc(s.Header["X-User"], func(v string) bool { return strings.HasPrefix(v, "f") }) {
			t.Errorf("%q became X-User: %q", lines, s.Header["X-User"])
		}
	}
}
