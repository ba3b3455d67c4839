package sqlstore

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"time"
)

// session is one connection with the statements that were prepared on it. It is
// used by one goroutine at a time.
//
// Its statements run without the caller's context: each takes microseconds,
// interrupting one costs a goroutine every time, and an interrupted connection
// is unfit for further use.
type session struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func newSession(ctx context.Context, db *sql.DB) (*session, error) {
	conn, err := db.Conn(ctx)
	if err != nil {
		return nil, outcome(err)
	}
	return &session{conn, map[string]*sql.Stmt{}}, nil
}

// close ends the connection, and with it a transaction that is still open. A
// plain Close would only put it back into the pool as it is.
func (s *session) close() {
	for _, stmt := range s.statements {
		stmt.Close()
	}
	s.conn.Raw(func(any) error { return driver.ErrBadConn })
	s.conn.Close()
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
func (s *session) exec(query string, args ...any) (int64, error) {
	stmt, err := s.prepared(query)
	if err != nil {
		return 0, err
	}
	result, err := stmt.Exec(args...)
	if err != nil {
		return 0, outcome(err)
	}
	return result.RowsAffected()
}

// one scans the single row of a query, and says whether there was one.
func (s *session) one(query string, args, dest []any) (bool, error) {
	stmt, err := s.prepared(query)
	if err != nil {
		return false, err
	}
	err = stmt.QueryRow(args...).Scan(dest...)
	if errors.Is(err, sql.ErrNoRows) {
		return false, nil
	}
	return err == nil, outcome(err)
}

// each calls scan for every row of a query.
func (s *session) each(query string, args []any, scan func(*sql.Rows) error) error {
	stmt, err := s.prepared(query)
	if err != nil {
		return err
	}
	rows, err := stmt.Query(args...)
	if err != nil {
		return outcome(err)
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
