package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// standing is what makes a push stand so.
var standing = map[inbox.Standing]string{
	inbox.StandsWaiting: ` AND EXISTS (SELECT 1 FROM inbox_task t WHERE t.seq = p.seq AND t.dead = 0)`,
	inbox.StandsDead:    ` AND EXISTS (SELECT 1 FROM inbox_task t WHERE t.seq = p.seq AND t.dead = 1)`,
	inbox.StandsDone:    ` AND NOT EXISTS (SELECT 1 FROM inbox_task t WHERE t.seq = p.seq)`,
}

// PushLog returns pushes of an account, the newest first, and where it goes on.
func (s *Store) PushLog(ctx context.Context, f inbox.LogFilter) (page []inbox.Logged, next int64, err error) {
	before := f.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	err = s.readers.use(ctx, func(c *session) error {
		page, next = nil, 0
		// The last push that is looked at; none behind it if there are fewer.
		from := int64(0)
		if _, err := c.one(`SELECT seq FROM inbox_push WHERE appid = $1 AND seq < $2 ORDER BY seq DESC LIMIT 1 OFFSET $3`,
			[]any{f.AppID, before, max(f.Look, f.Limit, 1) - 1}, []any{&from}); err != nil {
			return err
		}
		query, args := `SELECT p.seq, p.push, p.openid, p.kind, p.at, p.came_at FROM inbox_push p WHERE p.appid = $1 AND p.seq < $2 AND p.seq >= $3`, []any{f.AppID, before, from}
		if f.Kind != "" {
			args = append(args, f.Kind)
			query += ` AND p.kind = $4`
		}
		args = append(args, max(f.Limit, 0))
		query += standing[f.Standing] + fmt.Sprintf(` ORDER BY p.seq DESC LIMIT $%d`, len(args))
		if err := c.each(query, args, func(rows *sql.Rows) error {
			l := inbox.Logged{Push: inbox.Push{AppID: f.AppID}}
			var at, came int64
			err := rows.Scan(&l.Seq, &l.Key, &l.OpenID, &l.Kind, &at, &came)
			l.At, l.Came = time.UnixMicro(at).UTC(), time.UnixMicro(came).UTC()
			page = append(page, l)
			return err
		}); err != nil {
			return err
		}
		if next = from; len(page) > 0 && len(page) == f.Limit {
			next = page[len(page)-1].Seq
		}
		return c.undone(page)
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading the log of pushes: %w", err)
	}
	return page, next, nil
}

// undone adds to pushes what is left to be done about them.
func (c *session) undone(page []inbox.Logged) error {
	for i := range page {
		err := c.each(`SELECT target, tries, since, next_at, error, dead FROM inbox_task WHERE seq = $1 ORDER BY target`, []any{page[i].Seq}, func(rows *sql.Rows) error {
			t := inbox.Task{Push: page[i].Push, Seq: page[i].Seq}
			var since sql.NullInt64
			var next, dead int64
			err := rows.Scan(&t.Target, &t.Tries, &since, &next, &t.Error, &dead)
			t.Since, t.Next, t.Dead = timeOf(since), time.UnixMicro(next).UTC(), dead == 1
			page[i].Tasks = append(page[i].Tasks, t)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
