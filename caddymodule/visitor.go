package caddymodule

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// visitor is what the gateway knows of a browser at one site: the result of steps
// 2, 4 and 5, kept so that the next request needs no database and no signature.
type visitor struct {
	site    *directory.Site
	account *directory.Account
	session *session            // nil for a guest
	seed    *identity.GuestSeed // of a guest
	answer  identity.Answer
	key     visitorKey // in the cache, if he is there
	renewAt time.Time  // a navigation after this renews the session silently
	ends    time.Time
	gone    atomic.Bool // the facts have changed
	token   atomic.Pointer[identity.Signed]
	// loginSeen is the login cookie with which nothing was left to remember.
	loginSeen atomic.Pointer[string]
	counted   atomic.Int64 // the last hour in which he was counted; see [tally]
}

// guestEnds bounds how long a guest's answer is used without a look at the facts.
const guestEnds = time.Hour

func (v *visitor) holds(now time.Time) bool { return !v.gone.Load() && now.Before(v.ends) }

// recognise is step 2 for a request with a session: who is it, as far as we know
// without asking WeChat? nil if there is no session. An error means that the
// facts can't be reached.
func (a *App) recognise(r *http.Request, rt route) (v *visitor, err error) {
	value, second := a.jar.values(r, rt.account.AppID)
	key := visitorKey{value, rt.account.AppID, rt.site.PTID, rt.host, false}
	if token, n := bearers(r); n > 0 {
		key.cookie, key.bearer, second = token, true, ""
		if n > 1 {
			return nil, nil // who would he be?
		}
	}
	if key.cookie == "" {
		return nil, nil
	}
	now := a.now()
	if second == "" {
		if v := a.visitors.get(key); v != nil && v.site == rt.site && v.holds(now) && a.factsTrusted(now) {
			return v, nil
		}
	}
	mark := a.visitors.mark()
	s := a.session(r, rt)
	if s == nil {
		return nil, nil
	}
	ctx, part := traced(r.Context(), "recognise", rt.labels()...)
	defer func() { endedBy(part, err, factsRefusal) }()
	from, err := a.facts().Revoked(ctx, s.key())
	if err != nil {
		return nil, err
	}
	if !from.IsZero() && !now.Before(from) {
		a.metrics.cookieRefused("session")
		return nil, nil
	}
	answer, err := a.identify(ctx, rt, s, nil, nil)
	if err != nil {
		return nil, err
	}
	if s.At.Before(answer.Since) {
		a.metrics.cookieRefused("session")
		return nil, nil // what it led to was taken apart since
	}
	life := a.Session.life()
	v = &visitor{site: rt.site, account: rt.account, session: s, answer: answer, ends: s.ends(life), renewAt: s.At.Add(life / 2)}
	if s.Granted == grantedSnapshot {
		v.renewAt = v.ends
	}
	if !from.IsZero() && from.Before(v.ends) {
		v.ends = from // replaced by a newer session: it may finish what is under way
	}
	if second == "" {
		a.visitors.put(key, v, mark)
	}
	return v, nil
}

// recogniseGuest is step 2 for a visitor whom WeChat doesn't vouch for; nil if the
// browser has no guest cookie, or one whose guest has become somebody (K5) or was
// cut off.
func (a *App) recogniseGuest(r *http.Request, rt route) (*visitor, error) {
	value, second := a.jar.values(r, cookieGuest)
	if value == "" {
		return nil, nil
	}
	key := visitorKey{value, rt.account.AppID, rt.site.PTID, rt.host, false}
	if second == "" {
		if v := a.visitors.get(key); v != nil && v.site == rt.site && v.holds(a.now()) && a.factsTrusted(a.now()) {
			return v, nil
		}
	}
	seed, ok := a.guestSeed(r)
	if !ok {
		return nil, nil
	}
	mark := a.visitors.mark()
	claim, err := a.claim(rt, nil, &seed)
	if err != nil {
		return nil, err
	}
	if a.facts().guestEnded(rt.site, claim.Browser.ID, seed.Born()) {
		a.metrics.cookieRefused(cookieGuest)
		return nil, nil
	}
	answer, err := a.resolve(r.Context(), rt, claim)
	if err != nil || answer.Spent {
		return nil, err // this guest has signed in since: his id is not for everybody who holds the phone
	}
	v := &visitor{site: rt.site, account: rt.account, seed: &seed, answer: answer, ends: a.now().Add(guestEnds)}
	if second == "" {
		a.visitors.put(key, v, mark)
	}
	return v, nil
}

