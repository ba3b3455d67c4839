package caddymodule

import (
	"net/http"
	"os"
	"reflect"
	"regexp"
	"strings"
	"testing"
)

// securityBinding is the rest of group D: what a login is bound to, in every config, and
// what silent login keeps to.
func securityBinding(t *testing.T) {
	t.Run("T047 what is sealed into an address doesn't open with another letter, or none", spoiltSeals)
	t.Run("T064 twenty tabs of one browser each land on their own page", TestLogin_tabsFinishInReverse)
	t.Run("T071 a callback of one account is none of another's, whoever owns that", mixedUp)
	t.Run("T072 no config lets a login go without its browser", alwaysBound)
	t.Run("T074 a silent login is a page inside WeChat, and no more", silentLimits)
}

// spoiltSeals changes, cuts and takes away each of what a callback proves itself by.
func spoiltSeals(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	callback := ming.toCallback(g.at(appA, "shop", "/place?x=1"))
	cookie := ming.cookieLine(g)
	path, _, _ := strings.Cut(strings.TrimPrefix(callback, g.url), "?")
	for _, name := range []string{"state", "r"} {
		whole := word(callback, name)
		spoilt := []string{"", whole[1:], whole[:len(whole)-1], whole + "A", whole + whole, strings.ToLower(whole), strings.Repeat("A", len(whole)), " " + whole, whole + "%00"}
		for i := range whole {
			spoilt = append(spoilt, whole[:i]+string(whole[i]^1)+whole[i+1:], whole[:i])
		}
		for _, value := range spoilt {
			w := g.overH1(t, request{Target: path + "?" + strings.TrimPrefix(changed(t, "?"+strings.SplitN(callback, "?", 2)[1], name, value), "?"), Headers: inWeChat("Cookie", cookie)})
			if w.Status == http.StatusSeeOther || strings.Contains(strings.Join(w.Header["Set-Cookie"], ";"), g.app.jar.prefix+appA) {
				t.Errorf("with the %s %.30q… it is answered %d %v", name, value, w.Status, w.Header)
			}
		}
		w := g.overH1(t, request{Target: path + "?" + regexp.MustCompile(`&?\b`+name+`=[^&]*`).ReplaceAllString(strings.SplitN(callback, "?", 2)[1], ""), Headers: inWeChat("Cookie", cookie)})
		g.wantRefusal(t, w.page("without "+name), codeBadCallback)
	}
	if n := g.sim.Calls("/sns/oauth2/access_token"); n != 0 {
		t.Errorf("%d codes were used", n)
	}
	g.who(ming.open(callback)) // and the code is as good as before
}

// mixedUp is the attack on a client of two authorisation servers (RFC 9700 §4.4): whoever
// runs one account would learn the codes of another, or have its own taken for those.
func mixedUp(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	ofA, ofB := ming.toCallback(g.at(appA, "shop", "/a")), ming.toCallback(g.at(appB, "shop", "/b"))
	for name, address := range map[string]string{
		"all of A at B":                    strings.Replace(ofA, appA, appB, 1),
		"all of B at A":                    strings.Replace(ofB, appB, appA, 1),
		"the code and the state of A at B": changed(t, ofB, "code", word(ofA, "code"), "state", word(ofA, "state")),
		"the state of A at B":              changed(t, ofB, "state", word(ofA, "state")),
		"the target of A at B":             changed(t, ofB, "r", word(ofA, "r")),
	} {
		calls := g.sim.Calls("/sns/oauth2/access_token")
		if page := ming.step(address); page.Status == http.StatusSeeOther || g.sim.Calls("/sns/oauth2/access_token") != calls {
			t.Errorf("%s is answered %d, after %d codes", name, page.Status, g.sim.Calls("/sns/oauth2/access_token")-calls)
		}
	}
	// With a code alone put in place of another nobody can tell before WeChat is asked:
	// as A, so that a code of B is no code.
	ming.open(changed(t, ofA, "code", word(ofB, "code")))
	if s, err := g.app.box.openSession(ming.cookie(g, appA), appA); err == nil && s.OpenID != g.sim.OpenID("ming", appA) {
		t.Errorf("a code of B has made a session of A: %s", s.OpenID)
	}
	if ming.cookie(g, appB) != "" {
		t.Error("at B he is signed in")
	}
	for app, callback := range map[string]string{appA: ofA, appB: ofB} {
		if user := g.who(ming.open(callback)); user.OpenID != g.sim.OpenID("ming", app) || user.AppID != app {
			t.Errorf("his own callback of %s made him %+v", app, user)
		}
	}
}

