package sqlstore

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// engines are the two databases, each with a way to one that is set up and holds
// nothing: the name of a file, or a DSN. As in the package freshtest, which can't be
// used here, they are copies: to migrate takes longer than most tests.
var engines = map[string]func(t testing.TB) string{
	"sqlite": func(t testing.TB) string {
		body, err := emptyFile()
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "facts.db")
		if err := os.WriteFile(path, body, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	},
	"postgres": func(t testing.TB) string {
		return pgtest.Copy(t, func(dsn string) error { return setUp(OpenPostgres, dsn) })
	},
}

var emptyFile = sync.OnceValues(func() ([]byte, error) {
	dir, err := os.MkdirTemp("", "sqlstore")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "facts.db")
	if err := setUp(OpenSQLite, path); err != nil {
		return nil, err
	}
	return os.ReadFile(path)
})

func setUp(open func(context.Context, string, Options) (*Store, error), place string) error {
	s, err := open(context.Background(), place, Options{})
	if err != nil {
		return err
	}
	return s.Close()
}

// onBoth runs a test on each engine.
func onBoth(t *testing.T, test func(t *testing.T, fresh func(t testing.TB) string)) {
	t.Helper()
	for engine, fresh := range engines {
		t.Run(engine, func(t *testing.T) {
			t.Parallel()
			test(t, fresh)
		})
	}
}

// places are the files and DSNs of open stores.
var places sync.Map

// placeOf is where the facts of a store lie.
func placeOf(s *Store) string {
	p, _ := places.Load(s)
	return p.(string)
}

func isPostgres(place string) bool { return strings.HasPrefix(place, "postgres://") }

func opener(place string) func(context.Context, string, Options) (*Store, error) {
	if isPostgres(place) {
		return OpenPostgres
	}
	return OpenSQLite
}

// openAt opens the facts at a place until the test ends.
func openAt(t testing.TB, place string) *Store {
	t.Helper()
	s, err := opener(place)(t.Context(), place, Options{})
	if err != nil {
		t.Fatal(err)
	}
	places.Store(s, place)
	t.Cleanup(func() { s.Close(); places.Delete(s) })
	return s
}

// openNew opens empty facts in SQLite.
func openNew(t testing.TB) *Store {
	t.Helper()
	return openAt(t, engines["sqlite"](t))
}

func centre(s identity.Store) *identity.Centre {
	return &identity.Centre{
		Store:    s,
		GuestKey: func(string) ([]byte, error) { return bytes.Repeat([]byte{7}, 32), nil },
		PrevFor:  24 * time.Hour,
		Now:      time.Now,
	}
}

func claim(openid, unionid string) identity.Claim {
	return identity.Claim{
		Realm: "shop", Openid: identity.Openid{AppID: "wx1", OpenID: openid},
		Unionid: identity.Unionid{Subject: "open1", UnionID: unionid}, Via: "test",
	}
}
