package caddymodule

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// consoleUsers are the users as the console deals with them: as the HTTP API does for an
// operator.
type consoleUsers struct{ *App }

// Places are the accounts of a realm.
func (a consoleUsers) Places(realm string) []console.Place {
	var list []console.Place
	for _, account := range a.directory().Accounts() {
		if slices.Contains(a.realmsOf(account.AppID), realm) {
			list = append(list, console.Place{AppID: account.AppID, Kind: account.Kind, Subject: account.Subject})
		}
	}
	slices.SortFunc(list, func(x, y console.Place) int { return strings.Compare(x.AppID, y.AppID) })
	return list
}

// User is all that is known of a user.
func (a consoleUsers) User(ctx context.Context, realm, id string) (console.User, error) {
	known, err := a.facts().Centre.User(ctx, realm, id)
	switch {
	case err != nil:
		return console.User{}, err
	case known.Gone:
		return console.User{}, &identity.Conflict{Code: identity.CodeUserErased, User: id}
	case known.Given.ID == "":
		return console.User{}, &identity.Conflict{Code: identity.CodeUserUnknown, User: id}
	}
	u := console.User{UserFacts: known, Follows: map[identity.Openid]bool{}}
	at := map[string][]string{}
	for _, o := range known.Openids {
		at[o.AppID] = append(at[o.AppID], o.OpenID)
	}
	for appID, openIDs := range at {
		follow, err := a.followers().Followers(ctx, appID, openIDs)
		if err != nil {
			return console.User{}, err
		}
		for openID, f := range follow {
			u.Follows[identity.Openid{AppID: appID, OpenID: openID}] = f.Following
		}
	}
	if u.Stands, err = a.stands(ctx, realm, known); err != nil {
		return console.User{}, err
	}
	waiting, err := a.facts().Store.Rebinds(ctx, realm, identity.RebindWaiting, known.Root.ID, 1)
	if len(waiting) == 1 {
		u.Moving = &waiting[0]
	}
	return u, err
}

// stands are the merchants to whom a user, or an id that was merged into him, is bound.
func (a consoleUsers) stands(ctx context.Context, realm string, known identity.UserFacts) ([]console.Stand, error) {
	var list []console.Stand
	for _, u := range append([]identity.User{known.Root}, known.Retired...) {
		bound, err := a.facts().Store.(pooledStore).BindingsOfUser(ctx, realm, u.ID)
		if err != nil {
			return nil, err
		}
		for _, b := range bound {
			m, err := a.desk.Get(ctx, realm, b.Merchant)
			if err != nil {
				return nil, err
			}
			list = append(list, console.Stand{Merchant: b.Merchant, Name: m.Name, AppID: b.AppID})
		}
	}
	slices.SortFunc(list, func(x, y console.Stand) int { return strings.Compare(x.Merchant+" "+x.AppID, y.Merchant+" "+y.AppID) })
	return list, nil
}

// ByOpenid names the user to whom an openid leads.
func (a consoleUsers) ByOpenid(ctx context.Context, realm string, o identity.Openid) (string, error) {
	c := &apiCall{App: a.App, ctx: ctx, realm: realm, key: *operator()}
	claim, err := c.claimBy(visitorIn{AppID: o.AppID, OpenID: o.OpenID})
	if refused := (*apiRefusal)(nil); errors.As(err, &refused) {
		return "", &identity.Conflict{Code: identity.CodeOpenidUnknown} // no account of this realm
	}
	if err != nil {
		return "", err
	}
	answer, err := c.who(claim)
	return answer.User.ID, err
}

// ByUnionid names the user to whom a unionid leads.
func (a consoleUsers) ByUnionid(ctx context.Context, realm string, n identity.Unionid) (string, error) {
	known, err := a.facts().Load(ctx, identity.Query{Realm: realm, Unionid: n})
	if err == nil && known.UnionUser.ID == "" {
		err = &identity.Conflict{Code: identity.CodeUserUnknown}
	}
	return known.UnionUser.ID, err
}

