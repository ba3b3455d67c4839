package caddymodule

import (
	"context"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// exchange asks WeChat whose code that is.
func (a *App) exchange(ctx context.Context, rt route, code string) (s *session, err error) {
	ctx, part := traced(ctx, "exchange", rt.labels()...)
	defer func() { endedBy(part, err, loginRefusal) }()
	account := rt.account
	grant, err := a.wechat.Exchange(ctx, account.AppID, a.secret(account), code)
	if err != nil {
		return nil, err
	}
	s = a.newSession(rt, grantedBase, grant.OpenID, grant.UnionID)
	switch {
	case grant.Snapshot:
		s.Granted, s.UnionID = grantedSnapshot, ""
	case account.Kind == directory.Web:
		s.Granted = grantedScan
	case account.Kind == directory.App:
		s.Granted = grantedApp
	case grant.Has(wechat.ScopeUserInfo):
		s.Granted = grantedUserInfo
		if s.UnionID == "" && account.Subject != "" {
			info, err := a.wechat.UserInfo(ctx, grant)
			if err != nil {
				return nil, err
			}
			s.UnionID = info.UnionID
		}
	}
	return s, nil
}

// newSession is one that begins now.
func (a *App) newSession(rt route, granted grant, openID, unionID string) *session {
	s := &session{AppID: rt.account.AppID, host: rt.host, OpenID: openID, UnionID: unionID, Granted: granted, At: a.beginning(rt.site)}
	a.random(s.ID[:])
	return s
}

// arrive is where all doors end: it finds out who it is whom WeChat vouches for, and
// writes his row, so that no token ever names a user whom the facts don't know. live is
// the session that the new one takes the place of, seed the guest of this browser, if
// there are any.
func (a *App) arrive(ctx context.Context, rt route, s, live *session, seed *identity.GuestSeed) finished {
	answer, err := a.identify(ctx, rt, s, live, seed)
	if err != nil {
		return finished{err: err}
	}
	if live != nil && live.ID != s.ID {
		if err := a.facts().CarryLogins(ctx, live.key(), s.key(), identity.Openid{AppID: s.AppID, OpenID: s.OpenID}, a.now()); err != nil {
			return finished{err: err}
		}
	}
	if s.At.Before(answer.Since) {
		s.At = after(answer.Since) // taken apart within this very moment, or by a node whose clock is ahead
	}
	return finished{session: s, answer: answer}
}

// checkUnionID warns of an account that is bound otherwise than configured.
func (a *App) checkUnionID(account *directory.Account, s *session, tg target) {
	switch {
	case account.Subject == "" && s.UnionID != "":
		s.UnionID = ""
		a.log.Warn("WeChat tells a unionid for an account that is configured without a subject; it is not kept. Set `subject` for this account",
			zap.String("step", "identity"), zap.String("appid", account.AppID))
	case account.Subject != "" && s.UnionID == "" && (tg.UserInfo && s.Granted == grantedUserInfo || s.Granted > grantedSnapshot):
		s.Refused = s.At // asking again would give the same
		a.log.Error("WeChat tells no unionid although the visitor consented: bind the account to the open-platform account of its `subject`",
			zap.String("step", "identity"), zap.String("appid", account.AppID))
	}
}

// supersede ends the session that another one has taken the place of: at once if it was
// somebody else's, else after a minute, since requests are under way.
func (a *App) supersede(ctx context.Context, live, s *session) error {
	if live == nil || live.ID == s.ID {
		return nil
	}
	rev := identity.Revocation{Session: live.key(), From: a.now(), Until: live.ends(a.Session.life())}
	if live.OpenID == s.OpenID {
		rev.From = rev.From.Add(time.Minute)
	}
	return a.revoke(ctx, rev)
}
