package wechat_test

import (
	"encoding/base64"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestAProxyIsUsedIfItIsSet(t *testing.T) {
	t.Parallel()
	var login string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		login = r.Header.Get("Proxy-Authorization")
		if r.URL.Host != "127.0.0.1:1" {
			t.Errorf("got %s", r.URL)
		}
		says(grantJSON)(w, r)
	})
	c := newClient(t, wechat.Config{Hosts: []string{"http://127.0.0.1:1"}, Proxy: strings.Replace(proxy.URL, "://", "://ops:hushhush@", 1)})
	granted(t, c)
	if want := "Basic " + base64.StdEncoding.EncodeToString([]byte("ops:hushhush")); login != want || proxy.calls() != 1 {
		t.Errorf("the proxy got %d requests with %q", proxy.calls(), login)
	}
}

// A proxy that opens no tunnel got nothing of the code.
func TestAProxyThatRefusesTheTunnelGetsNothing(t *testing.T) {
	t.Parallel()
	var asked []string
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked = append(asked, r.Method+" "+r.RequestURI)
		http.Error(w, "no", http.StatusForbidden)
	})
	c := newClient(t, wechat.Config{Hosts: []string{"https://a.invalid", "https://b.invalid"}, Proxy: strings.Replace(proxy.URL, "://", "://ops:hushhush@", 1)})
	_, err := exchange(c)
	e := want(t, err, wechat.ClassRetry)
	if strings.Contains(e.Error(), "hushhush") || !e.Unsent() {
		t.Errorf("got %v", e)
	}
	if got := strings.Join(asked, ", "); got != "CONNECT a.invalid:443, CONNECT b.invalid:443" {
		t.Errorf("asked %s", got)
	}
}

func TestProxyAddresses(t *testing.T) {
	t.Parallel()
	for address, ok := range map[string]bool{
		"http://proxy.internal:3128": true, "https://proxy.internal": true, "socks5://ops:hushhush@proxy.internal:1080/": true,
		"proxy.internal:3128": false, "ftp://proxy.internal": false, "http://": false, "http://proxy.internal/path": false,
		"http://proxy.internal?a=b": false, "http://ops:hushhush@%zz": false, "http://ops:hushhush@proxy.internal#x": false,
	} {
		_, err := wechat.NewClient(wechat.Config{Proxy: address})
		if (err == nil) != ok || err != nil && strings.Contains(err.Error(), "hushhush") {
			t.Errorf("%s: %v", address, err)
		}
	}
	if _, err := wechat.NewClient(wechat.Config{Proxy: "http://proxy.internal", HTTP: &http.Client{Transport: &http.Transport{}}}); err == nil {
		t.Error("a proxy beside a transport of one's own is silently ignored")
	}
}
