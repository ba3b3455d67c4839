package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// keepStale is how long an entry for caches is kept.
const keepStale = time.Hour

// Revoke ends a session at r.From. Revoking one twice keeps the earlier moment,
// and the later end of its life.
func (s *Store) Revoke(ctx context.Context, r identity.Revocation) error {
	err := s.writer.write(ctx, func(c *session) error {
		changed, err := c.exec(`INSERT INTO revocation (session, from_at, until_at) VALUES ($1, $2, $3)
			ON CONFLICT (session) DO UPDATE SET
				from_at  = CASE WHEN excluded.from_at  < revocation.from_at  THEN excluded.from_at  ELSE revocation.from_at  END,
				until_at = CASE WHEN excluded.until_at > revocation.until_at THEN excluded.until_at ELSE revocation.until_at END
			WHERE excluded.from_at < revocation.from_at OR excluded.until_at > revocation.until_at`,
			r.Session, r.From.UnixMicro(), r.Until.UnixMicro())
		if err != nil || changed == 0 {
			return err
		}
		return putStale(c, identity.StaleSession, "", []string{r.Session}, s.now())
	})
	if err != nil {
		return fmt.Errorf("revoking session: %w", err)
	}
	return nil
}

// Revoked says from when a session is ended; zero if it isn't.
func (s *Store) Revoked(ctx context.Context, id string) (time.Time, error) {
	var from sql.NullInt64
	err := s.readers.use(ctx, func(c *session) error {
		_, err := c.one(`SELECT from_at FROM revocation WHERE session = $1`, []any{id}, []any{&from})
		return err
	})
	if err != nil {
		return time.Time{}, fmt.Errorf("looking up revocation: %w", err)
	}
	return timeOf(from), nil
}

// Sweep forgets revocations whose sessions are over by now, cutoffs that nothing is older
// than any more, entries for caches older than an hour, logins that nobody has used for
// long, and answers kept for repetitions.
func (s *Store) Sweep(ctx context.Context, now time.Time) error {
	err := s.writer.write(ctx, func(c *session) error {
		if _, err := c.exec(`DELETE FROM revocation WHERE until_at <= $1`, now.UnixMicro()); err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM cutoff WHERE until_at <= $1`, now.UnixMicro()); err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM idempotency WHERE at <= $1`, now.Add(-identity.RepeatLife).UnixMicro()); err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM login WHERE used < $1`, now.Add(-identity.LoginLife).UnixMicro()); err != nil {
			return err
		}
		_, err := c.exec(`DELETE FROM stale WHERE at < $1`, now.Add(-keepStale).UnixMicro())
		return err
	})
	if err != nil {
		return fmt.Errorf("sweeping: %w", err)
	}
	return nil
}
