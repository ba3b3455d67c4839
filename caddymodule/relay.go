package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// WeChat sends the visitors of an account back to two hosts at most. The relay is the
// address on one of them that hands a login on to the host where it began. It makes
// nothing of it: whether the browser asked for this login, that host's callback finds
// out, with the login cookie that only it is sent.

// relayed says whether the logins of a route come back through the relay.
func (a *App) relayed(rt route) bool { return a.callbackHost(rt.account) != rt.host }

// relayURL is where WeChat sends the visitor of a route back to. The place to hand the
// login on to travels sealed, together with its target.
func (a *App) relayURL(rt route, sealedTarget string) string {
	p := appendString(appendString(appendString(nil, rt.account.AppID), rt.site.PTID), rt.host)
	to := b64.EncodeToString(a.tickets.relay.Seal(p, sealedTarget))
	return a.originAt(a.callbackHost(rt.account)) + a.Prefix + own + "relay?to=" + to + "&r=" + sealedTarget
}

// relay is /-/relay. The code goes on sealed for the one login that it was given for: a
// host that its owner points elsewhere learns nothing that could be used at another
// site, since WeChat itself would take the code for any login of the account.
func (a *App) relay(w http.ResponseWriter, r *http.Request, host string) error {
	if r.Method != http.MethodGet {
		return a.refused(w, r, route{}, refuse(codeBadMethod).allowing("GET"))
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return a.refused(w, r, route{}, refuse(codeBadCallback).because(errors.New("reading callback: malformed query")))
	}
	var q callbackQuery
	var to string
	err = exactly(values, map[string]*string{"code": &q.code, "state": &q.state, "r": &q.target, "to": &to})
	if err == nil && (len(q.code) > maxCode || len(q.state) > maxCode) {
		err = errors.New("reading callback: the code or the state is too long")
	}
	if err != nil {
		return a.refused(w, r, route{}, refuse(codeBadCallback).because(err))
	}
	rt, err := a.relayTarget(r.Context(), host, to, q.target)
	if err != nil {
		return a.refused(w, r, route{}, refuse(codeBadCallback).because(err))
	}
	on := url.Values{"state": {q.state}, "r": {q.target}}
	if q.code != "" {
		on.Set("code", a.sealCode(rt, q))
	}
	a.metrics.login("relayed")
	h := w.Header()
	h.Set("Location", a.originOf(rt)+rt.base+own+"callback?"+on.Encode()+"#")
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// relayTarget is the place to which a login goes on, if it is one now: what was sealed
// may have been taken out of the configuration since.
func (a *App) relayTarget(ctx context.Context, host, sealed, sealedTarget string) (rt route, err error) {
	p, err := open(a.tickets.relay, sealed, sealedTarget)
	if err != nil {
		return rt, errors.New("the relay's target doesn't open")
	}
	f := fields{p: p}
	appID, ptid, at := f.string(), f.string(), f.string()
	site, err := a.site(ctx, ptid)
	if err != nil {
		return rt, err
	}
	rt = route{site: site, account: a.directory().Account(appID), host: at}
	switch {
	case !f.done() || rt.account == nil || rt.site == nil || !rt.site.ServedBy(appID):
		return rt, errors.New("the relay's target is no site of this account")
	case !serves(at, rt.site):
		return rt, errors.New("the relay's target is no host of its site")
	case a.callbackHost(rt.account) != host || !a.relayed(rt):
		return rt, errors.New("the relay isn't here for this account")
	}
	return a.through(rt, rt.account), nil
}

// sealCode makes of WeChat's code one that only this login can use: this account, site
// and host, and the state that is bound to the browser that began it.
func (a *App) sealCode(rt route, q callbackQuery) string {
	return b64.EncodeToString(a.tickets.code.Seal([]byte(q.code), codeContext(rt, q.state)))
}

// openCode opens the code of a callback that came through the relay. No other code is
// taken there: WeChat sends nobody to such a host itself.
func (a *App) openCode(rt route, q *callbackQuery) bool {
	if q.code == "" {
		return true
	}
	code, err := open(a.tickets.code, q.code, codeContext(rt, q.state))
	q.code = string(code)
	return err == nil
}

func codeContext(rt route, state string) string {
	return rt.place() + "@" + rt.host + " " + state
}

// maxCode bounds what WeChat hands us, in bytes: a code has 32, a state of ours 58.
const maxCode = 256

// exactly reads parameters of which each stands there exactly once, but for the code,
// which is missing when the visitor refused (wechat-api.md §1.3).
func exactly(values url.Values, into map[string]*string) error {
	for name, field := range into {
		v := values[name]
		if len(v) > 1 || len(v) == 0 && name != "code" {
			return fmt.Errorf("reading callback: %q stands there %d times", name, len(v))
		}
		if len(v) == 1 {
			*field = v[0]
		}
	}
	return nil
}
