package caddymodule

import (
	"net/http"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// remember keeps a browser's long-lived cookies true while somebody looks at pages:
// the account that he used last, and seals of the master key in force, since the
// older one will be taken away.
func (a *App) remember(w http.ResponseWriter, r *http.Request, rt route, v *visitor) {
	if v.session != nil && v.session.bearer {
		return // a program has no cookies to keep
	}
	login, second := a.jar.values(r, cookieLogin)
	if seen := v.loginSeen.Load(); second != "" || seen != nil && *seen == login || !navigates(r) {
		return
	}
	if l := a.loginCookie(r); l != nil || v.session != nil && len(rt.site.Accounts) > 1 {
		if l == nil {
			l = &loginCookie{}
			a.random(l.ID[:])
		}
		if l.LastAppID != rt.account.AppID || stale(a.box.login, login) {
			if l.LastAppID != rt.account.AppID {
				l.Done = 0 // counted for the other account
			}
			l.LastAppID = rt.account.AppID
			a.setLogin(w, l)
		}
	}
	if value, _ := a.jar.values(r, cookieGuest); stale(a.box.guest, value) {
		if seed, ok := a.guestSeed(r); ok {
			a.setGuest(w, seed)
		}
	}
	v.loginSeen.Store(&login)
}

// stale says that a cookie was sealed under the older of two master keys.
func stale(box *identity.Box, value string) bool {
	sealed, err := b64.DecodeString(value)
	if err != nil {
		return false
	}
	_, old, err := box.Open(sealed, "")
	return err == nil && old
}
