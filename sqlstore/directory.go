package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// KeptAccounts are all accounts that are kept here, by app id, and how often they changed.
func (s *Store) KeptAccounts(ctx context.Context) (list []directory.KeptAccount, changes int64, err error) {
	err = s.view(ctx, func(c *session) error {
		list, changes = nil, 0
		if _, err := c.one(`SELECT last FROM counter WHERE name = $1`, []any{accountCounter}, []any{&changes}); err != nil {
			return err
		}
		return c.each(`SELECT entry, sealed, version, at, by_whom FROM directory_account ORDER BY appid`, nil, func(rows *sql.Rows) error {
			var a directory.KeptAccount
			err := scanEntry(rows, &a.Account, &a.Entry, &a.Sealed)
			list = append(list, a)
			return err
		})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading accounts: %w", err)
	}
	return list, changes, nil
}

// accountCounter counts the changes to accounts.
const accountCounter = "accounts"

// unmoved refuses to write what was judged among accounts that have changed since.
func unmoved(c *session, judged int64) error {
	var changes int64
	_, err := c.one(`SELECT last FROM counter WHERE name = $1`, []any{accountCounter}, []any{&changes})
	if err == nil && changes != judged {
		err = directory.ErrMoved
	}
	return err
}

// noteEntry tells caches of a change to an account or a site, and returns its version: the
// number of the change, so that one that is taken away and made again has none twice.
func noteEntry(c *session, kind identity.StaleKind, name string, now time.Time) (version int64, err error) {
	if err := putStale(c, kind, "", []string{name}, now); err != nil {
		return 0, err
	}
	_, err = c.one(`SELECT last FROM counter WHERE name = $1`, []any{staleCounter}, []any{&version})
	return version, err
}

// noteAccount is noteEntry for an account.
func noteAccount(c *session, appID string, now time.Time) (version int64, err error) {
	if _, err := count(c, accountCounter, 1); err != nil {
		return 0, err
	}
	return noteEntry(c, identity.StaleAccount, appID, now)
}

// scanEntry scans JSON, what else there is, and who wrote it when.
func scanEntry(rows *sql.Rows, into any, entry *directory.Entry, more ...any) error {
	var text string
	var at sql.NullInt64
	if err := rows.Scan(append(append([]any{&text}, more...), &entry.Version, &at, &entry.By)...); err != nil {
		return err
	}
	entry.At = timeOf(at)
	return json.Unmarshal([]byte(text), into)
}

// PutKeptAccount adds an account, or replaces it at its version.
func (s *Store) PutKeptAccount(ctx context.Context, a directory.KeptAccount, judged int64) error {
	text, err := json.Marshal(a.Account)
	if err == nil {
		err = s.writer.write(ctx, func(c *session) error {
			if err := unmoved(c, judged); err != nil {
				return err
			}
			version, err := noteAccount(c, a.Account.AppID, s.now())
			if err != nil {
				return err
			}
			if a.Version == 0 {
				_, err := c.exec(`INSERT INTO directory_account (appid, entry, sealed, version, at, by_whom) VALUES ($1, $2, $3, $6, $4, $5)`,
					a.Account.AppID, string(text), a.Sealed, a.At.UnixMicro(), a.By, version)
				return err
			}
			return swapped(c.exec(`UPDATE directory_account SET entry = $2, sealed = $3, version = $7, at = $4, by_whom = $5 WHERE appid = $1 AND version = $6`,
				a.Account.AppID, string(text), a.Sealed, a.At.UnixMicro(), a.By, a.Version, version))
		})
	}
	if err != nil {
		return fmt.Errorf("writing account %s: %w", a.Account.AppID, err)
	}
	return nil
}

// ResealKeptAccount puts the same secrets, sealed anew, in the place of was.
func (s *Store) ResealKeptAccount(ctx context.Context, appID string, was, sealed []byte) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE directory_account SET sealed = $3 WHERE appid = $1 AND sealed = $2`, appID, was, sealed)
		return err
	})
	if err != nil {
		return fmt.Errorf("sealing account %s anew: %w", appID, err)
	}
	return nil
}

// DropKeptAccount takes an account away, if no site is opened through it.
func (s *Store) DropKeptAccount(ctx context.Context, appID string, version int64) error {
	err := s.writer.write(ctx, func(c *session) error {
		var one int
		used, err := c.one(`SELECT 1 FROM directory_opened WHERE appid = $1 LIMIT 1`, []any{appID}, []any{&one})
		if err != nil {
			return err
		}
		if used {
			return directory.ErrUsed
		}
		if err := swapped(c.exec(`DELETE FROM directory_account WHERE appid = $1 AND version = $2`, appID, version)); err != nil {
			return err
		}
		_, err = noteAccount(c, appID, s.now())
		return err
	})
	if err != nil {
		return fmt.Errorf("taking account %s away: %w", appID, err)
	}
	return nil
}

// KeptUses tells through which accounts sites are opened, and how their tokens are signed. It
// leaps from one account and realm to the next: who has 100,000 sites has few of those.
func (s *Store) KeptUses(ctx context.Context) (uses []directory.Use, algorithms []string, err error) {
	err = s.view(ctx, func(c *session) error {
		uses, algorithms = nil, nil
		err := c.each(`WITH RECURSIVE account (appid) AS (
				SELECT f.appid FROM (SELECT appid FROM directory_opened ORDER BY appid LIMIT 1) f
				UNION ALL
				SELECT (SELECT o.appid FROM directory_opened o WHERE o.appid > account.appid ORDER BY o.appid LIMIT 1) FROM account WHERE account.appid IS NOT NULL
			), used (appid, realm) AS (
				SELECT appid, (SELECT o.realm FROM directory_opened o WHERE o.appid = account.appid ORDER BY o.appid, o.realm LIMIT 1) FROM account WHERE account.appid IS NOT NULL
				UNION ALL
				SELECT appid, (SELECT o.realm FROM directory_opened o WHERE o.appid = used.appid AND o.realm > used.realm ORDER BY o.appid, o.realm LIMIT 1) FROM used WHERE used.realm IS NOT NULL
			)
			SELECT appid, realm, (SELECT o.ptid FROM directory_opened o WHERE o.appid = used.appid AND o.realm = used.realm ORDER BY o.appid, o.realm, o.ptid LIMIT 1),
				EXISTS (SELECT 1 FROM directory_opened o WHERE o.appid = used.appid AND o.realm = used.realm ORDER BY o.appid, o.realm, o.ptid LIMIT 1 OFFSET 1)
			FROM used WHERE realm IS NOT NULL ORDER BY appid, realm`, nil, func(rows *sql.Rows) error {
			var u directory.Use
			err := rows.Scan(&u.AppID, &u.Realm, &u.First, &u.More)
			uses = append(uses, u)
			return err
		})
		if err != nil {
			return err
		}
		return c.each(`WITH RECURSIVE signed (algorithm) AS (
				SELECT min(algorithm) FROM directory_site WHERE algorithm > ''
				UNION ALL
				SELECT (SELECT min(d.algorithm) FROM directory_site d WHERE d.algorithm > '' AND d.algorithm > signed.algorithm) FROM signed WHERE signed.algorithm IS NOT NULL
			)
			SELECT algorithm FROM signed WHERE algorithm IS NOT NULL ORDER BY algorithm`, nil, func(rows *sql.Rows) error {
			var alg string
			err := rows.Scan(&alg)
			algorithms = append(algorithms, alg)
			return err
		})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("reading how accounts are used: %w", err)
	}
	return uses, algorithms, nil
}
