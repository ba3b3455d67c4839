package caddymodule

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// securityE is what is WeChat's own, as far as web login reaches.
func securityE(t *testing.T) {
	t.Run("T090 an openid is what WeChat says, never what a client says", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		victim := g.sim.OpenID("li", appA)
		headers := []string{"Accept", "text/html", "X-Openid", victim, "X-WX-OPENID", victim, "X-WX-UNIONID", victim, "X_Openid", victim, "Cookie", "openid=" + victim}
		p := g.phone("ming")
		ming := g.who(p.open(g.at(appA, "shop", "/?openid="+victim+"&unionid="+victim)))
		page := p.send("GET", g.at(appA, "shop", "/?openid="+victim), nil, headers...)
		if user := g.who(page); user.OpenID != g.sim.OpenID("ming", appA) || user.Subject != ming.Subject {
			t.Errorf("the site saw %+v", user)
		}
		for name := range g.upstream.last().Header {
			if isGuarded(name) && name != headerUser && name != headerPrefix {
				t.Errorf("the site saw %s", name)
			}
		}
	})
	t.Run("T091 there is no relay that hands a code to whom it is told", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		for _, target := range []string{"https://evil.example.com/", "javascript:alert(1)//", "//evil.example.com", g.at(appA, "game", "/")} {
			p := g.phone("ming")
			for _, path := range []string{"/-/relay", "/-/callback"} {
				page := p.step(g.at(appA, "shop", path) + "?code=X&redirect_uri=" + target)
				if page.Status < 400 || strings.Contains(page.Header.Get("Location")+page.Body, "evil") {
					t.Errorf("%s answered %d to %q", path, page.Status, page.Header.Get("Location"))
				}
			}
		}
	})
	t.Run("T093 a stolen address gets nothing of what its owner got", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		owner := g.phone("ming")
		callback := owner.toCallback(g.at(appA, "shop", "/"))
		g.who(owner.open(callback)) // the exchange is remembered now
		for _, holder := range []string{"", "li"} {
			thief := g.phone(holder)
			thief.toWeChat(g.at(appA, "shop", "/"))
			page := thief.step(callback)
			if thief.cookie(g, appA) != "" {
				t.Errorf("the thief is signed in: %d", page.Status)
			}
		}
		g.advance(memoLife + time.Second)
		g.who(owner.open(callback))
		g.app.logins.do(loginKey{}, func(context.Context) finished { return finished{} }) // clears out
		g.app.logins.mu.Lock()
		defer g.app.logins.mu.Unlock()
		if len(g.app.logins.memo) > 2 {
			t.Errorf("%d exchanges are remembered for longer than a minute", len(g.app.logins.memo))
		}
	})
	t.Run("T094 a code that is used, wrong or too old ends on a page, never in a loop", func(t *testing.T) {
		t.Parallel()
		for _, name := range []string{"code_used", "code_invalid"} {
			g := startGateway(t)
			g.sim.Fail(name, wechatsim.Always())
			g.wantRefusal(t, g.phone("ming").open(g.at(appA, "shop", "/")), codeLoginRefused)
			if n := g.sim.Calls("/sns/oauth2/access_token"); n != 2 {
				t.Errorf("%s: %d exchanges", name, n)
			}
		}
		for _, as := range []int{42003, 40029} {
			g := startGatewayOn(t, simulated(t, func(o *wechatsim.Options) { o.ExpiredAs = as }), standard, t.TempDir())
			p := g.phone("ming")
			callback := p.toCallback(g.at(appA, "shop", "/"))
			g.sim.Advance(6 * time.Minute)
			if user := g.who(p.open(callback)); user.OpenID != g.sim.OpenID("ming", appA) {
				t.Errorf("an old code made him %+v", user)
			}
		}
	})
	t.Run("T096 a preview's made-up ids are kept nowhere", TestLogin_snapshotLeavesNoTrace)
	t.Run("T096 a preview by somebody who is signed in doesn't become him", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		g.sim.Answer("allow")
		p := g.phone("ming")
		user := g.who(p.press(g, p.open(g.at(appA, "shop", "/ask/x")), "allow"))
		before := g.rows(t)
		g.sim.Fail("snapshot", wechatsim.Always())
		preview := g.phone("ming")
		seen := g.who(preview.open(g.at(appA, "shop", "/")))
		if seen.Subject == user.Subject || seen.Linked || seen.Kind != identity.Virtual {
			t.Errorf("the preview is %+v", seen)
		}
		g.wantRows(t, before)
	})
	t.Run("T097 one openid under two accounts is two people", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("")
		same := func(app string, id byte) identity.Token {
			p.plant(g, app, g.app.box.sealSession(&session{AppID: app, OpenID: "oOneAndTheSame00000000000000", Granted: grantedBase, At: g.now(), ID: [16]byte{id}}))
			return g.who(p.fetch("GET", g.at(app, "shop", "/")))
		}
		one, two, three := same(appA, 1), same(appB, 2), same(appLone, 3)
		if one.Subject == two.Subject || two.Subject == three.Subject || one.Subject == three.Subject {
			t.Errorf("they are %s, %s and %s", one.Subject, two.Subject, three.Subject)
		}
	})
	t.Run("T099 no value of a login's address brings a parameter of its own", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		authorize := g.phone("ming").toWeChat(g.at(appA, "shop", "/x?a=1&redirect_uri=https://evil.example.com&state=STATE"))
		for _, name := range []string{"appid=", "redirect_uri=", "scope=", "state=", "response_type="} {
			if strings.Count(authorize, "&"+name)+strings.Count(authorize, "?"+name) != 1 {
				t.Errorf("%s stands not once in %s", name, authorize)
			}
		}
		if strings.Contains(authorize, "evil") {
			t.Errorf("the page's query shows in %s", authorize)
		}
	})
	t.Run("T100 the address to come back to is made of the config, not of the request", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		page := g.phone("ming").send("GET", g.at(appA, "shop", "/"), nil, "Accept", "text/html",
			"X-Forwarded-Host", "evil.example.com", "X-Forwarded-Proto", "https", "Forwarded", "host=evil.example.com", "X-Forwarded-Prefix", "/evil", "X-Original-Host", "evil.example.com")
		if to := word(page.next(), "redirect_uri"); !strings.HasPrefix(to, g.at(appA, "shop", "/-/callback?r=")) {
			t.Errorf("he comes back to %s", to)
		}
		req, err := http.NewRequest("GET", g.at(appA, "shop", "/"), nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = "evil.example.com"
		req.Header.Set("User-Agent", uaAndroid)
		req.Header.Set("Accept", "text/html")
		resp, err := g.phone("ming").client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode == http.StatusOK && resp.ContentLength > 0 || resp.StatusCode == http.StatusFound {
			t.Errorf("another host is answered with %d %v", resp.StatusCode, resp.Header)
		}
	})
	t.Run("T102 a visitor's tokens at WeChat go nowhere", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		g.sim.Answer("allow")
		p := g.phone("ming")
		g.who(p.press(g, p.open(g.at(appA, "shop", "/ask/x")), "allow"))
		found := append(g.tokensOfWeChat(), "secret-of-a-0123456789abcdef")
		if len(found) < 4 {
			t.Fatalf("the simulator gave %d tokens", len(found))
		}
		seen := p.open(g.at(appA, "shop", "/")).Body + p.fetch("GET", g.at(appA, "shop", "/-/me")).Body + strings.Join(p.visited, " ") + g.logText()
		for _, value := range p.cookies(g.url + "/") {
			seen += value
		}
		for _, secret := range found {
			if strings.Contains(seen, secret) {
				t.Error("a token or the secret was shown")
			}
		}
	})
}
