package caddymodule

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// securityF is what sessions and cookies are worth.
func securityF(t *testing.T) {
	t.Run("T120 a session that was signed out is refused by every node within a second", func(t *testing.T) {
		t.Parallel()
		sim, data := simulated(t), t.TempDir()
		one, two := startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data)
		p := one.phone("ming")
		user := one.who(p.open(one.at(appA, "shop", "/")))
		thief := two.phone("")
		thief.plant(two, appA, p.cookie(one, appA))
		if two.who(thief.fetch("GET", two.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Fatal("the other node doesn't know him")
		}
		began := time.Now()
		p.send("POST", one.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
		waitFor(t, "the other node to refuse him", func() bool {
			return thief.fetch("GET", two.at(appA, "shop", "/")).Status == http.StatusUnauthorized
		})
		if took := time.Since(began); took > 3*time.Second { // a poll a second, on a busy machine
			t.Errorf("it took %s", took)
		}
	})
	t.Run("T121 who has become somebody else is told so on every node within a second", func(t *testing.T) {
		t.Parallel()
		sim, data := simulated(t), t.TempDir()
		sim.Answer("allow")
		one, two := startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data)
		ming := one.phone("ming")
		first := one.who(ming.press(one, ming.open(one.at(appA, "shop", "/ask/x")), "allow"))
		elsewhere := two.phone("ming")
		guest := two.who(elsewhere.open(two.at(appB, "shop", "/")))
		ming.press(one, ming.open(one.at(appB, "shop", "/ask/x")), "allow")
		waitFor(t, "the other node to know him", func() bool {
			now := two.who(elsewhere.fetch("GET", two.at(appB, "shop", "/")))
			return now.Subject == first.Subject && now.Subject != guest.Subject && len(now.Prev) == 1 && now.Prev[0] == guest.Subject
		})
	})
	securityRevocations(t)
	t.Run("T123 a cookie of one purpose is worth nothing for another", securityPurposes)
	t.Run("T124 a cookie that was touched is refused, wherever it was touched", securityTouched)
	t.Run("T126 nothing in a cookie is compressed", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		long := func(s string) int {
			return len(g.app.box.sealSession(&session{AppID: appA, OpenID: strings.Repeat(s, 200/len(s)), Granted: grantedBase, At: g.now()}))
		}
		if long("a") != long("kQ") {
			t.Error("what repeats itself takes less room")
		}
	})
	t.Run("T127 of two sessions that a sibling host planted none is believed", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		ming, li := g.phone("ming"), g.phone("li")
		user := g.who(ming.open(g.at(appA, "shop", "/")))
		g.who(li.open(g.at(appA, "shop", "/")))
		name := "wsite-" + appA + "="
		one, two := name+ming.cookie(g, appA), name+li.cookie(g, appA)
		for order, cookie := range map[string]string{"one first": one + "; " + two, "the other first": two + "; " + one} {
			if page := g.phone("").send("GET", g.at(appA, "shop", "/"), nil, "Cookie", cookie); page.Status != http.StatusUnauthorized {
				t.Errorf("%s: answered %d", order, page.Status)
			}
		}
		for order, cookie := range map[string]string{"rubbish first": name + "rubbish; " + one, "rubbish last": one + "; " + name + "rubbish", "the same twice": one + "; " + one} {
			if got := g.who(g.phone("").send("GET", g.at(appA, "shop", "/"), nil, "Cookie", cookie)); got.Subject != user.Subject {
				t.Errorf("%s: he is %+v", order, got)
			}
		}
	})
	t.Run("T129 a master key that protects nothing is refused", func(t *testing.T) {
		t.Parallel()
		for _, key := range []string{"abc", "", strings.Repeat("0", 64), strings.Repeat("ab", 32), strings.Repeat("a1", 16), "change-me-change-me-change-me-change-me", strings.Repeat("g", 64)} {
			if _, err := parseMaster(key); err == nil || key != "" && strings.Contains(err.Error(), key) {
				t.Errorf("%q: %v", key, err)
			}
		}
	})
	t.Run("T132 clocks that are a minute and a half apart sign nobody out", func(t *testing.T) {
		t.Parallel()
		sim, data := simulated(t), t.TempDir()
		one, two := startGatewayOn(t, sim, standard, data), startGatewayOn(t, sim, standard, data)
		two.advance(-90 * time.Second)
		p := one.phone("ming")
		user := one.who(p.open(one.at(appA, "shop", "/")))
		for range 3 {
			if page := p.open(two.at(appA, "shop", "/")); page.Status != http.StatusOK {
				t.Fatalf("answered %d", page.Status)
			}
			if one.who(p.open(one.at(appA, "shop", "/"))).Subject != user.Subject {
				t.Error("he is somebody else")
			}
		}
		if n := sim.Calls("/connect/oauth2/authorize"); n != 1 {
			t.Errorf("he signed in %d times", n)
		}
	})
	t.Run("T133 guests without end cost no row", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		before := g.rows(t)
		for range 300 {
			p := g.phone("")
			p.ua = uaDesktop
			p.open(g.at(appA, "shop", "/"))
		}
		g.wantRows(t, before)
	})
	t.Run("T135 our cookies have all attributes that protect them", securityAttributes)
	t.Run("T136 a form of another site reaches nobody whom it doesn't hold itself", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		// SameSite=Lax keeps the cookie back; what comes without it starts no login.
		page := g.phone("ming").send("POST", g.at(appA, "shop", "/"), strings.NewReader("a=1"), "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html")
		if page.Status != http.StatusUnauthorized || g.upstream.count() != 0 || page.next() != "" {
			t.Errorf("answered %d", page.Status)
		}
	})
	t.Run("T139 an id made of two parts can't be read as two others", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		for _, path := range []string{
			"/wsite/" + appA + appB + "/shop/", "/wsite/" + appA + "%2Fshop/", "/wsite/" + appA + "/shop%2F/", "/wsite/" + appA + ":shop/",
			"/wsite/" + appA + "@" + appB + "/shop/", "/wsite/x" + appA + "/shop/", "/wsite/" + strings.ToUpper(appA) + "/shop/",
		} {
			if page := g.phone("ming").step(g.url + path); page.Status < 400 || page.Status >= 500 {
				t.Errorf("%s answered %d", path, page.Status)
			}
		}
	})
}

