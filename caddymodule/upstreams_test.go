package caddymodule

import (
	"net/http"
	"strings"
	"testing"
)

func TestUpstreams(t *testing.T) {
	t.Parallel()
	const dynamic = "reverse_proxy {\n\t\tdynamic wsite\n\t}"
	g := startGateway(t, "reverse_proxy UPSTREAM", dynamic, "fragment off", "fragment off\n\t\t\tupstream UPSTREAM",
		"outside ask", "outside ask\n\t\t\tupstream 192.0.2.1:80", "realm other\n\t\tsite shop", "realm other\n\t\tsite shop")
	ming := g.phone("ming")
	t.Run("a site is found where it says", func(t *testing.T) {
		if page := ming.open(g.at(appA, "game", "/x")); page.Status != http.StatusOK || g.upstream.last().URI != "/wsite/"+appA+"/game/x" {
			t.Errorf("it is answered %d, and the site saw %s", page.Status, g.upstream.last().URI)
		}
	})
	t.Run("one that says nothing, or what is outside of the networks, is found nowhere", func(t *testing.T) {
		seen := g.upstream.count()
		for _, ptid := range []string{"shop", "club"} {
			if page := ming.open(g.at(appA, ptid, "/")); page.Status < 500 {
				t.Errorf("%s is answered %d", ptid, page.Status)
			}
		}
		if g.upstream.count() != seen {
			t.Error("a request reached another site")
		}
	})
}

func TestUpstreams_networks(t *testing.T) {
	t.Parallel()
	usual := &Upstreams{app: startGateway(t).app, resolved: map[string]resolved{}}
	narrow := &Upstreams{app: startGateway(t, "facts sqlite", "upstream_networks 10.1.0.0/16 fd00::/8\n\t\tfacts sqlite").app, resolved: map[string]resolved{}}
	for address, want := range map[string]struct{ usual, narrow string }{
		"127.0.0.1:80":               {"127.0.0.1:80", ""},
		"localhost:8080":             {"127.0.0.1:8080", ""},
		"10.1.2.3:3000":              {"10.1.2.3:3000", "10.1.2.3:3000"},
		"10.2.2.3:3000":              {"10.2.2.3:3000", ""},
		"[fd00::1]:80":               {"[fd00::1]:80", "[fd00::1]:80"},
		"[::ffff:10.1.2.3]:80":       {"10.1.2.3:80", "10.1.2.3:80"},
		"[::ffff:192.0.2.1]:80":      {"", ""},
		"192.0.2.1:80":               {"", ""}, // documentation (RFC 5737)
		"169.254.169.254:80":         {"", ""}, // metadata of clouds
		"0.0.0.0:80":                 {"", ""}, // is loopback to many systems
		"[::]:80":                    {"", ""},
		"[fe80::1%lo]:80":            {"", ""},
		"no-such-name.invalid:80":    {"", ""}, // RFC 6761
		"not an address":             {"", ""},
		"{http.request.host}:80":     {"", ""},
		"metadata.invalid.:80":       {"", ""},
		"[64:ff9b::a01:203]:80":      {"", ""}, // translated by some networks (RFC 6052)
		"255.255.255.255:80":         {"", ""},
		"172.16.0.1:65535":           {"172.16.0.1:65535", ""},
		"192.168.255.254:1":          {"192.168.255.254:1", ""},
		"172.32.0.1:80":              {"", ""},
		"[fc00:aaaa::1]:80":          {"[fc00:aaaa::1]:80", ""},
		"[2001:db8::1]:80":           {"", ""},
		"[::ffff:169.254.169.254]:1": {"", ""},
	} {
		for u, want := range map[*Upstreams]string{usual: want.usual, narrow: want.narrow} {
			dial, err := u.resolve(t.Context(), address)
			if want == "" && err == nil || want != "" && (err != nil || dial[0] != want && !strings.HasPrefix(address, "localhost")) {
				t.Errorf("%s leads to %v, %v; want %q", address, dial, err, want)
			}
		}
	}
}

func TestUpstreams_nameIsResolvedAnew(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	u := &Upstreams{app: g.app, resolved: map[string]resolved{"shop.invalid:80": {[]string{"10.0.0.1:80"}, g.now().Add(resolveFor)}}}
	if dial, err := u.resolve(t.Context(), "shop.invalid:80"); err != nil || dial[0] != "10.0.0.1:80" {
		t.Errorf("what was resolved just now is forgotten: %v, %v", dial, err)
	}
	g.advance(resolveFor + 1)
	if dial, err := u.resolve(t.Context(), "shop.invalid:80"); err == nil {
		t.Errorf("after %s it still leads to %v", resolveFor, dial)
	}
}

func TestUpstreams_withoutDirective(t *testing.T) {
	t.Parallel()
	u := &Upstreams{}
	r, _ := http.NewRequest(http.MethodGet, "/wsite/"+appA+"/shop/", nil)
	if ups, err := u.GetUpstreams(r); err == nil || !strings.Contains(err.Error(), "did not pass the wsite directive") {
		t.Errorf("it leads to %v, %v", ups, err)
	}
}
