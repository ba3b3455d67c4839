package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// Join makes a line of business known.
func (s *Store) Join(ctx context.Context, line outbox.Line, fromStart bool) error {
	err := s.writer.write(ctx, func(c *session) error {
		var newest int64
		if !fromStart {
			if _, err := c.one(`SELECT last FROM counter WHERE name = $1`, []any{eventCounter(line.Realm)}, []any{&newest}); err != nil {
				return err
			}
		}
		_, err := c.exec(`INSERT INTO outbox_line (realm, name, reached) VALUES ($1, $2, $3) ON CONFLICT (realm, name) DO NOTHING`,
			line.Realm, line.Name, newest)
		return err
	})
	if err != nil {
		return fmt.Errorf("joining a line of business: %w", err)
	}
	return nil
}

// eventCounter numbers the events of a realm.
func eventCounter(realm string) string { return "event/" + realm }

// Pending reads what a line has yet to hear.
func (s *Store) Pending(ctx context.Context, line outbox.Line, now time.Time, limit int) (outbox.Batch, error) {
	var b outbox.Batch
	err := s.view(ctx, func(c *session) error {
		b = outbox.Batch{}
		var since, next sql.NullInt64
		var until int64
		found, err := c.one(`SELECT reached, tries, since, next_at, error, holder, until_at FROM outbox_line WHERE realm = $1 AND name = $2`,
			[]any{line.Realm, line.Name}, []any{&b.Cursor, &b.Tries, &since, &next, &b.Error, &b.Holder, &until})
		b.Since, b.Next, b.Until = timeOf(since), timeOf(next), time.UnixMicro(until).UTC()
		if err != nil || !found || limit <= 0 || now.Before(b.Next) {
			return err
		}
		if err := parcels(c, dueParcels, &b.Parcels, line.Realm, line.Name, now.UnixMicro(), limit/2); err != nil {
			return err
		}
		return parcels(c, newParcels, &b.Parcels, line.Realm, line.Name, b.Cursor, limit-len(b.Parcels))
	})
	if err != nil {
		return outbox.Batch{}, fmt.Errorf("reading what a line of business has yet to hear: %w", err)
	}
	return b, nil
}

const (
	// dueParcels picks parked events whose time has come, but for those behind
	// another parked one about the same user. An empty id is no user.
	dueParcels = `WITH RECURSIVE picked AS (
			SELECT p.realm, p.seq, p.tries, p.since, p.next_at, p.error, p.dead, 1 AS parked FROM outbox_parked p
			WHERE p.realm = $1 AND p.line = $2 AND p.dead = 0 AND p.next_at <= $3 AND NOT EXISTS (
				SELECT 1 FROM outbox_parked q WHERE q.realm = p.realm AND q.line = p.line AND q.dead = 0 AND q.seq < p.seq
				AND (q.old_id <> '' AND q.old_id IN (p.old_id, p.new_id) OR q.new_id <> '' AND q.new_id IN (p.old_id, p.new_id)))
			ORDER BY p.seq LIMIT $4
		), ` + addressed
	newParcels = `WITH RECURSIVE picked AS (
			SELECT e.realm, e.seq, 0 AS tries, NULL AS since, 0 AS next_at, '' AS error, 0 AS dead, 0 AS parked FROM event e
			WHERE e.realm = $1 AND $2 <> '' AND e.seq > $3 ORDER BY e.seq LIMIT $4
		), ` + addressed
	deadParcels = `WITH RECURSIVE picked AS (
			SELECT p.realm, p.seq, p.tries, p.since, p.next_at, p.error, p.dead, 1 AS parked FROM outbox_parked p
			WHERE p.realm = $1 AND p.line = $2 AND p.dead = 1 AND p.seq > $3 ORDER BY p.seq LIMIT $4
		), ` + addressed
	// addressed adds the events, with who stands for the old id by now. Where that
	// one is forgotten it stays as it was recorded.
	addressed = `chain (seq, id, parent) AS (
			SELECT k.seq, u.id, u.parent FROM picked k
				JOIN event e ON e.realm = k.realm AND e.seq = k.seq AND e.type = '` + string(identity.EventReplaced) + `'
				JOIN userid u ON u.realm = e.realm AND u.id = e.new_id
			UNION ALL
			SELECT chain.seq, u.id, u.parent FROM chain CROSS JOIN userid u WHERE u.realm = $1 AND u.id = chain.parent
		)
		SELECT e.seq, e.id, e.type, e.phase, e.old_id, e.new_id, COALESCE(r.id, e.new_id), e.via, e.cause, e.subject, e.appid, e.at, e.trace,
			k.parked, k.tries, k.since, k.next_at, k.error, k.dead,
			CASE WHEN k.parked = 0 AND EXISTS (SELECT 1 FROM outbox_parked q
				WHERE q.realm = $1 AND q.line = $2 AND q.dead = 0 AND q.seq < e.seq
				AND (q.old_id <> '' AND q.old_id IN (e.old_id, e.new_id) OR q.new_id <> '' AND q.new_id IN (e.old_id, e.new_id)))
				THEN 1 ELSE 0 END
		FROM picked k JOIN event e ON e.realm = k.realm AND e.seq = k.seq LEFT JOIN chain r ON r.seq = k.seq AND r.parent IS NULL
		ORDER BY k.seq`
)

