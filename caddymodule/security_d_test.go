package caddymodule

import (
	"context"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityD is the login itself: state, code, forged and fixed sessions.
func securityD(t *testing.T) {
	t.Run("T060 a code is read on the callback alone, with a state of this browser", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		attack := g.phone("li").toCallback(g.at(appA, "shop", "/"))
		for name, address := range map[string]string{
			"on a page":                       g.at(appA, "shop", "/?code="+word(attack, "code")),
			"on a page, with a state":         g.at(appA, "shop", "/?code="+word(attack, "code")+"&state="+word(attack, "state")),
			"on the callback, with his state": attack,
			"on the login page":               g.at(appA, "shop", "/-/login?code="+word(attack, "code")+"&state="+word(attack, "state")+"&r="+word(attack, "r")),
			"on another site's callback":      strings.Replace(attack, "/shop/", "/game/", 1),
			"on another account's callback":   strings.Replace(attack, appA, appB, 1),
		} {
			victim := g.phone("ming")
			if address == g.at(appA, "shop", "/") {
				t.Fatal("no attack")
			}
			victim.step(address)
			victim.fetch("GET", address)
			if victim.cookie(g, appA) != "" || victim.cookie(g, appB) != "" {
				t.Errorf("%s it made a session", name)
			}
		}
		if n := g.sim.Calls("/sns/oauth2/access_token"); n != 0 {
			t.Errorf("%d codes were used", n)
		}
		if g.counted(t, "wsite_logins_total", "state_mismatch") == 0 {
			t.Error("nothing was counted")
		}
	})
	t.Run("T061 states can't be guessed and none comes twice", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		rt, _, _ := g.app.route(context.Background(), "/wsite/"+appA+"/shop/")
		now, seen := g.now(), map[string]bool{}
		for range 50_000 {
			seen[g.app.tickets.sealState(rt, [16]byte{1}, "r", now)] = true
		}
		if len(seen) != 50_000 {
			t.Errorf("of 50000 states %d differ", len(seen))
		}
		for _, folder := range []string{".", "../identity", "../sqlstore", "../directory"} {
			out, err := exec.Command("go", "list", "-f", "{{range .Imports}}{{.}}\n{{end}}", folder).CombinedOutput()
			if err != nil || strings.Contains(string(out), "math/rand") {
				t.Errorf("%s imports math/rand: %v", folder, err)
			}
		}
	})
	t.Run("T063 a callback that was copied is of no use in another browser", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		owner := g.phone("ming")
		callback := owner.toCallback(g.at(appA, "shop", "/"))
		for _, holder := range []string{"", "li"} {
			thief := g.phone(holder)
			thief.toWeChat(g.at(appA, "shop", "/")) // he has a login of his own under way
			if thief.step(callback); thief.cookie(g, appA) != "" || g.sim.Calls("/sns/oauth2/access_token") != 0 {
				t.Error("the thief is signed in, or the code is used")
			}
		}
		if user := g.who(owner.open(callback)); user.OpenID != g.sim.OpenID("ming", appA) {
			t.Errorf("its owner is %+v", user)
		}
	})
	t.Run("T066 logins that begin leave nothing on the server", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		before := g.rows(t)
		for range 500 {
			g.phone("").step(g.at(appA, "shop", "/"))
		}
		if n := len(g.app.logins.memo); n != 0 || g.app.visitors.len() != 0 {
			t.Errorf("%d logins and %d visitors are kept", n, g.app.visitors.len())
		}
		g.wantRows(t, before)
		g.who(g.phone("ming").open(g.at(appA, "shop", "/")))
	})
	t.Run("T067 every login makes a new session and ends the one before", securityFixation)
	t.Run("T069 what stands there twice is refused", securityPollution)
	t.Run("T070 an error in place of a code ends on a page, without a loop", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		for name, tail := range map[string]string{
			"an error":         "&error=access_denied",
			"unknown words":    "&foo=bar&utm_source=x",
			"an error of 8 KB": "&error_description=" + strings.Repeat("x", 8192),
		} {
			p := g.phone("ming")
			callback := p.toCallback(g.at(appA, "shop", "/"))
			page := p.step(strings.Replace(callback, "code="+word(callback, "code"), "x=1", 1) + tail)
			if g.wantRefusal(t, page, codeLoginRefused); strings.Contains(page.Body, "access_denied") || p.cookie(g, appA) != "" {
				t.Errorf("%s: %s", name, page.Body)
			}
		}
		p := g.phone("ming")
		callback := p.toCallback(g.at(appA, "shop", "/"))
		if page := p.step(changed(t, callback, "state", strings.Repeat("A", 8192))); p.cookie(g, appA) != "" || page.Status >= 500 {
			t.Errorf("a state of 8 KB is answered with %d", page.Status)
		}
	})
	t.Run("T073 what isn't a navigation starts no login", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		for _, ask := range asks {
			if ask.kind == "page" || ask.kind == "public" {
				continue
			}
			for _, path := range []string{"/", "/-/login", "/favicon.ico", "/sw.js", "/ask/x", "/members/x"} {
				if path == "/-/login" && ask.kind == "ahead" {
					continue
				}
				page := g.phone("ming").send(ask.method, g.at(appA, "shop", path), nil, ask.headers...)
				if len(page.Header["Set-Cookie"]) != 0 || page.next() != "" || page.Status < 400 {
					t.Errorf("%s of %s: %d to %q with %v", ask.name, path, page.Status, page.next(), page.Header["Set-Cookie"])
				}
			}
		}
	})
	t.Run("T075 no page of ours can be framed", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p, outside := g.phone("ming"), g.phone("")
		outside.ua = uaDesktop
		signedIn := g.phone("ming")
		g.who(signedIn.open(g.at(appA, "shop", "/")))
		for name, page := range map[string]seenPage{
			"login": p.step(g.at(appA, "shop", "/")), "refusal": p.step(g.at(appA, "nowhere", "/")), "sign-out": p.step(g.at(appA, "shop", "/-/logout")),
			"open in WeChat": outside.step(g.at(appA, "club", "/")), "consent": signedIn.step(g.at(appA, "shop", "/ask/x")),
		} {
			if !strings.Contains(page.Header.Get("Content-Security-Policy"), "frame-ancestors 'none'") || page.Header.Get("X-Frame-Options") != "DENY" || !strings.Contains(page.Body, "<main>") {
				t.Errorf("the page %q can be framed: %v", name, page.Header)
			}
		}
	})
	t.Run("T076 an image or another site signs nobody out", securitySignOut)
	t.Run("T078 the address that holds the code is left at once and told to nobody", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		page := p.step(p.toCallback(g.at(appA, "shop", "/")))
		if page.Status != http.StatusSeeOther || page.Body != "" || page.Header.Get("Referrer-Policy") != "no-referrer" || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("answered %d %v %q", page.Status, page.Header, page.Body)
		}
	})
	t.Run("T079 a site never hears of a request that we answer", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		outside := g.phone("")
		outside.ua = uaDesktop
		for _, path := range []string{"/", "/ask/x", "/-/login", "/-/logout", "/-/me", "/-/callback", "/-/nothing", "/-", "/members/x"} {
			g.phone("ming").step(g.at(appA, "shop", path))
			g.phone("ming").fetch("POST", g.at(appA, "shop", path))
		}
		outside.step(g.at(appA, "club", "/"))
		outside.step(g.at(appA, "inner", "/"))
		if n := g.upstream.count(); n != 0 {
			t.Errorf("the site was asked %d times: %+v", n, g.upstream.last())
		}
	})
}

