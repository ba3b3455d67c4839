package caddymodule

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// loopWindow and loopMax bound how many logins may end without a session coming
// back: a fourth one would only go round again.
const (
	loopWindow = 30 * time.Second
	loopMax    = 3
	renewPause = 5 * time.Minute // after a silent renewal has gone wrong
)

// login is step 3, for a visitor who isn't recognised: ask WeChat, silently; or
// give him a guest id where WeChat can't be asked. It either answers the request
// (done) or says who goes on.
func (a *App) login(w http.ResponseWriter, r *http.Request, rt route) (v *visitor, done bool, err error) {
	if _, n := bearers(r); n > 0 || rt.account.TakesCodes() {
		return nil, rt.policy != directory.Optional, a.loginByProgram(w, r, rt)
	}
	l := a.loginCookie(r)
	if a.guestHere(r, rt, l) {
		return a.guest(w, r, rt)
	}
	if rt.policy == directory.Optional {
		return nil, false, nil
	}
	if prefetches(r) {
		return nil, true, a.refused(w, r, rt, refuse(codePrefetch))
	}
	if !navigates(r) {
		return nil, true, a.loginRequired(w, r, rt, codeLoginRequired)
	}
	return nil, true, a.start(w, r, rt, l, target{Path: rt.target(r)})
}

// guestHere says whether WeChat can't or may not be asked: another browser, an
// account without web login, or a visitor who has signed out.
func (a *App) guestHere(r *http.Request, rt route, l *loginCookie) bool {
	return !a.opens(r, rt.account) || l != nil && slices.Contains(l.SignedOut, rt.account.AppID)
}

// opens says whether WeChat can sign this browser in through the account.
func (a *App) opens(r *http.Request, account *directory.Account) bool {
	switch account.Kind {
	case directory.Service:
		return a.inWeChat(r)
	case directory.Web:
		return canScan(r)
	}
	return false
}

// canScan says whether a browser shows a code that a phone can scan: WeChat's own would
// ask its visitor to scan what he holds in his hand.
func canScan(r *http.Request) bool { return wechat.ParseBrowser(r.UserAgent()).Kind == wechat.Other }

func (a *App) inWeChat(r *http.Request) bool {
	return a.AnyBrowser || wechat.ParseBrowser(r.UserAgent()).InWeChat()
}

// guest meets a visitor whom WeChat doesn't vouch for.
func (a *App) guest(w http.ResponseWriter, r *http.Request, rt route) (*visitor, bool, error) {
	if done, err := a.outside(w, r, rt); done {
		return nil, true, err
	}
	v, err := a.recogniseGuest(r, rt)
	if v != nil || err != nil || rt.policy == directory.Optional {
		return v, false, err
	}
	// Only a page gives out an id: the ten images beside it would each get
	// another one, and the last would win.
	if prefetches(r) {
		return nil, true, a.refused(w, r, rt, refuse(codePrefetch))
	}
	if !navigates(r) {
		return nil, true, a.loginRequired(w, r, rt, codeLoginRequired)
	}
	if ref := a.tooManyLogins(r, rt); ref != nil {
		return nil, true, a.refused(w, r, rt, ref)
	}
	var random [10]byte
	a.random(random[:])
	seed := identity.NewGuestSeed(a.beginning(rt.site), random)
	a.setGuest(w, seed)
	a.metrics.login("guest")
	v, err = a.newGuest(rt, seed)
	return v, false, err
}

// start sends a visitor to WeChat.
func (a *App) start(w http.ResponseWriter, r *http.Request, rt route, l *loginCookie, tg target) error {
	now := a.now()
	loops := l != nil && l.LastAppID == rt.account.AppID && l.Done >= loopMax && now.Sub(l.Since) < loopWindow
	if loops || tg.Attempt > maxAttempts {
		return a.refused(w, r, rt, refuse(codeLoginLoop))
	}
	if ref := a.tooManyLogins(r, rt); ref != nil {
		return a.refused(w, r, rt, ref)
	}
	if l == nil {
		l = &loginCookie{}
		a.random(l.ID[:])
		a.setLogin(w, l)
	}
	if len(tg.Path) > maxTarget {
		a.metrics.login("target_cut")
		if tg.Path, _, _ = strings.Cut(tg.Path, "?"); len(tg.Path) > maxTarget {
			tg.Path = rt.base + "/"
		}
	}
	sealed := a.tickets.sealTarget(rt, tg)
	authorize, err := a.authorizeURL(rt, l, sealed, tg)
	if err != nil {
		return a.refused(w, r, rt, refuse(codeBug).because(err))
	}
	a.metrics.login("started")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Referrer-Policy", "no-referrer")
	if rt.site.Fragment == "off" || tg.Fragment != "" || rt.isOwn() {
		w.Header().Set("Location", authorize)
		w.WriteHeader(http.StatusFound)
		return nil
	}
	return a.writePage(w, http.StatusOK, pageStart, startView{
		Next:  authorize,
		Login: rt.base + own + "login?r=" + sealed,
	})
}

