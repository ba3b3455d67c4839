package caddymodule

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// enter is step 1: it brings the address into its one form, answers what is the
// gateway's own, and finds the site of the rest.
func (a *App) enter(w http.ResponseWriter, r *http.Request) (route, whose, error) {
	raw := rawPath(r)
	path, err := raw, error(nil)
	if !directory.IsCanonicalPath(raw) && (raw != "*" || r.Method != http.MethodOptions) {
		path, err = directory.CanonicalPath(raw)
	}
	if err != nil || strings.Contains(r.URL.RawQuery, "#") {
		return route{}, answered, a.refused(w, r, route{}, refuse(codeBadPath))
	}
	rest, inside := below(path, a.Prefix)
	if !inside {
		if _, was := below(raw, a.Prefix); was {
			return route{}, answered, a.canonicalise(w, r, path)
		}
		if _, now := below(r.URL.EscapedPath(), a.Prefix); now {
			return route{}, answered, a.refused(w, r, route{}, refuseRewritten(r, raw))
		}
		if code, ok := verifyFile(path); ok && a.directory().Verifies(code) {
			return route{}, answered, a.writeVerify(w, r, code)
		}
		return route{}, notOurs, nil
	}
	if name, ok := strings.CutPrefix(rest, own); ok && (name == "live" || name == "ready") && path == raw {
		return route{}, answered, a.serveHealth(w, r, name, false)
	}
	if err := a.awaitReady(r); err != nil {
		return route{}, answered, a.refused(w, r, route{}, refuse(codeStarting).because(err))
	}
	host, ref := a.admit(r, raw, path)
	if ref != nil {
		return route{}, answered, a.refused(w, r, route{}, ref)
	}
	if path != raw {
		return route{}, answered, a.canonicalise(w, r, path)
	}
	if well, ok := strings.CutPrefix(rest, own); ok {
		if well == "relay" {
			return route{}, answered, a.relay(w, r, host)
		}
		return route{}, answered, a.serveWellKnown(w, r, well)
	}
	rt, old, ref := a.route(r.Context(), path)
	rt.host = host
	switch {
	case ref != nil:
		return route{}, answered, a.refused(w, r, rt, ref)
	case !serves(host, rt.site):
		return route{}, answered, a.refused(w, r, route{}, refuse(codeBadHost).because(errors.New("the Host is not one of the site's")))
	case old:
		return route{}, answered, a.addAccount(w, r, rt)
	case len(path) == len(rt.base): // a page's relative links need the slash
		return route{}, answered, a.canonicalise(w, r, path+"/")
	case rt.isOwn():
		return route{}, answered, a.serveOwn(w, r, rt)
	}
	return rt, aSites, nil
}

// admit refuses what no site may see, and tells the host of the rest.
func (a *App) admit(r *http.Request, raw, path string) (host string, ref *refusal) {
	host, known, err := a.hostOf(r)
	switch {
	case err != nil:
		return host, a.unknown(err)
	case path == raw && rewritten(r, raw):
		return host, refuseRewritten(r, raw)
	case !known:
		return host, refuse(codeBadHost).because(errors.New("the Host is neither the origin's nor one of a site's"))
	case r.Method == http.MethodConnect || r.Method == http.MethodTrace:
		return host, refuse(codeBadMethod).allowing("GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
	}
	return host, nil
}

// refuseRewritten tells the operator what he did: a visitor can't do this.
func refuseRewritten(r *http.Request, raw string) *refusal {
	return refuse(codeRewritten).because(fmt.Errorf(
		"the path came in as %q and an earlier handler (uri, rewrite, handle_path, try_files) made it %q: what is decided on has to be what is forwarded. Rewrite inside reverse_proxy instead: `rewrite {http.wsite.rest}`", raw, r.URL.EscapedPath()))
}

// canonicalise sends a reader to the one form of an address. What changes
// something is refused, since a redirect would do it twice or elsewhere.
func (a *App) canonicalise(w http.ResponseWriter, r *http.Request, path string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, route{}, refuse(codeBadPath))
	}
	if r.URL.RawQuery != "" {
		path += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", path)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusPermanentRedirect)
	return nil
}

// awaitReady waits for Start where a request comes before it.
func (a *App) awaitReady(r *http.Request) error {
	select {
	case <-a.ready:
		return nil
	default:
	}
	timer := time.NewTimer(startTime)
	defer timer.Stop()
	select {
	case <-a.ready:
		return nil
	case <-timer.C:
		return errors.New("the facts are not open yet")
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// addAccount leads the old form of an address to the account that the visitor last
// used, if the site is served by it, else to the site's default. Never for good:
// tomorrow it may be another one.
func (a *App) addAccount(w http.ResponseWriter, r *http.Request, rt route) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, route{}, refuse(codeBadMethod).allowing("GET, HEAD"))
	}
	appID := rt.site.Accounts[0]
	if l := a.loginCookie(r); l != nil && rt.site.ServedBy(l.LastAppID) && a.suits(r, a.directory().Account(l.LastAppID)) {
		appID = l.LastAppID
	}
	location := a.Prefix + "/" + appID + "/" + rt.site.PTID + rt.rest
	if rt.rest == "" {
		location += "/"
	}
	if r.URL.RawQuery != "" {
		location += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", location)
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
	return nil
}

// serveOwn answers the gateway's own paths of a site.
func (a *App) serveOwn(w http.ResponseWriter, r *http.Request, rt route) error {
	switch strings.TrimPrefix(rt.rest, own) {
	case "callback":
		return a.callback(w, r, rt)
	case "login":
		return a.loginPage(w, r, rt)
	case "logout":
		return a.logout(w, r, rt)
	case "me":
		return a.me(w, r, rt)
	case "ticket":
		return a.giveTicket(w, r, rt)
	case "enter":
		return a.enterByTicket(w, r, rt)
	case "phone":
		return a.phoneNumber(w, r, rt)
	case "jssdk":
		return a.jssdk(w, r, rt)
	case "jssdk.js":
		return a.jssdkFile(w, r, rt)
	}
	return a.refused(w, r, rt, refuse(codeNoPage))
}

// verifyFile finds the code in the path of WeChat's domain check.
func verifyFile(path string) (string, bool) {
	name, ok := strings.CutPrefix(path, "/MP_verify_")
	if !ok {
		return "", false
	}
	return strings.CutSuffix(name, ".txt")
}

func (a *App) writeVerify(w http.ResponseWriter, r *http.Request, code string) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, route{}, refuse(codeBadMethod).allowing("GET, HEAD"))
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, err := w.Write([]byte(code))
	return err
}
