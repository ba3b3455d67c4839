package caddymodule

import (
	"context"
	"errors"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// people knows where users can be reached: at the openids that lead to them, as far as
// WeChat has told who follows what.
type people struct {
	app       *App
	followers follower.Store
}

// Addresses are those of a user, or of the user into whom he was merged.
func (p people) Addresses(ctx context.Context, realm, user string) ([]message.Address, error) {
	facts, err := p.app.facts().Centre.User(ctx, realm, user)
	var fault *identity.Fault
	if errors.As(err, &fault) {
		return nil, nil // nobody has such an id
	}
	if err != nil || facts.Gone || !facts.Root.BlockedAt.IsZero() {
		return nil, err
	}
	var addresses []message.Address
	for _, o := range facts.Openids {
		known, err := p.followers.Followers(ctx, o.AppID, []string{o.OpenID})
		if err != nil {
			return nil, err
		}
		f, ok := known[o.OpenID]
		addresses = append(addresses, message.Address{AppID: o.AppID, OpenID: o.OpenID, Following: f.Following, Known: ok})
	}
	return addresses, nil
}

// meet makes sure that somebody of whom WeChat has told us in a push is known in a
// realm: his unionid is asked for, as far as WeChat tells it, and then he is resolved as
// at a login.
func (a *App) meet(ctx context.Context, realm, appID, openID string) error {
	claim, known, err := a.claimed(ctx, realm, appID, openID)
	if err != nil || known || claim.Realm == "" {
		return err
	}
	_, err = a.telling().Resolve(ctx, claim)
	return past(err)
}

// claimed is what somebody of whom WeChat has told us can be resolved by, and whether he is
// known already; nothing if the account or the realm is no longer configured.
func (a *App) claimed(ctx context.Context, realm, appID, openID string) (claim identity.Claim, known bool, err error) {
	account := a.directory().Account(appID)
	if account == nil || a.directory().Realm(realm) == nil {
		return claim, false, nil
	}
	claim = identity.Claim{
		Realm: realm, Openid: identity.Openid{AppID: appID, OpenID: openID}, Unionid: identity.Unionid{Subject: account.SubjectOrSelf()}, Via: "push", Actor: "wechat",
	}
	if account.Subject == "" {
		claim.UnionID = openID
	} else if answer, err := a.lookUp(ctx, claim); err == nil && answer.Linked() {
		claim.UnionID = answer.UnionID
		return claim, true, nil
	} else if err := a.keeper.Do(ctx, appID, func(ctx context.Context, as wechat.Bearer) error {
		fan, err := a.wechat.Fan(ctx, as, openID)
		claim.UnionID = fan.UnionID
		return err
	}); err != nil {
		return claim, false, err
	}
	return claim, false, nil
}

// forgetPerson forgets the WeChat account behind an openid in every realm, as WeChat
// demands when its owner has closed it, or has taken back all that he had authorised: its
// openids, its unionid and what hangs on them. A member stays a member of the business,
// but nobody comes to him through that WeChat account again.
func (a *App) forgetPerson(ctx context.Context, p inbox.Personal) error {
	account := a.directory().Account(p.AppID)
	if account == nil {
		return nil
	}
	by := identity.By{Actor: "wechat", Via: "push", Evidence: p.Kind}
	for _, realm := range a.realmsOf(p.AppID) {
		openids := []identity.Openid{{AppID: p.AppID, OpenID: p.OpenID}}
		if p.OpenID == "" {
			var err error
			if openids, err = a.openidsOf(ctx, realm, identity.Unionid{Subject: account.SubjectOrSelf(), UnionID: p.UnionID}); err != nil {
				return err
			}
		}
		for _, o := range openids {
			// First what nobody finds any more once the links are gone.
			if err := a.forgetOpenid(ctx, o.AppID, o.OpenID); err != nil {
				return err
			}
			if err := a.forgetIn(ctx, realm, o, account.SubjectOrSelf(), by); err != nil {
				return err
			}
		}
	}
	if p.OpenID == "" {
		return nil
	}
	return a.forgetOpenid(ctx, p.AppID, p.OpenID)
}

// openidsOf are those on record with a unionid.
func (a *App) openidsOf(ctx context.Context, realm string, n identity.Unionid) ([]identity.Openid, error) {
	known, err := a.facts().Load(ctx, identity.Query{Realm: realm, Unionid: n})
	if err != nil || known.UnionUser.ID == "" {
		return nil, err
	}
	user, err := a.facts().Centre.User(ctx, realm, known.UnionUser.ID)
	var openids []identity.Openid
	for _, o := range user.Openids {
		if o.Unionid == n {
			openids = append(openids, o.Openid)
		}
	}
	return openids, err
}

// forgetMessages forgets what was sent to a user at the openids of one WeChat account of
// his.
func (a *App) forgetMessages(ctx context.Context, realm, user string, n identity.Unionid) error {
	known, err := a.facts().Centre.User(ctx, realm, user)
	if err != nil {
		return err
	}
	for _, id := range append(known.Retired, known.Root) {
		for _, o := range known.Openids {
			if o.Unionid != n {
				continue
			}
			if _, err := a.messages.EraseUserAt(ctx, realm, id.ID, o.AppID, o.OpenID); err != nil {
				return err
			}
		}
	}
	return nil
}

// forgetOpenid forgets what the channels know of somebody at an account: his scans, the
// merchants whom he stands for, his pushes, and whether he follows it.
func (a *App) forgetOpenid(ctx context.Context, appID, openID string) error {
	if _, err := a.desk.EraseOpenid(ctx, appID, openID); err != nil {
		return err
	}
	if _, err := a.codes.Erase(ctx, appID, openID); err != nil {
		return err
	}
	if err := a.channelStore().ForgetPushes(ctx, appID, openID); err != nil {
		return err
	}
	return a.followers().ForgetFollower(ctx, appID, openID)
}

// forgetUser erases a user with what the channels keep of him: first the messages to him
// and to the ids that he had before, since nobody finds those once he is gone. What is
// known of him at an account goes too, unless other realms use that account: it is theirs
// as well.
func (a *App) forgetUser(ctx context.Context, centre *identity.Centre, realm, user string, by identity.By) error {
	known, err := centre.User(ctx, realm, user)
	if err != nil {
		return err
	}
	if !known.Gone && known.Given.Live() {
		for _, id := range append(known.Retired, known.Root) {
			if _, err := a.messages.EraseUser(ctx, realm, id.ID); err != nil {
				return err
			}
			if _, err := a.desk.EraseUser(ctx, realm, id.ID); err != nil {
				return err
			}
		}
		for _, o := range known.Openids {
			if len(a.realmsOf(o.AppID)) > 1 {
				continue
			}
			if err := a.forgetOpenid(ctx, o.AppID, o.OpenID); err != nil {
				return err
			}
		}
	}
	return centre.Erase(ctx, realm, user, by)
}

func (a *App) forgetIn(ctx context.Context, realm string, o identity.Openid, subject string, by identity.By) error {
	claim := identity.Claim{Realm: realm, Openid: o, Unionid: identity.Unionid{Subject: subject}, Via: by.Via}
	if subject == o.AppID {
		claim.UnionID = o.OpenID
	}
	answer, err := a.lookUp(ctx, claim)
	if errors.Is(err, errWouldWrite) {
		return nil // nobody knows him
	}
	if err != nil {
		return err
	}
	centre := a.telling()
	if answer.User.Kind == identity.Real {
		if !answer.Linked() {
			return nil // who logged in without a unionid: the session's own end ends that
		}
		n := identity.Unionid{Subject: subject, UnionID: answer.UnionID}
		if err := a.forgetMessages(ctx, realm, answer.User.ID, n); err != nil {
			return err
		}
		if err := centre.Unbind(ctx, realm, answer.User.ID, n, by); err != nil {
			return past(err)
		}
		if answer, err = centre.Resolve(ctx, claim); err != nil {
			return err
		}
	}
	if !answer.User.BlockedAt.IsZero() && by.Evidence != closedAccount {
		// He lives on in WeChat, and a fresh id would let him in again.
		return a.forgetMessages(ctx, realm, answer.User.ID, identity.Unionid{Subject: subject, UnionID: answer.UnionID})
	}
	return past(a.forgetUser(ctx, centre, realm, answer.User.ID, by))
}

// past takes a contradiction for success: somebody else was faster, or it was done when
// the push came the first time.
func past(err error) error {
	var conflict *identity.Conflict
	if errors.As(err, &conflict) {
		return nil
	}
	return err
}
