package caddymodule

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestScan(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	g.sim.Answer("allow")
	phone := g.phone("ming")
	inWeChat := g.who(phone.press(g, phone.open(g.at(appA, "shop", "/ask/x")), "allow"))
	desk := g.device("ming", uaDesktop)
	page := desk.open(g.at(appA, "shop", "/cart?a=1#/pay"))
	user := g.who(page)
	if user.Subject != inWeChat.Subject || user.AppID != appWeb || user.AMR[0] != "wx_scan" || user.OpenID != g.sim.OpenID("ming", appWeb) || !user.Linked {
		t.Errorf("at his desk he is %+v, in WeChat %+v", user, inWeChat)
	}
	if page.URL != g.at(appWeb, "shop", "/cart?a=1") || page.Fragment != "/pay" {
		t.Errorf("he ended at %s#%s", page.URL, page.Fragment)
	}
	for _, address := range desk.visited {
		if strings.Contains(address, "/connect/") && (!strings.Contains(address, "/connect/qrconnect?appid="+appWeb) || !strings.Contains(address, "scope=snsapi_login")) {
			t.Errorf("he was sent to %s", address)
		}
	}
	t.Run("he is known afterwards, and a script hears where to sign in", func(t *testing.T) {
		if again := g.who(desk.open(g.at(appA, "shop", "/"))); again.Subject != user.Subject || g.counted(t, "wsite_logins_total", "scan") != 1 {
			t.Errorf("he is %+v", again)
		}
		page := g.device("", uaDesktop).fetch("GET", g.at(appA, "shop", "/api"))
		if g.wantRefusal(t, page, codeLoginRequired); !strings.Contains(page.Body, "/wsite/"+appWeb+"/shop/-/login") {
			t.Errorf("it hears %s", page.Body)
		}
	})
	t.Run("after a sign-out the scan is offered and not begun", func(t *testing.T) {
		desk := g.device("ming", uaDesktop)
		g.who(desk.open(g.at(appWeb, "shop", "/x")))
		desk.send(http.MethodPost, g.at(appWeb, "shop", "/-/logout"), nil, "Origin", g.url, "Accept", "text/html")
		page := desk.open(g.at(appA, "shop", "/x?a=1"))
		link := regexp.MustCompile(`id="scan" href="([^"]*)"`).FindStringSubmatch(page.Body)
		if link == nil || !strings.Contains(page.Body, g.at(appA, "shop", "/x?a=1")) {
			t.Fatalf("it answers %d %s", page.Status, page.Body)
		}
		if back := desk.open(g.url + html.UnescapeString(link[1])); g.who(back).OpenID != user.OpenID || back.URL != g.at(appWeb, "shop", "/x?a=1") {
			t.Errorf("he ended at %s", back.URL)
		}
	})
	t.Run("the page that asks to open WeChat offers the scan", func(t *testing.T) {
		desk := g.device("ming", uaDesktop)
		page := desk.open(g.at(appA, "bank", "/x"))
		link := regexp.MustCompile(`id="scan" href="([^"]*)"`).FindStringSubmatch(page.Body)
		if link == nil {
			t.Fatalf("it answers %d %s", page.Status, page.Body)
		}
		if user := g.whoami(desk.open(g.url+html.UnescapeString(link[1])), "bank"); user.AppID != appWeb {
			t.Errorf("he is %+v", user)
		}
		phone := g.device("ming", strings.Replace(uaAndroid, "MicroMessenger", "Nothing", 1))
		if page := phone.open(g.at(appA, "bank", "/x")); !strings.Contains(page.Body, "<main>") {
			t.Errorf("it answers %d", page.Status)
		}
	})
	t.Run("in WeChat such a page is opened through the Official Account", func(t *testing.T) {
		phone := g.device("ming", uaAndroid)
		if page := phone.open(g.at(appWeb, "shop", "/x?a=1")); g.who(page).AppID != appA || page.URL != g.at(appA, "shop", "/x?a=1") {
			t.Errorf("he ended at %s", page.URL)
		}
		if page := phone.open(g.at(appWeb, "shop", "/-/login?return="+url.QueryEscape("/wsite/"+appWeb+"/shop/y"))); g.who(page).AppID != appA || page.URL != g.at(appA, "shop", "/y") {
			t.Errorf("he ended at %s", page.URL)
		}
		g.wantRefusal(t, phone.open(g.at(appWeb, "desk", "/")), codeInside)
	})
	t.Run("a browser that can neither sign in nor scan is asked to open WeChat, in no circle", func(t *testing.T) {
		for _, agent := range []string{uaMini, "Mozilla/5.0 AppleWebKit/605.1.15 wxwork/4.1.30 MicroMessenger/7.0.1"} {
			browser := g.device("ming", agent)
			for _, path := range []string{"/x", "/-/login"} {
				for _, appID := range []string{appA, appWeb} {
					if page := browser.open(g.at(appID, "shop", path)); page.Status != http.StatusOK || !strings.Contains(page.Body, g.at(appA, "shop", "/")) || strings.Contains(page.Body, `id="scan"`) {
						t.Errorf("%s under %s answers %d %.300s", path, appID, page.Status, page.Body)
					}
				}
			}
			g.wantRefusal(t, browser.open(g.at(appWeb, "desk", "/")), codeInside)
		}
	})
	t.Run("the state lives until a phone is at hand, and no longer", func(t *testing.T) {
		for wait, want := range map[time.Duration]bool{25 * time.Minute: true, 31 * time.Minute: false} {
			desk := g.device("ming", uaDesktop)
			callback := desk.fromWeChat(strings.SplitN(desk.step(g.at(appWeb, "shop", "/x")).next(), "#", 2)[0])
			g.advance(wait)
			if desk.step(callback); (desk.cookie(g, appWeb) != "") != want {
				t.Errorf("after %s he is signed in: %t", wait, !want)
			}
		}
	})
}

// TestScan_slowly shows the QR code, which somebody scans in the end.
func TestScan_slowly(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	if err := g.sim.Change(func(s *wechatsim.Settings) { s.FastLogin = false }); err != nil {
		t.Fatal(err)
	}
	desk := g.device("", uaDesktop)
	desk.open(g.at(appA, "shop", "/x"))
	waiting := g.sim.WebLogins()
	if len(waiting) != 1 || waiting[0].AppID != appWeb {
		t.Fatalf("there wait %v", waiting)
	}
	if err := g.sim.ConfirmWeb(waiting[0].Ticket, "li", true); err != nil {
		t.Fatal(err)
	}
	page := desk.open(g.sim.URL + "/connect/qrconnect/wait?ticket=" + waiting[0].Ticket)
	if user := g.who(page); user.OpenID != g.sim.OpenID("li", appWeb) || page.URL != g.at(appWeb, "shop", "/x") {
		t.Errorf("at %s the desk is %+v's", page.URL, user)
	}
}
