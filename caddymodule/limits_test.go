package caddymodule

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// limited adds limits to the standard Caddyfile.
func limited(lines string) []string {
	return []string{"wechat_timeout 2s", "wechat_timeout 2s\n\t\tlimits {\n" + lines + "\n\t\t}"}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	t.Run("logins by address, guests among them; who is signed in goes on", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, limited("logins 3/1h")...)
		p := g.phone("ming")
		user := g.who(p.open(g.at(appA, "shop", "/")))
		for range 2 {
			guest := g.phone("")
			guest.ua = uaDesktop
			g.who(guest.open(g.at(appA, "shop", "/")))
		}
		for name, page := range map[string]seenPage{
			"a stranger": g.phone("li").open(g.at(appA, "shop", "/")),
			"a login":    g.phone("li").open(g.at(appA, "shop", "/-/login")),
		} {
			g.wantRefusal(t, page, codeTooMany)
			wait := page.Header.Get("Retry-After")
			if wait == "" || wait == "0" || page.Header.Get("RateLimit-Limit") != "3" || page.Header.Get("RateLimit-Remaining") != "0" || page.Header.Get("RateLimit-Reset") == "" {
				t.Errorf("%s is told %v", name, page.Header)
			}
		}
		for range 5 {
			if g.who(p.open(g.at(appA, "shop", "/"))).Subject != user.Subject {
				t.Error("who is signed in is somebody else")
			}
		}
		g.who(p.open(g.at(appA, "shop", "/-/login"))) // he may sign in once more
	})
	t.Run("logins by account", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, limited("account_logins 1/1h")...)
		g.who(g.phone("ming").open(g.at(appA, "shop", "/")))
		g.wantRefusal(t, g.phone("li").open(g.at(appA, "shop", "/")), codeTooMany)
		g.who(g.phone("li").open(g.at(appB, "shop", "/")))
	})
	t.Run("codes that WeChat is asked about, and none is spent", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, limited("exchanges 1/1h")...)
		p := g.phone("ming")
		g.who(p.open(g.at(appA, "shop", "/")))
		g.wantRefusal(t, g.phone("li").open(g.at(appA, "shop", "/")), codeTooMany)
		g.advance(half) // a renewal asks WeChat too, and isn't counted
		g.who(p.open(g.at(appA, "shop", "/")))
	})
	t.Run("calls of the API by key, and by address with no key", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, append(limited("api_calls 2/1h\napi_refused 1/1h"), withAPI...)...)
		key, other := g.apiKey(t, "main", allScopes), g.apiKey(t, "main", allScopes)
		first := g.ask(t, key, "GET", "main/events", "").want(t, 200)
		if first.Header.Get("RateLimit-Remaining") != "1" {
			t.Errorf("a call is told %v", first.Header)
		}
		g.ask(t, key, "GET", "main/events", "").want(t, 200)
		if over := g.ask(t, key, "GET", "main/events", "").wantCode(t, string(codeTooMany)); over.Header.Get("Retry-After") == "" {
			t.Errorf("a call over the limit is told %v", over.Header)
		}
		g.ask(t, other, "GET", "main/events", "").want(t, 200)
		g.ask(t, "", "GET", "main/events", "").want(t, 401)
		g.ask(t, "", "GET", "main/events", "").want(t, 429)
	})
	t.Run("binds of one visitor", func(t *testing.T) {
		t.Parallel()
		g := startBinding(t, limited("binds 1/1h")...)
		p := g.phone("ming")
		g.who(p.open(g.at(appA, "shop", "/")))
		g.wantError(t, p.open(g.at(appA, "shop", "/?as=member-1")), "")
		g.wantError(t, p.open(g.at(appA, "shop", "/?as=member-1")), "") // he is it already
		g.wantError(t, p.open(g.at(appA, "shop", "/?as=member-2")), string(codeTooMany))
	})
	t.Run("none where it is off", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, limited("logins off")...)
		if _, on := g.app.rates[limitLogins]; on || len(g.app.rates) != len(limits)-1 {
			t.Errorf("there are %v", g.app.rates)
		}
	})
}

// The address of a client is what Caddy takes for it, in the form that all of a client's
// addresses share.
func TestClientOf(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]string{
		"192.0.2.1":                "192.0.2.1",
		"::ffff:192.0.2.1":         "192.0.2.1",
		"2001:db8:1:2:3:4:5:6":     "2001:db8:1:2::/64",
		"2001:db8:1:2::":           "2001:db8:1:2::/64",
		"fe80::1%eth0":             "fe80::/64",
		"@":                        "local",
		"":                         "local",
		"192.0.2.1, 192.0.2.2":     "local",
		strings.Repeat("1", 10000): "local",
	} {
		ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.ClientIPVarKey: addr})
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		if got := clientOf(r); got != want {
			t.Errorf("%.40q is %q, want %q", addr, got, want)
		}
	}
}

func TestParseRate(t *testing.T) {
	t.Parallel()
	for text, fine := range map[string]bool{
		"600/1m": true, "1/24h": true, "10000/1s": true, "1/1d": true,
		"": false, "600": false, "600/": false, "/1m": false, "0/1m": false, "-1/1m": false, "10001/1s": false, "1/25h": false, "1/999ms": false, "six/1m": false, "1e3/1m": false,
	} {
		if _, err := parseRate(text); (err == nil) != fine {
			t.Errorf("%q: %v", text, err)
		}
	}
}
