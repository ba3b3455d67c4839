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
	if change.Openid != nil {
		if err := putOpenid(c, change.Realm, *change.Openid); err != nil {
			return err
		}
	}
	if change.Union != nil {
		if err := putUnion(c, change.Realm, *change.Union); err != nil {
			return err
		}
	}
	if err := putEvents(c, change.Realm, change.Events); err != nil {
		return err
	}
	if change.Conflict != nil {
		if err := putConflict(c, *change.Conflict); err != nil {
			return err
		}
	}
	return putStale(c, identity.StaleUser, change.Realm, change.Stale, now)
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

func putUser(c *session, realm string, u identity.User) error {
	var parent any // NULL while live
	if u.Parent != "" {
		parent = u.Parent
	}
	args := []any{realm, u.ID, string(u.Kind), u.Born.UnixMicro(), u.Home.AppID, u.Home.OpenID, parent, moment(u.RetiredAt)}
	if u.Version == 0 {
		_, err := c.exec(`INSERT INTO userid (realm, id, kind, born, home_appid, home_openid, parent, retired_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE userid SET kind = $3, born = $4, home_appid = $5, home_openid = $6, parent = $7, retired_at = $8, version = version + 1
		WHERE realm = $1 AND id = $2 AND version = $9`, append(args, u.Version)...))
}

func putOpenid(c *session, realm string, o identity.OpenidRow) error {
	args := []any{realm, o.AppID, o.OpenID, o.Subject, o.UnionID, o.Gen, o.Guest, moment(o.Issued)}
	if o.Version == 0 {
		_, err := c.exec(`INSERT INTO openid_key (realm, appid, openid, subject, unionid, gen, guest, issued, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE openid_key SET subject = $4, unionid = $5, gen = $6, guest = $7, issued = $8, version = version + 1
		WHERE realm = $1 AND appid = $2 AND openid = $3 AND version = $9`, append(args, o.Version)...))
}

func putUnion(c *session, realm string, n identity.UnionRow) error {
	args := []any{realm, n.Subject, n.UnionID, n.User}
	if n.Version == 0 {
		_, err := c.exec(`INSERT INTO union_key (realm, subject, unionid, userid, version) VALUES ($1, $2, $3, $4, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE union_key SET userid = $4, version = version + 1
		WHERE realm = $1 AND subject = $2 AND unionid = $3 AND version = $5`, append(args, n.Version)...))
}

func putEvents(c *session, realm string, events []identity.Event) error {
	if len(events) == 0 {
		return nil
	}
	seq, err := count(c, "event/"+realm, len(events))
	if err != nil {
		return err
	}
	for i, e := range events {
		_, err := c.exec(`INSERT INTO event (realm, seq, id, type, old_id, new_id, via, cause, subject, appid, at, trace)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			realm, seq+int64(i), e.ID, e.Type, e.Old, e.New, e.Via, e.Cause, e.Subject, e.AppID, e.At.UnixMicro(), e.Trace)
		if err != nil {
			return err
		}
	}
	return nil
}

// putConflict lists a conflict that isn't listed yet. Asking first keeps a number
// from being spent, and a visitor who comes every day from causing a write.
func putConflict(c *session, r identity.ConflictRow) error {
	var one int
	found, err := c.one(`SELECT 1 FROM conflict WHERE realm = $1 AND appid = $2 AND openid = $3 AND code = $4 AND got = $5`,
		[]any{r.Realm, r.AppID, r.OpenID, r.Code, r.Got}, []any{&one})
	if err != nil || found {
		return err
	}
	seq, err := count(c, "conflict/"+r.Realm, 1)
	if err != nil {
		return err
	}
	_, err = c.exec(`INSERT INTO conflict (realm, seq, code, appid, openid, subject, have, got, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
		r.Realm, seq, r.Code, r.AppID, r.OpenID, r.Subject, r.Have, r.Got, r.At.UnixMicro())
	return err
}

// putStale tells the caches of all processes what to forget.
func putStale(c *session, kind identity.StaleKind, realm string, names []string, now time.Time) error {
	if len(names) == 0 {
		return nil
	}
	seq, err := count(c, staleCounter, len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		_, err := c.exec(`INSERT INTO stale (seq, kind, realm, name, at) VALUES ($1, $2, $3, $4, $5)`,
			seq+int64(i), string(kind), realm, name, now.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

// staleCounter numbers what caches must forget, of all realms together.
const staleCounter = "stale"

// count takes n numbers from a sequence and returns the first of them.
func count(c *session, name string, n int) (int64, error) {
	var last int64
	_, err := c.one(`INSERT INTO counter (name, last) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET last = counter.last + excluded.last RETURNING last`,
		[]any{name, n}, []any{&last})
	return last - int64(n) + 1, err
}