func securityFixation(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.sim.Answer("allow")
	attacker := g.phone("li")
	li := g.who(attacker.open(g.at(appA, "shop", "/")))
	victim := g.phone("ming")
	victim.plant(g, appA, attacker.cookie(g, appA))
	victim.plant(g, cookieLogin, attacker.cookie(g, cookieLogin))
	ming := g.who(victim.open(g.at(appA, "shop", "/-/login")))
	if ming.OpenID != g.sim.OpenID("ming", appA) || ming.Subject == li.Subject || victim.cookie(g, appA) == attacker.cookie(g, appA) {
		t.Errorf("after his login the victim is %+v", ming)
	}
	g.wantRefusal(t, attacker.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)

	t.Run("also when more is known of him than before", func(t *testing.T) {
		before := victim.cookie(g, appA)
		g.who(victim.press(g, victim.open(g.at(appA, "shop", "/ask/x")), "allow"))
		one, err1 := g.app.box.openSession(before, appA)
		two, err2 := g.app.box.openSession(victim.cookie(g, appA), appA)
		if err1 != nil || err2 != nil || one.ID == two.ID {
			t.Errorf("the session kept its id: %v %v", err1, err2)
		}
		from, err := g.app.facts().Revoked(t.Context(), one.key())
		if err != nil || from.IsZero() {
			t.Errorf("the session before lives on: %v", err)
		}
	})
	t.Run("a guest's cookie that was planted says nothing once its guest has signed in", func(t *testing.T) {
		planted := g.phone("")
		planted.ua = uaDesktop
		guest := g.who(planted.open(g.at(appA, "shop", "/")))
		wang := g.crowd("wang2")[0]
		wang.plant(g, cookieGuest, planted.cookie(g, cookieGuest))
		became := g.who(wang.press(g, wang.open(g.at(appA, "shop", "/ask/x")), "allow"))
		if after := g.who(planted.open(g.at(appA, "shop", "/"))); after.Subject == became.Subject || after.Linked {
			t.Errorf("who planted the cookie of %s is now %s, as the victim %s", guest.Subject, after.Subject, became.Subject)
		}
		if wang.cookie(g, cookieGuest) != "" {
			t.Error("the guest's cookie stays for the next one who holds the phone")
		}
	})
}