// authorizeURL is WeChat's page for this login, coming back to our callback, if need be
// by way of the relay.
func (a *App) authorizeURL(rt route, l *loginCookie, sealed string, tg target) (string, error) {
	to := wechat.Authorize{
		AppID:       rt.account.AppID,
		RedirectURI: a.originOf(rt) + rt.base + own + "callback?r=" + sealed,
		Scope:       tg.scope(),
		State:       a.tickets.sealState(rt, l.ID, sealed, a.now()),
	}
	if a.relayed(rt) {
		to.RedirectURI = a.relayURL(rt, sealed)
	}
	if rt.account.Kind == directory.Web {
		to.Scope = wechat.ScopeLogin
		return a.wechat.QRConnectURL(to)
	}
	return a.wechat.AuthorizeURL(to)
}

// loginRequired answers what isn't a navigation: no redirect, no cookie, but the
// address at which a page's script can have the visitor sign in.
func (a *App) loginRequired(w http.ResponseWriter, r *http.Request, rt route, c code) error {
	ref := refuse(c)
	a.metrics.refused(ref)
	a.logRefusal(r, rt, ref)
	login := a.originOf(rt) + rt.base + own + "login"
	from, ok := a.samePage(r, rt)
	switch {
	case c == codeUnionRequired:
		if !ok {
			from = rt.base + "/"
		}
		login += "?r=" + a.tickets.sealTarget(rt, target{Path: from, UserInfo: true})
	case ok:
		login += "?return=" + url.QueryEscape(from)
	}
	w.Header().Set("WWW-Authenticate", `WSite realm="`+rt.site.Realm+`", login="`+login+`"`)
	return a.writeProblem(w, ref, map[string]any{"login": login})
}

// samePage is the page that sent a request, if the browser says so and it is one
// of this site: where a script wants its visitor back.
func (a *App) samePage(r *http.Request, rt route) (string, bool) {
	from, ok := strings.CutPrefix(r.Referer(), a.originOf(rt))
	if !ok || len(from) > maxTarget || !rt.contains(from) {
		return "", false
	}
	return from, true
}

// loginPage is /-/login: signs in on request, also after a sign-out. `r` is a
// sealed target with `f` as its fragment, `return` a path inside the site.
func (a *App) loginPage(w http.ResponseWriter, r *http.Request, rt route) error {
	if rt.account.TakesCodes() {
		return a.loginByCode(w, r, rt)
	}
	if r.Method != http.MethodGet {
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET"))
	}
	if prefetches(r) {
		return a.refused(w, r, rt, refuse(codePrefetch))
	}
	if !navigates(r) {
		return a.loginRequired(w, r, rt, codeLoginRequired)
	}
	tg, later := a.wantedTarget(r, rt)
	if !a.opens(r, rt.account) {
		return a.loginElsewhere(w, r, rt, tg)
	}
	l := a.loginCookie(r)
	if later {
		return a.refuseUnionID(w, r, rt, tg)
	}
	if l != nil && slices.Contains(l.SignedOut, rt.account.AppID) {
		l.SignedOut = slices.DeleteFunc(l.SignedOut, func(id string) bool { return id == rt.account.AppID })
		a.setLogin(w, l)
	}
	return a.start(w, r, rt, l, tg)
}

// wantedTarget reads where a visitor wants to be after a login; the site's first
// page if that can't be said. later says that he declined to give his unionid.
func (a *App) wantedTarget(r *http.Request, rt route) (tg target, later bool) {
	q := r.URL.Query()
	if sealed := q["r"]; len(sealed) == 1 {
		if tg, ok := a.tickets.openTarget(rt, sealed[0]); ok {
			if f := q["f"]; len(f) == 1 {
				tg.Fragment = fragment(f[0])
			}
			return tg, len(q["later"]) == 1
		}
	}
	if back := q["return"]; len(back) == 1 {
		path, frag, _ := strings.Cut(back[0], "#")
		if len(path) <= maxTarget && rt.contains(path) {
			return target{Path: path, Fragment: fragment(frag)}, false
		}
	}
	return target{Path: rt.base + "/"}, false
}

// fragment escapes what can't stand in a Location, and drops what is too long: a
// piece of a route is a wrong route.
func fragment(f string) string {
	if len(f) > maxFragment || f == "wechat_redirect" {
		return ""
	}
	const plain = "-._~!$&'()*+,;=:@/?%"
	var b strings.Builder
	for i := range len(f) {
		c := f[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte(plain, c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(string("0123456789abcdef"[c>>4])+string("0123456789abcdef"[c&15])))
		}
	}
	return b.String()
}

// seeOther ends a login at its target.
func (a *App) seeOther(w http.ResponseWriter, tg target) error {
	h := w.Header()
	h.Set("Location", tg.location())
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}
