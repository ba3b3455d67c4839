package caddymodule

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// A token lets a line of business bind a login to its visitor: to whom it was shown, and
// nobody else.

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
		p = appendTime(append(append(p, 's'), v.session.ID[:]...), v.session.At)
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
	site, err := a.site(ctx, ptid)
	if err != nil {
		return identity.Claim{}, "", err
	}
	if site == nil {
		return identity.Claim{}, "", errToken
	}
	keys, _ := a.facts().keys.JWKS()
	t, err := identity.Verify(keys, token, identity.Expect{Issuer: a.issuer, Audience: site.Audience, Now: a.now(), Leeway: tokenGrace})
	account := a.directory().Account(t.AppID)
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
		s.At, s.OpenID, s.UnionID = f.time(), f.string(), f.string()
	} else {
		copy(seed[:], f.bytes(16))
	}
	if !f.done() {
		return identity.Claim{}, "", errToken
	}
	began := seed.Born()
	if s != nil {
		began = s.At
	}
	claim, err := a.claim(rt, s, &seed)
	if err != nil {
		return claim, "", err
	}
	return claim, ptid, a.stillHolds(ctx, site, claim, began)
}

// stillHolds says whether a session that began at a moment has not been signed out,
// replaced, cut off, or parted from its user since. The error is [errToken] if it has.
func (a *App) stillHolds(ctx context.Context, site *directory.Site, claim identity.Claim, began time.Time) error {
	ended, err := a.ended(ctx, site, claim, began)
	if err != nil {
		return err
	}
	if ended {
		return errToken
	}
	return a.notParted(ctx, claim, began)
}

// notParted says whether the openid of a session that began at a moment has not been parted
// from its user, nor his sessions ended, since. The error is [errToken] if so.
func (a *App) notParted(ctx context.Context, claim identity.Claim, began time.Time) error {
	if claim.OpenID == "" {
		return nil
	}
	known, err := a.facts().Load(ctx, identity.Query{Realm: claim.Realm, Openid: claim.Openid})
	if err == nil && began.Before(known.Openid.Since) {
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
