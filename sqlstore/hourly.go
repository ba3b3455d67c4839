package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// AddCounts adds to what was counted, all or nothing.
func (s *Store) AddCounts(ctx context.Context, counts []console.Count) error {
	err := s.writer.write(ctx, func(c *session) error {
		for _, n := range counts {
			if _, err := c.exec(`INSERT INTO hourly (hour, name, n) VALUES ($1, $2, $3)
				ON CONFLICT (hour, name) DO UPDATE SET n = hourly.n + excluded.n`, n.Hour.UnixMicro(), n.Name, n.N); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("counting: %w", err)
	}
	return nil
}

// Counts returns what was counted in the hours that began in [from, until), in order.
func (s *Store) Counts(ctx context.Context, from, until time.Time) ([]console.Count, error) {
	var list []console.Count
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT hour, name, n FROM hourly WHERE hour >= $1 AND hour < $2 ORDER BY hour, name`,
			[]any{from.UnixMicro(), until.UnixMicro()}, func(rows *sql.Rows) error {
				var n console.Count
				var hour int64
				err := rows.Scan(&hour, &n.Name, &n.N)
				n.Hour = time.UnixMicro(hour).UTC()
				list = append(list, n)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading what was counted: %w", err)
	}
	return list, nil
}

// SweepCounts forgets the hours that began before a moment.
func (s *Store) SweepCounts(ctx context.Context, before time.Time) error {
	return s.console(ctx, "forgetting what was counted", `DELETE FROM hourly WHERE hour < $1`, before.UnixMicro())
}
