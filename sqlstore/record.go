package sqlstore

import (
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// What is written beside the links themselves: events, conflicts, the audit, and what
// caches must forget.

func putEvents(c *session, realm string, events []identity.Event) error {
	if len(events) == 0 {
		return nil
	}
	if told, err := told(c, realm, events); told || err != nil {
		return err
	}
	seq, err := count(c, "event/"+realm, len(events))
	if err != nil {
		return err
	}
	for i, e := range events {
		_, err := c.exec(`INSERT INTO event (realm, seq, id, type, phase, old_id, new_id, via, cause, subject, appid, at, trace)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)`,
			realm, seq+int64(i), e.ID, string(e.Type), string(e.Phase), e.Old, e.New, e.Via, e.Cause, e.Subject, e.AppID, e.At.UnixMicro(), e.Trace)
		if err != nil {
			return err
		}
	}
	return nil
}

// told says that these are the conflict that was told before: it was taken off the
// list since, with somebody who was erased.
func told(c *session, realm string, events []identity.Event) (bool, error) {
	if events[0].Type != identity.EventConflict {
		return false, nil
	}
	var one int
	return c.one(`SELECT 1 FROM event WHERE realm = $1 AND id = $2`, []any{realm, events[0].ID}, []any{&one})
}

// putConflict lists a conflict that isn't listed yet. Asking first keeps a number
// from being spent, and a visitor who comes every day from causing a write.
func putConflict(c *session, r identity.ConflictRow) error {
	if found, err := listed(c, r); found || err != nil {
		return err
	}
	seq, err := count(c, "conflict/"+r.Realm, 1)
	if err != nil {
		return err
	}
	_, err = c.exec(`INSERT INTO conflict (realm, seq, code, appid, openid, subject, userid, have, got, at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		r.Realm, seq, r.Code, r.AppID, r.OpenID, r.Subject, r.User, r.Have, r.Got, r.At.UnixMicro())
	return err
}

// putConflicts writes what a change says of conflicts.
func putConflicts(c *session, change identity.Change) error {
	if change.Conflict != nil {
		if err := putConflict(c, *change.Conflict); err != nil {
			return err
		}
	}
	if change.Dismissal != nil {
		return putDismissal(c, change.Realm, *change.Dismissal)
	}
	return nil
}

// putDismissal dismisses a conflict that isn't, or takes that back of one that is.
func putDismissal(c *session, realm string, r identity.ConflictRow) error {
	stood := "dismissed IS NULL"
	if r.Dismissed.IsZero() {
		stood = "dismissed IS NOT NULL"
	}
	return swapped(c.exec(`UPDATE conflict SET dismissed = $3, dismissed_by = $4, dismissed_why = $5 WHERE realm = $1 AND seq = $2 AND `+stood,
		realm, r.Seq, moment(r.Dismissed), r.DismissedBy, r.DismissedWhy))
}

// listed says whether a conflict is on the list.
func listed(c *session, r identity.ConflictRow) (bool, error) {
	var one int
	return c.one(`SELECT 1 FROM conflict WHERE realm = $1 AND appid = $2 AND openid = $3 AND code = $4 AND got = $5`,
		[]any{r.Realm, r.AppID, r.OpenID, r.Code, r.Got}, []any{&one})
}

// putAudit chains a record to the one before. The writers of all processes take
// turns, so none can come in between.
func putAudit(c *session, realm string, at time.Time, e identity.AuditEntry) error {
	var salt []byte
	_, err := c.one(`INSERT INTO audit_salt (realm, about, salt) VALUES ($1, $2, $3)
		ON CONFLICT (realm, about) DO UPDATE SET salt = audit_salt.salt RETURNING salt`, []any{realm, e.About, e.Salt}, []any{&salt})
	if err != nil {
		return err
	}
	last, known := c.heads[realm]
	if !known {
		if _, err := c.one(`SELECT seq, hash FROM audit WHERE realm = $1 AND seq > 0 ORDER BY seq DESC LIMIT 1`, []any{realm}, []any{&last.Seq, &last.Hash}); err != nil {
			return err
		}
	}
	row := identity.AuditRow{Seq: last.Seq + 1, At: at, Actor: e.Actor, Op: e.Op, About: e.About, Sealed: e.Seal(last.Seq+1, salt)}
	row.Hash = identity.AuditHash(last.Hash, realm, row)
	_, err = c.exec(`INSERT INTO audit (realm, seq, at, actor, op, about, sealed, hash) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		realm, row.Seq, at.UnixMicro(), e.Actor, e.Op, e.About, row.Sealed, row.Hash)
	if c.heads == nil {
		c.heads = map[string]identity.AuditRow{}
	}
	c.heads[realm] = row
	return err
}

// putStale tells the caches of all processes what to forget.
func putStale(c *session, kind identity.StaleKind, realm string, names []string, now time.Time) error {
	if len(names) == 0 {
		return nil
	}
	seq, err := count(c, staleCounter, len(names))
	if err != nil {
		return err
	}
	for i, name := range names {
		_, err := c.exec(`INSERT INTO stale (seq, kind, realm, name, at) VALUES ($1, $2, $3, $4, $5)`,
			seq+int64(i), string(kind), realm, name, now.UnixMicro())
		if err != nil {
			return err
		}
	}
	return nil
}

// staleCounter numbers what caches must forget, of all realms together.
const staleCounter = "stale"

// count takes n numbers from a sequence and returns the first of them.
func count(c *session, name string, n int) (int64, error) {
	var last int64
	_, err := c.one(`INSERT INTO counter (name, last) VALUES ($1, $2)
		ON CONFLICT (name) DO UPDATE SET last = counter.last + excluded.last RETURNING last`,
		[]any{name, n}, []any{&last})
	return last - int64(n) + 1, err
}
