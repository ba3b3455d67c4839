package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// BeginRepeat records that a call has begun, unless there is such a one already.
func (s *Store) BeginRepeat(ctx context.Context, r identity.Repeat) (before identity.Repeat, begun bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		before = identity.Repeat{}
		if _, err := c.exec(`DELETE FROM idempotency WHERE at <= $1`, r.At.Add(-identity.RepeatLife).UnixMicro()); err != nil {
			return err
		}
		// Whoever has been at it for so long has died.
		_, err := c.exec(`DELETE FROM idempotency WHERE key_id = $1 AND idem = $2 AND status = 0 AND at <= $3`,
			r.KeyID, r.Idem, r.At.Add(-identity.RepeatPatience).UnixMicro())
		if err != nil {
			return err
		}
		n, err := c.exec(`INSERT INTO idempotency (key_id, idem, fingerprint, status, body, at) VALUES ($1, $2, $3, 0, $4, $5)
			ON CONFLICT (key_id, idem) DO NOTHING`, r.KeyID, r.Idem, r.Fingerprint, []byte{}, r.At.UnixMicro())
		if begun = n == 1; err != nil || begun {
			return err
		}
		var at sql.NullInt64
		before.KeyID, before.Idem = r.KeyID, r.Idem
		_, err = c.one(`SELECT fingerprint, status, body, at FROM idempotency WHERE key_id = $1 AND idem = $2`,
			[]any{r.KeyID, r.Idem}, []any{&before.Fingerprint, &before.Status, &before.Body, &at})
		before.At = timeOf(at)
		return err
	})
	if err != nil {
		return identity.Repeat{}, false, fmt.Errorf("beginning a call: %w", err)
	}
	return before, begun, nil
}

// EndRepeat records what was answered; with Status 0 the call is forgotten.
func (s *Store) EndRepeat(ctx context.Context, r identity.Repeat) error {
	err := s.writer.write(ctx, func(c *session) error {
		if r.Status == 0 {
			_, err := c.exec(`DELETE FROM idempotency WHERE key_id = $1 AND idem = $2 AND at = $3 AND status = 0`, r.KeyID, r.Idem, r.At.UnixMicro())
			return err
		}
		_, err := c.exec(`UPDATE idempotency SET status = $4, body = $5 WHERE key_id = $1 AND idem = $2 AND at = $3 AND status = 0`,
			r.KeyID, r.Idem, r.At.UnixMicro(), r.Status, append([]byte{}, r.Body...))
		return err
	})
	if err != nil {
		return fmt.Errorf("ending a call: %w", err)
	}
	return nil
}

// Feed returns events as a consumer should read them: of a retirement, New is who
// stands for the old id by now. Where that one was erased it stays as it was.
func (s *Store) Feed(ctx context.Context, realm string, after int64, limit int) ([]identity.Event, error) {
	var events []identity.Event
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`WITH RECURSIVE picked AS (
				SELECT seq, type, new_id FROM event WHERE realm = $1 AND seq > $2 ORDER BY seq LIMIT $3
			), chain (seq, id, parent) AS (
				SELECT k.seq, u.id, u.parent FROM picked k JOIN userid u ON u.realm = $1 AND u.id = k.new_id
					WHERE k.type = '`+string(identity.EventReplaced)+`'
				UNION ALL
				SELECT chain.seq, u.id, u.parent FROM chain CROSS JOIN userid u WHERE u.realm = $1 AND u.id = chain.parent
			)
			SELECT e.seq, e.id, e.type, e.phase, e.old_id, COALESCE(r.id, e.new_id), e.via, e.cause, e.subject, e.appid, e.at, e.trace
			FROM picked k JOIN event e ON e.realm = $1 AND e.seq = k.seq LEFT JOIN chain r ON r.seq = k.seq AND r.parent IS NULL
			ORDER BY k.seq`,
			[]any{realm, after, max(limit, 0)},
			func(rows *sql.Rows) error { return scanEvent(rows, realm, &events) })
	})
	if err != nil {
		return nil, fmt.Errorf("reading the feed: %w", err)
	}
	return events, nil
}

// LastEvent is the Seq of the newest event of a realm.
func (s *Store) LastEvent(ctx context.Context, realm string) (seq int64, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		_, err := c.one(`SELECT seq FROM event WHERE realm = $1 AND seq > 0 ORDER BY seq DESC LIMIT 1`, []any{realm}, []any{&seq})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("reading the feed: %w", err)
	}
	return seq, nil
}
