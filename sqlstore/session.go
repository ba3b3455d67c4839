package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// session is one connection with the statements that were prepared on it. It is
// used by one goroutine at a time.
//
// Its statements run without the caller's context: each takes microseconds,
// interrupting one costs a goroutine every time, and an interrupted connection
// is unfit for further use.
type session struct {
	db         *sql.DB
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	rested     bool // nothing was asked since it was last lent
	failed     bool // a statement failed since begin
	// heads are the ends of audit chains, as of this transaction.
	heads map[string]identity.AuditRow
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, outcome(err)
	}
	return &session{db: db, conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// close ends the connection, and with it a transaction that is still open. A
// plain Close would only put it back into the pool as it is.
func (s *session) close() {
	_ = s.conn.Raw(func(c any) error { hangUp(c); return nil })
	for _, stmt := range s.statements {
		stmt.Close()
	}
	s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.conn.Close()
}

// begin runs statements that begin a transaction.
func (s *session) begin(statements []string) error {
	s.failed, s.heads = false, nil
	for _, statement := range statements {
		if _, err := s.exec(statement); err != nil {
			return err
		}
	}
	return nil
}

// run gives a prepared statement to do.
//
// A connection that has rested may have died, as when the server was restarted.
// Nothing was lost with it, so the first statement, which only begins or reads, is
// asked once more on a new one.
func (s *session) run(query string, do func(*sql.Stmt) error) error {
	rested := s.rested
	s.rested = false
	err := s.try(query, do)
	if err == nil || !rested || !s.dead() {
		return err
	}
	s.close()
	fresh, err := newSession(context.Background(), s.db)
	if err != nil {
		return err
	}
	*s = *fresh
	return s.try(query, do)
}

func (s *session) try(query string, do func(*sql.Stmt) error) error {
	stmt, err := s.prepared(query)
	if err == nil {
		err = outcome(do(stmt))
	}
	s.failed = s.failed || err != nil
	return err
}

func (s *session) dead() bool {
	dead := true // as far as package sql has noticed
	_ = s.conn.Raw(func(c any) error { dead = gone(c); return nil })
	return dead
}

// prepared returns a statement, compiled at its first use.
func (s *session) prepared(query string) (*sql.Stmt, error) {
	if stmt := s.statements[query]; stmt != nil {
		return stmt, nil
	}
	stmt, err := s.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, outcome(err)
	}
	s.statements[query] = stmt
	return stmt, nil
}

// exec runs a statement and says how many rows it changed.
func (s *session) exec(query string, args ...any) (changed int64, err error) {
	err = s.run(query, func(stmt *sql.Stmt) error {
		result, err := stmt.Exec(args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// one scans the single row of a query, and says whether there was one.
func (s *session) one(query string, args, dest []any) (found bool, err error) {
	err = s.run(query, func(stmt *sql.Stmt) error {
		err := stmt.QueryRow(args...).Scan(dest...)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		found = err == nil
		return err
	})
	return found, err
}

// each calls scan for every row of a query.
func (s *session) each(query string, args []any, scan func(*sql.Rows) error) error {
	var rows *sql.Rows
	err := s.run(query, func(stmt *sql.Stmt) (err error) {
		rows, err = stmt.Query(args...)
		return err
	})
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := scan(rows); err != nil {
			return outcome(err)
		}
	}
	return outcome(rows.Err())
}

// moment carries a time to and from a column of microseconds since 1970 in UTC.
// The zero time is NULL.
func moment(t time.Time) sql.NullInt64 {
	return sql.NullInt64{Int64: t.UnixMicro(), Valid: !t.IsZero()}
}

func timeOf(n sql.NullInt64) time.Time {
	if !n.Valid {
		return time.Time{}
	}
	return time.UnixMicro(n.Int64).UTC()
}
