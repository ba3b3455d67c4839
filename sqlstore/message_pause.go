package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// PauseLane leaves a lane alone.
func (s *Store) PauseLane(ctx context.Context, p message.Pause, now time.Time) error {
	err := s.writer.write(ctx, func(c *session) error {
		before := message.Pause{Lane: p.Lane}
		var until int64
		_, err := c.one(`SELECT until_at, reason, detail, times FROM message_lane WHERE appid = $1 AND kind = $2`,
			[]any{p.AppID, string(p.Kind)}, []any{&until, &before.Reason, &before.Detail, &before.Times})
		if err != nil {
			return err
		}
		before.Until = time.UnixMicro(until).UTC()
		next := message.Paused(before, p, now)
		_, err = c.exec(`INSERT INTO message_lane (appid, kind, until_at, reason, detail, times) VALUES ($1, $2, $3, $4, $5, $6)
			ON CONFLICT (appid, kind) DO UPDATE SET until_at = excluded.until_at, reason = excluded.reason, detail = excluded.detail, times = excluded.times`,
			next.AppID, string(next.Kind), next.Until.UnixMicro(), string(next.Reason), next.Detail, next.Times)
		return err
	})
	if err != nil {
		return fmt.Errorf("leaving an account's messages alone: %w", err)
	}
	return nil
}

// ResumeLanes has all lanes of an account tried again.
func (s *Store) ResumeLanes(ctx context.Context, appID string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE message_lane SET until_at = 0, times = 0 WHERE appid = $1`, appID)
		return err
	})
	if err != nil {
		return fmt.Errorf("resuming an account: %w", err)
	}
	return nil
}

// Pauses returns the lanes that are left alone.
func (s *Store) Pauses(ctx context.Context, now time.Time) ([]message.Pause, error) {
	var pauses []message.Pause
	err := s.readers.use(ctx, func(c *session) error {
		pauses = nil
		return c.each(`SELECT appid, kind, until_at, reason, detail, times FROM message_lane WHERE until_at > $1 ORDER BY until_at`,
			[]any{now.UnixMicro()}, func(rows *sql.Rows) error {
				var p message.Pause
				var until int64
				err := rows.Scan(&p.AppID, &p.Kind, &until, &p.Reason, &p.Detail, &p.Times)
				p.Until = time.UnixMicro(until).UTC()
				pauses = append(pauses, p)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("listing accounts that wait: %w", err)
	}
	return pauses, nil
}
