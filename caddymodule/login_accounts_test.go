package caddymodule

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestLogin_subscriptionAccount(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	before := g.rows(t)
	p := g.phone("ming")
	guest := g.who(p.open(g.at(appSub, "shop", "/")))
	if guest.Kind != identity.Virtual || guest.OpenID != "" || guest.AMR[0] != "guest" || guest.Linked {
		t.Errorf("the site saw %+v", guest)
	}
	if again := g.who(p.fetch("GET", g.at(appSub, "shop", "/api"))); again.Subject != guest.Subject {
		t.Error("the guest's script is somebody else")
	}
	if other := g.who(g.phone("ming").open(g.at(appSub, "shop", "/"))); other.Subject == guest.Subject {
		t.Error("two phones are one guest")
	}
	if page := p.open(g.at(appSub, "shop", "/-/login?return=/wsite/"+appSub+"/shop/x")); page.URL != g.at(appSub, "shop", "/x") || g.who(page).Subject != guest.Subject {
		t.Errorf("the login page leads to %s", page.URL)
	}
	g.wantRows(t, before)
	if g.sim.Calls("/connect/oauth2/authorize") != 0 {
		t.Error("WeChat was asked, which can only say no")
	}
	member := g.who(p.open(g.at(appA, "shop", "/")))
	if member.OpenID != g.sim.OpenID("ming", appA) {
		t.Errorf("at a service account he is %+v", member)
	}
}

func TestLogin_outsideWeChat(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	outside := func() *phone { p := g.phone("ming"); p.ua = uaDesktop; return p }
	t.Run("a guest is the same on every page, and another one in another realm", func(t *testing.T) {
		p := outside()
		shop := g.who(p.open(g.at(appA, "shop", "/")))
		game := g.whoami(p.open(g.at(appA, "game", "/")), "game")
		if shop.Subject != game.Subject {
			t.Errorf("within a realm he is %s and %s", shop.Subject, game.Subject)
		}
		if seed, ok := g.app.box.openGuest(p.cookie(g, cookieGuest)); ok != nil || len(seed) != 16 {
			t.Errorf("the guest cookie is %v: %v", seed, ok)
		}
		key, _ := g.app.guestKey("other")
		seed, _ := g.app.box.openGuest(p.cookie(g, cookieGuest))
		if identity.CookieGuestID(key, seed) == shop.Subject {
			t.Error("two realms call him by one id")
		}
	})
	t.Run("a guest of a path where identity is optional is nobody until a page made him one", func(t *testing.T) {
		p := outside()
		if page := p.open(g.at(appA, "shop", "/maybe")); page.Status != http.StatusOK || g.upstream.last().Header["X-User"] != nil || len(page.Header["Set-Cookie"]) != 0 {
			t.Errorf("answered %d with %v", page.Status, page.Header["Set-Cookie"])
		}
		guest := g.who(p.open(g.at(appA, "shop", "/")))
		if known := g.who(p.open(g.at(appA, "shop", "/maybe"))); known.Subject != guest.Subject {
			t.Error("he isn't recognised there")
		}
	})
	t.Run("a site that asks shows its own address as a QR code", func(t *testing.T) {
		p := outside()
		page := p.open(g.at(appA, "club", "/party?a=1&b=2"))
		if page.Status != http.StatusOK || !strings.Contains(page.Body, "<svg") || !strings.Contains(page.Body, g.at(appA, "club", "/party?a=1&amp;b=2")) || len(page.Header["Set-Cookie"]) != 0 {
			t.Errorf("answered %d %s", page.Status, page.Body)
		}
		g.wantRefusal(t, p.fetch("GET", g.at(appA, "club", "/api")), codeLoginRequired)
	})
	t.Run("a site that denies says where to open it", func(t *testing.T) {
		p := outside()
		page := p.open(g.at(appA, "inner", "/"))
		g.wantRefusal(t, page, codeOutside)
		if !strings.Contains(page.Body, "请在微信中打开") || len(page.Header["Set-Cookie"]) != 0 {
			t.Errorf("the page is %s", page.Body)
		}
		g.wantRefusal(t, p.fetch("GET", g.at(appA, "inner", "/api")), codeOutside)
	})
	t.Run("inside WeChat all of them sign in", func(t *testing.T) {
		p := g.phone("ming")
		for ptid := range map[string]bool{"club": true, "inner": true} {
			if page := p.open(g.at(appA, ptid, "/")); page.Status != http.StatusOK || g.upstream.last().Header.Get("X-User") == "" {
				t.Errorf("%s answered %d", ptid, page.Status)
			}
		}
	})
}

