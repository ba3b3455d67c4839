package sqlstore

import "github.com/pressly/goose/v3"

// dialect is what differs between the engines behind one text of SQL.
type dialect struct {
	goose goose.Dialect
	// beginWrite takes the turn to write, which lasts until the transaction ends.
	beginWrite []string
	// beginView begins a transaction whose statements all see the same moment.
	beginView []string
	// tables lists the tables of the database, with a column name.
	tables string
}

var sqliteDialect = &dialect{
	goose: goose.DialectSQLite3,
	// Taking the write lock at once, not at the first write, spares the case in
	// which another process writes in between and nothing can go on.
	beginWrite: []string{"BEGIN IMMEDIATE"},
	beginView:  []string{"BEGIN"},
	tables:     "sqlite_master WHERE type = 'table'",
}

var postgresDialect = &dialect{
	goose: goose.DialectPostgres,
	// The writers of all processes take turns, as SQLite makes them, although
	// PostgreSQL could let them write side by side. That's what makes numbers become
	// visible in their order without gaps, leaves no two transactions that wait for
	// each other, and no write that fails because of another one's. What is lost by it
	// is little: many writes share a turn.
	//
	// Each statement must see what was committed before the turn came, so the levels
	// above READ COMMITTED, which look once at the beginning, won't do.
	beginWrite: []string{"BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE", "SELECT pg_advisory_xact_lock(" + turn + ")"},
	beginView:  []string{"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"},
	tables:     "(SELECT tablename AS name FROM pg_tables WHERE schemaname = current_schema()) AS ours",
}

// turn names the lock that a writer holds in PostgreSQL ("wsite" in ASCII). Changing
// it would let old and new versions of this program write at once.
const turn = "513037399141"