// newGuest is a guest whom nobody can know yet.
func (a *App) newGuest(rt route, seed identity.GuestSeed) (*visitor, error) {
	claim, err := a.claim(rt, nil, &seed)
	return &visitor{site: rt.site, account: rt.account, seed: &seed, answer: identity.Answer{User: claim.Browser}, ends: a.now().Add(guestEnds)}, err
}

// identify is step 4: who is that, for us? It is the one place where what WeChat
// told becomes a claim. before is the session that this one takes the place of, guest
// the guest of this browser, if there are any.
func (a *App) identify(ctx context.Context, rt route, s *session, before *session, guest *identity.GuestSeed) (identity.Answer, error) {
	claim, err := a.claim(rt, s, nil)
	if err != nil {
		return identity.Answer{}, err
	}
	if before != nil && before.AppID == s.AppID && before.OpenID == s.OpenID {
		claim.Session = before.key()
	}
	if guest != nil && !claim.Snapshot {
		key, err := a.guestKey(rt.site.Realm)
		if err != nil {
			return identity.Answer{}, err
		}
		if id := identity.CookieGuestID(key, *guest); !a.facts().guestEnded(rt.site, id, guest.Born()) {
			claim.User, claim.UserKind, claim.UserBorn = id, identity.Virtual, guest.Born()
		}
	}
	answer, err := a.resolve(ctx, rt, claim)
	if err == nil {
		a.metrics.resolved(answer)
	}
	return answer, err
}

// resolve asks the facts, as a part of a request.
func (a *App) resolve(ctx context.Context, rt route, claim identity.Claim) (identity.Answer, error) {
	ctx, part := traced(ctx, "resolve", rt.labels()...)
	answer, err := a.facts().Resolve(ctx, claim)
	endedBy(part, err, factsRefusal)
	return answer, err
}

// speak is step 5: the token that tells this site who the visitor is, signed only
// when the one in use is past half of its life or its key is gone.
func (a *App) speak(ctx context.Context, v *visitor, now time.Time) (string, error) {
	keys := a.facts().keys
	if t := v.token.Load(); t != nil && t.Epoch == keys.Epoch() && now.Before(t.Renew) {
		return t.JWT, nil
	}
	_, part := traced(ctx, "sign", ofAccount(v.account.AppID), ofSite(v.site.PTID))
	signed, err := keys.Sign(v.site.Algorithm, a.tokenFor(v))
	endedBy(part, err, factsRefusal)
	if err != nil {
		return "", err
	}
	a.metrics.signed()
	v.token.Store(&signed)
	return signed.JWT, nil
}

func (a *App) tokenFor(v *visitor) identity.Token {
	t := identity.Token{
		Issuer: a.issuer, Subject: v.answer.User.ID, Audience: v.site.Audience,
		Kind: v.answer.User.Kind, Realm: v.site.Realm, AppID: v.account.AppID, PTID: v.site.PTID,
		Linked: v.answer.Linked(), Hinted: v.answer.Hinted, Prev: v.answer.Prev, AMR: []string{"guest"}, AuthTime: v.answer.User.Born,
	}
	if v.session == nil || v.session.Granted != grantedSnapshot {
		t.Bind = a.sealBind(v)
	}
	if s := v.session; s != nil {
		t.AMR, t.AuthTime = s.amr(), s.At
		if v.site.Tells("openid") && s.Granted != grantedSnapshot {
			t.OpenID = s.OpenID
		}
		if v.site.Tells("unionid") && v.account.Subject != "" {
			t.UnionID = v.answer.UnionID
		}
	}
	return t
}
