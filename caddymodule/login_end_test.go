package caddymodule

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestLogin_fragment(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	long := strings.Repeat("x", maxFragment)
	for name, c := range map[string]struct{ ptid, fragment, want string }{
		"of a hash-routed page is kept":                     {"shop", "/level/2?x=1&y=%20", "/level/2?x=1&y=%20"},
		"of the greatest length is kept":                    {"shop", long, long},
		"that is too long is dropped whole":                 {"shop", long + "x", ""},
		"with markup comes back escaped":                    {"shop", `"><script>`, "%22%3E%3Cscript%3E"},
		"that WeChat has put there is none":                 {"shop", "wechat_redirect", ""},
		"is lost where the site does without, and no other": {"game", "/level/2", ""},
	} {
		t.Run("a fragment "+name, func(t *testing.T) {
			page := g.phone("ming").open(g.at(appA, c.ptid, "/app") + "#" + c.fragment)
			if page.Fragment != c.want || page.Status != http.StatusOK {
				t.Errorf("answered %d, the fragment is %q", page.Status, page.Fragment)
			}
		})
	}
	t.Run("a callback always ends in an explicit fragment", func(t *testing.T) {
		p := g.phone("ming")
		page := p.step(p.toCallback(g.at(appA, "shop", "/app?a=1")))
		if want := "/wsite/" + appA + "/shop/app?a=1#"; page.Status != http.StatusSeeOther || page.Header.Get("Location") != want {
			t.Errorf("answered %d to %q, want %q", page.Status, page.Header.Get("Location"), want)
		}
	})
	t.Run("a site without fragments needs no page in between", func(t *testing.T) {
		page := g.phone("ming").step(g.at(appA, "game", "/"))
		if page.Status != http.StatusFound || page.Body != "" || !strings.Contains(page.Header.Get("Location"), "/connect/oauth2/authorize") {
			t.Errorf("answered %d to %q", page.Status, page.Header.Get("Location"))
		}
	})
	t.Run("a query that is too long is left behind, and counted", func(t *testing.T) {
		page := g.phone("ming").open(g.at(appA, "shop", "/app?q="+strings.Repeat("q", maxTarget)))
		if page.URL != g.at(appA, "shop", "/app") || g.counted(t, "wsite_logins_total", "target_cut") != 1 {
			t.Errorf("ended at %s, counted %d", page.URL, g.counted(t, "wsite_logins_total", "target_cut"))
		}
	})
}

// loops opens an address again and again, as a page does that finds itself signed
// out, until the gateway says no; it returns that answer and how often it took.
func (g *gateway) loops(t *testing.T, p *phone, address string, forget ...string) (seenPage, int) {
	t.Helper()
	for i := range 10 {
		for p.step(address); address != ""; {
			for _, kind := range forget {
				p.forget(g, kind)
			}
			page := p.step(address)
			if page.refusal() != "" {
				return page, i
			}
			address, _, _ = strings.Cut(page.next(), "#")
			if strings.HasPrefix(address, "/") {
				address = g.url + address
			}
			if page.Status == http.StatusOK && address == "" {
				t.Fatalf("the login came through: %s", page.Body)
			}
		}
	}
	t.Fatal("it goes round for ever")
	return seenPage{}, 0
}

func TestLogin_loopIsBroken(t *testing.T) {
	t.Parallel()
	t.Run("where no cookie is kept, by what travels with the visitor", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		page, _ := g.loops(t, p, g.at(appA, "shop", "/"), cookieLogin, appA)
		g.wantRefusal(t, page, codeLoginLoop)
		if n := g.sim.Calls("/connect/oauth2/authorize"); n > maxAttempts+2 {
			t.Errorf("WeChat was asked %d times", n)
		}
		if !g.logged(codeLoginLoop) || g.sim.Calls("/sns/oauth2/access_token") != 0 {
			t.Errorf("no line in the log, or %d codes used", g.sim.Calls("/sns/oauth2/access_token"))
		}
	})
	t.Run("where only the session is lost, after three logins in half a minute", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		once := func() seenPage {
			page := p.step(g.at(appA, "shop", "/"))
			if page.refusal() != "" {
				return page
			}
			p.step(p.fromWeChat(strings.TrimSuffix(page.next(), "#wechat_redirect")))
			p.forget(g, appA)
			return seenPage{}
		}
		for range loopMax {
			if page := once(); page.refusal() != "" {
				t.Fatalf("refused too early: %s", page.Body)
			}
		}
		page := once()
		g.wantRefusal(t, page, codeLoginLoop)
		for _, text := range []string{"Cookie", "cookies", "Try again", "重试"} {
			if !strings.Contains(page.Body, text) {
				t.Errorf("the page doesn't say %q", text)
			}
		}
		g.advance(loopWindow + time.Second)
		if page := p.open(g.at(appA, "shop", "/")); page.Status != http.StatusOK {
			t.Errorf("half a minute later he gets %d %s", page.Status, page.refusal())
		}
	})
}

