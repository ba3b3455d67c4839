package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// never is when a line is due that has nothing to hand on.
const never = math.MaxInt64

const (
	// first is when the first task of a visitor on a line is due, $1 the appid, $2 the
	// target, $3 the openid.
	first = `(SELECT t.next_at FROM inbox_task t WHERE t.appid = $1 AND t.target = $2 AND t.openid = $3 AND t.dead = 0 ORDER BY t.seq LIMIT 1)`
	// notBefore is when a task is due that joins those, $4 when it would be due alone.
	notBefore = `CASE WHEN ` + first + ` > $4 THEN ` + first + ` ELSE $4 END`
)

// PutPush queues a push for its targets, unless one with its key is or was there.
func (s *Store) PutPush(ctx context.Context, p inbox.Push, targets []inbox.Delivery) (fresh bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		var seq int64
		// All writers of a database take turns, so nobody else has this number.
		fresh, err = c.one(`INSERT INTO inbox_push (seq, appid, push, openid, kind, at, came_at, sealed)
			VALUES ((SELECT COALESCE(MAX(seq), 0) + 1 FROM inbox_push), $1, $2, $3, $4, $5, $6, $7)
			ON CONFLICT (appid, push) DO NOTHING RETURNING seq`,
			[]any{p.AppID, p.Key, p.OpenID, p.Kind, p.At.UnixMicro(), p.Came.UnixMicro(), p.Sealed}, []any{&seq})
		if err != nil || !fresh {
			return err
		}
		for _, d := range targets {
			if err := enqueue(c, p, seq, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("queueing a push: %w", err)
	}
	return fresh, nil
}

// enqueue writes down that a push is for a target, and sees to it that the line is looked
// at. A line that is due already, or can't be reached, is left alone.
func enqueue(c *session, p inbox.Push, seq int64, d inbox.Delivery) error {
	var due sql.NullInt64
	if _, err := c.one(`INSERT INTO inbox_task (seq, target, appid, openid, next_at) VALUES ($5, $2, $1, $3, `+notBefore+`)
		ON CONFLICT (seq, target) DO NOTHING RETURNING (SELECT l.due_at FROM inbox_line l WHERE l.appid = $1 AND l.target = $2)`,
		[]any{p.AppID, d.Target, p.OpenID, d.Next.UnixMicro(), seq}, []any{&due}); err != nil || due.Valid && due.Int64 <= d.Next.UnixMicro() {
		return err
	}
	_, err := c.exec(`INSERT INTO inbox_line (appid, target, due_at) VALUES ($1, $2, $3)
		ON CONFLICT (appid, target) DO UPDATE SET due_at = excluded.due_at WHERE inbox_line.tries = 0 AND inbox_line.due_at > excluded.due_at`,
		p.AppID, d.Target, d.Next.UnixMicro())
	return err
}

// DueLines returns lines that have something to be handed on now and that nobody works on.
func (s *Store) DueLines(ctx context.Context, now time.Time, limit int) ([]inbox.Line, error) {
	var lines []inbox.Line
	err := s.readers.use(ctx, func(c *session) error {
		lines = nil
		return c.each(`SELECT appid, target FROM inbox_line WHERE due_at <= $1 AND until_at <= $1 ORDER BY due_at LIMIT $2`,
			[]any{now.UnixMicro(), limit}, func(rows *sql.Rows) error {
				var l inbox.Line
				err := rows.Scan(&l.AppID, &l.Target)
				lines = append(lines, l)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the lines of pushes: %w", err)
	}
	return lines, nil
}

const taskColumns = `t.seq, t.appid, t.target, t.openid, t.tries, t.since, t.next_at, t.error, t.dead, p.push, p.kind, p.at, p.came_at, p.sealed`

// dueTasks are what is due on a line, and of each visitor only what came first. It asks for
// the first of each instead of for the absence of another: that PostgreSQL would look for
// among all of the line, as long as it has no statistics.
const dueTasks = `SELECT ` + taskColumns + ` FROM inbox_task t JOIN inbox_push p ON p.seq = t.seq
	WHERE t.appid = $1 AND t.target = $2 AND t.dead = 0 AND t.next_at <= $3 AND t.seq = (
		SELECT MIN(q.seq) FROM inbox_task q WHERE q.appid = $1 AND q.target = $2 AND q.openid = t.openid AND q.dead = 0)
	ORDER BY t.next_at, t.seq LIMIT $4`

// tasks appends the tasks that a query selects.
func tasks(c *session, query string, args []any, into *[]inbox.Task) error {
	return c.each(query, args, func(rows *sql.Rows) error {
		var t inbox.Task
		var since sql.NullInt64
		var next, at, came, dead int64
		err := rows.Scan(&t.Seq, &t.AppID, &t.Target, &t.OpenID, &t.Tries, &since, &next, &t.Error, &dead, &t.Key, &t.Kind, &at, &came, &t.Sealed)
		t.Since, t.Next, t.Dead = timeOf(since), time.UnixMicro(next).UTC(), dead == 1
		t.At, t.Came = time.UnixMicro(at).UTC(), time.UnixMicro(came).UTC()
		*into = append(*into, t)
		return err
	})
}

// TakePushes reserves a line for holder until then, and returns what is due.
func (s *Store) TakePushes(ctx context.Context, line inbox.Line, holder string, now, until time.Time, limit int) (due []inbox.Task, ok bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		due = nil
		var tries int
		var err error
		ok, err = c.one(`UPDATE inbox_line SET holder = $3, until_at = $5 WHERE appid = $1 AND target = $2 AND (holder = $3 OR until_at <= $4) RETURNING tries`,
			[]any{line.AppID, line.Target, holder, now.UnixMicro(), until.UnixMicro()}, []any{&tries})
		if err != nil || !ok {
			return err
		}
		if err := tasks(c, dueTasks, []any{line.AppID, line.Target, now.UnixMicro(), limit}, &due); err != nil {
			return err
		}
		for i := range due {
			due[i].LineTries = tries
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("taking pushes: %w", err)
	}
	return due, ok, nil
}

// SettlePushes writes what became of tasks, and gives the line back.
func (s *Store) SettlePushes(ctx context.Context, line inbox.Line, holder string, settled inbox.Settlement) (next time.Time, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		var held int
		found, err := c.one(`SELECT 1 FROM inbox_line WHERE appid = $1 AND target = $2 AND holder = $3`, []any{line.AppID, line.Target, holder}, []any{&held})
		if err != nil {
			return err
		}
		if !found {
			return inbox.ErrLeaseLost
		}
		if err := several(settled.Done, func(seqs []any) error {
			_, err := c.exec(`DELETE FROM inbox_task WHERE seq IN (`+sixteen+`) AND target = $17`, append(seqs, line.Target)...)
			return err
		}); err != nil {
			return err
		}
		for _, t := range settled.Failed {
			if err := postpone(c, line, t); err != nil {
				return err
			}
		}
		next, err = rest(c, line, holder, settled)
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("settling pushes: %w", err)
	}
	return next, nil
}

// sixteen are the places of sixteen numbers in a statement. Each statement waits for a server's
// answer, so what can be said of many rows at once is.
const sixteen = `$1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16`

// several calls do with sixteen numbers at a time. At the end the last one stands for those
// that are missing.
func several(seqs []int64, do func(seqs []any) error) error {
	for part := range slices.Chunk(seqs, 16) {
		args := make([]any, 16, 17)
		for i := range args {
			args[i] = part[min(i, len(part)-1)]
		}
		if err := do(args); err != nil {
			return err
		}
	}
	return nil
}

// postpone writes a failure. All others of the visitor wait with it, unless it is dead.
func postpone(c *session, line inbox.Line, t inbox.Task) error {
	dead := 0
	if t.Dead {
		dead = 1
	}
	if _, err := c.exec(`UPDATE inbox_task SET tries = $3, since = $4, next_at = $5, error = $6, dead = $7 WHERE seq = $1 AND target = $2`,
		t.Seq, line.Target, t.Tries, moment(t.Since), t.Next.UnixMicro(), t.Error, dead); err != nil || t.Dead {
		return err
	}
	_, err := c.exec(`UPDATE inbox_task SET next_at = $4 WHERE appid = $1 AND target = $2 AND openid = $3 AND dead = 0 AND next_at < $4`,
		line.AppID, line.Target, t.OpenID, t.Next.UnixMicro())
	return err
}

// rest gives a line back, and returns when it is due again.
func rest(c *session, line inbox.Line, holder string, settled inbox.Settlement) (time.Time, error) {
	due := int64(never)
	if _, err := c.one(`SELECT next_at FROM inbox_task WHERE appid = $1 AND target = $2 AND dead = 0 ORDER BY next_at LIMIT 1`,
		[]any{line.AppID, line.Target}, []any{&due}); err != nil {
		return time.Time{}, err
	}
	if settled.Tries > 0 {
		due = max(due, settled.Next.UnixMicro())
	}
	_, err := c.exec(`UPDATE inbox_line SET due_at = $4, tries = $5, error = $6, holder = '', until_at = 0 WHERE appid = $1 AND target = $2 AND holder = $3`,
		line.AppID, line.Target, holder, due, settled.Tries, settled.Error)
	if err != nil || due == never {
		return time.Time{}, err
	}
	return time.UnixMicro(due).UTC(), nil
}
