package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

func init() {
	httpcaddyfile.RegisterDirective("wsite_console", parseConsole)
	httpcaddyfile.RegisterDirectiveOrder("wsite_console", httpcaddyfile.Before, "basic_auth")
}

// parseConsole reads the directive that answers a site block as the console. Syntax:
//
//	wsite_console
func parseConsole(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next()
	if h.NextArg() || h.NextBlock(0) {
		return nil, h.Errf("wsite_console takes no arguments, found %q: give it a host of its own", h.Val())
	}
	return h.NewRoute(nil, new(Console)), nil
}
