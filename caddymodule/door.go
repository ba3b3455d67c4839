package caddymodule

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Doors are the ways in besides the silent one: a mini program or an app that posts the
// code of its login, a web-view that a mini program hands its session to, a desk where
// the visitor scans. Each kind of account has its own; whoever knocks at the wrong one is
// led to the right one.

// outside meets a navigation outside WeChat, as the site wants it. It says whether it
// answered the request; else a guest comes in.
func (a *App) outside(w http.ResponseWriter, r *http.Request, rt route) (bool, error) {
	if rt.policy == directory.Optional {
		return false, nil
	}
	if rt.account.Kind == directory.Web {
		return true, a.besideDesk(w, r, rt)
	}
	if a.inWeChat(r) {
		return false, nil
	}
	switch rt.site.Outside {
	case directory.OutsideScan, directory.OutsideAsk:
		if web := a.directory().WebAccount(rt.site); web != nil && rt.site.Outside == directory.OutsideScan && canScan(r) {
			return true, a.change(w, r, rt, web)
		}
		return true, a.askToOpen(w, r, rt)
	case directory.OutsideDeny:
		return true, a.refused(w, r, rt, refuse(codeOutside))
	}
	if rt.policy == directory.RequireUnionID {
		return true, a.refused(w, r, rt, refuse(codeOutside))
	}
	return false, nil
}

// besideDesk meets a visitor under a web account who can't scan here, or has signed out:
// then it is his to begin again. There are no guests under such an account.
func (a *App) besideDesk(w http.ResponseWriter, r *http.Request, rt route) error {
	switch official := a.directory().OfficialAccount(rt.site); {
	case canScan(r):
	case a.inWeChat(r) && official != nil:
		return a.change(w, r, rt, official)
	case official == nil:
		return a.refused(w, r, rt, refuse(codeInside))
	}
	return a.askToOpen(w, r, rt)
}

// askToOpen asks a visitor to open the page in WeChat, and tells a script to sign in.
func (a *App) askToOpen(w http.ResponseWriter, r *http.Request, rt route) error {
	if !navigates(r) {
		return a.loginRequired(w, r, rt, codeLoginRequired)
	}
	return a.writeOpenInWeChat(w, rt, r)
}

// change leads a navigation to the same path under another account of the site.
func (a *App) change(w http.ResponseWriter, r *http.Request, rt route, account *directory.Account) error {
	to := a.through(rt, account)
	if prefetches(r) {
		return a.refused(w, r, rt, refuse(codePrefetch))
	}
	if !navigates(r) {
		return a.loginRequired(w, r, to, codeLoginRequired)
	}
	w.Header().Set("Location", to.target(r))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusFound)
	return nil
}

// loginElsewhere is /-/login where WeChat can't sign this browser in through the account
// in the address.
func (a *App) loginElsewhere(w http.ResponseWriter, r *http.Request, rt route, tg target) error {
	var other *directory.Account
	switch scan := rt.site.Outside == directory.OutsideScan; {
	case a.inWeChat(r) && rt.account.Kind == directory.Web:
		other = a.directory().OfficialAccount(rt.site)
	case a.inWeChat(r):
	case scan && canScan(r):
		other = a.directory().WebAccount(rt.site)
	case scan || rt.site.Outside == directory.OutsideAsk || rt.account.Kind == directory.Web:
		return a.writeOpenInWeChat(w, rt, r)
	}
	if other == nil || other.AppID == rt.account.AppID {
		return a.seeOther(w, tg)
	}
	return a.toLogin(w, rt, other, tg)
}

// toLogin leads to /-/login under another account of the site.
func (a *App) toLogin(w http.ResponseWriter, rt route, account *directory.Account, tg target) error {
	w.Header().Set("Location", a.loginThrough(rt, account, tg))
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// loginThrough is the address of /-/login under another account, coming back to the same
// path there.
func (a *App) loginThrough(rt route, account *directory.Account, tg target) string {
	to := a.through(rt, account)
	back := to.base + strings.TrimPrefix(tg.Path, rt.base)
	if tg.Fragment != "" {
		back += "#" + tg.Fragment
	}
	return to.base + own + "login?return=" + url.QueryEscape(back) + "#"
}

// suits says whether a browser is one that pages under an account are for.
func (a *App) suits(r *http.Request, account *directory.Account) bool {
	if account == nil {
		return false // it has just been taken away
	}
	switch account.Kind {
	case directory.Web:
		return canScan(r)
	case directory.Mini:
		return inWebView(r, account)
	case directory.App:
		return false
	}
	return true
}

// via names the door in events.
func via(kind directory.AccountKind) string {
	switch kind {
	case directory.Mini:
		return "mini_login"
	case directory.App:
		return "app_login"
	case directory.Web:
		return "scan_login"
	}
	return "web_login"
}

// inWebView says whether a page is shown inside a mini program, as far as the browser
// tells. WeChat on desktops and the developer tools don't say inside which.
func inWebView(r *http.Request, account *directory.Account) bool {
	b := wechat.ParseBrowser(r.UserAgent())
	return (b.Kind == wechat.WebView || b.Kind == wechat.MiniProgram) && (b.AppID == account.AppID || b.AppID == "")
}

// loginByProgram meets a request that only the visitor's own program can sign in: one
// with a bearer token that doesn't hold, or one under an account of a program. Whoever
// sent a token gets no other identity in its place.
func (a *App) loginByProgram(w http.ResponseWriter, r *http.Request, rt route) error {
	_, n := bearers(r)
	switch {
	case rt.policy == directory.Optional:
		return nil
	case n > 0 || !navigates(r):
		return a.loginRequired(w, r, rt, codeLoginRequired)
	case prefetches(r):
		return a.refused(w, r, rt, refuse(codePrefetch))
	}
	return a.backToProgram(w, r, rt, strings.TrimPrefix(rt.target(r), rt.base))
}

// backToProgram leads a page without a session back to the mini program around it,
// which signs its visitor in and opens the page anew. Elsewhere, as behind a shared link,
// the page is opened through an Official Account of the site.
func (a *App) backToProgram(w http.ResponseWriter, r *http.Request, rt route, back string) error {
	official := a.directory().OfficialAccount(rt.site)
	switch {
	case rt.account.Kind == directory.Mini && (inWebView(r, rt.account) || a.AnyBrowser):
	case official != nil && rt.isOwn():
		return a.toLogin(w, rt, official, target{Path: rt.base + back})
	case official != nil:
		return a.change(w, r, rt, official)
	case rt.account.Kind == directory.Mini:
		return a.refused(w, r, rt, refuse(codeOutsideMini))
	default:
		return a.refused(w, r, rt, refuse(codeLoginRequired))
	}
	page := rt.account.MiniLoginPage
	if page != "" {
		page += "?return=" + url.QueryEscape(back)
	}
	a.metrics.login("returned")
	return a.writePage(w, http.StatusOK, pageMini, miniView{Page: page})
}
