package caddymodule

import (
	"maps"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// warn looks through the servers at start for what is allowed and yet probably a
// mistake: a site that can be reached past the gateway or not at all, and a log that
// tells too much.
func (a *App) warn() {
	a.warnInline()
	a.warnPlain()
	loaded, err := a.ctx.AppIfConfigured("http")
	if err != nil {
		return
	}
	http := loaded.(*caddyhttp.App)
	w := watcher{app: http, guards: map[string]int{}, behind: map[string]bool{}, sites: map[[2]string]bool{}}
	for _, name := range slices.Sorted(maps.Keys(http.Servers)) {
		w.server = name
		server := http.Servers[name]
		for _, site := range server.Routes {
			w.site(site)
		}
		if w.guards[name] > 0 && server.Logs != nil && !logsFiltered(a.ctx) {
			a.log.Warn("access logs are written without `format wsite`: they will hold codes and tokens with which a reader could be somebody else", zap.String("server", name))
		}
	}
	for said, blocks := range map[string][][2]string{
		"`wsite_api` stands in the same site block as `wsite` and answers every request, also those for the sites: give it a host of its own, or put it into a `handle`": w.apis,
		"`wsite_console` stands in the same site block as `wsite` and answers every request, also those for the sites: give it a host of its own":                        w.consoles,
	} {
		for _, at := range blocks {
			if w.sites[at] {
				a.log.Warn(said, zap.String("server", at[0]), zap.String("site", at[1]))
			}
		}
	}
	for _, p := range w.open {
		if p.sameSite || slices.ContainsFunc(p.dials, func(d string) bool { return w.behind[d] }) {
			a.log.Warn("a reverse_proxy can be reached without passing `wsite`: requests that come that way can carry a forged X-User",
				zap.String("server", p.server), zap.String("site", p.site), zap.Strings("upstreams", p.dials))
		}
	}
}

// warnPlain names the accounts whose pushes hold no proof of what they say.
func (a *App) warnPlain() {
	for _, account := range a.directory().Accounts() {
		if account.Push != nil && account.Push.Mode == string(push.Plain) {
			a.log.Warn("pushes in the mode `plain` are signed without their body: whoever sees one can send another body with its signature; use the mode `safe`", zap.String("appid", account.AppID))
		}
	}
}

// watcher walks the routes of all servers.
type watcher struct {
	app    *caddyhttp.App
	server string
	host   string
	guards map[string]int  // how many wsite handlers each server has
	behind map[string]bool // upstreams that are proxied to behind one
	open   []openProxy
	sites  map[[2]string]bool // server and hosts of the blocks with a wsite handler
	// The same of blocks in which an API, or the console, answers everything.
	apis, consoles [][2]string
	narrow         bool // only some requests of the block come here
}

type openProxy struct {
	server, site string
	dials        []string
	sameSite     bool // as a wsite handler
}

// site walks one site block. A proxy in a block with a wsite handler that doesn't
// pass it is suspect; in a block without one, only if it leads to the same place.
func (w *watcher) site(route caddyhttp.Route) {
	w.host = hostsOf(route)
	first := len(w.open)
	before := w.guards[w.server]
	if w.host != anyHost {
		route.MatcherSets = nil // what makes it this site narrows nothing within it
	}
	w.walk(caddyhttp.RouteList{route}, false)
	if w.guards[w.server] > before {
		w.sites[[2]string{w.server, w.host}] = true
		for i := range w.open[first:] {
			w.open[first+i].sameSite = true
		}
	}
}

// walk follows routes in order. guarded says that every request here has passed a
// wsite handler; it returns whether that holds behind them.
func (w *watcher) walk(routes caddyhttp.RouteList, guarded bool) bool {
	for _, route := range routes {
		inside, narrow := guarded, w.narrow
		w.narrow = narrow || len(route.MatcherSets) > 0 || route.Group != ""
		for _, h := range route.Handlers {
			switch h := h.(type) {
			case *Handler:
				inside = true
				w.guards[w.server]++
			case *API:
				if !w.narrow {
					w.apis = append(w.apis, [2]string{w.server, w.host})
				}
			case *Console:
				if !w.narrow {
					w.consoles = append(w.consoles, [2]string{w.server, w.host})
				}
			case *caddyhttp.Subroute:
				inside = w.walk(h.Routes, inside)
			case *caddyhttp.Invoke:
				if named := w.app.Servers[w.server].NamedRoutes[h.Name]; named != nil {
					inside = w.walk(caddyhttp.RouteList{*named}, inside)
				}
			case *reverseproxy.Handler:
				w.proxy(h, inside)
			}
		}
		w.narrow = narrow
		if len(route.MatcherSets) == 0 {
			guarded = inside
		}
	}
	return guarded
}

func (w *watcher) proxy(h *reverseproxy.Handler, guarded bool) {
	var dials []string
	for _, u := range h.Upstreams {
		dials = append(dials, u.Dial)
	}
	if guarded {
		for _, d := range dials {
			w.behind[d] = true
		}
		return
	}
	w.open = append(w.open, openProxy{server: w.server, site: w.host, dials: dials})
}

const anyHost = "any host"

func hostsOf(route caddyhttp.Route) string {
	var hosts []string
	for _, set := range route.MatcherSets {
		for _, m := range set {
			if h, ok := m.(*caddyhttp.MatchHost); ok {
				hosts = append(hosts, *h...)
			}
		}
	}
	if len(hosts) == 0 {
		return anyHost
	}
	return strings.Join(hosts, " ")
}
