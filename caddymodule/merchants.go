package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Merchants: where staff deal with them, and what scans of their codes do.

// openMerchants makes the desk, and has scans of its codes handed to it.
func (a *App) openMerchants(sealer *identity.Sealer) {
	a.desk = merchant.New(merchant.Config{
		Store: a.channelStore(), Codes: a.codes, Messages: a.messages, People: scanners{a}, Sealer: sealer.Box("notices"),
		Now: func() time.Time { return a.now() }, Random: a.random, Serves: a.bindsAt, Log: a.slog,
		Observe: func(appID string, s merchant.State, r merchant.Reason) {
			a.metrics.bindings.WithLabelValues(appID, cmp.Or(string(r), string(s))).Inc()
		},
	})
	a.codes.On(merchant.Purpose, a.desk.Scanned)
}

// bindsAt says whether merchants of a realm can be bound at an account: it is of the realm,
// makes codes and gets their scans.
func (a *App) bindsAt(realm, appID string) bool {
	account := a.directory().Account(appID)
	return account != nil && account.Openable() && account.Messages() && slices.Contains(a.realmsOf(appID), realm)
}

// codeRefused tells who has scanned a code of ours that does nothing any more.
func (a *App) codeRefused(ctx context.Context, c scene.Code, s scene.Scan, o scene.Outcome) error {
	if c.Purpose == merchant.Purpose {
		return a.desk.Refused(ctx, c, s, o)
	}
	return a.scanRefused(ctx, c, s, o)
}

// codeUnknown tells who has scanned a merchant's code that isn't on record any more. In
// which realm it was nobody knows; he is told once.
func (a *App) codeUnknown(ctx context.Context, s scene.Scan) error {
	for _, realm := range a.realmsOf(s.AppID) {
		if a.bindsAt(realm, s.AppID) {
			return a.desk.Foreign(ctx, realm, s)
		}
	}
	return nil
}

// scanners are who scans the codes of merchants, as the identity centre knows them.
type scanners struct{ *App }

// errGone says that what a scan was for is no longer configured.
var errGone = &identity.Conflict{Code: identity.CodeOpenidUnknown}

// Bind says to which user an openid leads, linked with the merchant's own if one is given.
func (p scanners) Bind(ctx context.Context, realm string, at identity.Openid, as, actor string) (string, error) {
	claim, _, err := p.claimed(ctx, realm, at.AppID, at.OpenID)
	if err != nil {
		return "", err
	}
	if claim.Realm == "" {
		return "", errGone
	}
	claim.Actor = actor
	if as == "" {
		answer, err := p.telling().Resolve(ctx, claim)
		return answer.User.ID, err
	}
	claim.User, claim.UserKind, claim.Bind = as, identity.Real, true
	answer, err := p.telling().Resolve(ctx, claim)
	p.metrics.bound("merchant", bindCode(err))
	if err == nil {
		p.forget(realm, append([]string{answer.User.ID}, answer.Prev...)...)
	}
	return answer.User.ID, err
}

// Unbind parts a merchant's user from the WeChat account behind an openid, if it leads to
// him.
func (p scanners) Unbind(ctx context.Context, realm string, at identity.Openid, user, actor string) error {
	account := p.directory().Account(at.AppID)
	if account == nil {
		return nil
	}
	claim := identity.Claim{Realm: realm, Openid: at, Unionid: identity.Unionid{Subject: account.SubjectOrSelf()}, Via: "merchant"}
	if account.Subject == "" {
		claim.UnionID = at.OpenID
	}
	answer, err := p.lookUp(ctx, claim)
	if errors.Is(err, errWouldWrite) || err == nil && (answer.User.ID != user || !answer.Linked()) {
		return nil
	}
	if err != nil {
		return past(err)
	}
	n := identity.Unionid{Subject: claim.Subject, UnionID: answer.UnionID}
	err = p.telling().Unbind(ctx, realm, user, n, identity.By{Actor: actor, Via: "merchant"})
	if conflict := (*identity.Conflict)(nil); errors.As(err, &conflict) && conflict.Code == identity.CodeNotBound {
		return nil
	}
	return err
}

var _ merchant.People = scanners{}
