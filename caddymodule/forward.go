package caddymodule

import (
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// passage is a request on its way to the site: where it goes and who sent it. It
// is the writer of the answer too, so that a request costs one of these.
type passage struct {
	caddyhttp.ResponseWriterWrapper
	app     *App
	request *http.Request
	route   route
	// visitor is nil where nobody is known: on public paths, for example.
	visitor *visitor
	cookies []string    // that we have set: a new guest's
	begun   bool        // the answer's headers are out
	open    *connection // of an answer that may go on for hours, otherwise nil
	over    func()      // ends that
}

// passageVar is where matchers and upstreams find the passage of a request.
const passageVar = "wsite.passage"

func passageOf(r *http.Request) *passage {
	p, _ := caddyhttp.GetVar(r.Context(), passageVar).(*passage)
	return p
}

// forward is step 6: the site sees who its visitor is, and nothing of how we know.
// Without a visitor it sees nobody; there is never an empty header.
func (a *App) forward(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, rt route, v *visitor, token string) error {
	a.hideSession(r)
	r.Header[headerPrefix] = []string{rt.base}
	if v != nil {
		r.Header[headerUser] = []string{token}
		if len(rt.site.Send) > 0 {
			v.sendOtherwise(r, token)
		}
	}
	p := &passage{ResponseWriterWrapper: caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, app: a, request: r, route: rt, visitor: v, cookies: w.Header()["Set-Cookie"]}
	caddyhttp.SetVar(r.Context(), passageVar, p)
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(p.placeholder)
	}
	a.metrics.tally.visit(r, v)
	defer func() {
		if p.over != nil {
			p.over()
		}
	}()
	err := next.ServeHTTP(p, r)
	for _, name := range []string{headerUser, headerUserID, headerUserKind, headerBind} { // trailers
		delete(p.Header(), name)
		delete(p.Header(), http.TrailerPrefix+name)
	}
	if err != nil {
		unsay(r, token)
		if !p.begun {
			a.metrics.tally.broke(err)
		}
	}
	return err
}

// unsay takes back what the site was told: an error may be answered by another one
// (handle_errors), which sees the same headers, and for whom the token isn't meant.
func unsay(r *http.Request, token string) {
	for _, name := range []string{headerUser, headerUserID, headerUserKind, headerPrefix} {
		delete(r.Header, name)
	}
	if token != "" && r.Header.Get("Authorization") == "Bearer "+token {
		delete(r.Header, "Authorization")
	}
}

// sendOtherwise tells the site in the further ways that it wants.
func (v *visitor) sendOtherwise(r *http.Request, token string) {
	if v.site.Sends("bearer") && r.Header.Get("Authorization") == "" {
		r.Header["Authorization"] = []string{"Bearer " + token}
	}
	if v.site.Sends("plain") {
		r.Header[headerUserID] = []string{v.answer.User.ID}
		r.Header[headerUserKind] = []string{string(v.answer.User.Kind)}
	}
}

// placeholder is the value of one of our placeholders; see [Handler].
func (p *passage) placeholder(key string) (any, bool) {
	rt, v := p.route, p.visitor
	if key == "http.auth.user.id" && v != nil {
		return v.answer.User.ID, true
	}
	name, ok := strings.CutPrefix(key, "http.wsite.")
	if !ok {
		return nil, false
	}
	switch name {
	case "appid":
		return rt.account.AppID, true
	case "ptid":
		return rt.site.PTID, true
	case "realm":
		return rt.site.Realm, true
	case "base":
		return rt.base, true
	case "rest":
		return rt.rest, true
	case "policy":
		return string(rt.policy), true
	}
	if v == nil {
		v = &nobody
	}
	switch name {
	case "user":
		return v.answer.User.ID, true
	case "kind":
		return string(v.answer.User.Kind), true
	case "linked":
		return v.answer.Linked(), true
	}
	return nil, false
}

var nobody visitor
