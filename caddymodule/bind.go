package caddymodule

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// How a business tells us a login: with a header of its site's answer, or with the
// visitor's own token at the API. Either way it names a user, and never an openid.

const (
	headerBind      = "X-User-Bind"
	headerBindError = "X-User-Bind-Error"
)

// claim is what a visitor's session, or his guest cookie, proves.
func (a *App) claim(rt route, s *session, guest *identity.GuestSeed) (identity.Claim, error) {
	c := identity.Claim{
		Realm: rt.site.Realm, Openid: identity.Openid{AppID: rt.account.AppID},
		Unionid: identity.Unionid{Subject: rt.account.SubjectOrSelf()}, Via: via(rt.account.Kind),
	}
	if s == nil {
		key, err := a.guestKey(rt.site.Realm)
		if err != nil {
			return c, err
		}
		c.Browser = identity.User{ID: identity.CookieGuestID(key, *guest), Kind: identity.Virtual, Born: guest.Born()}
		c.Session = guestSession(*guest)
		return c, nil
	}
	c.OpenID, c.UnionID, c.Session, c.Snapshot = s.OpenID, s.UnionID, s.key(), s.Granted == grantedSnapshot
	if rt.account.Subject == "" {
		// Without an open platform the openid is all there is to know of a
		// person, so it takes the unionid's place.
		c.UnionID = s.OpenID
	}
	return c, nil
}

// guestSession names the logins made in a browser that WeChat doesn't vouch for. The
// seed itself is a secret of its cookie.
func guestSession(seed identity.GuestSeed) string {
	sum := sha256.Sum256(seed[:])
	return "guest-" + hex.EncodeToString(sum[:16])
}

// bindAnswer acts on the header by which a site says who its visitor is. It runs
// before the answer's headers leave, so that the next request, however soon, is made
// as that user. A contradiction lets the answer pass unchanged, and says its code.
func (p *passage) bindAnswer() {
	h := p.Header()
	named, said := h[headerBind]
	delete(h, headerBind)
	delete(h, headerBindError)
	if !said {
		return
	}
	code := ""
	switch v := p.visitor; {
	case p.route.site.BindHeader != "on":
		code = bindNotAllowed
	case v == nil:
		code = bindNobody
	case len(named) != 1 || !identity.ValidUser(named[0]):
		code = bindCode(&identity.Fault{})
	case named[0] == v.answer.User.ID && !v.answer.Hinted:
		return
	default:
		if err := p.app.bind(p, named[0]); err != nil {
			code = bindCode(err)
		}
	}
	p.app.metrics.bound("header", cmp.Or(code, bindCode(nil)))
	if code != "" {
		h[headerBindError] = []string{code}
		p.app.log.Warn("a site named a user who can't be", zap.String("step", "identity"), zap.String("code", code), zap.String("ptid", p.route.site.PTID))
	}
}

// What a site is told beside the codes of conflicts.
const (
	bindNotAllowed = "not_allowed"   // the site has no bind_header
	bindNobody     = "no_visitor"    // the path is public, or optional, and nobody is known
	bindEnded      = "session_ended" // signed out or renewed meanwhile: say it again with the next answer
)

// errEnded says that a session was ended or replaced since the request came.
var errEnded = errors.New("the session was ended or replaced meanwhile")

// errTooMany says that this visitor is made another user too often.
var errTooMany = errors.New("too many binds of one visitor")

// mayBind counts a change of who a visitor is.
func (a *App) mayBind(ctx context.Context, claim identity.Claim) bool {
	by := claim.Session // of a guest
	if claim.OpenID != "" {
		by = claim.AppID + " " + claim.OpenID
	}
	_, within := a.count(ctx, limitBinds, claim.Realm+" "+by)
	return within
}

// bindCode is what a site is told of a login that could not be taken.
func bindCode(err error) string {
	var conflict *identity.Conflict
	var fault *identity.Fault
	switch {
	case errors.Is(err, errEnded):
		return bindEnded
	case errors.Is(err, errTooMany):
		return string(codeTooMany)
	case errors.As(err, &conflict):
		return conflict.Code
	case errors.As(err, &fault):
		return "bad_id"
	}
	return string(codeFactsDown)
}

// bind makes the visitor of a passage the user whom the site names.
func (a *App) bind(p *passage, user string) error {
	v := p.visitor
	if v.session != nil && v.session.Granted == grantedSnapshot {
		return &identity.Conflict{Code: identity.CodeUnionIDNeeded}
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.request.Context()), bindTime)
	defer cancel()
	claim, err := a.claim(p.route, v.session, v.seed)
	if err != nil {
		return err
	}
	if ended, err := a.ended(ctx, p.route.site, claim, v.began()); err != nil || ended {
		return cmp.Or(err, errEnded)
	}
	// A login gets a session of its own. Whoever has put his cookie into this browser
	// before would otherwise be logged in with it.
	now, old := v.regenerated(a), claim.Session
	if claim.Session = guestSession(*now.seed); now.session != nil {
		claim.Session = now.session.key()
	}
	claim.User, claim.UserKind, claim.Bind, claim.Via = user, identity.Real, true, "bind_header"
	claim.Actor, claim.Trace = "site:"+p.route.site.PTID, requestID(p.request)
	if !a.mayBind(ctx, claim) {
		return errTooMany
	}
	if now.answer, err = a.facts().Resolve(ctx, claim); err != nil {
		return err
	}
	a.metrics.resolved(now.answer)
	a.forget(claim.Realm, append(now.answer.Prev, v.answer.User.ID, now.answer.User.ID)...)
	p.visitor = now // what is logged of this request after now is about him
	if now.answer.InSession && old != claim.Session {
		if err := a.facts().EndLogins(ctx, old); err != nil {
			return err
		}
		p.say(func(w http.ResponseWriter) {
			if now.session != nil {
				a.setSession(w, p.request, now.session)
			} else {
				a.setGuest(w, *now.seed)
			}
		})
	} else if _, ok := a.guestSeed(p.request); ok {
		p.say(func(w http.ResponseWriter) { a.jar.set(w, cookieGuest, "", -1) })
	}
	return nil
}

// regenerated is a visitor with a session, or a guest, of a new name.
func (v *visitor) regenerated(a *App) *visitor {
	now := &visitor{site: v.site, account: v.account, seed: new(identity.GuestSeed)}
	if v.session != nil {
		s := *v.session
		if !s.bearer { // which the program goes on with, and nobody else has
			a.random(s.ID[:])
		}
		now.session = &s
		return now
	}
	var random [10]byte
	a.random(random[:])
	*now.seed = identity.NewGuestSeed(a.beginning(v.site), random)
	return now
}

// say sets cookies of ours beside those of the site, which are cleaned of ours.
func (p *passage) say(set func(http.ResponseWriter)) {
	before := slices.Clone(p.Header()["Set-Cookie"])
	set(p)
	for _, c := range p.Header()["Set-Cookie"] {
		if !slices.Contains(before, c) {
			p.cookies = append(slices.Clip(p.cookies), c)
		}
	}
}

// requestID is the id under which a request stands in the access log and in the audit.
func requestID(r *http.Request) string {
	repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if !ok {
		return ""
	}
	id, _ := repl.GetString("http.request.uuid")
	return id
}

// bindTime bounds how long an answer waits for the facts.
const bindTime = 5 * time.Second

// forget drops the visitors with these ids from the cache of this node at once, and has
// the others look at the facts.
func (a *App) forget(realm string, ids ...string) {
	for _, id := range ids {
		a.visitors.forget(userName(realm, id))
	}
	a.nudge()
}