func TestLogin_signOutHolds(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	saved := p.cookie(g, appA)
	if page := p.step(g.at(appA, "shop", "/-/logout")); page.Status != http.StatusOK || !strings.Contains(page.Body, `method="post"`) || len(page.Header["Set-Cookie"]) != 0 {
		t.Fatalf("a look at the page did something: %d %v", page.Status, page.Header["Set-Cookie"])
	}
	out := p.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
	if out.Status != http.StatusSeeOther || p.cookie(g, appA) != "" {
		t.Fatalf("signing out answered %d", out.Status)
	}
	t.Run("the saved cookie is refused at once", func(t *testing.T) {
		thief := g.phone("")
		thief.plant(g, appA, saved)
		g.wantRefusal(t, thief.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
	})
	var guest identity.Token
	t.Run("he is a fresh guest, and isn't signed in silently", func(t *testing.T) {
		calls := g.sim.Calls("/connect/oauth2/authorize")
		guest = g.who(p.open(g.at(appA, "shop", "/again")))
		if guest.Subject == user.Subject || guest.AMR[0] != "guest" || g.sim.Calls("/connect/oauth2/authorize") != calls {
			t.Errorf("he is %+v", guest)
		}
		g.advance(24 * time.Hour)
		if again := g.who(p.open(g.at(appA, "shop", "/again"))); again.Subject != guest.Subject {
			t.Error("a day later he is somebody else")
		}
	})
	t.Run("at another account he still signs in silently", func(t *testing.T) {
		if other := g.who(p.open(g.at(appB, "shop", "/"))); other.OpenID != g.sim.OpenID("ming", appB) {
			t.Errorf("he is %+v", other)
		}
	})
	t.Run("the login page signs him in again, for good", func(t *testing.T) {
		page := p.open(g.at(appA, "shop", "/-/login?return=/wsite/"+appA+"/shop/back"))
		back := g.who(page)
		if page.URL != g.at(appA, "shop", "/back") || back.OpenID != g.sim.OpenID("ming", appA) {
			t.Errorf("at %s he is %+v", page.URL, back)
		}
		p.forget(g, appA)
		if again := g.who(p.open(g.at(appA, "shop", "/"))); again.Subject != back.Subject {
			t.Errorf("the next time he is %+v", again)
		}
	})
}

func TestLogin_sixAccounts(t *testing.T) {
	t.Parallel()
	const accounts = 9
	var apps []string
	var text strings.Builder
	sim := simulated(t, func(o *wechatsim.Options) {
		for i := range accounts {
			id := fmt.Sprintf("wx00000000000001%02x", i)
			apps = append(apps, id)
			o.Accounts = append(o.Accounts, wechatsim.Account{AppID: id, Secret: "secret-" + id, Name: id, Kind: "service", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true})
			fmt.Fprintf(&text, "account %s {\nsecret secret-%s\nsubject acme\n}\n", id, id)
		}
	})
	sim.Answer("allow") // sessions are largest with a unionid
	g := startGatewayOn(t, sim, standard, t.TempDir(),
		"realm main\n\t\trealm other", text.String()+"realm main\n\t\trealm other",
		appLone+" "+appSub, appLone+" "+appSub+" "+strings.Join(apps, " "))
	p := g.phone("ming")
	outside := p.ua
	p.ua = uaDesktop
	g.who(p.open(g.at(appA, "shop", "/"))) // a guest cookie takes room, too
	p.ua = outside
	for i, app := range apps {
		g.advance(time.Second)
		g.who(p.press(g, p.open(g.at(app, "shop", "/ask/x")), "allow"))
		size, sessions := 0, 0
		for name, value := range p.cookies(g.url + "/") {
			size += len(name) + 1 + len(value) + 2
			if strings.HasPrefix(name, "wsite-wx") {
				sessions++
			}
		}
		if size >= budget || sessions > maxSessions {
			t.Errorf("after %d accounts the browser sends %d bytes and holds %d sessions", i+1, size, sessions)
		}
		if i < maxSessions && sessions != i+1 {
			t.Errorf("after %d accounts it holds %d sessions", i+1, sessions)
		}
	}
	for i, app := range apps {
		if held := p.cookie(g, app) != ""; held != (i >= accounts-maxSessions) {
			t.Errorf("the session of account %d is held: %v", i, held)
		}
	}
}

func TestLogin_oldAddress(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	for _, app := range []string{appB, appA} {
		g.who(p.open(g.at(app, "shop", "/")))
		page := p.step(g.url + "/wsite/shop/x?a=1")
		if want := "/wsite/" + app + "/shop/x?a=1"; page.Status != http.StatusFound || page.Header.Get("Location") != want {
			t.Errorf("after %s the old address leads with %d to %s", app, page.Status, page.Header.Get("Location"))
		}
	}
}
