package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// securityB is group B, paths, hosts and methods: what is decided on is what is
// forwarded.
func securityB(t *testing.T) {
	t.Helper()
	g := startGateway(t, append([]string{"\t\tsite game {", "\t\tsite 1 {\n\t\t\taccounts wx00000000000000aa\n\t\t}\n\t\tsite game {"}, h2c...)...)
	ming := g.signedIn(t, "ming", appA, "shop")
	t.Run("T020 what isn't canonical is redirected or refused, never forwarded", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { canonicalOrNot(t, g, send, ming) })
	})
	t.Run("T021 no escape, segment or suffix opens a guarded path", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { guardedPaths(t, g, send) })
	})
	t.Run("T022 what is canonical is forwarded byte for byte", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { byteForByte(t, g, send, ming) })
	})
	t.Run("T023 a path that an earlier handler rewrote is refused, and the log says why", rewrittenPaths)
	t.Run("T024 a query or a fragment is no path", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { noPaths(t, g, send, ming) })
	})
	t.Run("T026 no User-Agent opens anything", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { forgedAgents(t, g, send) })
	})
	t.Run("T027 one spelling of a host is as good as another, another host is refused", hosts)
	t.Run("T029 a path that only begins like ours isn't ours", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { prefixBoundary(t, g, send, ming) })
	})
	t.Run("T030 an id has one spelling", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { oneSpelling(t, g, send, ming) })
	})
	t.Run("T032 a backslash is no slash, plain or escaped", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { refusedPaths(t, g, send, ming, backslashes) })
	})
	t.Run("T033 no parameter, dot, zero byte or length of a segment makes it another one", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) { refusedPaths(t, g, send, ming, oddSegments) })
	})
	t.Run("T035 a method that isn't one opens nothing and spends no code", func(t *testing.T) {
		t.Parallel()
		methods(t)
	})
	t.Run("T036 nothing of one account or site holds at another", func(t *testing.T) {
		t.Parallel()
		tenants(t)
	})
}

// notCanonical are request targets and where a GET of them is led; empty means
// that nobody can say what is meant, so that it is refused.
var notCanonical = map[string]string{
	"/public/../wsite/wx00000000000000aa/shop/":         shopPath("/"),
	"/public/%2e%2e/wsite/wx00000000000000aa/shop/x":    shopPath("/x"),
	"/public/.%2E/wsite/wx00000000000000aa/shop/x?a=..": shopPath("/x?a=.."),
	"/./wsite/wx00000000000000aa/shop/x":                shopPath("/x"),
	"//wsite/wx00000000000000aa/shop/x":                 shopPath("/x"),
	"///wsite//wx00000000000000aa///shop//x":            shopPath("/x"),
	"/%77site/wx00000000000000aa/shop/x":                shopPath("/x"),
	"/wsite":                                            "404",
	shopPath(""):                                        shopPath("/"),
	shopPath("?a=1"):                                    shopPath("/?a=1"),
	shopPath("/."):                                      shopPath("/"),
	shopPath("/x/.."):                                   shopPath("/"),
	shopPath("/open/../x"):                              shopPath("/x"),
	shopPath("/open/%2e%2e/x"):                          shopPath("/x"),
	shopPath("//x"):                                     shopPath("/x"),
	shopPath("/open/.//.././x/"):                        shopPath("/x/"),
	shopPath("/%61%7E"):                                 shopPath("/a~"),
	shopPath("/%e4%bd%a0"):                              shopPath("/%E4%BD%A0"),
	shopPath("/-/%6cogin"):                              shopPath("/-/login"),
	shopPath("/../game/x"):                              "/wsite/wx00000000000000aa/game/x",
	shopPath("/../../../etc/passwd"):                    "/etc/passwd",
	shopPath("/../../../../../.."):                      "/",
	shopPath("/..%2f..%2fx"):                            "",
	shopPath("/open%2f..%2fx"):                          "",
	shopPath("/open/..%5cx"):                            "",
	shopPath(`/open\..\x`):                              "",
	`/wsite\wx00000000000000aa\shop`:                    "",
	"/wsite%5cwx00000000000000aa%5cshop/":               "",
	"/wsite%2fwx00000000000000aa/shop/":                 "",
	"/public/..%2fwsite/wx00000000000000aa/shop/":       "",
	shopPath("/%252e%252e/x"):                           "",
	shopPath("/%25%32%65/x"):                            "",
	shopPath("/open/%25252e"):                           "",
	shopPath("/a%00"):                                   "",
	shopPath("%00"):                                     "",
	shopPath("/a%0d%0aX-User:%20forged"):                "",
	shopPath("/a%7f"):                                   "",
	shopPath("/a#b"):                                    "",
	shopPath("/a?b#c"):                                  "",
	shopPath("/" + strings.Repeat("a", 8<<10)):          "",
	shopPath("/" + strings.Repeat("./", 3<<10)):         "",
	shopPath("/" + strings.Repeat("%3c", 1400)):         "",
	shopPath("/" + strings.Repeat("<", 1400)):           "",
}

