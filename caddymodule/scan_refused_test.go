package caddymodule

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// TestScanRefused holds what visitors hear of codes that do nothing.
func TestScanRefused(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	key := g.apiKey(t, "main", "qr", "shop")
	if err := g.sim.Follow("ming", appA, true); err != nil {
		t.Fatal(err)
	}
	g.settle(t)
	codes := "/v1/accounts/" + appA + "/qr-codes"
	told := func(phrase string) (n int) {
		for _, m := range g.got("ming", "text") {
			if strings.Contains(m.Text, phrase) {
				n++
			}
		}
		return n
	}
	scan := func(url string) {
		t.Helper()
		if _, err := g.sim.Scan("ming", url); err != nil {
			t.Fatal(err)
		}
		g.settle(t)
		g.sim.Advance(time.Second) // two scans in one second are one
	}
	t.Run("who scans a revoked code is told, in both languages", func(t *testing.T) {
		code := g.askAt(t, key, "POST", codes, `{"ref":"one"}`).want(t, 201)
		g.askAt(t, key, "DELETE", codes+"/"+code.text("id"), "{}").want(t, 204)
		scan(code.text("url"))
		eventually(t, "he is told", func() bool { return told("已失效") == 1 && told("no longer valid") == 1 })
	})
	t.Run("the second to scan a single code is told, the first is not", func(t *testing.T) {
		code := g.askAt(t, key, "POST", codes, `{"ref":"two","single":true}`).want(t, 201)
		scan(code.text("url"))
		eventually(t, "the first scan counts", func() bool { return g.counted(t, "wsite_qr_scans_total", "good") == 1 })
		scan(code.text("url"))
		eventually(t, "he is told", func() bool { return told("已被使用过") == 1 })
	})
	t.Run("a push that is handed over again sends nothing twice", func(t *testing.T) {
		openid, k := g.sim.OpenID("ming", appA), scene.Code{Realm: "main", AppID: appA}
		s := scene.Scan{AppID: appA, OpenID: openid, Key: "one and the same", At: g.now()}
		for range 3 {
			if err := g.app.scanRefused(t.Context(), k, s, scene.Expired); err != nil {
				t.Fatal(err)
			}
		}
		known := g.askAt(t, g.apiKey(t, "main", allScopes), "GET", "/v1/messages", "").want(t, 200).list("messages")
		if len(known) != 3 {
			t.Errorf("%d messages were made", len(known))
		}
		eventually(t, "he is told", func() bool { return told("已过期") == 1 })
	})
	t.Run("of other systems' codes nothing is said, but they are counted", func(t *testing.T) {
		before := len(g.got("ming", "text"))
		if err := g.app.scanned(t.Context(), inbox.Scan{AppID: appA, OpenID: g.sim.OpenID("ming", appA), Scene: "theirs", Key: "k", At: g.now()}); err != nil {
			t.Fatal(err)
		}
		if n := g.counted(t, "wsite_qr_scans_total", "foreign"); n != 1 {
			t.Errorf("counted are %d", n)
		}
		if n := len(g.got("ming", "text")); n != before {
			t.Errorf("he got %d messages more", n-before)
		}
	})
	hides(t, g.logText(), g.sim.OpenID("ming", appA))
}
