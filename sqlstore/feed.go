package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Events returns at most limit events of a realm with Seq > after, in order.
func (s *Store) Events(ctx context.Context, realm string, after int64, limit int) ([]identity.Event, error) {
	var events []identity.Event
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT seq, id, type, phase, old_id, new_id, via, cause, subject, appid, at, trace
			FROM event WHERE realm = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
			[]any{realm, after, max(limit, 0)},
			func(rows *sql.Rows) error { return scanEvent(rows, realm, &events) })
	})
	if err != nil {
		return nil, fmt.Errorf("reading events: %w", err)
	}
	return events, nil
}

// scanEvent adds a row of seq, id, type, phase, old, new, via, cause, subject, account,
// moment and trace.
func scanEvent(rows *sql.Rows, realm string, events *[]identity.Event) error {
	e := identity.Event{Realm: realm}
	at := sql.NullInt64{}
	err := rows.Scan(&e.Seq, &e.ID, &e.Type, &e.Phase, &e.Old, &e.New, &e.Via, &e.Cause, &e.Subject, &e.AppID, &at, &e.Trace)
	e.At = timeOf(at)
	*events = append(*events, e)
	return err
}

// Conflicts returns at most limit conflicts of a realm with Seq > after, in order.
func (s *Store) Conflicts(ctx context.Context, realm string, after int64, limit int) ([]identity.ConflictRow, error) {
	return s.conflicts(ctx, realm, `seq > $2 ORDER BY seq`, after, limit)
}

// LatestConflicts returns at most limit conflicts of a realm with Seq < before, the newest
// first; with 0, from the newest on.
func (s *Store) LatestConflicts(ctx context.Context, realm string, before int64, limit int) ([]identity.ConflictRow, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	return s.conflicts(ctx, realm, `seq < $2 ORDER BY seq DESC`, before, limit)
}

func (s *Store) conflicts(ctx context.Context, realm, which string, from int64, limit int) ([]identity.ConflictRow, error) {
	var conflicts []identity.ConflictRow
	err := s.readers.use(ctx, func(c *session) error {
		conflicts = nil
		return c.each(`SELECT seq, code, appid, openid, subject, userid, have, got, at, dismissed, dismissed_by, dismissed_why
			FROM conflict WHERE realm = $1 AND `+which+` LIMIT $3`,
			[]any{realm, from, max(limit, 0)},
			func(rows *sql.Rows) error {
				r := identity.ConflictRow{Realm: realm}
				at, dismissed := sql.NullInt64{}, sql.NullInt64{}
				err := rows.Scan(&r.Seq, &r.Code, &r.AppID, &r.OpenID, &r.Subject, &r.User, &r.Have, &r.Got, &at, &dismissed, &r.DismissedBy, &r.DismissedWhy)
				r.At, r.Dismissed = timeOf(at), timeOf(dismissed)
				conflicts = append(conflicts, r)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading conflicts: %w", err)
	}
	return conflicts, nil
}

// Stale returns what caches must forget since the sequence after, and the newest
// sequence.
//
// Sequences have no gaps. A reader whose first entry is later than after+1, or
// who gets none although the newest is later than after, has slept longer than
// [Store.Sweep] keeps entries, and must forget everything.
func (s *Store) Stale(ctx context.Context, after int64, limit int) ([]identity.Stale, int64, error) {
	var entries []identity.Stale
	var newest int64
	err := s.view(ctx, func(c *session) error {
		_, err := c.one(`SELECT last FROM counter WHERE name = $1`, []any{staleCounter}, []any{&newest})
		if err != nil || after < 0 || after >= newest {
			return err
		}
		return c.each(`SELECT seq, kind, realm, name FROM stale WHERE seq > $1 ORDER BY seq LIMIT $2`,
			[]any{after, max(limit, 0)},
			func(rows *sql.Rows) error {
				var e identity.Stale
				err := rows.Scan(&e.Seq, &e.Kind, &e.Realm, &e.Key)
				entries = append(entries, e)
				return err
			})
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading what caches must forget: %w", err)
	}
	return entries, newest, nil
}
