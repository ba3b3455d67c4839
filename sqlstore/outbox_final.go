package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Finalise writes the final event of each retirement first told before a moment.
//
// How far it has come is a counter, whose row two sweeps at once lock one after the
// other, so that none writes what the other has written.
func (s *Store) Finalise(ctx context.Context, realm string, before, now time.Time, limit int) (bool, error) {
	more, err := s.finalDue(ctx, realm, before)
	if err != nil || !more {
		return false, err
	}
	err = s.writer.write(ctx, func(c *session) error {
		more = false
		next, err := count(c, finalCounter(realm), 0)
		if err != nil {
			return err
		}
		var events []identity.Event
		var last int64
		seen, young := 0, false
		err = c.each(`SELECT seq, type, phase, old_id, new_id, cause, via, subject, appid, at, trace FROM event WHERE realm = $1 AND seq >= $2 ORDER BY seq LIMIT $3`,
			[]any{realm, next, limit},
			func(rows *sql.Rows) error {
				e := identity.Event{Realm: realm}
				var at, seq int64
				if err := rows.Scan(&seq, &e.Type, &e.Phase, &e.Old, &e.New, &e.Cause, &e.Via, &e.Subject, &e.AppID, &at, &e.Trace); err != nil {
					return err
				}
				retirement := firstOfTwo(e)
				if young = young || retirement && !time.UnixMicro(at).Before(before); young {
					return nil
				}
				seen, last = seen+1, seq
				if retirement {
					e.ID, e.Phase, e.At = e.Old+".final", identity.PhaseFinal, now
					events = append(events, e)
				}
				return nil
			})
		if err != nil || seen == 0 {
			return err
		}
		more = seen == limit
		if _, err := count(c, finalCounter(realm), int(last-next)+1); err != nil {
			return err
		}
		return putFinal(c, realm, events)
	})
	if err != nil {
		return false, fmt.Errorf("writing final events: %w", err)
	}
	return more, nil
}

// finalCounter says how far a realm's events were looked at.
func finalCounter(realm string) string { return "final/" + realm }

// firstOfTwo says whether a final event is to follow.
func firstOfTwo(e identity.Event) bool {
	return e.Type == identity.EventReplaced && e.Phase != identity.PhaseFinal
}

// finalDue spares a realm in which nothing happens the write that a look costs.
func (s *Store) finalDue(ctx context.Context, realm string, before time.Time) (bool, error) {
	var e identity.Event
	var at int64
	found := false
	err := s.readers.use(ctx, func(c *session) (err error) {
		found, err = c.one(`SELECT type, phase, at FROM event WHERE realm = $1 AND seq > COALESCE((SELECT last FROM counter WHERE name = $2), 0) ORDER BY seq LIMIT 1`,
			[]any{realm, finalCounter(realm)}, []any{&e.Type, &e.Phase, &at})
		return err
	})
	if err != nil {
		return false, fmt.Errorf("looking for final events to write: %w", err)
	}
	return found && (!firstOfTwo(e) || time.UnixMicro(at).Before(before)), nil
}

// putFinal writes events with who stands for the old id now.
func putFinal(c *session, realm string, events []identity.Event) error {
	if len(events) == 0 {
		return nil
	}
	seq, err := count(c, eventCounter(realm), len(events))
	if err != nil {
		return err
	}
	for i, e := range events {
		if _, err := c.one(`WITH RECURSIVE chain (id, parent) AS (
				SELECT id, parent FROM userid WHERE realm = $1 AND id = $2
				UNION ALL
				SELECT u.id, u.parent FROM chain CROSS JOIN userid u WHERE u.realm = $1 AND u.id = chain.parent
			)
			SELECT id FROM chain WHERE parent IS NULL`, []any{realm, e.New}, []any{&e.New}); err != nil {
			return err
		}
		_, err := c.exec(`INSERT INTO event (realm, seq, id, type, phase, old_id, new_id, via, cause, subject, appid, at, trace)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			realm, seq+int64(i), e.ID, string(e.Type), string(e.Phase), e.Old, e.New, e.Via, e.Cause, e.Subject, e.AppID, e.At.UnixMicro(), e.Trace)
		if err != nil {
			return err
		}
	}
	return nil
}
