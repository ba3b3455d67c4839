package caddymodule

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// logout is /-/logout. It holds: the session is ended in the facts, and nobody is
// signed in silently again until he opens /-/login; meanwhile he is a fresh guest.
// A GET only asks, since an image on another page could send it.
func (a *App) logout(w http.ResponseWriter, r *http.Request, rt route) error {
	tg, _ := a.wantedTarget(r, rt)
	if r.Method == http.MethodGet {
		return a.writePage(w, http.StatusOK, pageLogout, logoutView{Action: rt.base + own + "logout?return=" + url.QueryEscape(tg.Path), Back: tg.Path})
	}
	if r.Method != http.MethodPost {
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET, POST"))
	}
	if _, n := bearers(r); n > 0 {
		return a.logoutBearer(w, r, rt)
	}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return a.refused(w, r, rt, refuse(codeCrossSite).because(err))
	}
	if s := a.session(r, rt); s != nil {
		rev := identity.Revocation{Session: s.key(), From: a.now(), Until: s.ends(a.Session.life())}
		if err := a.endSession(r.Context(), rev); err != nil {
			return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
		}
	}
	if seed, ok := a.guestSeed(r); ok {
		// The cookie lives on elsewhere if somebody kept it, and a token with which it
		// could be bound for a while.
		until := a.now().Add(time.Duration(a.Token.Lifetime) + 2*tokenGrace)
		if err := a.endSession(r.Context(), identity.Revocation{Session: guestSession(seed), From: a.now(), Until: until}); err != nil {
			return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
		}
	}
	l := a.loginCookie(r)
	if l == nil {
		l = &loginCookie{}
		a.random(l.ID[:])
	}
	if !slices.Contains(l.SignedOut, rt.account.AppID) {
		l.SignedOut = append(l.SignedOut, rt.account.AppID)
		l.SignedOut = l.SignedOut[max(0, len(l.SignedOut)-maxSessions):]
	}
	a.setLogin(w, l)
	a.jar.set(w, rt.account.AppID, "", -1)
	var random [10]byte
	a.random(random[:])
	a.setGuest(w, identity.NewGuestSeed(a.beginning(rt.site), random))
	a.metrics.login("signed_out")
	return a.seeOther(w, tg)
}

// endSession ends a session, and the logins that were made in it.
func (a *App) endSession(ctx context.Context, rev identity.Revocation) error {
	if err := a.revoke(ctx, rev); err != nil {
		return err
	}
	return a.facts().EndLogins(ctx, rev.Session)
}

// me is /-/me: what a page's script may know of its visitor.
func (a *App) me(w http.ResponseWriter, r *http.Request, rt route) error {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET, HEAD"))
	}
	v, err := a.recognise(r, rt)
	if _, n := bearers(r); v == nil && err == nil && n == 0 && rt.account.Official() && a.guestHere(r, rt, a.loginCookie(r)) {
		v, err = a.recogniseGuest(r, rt)
	}
	if err != nil {
		return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
	}
	if v == nil {
		return a.loginRequired(w, r, rt, codeLoginRequired)
	}
	if !v.answer.User.BlockedAt.IsZero() {
		return a.refused(w, r, rt, refuse(codeBlocked))
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	return json.NewEncoder(w).Encode(map[string]any{
		"id": v.answer.User.ID, "kind": v.answer.User.Kind, "linked": v.answer.Linked(), "realm": rt.site.Realm,
		"guest": v.session == nil, "signed_in": v.session != nil,
	})
}
