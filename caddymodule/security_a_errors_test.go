package caddymodule

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// withErrorRoutes is a gateway whose errors are answered by a site, as operators do
// who have a page of their own.
func withErrorRoutes(t testing.TB) *gateway {
	return startGateway(t, append([]string{
		"\treverse_proxy UPSTREAM\n",
		"\t@dead path */dead\n\treverse_proxy @dead 127.0.0.1:1\n\treverse_proxy UPSTREAM\n\thandle_errors {\n\t\treverse_proxy UPSTREAM\n\t}\n",
	}, h2c...)...)
}

// errorRoutes makes requests fail in front of the site and behind the gateway. The
// site that answers in its place is another one, for whom no token was made out.
func errorRoutes(t *testing.T) {
	g := withErrorRoutes(t)
	ming := g.signedIn(t, "ming", appA, "shop")
	over(t, func(t *testing.T, send sender) {
		for _, target := range []string{
			"/wsite/" + appA + "/nowhere/", "/wsite/wx00000000000000ff/shop/", shopPath("/-/none"), shopPath("/-/callback"), shopPath("/a%2fb"), shopPath("/dead"), shopPath("/members/x"),
		} {
			w := send(g, t, request{Target: target, Headers: inWeChat("Cookie", ming+"; theirs=1")}.with(forgery(append(forgedNames, "Authorization"))...))
			s, ok := w.site()
			if !ok {
				if target == shopPath("/members/x") {
					continue // answered with a page of ours
				}
				t.Errorf("%s: the page of errors was not reached: %d %.200s", target, w.Status, w.Body)
				continue
			}
			if vars := variables(s.Header); vars["HTTP_X_USER"] != nil || vars["HTTP_X_FORWARDED_PREFIX"] != nil || vars["HTTP_X_OPENID"] != nil || vars["HTTP_PROXY"] != nil {
				t.Errorf("%s: the page of errors saw an identity: %v", target, s.Header)
			}
			if got := s.Header.Get("Cookie"); got != "theirs=1" {
				t.Errorf("%s: the page of errors saw Cookie: %q", target, got)
			}
		}
	})
}

// echoed makes the site answer with its own request's headers.
func echoed(t *testing.T) {
	g := startGateway(t)
	cookie := g.signedIn(t, "ming", appA, "shop")
	g.upstream.mu.Lock()
	g.upstream.answer = func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"X-User", "X-User-Id", "X-User-Kind"} {
			w.Header().Set(name, r.Header.Get("X-User"))
		}
		_, _ = io.WriteString(w, "ok")
	}
	g.upstream.mu.Unlock()
	w := g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat("Cookie", cookie)})
	if w.Status != http.StatusOK || w.Body != "ok" {
		t.Fatalf("the site was not reached: %d %s", w.Status, w.Body)
	}
	for name, values := range w.Header {
		if strings.Contains(strings.Join(values, ""), "eyJ") || strings.HasPrefix(name, "X-User") {
			t.Errorf("the browser saw %s: %.40q", name, values)
		}
	}
}
