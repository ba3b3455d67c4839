package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// Lines tells how every line of business stands.
func (s *Store) Lines(ctx context.Context) ([]outbox.Status, error) {
	var lines []outbox.Status
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT l.realm, l.name, l.reached, l.tries, l.since, l.next_at, l.error,
				COALESCE((SELECT last FROM counter WHERE name = 'event/' || l.realm), 0) - l.reached,
				(SELECT COUNT(*) FROM outbox_parked p WHERE p.realm = l.realm AND p.line = l.name AND p.dead = 0),
				(SELECT COUNT(*) FROM outbox_parked p WHERE p.realm = l.realm AND p.line = l.name AND p.dead = 1),
				(SELECT e.at FROM event e WHERE e.realm = l.realm AND e.seq > l.reached ORDER BY e.seq LIMIT 1),
				(SELECT MIN(e.at) FROM outbox_parked p JOIN event e ON e.realm = p.realm AND e.seq = p.seq
					WHERE p.realm = l.realm AND p.line = l.name AND p.dead = 0)
			FROM outbox_line l ORDER BY l.realm, l.name`, nil,
			func(rows *sql.Rows) error {
				var l outbox.Status
				var since, next, first, parked sql.NullInt64
				err := rows.Scan(&l.Realm, &l.Name, &l.Cursor, &l.Tries, &since, &next, &l.Error, &l.Behind, &l.Waiting, &l.Dead, &first, &parked)
				l.Since, l.Next, l.Oldest = timeOf(since), timeOf(next), timeOf(first)
				if p := timeOf(parked); !p.IsZero() && (l.Oldest.IsZero() || p.Before(l.Oldest)) {
					l.Oldest = p
				}
				lines = append(lines, l)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading lines of business: %w", err)
	}
	return lines, nil
}

// Dead returns at most limit dead letters of a line with Seq > after, in order.
func (s *Store) Dead(ctx context.Context, line outbox.Line, after int64, limit int) ([]outbox.Parcel, error) {
	var dead []outbox.Parcel
	err := s.readers.use(ctx, func(c *session) error {
		return parcels(c, deadParcels, &dead, line.Realm, line.Name, after, max(limit, 0))
	})
	if err != nil {
		return nil, fmt.Errorf("reading dead letters: %w", err)
	}
	return dead, nil
}
