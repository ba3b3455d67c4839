package caddymodule

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// securityL is group L, our pages in a browser.
func securityL(t *testing.T) {
	t.Helper()
	g := startGateway(t, h2c...)
	ming := g.signedIn(t, "ming", appA, "shop")
	t.Run("T230 markup in a request is text on our pages", func(t *testing.T) {
		t.Parallel()
		markup(t, g, ming)
	})
	t.Run("T231 what is JSON is read as JSON", func(t *testing.T) {
		t.Parallel()
		asJSON(t, g, ming)
	})
	t.Run("T233 no page of ours is kept, framed or given away as a referrer, and nothing foreign runs in it", func(t *testing.T) {
		t.Parallel()
		for name, req := range ownPages(ming) {
			w := g.overH1(t, req)
			if !strings.HasPrefix(w.Header.Get("Content-Type"), "text/html") || !strings.HasPrefix(w.Body, "<!doctype html>") {
				t.Errorf("%s is no page of ours: %d %.100s", name, w.Status, w.Body)
				continue
			}
			wantPage(t, name, w)
		}
	})
	t.Run("T233 a nonce is never used twice", func(t *testing.T) {
		t.Parallel()
		seen := map[string]bool{}
		for range 50 {
			w := g.overH1(t, request{Target: shopPath("/-/none"), Headers: atDesk()})
			nonce := nonces.FindStringSubmatch(w.Header.Get("Content-Security-Policy"))
			if nonce == nil || seen[nonce[1]] || len(nonce[1]) < 22 {
				t.Fatalf("the nonce of %q is weak", w.Header.Get("Content-Security-Policy"))
			}
			seen[nonce[1]] = true
		}
	})
	t.Run("T234 a template escapes whatever it is given", templatesEscape)
}

// ownPages is a request for each page of ours.
func ownPages(session string) map[string]request {
	return map[string]request{
		"start": {Target: shopPath("/x"), Headers: inWeChat()}, "ask": {Target: shopPath("/ask/x"), Headers: inWeChat("Cookie", session)}, "open in WeChat": {Target: "/wsite/" + appA + "/club/x?a=1", Headers: atDesk()},
		"sign-out": {Target: shopPath("/-/logout"), Headers: atDesk()}, "refusal": {Target: shopPath("/-/none"), Headers: atDesk()}, "no site": {Target: "/wsite/" + appA + "/none/", Headers: atDesk()},
		"outside": {Target: "/wsite/" + appA + "/inner/", Headers: atDesk()}, "malformed": {Target: shopPath("/%2f"), Headers: atDesk()}, "bad callback": {Target: shopPath("/-/callback"), Headers: inWeChat()}, "unproved": {Target: shopPath("/-/callback?code=a&state=b&r=c"), Headers: inWeChat()},
		"cross-site": {Method: "POST", Target: shopPath("/-/logout"), Headers: atDesk("Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Content-Length", "0")},
	}
}

var (
	nonces = regexp.MustCompile(`script-src 'nonce-([A-Za-z0-9+/=]+)'`)
	// What runs or styles, and would under a policy less strict.
	running  = regexp.MustCompile(`<(?:script|style|link|iframe|object|embed|img|base)\b[^>]*>`)
	handlers = regexp.MustCompile(`(?i)<[^>]*\s(?:on[a-z]+|style|srcdoc|src)\s*=`)
	values   = regexp.MustCompile(`"[^"]*"`)
)

// wantPage fails unless a page has every header and nothing that runs but ours.
func wantPage(t testing.TB, name string, w wire) {
	t.Helper()
	policy := w.Header.Get("Content-Security-Policy")
	nonce := nonces.FindStringSubmatch(policy)
	if nonce == nil {
		t.Fatalf("%s: the policy is %q", name, policy)
	}
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'nonce-" + nonce[1] + "'; script-src 'nonce-" + nonce[1] + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store", "Vary": "Cookie, Sec-Fetch-Dest", "Content-Type": "text/html; charset=utf-8",
	}
	for header, value := range want {
		if got := w.Header[header]; len(got) != 1 || got[0] != value {
			t.Errorf("%s: %s is %q, want %q", name, header, got, value)
		}
	}
	for _, tag := range running.FindAllString(w.Body, -1) {
		if !strings.Contains(tag, `nonce="`+nonce[1]+`"`) {
			t.Errorf("%s holds %s", name, tag)
		}
	}
	if bad := handlers.FindString(values.ReplaceAllString(w.Body, `""`)); bad != "" {
		t.Errorf("%s holds %s", name, bad)
	}
	if n := strings.Count(w.Body, "<script"); n > 1 {
		t.Errorf("%s holds %d scripts", name, n)
	}
}

// markups break out of text, attributes, addresses, scripts and styles.
var markups = []string{
	`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `' onmouseover='alert(1)`, `" onfocus=alert(1) autofocus="`, `</script><script>alert(1)</script>`, `</title><svg onload=alert(1)>`, `</style><b onclick=alert(1)>`,
	`javascript:alert(1)`, `{{.Nonce}}`, `{{template "layout" .}}`, `{http.request.header.Cookie}`, "`${alert(1)}`", `<!--<script>`, `--><svg/onload=alert(1)>`, `%3Cscript%3Ealert(1)%3C/script%3E`, `+ADw-script+AD4-`, "<\x00script>", `&lt;script&gt;`, `&#60;script>`, "\u2028alert(1)//",
}

