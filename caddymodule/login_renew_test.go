package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// hold gives a phone into somebody else's hands.
func (p *phone) hold(g *gateway, person string) {
	u, _ := url.Parse(g.sim.URL)
	p.jar.SetCookies(u, []*http.Cookie{g.sim.PersonCookie(person)})
}

// half is a moment past half of a session's life.
const half = 6*time.Hour + time.Minute

func TestLogin_renewal(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	first := p.cookie(g, appA)
	logins := func() int { return g.sim.Calls("/connect/oauth2/authorize") }
	t.Run("before half of its life a session is left alone", func(t *testing.T) {
		g.advance(6*time.Hour - time.Minute)
		if g.who(p.open(g.at(appA, "shop", "/"))); logins() != 1 {
			t.Errorf("%d logins", logins())
		}
	})
	t.Run("after it a script, an image and a form still go through", func(t *testing.T) {
		g.advance(2 * time.Minute)
		if g.who(p.fetch("GET", g.at(appA, "shop", "/api"))).Subject != user.Subject || p.fetch("POST", g.at(appA, "shop", "/api")).Status != http.StatusOK || logins() != 1 {
			t.Errorf("%d logins", logins())
		}
	})
	t.Run("after it a navigation renews it, and he stays who he is", func(t *testing.T) {
		page := p.open(g.at(appA, "shop", "/cart?a=1#top"))
		if renewed := g.who(page); renewed.Subject != user.Subject || !renewed.AuthTime.After(user.AuthTime) || page.Fragment != "top" {
			t.Errorf("ended at %s#%s as %+v", page.URL, page.Fragment, renewed)
		}
		if logins() != 2 || p.cookie(g, appA) == first {
			t.Errorf("%d logins", logins())
		}
	})
	old := g.phone("")
	old.plant(g, appA, first)
	t.Run("the old session finishes what is under way", func(t *testing.T) {
		g.advance(50 * time.Second)
		if again := g.who(old.fetch("GET", g.at(appA, "shop", "/"))); again.Subject != user.Subject {
			t.Errorf("he is %+v", again)
		}
	})
	t.Run("and is dead after a minute", func(t *testing.T) {
		g.advance(11 * time.Second)
		g.wantRefusal(t, old.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
		g.who(p.fetch("GET", g.at(appA, "shop", "/")))
	})
	t.Run("a session that nobody renews is over after its life", func(t *testing.T) {
		kept := g.phone("")
		kept.plant(g, appA, p.cookie(g, appA))
		g.advance(12*time.Hour + time.Minute)
		g.wantRefusal(t, kept.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
	})
}

func TestLogin_anotherPersonHoldsThePhone(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	ming := g.who(p.open(g.at(appA, "shop", "/")))
	first := p.cookie(g, appA)
	p.hold(g, "li")
	if same := g.who(p.open(g.at(appA, "shop", "/"))); same.Subject != ming.Subject {
		t.Errorf("the session is somebody else's: %+v", same)
	}
	g.advance(half)
	li := g.who(p.open(g.at(appA, "shop", "/")))
	if li.OpenID != g.sim.OpenID("li", appA) || li.Subject == ming.Subject || len(li.Prev) != 0 {
		t.Errorf("after the renewal the site saw %+v", li)
	}
	old := g.phone("")
	old.plant(g, appA, first)
	g.wantRefusal(t, old.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
}

func TestLogin_renewalThatFails(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	p := g.phone("ming")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	g.advance(half)
	g.sim.Fail("http_500", wechatsim.Always())
	exchanges := g.sim.Calls("/connect/oauth2/authorize")
	for i := range 5 {
		page := p.open(g.at(appA, "shop", "/page"))
		if g.who(page).Subject != user.Subject || page.URL != g.at(appA, "shop", "/page") {
			t.Errorf("page %d: %s", i, page.URL)
		}
	}
	if n := g.sim.Calls("/connect/oauth2/authorize") - exchanges; n != 1 {
		t.Errorf("WeChat was asked %d times", n)
	}
	g.advance(renewPause + time.Second)
	g.sim.Disarm("http_500")
	// WeChat's host has just failed: the breaker may need its time, and the
	// visitor sees nothing of it.
	if renewed := g.who(p.open(g.at(appA, "shop", "/page"))); renewed.Subject != user.Subject {
		t.Errorf("later he is %+v", renewed)
	}
	if n := g.sim.Calls("/connect/oauth2/authorize") - exchanges; n != 2 {
		t.Errorf("after the pause WeChat was asked %d times", n)
	}
	t.Run("who refuses or comes back without a code keeps his session too", func(t *testing.T) {
		g.advance(half)
		callback := p.toCallback(g.at(appA, "shop", "/page"))
		page := p.step(strings.Replace(callback, "code="+word(callback, "code"), "x=1", 1))
		if page.Status != http.StatusSeeOther || page.Header.Get("Location") != "/wsite/"+appA+"/shop/page#" {
			t.Errorf("answered %d %s", page.Status, page.refusal())
		}
		if g.who(p.open(g.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Error("his session is gone, or is renewed again at once")
		}
	})
}
