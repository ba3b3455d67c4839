package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/directory"
)

func init() {
	httpcaddyfile.RegisterDirective("wsite_console", parseConsole)
	httpcaddyfile.RegisterDirectiveOrder("wsite_console", httpcaddyfile.Before, "basic_auth")
}

// parseConsole reads the directive that answers a site block as the console. Syntax:
//
//	wsite_console [{
//	    require_second_factor viewer|operator|administrator
//	}]
func parseConsole(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next()
	if h.NextArg() {
		return nil, h.Errf("wsite_console takes no arguments, found %q: give it a host of its own", h.Val())
	}
	c := new(Console)
	for h.NextBlock(0) {
		if h.Val() != "require_second_factor" {
			return nil, h.WrapErr(unknownWord("word", h.Val(), directory.Nearest(h.Val(), []string{"require_second_factor"})))
		}
		if c.RequireSecondFactor != "" {
			return nil, h.Err("require_second_factor is there twice")
		}
		args := h.RemainingArgs()
		if len(args) != 1 || !console.Role(args[0]).Valid() {
			return nil, h.Err("require_second_factor is written `require_second_factor administrator`, or with operator or viewer, for whoever may do as much")
		}
		c.RequireSecondFactor = console.Role(args[0])
	}
	return h.NewRoute(nil, c), nil
}
