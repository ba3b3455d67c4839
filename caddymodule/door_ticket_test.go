package caddymodule

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestTicket(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	p := g.mini("ming", "shop")
	user := g.who(p.get("/"))
	ticket := p.ticket("/cart?a=1#/pay?b=2")
	if !strings.HasPrefix(ticket.URL, g.at(appMini, "shop", "/-/enter#t=")) || ticket.ExpiresIn != 60 {
		t.Fatalf("the ticket is %+v", ticket)
	}
	view := g.device("", uaMiniView)
	for range 3 { // looking at the address spends nothing
		view.send(http.MethodGet, ticket.URL, nil, "Accept", "text/html")
		view.send(http.MethodHead, ticket.URL, nil)
		g.device("", uaAndroid).step(ticket.URL)
	}
	page := view.enter(ticket.URL)
	if seen := g.who(page); seen.Subject != user.Subject || seen.OpenID != user.OpenID || seen.AMR[0] != "wx_mini" {
		t.Errorf("the page is %+v's", seen)
	}
	if page.URL != g.at(appMini, "shop", "/cart?a=1") || page.Fragment != "/pay?b=2" {
		t.Errorf("he ended at %s#%s", page.URL, page.Fragment)
	}
	t.Run("it is good once", func(t *testing.T) {
		again := g.device("", uaMiniView)
		if page := again.enter(ticket.URL); !strings.Contains(page.Body, "/pages/login/index") || again.cookie(g, appMini) != "" {
			t.Errorf("the second time it answers %d %s", page.Status, page.Body)
		}
		if back := view.enter(ticket.URL); g.who(back).Subject != user.Subject { // he came back to our page
			t.Errorf("who has a session is led to %s", back.URL)
		}
	})
	t.Run("of many who bring it at once one enters", func(t *testing.T) {
		ticket := p.ticket("/")
		entered := make(chan bool, 8)
		for range cap(entered) {
			view := g.device("", uaMiniView)
			go func() { view.enter(ticket.URL); entered <- view.cookie(g, appMini) != "" }()
		}
		n := 0
		for range cap(entered) {
			if <-entered {
				n++
			}
		}
		if n != 1 {
			t.Errorf("%d entered", n)
		}
	})
	t.Run("it is good for no other account, site or host", func(t *testing.T) {
		u, _ := url.Parse(g.url)
		for name, address := range map[string]string{
			"site": g.at(appMini, "bank", "/-/enter"), "account": g.at(appMini2, "alone", "/-/enter"), "host": "http://shop.localhost:" + u.Port() + "/wsite/" + appMini + "/shop/-/enter",
		} {
			ticket := p.ticket("/")
			view := g.device("", strings.Replace(uaMiniView, appMini, address[strings.Index(address, "/wsite/")+len("/wsite/"):][:18], 1))
			if page := view.enter(address + "#t=" + ticket.Ticket); page.Status != http.StatusOK || len(page.Header["Set-Cookie"]) > 0 || strings.Contains(page.Body, "X-User") {
				t.Errorf("at another %s it answers %d %v", name, page.Status, page.Header)
			}
		}
	})
	t.Run("a session that was signed out meanwhile isn't handed on", func(t *testing.T) {
		p := g.mini("ming", "shop")
		ticket := p.ticket("/")
		p.post("/-/logout", nil)
		if view := g.device("", uaMiniView); view.enter(ticket.URL).Status != http.StatusOK || view.cookie(g, appMini) != "" {
			t.Error("it was")
		}
	})
	t.Run("a sign-out of the mini program ends the page's session too", func(t *testing.T) {
		p := g.mini("ming", "shop")
		view := g.device("", uaMiniView)
		g.who(view.enter(p.ticket("/").URL))
		p.post("/-/logout", nil)
		if page := view.step(g.at(appMini, "shop", "/")); !strings.Contains(page.Body, "/pages/login/index") {
			t.Errorf("it answers %d %s", page.Status, page.Body)
		}
	})
	t.Run("another person in the same web-view takes the first one's place", func(t *testing.T) {
		view := g.device("", uaMiniView)
		g.who(view.enter(g.mini("ming", "shop").ticket("/").URL))
		before := view.cookie(g, appMini)
		li := g.who(view.enter(g.mini("li", "shop").ticket("/").URL))
		if li.OpenID != g.sim.OpenID("li", appMini) {
			t.Errorf("the page is %+v's", li)
		}
		old := g.device("", uaMiniView)
		old.plant(g, appMini, before)
		if page := old.fetch("GET", g.at(appMini, "shop", "/")); page.Status != http.StatusUnauthorized {
			t.Errorf("the session before lives on: %d", page.Status)
		}
	})
	t.Run("it leads nowhere else", func(t *testing.T) {
		for _, path := range []string{"//evil.example", "https://evil.example", "/../bank/", "/-/logout", "x", `/\evil.example`, "/%2e%2e/", "/a\r\nb", "/" + strings.Repeat("a", 2000)} {
			g.wantRefusal(t, p.post("/-/ticket", map[string]string{"path": path}), codeBadBody)
		}
	})
	t.Run("it is over after a minute", func(t *testing.T) {
		ticket := p.ticket("/")
		g.advance(ticketLife + time.Second)
		if page := g.device("", uaMiniView).enter(ticket.URL); strings.Contains(page.Body, "X-User") || ticketLife > time.Minute {
			t.Errorf("after a minute it answers %d", page.Status)
		}
	})
}

