package caddymodule

import (
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// securityC is group C, redirects: they lead into the site or to WeChat, and
// nowhere else.
func securityC(t *testing.T) {
	t.Helper()
	g := startGateway(t, h2c...)
	ming := g.signedIn(t, "ming", appA, "shop")
	list := redirects(strings.TrimPrefix(g.url, "http://"), shopPath(""))
	t.Run("T040 a login on request leads nowhere else", func(t *testing.T) {
		t.Parallel()
		returnTargets(t, g, ming, list)
	})
	t.Run("T040 a sign-out leads nowhere else", func(t *testing.T) {
		t.Parallel()
		logoutTargets(t, g, list)
	})
	t.Run("T041 a host that ends or begins like ours is another one", func(t *testing.T) {
		t.Parallel()
		for _, address := range []string{"http://127.0.0.1", g.url + ".evil.example", g.url + "0", "https" + strings.TrimPrefix(g.url, "http"), g.url, "http://evil" + strings.TrimPrefix(g.url, "http://")} {
			w := g.overH1(t, request{Target: shopPath("/-/login?return=" + url.QueryEscape(address+shopPath("/x"))), Headers: atDesk()})
			if location := w.Header.Get("Location"); location != shopPath("/#") {
				t.Errorf("%s led to %q", address, location)
			}
		}
	})
	t.Run("T043 a target that was tampered with is none", func(t *testing.T) {
		t.Parallel()
		tampered(t, g)
	})
	t.Run("T044 the referrer is never shown", func(t *testing.T) {
		t.Parallel()
		referrers(t, g, list)
	})
	t.Run("T046 no token, id or code stands in an address of ours", func(t *testing.T) {
		t.Parallel()
		nothingInAddresses(t)
	})
	t.Run("T049 no request path becomes a way out", func(t *testing.T) {
		t.Parallel()
		requestPaths(t, g, ming, list)
	})
	t.Run("T050 the end of a login has a fragment of its own, and not from the query", func(t *testing.T) {
		t.Parallel()
		fragments(t)
	})
	t.Run("T051 what browsers leave unescaped in a query survives a login", func(t *testing.T) {
		t.Parallel()
		l := startGateway(t)
		page := l.phone("ming").open(l.at(appA, "shop", `/x?q=a\b&r=<>"'|^`+"`{}"))
		l.who(page)
		if page.URL != l.at(appA, "shop", `/x?q=a%5Cb&r=<>"'|^`+"`{}") {
			t.Errorf("the visitor ended at %s", page.URL)
		}
	})
	t.Run("T052 a login never sends a form on", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { neverRepeated(t, g, send, ming) })
	})
}

func atDesk(pairs ...string) []string {
	return append([]string{"User-Agent", uaDesktop, "Accept", "text/html"}, pairs...)
}

// within is an address inside the shop that no browser reads as anything else.
var within = regexp.MustCompile(`^/wsite/` + appA + `/shop/[^\\\x00-\x20\x7f#]*(#[^\\\x00-\x20\x7f#]*)?$`)

// wantWithin fails unless an address leads into the shop or to WeChat's login, and
// from there into the shop.
func (g *gateway) wantWithin(t testing.TB, from, address string) {
	t.Helper()
	if address == "" {
		return
	}
	if rest, ok := strings.CutPrefix(address, g.sim.URL+"/connect/oauth2/authorize?"); ok {
		rest, _, _ = strings.Cut(rest, "#")
		q, err := url.ParseQuery(rest)
		if back := q["redirect_uri"]; err != nil || len(back) != 1 || !regexp.MustCompile(`^`+regexp.QuoteMeta(g.url+shopPath("/-/callback?r="))+`[A-Za-z0-9_-]+$`).MatchString(back[0]) {
			t.Errorf("%.200q has WeChat send its visitor to %q", from, back)
		}
		return
	}
	path, _, _ := strings.Cut(address, "?")
	path, _, _ = strings.Cut(path, "#")
	if !within.MatchString(address) || strings.Contains(path, "//") || strings.Contains(path+"/", "/../") || strings.Contains(path+"/", "/./") || strings.Contains(path, "/-/") {
		t.Errorf("%.200q leads to %.200q", from, address)
	}
}