func canonicalOrNot(t *testing.T, g *gateway, send sender, cookie string) {
	for target, led := range notCanonical {
		get := send(g, t, request{Target: target, Headers: inWeChat("Cookie", cookie)})
		head := send(g, t, request{Method: "HEAD", Target: target, Headers: inWeChat("Cookie", cookie)})
		switch location := get.Header.Get("Location"); led {
		case "":
			if get.Status != http.StatusBadRequest || location != "" {
				t.Errorf("GET %.80q was answered with %d and Location %q", target, get.Status, location)
			}
		case "404":
			if get.Status != http.StatusNotFound {
				t.Errorf("GET %.80q was answered with %d", target, get.Status)
			}
		default:
			if get.Status != http.StatusPermanentRedirect || location != led {
				t.Errorf("GET %.80q was answered with %d and Location %q, want %q", target, get.Status, location, led)
			}
			if get.Header.Get("Cache-Control") != "no-store" {
				t.Errorf("GET %.80q was answered to be kept: %q", target, get.Header["Cache-Control"])
			}
		}
		if head.Status != get.Status || head.Header.Get("Location") != get.Header.Get("Location") {
			t.Errorf("HEAD %.80q was answered with %d, GET with %d", target, head.Status, get.Status)
		}
		for _, method := range []string{"POST", "PUT", "OPTIONS", "get"} {
			w := send(g, t, request{Method: method, Target: target, Headers: inWeChat("Cookie", cookie)})
			if want := map[bool]int{true: http.StatusNotFound, false: http.StatusBadRequest}[led == "404"]; w.Status != want {
				t.Errorf("%s %.80q was answered with %d", method, target, w.Status)
			}
		}
	}
	for _, text := range []string{"GET " + shopPath("/\x00") + " HTTP/1.1", "GET " + shopPath("/a b") + " HTTP/1.1", "GET " + shopPath("/%zz") + " HTTP/1.1", "GET wsite/x HTTP/1.1", "GET  HTTP/1.1"} {
		if w := g.raw(t, "GET", text+"\r\nHost: "+strings.TrimPrefix(g.url, "http://")+"\r\n\r\n"); w.Status != http.StatusBadRequest {
			t.Errorf("%q was answered with %d", text, w.Status)
		}
	}
}

// guardedPaths looks for a spelling by which a path that wants a login is taken
// for one that doesn't. Nobody is signed in here: the site may be reached only on
// a path that is public in the very form in which the site sees it.
func guardedPaths(t *testing.T, g *gateway, send sender) {
	for _, rest := range []string{
		"/pay/notify/", "/pay/notifyx", "/pay/notify;x", "/pay/notify%20", "/pay/notify.", "/pay/notify%2e", "/PAY/notify", "/pay/Notify", "/pay//notify/x", "/pay/notify/../../a", "/pay/notify%3fa", "/pay/notify%23",
		"/open/../a", "/open/..", "/open/%2e%2e/a", "/open/..%2fa", "/open/%252e%252e/a", "/open/..;/a", "/open;/a", "/openx/a", "/open.", "/Open/a", "/a/open/x", "/;/open/../a", "/a/..;/open", "/%6fpen/../a", "/open%2fa",
		"/a?/pay/notify", "/a%3f/open/", "/-/../open/../a", "/members/x", "/ask/../members/x", "//open/../a",
	} {
		for _, method := range []string{"GET", "POST"} {
			w := send(g, t, request{Method: method, Target: shopPath(rest), Headers: []string{"User-Agent", uaAndroid, "Accept", "*/*"}})
			s, ok := w.site()
			inside := strings.TrimPrefix(s.URI, shopPath(""))
			if ok && inside != "/pay/notify" && !(strings.HasPrefix(inside, "/open/") && !strings.Contains(inside, "/../") && !strings.Contains(inside, "%2f")) {
				t.Errorf("%s %s reached the site as %s without a login", method, rest, s.URI)
			}
		}
	}
}

func byteForByte(t *testing.T, g *gateway, send sender, cookie string) {
	for _, rest := range []string{
		"/", "/a/b/", "/a%20b", "/a+b", "/a%2Bb", "/a%3Bb;c=d", "/'()*!$&,=:@", "/%E4%BD%A0", "/a%25zz", "/a%25", "/%3Fx", "/a%23/b", "/...", "/.a/..b/c..", "/-a", "/-", "/%22%3C%3E", "/%5B%5D%7C", "/%FF", "/~a_-.",
		"/?", "/?a=1&a=2", "/?a=%2F..%2f&b=%zz", "/?a=b;c", "/?a=/../..", "/?&&==", "/?a=\"<>'`|", `/?a=\b`, "/?a=%00%0d%0a", "/?%E4%BD%A0=" + "%e4", "/?" + strings.Repeat("a", 6000), "/" + strings.Repeat("a", 3000),
	} {
		target := shopPath(rest)
		if strings.HasPrefix(rest, "/-") && rest != "/-a" {
			continue
		}
		w := send(g, t, request{Target: target, Headers: inWeChat("Cookie", cookie)})
		g.wantVisitor(t, w, true)
		if s, _ := w.site(); s.URI != target {
			t.Errorf("%.80q reached the site as %.80q", target, s.URI)
		}
	}
}

