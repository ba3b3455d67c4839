package caddymodule

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// tampered changes every byte of a sealed target and of a login cookie.
func tampered(t *testing.T, g *gateway) {
	ming := g.phone("ming")
	callback := ming.toCallback(g.at(appA, "shop", "/secret/place?x=1"))
	u, _ := url.Parse(callback)
	sealed := u.Query().Get("r")
	rt, _, _ := g.app.route(context.Background(), shopPath("/"))
	game, _, _ := g.app.route(context.Background(), "/wsite/"+appA+"/game/")
	shopOfB, _, _ := g.app.route(context.Background(), "/wsite/"+appB+"/shop/")
	if tg, ok := g.app.tickets.openTarget(rt, sealed); !ok || tg.Path != shopPath("/secret/place?x=1") {
		t.Fatalf("the target is %+v", tg)
	}
	spoilt := []string{"", sealed[1:], sealed[:len(sealed)-1], sealed + "A", sealed + "=", sealed + sealed, " " + sealed, sealed[:len(sealed)/2]}
	for i := range len(sealed) {
		b := []byte(sealed)
		b[i] ^= 1
		spoilt = append(spoilt, string(b))
	}
	// Sealed by us, and leading away all the same: what is opened is looked at too.
	for _, path := range []string{"//evil.example", "https://evil.example", "/about", "/wsite/" + appA + "/game/", shopPath(""), shopPath("/../game/"), shopPath("/-/logout"), shopPath(`/\evil.example`), shopPath("/x#y"), ""} {
		spoilt = append(spoilt, g.app.tickets.sealTarget(rt, target{Path: path}))
	}
	for _, other := range []route{game, shopOfB} {
		spoilt = append(spoilt, g.app.tickets.sealTarget(other, target{Path: shopPath("/secret")}))
	}
	for _, r := range spoilt {
		w := g.overH1(t, request{Target: shopPath("/-/login?r=" + url.QueryEscape(r)), Headers: atDesk()})
		if location := w.Header.Get("Location"); location != shopPath("/#") {
			t.Errorf("the target %.20q… led to %q", r, location)
		}
	}
	for _, r := range spoilt {
		q := u.Query()
		q.Set("r", r)
		w := g.overH1(t, request{Target: u.Path + "?" + q.Encode(), Headers: inWeChat("Cookie", ming.cookieLine(g))})
		g.wantRefusal(t, w.page(r), codeLoginUnproved)
	}
	login := ming.cookie(g, cookieLogin)
	for i := range len(login) {
		b := []byte(login)
		b[i] ^= 2
		w := g.overH1(t, request{Target: strings.TrimPrefix(callback, g.url), Headers: inWeChat("Cookie", g.app.jar.prefix+cookieLogin+"="+string(b))})
		if w.Status == http.StatusSeeOther {
			t.Errorf("a login cookie with another byte %d signed in", i)
		}
	}
	g.who(ming.open(callback)) // none of it spent the code
}

// referrers sends the list as Referer to what answers with pages and problems.
func referrers(t *testing.T, g *gateway, list []string) {
	for i := 0; i < len(list); i += 5 {
		referrer := list[i]
		if strings.ContainsAny(referrer, "\r\n\x00\x01") || len(referrer) > 4000 || referrer == "" {
			continue
		}
		for _, headers := range [][]string{atDesk(), inWeChat(), {"User-Agent", uaAndroid, "Accept", "application/json"}} {
			for _, target := range []string{shopPath("/-/none"), shopPath("/-/callback"), shopPath("/-/logout"), shopPath("/x"), "/wsite/" + appA + "/club/"} {
				w := g.overH1(t, request{Target: target, Headers: append(headers, "Referer", referrer)})
				if _, reached := w.site(); reached {
					continue
				}
				for name, values := range w.Header {
					if strings.Contains(strings.Join(values, " "), "evil") {
						t.Errorf("%q came back in %s: %q", referrer, name, values)
					}
				}
				if strings.Contains(w.Body, "evil") || strings.Contains(w.Body, "alert(1)") {
					t.Errorf("%q came back: %.200s", referrer, w.Body)
				}
			}
		}
	}
	w := g.overH1(t, request{Target: shopPath("/api"), Headers: []string{"User-Agent", uaAndroid, "Referer", g.url + shopPath("/page?a=1")}})
	if !strings.Contains(w.Body, url.QueryEscape(shopPath("/page?a=1"))) {
		t.Errorf("the page that sent the request isn't offered: %s", w.Body)
	}
}

