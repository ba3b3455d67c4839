package sqlstore

import (
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// erase takes away every row of a person, and leaves digests in their place. What has
// come since it was loaded is a conflict: it would be left over.
func erase(c *session, realm string, e identity.Erasure, at time.Time) error {
	for _, n := range e.Unions {
		if err := swapped(c.exec(`DELETE FROM union_key WHERE realm = $1 AND subject = $2 AND unionid = $3`, realm, n.Subject, n.UnionID)); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM conflict WHERE realm = $1 AND subject = $2 AND (have = $3 OR got = $3)`,
			`DELETE FROM rebind WHERE realm = $1 AND subject = $2 AND unionid = $3`,
		} {
			if _, err := c.exec(query, realm, n.Subject, n.UnionID); err != nil {
				return err
			}
		}
	}
	for _, o := range e.Openids {
		if err := swapped(c.exec(`DELETE FROM openid_key WHERE realm = $1 AND appid = $2 AND openid = $3`, realm, o.AppID, o.OpenID)); err != nil {
			return err
		}
		for _, query := range []string{
			`DELETE FROM conflict WHERE realm = $1 AND appid = $2 AND openid = $3`,
			`DELETE FROM login WHERE realm = $1 AND appid = $2 AND openid = $3`,
			`DELETE FROM rebind WHERE realm = $1 AND appid = $2 AND openid = $3`,
		} {
			if _, err := c.exec(query, realm, o.AppID, o.OpenID); err != nil {
				return err
			}
		}
	}
	if err := eraseUsers(c, realm, e.Users); err != nil {
		return err
	}
	for _, n := range e.Unions {
		var one int
		left, err := c.one(`SELECT 1 FROM openid_key WHERE realm = $1 AND subject = $2 AND unionid = $3 AND unionid <> ''`, []any{realm, n.Subject, n.UnionID}, []any{&one})
		if err != nil {
			return err
		}
		if left {
			return identity.ErrConflict
		}
	}
	// Answers kept for repetitions may name him.
	if _, err := c.exec(`DELETE FROM idempotency WHERE status <> 0 AND key_id IN (SELECT id FROM api_key WHERE realm = $1 OR realm = '*')`, realm); err != nil {
		return err
	}
	for _, salt := range e.Salts {
		if _, err := c.exec(`DELETE FROM audit_salt WHERE realm = $1 AND about = $2`, realm, salt); err != nil {
			return err
		}
	}
	for _, m := range e.Marks {
		_, err := c.exec(`INSERT INTO tombstone (realm, mark, gen, at) VALUES ($1, $2, $3, $4)
			ON CONFLICT (realm, mark) DO UPDATE SET gen = excluded.gen, at = excluded.at`, realm, m.Mark, m.Gen, at.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

// eraseUsers takes away users and what names them. The live one stands first: whoever
// was retired into him goes before him, or a forward pointer would lead nowhere.
func eraseUsers(c *session, realm string, users []string) error {
	for _, query := range []string{
		`UPDATE userid SET parent = NULL WHERE realm = $1 AND id = $2`,
		`DELETE FROM login WHERE realm = $1 AND userid = $2`,
		`DELETE FROM rebind WHERE realm = $1 AND userid = $2`,
		`DELETE FROM cutoff WHERE kind = 'user' AND realm = $1 AND name = $2`,
		`UPDATE openid_key SET hint = '', version = version + 1 WHERE realm = $1 AND hint = $2 AND hint <> ''`,
		// An openid that was parted from him still tells which guest was issued there.
		`UPDATE openid_key SET guest = '', issued = NULL, gen = gen + 1, version = version + 1 WHERE realm = $1 AND guest = $2 AND guest <> ''`,
		`DELETE FROM conflict WHERE realm = $1 AND (userid = $2 OR have = $2 OR got = $2)`,
	} {
		for _, id := range users {
			if _, err := c.exec(query, realm, id); err != nil {
				return err
			}
		}
	}
	for _, id := range users {
		var one int
		left, err := c.one(`SELECT 1 FROM userid WHERE realm = $1 AND parent = $2
			UNION ALL SELECT 1 FROM union_key WHERE realm = $1 AND userid = $2`, []any{realm, id}, []any{&one})
		if err != nil {
			return err
		}
		if left {
			return identity.ErrConflict
		}
		if _, err := c.exec(`DELETE FROM userid WHERE realm = $1 AND id = $2`, realm, id); err != nil {
			return err
		}
	}
	return nil
}
