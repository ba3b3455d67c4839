package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Browsers beside those of the kit.
const (
	uaWeCom         = uaAndroid + " wxwork/4.1.22"
	uaWindows       = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 MicroMessenger/7.0.20.1781(0x6700143B) NetType/WIFI MiniProgramEnv/Windows WindowsWechat/WMPF WindowsWechat(0x63090a13) XWEB/8555"
	uaDesktopWeChat = "Mozilla/5.0 (Windows NT 10.0; WOW64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/116.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090551) XWEB/8379 Flue"
	uaWebView       = uaAndroid + " miniProgram/wx00000000000000ee"
)

// asks are ways to ask for a page, and what each is taken for.
var asks = []struct {
	name, method string
	headers      []string
	kind         string // "page", "ahead" (loaded ahead), "public" or "part" (of a page)
}{
	{"a navigation of a new browser", "GET", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html"}, "page"},
	{"a navigation that names no destination", "GET", []string{"Sec-Fetch-Mode", "navigate", "Accept", "text/html"}, "page"},
	{"a navigation of WeChat on Android", "GET", []string{"X-Requested-With", "com.tencent.mm", "Accept", "text/html,application/xhtml+xml,*/*;q=0.8"}, "page"},
	{"a navigation of WeChat on an iPhone", "GET", []string{"Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}, "page"},
	{"a script's fetch", "GET", []string{"Sec-Fetch-Mode", "cors", "Sec-Fetch-Dest", "empty", "Accept", "text/html"}, "part"},
	{"an old script's request that accepts a page", "GET", []string{"X-Requested-With", "XMLHttpRequest", "Accept", "text/html"}, "part"},
	{"the same in small letters", "GET", []string{"X-Requested-With", "xmlhttprequest", "Accept", "text/html"}, "part"},
	{"an image", "GET", []string{"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Accept", "image/webp,*/*"}, "part"},
	{"an image of an old browser", "GET", []string{"Accept", "image/webp,*/*;q=0.8"}, "part"},
	{"a script element", "GET", []string{"Accept", "*/*"}, "part"},
	{"a frame", "GET", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe", "Accept", "text/html"}, "part"},
	{"a service worker's script", "GET", []string{"Service-Worker", "script", "Sec-Fetch-Mode", "same-origin", "Sec-Fetch-Dest", "serviceworker", "Accept", "*/*"}, "part"},
	{"a request without a word about itself", "GET", nil, "part"},
	{"a WebSocket", "GET", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Accept", "text/html"}, "part"},
	{"a HEAD", "HEAD", []string{"Accept", "text/html"}, "part"},
	{"a form that is sent", "POST", []string{"Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html"}, "part"},
	{"a DELETE", "DELETE", []string{"Accept", "text/html"}, "part"},
	{"an OPTIONS that is no preflight", "OPTIONS", []string{"Accept", "text/html"}, "part"},
	{"a preflight", "OPTIONS", []string{"Origin", "https://other.example.com", "Access-Control-Request-Method", "POST"}, "public"},
	{"a page loaded ahead", "GET", []string{"Sec-Purpose", "prefetch;prerender", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document", "Accept", "text/html"}, "ahead"},
	{"a page loaded ahead by an old browser", "GET", []string{"Purpose", "prefetch", "Accept", "text/html"}, "ahead"},
	{"a page loaded ahead by an old Firefox", "GET", []string{"X-Moz", "prefetch", "Accept", "text/html"}, "ahead"},
}

var browsers = []struct {
	name, ua string
	inWeChat bool
}{
	{"WeChat on Android", uaAndroid, true},
	{"WeChat on an iPhone", uaIOS, true},
	{"WeChat on Windows", uaDesktopWeChat, true},
	{"a page inside a mini program", uaWebView, true},
	{"a mini program itself", uaWindows, false},
	{"WeCom", uaWeCom, false},
	{"a desktop browser", uaDesktop, false},
	{"a program without a name", "", false},
}

func TestLogin_who(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	before := g.rows(t)
	for _, b := range browsers {
		for _, ask := range asks {
			t.Run(b.name+" sends "+ask.name, func(t *testing.T) {
				p := g.phone("")
				p.t, p.ua = t, b.ua
				sent := g.upstream.count()
				page := p.send(ask.method, g.at(appA, "shop", "/page?x=1"), nil, ask.headers...)
				passed, cookies := g.upstream.count()-sent, page.Header["Set-Cookie"]
				want := ask.kind
				if ask.kind == "page" && !b.inWeChat {
					want = "guest"
				}
				checkAsk(t, g, want, page, passed, cookies)
			})
		}
	}
	g.wantRows(t, before)
}

// checkAsk holds one answer to a stranger against what he should get.
func checkAsk(t *testing.T, g *gateway, kind string, page seenPage, passed int, cookies []string) {
	t.Helper()
	if kind != "public" && kind != "guest" && page.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the answer may be kept: %q", page.Header.Get("Cache-Control"))
	}
	switch kind {
	case "page":
		if page.Status != http.StatusOK || !strings.Contains(page.next(), "/connect/oauth2/authorize") || passed != 0 {
			t.Errorf("answered %d, leads to %q, %d requests passed", page.Status, page.next(), passed)
		}
		if len(cookies) != 1 || !strings.HasPrefix(cookies[0], "wsite-login=") {
			t.Errorf("cookies: %v", cookies)
		}
	case "guest":
		if page.Status != http.StatusOK || passed != 1 || len(cookies) != 1 || !strings.HasPrefix(cookies[0], "wsite-guest=") {
			t.Errorf("answered %d, %d requests passed, cookies: %v", page.Status, passed, cookies)
		}
	case "public":
		if page.Status != http.StatusOK || passed != 1 || len(cookies) != 0 || g.upstream.last().Header["X-User"] != nil {
			t.Errorf("answered %d, %d requests passed, cookies: %v", page.Status, passed, cookies)
		}
	case "ahead":
		if page.Status != http.StatusServiceUnavailable || passed != 0 || len(cookies) != 0 || page.next() != "" {
			t.Errorf("answered %d, %d requests passed, cookies: %v, leads to %q", page.Status, passed, cookies, page.next())
		}
	case "part":
		if page.Status != http.StatusUnauthorized || passed != 0 || len(cookies) != 0 || page.Header.Get("Location") != "" {
			t.Errorf("answered %d, %d requests passed, cookies: %v, leads to %q", page.Status, passed, cookies, page.Header.Get("Location"))
		}
		if login := g.at(appA, "shop", "/-/login"); !strings.Contains(page.Header.Get("Www-Authenticate"), `login="`+login+`"`) {
			t.Errorf("WWW-Authenticate is %q", page.Header.Get("Www-Authenticate"))
		}
	}
}

func TestLogin_scriptIsToldWhereToSignIn(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	from := g.at(appA, "shop", "/cart?item=1")
	page := ming.send("GET", g.at(appA, "shop", "/api"), nil, "Accept", "application/json", "Referer", from)
	var problem struct {
		Code, Login string
		Status      int
	}
	if err := json.Unmarshal([]byte(page.Body), &problem); err != nil {
		t.Fatalf("%v: %s", err, page.Body)
	}
	login := g.at(appA, "shop", "/-/login?return="+url.QueryEscape("/wsite/"+appA+"/shop/cart?item=1"))
	if problem.Code != "login_required" || problem.Status != http.StatusUnauthorized || problem.Login != login {
		t.Errorf("the script is told %+v, want %s", problem, login)
	}
	if want := fmt.Sprintf(`WSite realm="main", login="%s"`, login); page.Header.Get("Www-Authenticate") != want {
		t.Errorf("WWW-Authenticate is %q, want %q", page.Header.Get("Www-Authenticate"), want)
	}
	if end := ming.open(problem.Login); end.URL != from || g.who(end).OpenID != g.sim.OpenID("ming", appA) {
		t.Errorf("the login ends at %s", end.URL)
	}
	for name, referer := range map[string]string{
		"another site":           g.at(appA, "game", "/"),
		"another host":           "https://evil.example.com/wsite/" + appA + "/shop/",
		"the gateway's own page": g.at(appA, "shop", "/-/login"),
		"no address":             "javascript:alert(1)",
	} {
		t.Run("a Referer of "+name+" is not a place to come back to", func(t *testing.T) {
			page := g.phone("").send("GET", g.at(appA, "shop", "/api"), nil, "Referer", referer)
			if strings.Contains(page.Body, "return=") || strings.Contains(page.Header.Get("Www-Authenticate"), "return=") {
				t.Errorf("told %s, %s", page.Header.Get("Www-Authenticate"), page.Body)
			}
		})
	}
}
