package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func putLogins(c *session, change identity.Change) error {
	for _, session := range change.EndLogins {
		if _, err := c.exec(`DELETE FROM login WHERE realm = $1 AND session = $2`, change.Realm, session); err != nil {
			return err
		}
	}
	for _, user := range change.EndLoginsOf {
		if _, err := c.exec(`DELETE FROM login WHERE realm = $1 AND userid = $2`, change.Realm, user); err != nil {
			return err
		}
	}
	for _, l := range change.Logins {
		_, err := c.exec(`INSERT INTO login (realm, session, appid, openid, userid, used) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (realm, session) DO UPDATE SET appid = excluded.appid, openid = excluded.openid, userid = excluded.userid, used = excluded.used`,
			change.Realm, l.Session, l.AppID, l.OpenID, l.User, l.Used.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

// loadLogin finds who logged in in a session; User is empty if nobody did.
func loadLogin(c *session, realm, session string) (identity.LoginRow, error) {
	l := identity.LoginRow{Session: session}
	var used sql.NullInt64
	found, err := c.one(`SELECT appid, openid, userid, used FROM login WHERE realm = $1 AND session = $2`,
		[]any{realm, session}, []any{&l.AppID, &l.OpenID, &l.User, &used})
	if err != nil || !found {
		return identity.LoginRow{}, err
	}
	l.Used = timeOf(used)
	return l, nil
}

// CarryLogins gives the logins of a session, of all realms, to the session that takes
// its place, if they were made for this openid and it hasn't been signed out meanwhile.
// Nearly no session has any, so it asks before it writes.
func (s *Store) CarryLogins(ctx context.Context, from, to string, o identity.Openid, now time.Time) error {
	var some bool
	args := []any{from, o.AppID, o.OpenID}
	err := s.readers.use(ctx, func(c *session) (err error) {
		var one int
		some, err = c.one(`SELECT 1 FROM login WHERE session = $1 AND appid = $2 AND openid = $3`, args, []any{&one})
		return err
	})
	if err == nil && some {
		err = s.writer.write(ctx, func(c *session) error {
			_, err := c.exec(`INSERT INTO login (realm, session, appid, openid, userid, used)
				SELECT realm, $4, appid, openid, userid, $5 FROM login WHERE session = $1 AND appid = $2 AND openid = $3
					AND NOT EXISTS (SELECT 1 FROM revocation r WHERE r.session = $1 AND r.from_at <= $5)
				ON CONFLICT (realm, session) DO NOTHING`, append(args, to, now.UnixMicro())...)
			return err
		})
	}
	if err != nil {
		return fmt.Errorf("carrying logins on: %w", err)
	}
	return nil
}

// EndLogins takes the logins of a session away, of all realms.
func (s *Store) EndLogins(ctx context.Context, id string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`DELETE FROM login WHERE session = $1`, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("ending logins: %w", err)
	}
	return nil
}

func putRebind(c *session, realm string, r identity.RebindRow) error {
	args := []any{realm, r.ID, r.User, r.Subject, r.UnionID, r.AppID, r.OpenID, string(r.State), r.Asked.UnixMicro(), r.Due.UnixMicro()}
	if r.Version == 0 {
		_, err := c.exec(`INSERT INTO rebind (realm, id, userid, subject, unionid, appid, openid, state, asked_at, due_at, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 1)`, args...)
		return err
	}
	return swapped(c.exec(`UPDATE rebind SET state = $3, version = version + 1 WHERE realm = $1 AND id = $2 AND version = $4`,
		realm, r.ID, string(r.State), r.Version))
}

// Rebinds returns at most limit moves of a realm in a state, the earliest due first.
// With a user, only his.
func (s *Store) Rebinds(ctx context.Context, realm string, state identity.RebindState, user string, limit int) ([]identity.RebindRow, error) {
	var rebinds []identity.RebindRow
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT id, userid, subject, unionid, appid, openid, state, asked_at, due_at, version FROM rebind
			WHERE realm = $1 AND state = $2 AND ($3 = '' OR userid = $3) ORDER BY due_at, id LIMIT $4`,
			[]any{realm, string(state), user, max(limit, 0)},
			func(rows *sql.Rows) error {
				var r identity.RebindRow
				var asked, due sql.NullInt64
				err := rows.Scan(&r.ID, &r.User, &r.Subject, &r.UnionID, &r.AppID, &r.OpenID, &r.State, &asked, &due, &r.Version)
				r.Asked, r.Due = timeOf(asked), timeOf(due)
				rebinds = append(rebinds, r)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading moves: %w", err)
	}
	return rebinds, nil
}
