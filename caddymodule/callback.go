package caddymodule

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// callback is where WeChat sends a visitor back. A login never ends on the address
// that holds the code but on the clean page, so that the back button and shared
// links are harmless.
func (a *App) callback(w http.ResponseWriter, r *http.Request, rt route) error {
	if r.Method != http.MethodGet {
		return a.refused(w, r, rt, refuse(codeBadMethod).allowing("GET")) // the code stays good
	}
	q, err := readCallback(r.URL.RawQuery)
	if err != nil {
		return a.refused(w, r, rt, refuse(codeBadCallback).because(err))
	}
	if a.relayed(rt) && !a.openCode(rt, &q) {
		return a.refused(w, r, rt, refuse(codeBadCallback).because(errors.New("the code wasn't handed on by the relay")))
	}
	live, err := a.liveSession(r, rt)
	if err != nil {
		return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
	}
	l := a.loginCookie(r)
	tg, ok := a.tickets.openTarget(rt, q.target)
	if a.guestHere(r, rt, l) {
		// A callback kept from before a sign-out, or opened in another browser:
		// its code is nobody's here.
		if !ok {
			tg = target{Path: rt.base + "/"}
		}
		return a.seeOther(w, tg)
	}
	if !ok || l == nil || !a.tickets.stateHolds(rt, q.state, l.ID, q.target, a.now()) {
		return a.unproved(w, r, rt, l, live, tg, ok)
	}
	if q.code == "" || q.code == "authdeny" {
		return a.declined(w, r, rt, l, live, tg)
	}
	if ref := a.tooManyCodes(r, live); ref != nil {
		return a.refused(w, r, rt, ref.retryAt(tg.Path))
	}
	key := loginKey{rt.account.AppID, rt.site.PTID, rt.host, l.ID, sha256.Sum256([]byte(q.code))}
	done := a.logins.do(key, func(ctx context.Context) finished {
		return a.once(alongside(ctx, r.Context()), rt, key, func(ctx context.Context) finished { return a.finish(ctx, r, rt, live, tg, q.code) })
	})
	if done.err != nil {
		return a.loginFailed(w, r, rt, l, live, tg, done.err)
	}
	if done.again {
		// What was right half a minute ago may have been signed out since.
		from, err := a.facts().Revoked(r.Context(), done.session.key())
		if err != nil {
			return a.refused(w, r, rt, refuse(codeFactsDown).because(err))
		}
		if !from.IsZero() {
			return a.seeOther(w, tg)
		}
	}
	return a.signedIn(w, r, rt, l, live, tg, done)
}

// callbackQuery are the parameters of a callback: each exactly once, but for the
// code, which is missing when the visitor refused (wechat-api.md §1.3).
type callbackQuery struct{ code, state, target string }

func readCallback(raw string) (q callbackQuery, err error) {
	values, err := url.ParseQuery(raw)
	if err != nil {
		return q, errors.New("reading callback: malformed query")
	}
	if err := exactly(values, map[string]*string{"code": &q.code, "state": &q.state, "r": &q.target}); err != nil {
		return q, err
	}
	if len(q.code) > 512 {
		return q, errors.New("reading callback: the code is too long")
	}
	return q, nil
}

// liveSession is a session that still holds, by the facts.
func (a *App) liveSession(r *http.Request, rt route) (*session, error) {
	s := a.session(r, rt)
	if s == nil {
		return nil, nil
	}
	from, err := a.facts().Revoked(r.Context(), s.key())
	if err != nil {
		return nil, err
	}
	if !from.IsZero() && !a.now().Before(from) {
		return nil, nil
	}
	return s, nil
}

// unproved meets a callback that this browser didn't ask for: a stolen or shared
// address, WeChat's own cookieless second request, or the slower of two tabs. The
// code is not used. Who has a session just goes on; who hasn't starts again, as
// himself.
func (a *App) unproved(w http.ResponseWriter, r *http.Request, rt route, l *loginCookie, live *session, tg target, opened bool) error {
	a.metrics.login("state_mismatch")
	switch {
	case live != nil && opened:
		return a.seeOther(w, tg)
	case live != nil:
		return a.seeOther(w, target{Path: rt.base + "/"})
	case !opened:
		return a.refused(w, r, rt, refuse(codeLoginUnproved))
	case prefetches(r):
		return a.refused(w, r, rt, refuse(codePrefetch))
	case !navigates(r):
		return a.loginRequired(w, r, rt, codeLoginRequired)
	}
	tg.Attempt++
	return a.start(w, r, rt, l, tg)
}

