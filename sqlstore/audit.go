package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

const auditColumns = `SELECT a.seq, a.at, a.actor, a.op, a.about, a.sealed, a.hash, s.salt FROM audit a
	LEFT JOIN audit_salt s ON s.realm = a.realm AND s.about = a.about WHERE a.realm = $1`

func eachAudit(c *session, query string, args []any, into *[]identity.AuditRow) error {
	return c.each(query, args, func(rows *sql.Rows) error {
		var r identity.AuditRow
		at := sql.NullInt64{}
		err := rows.Scan(&r.Seq, &at, &r.Actor, &r.Op, &r.About, &r.Sealed, &r.Hash, &r.Salt)
		r.At = timeOf(at)
		*into = append(*into, r)
		return err
	})
}

// Audit returns at most limit records of a realm with Seq > after, in order. With
// about, only the records about that digest.
func (s *Store) Audit(ctx context.Context, realm, about string, after int64, limit int) ([]identity.AuditRow, error) {
	query, args := auditColumns+` AND a.seq > $2 ORDER BY a.seq LIMIT $3`, []any{realm, after, max(limit, 0)}
	if about != "" {
		query, args = auditColumns+` AND a.seq > $2 AND a.about = $4 ORDER BY a.seq LIMIT $3`, append(args, about)
	}
	var records []identity.AuditRow
	err := s.readers.use(ctx, func(c *session) error { return eachAudit(c, query, args, &records) })
	if err != nil {
		return nil, fmt.Errorf("reading audit: %w", err)
	}
	return records, nil
}

// auditSlack is by how many numbers records may stand out of the order of their times: the
// clocks of nodes differ.
const auditSlack = 1000

// auditSpan is the first number that a query is about, and the one behind its last.
func auditSpan(c *session, q identity.AuditQuery) (first, behind int64, err error) {
	const at = `SELECT seq FROM audit WHERE realm = $1 AND at `
	var newest int64
	if _, err = c.one(`SELECT seq FROM audit WHERE realm = $1 AND seq > 0 ORDER BY seq DESC LIMIT 1`, []any{q.Realm}, []any{&newest}); err != nil {
		return 0, 0, err
	}
	first, behind = 1, newest+1
	if q.Before > 0 {
		behind = min(behind, q.Before)
	}
	if !q.To.IsZero() {
		var last int64
		if _, err = c.one(at+`< $2 ORDER BY at DESC LIMIT 1`, []any{q.Realm, q.To.UnixMicro()}, []any{&last}); err != nil {
			return 0, 0, err
		}
		behind = min(behind, last+1+auditSlack)
	}
	if !q.From.IsZero() {
		since := newest + 1
		if _, err = c.one(at+`>= $2 ORDER BY at LIMIT 1`, []any{q.Realm, q.From.UnixMicro()}, []any{&since}); err != nil {
			return 0, 0, err
		}
		first = max(first, since-auditSlack)
	}
	return first, behind, nil
}

// AuditBack returns records that a query picks, the newest first, and the number before
// which it goes on.
func (s *Store) AuditBack(ctx context.Context, q identity.AuditQuery) (rows []identity.AuditRow, next int64, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		rows, next = nil, 0
		first, behind, err := auditSpan(c, q)
		if err != nil {
			return err
		}
		from := first
		if q.About == "" {
			from = max(first, behind-int64(max(q.Look, q.Limit)))
		}
		query, args := auditColumns+` AND a.seq >= $2 AND a.seq < $3`, []any{q.Realm, from, behind}
		pick := func(condition string, value any) {
			args = append(args, value)
			query += fmt.Sprintf(` AND a.%s $%d`, condition, len(args))
		}
		for _, x := range []struct{ condition, value string }{{"about =", q.About}, {"actor =", q.Actor}, {"op =", q.Op}} {
			if x.value != "" {
				pick(x.condition, x.value)
			}
		}
		for _, x := range []struct {
			condition string
			at        time.Time
		}{{"at >=", q.From}, {"at <", q.To}} {
			if !x.at.IsZero() {
				pick(x.condition, x.at.UnixMicro())
			}
		}
		args = append(args, max(q.Limit, 0))
		if err := eachAudit(c, query+fmt.Sprintf(` ORDER BY a.seq DESC LIMIT $%d`, len(args)), args, &rows); err != nil {
			return err
		}
		if len(rows) > 0 && len(rows) == q.Limit {
			from = rows[len(rows)-1].Seq
		}
		if from > first {
			next = from
		}
		return nil
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading audit: %w", err)
	}
	return rows, next, nil
}