// markup puts each of these wherever a visitor can put something.
func markup(t *testing.T, g *gateway, session string) {
	for _, m := range markups {
		for _, text := range []string{strings.ReplaceAll(url.PathEscape(m), "%2F", "/"), url.QueryEscape(m), strings.NewReplacer(" ", "+", "\x00", "", "#", "").Replace(m)} {
			for _, target := range []string{
				shopPath("/" + text), shopPath("/?" + text), shopPath("/?a=" + text), "/wsite/" + appA + "/club/" + text, "/wsite/" + appA + "/club/?q=" + text, "/wsite/" + text + "/x", "/wsite/" + appA + "/" + text + "/", shopPath("/-/" + text),
				shopPath("/-/login?return=" + text), shopPath("/-/logout?return=" + text), shopPath("/-/logout?return=" + url.QueryEscape(shopPath("/?"+text))), shopPath("/-/callback?code=" + text + "&state=" + text + "&r=" + text), shopPath("/-/callback?error=" + text + "&error_description=" + text), shopPath("/ask/?" + text), shopPath("/-/none?lang=" + text + "&code=" + text),
			} {
				for _, headers := range [][]string{atDesk("Accept-Language", text), inWeChat("Cookie", session, "Referer", text), inWeChat("Cookie", g.app.jar.prefix+cookieLogin+"="+text)} {
					w := g.overH1(t, request{Target: target, Headers: headers})
					if _, reached := w.site(); reached || !strings.HasPrefix(w.Header.Get("Content-Type"), "text/html") {
						continue
					}
					wantPage(t, target, w)
					if strings.Contains(w.Body, "<svg onload") || strings.Contains(w.Body, "<svg/") || strings.Contains(w.Body, "<b onclick") || strings.Contains(w.Body, `href="javascript:`) || strings.Contains(w.Body, "<!--") {
						t.Errorf("%s is answered with markup", target)
					}
				}
			}
		}
	}
}

// asJSON looks at every answer that programs read.
func asJSON(t *testing.T, g *gateway, session string) {
	for name, req := range map[string]request{
		"who I am": {Target: shopPath("/-/me"), Headers: []string{"Cookie", session, "User-Agent", uaAndroid, "Accept", "text/html"}}, "the keys": {Target: "/wsite/-/jwks.json", Headers: atDesk()}, "discovery": {Target: "/wsite/-/.well-known/openid-configuration", Headers: atDesk()},
		"a problem": {Target: shopPath("/x"), Headers: []string{"User-Agent", uaAndroid, "Referer", g.url + shopPath("/?</pre><script>alert(1)</script>")}}, "not found": {Target: shopPath("/-/%3C/pre%3E%3Cscript%3E")}, "a guest": {Target: shopPath("/-/me"), Headers: []string{"User-Agent", uaAndroid}},
		"consent": {Target: shopPath("/ask/x"), Headers: []string{"Cookie", session, "User-Agent", uaAndroid}},
	} {
		w := g.overH1(t, req)
		if kind := w.Header.Get("Content-Type"); kind != "application/json" && kind != "application/problem+json" {
			t.Errorf("%s is %q", name, kind)
		}
		if w.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s may be sniffed at", name)
		}
		if cache := w.Header.Get("Cache-Control"); cache != "no-store" && !strings.HasPrefix(req.Target, "/wsite/-/") {
			t.Errorf("%s may be kept: %q", name, cache)
		}
		var answer map[string]any
		if err := json.Unmarshal([]byte(w.Body), &answer); err != nil || len(answer) == 0 {
			t.Errorf("%s is %.100q", name, w.Body)
		}
		if strings.Contains(w.Body, "<") {
			t.Errorf("%s holds markup: %s", name, w.Body)
		}
	}
}

// templatesEscape gives each template what no handler would.
func templatesEscape(t *testing.T) {
	t.Parallel()
	for _, m := range markups {
		for p, view := range map[page]any{
			pageRefusal: refusalView{m, m, m, m}, pageStart: startView{m, m}, pageAsk: askView{m, m}, pageOpen: openView{Address: m}, pageLogout: logoutView{m, m},
		} {
			rec := &recorded{header: http.Header{}}
			if err := new(App).writePage(rec, http.StatusOK, p, view); err != nil {
				t.Fatal(err)
			}
			w := wire{rec.status, rec.header, rec.body.String()}
			wantPage(t, string(p)+" with "+m, w)
			if strings.Contains(w.Body, "<svg") || strings.Contains(w.Body, `href="javascript:`) || strings.Contains(w.Body, `action="javascript:`) {
				t.Errorf("%s with %q holds markup", p, m)
			}
		}
	}
}

// recorded is an answer that goes nowhere.
type recorded struct {
	header http.Header
	status int
	body   strings.Builder
}

func (r *recorded) Header() http.Header         { return r.header }
func (r *recorded) WriteHeader(status int)      { r.status = status }
func (r *recorded) Write(b []byte) (int, error) { return r.body.Write(b) }