func securityPollution(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	callback := p.toCallback(g.at(appA, "shop", "/"))
	code, state, r := word(callback, "code"), word(callback, "state"), word(callback, "r")
	base := g.at(appA, "shop", "/-/callback")
	for name, query := range map[string]string{
		"two codes":                 "?code=" + code + "&code=" + code + "&state=" + state + "&r=" + r,
		"two states":                "?code=" + code + "&state=" + state + "&state=x&r=" + r,
		"two targets":               "?code=" + code + "&state=" + state + "&r=" + r + "&r=" + r,
		"no state":                  "?code=" + code + "&r=" + r,
		"no target":                 "?code=" + code + "&state=" + state,
		"nothing":                   "",
		"semicolons":                "?code=" + code + ";state=" + state + ";r=" + r,
		"an array's brackets":       "?code[]=" + code + "&state[]=" + state + "&r=" + r,
		"a broken escape":           "?code=%zz&state=" + state + "&r=" + r,
		"a code of a thousand":      "?code=" + strings.Repeat("c", 1000) + "&state=" + state + "&r=" + r,
		"a state escaped twice":     "?code=" + code + "&state=" + state + "&state%3D=&r=" + r + "&%72=" + r,
		"an upper-case second word": "?CODE=" + code + "&STATE=" + state + "&R=" + r,
	} {
		page := p.step(base + query)
		if g.wantRefusal(t, page, codeBadCallback); p.cookie(g, appA) != "" {
			t.Errorf("%s made a session", name)
		}
	}
	for _, method := range []string{"HEAD", "POST", "PUT", "OPTIONS"} {
		if page := p.send(method, callback, nil, "Accept", "application/json"); page.Status != http.StatusMethodNotAllowed || p.cookie(g, appA) != "" {
			t.Errorf("%s is answered with %d", method, page.Status)
		}
	}
	if n := g.sim.Calls("/sns/oauth2/access_token"); n != 0 {
		t.Errorf("%d codes were used", n)
	}
	g.who(p.open(callback)) // the code is still good
}

func securitySignOut(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	var user identity.Token
	address := g.at(appA, "shop", "/-/logout")
	user = g.who(p.open(g.at(appA, "shop", "/")))
	p.send("GET", address, nil, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "cross-site")
	p.fetch("HEAD", address)
	for name, headers := range map[string][]string{
		"another site":             {"Sec-Fetch-Site", "cross-site", "Accept", "text/html"},
		"another host of the site": {"Sec-Fetch-Site", "same-site", "Accept", "text/html"},
		"another origin":           {"Origin", "https://evil.example.com", "Accept", "text/html"},
		"no origin at all":         {"Origin", "null", "Accept", "text/html"},
	} {
		if page := p.send("POST", address, nil, headers...); page.refusal() != string(codeCrossSite) || len(page.Header["Set-Cookie"]) != 0 {
			t.Errorf("a form of %s is answered with %d %s", name, page.Status, page.refusal())
		}
	}
	if still := g.who(p.fetch("GET", g.at(appA, "shop", "/"))); still.Subject != user.Subject {
		t.Errorf("he is %+v", still)
	}
}
