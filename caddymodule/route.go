package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// route is step 1: which micro-site, through which account?
type route struct {
	site    *directory.Site
	account *directory.Account
	base    string // "/wsite/wx0123456789abcdef/shop01": as in the request, without a slash at the end
	rest    string // what follows: "/", "/pay/notify"; canonical, escaped
	policy  directory.Policy
	host    string // the further host that the request came to; empty for the origin's
}

// own is the part below which a site's paths belong to the gateway.
const own = "/-/"

// isOwn says whether the path is one of the gateway's own, never forwarded.
func (rt route) isOwn() bool { return strings.HasPrefix(rt.rest, own) || rt.rest == "/-" }

// through is the route of the same site through another account.
func (a *App) through(rt route, account *directory.Account) route {
	rt.account, rt.base = account, a.Prefix+"/"+account.AppID+"/"+rt.site.PTID
	return rt
}

// seat is what sessions of a route are sealed for.
func (rt route) seat() string { return seatOf(rt.account.AppID, rt.host) }

// target is the address of this request inside the site: path and query, which
// is what a visitor comes back to after a login.
func (rt route) target(r *http.Request) string {
	if r.URL.RawQuery == "" {
		return rt.base + rt.rest
	}
	return rt.base + rt.rest + "?" + escapeQuery(r.URL.RawQuery)
}

// escapeQuery escapes what [route.contains] refuses in an address: browsers leave
// a backslash in a query as it is.
func escapeQuery(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c <= ' ' || c == 0x7f || c == '\\' || c == '#' {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// rawPath is the path of the request as it came in, before any handler touched
// it: what is decided on must be what is forwarded.
func rawPath(r *http.Request) string {
	uri := r.RequestURI
	if orig, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok {
		uri = orig.RequestURI
	}
	// An absolute request target (RFC 9112 §3.2.2) is for proxies; the server
	// has parsed it, and its path is what counts.
	if !strings.HasPrefix(uri, "/") {
		if u, err := url.ParseRequestURI(uri); err == nil {
			return u.EscapedPath()
		}
		return uri
	}
	path, _, _ := strings.Cut(uri, "?")
	return path
}

// rewritten says whether an earlier handler changed the path that is decided on.
func rewritten(r *http.Request, raw string) bool {
	if r.URL.RawPath == "" && r.URL.Path == raw {
		return false
	}
	return r.URL.EscapedPath() != raw
}

// below cuts the prefix off a path, at a segment's end only: /wsitex is not below
// /wsite.
func below(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	return rest, ok && (rest == "" || rest[0] == '/')
}

// step cuts the first segment off: "/a/b" gives "a" and "/b".
func step(path string) (segment, rest string) {
	path = strings.TrimPrefix(path, "/")
	i := strings.IndexByte(path, '/')
	if i < 0 {
		return path, ""
	}
	return path[:i], path[i:]
}

// noSite refuses a request for a site that isn't there.
func (a *App) noSite(site *directory.Site, err error) *refusal {
	switch {
	case err != nil:
		return a.unknown(err)
	case site == nil:
		return refuse(codeNoSite)
	}
	return nil
}

// route finds the site of a canonical path below the prefix. A nil refusal with
// ok false means that the path has the old form without an account.
func (a *App) route(ctx context.Context, path string) (rt route, old bool, ref *refusal) {
	below := path[len(a.Prefix):]
	first, rest := step(below)
	account := a.directory().Account(first)
	switch {
	case account != nil: // is asked first: it costs less than the form of an app id
	case directory.ValidAppID(first):
		return route{}, false, refuse(codeNoAccount)
	default:
		site, err := a.site(ctx, first)
		if ref := a.noSite(site, err); ref != nil {
			return route{}, false, ref
		}
		return route{site: site, rest: rest}, true, nil
	}
	ptid, rest := step(rest)
	site, err := a.site(ctx, ptid)
	if ref := a.noSite(site, err); ref != nil {
		return route{}, false, ref
	}
	if !site.ServedBy(first) {
		return route{}, false, refuse(codeNoPair)
	}
	base := path[:len(path)-len(rest)]
	if rest == "" {
		rest = "/"
	}
	return route{site: site, account: account, base: base, rest: rest, policy: site.Policy(rest)}, false, nil
}
