package caddymodule

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddytls"
)

func init() { caddy.RegisterModule(new(Certificates)) }

// Certificates lets Caddy get certificates on demand for the hosts of sites, those that are
// made while it runs among them, and for no other name: whoever points a domain at us could
// have us ask for certificates without end.
type Certificates struct{ app *App }

// CaddyModule returns the Caddy module information.
func (*Certificates) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "tls.permission.wsite", New: func() caddy.Module { return new(Certificates) }}
}

// Provision finds the app.
func (c *Certificates) Provision(ctx caddy.Context) error {
	app, err := appOf(ctx)
	c.app = app
	return err
}

// UnmarshalCaddyfile reads it. Syntax:
//
//	permission wsite
func (c *Certificates) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	if d.NextArg() || d.NextBlock(0) {
		return d.Errf("permission wsite takes nothing more, found %q", d.Val())
	}
	return nil
}

// CertificateAllowed returns nil for the origin's host and those of sites, of the Caddyfile
// and of the facts. While the facts can't be reached, what is known stays known.
func (c *Certificates) CertificateAllowed(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	select {
	case <-c.app.ready:
	case <-ctx.Done():
		return fmt.Errorf("judging the host %s: the facts are not open yet", name)
	}
	for host := range c.app.directory().hosts {
		if nameOf(host) == name {
			return nil
		}
	}
	if nameOf(c.app.host) == name && net.ParseIP(name) == nil {
		return nil
	}
	served, err := c.app.servedHost(ctx, canonicalHost(name, true))
	switch {
	case err != nil:
		return fmt.Errorf("judging the host %s: %w", name, err)
	case !served:
		return fmt.Errorf("%w: %s is a host of no site", caddytls.ErrPermissionDenied, name)
	}
	return nil
}

var (
	_ caddy.Provisioner           = (*Certificates)(nil)
	_ caddyfile.Unmarshaler       = (*Certificates)(nil)
	_ caddytls.OnDemandPermission = (*Certificates)(nil)
)
