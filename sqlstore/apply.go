package sqlstore

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Apply commits a change whole, or returns [identity.ErrConflict] and writes
// nothing.
func (s *Store) Apply(ctx context.Context, change identity.Change) error {
	err := s.writer.write(ctx, func(c *session) error { return apply(c, change, s.now()) })
	if err != nil {
		return fmt.Errorf("applying change: %w", err)
	}
	return nil
}

func apply(c *session, change identity.Change, now time.Time) error {
	if listed, err := onlyListed(c, change); listed || err != nil {
		return err
	}
	if change.Erase != nil {
		if err := erase(c, change.Realm, *change.Erase, change.At); err != nil {
			return err
		}
	}
	for _, u := range change.Seen {
		if err := seen(c, change.Realm, u); err != nil {
			return err
		}
	}
	for _, u := range parentsFirst(change.Users) {
		if err := putUser(c, change.Realm, u); err != nil {
			return err
		}
	}
	for _, o := range change.Openids {
		if err := putOpenid(c, change.Realm, o); err != nil {
			return err
		}
	}
	for _, n := range change.Unions {
		if err := putUnion(c, change.Realm, n); err != nil {
			return err
		}
	}
	if err := leaveNone(c, change); err != nil {
		return err
	}
	if err := putLogins(c, change); err != nil {
		return err
	}
	if change.Rebind != nil {
		if err := putRebind(c, change.Realm, *change.Rebind); err != nil {
			return err
		}
	}
	if change.Cutoff != nil {
		if err := putCutoff(c, *change.Cutoff, now); err != nil {
			return err
		}
	}
	if err := putEvents(c, change.Realm, change.Events); err != nil {
		return err
	}
	if err := putConflicts(c, change); err != nil {
		return err
	}
	if change.Audit != nil {
		if err := putAudit(c, change.Realm, change.At, *change.Audit); err != nil {
			return err
		}
	}
	return putStale(c, identity.StaleUser, change.Realm, change.Stale, now)
}

// onlyListed says that a change lists a conflict that is listed already, and does
// nothing else.
func onlyListed(c *session, change identity.Change) (bool, error) {
	rest := change
	rest.Conflict, rest.Audit = nil, nil
	if change.Conflict == nil || !rest.Empty() {
		return false, nil
	}
	return listed(c, *change.Conflict)
}

// swapped turns "no row was at that version" into a conflict.
func swapped(n int64, err error) error {
	if err == nil && n == 0 {
		return identity.ErrConflict
	}
	return err
}

// seen makes sure that a user is still as it was loaded. Version 0 was loaded as
// not there.
func seen(c *session, realm string, u identity.User) error {
	var version int64
	_, err := c.one(`SELECT version FROM userid WHERE realm = $1 AND id = $2`, []any{realm, u.ID}, []any{&version})
	if err == nil && version != u.Version {
		return identity.ErrConflict
	}
	return err
}

// parentsFirst puts a user that is retired after the one that it is retired into,
// since a forward pointer may only lead to a user that is there.
func parentsFirst(users []identity.User) []identity.User {
	if len(users) < 2 {
		return users
	}
	parent := map[string]string{}
	for _, u := range users {
		parent[u.ID] = u.Parent
	}
	depth := func(u identity.User) (n int) {
		for p := u.Parent; p != "" && n < len(users); p = parent[p] {
			n++
		}
		return n
	}
	return slices.SortedStableFunc(slices.Values(users), func(a, b identity.User) int { return depth(a) - depth(b) })
}

// leaveNone makes sure that no unionid leads to somebody who is retired: one that has
// come to him since he was loaded would be left behind.
func leaveNone(c *session, change identity.Change) error {
	for _, u := range change.Users {
		if u.Live() || u.Version == 0 {
			continue
		}
		var one int
		served, err := c.one(`SELECT 1 FROM union_key WHERE realm = $1 AND userid = $2`, []any{change.Realm, u.ID}, []any{&one})
		if err != nil {
			return err
		}
		if served {
			return identity.ErrConflict
		}
	}
	return nil
}

func putUser(c *session, realm string, u identity.User) error {
	var parent any // NULL while live
	if u.Parent != "" {
		parent = u.Parent
	}
	args := []any{realm, u.ID, string(u.Kind), u.Born.UnixMicro(), u.Home.AppID, u.Home.OpenID, parent, moment(u.RetiredAt), moment(u.BlockedAt)}
	if u.Version == 0 {
		_, err := c.exec(`INSERT INTO userid (realm, id, kind, born, home_appid, home_openid, parent, retired_at, blocked_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE userid SET kind = $3, born = $4, home_appid = $5, home_openid = $6, parent = $7, retired_at = $8, blocked_at = $9, version = version + 1
		WHERE realm = $1 AND id = $2 AND version = $10`, append(args, u.Version)...))
}

func putOpenid(c *session, realm string, o identity.OpenidRow) error {
	args := []any{realm, o.AppID, o.OpenID, o.Subject, o.UnionID, o.Gen, o.Guest, moment(o.Issued), moment(o.Since), o.Hint}
	if o.Version == 0 {
		_, err := c.exec(`INSERT INTO openid_key (realm, appid, openid, subject, unionid, gen, guest, issued, since, hint, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE openid_key SET subject = $4, unionid = $5, gen = $6, guest = $7, issued = $8, since = $9, hint = $10, version = version + 1
		WHERE realm = $1 AND appid = $2 AND openid = $3 AND version = $11`, append(args, o.Version)...))
}

func putUnion(c *session, realm string, n identity.UnionRow) error {
	args := []any{realm, n.Subject, n.UnionID, n.User, n.Slot, n.Epoch}
	if n.Version == 0 {
		_, err := c.exec(`INSERT INTO union_key (realm, subject, unionid, userid, slot, epoch, version) VALUES ($1, $2, $3, $4, $5, $6, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE union_key SET userid = $4, slot = $5, epoch = $6, version = version + 1
		WHERE realm = $1 AND subject = $2 AND unionid = $3 AND version = $7`, append(args, n.Version)...))
}
