package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

// backslashes are targets that a server on Windows, or a browser, would read with slashes.
var backslashes = []string{
	`/wsite\` + appA + `\shop\`, `/wsite\` + appA + `/shop/`, `/wsite/` + appA + `\shop/`, `/wsite/` + appA + `/shop\open\x`, shopPath(`/open\..\a`), shopPath(`/open/..\a`), shopPath(`/a\`), shopPath(`/\evil.example`), `\wsite\` + appA + `\shop\`,
	"/wsite%5c" + appA + "%5cshop%5c", "/wsite%5C" + appA + "/shop/", shopPath("/open%5c..%5ca"), shopPath("/open/..%5Ca"), shopPath("/a%5c"), shopPath("/%5cevil.example"), shopPath("/open/%255c..%255ca"),
	// Overlong UTF-8 and full-width forms of it.
	shopPath("/open/..%c1%9ca"), shopPath("/open/..%ef%bc%bca"),
}

// oddSegments are targets whose segments some servers cut, trim or stop reading at.
var oddSegments = []string{
	"/wsite/" + appA + ";a=b/shop/", "/wsite/" + appA + "/shop;a=b/", "/wsite;a=b/" + appA + "/shop/", "/wsite/;/" + appA + "/shop/", "/wsite/" + appA + "/shop;/open/x", "/wsite/" + appA + ",/shop/", "/wsite/" + appA + "/shop./", "/wsite/" + appA + "/shop../", "/wsite/" + appA + "/.shop/", "/wsite/" + appA + "/shop%20/", "/wsite/" + appA + "/%20shop/", "/wsite/" + appA + "/shop%09/",
	shopPath("%00"), shopPath("/a%00"), shopPath("/%00/open/x"), shopPath("/a%00.png"), shopPath("/open/x%00/../../a"), "/wsite/" + appA + "%00/shop/", shopPath("/a%0a"), shopPath("/a%0d"), shopPath("/a%1b"), shopPath("/a%7f"), shopPath("/a%E2%80%AE"),
	shopPath("/" + strings.Repeat("a", 8<<10)), "/wsite/" + appA + "/" + strings.Repeat("s", 8<<10) + "/", "/wsite/" + strings.Repeat("w", 8<<10) + "/shop/", shopPath(strings.Repeat("/a", 4<<10)), shopPath(strings.Repeat("/..", 4<<10)),
}

// refusedPaths asks for each as a visitor who is signed in, and as a stranger. A target is
// refused, or led to the one spelling of it; or it is what it says, and then the site sees
// that very text. Nobody is let in without a login.
func refusedPaths(t *testing.T, g *gateway, send sender, cookie string, targets []string) {
	for _, target := range targets {
		if target[0] != '/' {
			continue // no HTTP/2 client sends it; over HTTP/1.1 see below
		}
		for _, headers := range [][]string{inWeChat("Cookie", cookie), {"User-Agent", uaAndroid, "Accept", "*/*"}} {
			w := send(g, t, request{Target: target, Headers: headers})
			s, reached := w.site()
			if !strings.HasPrefix(target, "/wsite/") && reached {
				g.wantVisitor(t, w, false) // it is none of our paths
				continue
			}
			switch {
			case reached && (s.URI != target || len(headers) == 4):
				t.Errorf("%.80q reached the site as %.80q", target, s.URI)
			case !reached && w.Status == http.StatusPermanentRedirect:
				if strings.ContainsAny(w.Header.Get("Location"), "\\;\x00") {
					t.Errorf("%.80q leads to %.80q", target, w.Header.Get("Location"))
				}
			case !reached && w.Status != http.StatusBadRequest && w.Status != http.StatusNotFound && w.Status != http.StatusUnauthorized:
				t.Errorf("%.80q is answered %d", target, w.Status)
			}
			for _, mark := range []string{`\`, "%5c", "%5C", "%00", "%0a", "%0d", "%1b", "%7f"} {
				if strings.Contains(target, mark) && (reached || w.Status != http.StatusBadRequest) && w.Status != http.StatusNotFound {
					t.Errorf("%.80q is answered %d", target, w.Status)
				}
			}
		}
	}
	if w := g.overH1(t, request{Target: `\wsite\` + appA + `\shop\`}); w.Status != http.StatusBadRequest {
		t.Errorf("a target of backslashes is answered %d", w.Status)
	}
}
