package sqlstore

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// outcome turns what the database says into the words of the contract.
//
// A unique constraint that refuses means that somebody else was faster. Another
// constraint means that the change itself is wrong, which no repetition heals.
// Everything else means that the facts can't be reached: a lock that isn't let
// go, a full disk, a bad one, a server that went away. SQLite names tables and
// columns in its messages, never the values; see [undetailed] for PostgreSQL.
func outcome(err error) error {
	if err == nil || errors.Is(err, identity.ErrUnavailable) || errors.Is(err, identity.ErrConflict) {
		return err
	}
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		switch e.Code() {
		case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
			return fmt.Errorf("%w: %w", identity.ErrConflict, err)
		}
		if primary(e) == sqlite3.SQLITE_CONSTRAINT {
			return err
		}
	}
	err = undetailed(err)
	if e := (*pgconn.PgError)(nil); errors.As(err, &e) {
		switch {
		case e.Code == "23505": // unique_violation
			return fmt.Errorf("%w: %w", identity.ErrConflict, err)
		case strings.HasPrefix(e.Code, "23"), strings.HasPrefix(e.Code, "22"): // a constraint, or a text with a zero byte
			return err
		}
	}
	return fmt.Errorf("%w: %w", identity.ErrUnavailable, err)
}

// primary is an SQLite result code without its details
// (https://www.sqlite.org/rescode.html#primary_result_codes_versus_extended_result_codes).
func primary(e *sqlite.Error) int { return e.Code() & 0xff }
