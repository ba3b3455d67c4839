package caddymodule

import (
	"html"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

var button = regexp.MustCompile(`<a class="button[^"]*" id="(allow|later)" href="([^"]*)"`)

// press follows a button of the page that asks for the unionid.
func (p *phone) press(g *gateway, page seenPage, id string) seenPage {
	p.t.Helper()
	for _, m := range button.FindAllStringSubmatch(page.Body, -1) {
		if m[1] == id {
			return p.open(g.url + html.UnescapeString(m[2]))
		}
	}
	p.t.Fatalf("there is no button %q on %d %s", id, page.Status, page.Body)
	return seenPage{}
}

func TestLogin_askUnionID(t *testing.T) {
	t.Parallel()
	ask := func(t *testing.T) (*gateway, *phone, seenPage) {
		g := startGateway(t)
		p := g.phone("ming")
		page := p.open(g.at(appA, "shop", "/ask/x?a=1"))
		if !strings.Contains(page.Body, `id="allow"`) || g.upstream.count() != 0 {
			t.Fatalf("he isn't asked: %d %s", page.Status, page.Body)
		}
		return g, p, page
	}
	t.Run("who allows comes back known", func(t *testing.T) {
		t.Parallel()
		g, p, page := ask(t)
		g.sim.Answer("allow")
		end := p.press(g, page, "allow")
		user := g.who(end)
		if end.URL != g.at(appA, "shop", "/ask/x?a=1") || !user.Linked || user.UnionID != g.sim.UnionID("ming", appA) || user.AMR[0] != "wx_userinfo" {
			t.Errorf("ended at %s as %+v", end.URL, user)
		}
		if again := p.open(g.at(appA, "shop", "/ask/y")); g.who(again).Subject != user.Subject {
			t.Error("he is asked again, or somebody else")
		}
	})
	t.Run("who refuses at WeChat goes on as he was, and isn't asked for a day", func(t *testing.T) {
		t.Parallel()
		g, p, page := ask(t)
		g.sim.Answer("refuse")
		end := p.press(g, page, "allow")
		if user := g.who(end); user.Linked || end.URL != g.at(appA, "shop", "/ask/x?a=1") {
			t.Errorf("ended at %s as %+v", end.URL, user)
		}
		g.who(p.open(g.at(appA, "shop", "/ask/y")))
	})
	t.Run("who wants to do it later goes on, and isn't asked for a day", func(t *testing.T) {
		t.Parallel()
		g, p, page := ask(t)
		user := g.who(p.press(g, page, "later"))
		if user.Linked {
			t.Errorf("he is %+v", user)
		}
		g.advance(5 * time.Hour)
		if again := g.who(p.open(g.at(appA, "shop", "/ask/y"))); again.Subject != user.Subject {
			t.Error("he is somebody else after five hours")
		}
	})
	t.Run("a refusal outlives the renewal of the session", func(t *testing.T) {
		t.Parallel()
		g, p, page := ask(t)
		g.who(p.press(g, page, "later"))
		g.advance(7 * time.Hour) // past half of its life
		g.sim.Advance(7 * time.Hour)
		if page := p.open(g.at(appA, "shop", "/ask/y")); page.Status != http.StatusOK || strings.Contains(page.Body, `id="allow"`) {
			t.Errorf("asked again after seven hours: %d", page.Status)
		}
	})
	t.Run("a refusal outlives the session, and a day ends it", func(t *testing.T) {
		t.Parallel()
		g, p, page := ask(t)
		g.who(p.press(g, page, "later"))
		g.advance(13 * time.Hour)
		g.sim.Advance(13 * time.Hour)
		g.who(p.open(g.at(appA, "shop", "/ask/y")))
		g.advance(12 * time.Hour)
		g.sim.Advance(12 * time.Hour)
		if page := p.open(g.at(appA, "shop", "/ask/y")); !strings.Contains(page.Body, `id="allow"`) {
			t.Errorf("not asked again after a day: %d %s", page.Status, page.Body)
		}
	})
	t.Run("a script is told that consent is missing", func(t *testing.T) {
		t.Parallel()
		g, p, _ := ask(t)
		page := p.fetch("GET", g.at(appA, "shop", "/ask/api"))
		g.wantRefusal(t, page, codeUnionRequired)
		if !strings.Contains(page.Body, `"login":"`+g.at(appA, "shop", "/-/login")) || len(page.Header["Set-Cookie"]) != 0 {
			t.Errorf("told %s with %v", page.Body, page.Header["Set-Cookie"])
		}
	})
}

func TestLogin_requireUnionID(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	address := g.at(appA, "shop", "/members/x")
	page := p.open(address)
	if strings.Contains(page.Body, `id="later"`) || !strings.Contains(page.Body, `id="allow"`) {
		t.Fatalf("the page is %d %s", page.Status, page.Body)
	}
	g.wantRefusal(t, p.fetch("GET", address), codeUnionRequired)
	t.Run("who refuses gets a page with a way back", func(t *testing.T) {
		g.sim.Answer("refuse")
		refused := p.press(g, page, "allow")
		g.wantRefusal(t, refused, codeUnionRefused)
		if !strings.Contains(refused.Body, `href="/wsite/`+appA+`/shop/members/x"`) || g.upstream.count() != 0 {
			t.Errorf("no way back, or the site was reached: %s", refused.Body)
		}
	})
	t.Run("and may think better of it at once", func(t *testing.T) {
		g.sim.Answer("allow")
		if user := g.who(p.press(g, p.open(address), "allow")); !user.Linked {
			t.Errorf("he is %+v", user)
		}
	})
	t.Run("later is no way around it", func(t *testing.T) {
		li := g.phone("li")
		login := button.FindStringSubmatch(li.open(address).Body)[2]
		g.wantRefusal(t, li.open(g.url+html.UnescapeString(login)+"&later"), codeUnionRefused)
	})
	t.Run("a guest and an account without a subject have none to give", func(t *testing.T) {
		g.wantRefusal(t, g.phone("ming").open(g.at(appSub, "shop", "/members/x")), codeUnionRefused)
	})
	t.Run("a visitor in another browser is told to open it in WeChat", func(t *testing.T) {
		outside := g.phone("ming")
		outside.ua = uaDesktop
		g.wantRefusal(t, outside.open(address), codeOutside)
	})
}

func TestLogin_linkedOnTheSecondAccount(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.sim.Answer("allow")
	p := g.phone("ming")
	guest := g.who(p.open(g.at(appA, "shop", "/")))
	linked := g.who(p.press(g, p.open(g.at(appA, "shop", "/ask/x")), "allow"))
	if guest.Linked || !linked.Linked || linked.Subject != guest.Subject {
		t.Errorf("first %+v, after his consent %+v", guest, linked)
	}
	before := g.who(p.open(g.at(appB, "shop", "/")))
	if before.Subject == linked.Subject || before.Linked {
		t.Errorf("known at the second account without a proof: %+v", before)
	}
	second := g.who(p.press(g, p.open(g.at(appB, "shop", "/ask/x")), "allow"))
	if second.Subject != linked.Subject || second.OpenID != g.sim.OpenID("ming", appB) || second.AppID != appB {
		t.Errorf("%s at the first account, %+v at the second", linked.Subject, second)
	}
	if second.Prev == nil || second.Prev[0] != before.Subject {
		t.Errorf("the id that he had at the second account is forgotten: %v", second.Prev)
	}
	silent := g.who(g.phone("ming").open(g.at(appB, "shop", "/")))
	if silent.Subject != linked.Subject {
		t.Errorf("on his new phone he is %s", silent.Subject)
	}
	other := g.who(g.phone("li").open(g.at(appB, "shop", "/")))
	if other.Subject == linked.Subject {
		t.Error("two people are one user")
	}
}

func TestLogin_accountWithoutSubject(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	user := g.who(p.open(g.at(appLone, "shop", "/ask/x")))
	if !user.Linked || user.UnionID != "" || user.OpenID != g.sim.OpenID("ming", appLone) {
		t.Errorf("the site saw %+v", user)
	}
	if again := g.who(g.phone("ming").open(g.at(appLone, "shop", "/members/x"))); again.Subject != user.Subject {
		t.Errorf("on another phone he is %s", again.Subject)
	}
	if other := g.who(p.open(g.at(appA, "shop", "/"))); other.Subject == user.Subject || other.Kind != identity.Virtual {
		t.Errorf("at another account he is %+v", other)
	}
}
