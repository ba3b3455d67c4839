package freshtest

import (
	"context"
	"os"
	"path/filepath"
	"sync"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// SQLite returns the name of a fresh file without facts. It goes when the test ends.
func SQLite(t testing.TB) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "facts.db")
	WriteSQLite(t, path)
	return path
}

// WriteSQLite makes a fresh file without facts at path.
func WriteSQLite(t testing.TB, path string) {
	t.Helper()
	body, err := empty()
	if err != nil {
		t.Fatalf("setting up facts: %v", err)
	}
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
}

var empty = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "freshtest")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "facts.db")
	s, err := sqlstore.OpenSQLite(context.Background(), path, sqlstore.Options{})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

// Postgres returns the address of a fresh database without facts, on the server that
// all tests of this process share. It goes when the test ends.
func Postgres(t testing.TB) string {
	t.Helper()
	return pgtest.Copy(t, func(dsn string) error {
		s, err := sqlstore.OpenPostgres(context.Background(), dsn, sqlstore.Options{})
		if err != nil {
			return err
		}
		return s.Close()
	})
}