func noPaths(t *testing.T, g *gateway, send sender, cookie string) {
	for _, rest := range []string{"/secret?x=/pay/notify", "/secret?/../pay/notify", "/secret%23/pay/notify", "/secret%3F/pay/notify", "/secret?#/open/x", "/secret#/open/x"} {
		if s, ok := send(g, t, request{Target: shopPath(rest), Headers: []string{"User-Agent", uaAndroid}}).site(); ok {
			t.Errorf("%s reached the site as %s without a login", rest, s.URI)
		}
	}
	for _, target := range []string{shopPath("/open/#"), shopPath("#"), shopPath("/?#x"), shopPath("/a?b#c"), "/about#x", "/about?a#x"} {
		if w := send(g, t, request{Target: target, Headers: inWeChat("Cookie", cookie)}); w.Status != http.StatusBadRequest {
			t.Errorf("%s was answered with %d", target, w.Status)
		}
	}
}

// forgedAgents claims to be a health check, a crawler or WeChat. That may choose
// the way in which a visitor is met; it is never a way past.
func forgedAgents(t *testing.T, g *gateway, send sender) {
	inner := "/wsite/" + appA + "/inner/"
	for _, agent := range []string{"", "GoogleHC/1.0", "kube-probe/1.27", "ELB-HealthChecker/2.0", "Googlebot/2.1", "MicroMessenger", uaAndroid, uaAndroid + " wxwork/4.0", "curl/8", "WeChat\t", strings.Repeat("MicroMessenger ", 400)} {
		for _, headers := range [][]string{{"User-Agent", agent, "Accept", "text/html"}, {"User-Agent", agent, "Accept", "*/*"}, {"User-Agent", agent, "Sec-Fetch-Mode", "cors", "X-Forwarded-For", "127.0.0.1"}} {
			if s, ok := send(g, t, request{Target: inner, Headers: headers}).site(); ok {
				t.Errorf("%.40q reached a site for WeChat only: %v", agent, s.Header)
			}
			w := send(g, t, request{Target: shopPath("/"), Headers: headers})
			if _, ok := w.site(); ok {
				if user := g.wantVisitor(t, w, true); user.OpenID != "" || user.AMR[0] != "guest" {
					t.Errorf("%.40q is %+v", agent, user)
				}
			}
		}
	}
}

func prefixBoundary(t *testing.T, g *gateway, send sender, cookie string) {
	for _, target := range []string{"/wsitex/wx00000000000000aa/shop/", "/wsite-admin/", "/wsite.", "/wsite;/wx00000000000000aa/shop/", "/WSITE/wx00000000000000aa/shop/", "/wsit", "/x/wsite/wx00000000000000aa/shop/", "/wsite%20/wx00000000000000aa/shop/", "/wsite@/"} {
		w := send(g, t, request{Target: target, Headers: inWeChat("Cookie", cookie)})
		g.wantVisitor(t, w, false)
		if s, _ := w.site(); s.URI != target {
			t.Errorf("%s reached the site as %s", target, s.URI)
		}
	}
}

func oneSpelling(t *testing.T, g *gateway, send sender, cookie string) {
	if w := send(g, t, request{Target: "/wsite/" + appA + "/1/", Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html"}}); w.Status != http.StatusOK {
		t.Fatalf("the site 1 was not reached: %d", w.Status)
	}
	for _, ptid := range []string{"01", "+1", "-1", "1.0", "1e0", "0x1", "%D9%A1", "%EF%BC%91", "18446744073709551617", "-0", "1%20", "%201", "1;", "1,", "SHOP", "Shop", "shop%20", "shop.", "", "~1", strings.Repeat("1", 65), "-"} {
		for _, target := range []string{"/wsite/" + appA + "/" + ptid + "/x", "/wsite/" + ptid + "/x"} {
			w := send(g, t, request{Target: target, Headers: inWeChat("Cookie", cookie)})
			if _, ok := w.site(); ok || w.Status != http.StatusNotFound && ptid != "" {
				t.Errorf("%s was answered with %d", target, w.Status)
			}
		}
	}
	for _, appID := range []string{"WX00000000000000AA", "wx00000000000000AA", "wx00000000000000aa;", "wx00000000000000aa%20", "wx0000000000000aa", "wx000000000000000aa", "wx00000000000000ab", "%EF%BD%97x00000000000000aa"} {
		w := send(g, t, request{Target: "/wsite/" + appID + "/shop/", Headers: inWeChat("Cookie", cookie)})
		if _, ok := w.site(); ok || w.Status != http.StatusNotFound {
			t.Errorf("the account %s was answered with %d", appID, w.Status)
		}
	}
}