// alwaysBound starts gateways with all that loosens something, and has a browser come
// back with what another one was given.
func alwaysBound(t *testing.T) {
	t.Parallel()
	for name, change := range map[string][]string{
		"as it is":          nil,
		"without a page":    {"fragment off", "fragment off\n\t\t\toutside guest", "outside deny", "fragment off"},
		"in any browser":    {"open SIM", "any_browser\n\t\topen SIM"},
		"optional paths":    {"path /maybe optional", "path /* optional"},
		"public paths":      {"path /maybe optional", "path /* public"},
		"a short session":   {"open SIM", "session_lifetime 10m\n\t\topen SIM"},
		"without any limit": limited("logins off\naccount_logins off\nexchanges off"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, change...)
			for _, site := range []string{"game", "shop"} {
				stolen := g.phone("li").toCallback(g.at(appA, site, "/-/login"))
				for _, holder := range []string{"", "ming"} {
					victim := g.phone(holder)
					victim.step(stolen)
					victim.toWeChat(g.at(appA, site, "/-/login")) // now it has a login cookie, too
					victim.step(stolen)
					victim.fetch("GET", stolen)
					if victim.cookie(g, appA) != "" || g.sim.Calls("/sns/oauth2/access_token") != 0 {
						t.Fatalf("at %s a browser took another one's login", site)
					}
				}
			}
		})
	}
	loose := regexp.MustCompile(`(?i)insecure|unsafe|skip|disable|nonce|pkce|csrf|state|verify_off`)
	var walk func(kind reflect.Type, at string)
	walk = func(kind reflect.Type, at string) {
		for kind.Kind() == reflect.Pointer || kind.Kind() == reflect.Slice || kind.Kind() == reflect.Map {
			kind = kind.Elem()
		}
		if kind.Kind() != reflect.Struct || !strings.Contains(kind.PkgPath(), "caddy-wsite") {
			return
		}
		for i := range kind.NumField() {
			name, _, _ := strings.Cut(kind.Field(i).Tag.Get("json"), ",")
			if name == "" || name == "-" {
				continue
			}
			if loose.MatchString(name) {
				t.Errorf("the config has a word %s.%s: can it loosen a login?", at, name)
			}
			walk(kind.Field(i).Type, at+"."+name)
		}
	}
	walk(reflect.TypeFor[App](), "wsite")
}

// silentLimits: opening a page inside WeChat tells who one is, without a tap. What isn't
// that asks nobody, and the documents say so (OWASP ASVS 7.6.2).
func silentLimits(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	outside, robot, signedOut := g.phone("ming"), g.phone(""), g.phone("ming")
	outside.ua = uaDesktop
	g.who(signedOut.open(g.at(appA, "shop", "/")))
	signedOut.send("POST", g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin")
	asked := g.sim.Calls("/connect/oauth2/authorize")
	for name, page := range map[string]seenPage{
		"another browser":         outside.open(g.at(appA, "shop", "/")),
		"who has signed out":      signedOut.open(g.at(appA, "shop", "/")),
		"a public page":           g.phone("ming").open(g.at(appA, "shop", "/open/x")),
		"a page for anybody":      g.phone("ming").open(g.at(appA, "shop", "/maybe")),
		"a page loaded ahead":     g.phone("ming").send("GET", g.at(appA, "shop", "/"), nil, "Accept", "text/html", "Sec-Purpose", "prefetch", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"),
		"a script":                g.phone("ming").fetch("GET", g.at(appA, "shop", "/")),
		"a form":                  g.phone("ming").send("POST", g.at(appA, "shop", "/"), strings.NewReader("a=1"), "Accept", "text/html", "Sec-Fetch-Mode", "navigate"),
		"a frame of another site": g.phone("ming").send("GET", g.at(appA, "shop", "/pic.png"), nil, "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "cross-site"),
	} {
		if to := page.next(); to != "" {
			t.Errorf("%s is led to %s", name, to)
		}
	}
	if n := g.sim.Calls("/connect/oauth2/authorize") - asked; n != 0 {
		t.Errorf("WeChat was asked %d times", n)
	}
	// The nickname and the unionid take a tap.
	g.sim.Answer("allow")
	if authorize := robot.toWeChat(g.at(appA, "shop", "/")); word(authorize, "scope") != "snsapi_base" {
		t.Errorf("it asks for %s", word(authorize, "scope"))
	}
	text, err := os.ReadFile("../docs/security.md")
	if err != nil || !strings.Contains(string(text), "ASVS 7.6.2") {
		t.Errorf("the documents don't say that this deviates: %v", err)
	}
}
