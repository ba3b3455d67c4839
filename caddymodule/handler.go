package caddymodule

import (
	"errors"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func init() { caddy.RegisterModule(new(Handler)) }

// Handler gives every visitor of a micro-site a name. It recognises him by his
// session or, silently, through WeChat; finds or mints his user id; and hands the
// request on with a signed token in `X-User`. It refuses paths that two servers
// could read in two ways, and takes away whatever identity the client brought.
//
// Placeholders, set when the request is handed on:
//
// Placeholder | Description
// ------------|------------
// `{http.wsite.appid}` | The account in the address
// `{http.wsite.ptid}` | The site in the address
// `{http.wsite.realm}` | The site's realm
// `{http.wsite.base}` | `/wsite/:appId/:ptid`, what `X-Forwarded-Prefix` says
// `{http.wsite.rest}` | The path behind it, beginning with a slash
// `{http.wsite.policy}` | The path's policy
// `{http.wsite.user}` | The user id; empty if nobody is known
// `{http.wsite.kind}` | `virtual` or `real`; empty if nobody is known
// `{http.wsite.linked}` | `true` if the unionid is known
// `{http.auth.user.id}` | The user id again, for access logs
type Handler struct {
	app *App
}

// CaddyModule returns the Caddy module information.
func (*Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.wsite", New: func() caddy.Module { return new(Handler) }}
}

// Provision finds the app.
func (h *Handler) Provision(ctx caddy.Context) error {
	app, err := appOf(ctx)
	h.app = app
	return err
}

// appOf is the wsite app of a config.
func appOf(ctx caddy.Context) (*App, error) {
	app, err := ctx.AppIfConfigured("wsite")
	if errors.Is(err, caddy.ErrNotConfigured) {
		return nil, errors.New("the global option `wsite { … }` is missing: it says which accounts and sites there are")
	}
	if err != nil {
		return nil, err
	}
	return app.(*App), nil
}

// startTime is how long a request waits for the facts to be opened: apps start in
// no order, so that a server may be up before we are.
const startTime = 10 * time.Second

// ServeHTTP takes a request through the six steps.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	a := h.app
	strip(r) // 0: nobody but us may say who this is

	p, err := a.decide(w, r)
	switch {
	case err != nil || p.whose == answered:
		return err
	case p.whose == notOurs:
		a.hideSession(r)
		return next.ServeHTTP(w, r)
	}
	return a.forward(w, r, next, p.rt, p.visitor, p.token) // 6: let the site see it
}

// decided is a request of which it is known where it goes, and who sent it.
type decided struct {
	whose   whose
	rt      route
	visitor *visitor // nil if nobody knows, or need know
	token   string
}

// decide takes a request through all steps but the last. What panics here is answered.
func (a *App) decide(w http.ResponseWriter, r *http.Request) (p decided, err error) {
	defer a.survive(r, func() { p.whose, err = answered, a.refused(w, r, route{}, refuse(codeBug)) })

	rt, ours, err := a.enter(w, r) // 1: which site, through which account?
	if err != nil || ours != aSites {
		return decided{whose: ours}, err
	}
	p = decided{whose: aSites, rt: rt}
	if rt.policy == directory.Public || preflights(r) {
		return p, nil
	}

	v, err := a.recognise(r, rt) // 2: do we already know this browser? (4: and who is that?)
	if err != nil {
		return decided{}, a.refused(w, r, rt, refuse(codeFactsDown).because(err))
	}
	if v == nil || a.renews(r, rt, v) {
		fresh, done, err := a.login(w, r, rt) // 3: if not, ask WeChat
		if done {
			return decided{}, err
		}
		if err != nil {
			return decided{}, a.refused(w, r, rt, refuse(codeFactsDown).because(err))
		}
		v = fresh
	}
	if v == nil {
		return p, nil
	}
	if !v.answer.User.BlockedAt.IsZero() {
		return decided{}, a.refused(w, r, rt, refuse(codeBlocked))
	}
	if done, err := a.askUnionID(w, r, rt, v); done {
		return decided{}, err
	}
	p.visitor = v
	if p.token, err = a.speak(r.Context(), v, a.now()); err != nil { // 5: say so, signed
		return decided{}, a.refused(w, r, rt, refuse(codeBug).because(err))
	}
	a.remember(w, r, rt, v)
	return p, nil
}

// whose says who answers a request.
type whose int

const (
	answered whose = iota // it is answered
	notOurs               // it is not below our prefix
	aSites                // it is a site's
)

// renews says whether to use this navigation to ask WeChat anew who is there.
func (a *App) renews(r *http.Request, rt route, v *visitor) bool {
	now := a.now()
	if v.session == nil || now.Before(v.renewAt) || !rt.account.Openable() || rt.policy == directory.Optional || v.session.bearer || !a.inWeChat(r) || !navigates(r) || prefetches(r) {
		return false
	}
	if a.factsDown.Load() {
		return false // its end could not be written down
	}
	l := a.loginCookie(r)
	return l == nil || now.After(l.RenewAfter)
}

var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