// parcels appends the events that one of the queries above picks.
func parcels(c *session, query string, into *[]outbox.Parcel, realm, line string, from int64, limit int) error {
	return c.each(query, []any{realm, line, from, limit}, func(rows *sql.Rows) error {
		p := outbox.Parcel{Event: identity.Event{Realm: realm}}
		var at, next int64
		var since sql.NullInt64
		var parked, dead, blocked int
		err := rows.Scan(&p.Seq, &p.ID, &p.Type, &p.Phase, &p.Old, &p.Recorded, &p.New, &p.Via, &p.Cause, &p.Subject, &p.AppID, &at, &p.Trace,
			&parked, &p.Tries, &since, &next, &p.Error, &dead, &blocked)
		p.At, p.Since, p.Parked, p.Dead, p.Blocked = time.UnixMicro(at).UTC(), timeOf(since), parked == 1, dead == 1, blocked == 1
		if p.Parked {
			p.Next = time.UnixMicro(next).UTC()
		}
		*into = append(*into, p)
		return err
	})
}

// Lease reserves a line for holder.
func (s *Store) Lease(ctx context.Context, line outbox.Line, holder string, now, until time.Time) (bool, error) {
	var n int64
	err := s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE outbox_line SET holder = $3, until_at = $5 WHERE realm = $1 AND name = $2 AND (holder = $3 OR until_at <= $4)`,
			line.Realm, line.Name, holder, now.UnixMicro(), until.UnixMicro())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("leasing a line of business: %w", err)
	}
	return n > 0, nil
}

// Settle writes what became of a batch.
func (s *Store) Settle(ctx context.Context, line outbox.Line, holder string, settled outbox.Settlement) error {
	err := s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`UPDATE outbox_line SET reached = $4, tries = $5, since = $6, next_at = $7, error = $8 WHERE realm = $1 AND name = $2 AND holder = $3`,
			line.Realm, line.Name, holder, settled.Cursor, settled.Tries, moment(settled.Since), moment(settled.Next), settled.Error)
		if err != nil {
			return err
		}
		if n == 0 {
			return outbox.ErrLeaseLost
		}
		for _, seq := range settled.Delivered {
			if _, err := c.exec(`DELETE FROM outbox_parked WHERE realm = $1 AND line = $2 AND seq = $3`, line.Realm, line.Name, seq); err != nil {
				return err
			}
		}
		for _, p := range settled.Parked {
			if err := park(c, line, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("settling a line of business: %w", err)
	}
	return nil
}

func park(c *session, line outbox.Line, p outbox.Parcel) error {
	dead, heir := 0, p.Recorded
	if p.Dead {
		dead = 1
	}
	if heir == "" {
		heir = p.Old
	}
	_, err := c.exec(`INSERT INTO outbox_parked (realm, line, seq, old_id, new_id, tries, since, next_at, error, dead)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (realm, line, seq) DO UPDATE SET tries = excluded.tries, since = excluded.since, next_at = excluded.next_at, error = excluded.error, dead = excluded.dead`,
		line.Realm, line.Name, p.Seq, p.Old, heir, p.Tries, moment(p.Since), p.Next.UnixMicro(), p.Error, dead)
	return err
}

// Replay makes parked events due now, and lets the line be tried at once.
func (s *Store) Replay(ctx context.Context, line outbox.Line, ids []string, now time.Time) (int, error) {
	var n int64
	err := s.writer.write(ctx, func(c *session) error {
		const again = `UPDATE outbox_parked SET dead = 0, tries = 0, since = NULL, next_at = $3 WHERE realm = $1 AND line = $2`
		n = 0
		if len(ids) == 0 {
			var err error
			if n, err = c.exec(again, line.Realm, line.Name, now.UnixMicro()); err != nil {
				return err
			}
		}
		for _, id := range ids {
			one, err := c.exec(again+` AND seq IN (SELECT e.seq FROM event e WHERE e.realm = $1 AND e.id = $4)`, line.Realm, line.Name, now.UnixMicro(), id)
			if err != nil {
				return err
			}
			n += one
		}
		_, err := c.exec(`UPDATE outbox_line SET next_at = NULL WHERE realm = $1 AND name = $2`, line.Realm, line.Name)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("replaying events: %w", err)
	}
	return int(n), nil
}
