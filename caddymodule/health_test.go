package caddymodule

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	t.Parallel()
	g := startGateway(t, withAPI...)
	get := func(t *testing.T, host, path string) (int, string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var b strings.Builder
		if _, err := io.Copy(&b, resp.Body); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, strings.TrimSpace(b.String())
	}
	api := strings.Replace(strings.TrimPrefix(g.url, "http://"), "127.0.0.1", "api.localhost", 1)
	t.Run("all is well", func(t *testing.T) {
		for _, path := range []string{"/wsite/-/live", "/wsite/-/ready"} {
			if status, body := get(t, "", path); status != 200 || body != `{"ready":true}` {
				t.Errorf("%s answered %d %s", path, status, body)
			}
		}
		if status, body := get(t, api, "/ready"); status != 200 || !strings.Contains(body, `"facts":"ok"`) || !strings.Contains(body, `"cluster":"ok"`) || !strings.Contains(body, `"wechat":"ok"`) {
			t.Errorf("operators are told %d %s", status, body)
		}
	})
	t.Run("strangers hear no reasons", func(t *testing.T) {
		g.app.redisDown.Store(true)
		defer g.app.redisDown.Store(false)
		if status, body := get(t, "", "/wsite/-/ready"); status != 200 || strings.Contains(body, "cluster") {
			t.Errorf("answered %d %s", status, body)
		}
		if _, body := get(t, api, "/ready"); !strings.Contains(body, `"cluster":"away"`) {
			t.Errorf("operators are told %s", body)
		}
	})
	g.loseFacts(t)
	t.Run("without the facts it serves whom it knows, and is ready", func(t *testing.T) {
		if status, body := get(t, api, "/ready"); status != 200 || !strings.Contains(body, `"facts":"away"`) {
			t.Errorf("answered %d %s", status, body)
		}
	})
	t.Run("after 15 minutes it believes nothing any more", func(t *testing.T) {
		g.advance(factsGrace)
		if status, body := get(t, "", "/wsite/-/ready"); status != 503 || body != `{"ready":false}` {
			t.Errorf("answered %d %s", status, body)
		}
		if status, _ := get(t, "", "/wsite/-/live"); status != 200 {
			t.Errorf("it is dead: %d", status)
		}
	})
}
