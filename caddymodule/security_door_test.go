package caddymodule

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityDoors is what can go wrong at the doors beside the silent one: bearer tokens,
// tickets, the relay, further hosts.
func securityDoors(t *testing.T) {
	t.Run("T001 a bearer token reaches no site, however it is written", bearersHidden)
	t.Run("T036 a token of one account is nobody under another", func(t *testing.T) {
		t.Parallel()
		g := startDoors(t)
		p := g.mini("ming", "shop")
		for name, address := range map[string]string{"an Official Account": g.at(appA, "shop", "/"), "an app": g.at(appApp, "shop", "/"), "another mini program": g.at(appMini2, "alone", "/"), "another host": g.on("shop", appMini, "shop", "/")} {
			g.wantRefusal(t, g.device("", uaMini).send("GET", address, nil, "Authorization", "Bearer "+p.token), codeLoginRequired)
			t.Log(name)
		}
		g.whoami(p.get("/"), shopAudience)
		token := g.upstream.last().Header.Get(headerUser)
		if token == "" {
			t.Fatal("there is no token")
		}
		if _, err := identity.Verify(jwks(g), token, identity.Expect{Issuer: g.url + "/wsite/-", Audience: "bank", Now: g.now()}); err == nil {
			t.Error("the shop's token is good at the bank")
		}
	})
	t.Run("T060 a ticket of somebody else's signs nobody in but in the web-view, from our own page", ticketPlanted)
	t.Run("T060 a code that is posted from another site plants nothing", func(t *testing.T) {
		t.Parallel()
		g := startDoors(t)
		attack := g.sim.MiniLogin("li", appMini)
		victim := g.device("ming", uaAndroid)
		for _, headers := range [][]string{
			{"Content-Type", "text/plain", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
			{"Content-Type", "application/x-www-form-urlencoded", "Origin", "null"},
			{"Content-Type", "application/json", "Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"},
		} {
			page := victim.send("POST", g.at(appMini, "shop", "/-/login"), strings.NewReader(`{"code":"`+attack+`"}`), headers...)
			if page.Header["Set-Cookie"] != nil || page.Header.Get("Access-Control-Allow-Origin") != "" || victim.cookie(g, appMini) != "" {
				t.Errorf("%v answers %v", headers, page.Header)
			}
		}
		if page := victim.send("OPTIONS", g.at(appMini, "shop", "/-/login"), nil, "Origin", "https://evil.example", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "content-type"); page.Status < 400 {
			t.Errorf("a preflight answers %d", page.Status)
		}
	})
	t.Run("T091 the relay hands a login on to nobody but its own host", relayHandsOnTo)
	t.Run("T091 what the relay hands on is of no use to the host's owner", relayedCodeStolen)
	t.Run("T069 the relay takes each parameter once, and GET alone", relayPollution)
	t.Run("T123 nothing sealed for one door opens another", bearerConfusion)
	t.Run("T124 a token with another byte is nobody's", func(t *testing.T) {
		t.Parallel()
		g := startDoors(t)
		p := g.mini("ming", "shop")
		good := p.token
		g.who(p.get("/"))
		for i := len("ws1."); i < len(good); i++ {
			b := []byte(good)
			b[i] ^= 1
			p.token = string(b)
			if page := p.get("/"); page.Status != http.StatusUnauthorized {
				t.Fatalf("with another byte %d it answers %d", i, page.Status)
			}
		}
		for _, token := range []string{"ws1.", "ws1", good[:len(good)-1], good + "A", good + "=", good + "\t" + good, "ws1." + good, strings.Repeat(good, 20)} {
			p.token = token
			if page := p.get("/"); page.Status != http.StatusUnauthorized {
				t.Errorf("%.20q answers %d", token, page.Status)
			}
		}
	})
	t.Run("T127 a token and a cookie of different people don't mix", bearerBesideCookie)
	t.Run("T120 a token that was signed out is refused, from the cache too", func(t *testing.T) {
		t.Parallel()
		g := startDoors(t)
		p, copied := g.mini("ming", "shop"), g.program(appMini, "shop")
		copied.token = p.token
		g.who(copied.get("/"))
		p.post("/-/logout", nil)
		g.wantRefusal(t, copied.get("/"), codeLoginRequired)
	})
	t.Run("T207 no token, ticket or code is in a log", doorLogs)
}

func jwks(g *gateway) []byte {
	keys, _ := g.app.facts().keys.JWKS()
	return keys
}

func bearersHidden(t *testing.T) {
	t.Parallel()
	g := startDoors(t, h2c...)
	p := g.mini("ming", "shop")
	over(t, func(t *testing.T, send sender) {
		for _, target := range []string{"/wsite/" + appMini + "/shop/x", "/wsite/" + appMini + "/shop/open/x", "/wsite/" + appMini + "/shop/maybe", "/wsite/" + appA + "/shop/open/x", "/wsite/" + appA + "/shop/maybe", "/about"} {
			for _, value := range []string{"Bearer " + p.token, "bearer " + p.token, "BEARER  " + p.token, "Bearer\t" + p.token, "Bearer ws1.nonsense", "Bearer WS1." + p.token[4:], "Bearer " + p.token + ", Basic x"} {
				w := send(g, t, request{Target: target, Headers: []string{"User-Agent", uaMini, "Authorization", value}})
				if s, reached := w.site(); reached && s.Header["Authorization"] != nil {
					t.Errorf("%s with %.20q: the site saw %q", target, value, s.Header["Authorization"])
				}
			}
		}
		for _, value := range []string{"Basic dTpw", "Bearer ws2.x", "Bearer eyJhbGciOiJ9.e30.x", "ws1", "Bearer", "Digest ws1.x", ""} {
			w := send(g, t, request{Target: "/wsite/" + appA + "/shop/open/x", Headers: []string{"User-Agent", uaMini, "Authorization", value}})
			if s, reached := w.site(); !reached || s.Header.Get("Authorization") != value {
				t.Errorf("%q became %q", value, s.Header["Authorization"])
			}
		}
		two := []string{"User-Agent", uaMini, "Authorization", "Bearer " + p.token, "Authorization", "Basic dTpw"}
		w := send(g, t, request{Target: "/wsite/" + appMini + "/shop/x", Headers: two})
		if s, reached := w.site(); !reached || len(s.Header["Authorization"]) != 1 || s.Header.Get("Authorization") != "Basic dTpw" {
			t.Errorf("of two the site saw %q", s.Header["Authorization"])
		}
		w = send(g, t, request{Target: "/wsite/" + appMini + "/shop/x", Headers: []string{"User-Agent", uaMini, "Authorization", "Bearer " + p.token, "Authorization", "bearer " + p.token}})
		if w.Status != http.StatusUnauthorized {
			t.Errorf("two tokens are answered with %d", w.Status)
		}
	})
}

// ticketPlanted has an attacker send a victim an address with his own ticket.
func ticketPlanted(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	attacker := g.mini("li", "shop")
	planted := func(name string, victim *phone, headers ...string) {
		t.Helper()
		victim.enter(attacker.ticket("/").URL, headers...)
		if victim.cookie(g, appMini) != "" {
			t.Errorf("%s it signs the victim in", name)
		}
	}
	planted("in WeChat's browser", g.device("ming", uaAndroid))
	planted("at a desk", g.device("ming", uaDesktop))
	planted("in another mini program's web-view", g.device("ming", strings.Replace(uaMiniView, appMini, appMini2, 1)))
	planted("with a form of another site", g.device("ming", uaMiniView), "Origin", "https://evil.example")
	planted("with a form of another site", g.device("ming", uaMiniView), "Origin", g.url, "Sec-Fetch-Site", "cross-site")
	planted("with a form of a sibling", g.device("ming", uaMiniView), "Sec-Fetch-Site", "same-site")
	planted("with a form of nobody", g.device("ming", uaMiniView), "Origin", "null")
	planted("with a form of who doesn't say", g.device("ming", uaMiniView), "X-Nothing", "x")
	victim := g.device("ming", uaMiniView)
	page := victim.send("GET", attacker.ticket("/").URL, nil, "Accept", "text/html", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document")
	g.wantRefusal(t, page, codeCrossSite)
	for _, agent := range []string{uaAndroid, uaDesktop} { // our page's own form, sent from elsewhere
		victim := g.device("ming", agent)
		page := victim.send("POST", g.at(appMini, "shop", "/-/enter"), strings.NewReader("t="+attacker.ticket("/").Ticket), "Content-Type", "application/x-www-form-urlencoded", "Origin", g.url, "Accept", "text/html")
		if g.wantRefusal(t, page, codeOutsideMini); victim.cookie(g, appMini) != "" {
			t.Error("the victim is signed in")
		}
	}
	fine := g.device("ming", uaMiniView)
	if page := fine.enter(attacker.ticket("/").URL); g.who(page).OpenID != g.sim.OpenID("li", appMini) { // the test itself can enter
		t.Errorf("it answers %d", page.Status)
	}
	page = g.device("", uaMiniView).step(g.at(appMini, "shop", "/-/enter"))
	policy := page.Header.Get("Content-Security-Policy")
	if !strings.Contains(policy, "frame-ancestors 'none'") || !strings.Contains(policy, "default-src 'none'") || !strings.Contains(policy, "form-action 'self'") || page.Header.Get("Referrer-Policy") != "no-referrer" {
		t.Errorf("the page is sent with %v", page.Header)
	}
}

func bearerConfusion(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.mini("ming", "shop")
	g.who(p.get("/")) // he is cached under his token
	view := g.device("", uaMiniView)
	g.who(view.enter(p.ticket("/").URL))
	cookie := view.cookie(g, appMini)
	for name, value := range map[string]string{"a token": p.token, "a token without its beginning": p.token[4:], "a ticket": p.ticket("/").Ticket} {
		planted := g.device("", uaMiniView)
		planted.plant(g, appMini, value)
		if page := planted.fetch("GET", g.at(appMini, "shop", "/")); page.Status != http.StatusUnauthorized {
			t.Errorf("%s as a cookie is answered with %d", name, page.Status)
		}
	}
	site := g.upstream.last().Header.Get(headerUser)
	for name, value := range map[string]string{"a cookie": cookie, "a cookie as a token": "ws1." + cookie, "a site's token": site, "a ticket": "ws1." + p.ticket("/").Ticket} {
		other := g.program(appMini, "shop")
		other.token = value
		if page := other.get("/"); page.Status != http.StatusUnauthorized {
			t.Errorf("%s as a token is answered with %d", name, page.Status)
		}
	}
	for name, ticket := range map[string]string{"a token": p.token, "a cookie": cookie, "nothing": ""} {
		other := g.device("", uaMiniView)
		if other.enter(g.at(appMini, "shop", "/-/enter#t="+ticket)); other.cookie(g, appMini) != "" {
			t.Errorf("%s as a ticket signs in", name)
		}
	}
}

// bearerBesideCookie is a request with ming's token and li's cookie: it is ming's, and if
// his token doesn't hold it is nobody's, never li's.
func bearerBesideCookie(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	ming := g.mini("ming", "shop")
	li := g.device("", uaMiniView)
	g.who(li.enter(g.mini("li", "shop").ticket("/").URL))
	for range 2 { // the second time from the cache
		page := li.send("GET", g.at(appMini, "shop", "/"), nil, "Accept", "application/json", "Authorization", "Bearer "+ming.token)
		if user := g.who(page); user.OpenID != g.sim.OpenID("ming", appMini) {
			t.Errorf("it is %+v's", user)
		}
	}
	for _, token := range []string{"ws1.x", ming.token + "x"} {
		for _, path := range []string{"/", "/-/me"} {
			g.wantRefusal(t, li.send("GET", g.at(appMini, "shop", path), nil, "Accept", "text/html", "Authorization", "Bearer "+token), codeLoginRequired)
		}
		page := li.send("GET", g.at(appMini, "shop", "/maybe"), nil, "Authorization", "Bearer "+token)
		if page.Status != http.StatusOK || g.upstream.last().Header[headerUser] != nil {
			t.Errorf("on an optional path it is answered with %d", page.Status)
		}
	}
	// Two tokens are nobody's, wherever they are sent.
	for _, path := range []string{"/-/ticket", "/-/phone"} {
		g.wantRefusal(t, ming.post(path, map[string]string{}, "Authorization", "Bearer "+ming.token), codeLoginRequired)
	}
	// Nor is it a guest's.
	guest := g.device("", uaMini)
	var random [10]byte
	g.app.random(random[:])
	guest.plant(g, cookieGuest, g.app.box.sealGuest(identity.NewGuestSeed(g.now(), random)))
	for _, appID := range []string{appA, appMini} {
		for _, path := range []string{"/", "/-/me"} {
			g.wantRefusal(t, guest.send("GET", g.at(appID, "shop", path), nil, "Accept", "application/json", "Authorization", "Bearer ws1.x"), codeLoginRequired)
		}
	}
	// Under an Official Account too: a token never holds there, and the cookie is li's.
	browser := g.device("li", uaAndroid)
	g.who(browser.open(g.at(appA, "shop", "/")))
	g.wantRefusal(t, browser.send("GET", g.at(appA, "shop", "/"), nil, "Accept", "text/html", "Authorization", "Bearer "+ming.token), codeLoginRequired)
	t.Run("a code that is posted ends no session of a cookie", func(t *testing.T) {
		page := li.send("POST", g.at(appMini, "shop", "/-/login"), strings.NewReader(`{"code":"`+g.sim.MiniLogin("ming", appMini)+`"}`), "Content-Type", "application/json")
		if page.Status != http.StatusOK || page.Header["Set-Cookie"] != nil {
			t.Errorf("it answers %d %v", page.Status, page.Header)
		}
		if user := g.who(li.fetch("GET", g.at(appMini, "shop", "/"))); user.OpenID != g.sim.OpenID("li", appMini) {
			t.Errorf("the cookie is %+v's", user)
		}
	})
	t.Run("a sign-out with a token ends that session alone", func(t *testing.T) {
		li.send("POST", g.at(appMini, "shop", "/-/logout"), nil, "Authorization", "Bearer "+ming.token)
		g.wantRefusal(t, ming.get("/"), codeLoginRequired)
		g.who(li.fetch("GET", g.at(appMini, "shop", "/")))
	})
}

func doorLogs(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.mini("ming", "shop")
	g.who(p.get("/"))
	ticket := p.ticket("/")
	g.device("", uaAndroid).enter(ticket.URL)
	g.device("", uaMiniView).enter(ticket.URL)
	g.device("", uaMiniView).enter(ticket.URL)
	code := g.sim.MiniLogin("ming", appMini)
	p.post("/-/login", map[string]string{"code": code, "openid": "x"})
	p.post("/-/login", map[string]string{"code": code, "iv": "AAAA", "encrypted_data": "secret-data-of-ming"})
	back := g.device("ming", uaAndroid).relayAddress(g.on("shop", appA, "shop", "/x"))
	g.device("", uaAndroid).step(back + "&to=x")
	handed := g.device("", uaAndroid).step(back).Header.Get("Location")
	g.device("", uaAndroid).step(handed)
	secrets := []string{p.token, p.token[4:], ticket.Ticket, code, "secret-data-of-ming", word(back, "code"), word(back, "to"), word(handed, "code"), g.sim.OpenID("ming", appMini), g.sim.UnionID("ming", appMini), "secret-of-mini-0123456789abcdef"}
	for _, line := range g.logs.All() {
		text := line.Message
		for key, value := range line.ContextMap() {
			text += fmt.Sprintf(" %s=%v", key, value)
		}
		for _, s := range secrets {
			if strings.Contains(text, s) {
				t.Errorf("%.12s… stands in %s", s, text)
			}
		}
	}
	if g.logs.Len() == 0 {
		t.Error("nothing was logged")
	}
}
