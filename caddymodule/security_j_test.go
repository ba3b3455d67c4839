package caddymodule

import (
	"encoding/json"
	"strings"
	"testing"
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
}
