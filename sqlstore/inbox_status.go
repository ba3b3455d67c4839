package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// What people, and the clock, do with the queue of pushes.

// FinishPush forgets the task of a push that was handed on past the queue.
func (s *Store) FinishPush(ctx context.Context, line inbox.Line, key string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`DELETE FROM inbox_task WHERE target = $2 AND seq = (SELECT seq FROM inbox_push WHERE appid = $1 AND push = $3)`,
			line.AppID, line.Target, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("finishing a push: %w", err)
	}
	return nil
}

// PushLines tells how the lines of an account stand, by target.
func (s *Store) PushLines(ctx context.Context, appID string) ([]inbox.LineStatus, error) {
	var lines []inbox.LineStatus
	err := s.readers.use(ctx, func(c *session) error {
		lines = nil
		return c.each(`SELECT l.target, l.tries, l.due_at, l.error,
				(SELECT COUNT(*) FROM inbox_task t WHERE t.appid = l.appid AND t.target = l.target AND t.dead = 0),
				(SELECT COUNT(*) FROM inbox_task t WHERE t.appid = l.appid AND t.target = l.target AND t.dead = 1),
				(SELECT p.came_at FROM inbox_push p WHERE p.seq =
					(SELECT MIN(t.seq) FROM inbox_task t WHERE t.appid = l.appid AND t.target = l.target AND t.dead = 0))
			FROM inbox_line l WHERE l.appid = $1 ORDER BY l.target`, []any{appID},
			func(rows *sql.Rows) error {
				l := inbox.LineStatus{Line: inbox.Line{AppID: appID}}
				var due int64
				var oldest sql.NullInt64
				err := rows.Scan(&l.Target, &l.Tries, &due, &l.Error, &l.Waiting, &l.Dead, &oldest)
				if l.Oldest = timeOf(oldest); l.Tries > 0 {
					l.Next = time.UnixMicro(due).UTC()
				}
				lines = append(lines, l)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading how pushes stand: %w", err)
	}
	return lines, nil
}

// DeadPushes returns at most limit dead letters with Seq > after, in order.
func (s *Store) DeadPushes(ctx context.Context, line inbox.Line, after int64, limit int) ([]inbox.Task, error) {
	var dead []inbox.Task
	err := s.readers.use(ctx, func(c *session) error {
		dead = nil
		return tasks(c, `SELECT `+taskColumns+` FROM inbox_task t JOIN inbox_push p ON p.seq = t.seq
			WHERE t.appid = $1 AND t.target = $2 AND t.dead = 1 AND t.seq > $3 ORDER BY t.seq LIMIT $4`,
			[]any{line.AppID, line.Target, after, max(limit, 0)}, &dead)
	})
	if err != nil {
		return nil, fmt.Errorf("reading dead letters: %w", err)
	}
	return dead, nil
}

// ReplayPushes makes dead letters due now and lets the line be tried at once.
func (s *Store) ReplayPushes(ctx context.Context, line inbox.Line, keys []string, now time.Time) (int, error) {
	var n int
	err := s.writer.write(ctx, func(c *session) error {
		n = 0
		var found []inbox.Task
		if len(keys) == 0 {
			if err := tasks(c, `SELECT `+taskColumns+` FROM inbox_task t JOIN inbox_push p ON p.seq = t.seq
				WHERE t.appid = $1 AND t.target = $2 AND t.dead = 1 ORDER BY t.seq`, []any{line.AppID, line.Target}, &found); err != nil {
				return err
			}
		}
		for _, key := range keys {
			if err := tasks(c, `SELECT `+taskColumns+` FROM inbox_push p JOIN inbox_task t ON t.seq = p.seq
				WHERE p.appid = $1 AND t.target = $2 AND p.push = $3 AND t.dead = 1`, []any{line.AppID, line.Target, key}, &found); err != nil {
				return err
			}
		}
		for _, t := range found {
			changed, err := c.exec(`UPDATE inbox_task SET dead = 0, tries = 0, since = NULL, next_at = `+notBefore+` WHERE seq = $5 AND target = $2 AND dead = 1`,
				line.AppID, line.Target, t.OpenID, now.UnixMicro(), t.Seq)
			if err != nil {
				return err
			}
			n += int(changed)
		}
		_, err := c.exec(`UPDATE inbox_line SET due_at = $3, tries = 0 WHERE appid = $1 AND target = $2`, line.AppID, line.Target, now.UnixMicro())
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replaying pushes: %w", err)
	}
	return n, nil
}

// SweepPushes forgets what is over. It looks without keeping writers waiting: what was
// handed on to everybody stays so.
func (s *Store) SweepPushes(ctx context.Context, from, done, all time.Time, limit int) (time.Time, error) {
	var gone []int64
	var last int64
	err := s.readers.use(ctx, func(c *session) error {
		gone = nil
		return c.each(`SELECT p.seq, p.came_at FROM inbox_push p WHERE p.came_at >= $1 AND p.came_at < $2
				AND (p.came_at < $3 OR NOT EXISTS (SELECT 1 FROM inbox_task t WHERE t.seq = p.seq)) ORDER BY p.came_at LIMIT $4`,
			[]any{max(from.UnixMicro(), 0), done.UnixMicro(), all.UnixMicro(), limit}, func(rows *sql.Rows) error {
				var seq int64
				err := rows.Scan(&seq, &last)
				gone = append(gone, seq)
				return err
			})
	})
	if err == nil && len(gone) > 0 {
		err = s.writer.write(ctx, func(c *session) error { return forget(c, gone) })
	}
	if err != nil {
		return time.Time{}, fmt.Errorf("sweeping pushes: %w", err)
	}
	if len(gone) < limit {
		return time.Time{}, nil
	}
	return time.UnixMicro(last).UTC(), nil
}

// ForgetPushes forgets all that is about a visitor, but for what WeChat says about his
// personal information.
func (s *Store) ForgetPushes(ctx context.Context, appID, openID string) error {
	err := s.writer.write(ctx, func(c *session) error {
		var gone []int64
		if err := c.each(`SELECT seq FROM inbox_push WHERE appid = $1 AND openid = $2
			AND kind NOT IN ('event:user_info_modified', 'event:user_authorization_revoke', 'event:user_authorization_cancellation')`, []any{appID, openID}, func(rows *sql.Rows) error {
			var seq int64
			err := rows.Scan(&seq)
			gone = append(gone, seq)
			return err
		}); err != nil {
			return err
		}
		return forget(c, gone)
	})
	if err != nil {
		return fmt.Errorf("forgetting pushes: %w", err)
	}
	return nil
}

// forget takes pushes away, with what of them has yet to be handed on.
func forget(c *session, pushes []int64) error {
	return several(pushes, func(seqs []any) error {
		if _, err := c.exec(`DELETE FROM inbox_task WHERE seq IN (`+sixteen+`)`, seqs...); err != nil {
			return err
		}
		_, err := c.exec(`DELETE FROM inbox_push WHERE seq IN (`+sixteen+`)`, seqs...)
		return err
	})
}
