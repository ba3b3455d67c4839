package sqlstore

import (
	"bytes"
	"context"
	"database/sql"
	"io/fs"
	"log/slog"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// upTo is a database that an older version has left behind.
func upTo(t *testing.T, version int64) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	p, err := migrator(db, postgresDialect, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), version); err != nil {
		t.Fatal(err)
	}
	return dsn
}

// TestIndexes has gateways of this version start while one of the version before writes into
// the tables that get indexes: it writes on.
func TestIndexes(t *testing.T) {
	t.Parallel()
	dsn := upTo(t, 15)
	old, err := sql.Open("pgx", dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer old.Close()
	// A broken try has left one index that is there, and one that can't be used.
	run(t, dsn, `CREATE INDEX message_kind ON message (realm, kind, id)`, `CREATE INDEX audit_at ON audit (realm, at)`,
		`UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'audit_at'::regclass`)
	writing := writerBefore(t, old)
	defer writing.Rollback()
	var log bytes.Buffer
	opened := make(chan error, 2)
	open := func(log *slog.Logger) {
		s, err := OpenPostgres(context.WithoutCancel(t.Context()), dsn, Options{Log: log})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}
	var both sync.WaitGroup
	defer both.Wait()
	defer writing.Rollback()
	both.Go(func() { open(slog.New(slog.NewTextHandler(&log, nil))) })
	awaitIndexes(t, dsn, opened)
	both.Go(func() { open(nil) }) // another gateway of this version
	another := writerBefore(t, old)
	for _, end := range []func() error{another.Rollback, writing.Rollback} {
		if err := end(); err != nil {
			t.Fatal(err)
		}
	}
	for range 2 {
		if err := <-opened; err != nil {
			t.Error(err)
		}
	}
	both.Wait()
	if n := value[int](t, dsn, `SELECT count(*) FROM pg_index WHERE NOT indisvalid`); n != 0 {
		t.Errorf("%d indexes can't be used", n)
	}
	want, got := indexNames(t, pgDSN(t)), indexNames(t, dsn)
	if got != want {
		t.Errorf("the database has indexes of %d bytes, a new one of %d", len(got), len(want))
	}
	if !strings.Contains(log.String(), "index=audit_at") {
		t.Errorf("the log says %s", log.String())
	}
}

// writerBefore is a transaction that has had its turn and writes into large tables.
func writerBefore(t *testing.T, db *sql.DB) *sql.Tx {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	for _, write := range []string{`SET LOCAL lock_timeout = '5s'`, `SELECT pg_advisory_lock(` + turn + `)`, `SELECT pg_advisory_unlock(` + turn + `)`, `LOCK TABLE message, inbox_push, audit IN ROW EXCLUSIVE MODE`} {
		if err == nil {
			_, err = tx.ExecContext(t.Context(), write)
		}
	}
	if err != nil {
		t.Fatalf("who writes is held up: %v", err)
	}
	return tx
}

// awaitIndexes waits until indexes are made beside somebody who writes.
func awaitIndexes(t *testing.T, dsn string, opened <-chan error) {
	t.Helper()
	waits := `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%INDEX CONCURRENTLY%' AND pid <> pg_backend_pid() AND wait_event_type = 'Lock')`
	for end := time.Now().Add(time.Minute); !value[bool](t, dsn, waits); {
		if len(opened) > 0 || time.Now().After(end) {
			t.Fatal("indexes aren't made beside those who write")
		}
	}
}

// pgDSN is a database that this version has made.
func pgDSN(t *testing.T) string {
	t.Helper()
	dsn := pgtest.DSN(t)
	openAt(t, dsn)
	return dsn
}

func indexNames(t *testing.T, dsn string) string {
	t.Helper()
	return value[string](t, dsn, `SELECT string_agg(indexdef, ' ' ORDER BY indexname) FROM pg_indexes WHERE schemaname = 'public'`)
}

// TestMigrations_indexes holds migrations to what [migratePostgres] needs: those that make an
// index of a table that exists do nothing else.
func TestMigrations_indexes(t *testing.T) {
	t.Parallel()
	released := []string{"00002_operations.sql"} // before there was this rule
	all, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	alone := 0
	for _, file := range all {
		text, err := fs.ReadFile(migrations, file)
		if err != nil {
			t.Fatal(err)
		}
		indexes, err := indexesOf(path.Base(file))
		if err != nil {
			t.Fatal(err)
		}
		if indexes != nil {
			alone++
			continue
		}
		var made []string
		for _, m := range regexp.MustCompile(`(?i)CREATE TABLE (\w+)|RENAME TO (\w+)`).FindAllStringSubmatch(string(text), -1) {
			made = append(made, m[1]+m[2])
		}
		for _, m := range regexp.MustCompile(`(?i)INDEX (\w+)\s+ON (\w+)`).FindAllStringSubmatch(string(text), -1) {
			if !slices.Contains(made, m[2]) && !slices.Contains(released, path.Base(file)) {
				t.Errorf("%s makes the index %s of a table that exists: put it into a migration that does nothing else, or writers wait until it is made", file, m[1])
			}
		}
	}
	if alone < 2 {
		t.Errorf("%d migrations make indexes alone", alone)
	}
}
