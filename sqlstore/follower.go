package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
)

// SetFollower records what is newer than what is known.
func (s *Store) SetFollower(ctx context.Context, f follower.Follower) error {
	return s.SetFollowers(ctx, []follower.Follower{f})
}

// SetFollowers records many in one transaction.
func (s *Store) SetFollowers(ctx context.Context, list []follower.Follower) error {
	err := s.writer.write(ctx, func(c *session) error {
		for _, f := range list {
			following := 0
			if f.Following {
				following = 1
			}
			// Who goes on following keeps how he came, if nothing is said about it.
			if _, err := c.exec(`INSERT INTO follower (appid, openid, following, at, scene) VALUES ($1, $2, $3, $4, $5)
				ON CONFLICT (appid, openid) DO UPDATE SET following = excluded.following, at = excluded.at,
					scene = CASE WHEN excluded.scene = '' AND excluded.following = follower.following THEN follower.scene ELSE excluded.scene END
				WHERE excluded.at > follower.at OR excluded.at = follower.at AND excluded.following < follower.following`,
				f.AppID, f.OpenID, following, f.At.UnixMicro(), f.Scene); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("recording a follower: %w", err)
	}
	return nil
}

// Followers returns those of the openids that are known, by openid.
func (s *Store) Followers(ctx context.Context, appID string, openIDs []string) (map[string]follower.Follower, error) {
	var known map[string]follower.Follower
	err := s.view(ctx, func(c *session) error {
		known = map[string]follower.Follower{}
		for _, openID := range openIDs {
			f := follower.Follower{AppID: appID, OpenID: openID}
			var following, at int64
			found, err := c.one(`SELECT following, at, scene FROM follower WHERE appid = $1 AND openid = $2`,
				[]any{appID, openID}, []any{&following, &at, &f.Scene})
			if err != nil {
				return err
			}
			if f.Following, f.At = following == 1, time.UnixMicro(at).UTC(); found {
				known[openID] = f
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading followers: %w", err)
	}
	return known, nil
}

// CountFollowers counts who follows an account now.
func (s *Store) CountFollowers(ctx context.Context, appID string) (int64, error) {
	var n int64
	err := s.readers.use(ctx, func(c *session) error {
		_, err := c.one(`SELECT COUNT(*) FROM follower WHERE appid = $1 AND following = 1`, []any{appID}, []any{&n})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting followers: %w", err)
	}
	return n, nil
}

// ForgetFollower forgets a visitor, as if he had never been there.
func (s *Store) ForgetFollower(ctx context.Context, appID, openID string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`DELETE FROM follower WHERE appid = $1 AND openid = $2`, appID, openID)
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting a follower: %w", err)
	}
	return nil
}
