package caddymodule

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// speaks sets the language of the console.
func (b *tab) speaks(g *gateway, lang string) {
	call(b, network.SetCookie, network.SetCookieParams{Name: "wsite-console-language", Value: lang, URL: g.consoleAt("/")})
}

// opens opens a part of the page by the address that its form is sent to.
func (b *tab) opens(action string) {
	b.t.Helper()
	found, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](fmt.Sprintf(`(() => { const f = document.querySelector('main form[action$=%q]'); f.closest('details').open = true; f.scrollIntoView({block: 'center'}); return true })()`, action)))
	if err != nil || !found {
		b.t.Fatal(action, err)
	}
}

// says gives the reason of a form of a user, sends it, and arrives at the page that says
// what was done.
func (b *tab) says(g *gateway, action, reason, done string) {
	b.t.Helper()
	form := `main form[action$="` + action + `"] `
	b.do(chromedp.SendKeys(form+"input[name=reason]", reason), chromedp.Click(form+"button"))
	b.arrives(g.consoleAt("/users/main/of/m1?done=" + done))
}

func TestConsole_usersBrowser(t *testing.T) {
	t.Parallel()
	for _, lang := range []string{"zh", "en"} {
		for device, width := range map[string]int{"phone": 390, "desktop": 1280} {
			t.Run("who is found by his openid is signed out, blocked, turned away and let in again, in "+lang+" on a "+device, func(t *testing.T) {
				t.Parallel()
				g := startConsole(t)
				ming := g.phone("ming")
				g.tokenAt(t, ming, appA, "shop")
				g.tokenAt(t, g.phone("ming"), appB, "shop")
				ming = g.member(t, "ming", "m1")
				name := func(page string) string { return "users-" + lang + "-" + device + "-" + page }
				b := g.tab(t, uaDesktop, "")
				b.onScreen(width)
				b.speaks(g, lang)
				g.comesIn(t, b)
				b.do(chromedp.Navigate(g.consoleAt("/users/main")), chromedp.WaitVisible("select[name=appid]"))
				b.shows(name("find"))
				b.do(chromedp.SendKeys("section:nth-of-type(2) input[name=id]", g.sim.OpenID("ming", appA)), chromedp.Click("section:nth-of-type(2) button"), chromedp.WaitVisible("svg.lanes"))
				if at := b.address(); at != g.consoleAt("/users/main/of/m1") {
					t.Errorf("the page of the user is at %s", at)
				}
				hides(t, b.text(), g.sim.OpenID("ming", appA))
				b.shows(name("user"))
				b.opens("/sign-out")
				b.shows(name("sign-out"))
				b.says(g, "/sign-out", "lost his phone", "user_sign_out")
				b.opens("/block")
				b.says(g, "/block", "spam", "user_block")
				g.wantRefusal(t, ming.open(g.at(appA, "shop", "/")), codeBlocked)
				b.shows(name("blocked"))
				b.opens("/unblock")
				b.says(g, "/unblock", "was a mistake", "user_unblock")
				if _, now := g.tokenAt(t, ming, appA, "shop"); now.Subject != "m1" {
					t.Errorf("he is %s", now.Subject)
				}
				g.mergesTwo(t, b, name)
				g.many(t)
				b.do(chromedp.Navigate(g.consoleAt("/users/main/of/many")), chromedp.WaitVisible("svg.lanes"))
				b.do(chromedp.Evaluate[chromedp.Void](`document.querySelector('svg.lanes').scrollIntoView()`))
				b.shows(name("many"))
				call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: "dark"}}})
				b.shows(name("many-dark"))
				b.do(chromedp.Navigate(g.consoleAt("/users/main/of/m1")), chromedp.WaitVisible("svg.lanes"))
				b.opens("/erase")
				b.shows(name("user-dark"))
			})
		}
	}
}

// mergesTwo merges another user into the one that is looked at, after he has lost his link.
func (g *gateway) mergesTwo(t *testing.T, b *tab, name func(string) string) {
	t.Helper()
	g.member(t, "wang", "m2")
	token, _ := g.tokenAt(t, g.phone("wang"), appA, "shop")
	g.ask(t, g.apiKey(t, "main", "bind"), "POST", "main/bind", body("token", token, "user", "m1")).wantCode(t, identity.CodeUnionIDTaken)
	b.do(chromedp.Navigate(g.consoleAt("/users/main/conflicts")), chromedp.WaitVisible("main section"))
	b.opens("/conflicts/1")
	b.shows(name("conflicts"))
	b.do(chromedp.Navigate(g.consoleAt("/users/main/of/m1")), chromedp.WaitVisible("svg.lanes"))
	b.opens("/unbind")
	b.says(g, "/unbind", "another person's", "user_unbind")
	b.do(chromedp.Navigate(g.consoleAt("/users/main/of/m2")), chromedp.WaitVisible("svg.lanes"))
	b.opens("/merge")
	form := `main form[action$="/merge"] `
	b.do(chromedp.SendKeys(form+"input[name=into]", "m1"), chromedp.SendKeys(form+"input[name=reason]", "one person"), chromedp.Click(form+"button"), chromedp.WaitVisible(".pair + section button.danger"))
	b.shows(name("merge"))
	b.do(chromedp.Click("main button.danger"))
	b.arrives(g.consoleAt("/users/main/of/m1?done=user_merge"))
	b.do(chromedp.Navigate(g.consoleAt("/users/main/of/m2")), chromedp.WaitVisible("svg.lanes"))
	if text := b.text(); !strings.Contains(text, "m2") || !strings.Contains(text, "m1") {
		t.Errorf("the old id leads to %s", text)
	}
	b.shows(name("merged"))
}

// many has a user with 10 ids merged into him, and 50 links.
func (g *gateway) many(t *testing.T) {
	t.Helper()
	born := g.now().Add(-400 * 24 * time.Hour)
	day := func(n int) time.Time { return born.Add(time.Duration(n) * 24 * time.Hour) }
	id := func(n int) string { return fmt.Sprintf("v%c%031d", 'a'+n, n) }
	change := identity.Change{Realm: "main", At: day(0), Users: []identity.User{{ID: "many", Kind: identity.Real, Born: day(30)}}}
	for n := range 10 {
		u := identity.User{ID: id(n), Kind: identity.Virtual, Born: day(3 * n), RetiredAt: day(40 + 5*n), Parent: "many"}
		if n < 4 {
			u.Parent = id(n + 1)
		}
		u.Home = identity.Openid{AppID: appA, OpenID: fmt.Sprintf("oHome%021d", n)}
		change.Users = append(change.Users, u)
	}
	for s := range 5 {
		union := identity.Unionid{Subject: fmt.Sprintf("subject%d", s), UnionID: fmt.Sprintf("oUnion%020d", s)}
		change.Unions = append(change.Unions, identity.UnionRow{Unionid: union, User: "many"})
		for o := range 10 {
			change.Openids = append(change.Openids, identity.OpenidRow{Openid: identity.Openid{AppID: fmt.Sprintf("wx%016x", 10*s+o), OpenID: fmt.Sprintf("oOpen%02d%019d", o, s)}, Unionid: union})
		}
	}
	if err := g.app.facts().Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
}
