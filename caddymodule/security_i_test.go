package caddymodule

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// oneLogin allows one login from each address; trusting also takes the word of proxies
// on this machine.
var (
	oneLogin = limited("logins 1/1h")
	trusting = append([]string{"\tadmin off\n", "\tadmin off\n\tservers {\n\t\ttrusted_proxies static 127.0.0.1/32\n\t\ttrusted_proxies_strict\n\t}\n"}, oneLogin...)
)

// arrives is a stranger's first page, which begins a login, and says whether he is let in.
func (g *gateway) arrives(t *testing.T, send sender, headers ...string) bool {
	t.Helper()
	answer := send(g, t, request{Target: "/wsite/" + appA + "/shop/", Headers: inWeChat(headers...)})
	if answer.Status != http.StatusOK && answer.Status != http.StatusTooManyRequests {
		t.Fatalf("answered %d", answer.Status)
	}
	return answer.Status == http.StatusOK
}

// securityI is whom the gateway takes a client for.
func securityI(t *testing.T) {
	t.Run("T190 what a client says of its address changes nothing", func(t *testing.T) {
		t.Parallel()
		over(t, func(t *testing.T, send sender) {
			g := startGateway(t, append(oneLogin, h2c...)...)
			if !g.arrives(t, send) {
				t.Fatal("the first one is over the limit")
			}
			for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP", "X-Original-Forwarded-For"} {
				value := "192.0.2.77"
				if name == "Forwarded" {
					value = "for=" + value
				}
				if g.arrives(t, send, name, value) {
					t.Errorf("%s makes another client of him", name)
				}
			}
		})
	})
	t.Run("T190 behind a proxy what the client wrote before it changes nothing", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, trusting...)
		if !g.arrives(t, (*gateway).overH1, "X-Forwarded-For", "192.0.2.1") || !g.arrives(t, (*gateway).overH1, "X-Forwarded-For", "192.0.2.2") {
			t.Error("two clients of one proxy count as one")
		}
		if g.arrives(t, (*gateway).overH1, "X-Forwarded-For", "198.51.100.7, 192.0.2.1") {
			t.Error("he has made himself another client")
		}
	})
	t.Run("T191 nobody is a proxy unless the config says so", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, oneLogin...) // whose clients come from a private address
		if !g.arrives(t, (*gateway).overH1, "X-Forwarded-For", "192.0.2.1") || g.arrives(t, (*gateway).overH1, "X-Forwarded-For", "192.0.2.2") {
			t.Error("the word of a client is taken")
		}
	})
	t.Run("T193 one address is one client, however it is written", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t, trusting...)
		for _, same := range [][]string{
			{"192.0.2.1", "::ffff:192.0.2.1", "::ffff:c000:201"},
			{"2001:db8:1:2:3::1", "2001:DB8:1:2:0:0:0:9", "2001:db8:1:2::"},
			{"fe80::1%eth0", "fe80::1%eth1", "fe80::1"},
		} {
			for i, text := range same {
				if within := g.arrives(t, (*gateway).overH1, "X-Forwarded-For", text); within != (i == 0) {
					t.Errorf("%s after %q: within the limit is %v", text, same[:i], within)
				}
			}
		}
	})
	t.Run("T193 whoever comes through a unix socket is this machine", securitySocket)
	t.Run("T194 a file that is missing or unreadable keeps a gateway from starting", securityNoFile)
}

func securitySocket(t *testing.T) {
	t.Parallel()
	folder, err := os.MkdirTemp("", "wsite-i-") // that of the test may have too long a name
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	socket := filepath.Join(folder, "s")
	g := startGateway(t, append([]string{"bind 127.0.0.1", "bind unix/" + socket}, oneLogin...)...)
	client := &http.Client{
		Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", socket)
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(client.CloseIdleConnections)
	for i, claimed := range []string{"192.0.2.1", "192.0.2.2"} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.at(appA, "shop", "/"), http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		for _, pair := range [][2]string{{"User-Agent", uaAndroid}, {"Accept", "text/html"}, {"X-Forwarded-For", claimed}} {
			req.Header.Set(pair[0], pair[1])
		}
		resp, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
		if want := []int{http.StatusOK, http.StatusTooManyRequests}[i]; resp.StatusCode != want {
			t.Errorf("request %d is answered %d, want %d", i+1, resp.StatusCode, want)
		}
	}
}

// lackings are lines of a config that name files which don't do, by what is wrong.
func lackings(t *testing.T) map[string]string {
	t.Helper()
	folder := t.TempDir()
	empty := filepath.Join(folder, "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	return map[string]string{
		"no ca":                 "ca " + folder + "/nowhere.pem",
		"a ca that is a folder": "ca " + folder,
		"a ca without any":      "ca " + empty,
		"no certificate":        "certificate " + folder + "/nowhere.pem " + empty,
		"no key":                "certificate " + empty + " " + folder + "/nowhere.pem",
		"an empty key":          "certificate " + empty + " " + empty,
		"no password":           "password {file." + folder + "/nowhere}",
	}
}

// besideRedis is the standard config with a Redis, and with one line about it.
func besideRedis(t *testing.T, g *gateway, data, redis, line string) (*caddy.Config, []byte) {
	t.Helper()
	text := strings.NewReplacer("ORIGIN", g.url, "SIM", g.sim.URL, "DATA", data, "UPSTREAM", g.upstream.Listener.Addr().String(),
		"\tadmin off", "\tadmin off\n\tpersist_config off",
		"facts sqlite", "master_key "+strings.Repeat("0f1e2d3c", 8)+"\n\t\tcluster redis redis://"+redis+" {\n\t\t\t"+line+"\n\t\t}\n\t\tfacts sqlite").Replace(standard)
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	var cfg caddy.Config
	if err := json.Unmarshal(body, &cfg); err != nil {
		t.Fatal(err)
	}
	return &cfg, body
}

func securityNoFile(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t)
	g := &gateway{t: t, url: "http://127.0.0.1:1", sim: simulated(t), upstream: startUpstream(t)}
	for what, line := range lackings(t) {
		cfg, _ := besideRedis(t, g, t.TempDir(), server.Addr, line)
		starting.Lock()
		ctx, err := caddy.ProvisionContext(cfg)
		starting.Unlock()
		if err == nil {
			var app any
			if app, err = ctx.App("wsite"); err == nil {
				err = app.(*App).Start()
				_ = app.(*App).Cleanup()
			}
		}
		if err == nil {
			t.Errorf("with %s it starts", what)
		}
	}
}

// TestReload_missingFile is T194 for a reload. It runs Caddy itself, of which a process
// has one, so that it is not parallel.
func TestReload_missingFile(t *testing.T) {
	server, data := redistest.Single(t), t.TempDir()
	g := &gateway{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", reservePort(t)), sim: simulated(t), upstream: startUpstream(t), app: &App{jar: newJar(false)}}
	load := func(line string) error {
		_, body := besideRedis(t, g, data, server.Addr, line)
		return caddy.Load(body, true)
	}
	if err := load("timeout 1s"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
	})
	p := g.phone("ming")
	id := g.subject(p.open(g.at(appA, "shop", "/")))
	for what, line := range lackings(t) {
		if load(line) == nil {
			t.Fatalf("with %s it is loaded", what)
		}
		if got := g.subject(p.fetch("GET", g.at(appA, "shop", "/"))); got == "" || got != id {
			t.Fatalf("after a reload with %s he is %q, not %q", what, got, id)
		}
	}
}