// nothingInAddresses follows two logins and looks at every address and header.
func nothingInAddresses(t *testing.T) {
	g := startGateway(t)
	g.sim.Answer("allow")
	ming := g.phone("ming")
	page := ming.open(g.at(appA, "shop", "/x"))
	token := g.upstream.last().Header.Get("X-User")
	secrets := map[string]string{"the token": token, "the openid": g.sim.OpenID("ming", appA), "the unionid": g.sim.UnionID("ming", appA), "the user id": g.who(page).Subject, "the app secret": "secret-of-a-0123456789abcdef"}
	for name, value := range ming.cookies(g.url + "/") {
		secrets["the cookie "+name] = value
	}
	if again := ming.step(g.at(appA, "shop", "/ask/x")); again.Status == http.StatusOK {
		if links := hrefs.FindStringSubmatch(again.Body); links != nil {
			ming.open(g.url + strings.ReplaceAll(links[1], "&amp;", "&"))
		}
	}
	for name, value := range secrets {
		if value == "" {
			t.Errorf("%s is empty", name)
		}
		for _, address := range ming.visited {
			if strings.Contains(address, value) {
				t.Errorf("%s stands in %s", name, address)
			}
		}
	}
	codes := 0
	for _, address := range ming.visited {
		if strings.Contains(address, "code=") && !strings.Contains(address, "response_type=code") {
			if codes++; !strings.Contains(address, "/-/callback?") {
				t.Errorf("a code stands in %s", address)
			}
		}
	}
	if codes == 0 {
		t.Error("nobody signed in")
	}
}

// fragments follows logins to their end and looks at the last Location.
func fragments(t *testing.T) {
	g := startGateway(t)
	for address, want := range map[string]string{
		"/x": "", "/x#/a/b?c=d": "/a/b?c=d", "/x?f=evil": "", "/x?f=evil#fine": "fine", "/x?r=1&f=%23evil": "", "/x?a=%23evil": "", "/x#wechat_redirect": "", "/x#" + strings.Repeat("a", 513): "", "/x#a%0d%0ab": "a%0d%0ab",
	} {
		ming := g.phone("ming")
		start := g.at(appA, "shop", address)
		page := ming.open(start)
		if page.Fragment != want {
			t.Errorf("%.60s ended with the fragment %q", address, page.Fragment)
		}
		callback := ""
		for _, visited := range ming.visited {
			if strings.Contains(visited, "/-/callback?") {
				callback = visited
			}
		}
		last := ming.step(callback).Header.Get("Location")
		if path, _, _ := strings.Cut(address, "#"); last != shopPath(path)+"#"+want {
			t.Errorf("%.60s: the callback led to %q", address, last)
		}
	}
	w := g.overH1(t, request{Target: shopPath("/-/login?return=" + url.QueryEscape(shopPath("/x#a\r\nSet-Cookie: b\\<\">#c"))), Headers: atDesk()})
	if location := w.Header.Get("Location"); location != shopPath("/x#a%0D%0ASet-Cookie:%20b%5C%3C%22%3E%23c") || w.Header["Set-Cookie"] != nil {
		t.Errorf("a fragment became %q, %v", location, w.Header)
	}
}

// neverRepeated sends forms to what redirects pages. A 307 or 308 would have the
// browser send them, with what stands in them, again.
func neverRepeated(t *testing.T, g *gateway, send sender, session string) {
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH"} {
		for _, target := range []string{shopPath("/x"), shopPath(""), shopPath("//x"), shopPath("/-/login"), shopPath("/-/callback?code=a&state=b&r=c"), "/wsite/shop/x", "/wsite/" + appA + "/club/x", shopPath("/members/x"), shopPath("/-/logout")} {
			for _, headers := range [][]string{inWeChat(), inWeChat("Cookie", session), inWeChat("Origin", "null", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")} {
				w := send(g, t, request{Method: method, Target: target, Headers: headers})
				signOut := method == "POST" && strings.HasSuffix(target, "/logout")
				if w.Status >= 300 && w.Status < 400 && !(signOut && w.Status == http.StatusSeeOther) {
					t.Errorf("%s %s was answered with %d to %q", method, target, w.Status, w.Header.Get("Location"))
				}
			}
		}
	}
	ming := g.phone("ming")
	if page := ming.step(ming.toCallback(g.at(appA, "shop", "/x"))); page.Status != http.StatusSeeOther || page.Body != "" {
		t.Errorf("the callback answered %d %q", page.Status, page.Body)
	}
}
