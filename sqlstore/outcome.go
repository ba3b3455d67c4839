package sqlstore

import (
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// outcome turns what the database says into the words of the contract.
//
// A unique constraint that refuses means that somebody else was faster. Another
// constraint means that the change itself is wrong, which no repetition heals.
// Everything else means that the facts can't be reached: a lock that isn't let
// go, a full disk, a bad one. SQLite names tables and columns in its messages,
// never the values.
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
	return fmt.Errorf("%w: %w", identity.ErrUnavailable, err)
}

// primary is an SQLite result code without its details
// (https://www.sqlite.org/rescode.html#primary_result_codes_versus_extended_result_codes).
func primary(e *sqlite.Error) int { return e.Code() & 0xff }
