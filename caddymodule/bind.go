package caddymodule

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
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
		Unionid: identity.Unionid{Subject: rt.account.SubjectOrSelf()}, Via: "web_login",
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

// bindCode is what a site is told of a login that could not be taken.
func bindCode(err error) string {
	var conflict *identity.Conflict
	var fault *identity.Fault
	switch {
	case errors.Is(err, errEnded):
		return bindEnded
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
	if ended, err := a.facts().Revoked(ctx, claim.Session); err != nil || !ended.IsZero() {
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
	if now.answer, err = a.facts().Resolve(ctx, claim); err != nil {
		return err
	}
	a.metrics.resolved(now.answer)
	a.forget(claim.Realm, append(now.answer.Prev, v.answer.User.ID, now.answer.User.ID)...)
	p.visitor = now // what is logged of this request after now is about him
	if now.answer.InSession {
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
		a.random(s.ID[:])
		now.session = &s
		return now
	}
	var random [10]byte
	a.random(random[:])
	*now.seed = identity.NewGuestSeed(a.now(), random)
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

// forget drops the visitors with these ids from the cache of this node at once; the
// facts tell the others.
func (a *App) forget(realm string, ids ...string) {
	for _, id := range ids {
		a.visitors.forget(userName(realm, id))
	}
}

// tokenGrace is how long after its end a token may still be used to bind: a login on
// a page that was open for a while.
const tokenGrace = 10 * time.Minute

// errToken says that a visitor's token can't be used: ours it isn't, or not any more.
var errToken = errors.New("the token isn't one of ours, or is too old")

// sealBind makes the part of a token by which its holder can bind this visitor. It is
// opaque to him: whom WeChat vouched for, and in which session.
func (a *App) sealBind(v *visitor) string {
	var p []byte
	switch {
	case v.session != nil:
		p = append(append(p, 's'), v.session.ID[:]...)
		p = appendString(appendString(p, v.session.OpenID), v.session.UnionID)
	case v.seed != nil:
		p = append(append(p, 'g'), v.seed[:]...)
	}
	return b64.EncodeToString(a.box.bind.Seal(p, bindContext(v.account.AppID, v.site.PTID)))
}

func bindContext(appID, ptid string) string { return appID + "/" + ptid }

// claimOf is the claim that a visitor's token allows its holder to make, and the site
// that it was made for. The error is [errToken], or that the facts can't be reached.
func (a *App) claimOf(ctx context.Context, token string) (identity.Claim, string, error) {
	ptid := unverifiedSite(token)
	site := a.directory.Site(ptid)
	if site == nil {
		return identity.Claim{}, "", errToken
	}
	keys, _ := a.facts().keys.JWKS()
	t, err := identity.Verify(keys, token, identity.Expect{Issuer: a.issuer, Audience: site.Audience, Now: a.now(), Leeway: tokenGrace})
	account := a.directory.Account(t.AppID)
	if err != nil || t.PTID != ptid || t.Realm != site.Realm || account == nil || !site.ServedBy(t.AppID) {
		return identity.Claim{}, "", errToken
	}
	plain, err := open(a.box.bind, t.Bind, bindContext(t.AppID, ptid))
	if err != nil || len(plain) == 0 {
		return identity.Claim{}, "", errToken
	}
	f := fields{p: plain[1:]}
	rt := route{site: site, account: account}
	var s *session
	var seed identity.GuestSeed
	if plain[0] == 's' {
		s = &session{AppID: t.AppID, Granted: grantedBase}
		copy(s.ID[:], f.bytes(16))
		s.OpenID, s.UnionID = f.string(), f.string()
	} else {
		copy(seed[:], f.bytes(16))
	}
	if !f.done() {
		return identity.Claim{}, "", errToken
	}
	claim, err := a.claim(rt, s, &seed)
	if err != nil {
		return claim, "", err
	}
	return claim, ptid, a.stillHolds(ctx, claim, t.AuthTime)
}

// stillHolds says whether the session that a token comes from has not been signed out,
// replaced, or parted from its user since. The error is [errToken] if it has.
func (a *App) stillHolds(ctx context.Context, claim identity.Claim, since time.Time) error {
	ended, err := a.facts().Revoked(ctx, claim.Session)
	if err != nil {
		return err
	}
	if !ended.IsZero() {
		return errToken
	}
	if claim.OpenID == "" {
		return nil
	}
	known, err := a.facts().Load(ctx, identity.Query{Realm: claim.Realm, Openid: claim.Openid})
	if err == nil && since.Before(known.Openid.Since) {
		err = errToken
	}
	return err
}

// unverifiedSite reads which site a token says it is for: with whose audience it has
// to be verified. Nothing else is believed.
func unverifiedSite(token string) string {
	parts := strings.Split(token, ".")
	if len(parts) != 3 || len(token) > http.DefaultMaxHeaderBytes {
		return ""
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return ""
	}
	var claims struct {
		PTID string `json:"ptid"`
	}
	if json.Unmarshal(payload, &claims) != nil {
		return ""
	}
	return claims.PTID
}