// History reads the audit of a user from its end.
func (a consoleUsers) History(ctx context.Context, realm, id string, limit int) ([]identity.AuditRecord, error) {
	const page = 500
	var last []identity.AuditRecord
	for after := int64(0); ; {
		some, err := a.facts().Centre.Audit(ctx, realm, id, after, page)
		if err != nil {
			return nil, err
		}
		last = append(last, some...)
		last = last[max(len(last)-limit, 0):]
		if len(some) < page {
			slices.Reverse(last)
			return last, nil
		}
		after = some[len(some)-1].Seq
	}
}

// Conflicts are those of a realm, the newest first.
func (a consoleUsers) Conflicts(ctx context.Context, realm string, before int64, limit int) ([]identity.ConflictRow, error) {
	return a.facts().Store.(pooledStore).LatestConflicts(ctx, realm, before, limit)
}

// Dismiss leaves a conflict as it is, or takes that back.
func (a consoleUsers) Dismiss(ctx context.Context, row identity.ConflictRow, dismissed bool, user string, by identity.By) error {
	return a.facts().Centre.Dismiss(ctx, row.Realm, row.Seq, dismissed, user, by)
}

// asSeen lets the identity centre decide only about users who are as they were seen: it
// loads them anew for each try, so that nobody can come between.
type asSeen struct {
	identity.Store
	seen []console.Seen
}

func (s asSeen) User(ctx context.Context, realm, id, mark string) (identity.UserFacts, error) {
	facts, err := s.Store.User(ctx, realm, id, mark)
	for _, seen := range s.seen {
		if err == nil && seen.Realm == realm && seen.User == id && facts.Given.ID != "" && seen.State != console.StateOf(facts) {
			err = console.ErrUserChanged
		}
	}
	return facts, err
}

// as is the identity centre for what was decided on sight.
func (a consoleUsers) as(seen ...console.Seen) *identity.Centre {
	centre := a.telling()
	centre.Store = asSeen{centre.Store, seen}
	return centre
}

// SignOut ends the sessions of a user.
func (a consoleUsers) SignOut(ctx context.Context, s console.Seen, by identity.By) error {
	_, err := a.endBefore(ctx, a.as(s), identity.Cutoff{Kind: identity.CutoffUser, Realm: s.Realm, Name: s.User}, by)
	return err
}

// Block turns a user away.
func (a consoleUsers) Block(ctx context.Context, s console.Seen, by identity.By) error {
	return a.as(s).Block(ctx, s.Realm, s.User, by)
}

// Unblock lets a user in again.
func (a consoleUsers) Unblock(ctx context.Context, s console.Seen, by identity.By) error {
	return a.as(s).Unblock(ctx, s.Realm, s.User, by)
}

// Unbind parts a user from a WeChat account.
func (a consoleUsers) Unbind(ctx context.Context, s console.Seen, from identity.Unionid, by identity.By) error {
	return a.as(s).Unbind(ctx, s.Realm, s.User, from, by)
}

// Move asks for a user to be moved to a WeChat account.
func (a consoleUsers) Move(ctx context.Context, s console.Seen, user string, to identity.Openid, by identity.By) error {
	centre := a.as(s)
	if _, err := centre.User(ctx, s.Realm, s.User); err != nil {
		return err
	}
	_, err := centre.Rebind(ctx, s.Realm, user, to, by)
	return err
}

// CancelMove calls a move off.
func (a consoleUsers) CancelMove(ctx context.Context, s console.Seen, by identity.By) error {
	return a.as(s).CancelRebind(ctx, s.Realm, s.User, by)
}

// Merge merges a user into another one.
func (a consoleUsers) Merge(ctx context.Context, from, into console.Seen, by identity.By) error {
	return a.as(from, into).Merge(ctx, from.Realm, from.User, into.User, by)
}

// Erase forgets a user.
func (a consoleUsers) Erase(ctx context.Context, s console.Seen, by identity.By) error {
	return a.forgetUser(ctx, a.as(s), s.Realm, s.User, by)
}

var (
	_ console.Users  = consoleUsers{}
	_ identity.Store = asSeen{}
)
