package caddymodule

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// TestCheck_proxy: a check reaches WeChat as the gateway does, and the gateway itself
// without a detour.
func TestCheck_proxy(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var asked []string
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		asked = append(asked, r.URL.Host+r.URL.Path)
		mu.Unlock()
		r.RequestURI = ""
		resp, err := http.DefaultTransport.RoundTrip(r)
		if err != nil {
			http.Error(w, "no", http.StatusBadGateway)
			return
		}
		defer resp.Body.Close()
		for name, values := range resp.Header {
			w.Header()[name] = values
		}
		w.WriteHeader(resp.StatusCode)
		_, _ = io.Copy(w, resp.Body)
	}))
	t.Cleanup(proxy.Close)
	g := startChannels(t, "api_hosts SIM\n", "api_hosts SIM\n\t\twechat_proxy "+proxy.URL+"\n")
	g.askAt(t, g.apiKey(t, identity.AllRealms, "operate"), "POST", "/v1/accounts/"+appA+"/check", "{}").want(t, 200)
	mu.Lock()
	defer mu.Unlock()
	host := strings.TrimPrefix(g.sim.URL, "http://")
	for _, path := range []string{"/cgi-bin/stable_token", "/cgi-bin/getcallbackip"} {
		if !slices.Contains(asked, host+path) {
			t.Errorf("%s was not asked for through the proxy: %v", path, asked)
		}
	}
	for _, at := range asked {
		if strings.HasPrefix(at, strings.TrimPrefix(g.url, "http://")) {
			t.Errorf("%s was asked for through the proxy", at)
		}
	}
}

func TestWarn_plain(t *testing.T) {
	t.Parallel()
	said := func(g *gateway) (n int) {
		for _, line := range g.warnings() {
			if strings.Contains(line, "mode `plain`") {
				n++
			}
		}
		return n
	}
	const secret = "secret secret-of-b-0123456789abcdef\n"
	if n := said(startGateway(t, secret, secret+"\t\t\tpush {\n\t\t\t\ttoken ThePlainToken\n\t\t\t\tmode plain\n\t\t\t}\n")); n != 1 {
		t.Errorf("it warns %d times", n)
	}
	if n := said(startChannels(t)); n != 0 {
		t.Errorf("it warns %d times without a reason", n)
	}
}