// declined meets a visitor who refused on WeChat's page.
func (a *App) declined(w http.ResponseWriter, r *http.Request, rt route, l *loginCookie, live *session, tg target) error {
	a.metrics.login("declined")
	ref := refuse(codeLoginRefused)
	switch {
	case live == nil:
		return a.refused(w, r, rt, ref.retryAt(tg.Path))
	case !tg.UserInfo:
		return a.notRenewed(w, r, rt, l, tg, ref)
	}
	return a.refuseUnionID(w, r, rt, tg)
}

// notRenewed meets a renewal that went wrong: it takes nothing away. Only don't try
// at once again.
func (a *App) notRenewed(w http.ResponseWriter, r *http.Request, rt route, l *loginCookie, tg target, ref *refusal) error {
	a.logRefusal(r, rt, ref)
	l.RenewAfter = a.now().Add(renewPause)
	a.setLogin(w, l)
	return a.seeOther(w, tg)
}

// refuseUnionID remembers that the visitor doesn't want to give his unionid, and
// lets him go on where that is his choice.
func (a *App) refuseUnionID(w http.ResponseWriter, r *http.Request, rt route, tg target) error {
	if s := a.session(r, rt); s != nil {
		s.Refused = a.now()
		a.setSession(w, r, s)
		if l := a.loginCookie(r); l != nil {
			l.RefusedAppID, l.RefusedAt = s.AppID, s.Refused
			a.setLogin(w, l)
		}
	}
	if rt.policyOf(tg.Path) == directory.RequireUnionID {
		return a.refused(w, r, rt, refuse(codeUnionRefused).retryAt(tg.Path))
	}
	return a.seeOther(w, tg)
}

// finish exchanges the code and finds out who that is.
func (a *App) finish(ctx context.Context, r *http.Request, rt route, live *session, tg target, code string) finished {
	s, err := a.exchange(ctx, rt, code)
	if err != nil {
		return finished{err: err}
	}
	a.checkUnionID(rt.account, s, tg)
	var seed *identity.GuestSeed
	if g, ok := a.guestSeed(r); ok {
		seed = &g
	}
	return a.arrive(ctx, rt, s, live, seed)
}

// loginFailed meets what WeChat or the facts had to say against a login.
func (a *App) loginFailed(w http.ResponseWriter, r *http.Request, rt route, l *loginCookie, live *session, tg target, err error) error {
	ref := loginRefusal(err)
	if ref.code == codeFactsDown || ref.code == codeBug {
		return a.refused(w, r, rt, ref.retryAt(tg.Path))
	}
	a.metrics.login(string(ref.code))
	if live != nil && !tg.UserInfo {
		return a.notRenewed(w, r, rt, l, tg, ref)
	}
	if ref.code == codeLoginRefused && tg.Attempt == 0 { // the code is spent, perhaps by a node that died
		tg.Attempt++
		return a.start(w, r, rt, l, tg)
	}
	return a.refused(w, r, rt, ref.retryAt(tg.Path))
}

// signedIn gives the browser its new session and ends the one it had: at once if
// that was somebody else, else after a minute, since requests are under way.
func (a *App) signedIn(w http.ResponseWriter, r *http.Request, rt route, l *loginCookie, live *session, tg target, done finished) error {
	now, s := a.now(), done.session
	if err := a.supersede(r.Context(), live, s); err != nil {
		return a.refused(w, r, rt, refuse(codeFactsDown).because(err).retryAt(tg.Path))
	}
	switch {
	case !s.Refused.IsZero():
	case tg.UserInfo && s.UnionID == "" && s.Granted == grantedBase:
		s.Refused = now // he could have consented, and didn't
		l.RefusedAppID, l.RefusedAt = s.AppID, now
	case live != nil && live.OpenID == s.OpenID:
		s.Refused = live.Refused // a renewal is no reason to ask again
	case live == nil && l.RefusedAppID == s.AppID:
		s.Refused = l.RefusedAt
	}
	if live == nil {
		if l.LastAppID != rt.account.AppID || now.Sub(l.Since) > loopWindow {
			l.Done, l.Since = 0, now
		}
		l.Done++
	}
	l.LastAppID, l.RenewAfter = rt.account.AppID, time.Time{}
	l.SignedOut = slices.DeleteFunc(l.SignedOut, func(id string) bool { return id == rt.account.AppID })
	a.setLogin(w, l)
	a.setSession(w, r, s)
	if done.answer.Linked() {
		// The guest is this person now. Left behind, the cookie would follow
		// the next person who signs in on this phone.
		if _, ok := a.guestSeed(r); ok {
			a.jar.set(w, cookieGuest, "", -1)
		}
	}
	a.metrics.login(s.Granted.word())
	return a.seeOther(w, tg)
}
