package caddymodule

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityLife is the rest of groups E to G: how long and how large what we give out is.
func securityLife(t *testing.T) {
	t.Run("T092 a code that arrives twice is used once, and both are answered alike", TestLogin_codeArrivesTwice)
	t.Run("T103 a site is told what its claims say, and no more", toldNoMore)
	t.Run("T125 all our cookies together stay small, and the oldest gives way", TestLogin_sixAccounts)
	t.Run("T131 a session ends at its time, however busy it is and whatever the browser says", endsInTime)
	t.Run("T157 what we add to a request, or send a visitor to, is never too long for a server", neverTooLong)
}

func toldNoMore(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "fragment off", "fragment off\n\t\t\tclaims none\n\t\t\tsend bearer plain")
	g.sim.Answer("allow")
	p := g.phone("ming")
	shop := g.who(p.press(g, p.open(g.at(appA, "shop", "/ask/x")), "allow"))
	openid, unionid := g.sim.OpenID("ming", appA), g.sim.UnionID("ming", appA)
	if shop.OpenID != openid || shop.UnionID != unionid {
		t.Fatalf("the shop, which asks for both, is told %+v", shop)
	}
	game := g.whoami(p.open(g.at(appA, "game", "/")), "game")
	club := g.whoami(p.open(g.at(appA, "club", "/")), "club")
	if game.OpenID != "" || game.UnionID != "" || !game.Linked || club.UnionID != "" || club.OpenID != openid {
		t.Errorf("the others are told %+v and %+v", game, club)
	}
	if club.Subject == shop.Subject || game.Subject != shop.Subject {
		t.Errorf("he is %s to the shop, %s to its sister, %s to another company", shop.Subject, game.Subject, club.Subject)
	}
	p.open(g.at(appA, "game", "/"))
	seen := fmt.Sprint(g.upstream.last())
	for _, part := range strings.FieldsFunc(seen, func(r rune) bool { return strings.ContainsRune(" .[]", r) }) {
		if raw, err := b64.DecodeString(part); err == nil {
			seen += string(raw)
		}
	}
	if !strings.Contains(seen, `"linked":true`) {
		t.Fatal("the token isn't seen, so nothing here would tell anything")
	}
	for _, id := range []string{openid, unionid} {
		if strings.Contains(seen, id) {
			t.Errorf("a site that shall be told no id of WeChat's saw %s", seen)
		}
	}
}

func endsInTime(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "open SIM", "session_lifetime 1h\n\t\topen SIM")
	p := g.phone("ming")
	g.who(p.open(g.at(appA, "shop", "/")))
	busy := g.phone("")
	busy.plant(g, appA, p.cookie(g, appA))
	for range 11 { // a script every five minutes keeps nothing alive
		g.advance(5 * time.Minute)
		g.who(busy.fetch("GET", g.at(appA, "shop", "/")))
	}
	g.advance(6 * time.Minute)
	g.wantRefusal(t, busy.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
	for name, s := range map[string]*session{
		"of a time to come":   {At: g.now().Add(3 * time.Minute)},
		"of long ago":         {At: g.now().Add(-time.Hour - time.Minute)},
		"of the year one":     {},
		"of a preview, later": {At: g.now().Add(-snapshotLife - time.Minute), Granted: grantedSnapshot},
	} {
		s.AppID, s.OpenID, s.ID = appA, g.sim.OpenID("ming", appA), [16]byte{7}
		if s.Granted == 0 {
			s.Granted = grantedBase
		}
		holder := g.phone("")
		holder.plant(g, appA, g.app.box.sealSession(s))
		if page := holder.fetch("GET", g.at(appA, "shop", "/")); page.refusal() != string(codeLoginRequired) {
			t.Errorf("a session %s is answered %d", name, page.Status)
		}
	}
	for _, lifetime := range []string{"0s", "-1h", "9m", "31d", "1000h"} {
		if err := adaptError(strings.Replace(standard, "open SIM", "session_lifetime "+lifetime+"\n\t\topen SIM", 1)); err == nil || !strings.Contains(err.Error(), "session_lifetime") && !strings.Contains(err.Error(), lifetime) {
			t.Errorf("a session of %s: %v", lifetime, err)
		}
	}
}

// maxLine is what common servers take as one header line: of nginx, Apache, gunicorn and
// Tomcat each at least 8 KiB.
const maxLine = 8000

func neverTooLong(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "facts sqlite", "token_algorithm RS256\n\t\tfacts sqlite")
	// The longest of what is allowed, and of it what JSON makes longest.
	long := strings.Repeat("<", 63) + `"`
	token := identity.Token{
		Issuer: "https://" + strings.Repeat("h", 253) + ":65535/" + strings.Repeat("p", 64) + "/-", Subject: strings.Repeat(`"`, 64), Audience: strings.Repeat("<", 255) + `"`, Kind: identity.Real,
		Realm: strings.Repeat("r", 64), AppID: appA, PTID: strings.Repeat("s", 64), OpenID: strings.Repeat("o", 64), UnionID: strings.Repeat("u", 64), Bind: strings.Repeat("b", 256), Linked: true, Hinted: true,
		AMR: []string{"wx_snapshot"}, AuthTime: g.now(), Prev: slices.Repeat([]string{long}, 10),
	}
	signed, err := g.app.facts().keys.Sign("RS256", token) // whose signatures are the longest
	if err != nil {
		t.Fatal(err)
	}
	if n := len("Authorization: Bearer ") + len(signed.JWT); n > maxLine || n < 2000 {
		t.Errorf("the longest token makes a line of %d bytes", n)
	}
	for _, path := range []string{"/" + strings.Repeat("a", 900), "/x?" + strings.Repeat("b", 950), "/x?" + strings.Repeat("%E4", 2000), "/" + strings.Repeat("%3C", 1000)} {
		p := g.phone("ming")
		page := p.open(g.at(appA, "shop", path) + "#" + strings.Repeat("f", maxFragment))
		g.who(page)
		for _, address := range p.visited[1:] {
			u, err := url.Parse(address)
			if err != nil {
				t.Fatal(err)
			}
			if len(u.RequestURI()) > maxLine/2 {
				t.Errorf("%.40s… leads to an address of %d bytes: %.80s…", path, len(u.RequestURI()), address)
			}
		}
		if size := len(p.cookieLine(g)); size > budget {
			t.Errorf("its cookies are %d bytes", size)
		}
	}
}
