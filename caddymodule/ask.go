package caddymodule

import (
	"errors"
	"net/http"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// askUnionID holds a visitor up where the path asks for his unionid and it isn't
// known: with one button, since WeChat serves a page that asks unbidden as a mere
// preview. It says whether it answered the request.
func (a *App) askUnionID(w http.ResponseWriter, r *http.Request, rt route, v *visitor) (bool, error) {
	ask, require := rt.policy == directory.AskUnionID, rt.policy == directory.RequireUnionID
	if !ask && !require || v.answer.Linked() {
		return false, nil
	}
	able := v.session != nil && rt.account.Linkable()
	switch {
	case ask && (!able || a.now().Sub(v.session.Refused) < askPause):
		return false, nil
	case !able:
		return true, a.refused(w, r, rt, refuse(codeUnionRefused).because(errors.New("a guest has no unionid to give")))
	case !navigates(r):
		return true, a.loginRequired(w, r, rt, codeUnionRequired)
	}
	tg := target{Path: rt.target(r), UserInfo: true}
	if len(tg.Path) > maxTarget {
		tg.Path = rt.base + rt.rest
	}
	login := rt.base + own + "login?r=" + a.tickets.sealTarget(rt, tg)
	view := askView{Login: login, Later: login + "&later"}
	if require {
		view.Later = ""
	}
	a.metrics.login("asked")
	return true, a.writePage(w, http.StatusOK, pageAsk, view)
}

// policyOf is the policy of an address inside the site.
func (rt route) policyOf(address string) directory.Policy {
	path, _, _ := strings.Cut(address, "?")
	rest, _ := below(path, rt.base)
	return rt.site.Policy(rest)
}
