package caddymodule

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityJ is group J, what operators see; TestAdmin, TestHealth, TestWarn_logsAndSecrets and
// TestLogs_holdNoSecrets hold more of it.
func securityJ(t *testing.T) {
	t.Helper()
	g := startGateway(t)
	t.Run("T204 nobody writes a line of his own into the log", func(t *testing.T) {
		t.Parallel()
		forged := "forged\u2028\x1b[2J{\"level\":\"error\",\"msg\":\"forged\"}"
		for _, target := range []string{shopPath("/x"), shopPath("/-/callback?code=%0a%7B%22level%22:%22error%22%7D&state=%0dforged"), "/wsite/%0aforged/shop/", shopPath("/%1b%5b2J")} {
			g.overH1(t, request{Target: target, Headers: inWeChat("Referer", "https://shop.example.com/forged", "X-Forged", "forged")})
			g.overH1(t, request{Target: target, Headers: []string{"User-Agent", strings.ReplaceAll(forged, "\x1b", "")}})
		}
		for _, line := range strings.Split(strings.TrimSuffix(g.logText(), "\n"), "\n") {
			var entry map[string]any
			if err := json.Unmarshal([]byte(line), &entry); err != nil || entry["msg"] == "forged" || strings.ContainsAny(line, "\x1b\r\u2028") {
				t.Errorf("the log has the line %q: %v", line, err)
			}
		}
	})
	t.Run("T206 who somebody says that he is stands in no log", func(t *testing.T) {
		t.Parallel()
		g.overH1(t, request{Target: shopPath("/x"), Headers: inWeChat("X-User", "forged-identity-0123", "X-User-Bind", "forged-identity-0123")})
		g.overH1(t, request{Target: shopPath("/-/none"), Headers: atDesk("X-User", "forged-identity-0123")})
		hides(t, g.logText(), "forged-identity-0123")
	})
	t.Run("T210 strangers hear that it is ready, and no reasons", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"/wsite/-/live", "/wsite/-/ready"} {
			if w := g.overH1(t, request{Target: path, Headers: atDesk()}); w.Status != 200 || strings.TrimSpace(w.Body) != `{"ready":true}` {
				t.Errorf("%s answers %d %s", path, w.Status, w.Body)
			}
		}
	})
	t.Run("T203 nothing of an operator's is among the gateway's own pages", func(t *testing.T) {
		t.Parallel()
		for _, path := range []string{"metrics", "debug/pprof/", "debug/vars", "config/", "keys", "accounts", "health"} {
			for _, target := range []string{"/wsite/-/" + path, shopPath("/-/" + path)} {
				if w := g.overH1(t, request{Target: target, Headers: atDesk()}); w.Status != 404 || strings.Contains(w.Body, "wsite_") {
					t.Errorf("%s answers %d %s", target, w.Status, w.Body)
				}
			}
		}
	})
	t.Run("T212 a panic is answered as any bug, without a name, and is told to the log alone", securityPanic)
}

func securityPanic(t *testing.T) {
	t.Parallel()
	g := startGateway(t, withAPI...)
	key := g.apiKey(t, identity.AllRealms, "operate")
	ming := g.phone("ming")
	g.tokenAt(t, ming, appA, "shop")
	seen := g.upstream.count()
	g.app.sites = nil // so that whoever looks for a site of the facts panics

	page := ming.open(g.at(appA, "nosuch", "/"))
	g.wantRefusal(t, page, codeBug)
	if g.upstream.count() != seen || strings.Contains(page.Body, "runtime error") || strings.Contains(page.Body, ".go:") {
		t.Errorf("the visitor is told %s", page.Body)
	}
	if log := g.logText(); !strings.Contains(log, "a request met a bug") || !strings.Contains(log, "sites.go") {
		t.Errorf("the log says %s", log)
	}
	if a := g.askAt(t, key, "POST", "/v1/revocations", `{"site": "nosuch", "reason": "x"}`).wantCode(t, string(codeBug)); strings.Contains(a.Body, ".go:") {
		t.Errorf("the API says %s", a.Body)
	}
	console := &Console{app: g.app}
	console.once.Do(func() {}) // and it has none to hand on to
	var answer caddyhttp.HandlerError
	rec := httptest.NewRecorder()
	if err := console.ServeHTTP(rec, httptest.NewRequest("GET", "/", nil), nil); !errors.As(err, &answer) || answer.StatusCode != http.StatusInternalServerError || rec.Body.Len() > 0 {
		t.Errorf("the console answers %v %s", err, rec.Body)
	}
}
