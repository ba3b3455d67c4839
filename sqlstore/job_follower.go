package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
)

// FollowersOf returns at most limit of the visitors known of an account, whether they
// follow or have ceased to, in their order after the openid given.
func (s *Store) FollowersOf(ctx context.Context, appID, after string, limit int) ([]follower.Follower, error) {
	var list []follower.Follower
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT openid, following, at, scene FROM follower WHERE appid = $1 AND openid > $2 ORDER BY openid LIMIT $3`,
			[]any{appID, after, max(limit, 0)}, func(rows *sql.Rows) error {
				f := follower.Follower{AppID: appID}
				var following, at int64
				err := rows.Scan(&f.OpenID, &following, &at, &f.Scene)
				f.Following, f.At = following == 1, time.UnixMicro(at).UTC()
				list = append(list, f)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("listing followers of account %s: %w", appID, err)
	}
	return list, nil
}
