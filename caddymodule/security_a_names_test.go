package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// securityNames is the rest of group A: names that a config might choose, names that
// WeChat's cloud hosting uses, and what the site sees when we don't know who is there.
func securityNames(t *testing.T, g *gateway, ming string) {
	t.Run("T004 no config chooses the header's name, and no casing of it is another one", func(t *testing.T) {
		t.Parallel()
		for _, place := range []string{"facts sqlite", "outside deny", "secret secret-of-a"} {
			for _, word := range []string{"header_name x-user", "header X-USER", "user_header Authorization", "token_header x-User"} {
				name, _, _ := strings.Cut(word, " ")
				if err := adaptError(strings.Replace(standard, place, word+"\n"+place, 1)); err == nil || !strings.Contains(err.Error(), name) {
					t.Errorf("%s beside %s: %v", word, place, err)
				}
			}
		}
		for _, app := range []string{`"header_name":"x-user"`, `"token":{"header":"x-user"}`, `"sites":[{"ptid":"s","accounts":["` + appA + `"],"header":"x-user"}]`} {
			if err := jsonError([]byte(`{"admin":{"disabled":true},"apps":{"wsite":{"origin":"https://www.example.com",` + app + `}}}`)); err == nil || !strings.Contains(err.Error(), "header") {
				t.Errorf("%s: %v", app, err)
			}
		}
		over(t, func(t *testing.T, send sender) { forgedNowhere(t, g, send, ming, casings("x-user")) })
	})
	t.Run("T106 no word of WeChat's cloud hosting is taken from the internet", func(t *testing.T) {
		t.Parallel()
		var names []string
		for _, name := range []string{"Openid", "Unionid", "Appid", "From-Openid", "From-Unionid", "From-Appid", "Env", "Source", "Service", "Region", "Call-Id", "Cloudbase-Access-Token", "Original-Openid", "Something-New"} {
			names = append(names, "X-Wx-"+name, "x-wx-"+strings.ToLower(name), "X-WX-"+strings.ToUpper(name))
		}
		over(t, func(t *testing.T, send sender) { forgedNowhere(t, g, send, ming, names) })
		ahead := g.overH1(t, request{Target: shopPath("/maybe"), Headers: inWeChat("X-Wx-Source", "wx_client", "X-Wx-Openid", g.sim.OpenID("li", appA), "X-Wx-Appid", appA)})
		g.wantVisitor(t, ahead, false)
		w := g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat("Cookie", ming, "X-Wx-Openid", g.sim.OpenID("li", appA))})
		if user := g.wantVisitor(t, w, true); user.OpenID != g.sim.OpenID("ming", appA) {
			t.Errorf("he is %+v", user)
		}
	})
	t.Run("T012 where it can't be said who is there, the site isn't asked", failsClosed)
}

// casings are all ways to write a name with small and capital letters.
func casings(name string) []string {
	list := []string{""}
	for _, c := range name {
		var longer []string
		for _, begun := range list {
			longer = append(longer, begun+string(c))
			if upper := strings.ToUpper(string(c)); upper != string(c) {
				longer = append(longer, begun+upper)
			}
		}
		list = longer
	}
	return list
}

// failsClosed breaks what the gateway finds out by, part for part, and asks for every kind
// of path: only what needs no name may reach the site, and never with a forged one.
func failsClosed(t *testing.T) {
	t.Parallel()
	for name, breakIt := range map[string]func(*testing.T, *gateway){
		"no table of openids":  func(t *testing.T, g *gateway) { g.sql(t, "ALTER TABLE openid_key RENAME TO mislaid") },
		"no table of users":    func(t *testing.T, g *gateway) { g.sql(t, "ALTER TABLE userid RENAME TO mislaid") },
		"no table of sessions": func(t *testing.T, g *gateway) { g.sql(t, "ALTER TABLE revocation RENAME TO mislaid") },
		"no signing keys":      func(_ *testing.T, g *gateway) { g.app.facts().keys = nil },
		"no identity centre":   func(_ *testing.T, g *gateway) { g.app.facts().Centre = nil },
		"no cache of visitors": func(_ *testing.T, g *gateway) { g.app.visitors = nil },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t)
			cookie := g.signedIn(t, "ming", appA, "shop")
			desk := g.phone("")
			desk.ua = uaDesktop
			g.who(desk.open(g.at(appA, "shop", "/")))
			g.app.visitors.forgetAll()
			breakIt(t, g)
			seen := g.upstream.count()
			forged := []string{"X-User", "forged", "X-User-Id", "forged", "Authorization", "Bearer forged"}
			for path, headers := range map[string][]string{
				"/a": inWeChat("Cookie", cookie), "/maybe": inWeChat("Cookie", cookie), "/ask/a": inWeChat("Cookie", cookie), "/members/a": inWeChat("Cookie", cookie), "/b": {"Cookie", cookie, "Sec-Fetch-Mode", "cors"},
			} {
				w := g.overH1(t, request{Target: shopPath(path), Headers: append(headers, forged...)})
				// The page that asks for consent needs no token.
				if _, reached := w.site(); reached || w.Status < 500 && path != "/ask/a" && path != "/members/a" {
					t.Errorf("%s of somebody who is signed in is answered %d %.200s", path, w.Status, w.Body)
				}
			}
			if n := g.upstream.count() - seen; n != 0 {
				t.Errorf("the site was asked %d times", n)
			}
			for _, path := range []string{"/pay/notify", "/open/x"} {
				g.wantVisitor(t, g.overH1(t, request{Method: http.MethodPost, Target: shopPath(path), Headers: []string{"Cookie", cookie, "X-User", "forged"}}), false)
			}
		})
	}
}
