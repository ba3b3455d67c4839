package caddymodule

import (
	"maps"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// faultEnds is how a first login ends under a lasting fault of WeChat; "" is the
// site's own page. A fault of other calls than a login's changes nothing.
var faultEnds = map[string]code{
	"code_used":         codeLoginRefused,
	"code_invalid":      codeLoginRefused,
	"slow":              codeWechatDown,
	"busy":              codeWechatDown,
	"rate_limited":      codeWechatDown,
	"timeout_after_use": codeWechatDown,
	"host_down":         codeWechatDown,
	"not_json":          codeWechatNonsense,
	"missing_openid":    codeWechatNonsense,
	"http_500":          codeWechatDown,
	"secret_changed":    codeWechatSetup,
	"ip_not_listed":     codeWechatSetup,
}

func TestLogin_faultsOfWeChat(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, fault := range wechatsim.Faults {
		known[fault.Name] = true
		t.Run("while "+fault.What, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t)
			before := g.rows(t)
			g.sim.Fail(fault.Name, wechatsim.Always())
			g.sim.Answer("allow")
			p := g.phone("ming")
			page := p.open(g.at(appA, "shop", "/page"))
			checkFault(t, g, p, page, before, faultEnds[fault.Name])
			g.sim.Disarm("")
			if faultEnds[fault.Name] != codeWechatDown && fault.Name != "snapshot" {
				// Else the breaker waits for the host to recover.
				if user := g.who(p.open(g.at(appA, "shop", "/page"))); user.OpenID != g.sim.OpenID("ming", appA) {
					t.Errorf("when all is well again he is %+v", user)
				}
			}
		})
	}
	for name := range faultEnds {
		if !known[name] {
			t.Errorf("the simulator has no fault %q", name)
		}
	}
}

// checkFault holds the end of a login against what has to be.
func checkFault(t *testing.T, g *gateway, p *phone, page seenPage, before map[string]int, want code) {
	t.Helper()
	if want == "" {
		if g.who(page); page.URL != g.at(appA, "shop", "/page") {
			t.Errorf("ended at %s", page.URL)
		}
		return
	}
	g.wantRefusal(t, page, want)
	for _, text := range []string{refusals[want].zh, refusals[want].en, "重试", "Try again", `href="/wsite/` + appA + `/shop/page"`} {
		if !strings.Contains(page.Body, text) && !strings.Contains(page.Body, strings.ReplaceAll(text, "'", "&#39;")) {
			t.Errorf("the page doesn't say %q: %s", text, page.Body)
		}
	}
	if page.Status == http.StatusInternalServerError || page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("answered %d, %q", page.Status, page.Header.Get("Cache-Control"))
	}
	if !g.logged(want) {
		t.Errorf("no line in the log says %s", want)
	}
	if now := g.rows(t); !maps.Equal(now, before) || p.cookie(g, appA) != "" || g.upstream.count() != 0 {
		t.Errorf("the facts hold %v, the session is %q, the site was asked %d times", now, p.cookie(g, appA), g.upstream.count())
	}
	if n := g.sim.Calls("/connect/oauth2/authorize"); n > 2 {
		t.Errorf("WeChat's login was opened %d times", n)
	}
}

func TestLogin_faultsOfConsent(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]code{
		"code_used": codeLoginRefused, "host_down": codeWechatDown, "not_json": codeWechatNonsense, "ip_not_listed": codeWechatSetup, "numbers_as_strings": "",
	} {
		t.Run("a consent that ends in "+name+" takes nothing away", func(t *testing.T) {
			t.Parallel()
			g := startGateway(t)
			g.sim.Answer("allow")
			p := g.phone("ming")
			user := g.who(p.open(g.at(appA, "shop", "/")))
			ask := p.open(g.at(appA, "shop", "/ask/x"))
			before := g.rows(t)
			g.sim.Fail(name, wechatsim.Always())
			page := p.press(g, ask, "allow")
			if want == "" {
				if linked := g.who(page); !linked.Linked {
					t.Errorf("he is %+v", linked)
				}
				return
			}
			g.wantRefusal(t, page, want)
			g.wantRows(t, before)
			if still := g.who(p.open(g.at(appA, "shop", "/"))); still.Subject != user.Subject {
				t.Errorf("he is %+v", still)
			}
		})
	}
}

func TestLogin_onceFaultyCodeStartsAgain(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"code_used", "code_invalid"} {
		t.Run("one "+name+" isn't noticed", func(t *testing.T) {
			t.Parallel()
			g := startGateway(t)
			g.sim.Fail(name)
			page := g.phone("ming").open(g.at(appA, "shop", "/page#here"))
			if user := g.who(page); user.OpenID != g.sim.OpenID("ming", appA) || page.Fragment != "here" {
				t.Errorf("ended at %s#%s as %+v", page.URL, page.Fragment, user)
			}
		})
	}
	t.Run("who has a session goes on", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		user := g.who(p.open(g.at(appA, "shop", "/")))
		g.sim.Fail("code_used", wechatsim.Always())
		g.advance(half)
		if page := p.open(g.at(appA, "shop", "/page")); g.who(page).Subject != user.Subject {
			t.Errorf("ended at %s", page.URL)
		}
	})
}