func securityPurposes(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	g.who(p.open(g.at(appA, "shop", "/")))
	token := g.upstream.last().Header.Get(headerUser)
	p.ua = uaDesktop
	g.who(p.open(g.at(appSub, "shop", "/")))
	other := startGateway(t) // another installation: another master key
	q := other.phone("ming")
	other.who(q.open(other.at(appA, "shop", "/")))
	state := p.toCallback
	p.ua = uaAndroid
	callback := state(g.at(appB, "shop", "/"))
	for name, value := range map[string]string{
		"a login cookie": p.cookie(g, cookieLogin), "a guest cookie": p.cookie(g, cookieGuest), "a token": token,
		"another installation's session": q.cookie(other, appA), "a target": word(callback, "r"), "a state": word(callback, "state"),
	} {
		thief := g.phone("")
		thief.plant(g, appA, value)
		if page := thief.fetch("GET", g.at(appA, "shop", "/")); page.Status != http.StatusUnauthorized {
			t.Errorf("%s as a session: answered %d", name, page.Status)
		}
		if _, err := g.app.box.openSession(value, appA); err == nil {
			t.Errorf("%s opens as a session", name)
		}
	}
	session := p.cookie(g, appA)
	thief := g.phone("")
	thief.plant(g, appB, session)
	if page := thief.fetch("GET", g.at(appB, "shop", "/")); page.Status != http.StatusUnauthorized {
		t.Errorf("a session of another account: answered %d", page.Status)
	}
	if _, err := g.app.box.openLogin(session); err == nil {
		t.Error("a session opens as a login cookie")
	}
	if _, err := g.app.box.openGuest(session); err == nil {
		t.Error("a session opens as a guest cookie")
	}
	bearer := g.phone("").send("GET", g.at(appA, "shop", "/"), nil, "Authorization", "Bearer "+token, "X-User", token)
	if bearer.Status != http.StatusUnauthorized {
		t.Errorf("a token as a credential: answered %d", bearer.Status)
	}
}

func securityTouched(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	g.who(p.open(g.at(appA, "shop", "/")))
	whole := p.cookie(g, appA)
	raw, err := base64.RawURLEncoding.DecodeString(whole)
	if err != nil {
		t.Fatal(err)
	}
	refused := func(name, value string) {
		t.Helper()
		if _, err := g.app.box.openSession(value, appA); err == nil || err.Error() != errCookie.Error() {
			t.Errorf("%s: %v", name, err)
		}
	}
	for i := range raw {
		for bit := range 8 {
			touched := bytes.Clone(raw)
			touched[i] ^= 1 << bit
			refused("a bit", base64.RawURLEncoding.EncodeToString(touched))
		}
		refused("cut behind", base64.RawURLEncoding.EncodeToString(raw[:i]))
		refused("cut before", base64.RawURLEncoding.EncodeToString(raw[len(raw)-i:]))
	}
	for _, value := range []string{"", "=", whole + "=", whole + "A", whole[:len(whole)-1], " " + whole, whole + "\n", strings.Repeat("A", 512), strings.Repeat("A", 100_000)} {
		refused("another spelling", value)
	}
	for _, i := range []int{0, 1, len(raw) / 2, len(raw) - 1} {
		touched := bytes.Clone(raw)
		touched[i] ^= 0x40
		thief := g.phone("")
		thief.plant(g, appA, base64.RawURLEncoding.EncodeToString(touched))
		g.wantRefusal(t, thief.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
	}
	if g.counted(t, "wsite_cookies_refused_total", "session") < 4 {
		t.Error("nothing was counted")
	}
}

func securityAttributes(t *testing.T) {
	t.Parallel()
	sim := simulated(t, func(o *wechatsim.Options) {})
	https := startGatewayOn(t, sim, strings.Replace(standard, "\n"+"ORIGIN {", "\nhttp://127.0.0.1:1 {", 1), t.TempDir(), "origin ORIGIN", "origin https://www.example.com")
	w := httptest.NewRecorder()
	r := httptest.NewRequest("GET", "/", nil)
	https.app.setSession(w, r, &session{AppID: appA, OpenID: "o", Granted: grantedBase, At: https.now()})
	https.app.setLogin(w, &loginCookie{})
	https.app.setGuest(w, identity.GuestSeed{})
	cookies := w.Result().Cookies()
	if len(cookies) != 3 {
		t.Fatalf("cookies: %v", cookies)
	}
	for _, c := range cookies {
		if !strings.HasPrefix(c.Name, "__Host-wsite-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || len(c.String()) > 4096 || c.MaxAge <= 0 {
			t.Errorf("cookie %s", c)
		}
	}
	g := startGateway(t) // on loopback neither the prefix nor Secure would be kept
	for _, line := range g.phone("ming").step(g.at(appA, "shop", "/")).Header["Set-Cookie"] {
		if !strings.HasPrefix(line, "wsite-") || strings.Contains(line, "Secure") || !strings.Contains(line, "HttpOnly; SameSite=Lax") {
			t.Errorf("cookie %s", line)
		}
	}
}