func TestLogin_snapshotLeavesNoTrace(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	before := g.rows(t)
	g.sim.Fail("snapshot", wechatsim.Always())
	p := g.phone("ming")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	if user.Kind != identity.Virtual || user.Linked || user.OpenID != "" || user.UnionID != "" || !slices.Equal(user.AMR, []string{"wx_snapshot"}) {
		t.Errorf("the site saw %+v", user)
	}
	g.wantRows(t, before)
	if again := g.who(p.open(g.at(appA, "shop", "/2"))); again.Subject != user.Subject {
		t.Error("the preview is somebody else on the next page")
	}
	other := g.who(g.phone("li").open(g.at(appA, "shop", "/")))
	if other.Subject == user.Subject {
		t.Error("two previews are one visitor")
	}
	g.sim.Disarm("snapshot")
	g.advance(snapshotLife + time.Second)
	real := g.who(p.open(g.at(appA, "shop", "/")))
	if real.OpenID != g.sim.OpenID("ming", appA) || real.Subject == user.Subject || slices.Contains(real.Prev, user.Subject) {
		t.Errorf("after the preview the site saw %+v", real)
	}
}

func TestLogin_cookielessCreateNothing(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	callback := ming.toCallback(g.at(appA, "shop", "/page"))
	before := g.rows(t)
	g.sim.Fail("rerequest", wechatsim.Always())
	for _, address := range []string{
		g.at(appA, "shop", "/page"), g.at(appA, "shop", "/-/login"), g.at(appA, "shop", "/-/me"), g.at(appA, "shop", "/ask/x"),
		g.at(appA, "shop", "/members/x"), g.at(appSub, "shop", "/page"), callback, callback,
	} {
		for _, ua := range []string{uaAndroid, uaDesktop, "Mozilla/5.0 (compatible; checker)"} {
			p := g.phone("")
			p.ua = ua
			p.step(address)
			p.fetch("GET", address)
			p.fetch("POST", address)
		}
	}
	g.phone("ming").toCallback(g.at(appA, "shop", "/page"))
	g.wantRows(t, before)
	if k := g.known(t, "ming", appA); k.Openid.Version != 0 || g.sim.Calls("/sns/oauth2/access_token") != 0 {
		t.Errorf("the facts know %+v, %d codes were used", k.Openid, g.sim.Calls("/sns/oauth2/access_token"))
	}
	if g.who(ming.open(callback)); g.known(t, "ming", appA).Openid.Version == 0 {
		t.Error("the end of a login left no trace: the test sees nothing")
	}
}

func TestLogin_withoutCode(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(string) string{
		"with the state alone": func(c string) string { return strings.Replace(c, "code="+word(c, "code"), "x=", 1) },
		"with an empty code":   func(c string) string { return strings.Replace(c, "code="+word(c, "code"), "code=", 1) },
		"with authdeny":        func(c string) string { return strings.Replace(c, word(c, "code"), "authdeny", 1) },
	} {
		t.Run("a visitor who comes back "+name+" gets a page and no loop", func(t *testing.T) {
			t.Parallel()
			g := startGateway(t)
			p := g.phone("ming")
			page := p.step(change(p.toCallback(g.at(appA, "shop", "/page"))))
			g.wantRefusal(t, page, codeLoginRefused)
			if !strings.Contains(page.Body, `href="/wsite/`+appA+`/shop/page"`) {
				t.Errorf("the page has no way back: %s", page.Body)
			}
			if g.sim.Calls("/sns/oauth2/access_token") != 0 || p.cookie(g, appA) != "" {
				t.Error("something was exchanged or set")
			}
		})
	}
}

func TestLogin_oldCallback(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	callback := ming.toCallback(g.at(appA, "shop", "/page"))
	user := g.who(ming.open(callback))
	t.Run("the back button ends on the clean page", func(t *testing.T) {
		g.advance(time.Hour)
		if page := ming.open(callback); page.URL != g.at(appA, "shop", "/page") || g.who(page).Subject != user.Subject {
			t.Errorf("ended at %s", page.URL)
		}
	})
	t.Run("a shared link with an old code signs a stranger in as himself", func(t *testing.T) {
		page := g.phone("li").open(callback)
		if page.URL != g.at(appA, "shop", "/page") || g.who(page).OpenID != g.sim.OpenID("li", appA) {
			t.Errorf("ended at %s", page.URL)
		}
	})
	t.Run("and somebody who is signed in goes on", func(t *testing.T) {
		li := g.phone("li")
		g.who(li.open(g.at(appA, "shop", "/")))
		calls := g.sim.Calls("/sns/oauth2/access_token")
		page := li.open(callback)
		if page.URL != g.at(appA, "shop", "/page") || g.who(page).OpenID != g.sim.OpenID("li", appA) || g.sim.Calls("/sns/oauth2/access_token") != calls {
			t.Errorf("ended at %s", page.URL)
		}
	})
	t.Run("with a target that doesn't open he goes to the site's first page", func(t *testing.T) {
		if page := ming.open(changed(t, callback, "r", "AAAA")); page.URL != g.at(appA, "shop", "/") {
			t.Errorf("ended at %s", page.URL)
		}
		g.wantRefusal(t, g.phone("li").step(changed(t, callback, "r", "AAAA")), codeLoginUnproved)
	})
}
