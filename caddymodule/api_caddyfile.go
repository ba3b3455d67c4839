package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
)

// parseAPI reads the directive that answers a site block as the HTTP API. Syntax:
//
//	wsite_api
func parseAPI(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next()
	if h.NextArg() || h.NextBlock(0) {
		return nil, h.Errf("wsite_api takes no arguments, found %q; to answer only some requests put it into a `handle`", h.Val())
	}
	return h.NewRoute(nil, new(API)), nil
}