func returnTargets(t *testing.T, g *gateway, session string, list []string) {
	for _, target := range list {
		query := "?return=" + url.QueryEscape(target)
		w := g.overH1(t, request{Target: shopPath("/-/login" + query), Headers: atDesk()})
		if w.Status != http.StatusSeeOther && len(query) < 5000 || w.Status == http.StatusSeeOther && w.Header.Get("Location") == "" {
			t.Errorf("%.80q: at a desk: %d", target, w.Status)
		}
		g.wantWithin(t, target, w.Header.Get("Location"))
	}
	// Inside WeChat the target travels sealed, so that it is enough to look at
	// fewer of them there.
	for i := 0; i < len(list); i += 7 {
		for _, query := range []string{"?return=" + url.QueryEscape(list[i]), "?r=" + url.QueryEscape(list[i]), "?r=" + base64.RawURLEncoding.EncodeToString([]byte(list[i])), "?return=/a&return=" + url.QueryEscape(list[i])} {
			w := g.overH1(t, request{Target: shopPath("/-/login" + query), Headers: inWeChat("Cookie", session)})
			g.wantWithin(t, list[i], w.page("").next())
			w = g.overH1(t, request{Target: shopPath("/-/callback" + query + "&code=x&state=y"), Headers: inWeChat("Cookie", session)})
			g.wantWithin(t, list[i], w.page("").next())
			if w.Status < 300 {
				t.Errorf("the callback took %q with %d", query, w.Status)
			}
		}
	}
}

var hrefs = regexp.MustCompile(`(?:href|action)="([^"]*)"`)

func logoutTargets(t *testing.T, g *gateway, list []string) {
	for i := 0; i < len(list); i += 3 {
		target := shopPath("/-/logout?return=" + url.QueryEscape(list[i]))
		if len(target) > 4000 {
			continue
		}
		w := g.overH1(t, request{Method: "POST", Target: target, Headers: atDesk("Sec-Fetch-Site", "same-origin", "Content-Length", "0")})
		if w.Status != http.StatusSeeOther {
			t.Errorf("%.80q: %d", list[i], w.Status)
		}
		g.wantWithin(t, list[i], w.Header.Get("Location"))
		w = g.overH1(t, request{Target: target, Headers: atDesk()})
		links := hrefs.FindAllStringSubmatch(w.Body, -1)
		if len(links) != 2 {
			t.Fatalf("the page of the sign-out has the links %q", links)
		}
		for _, link := range links {
			address := html.UnescapeString(link[1])
			if rest, ok := strings.CutPrefix(address, shopPath("/-/logout?return=")); ok {
				address, _ = url.QueryUnescape(rest)
			}
			g.wantWithin(t, list[i], address)
		}
	}
}

// requestPaths asks for the list itself, beside the sites, in them and in the old
// form of their addresses.
func requestPaths(t *testing.T, g *gateway, session string, list []string) {
	for i, target := range list {
		if strings.ContainsAny(target, " \r\n\t\x00") || target == "" || i%2 == 1 {
			continue // a server can't read that request
		}
		for _, target := range []string{target, shopPath("/") + target, "/wsite/../" + target, "/wsite/shop/" + target, "/wsite/" + appA + "/shop" + target, "/x/.." + target} {
			if target[0] != '/' {
				continue
			}
			w := g.overH1(t, request{Target: target, Headers: inWeChat("Cookie", session)})
			location := w.Header.Get("Location")
			if location == "" || strings.HasPrefix(location, g.sim.URL+"/connect/oauth2/authorize?") {
				continue
			}
			if strings.Contains(location, "\\") && !strings.Contains(strings.SplitN(location, `\`, 2)[0], "?") || !regexp.MustCompile(`^/([^/\\\x00-\x20]|$)`).MatchString(location) || strings.ContainsAny(location, "\t\r\n") {
				t.Errorf("%.200q leads to %.200q", target, location)
			}
			if w.Status != http.StatusPermanentRedirect && w.Status != http.StatusFound {
				t.Errorf("%.200q was answered with %d", target, w.Status)
			}
		}
	}
	// Without a session the path comes back behind a login.
	for _, target := range []string{shopPath("/@evil.example"), shopPath("/;//evil.example"), shopPath("/x?//evil.example"), shopPath(`/x?\\evil.example`), shopPath("/https:evil.example"), shopPath("/x?return=https://evil.example&r=//evil.example")} {
		w := g.overH1(t, request{Target: target, Headers: inWeChat()})
		g.wantWithin(t, target, w.page("").next())
	}
}
