package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// TestReload runs Caddy itself, of which a process has one, so that it is not parallel.
func TestReload(t *testing.T) {
	t.Run("T185 twenty configs are loaded while visitors sign in, and nobody notices", underTraffic)
}

// underTraffic loads a config again and again while visitors sign in.
func underTraffic(t *testing.T) {
	sim, up, data := simulated(t), startUpstream(t), t.TempDir()
	g := &gateway{t: t, url: fmt.Sprintf("http://127.0.0.1:%d", reservePort(t)), sim: sim, upstream: up, app: &App{jar: newJar(false)}}
	load := func(round int) {
		t.Helper()
		if err := caddy.Load(g.reloaded(t, data, round), true); err != nil {
			t.Fatal(err)
		}
	}
	load(0)
	t.Cleanup(func() {
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		noFileOpen(t, data)
	})
	steady := g.phone("ming")
	steady.client.Transport = insistent{http.DefaultTransport}
	id := g.subject(steady.open(g.at(appA, "shop", "/")))
	if id == "" {
		t.Fatal("the first visitor isn't known")
	}
	settled := func() int { runtime.GC(); return runtime.NumGoroutine() }
	load(1)
	steady.fetch("GET", g.at(appA, "shop", "/"))
	before := settled()

	var logins atomic.Int64
	var wg sync.WaitGroup
	stop := make(chan struct{})
	for worker := range 4 {
		wg.Go(func() {
			steady := *steady
			steady.visited = nil // a history of its own
			for n := 0; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				g.visit(t, fmt.Sprintf("visitor-%d-%d", worker, n))
				if g.subject(steady.fetch("GET", g.at(appA, "shop", "/"))) != id {
					t.Error("who had signed in before is somebody else, or nobody")
				}
				logins.Add(1)
			}
		})
	}
	for round := range 20 {
		want := logins.Load() + 2
		waitFor(t, "visitors to come", func() bool { return logins.Load() >= want || t.Failed() })
		load(2 + round)
	}
	close(stop)
	wg.Wait()
	steady.client.CloseIdleConnections()
	waitFor(t, "the workers of old configs to end", func() bool { return settled() <= before+15 })
}

// reloaded is the standard config with something else in every round.
func (g *gateway) reloaded(t *testing.T, data string, round int) []byte {
	t.Helper()
	up := g.upstream.Listener.Addr().String()
	// Connections that reverse_proxy keeps to a site outlive its config by minutes,
	// which is Caddy's affair.
	text := strings.NewReplacer("reverse_proxy UPSTREAM", "reverse_proxy "+up+" {\n\t\ttransport http {\n\t\t\tkeepalive off\n\t\t}\n\t}",
		"\tadmin off", "\tadmin off\n\tpersist_config off\n\tgrace_period 10s",
		"ORIGIN", g.url, "SIM", g.sim.URL, "DATA", data).Replace(standard)
	text = strings.Replace(text, "wechat_timeout 2s", fmt.Sprintf("wechat_timeout %ds\n\t\tcache_size %d", 10+round%2, 1000+round), 1)
	body, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	return body
}

// visit is a new visitor's first two requests, whatever is reloaded meanwhile.
func (g *gateway) visit(t *testing.T, name string) {
	g.sim.Add(wechatsim.Person{Name: name, Nickname: name})
	p := g.phone(name)
	p.client.Transport = insistent{http.DefaultTransport}
	address := g.at(appA, "shop", "/page?of="+name)
	page := p.open(address)
	first := g.subject(page)
	if again := g.subject(p.fetch("GET", address)); page.URL != address || first == "" || again != first {
		t.Errorf("%s ended at %s with %d as %q, then %q: %.300s", name, page.URL, page.Status, first, again, page.Body)
	}
	p.client.CloseIdleConnections()
}

// insistent sends a GET again that got no answer, as browsers do: a connection that
// comes in while Caddy changes sockets is closed unheard.
type insistent struct{ http.RoundTripper }

func (i insistent) RoundTrip(r *http.Request) (resp *http.Response, err error) {
	for range 5 {
		resp, err = i.RoundTripper.RoundTrip(r)
		if r.Method != http.MethodGet || !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
	}
	return resp, err
}

func (i insistent) CloseIdleConnections() {
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
}

// subject is the visitor whom the site saw, verified with the keys that are published
// now; empty if the site saw none.
func (g *gateway) subject(page seenPage) string {
	var s seen
	if page.Status != http.StatusOK || json.Unmarshal([]byte(page.Body), &s) != nil {
		return ""
	}
	p := g.phone("")
	p.client.Transport = insistent{http.DefaultTransport}
	keys := p.fetch("GET", g.url+"/wsite/-/jwks.json")
	user, err := identity.Verify([]byte(keys.Body), s.Header.Get(headerUser), identity.Expect{Issuer: g.url + "/wsite/-", Audience: shopAudience, Now: time.Now()})
	if err != nil {
		g.t.Errorf("verifying: %v", err)
	}
	return user.Subject
}

// noFileOpen fails if this process still has a file open below a folder.
func noFileOpen(t *testing.T, folder string) {
	t.Helper()
	list, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	for _, fd := range list {
		if name, err := os.Readlink("/proc/self/fd/" + fd.Name()); err == nil && strings.HasPrefix(name, folder) {
			t.Errorf("%s is still open", name)
		}
	}
}