func TestTicket_webView(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	t.Run("a page without a session goes back to its mini program", func(t *testing.T) {
		page := g.device("", uaMiniView).step(g.at(appMini, "shop", "/cart?a=1&b=2"))
		if !strings.Contains(page.Body, `data-page="/pages/login/index?return=%2Fcart%3Fa%3D1%26b%3D2"`) || page.Header.Get("Cache-Control") != "no-store" {
			t.Errorf("it answers %d %s", page.Status, page.Body)
		}
		view := strings.Replace(uaMiniView, appMini, appMini2, 1)
		if page := g.device("", view).step(g.at(appMini2, "alone", "/x")); !strings.Contains(page.Body, `data-page=""`) {
			t.Errorf("without a page of its own it answers %s", page.Body)
		}
	})
	t.Run("on a desktop the web-view doesn't say whose it is", func(t *testing.T) {
		view := g.device("", uaMini)
		if user := g.who(view.enter(g.mini("ming", "shop").ticket("/").URL)); user.OpenID != g.sim.OpenID("ming", appMini) {
			t.Errorf("the page is %+v's", user)
		}
	})
	t.Run("a script gets 401", func(t *testing.T) {
		view := g.device("", uaMiniView)
		g.wantRefusal(t, view.fetch("GET", g.at(appMini, "shop", "/api")), codeLoginRequired)
	})
	t.Run("a shared page is opened through the Official Account", func(t *testing.T) {
		phone := g.device("li", uaAndroid)
		page := phone.open(g.at(appMini, "shop", "/cart?a=1"))
		if user := g.who(page); user.AppID != appA || page.URL != g.at(appA, "shop", "/cart?a=1") {
			t.Errorf("it ended at %s as %+v", page.URL, user)
		}
		g.wantRefusal(t, g.device("li", uaAndroid).open(g.at(appMini2, "alone", "/x")), codeOutsideMini)
		back := url.QueryEscape("/wsite/" + appMini + "/shop/y")
		if page := g.device("li", uaAndroid).open(g.at(appMini, "shop", "/-/login?return="+back)); g.who(page).AppID != appA || page.URL != g.at(appA, "shop", "/y") {
			t.Errorf("its login ended at %s", page.URL)
		}
		if page := g.device("li", uaMiniView).open(g.at(appMini, "shop", "/-/login?return="+back)); !strings.Contains(page.Body, `data-page="/pages/login/index?return=%2Fy"`) {
			t.Errorf("in the web-view its login answers %s", page.Body)
		}
	})
	t.Run("the old form of an address isn't led to the mini program elsewhere", func(t *testing.T) {
		view := g.device("", uaMiniView)
		g.who(view.enter(g.mini("ming", "shop").ticket("/").URL))
		if to := view.step(g.url + "/wsite/shop/x").Header.Get("Location"); to != "/wsite/"+appMini+"/shop/x" {
			t.Errorf("in the web-view it leads to %s", to)
		}
		view.ua = uaAndroid
		if to := view.step(g.url + "/wsite/shop/x").Header.Get("Location"); to != "/wsite/"+appA+"/shop/x" {
			t.Errorf("elsewhere it leads to %s", to)
		}
	})
	t.Run("a web-view that keeps no cookies hears so", func(t *testing.T) {
		view := g.device("", uaMiniView)
		view.client.Jar = nil
		g.wantRefusal(t, view.enter(g.mini("ming", "shop").ticket("/").URL), codeLoginLoop)
	})
}
