package caddymodule

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// cookieStaysHere compares what the browser sent as Cookie with what the site saw.
// OURS stands for the session of somebody known.
func cookieStaysHere(t *testing.T, g *gateway, ours string) {
	var many []string
	for i := range 40 {
		many = append(many, fmt.Sprintf("c%d=v%d", i, i))
	}
	for name, c := range map[string]struct{ sent, seen string }{
		"ours alone":                 {"OURS", ""},
		"ours last":                  {"a=1; OURS", "a=1"},
		"ours first":                 {"OURS; a=1", "a=1"},
		"ours in the middle":         {"a=1; OURS; b=2", "a=1; b=2"},
		"no blank behind the pairs":  {"a=1;OURS;b=2", "a=1;b=2"},
		"more blanks than usual":     {"a=1;  OURS;   b=2", "a=1;   b=2"},
		"forty others":               {strings.Join(many[:20], "; ") + "; OURS; " + strings.Join(many[20:], "; "), strings.Join(many, "; ")},
		"quoted values":              {`a="1 2,3\"4"; OURS; b=""`, `a="1 2,3\"4"; b=""`},
		"a name twice":               {"a=1; a=2; OURS; a=1", "a=1; a=2; a=1"},
		"pairs that are none":        {"a; =; =b; OURS; c=", "a; =; =b; c="},
		"empty pairs":                {"a=1;; OURS;;b=2;", "a=1;;;b=2;"},
		"an empty pair in front":     {"; OURS; a=1", "; a=1"},
		"equals signs in a value":    {"a=b=c==; OURS", "a=b=c=="},
		"our name within a value":    {"a=wsite-login=1; OURS", "a=wsite-login=1"},
		"names that look like ours":  {"xwsite-login=1; WSITE-login=2; wsite=3; OURS", "xwsite-login=1; WSITE-login=2; wsite=3"},
		"ours twice":                 {"OURS; a=1; OURS", "a=1"},
		"ours, spoilt":               {"OURS; wsite-guest; a=1; wsite-=; wsite-none=x", "a=1"},
		"bytes beyond ASCII":         {"a=\xe4\xbd\xa0; OURS; b=\xff", "a=\xe4\xbd\xa0; b=\xff"},
		"commas as old clients send": {"a=1, b=2; OURS", "a=1, b=2"},
	} {
		t.Run(name, func(t *testing.T) {
			sent := strings.ReplaceAll(c.sent, "OURS", ours)
			for _, target := range []string{shopPath("/"), shopPath("/pay/notify"), shopPath("/maybe"), "/about"} {
				w := g.overH1(t, request{Target: target, Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html", "Cookie", sent}})
				s, ok := w.site()
				if !ok {
					t.Fatalf("%s: the site was not reached: %d %.200s", target, w.Status, w.Body)
				}
				if got := strings.Join(s.Header["Cookie"], "|"); got != strings.ToValidUTF8(c.seen, "\ufffd") {
					t.Errorf("%s: the site saw Cookie: %q, want %q", target, got, c.seen)
				}
				if c.seen == "" && s.Header["Cookie"] != nil {
					t.Errorf("%s: the site saw an empty Cookie", target)
				}
			}
		})
	}
}

// hostileCookies sends what has brought other parsers down.
func hostileCookies(t *testing.T, g *gateway) {
	session := g.app.jar.prefix + appA
	for name, line := range map[string]string{
		"a semicolon": ";", "an equals sign": "=", "our name alone": session, "nothing in ours": session + "=;;", "a counter": session + "_chunks=99999999; " + session + "_0=a",
		"the prefix alone": g.app.jar.prefix, "the prefix and a value": g.app.jar.prefix + "=", "blanks": " \t ;\t; ", "15 KiB in ours": session + "=" + strings.Repeat("A", 15<<10),
		"many pairs": strings.Repeat("a=1; ", 3000), "many of ours": strings.Repeat(session+"=1;", 600), "quotes": session + `="x`, "a backslash": session + `=\`,
	} {
		w := g.overH1(t, request{Target: shopPath("/open/x"), Headers: []string{"Cookie", line}})
		if _, ok := w.site(); !ok {
			t.Errorf("%s: the site was not reached: %d", name, w.Status)
			continue
		}
		g.wantVisitor(t, w, false)
		w = g.overH1(t, request{Target: shopPath("/"), Headers: []string{"User-Agent", uaDesktop, "Accept", "text/html", "Cookie", line}})
		if user := g.wantVisitor(t, w, true); len(user.AMR) != 1 || user.AMR[0] != "guest" {
			t.Errorf("%s made a visitor who is %v", name, user.AMR)
		}
	}
	if w := g.overH1(t, request{Target: shopPath("/open/x"), Headers: []string{"Cookie", session + "=a\x00b"}}); w.Status != http.StatusBadRequest {
		t.Errorf("a NUL was answered with %d", w.Status)
	}
}
