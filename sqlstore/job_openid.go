package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// OpenidsOf returns at most limit openids of an account that are on record in a realm, in
// their order, after the one given.
func (s *Store) OpenidsOf(ctx context.Context, realm, appID, after string, limit int) ([]identity.OpenidRow, error) {
	var list []identity.OpenidRow
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT openid, `+openidColumns+` FROM openid_key WHERE realm = $1 AND appid = $2 AND openid > $3 ORDER BY openid LIMIT $4`,
			[]any{realm, appID, after, max(limit, 0)}, func(rows *sql.Rows) error {
				row := identity.OpenidRow{Openid: identity.Openid{AppID: appID}}
				var issued, since sql.NullInt64
				err := rows.Scan(append([]any{&row.OpenID}, openidDest(&row, &issued, &since)...)...)
				row.Issued, row.Since = timeOf(issued), timeOf(since)
				list = append(list, row)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("listing openids of account %s: %w", appID, err)
	}
	return list, nil
}

// CountOpenidsOf counts the openids of an account that are on record in a realm. It goes
// through all of them in an index: a second for ten million.
func (s *Store) CountOpenidsOf(ctx context.Context, realm, appID string) (n int64, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		_, err := c.one(`SELECT COUNT(*) FROM openid_key WHERE realm = $1 AND appid = $2`, []any{realm, appID}, []any{&n})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting openids of account %s: %w", appID, err)
	}
	return n, nil
}

// OpenidsNamed returns those of the given openids of an account that are on record in a
// realm, by openid.
func (s *Store) OpenidsNamed(ctx context.Context, realm, appID string, openIDs []string) (map[string]identity.OpenidRow, error) {
	var named map[string]identity.OpenidRow
	err := s.readers.use(ctx, func(c *session) error {
		named = make(map[string]identity.OpenidRow, len(openIDs))
		for _, id := range openIDs {
			row, err := loadOpenid(c, realm, identity.Openid{AppID: appID, OpenID: id})
			if err != nil {
				return err
			}
			if row.Version > 0 {
				named[id] = row
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("looking up openids of account %s: %w", appID, err)
	}
	return named, nil
}
