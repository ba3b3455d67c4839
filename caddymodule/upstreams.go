package caddymodule

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() { caddy.RegisterModule(new(Upstreams)) }

// Upstreams sends each request to its own site's `upstream`. It refuses addresses
// outside of the app's `upstream_networks`, by what a name resolves to now, so that
// a site can't be pointed at what only the gateway can reach.
type Upstreams struct {
	app *App

	mu       sync.Mutex
	resolved map[string]resolved
}

type resolved struct {
	dial  []string
	until time.Time
}

// resolveFor is how long the addresses of a name are used.
const resolveFor = 10 * time.Second

// CaddyModule returns the Caddy module information.
func (*Upstreams) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.wsite", New: func() caddy.Module { return new(Upstreams) }}
}

// Provision finds the app.
func (u *Upstreams) Provision(ctx caddy.Context) error {
	u.resolved = map[string]resolved{}
	var err error
	u.app, err = appOf(ctx)
	return err
}

// UnmarshalCaddyfile reads the source. Syntax:
//
//	dynamic wsite
func (u *Upstreams) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() || d.NextBlock(0) {
		return d.Errf("dynamic wsite takes nothing, found %q: a site's `upstream` says where it runs", d.Val())
	}
	return nil
}

// GetUpstreams returns where the site of the request runs.
func (u *Upstreams) GetUpstreams(r *http.Request) ([]*reverseproxy.Upstream, error) {
	p := passageOf(r)
	if p == nil {
		return nil, fmt.Errorf("finding upstream: the request did not pass the wsite directive")
	}
	if p.route.site.Upstream == "" {
		return nil, fmt.Errorf("finding upstream: site %s has no `upstream`", p.route.site.PTID)
	}
	dial, err := u.resolve(r.Context(), p.route.site.Upstream)
	if err != nil {
		return nil, fmt.Errorf("finding upstream of site %s: %w", p.route.site.PTID, err)
	}
	ups := make([]*reverseproxy.Upstream, len(dial))
	for i, d := range dial {
		ups[i] = &reverseproxy.Upstream{Dial: d}
	}
	return ups, nil
}

// resolve turns a name into addresses that are allowed. The addresses themselves
// are dialled: resolved once more, the name could lead elsewhere.
func (u *Upstreams) resolve(ctx context.Context, address string) ([]string, error) {
	now := u.app.now()
	u.mu.Lock()
	known, ok := u.resolved[address]
	u.mu.Unlock()
	if ok && now.Before(known.until) {
		return known.dial, nil
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	ips, err := net.DefaultResolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	var dial []string
	for _, ip := range ips {
		if u.app.allows(ip) {
			dial = append(dial, net.JoinHostPort(ip.Unmap().String(), port))
		}
	}
	if len(dial) == 0 {
		return nil, fmt.Errorf("%s is outside of upstream_networks", host)
	}
	u.mu.Lock()
	u.resolved[address] = resolved{dial, now.Add(resolveFor)}
	u.mu.Unlock()
	return dial, nil
}

// allows says whether an upstream may be at an address.
func (a *App) allows(ip netip.Addr) bool {
	ip = ip.Unmap().WithZone("")
	return slices.ContainsFunc(a.networks, func(n netip.Prefix) bool { return n.Contains(ip) })
}

var (
	_ caddy.Provisioner           = (*Upstreams)(nil)
	_ caddyfile.Unmarshaler       = (*Upstreams)(nil)
	_ reverseproxy.UpstreamSource = (*Upstreams)(nil)
)
