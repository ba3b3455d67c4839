package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// value asks a database for one value, as another program would.
func value[T any](t *testing.T, dsn, query string) (v T) {
	t.Helper()
	if err := run(t, dsn).QueryRowContext(t.Context(), query).Scan(&v); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return v
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	for promise, try := range map[string]func(t *testing.T, dsn string){
		"what is acknowledged is on the disk, whatever the default is": alwaysDurable,
		"the tables stay where they are, whatever schema comes first":  sameSchema,
		"no error quotes a row":                            noDetail,
		"a text that can't be kept is no outage":           noOutage,
		"a server that is silent is given up":              silentServer,
		"a process that stands still in its turn loses it": frozenProcess,
		"many may open an empty database at once":          openedAtOnce,
	} {
		t.Run(promise, func(t *testing.T) {
			t.Parallel()
			try(t, pgtest.DSN(t))
		})
	}
}

func alwaysDurable(t *testing.T, dsn string) {
	database := value[string](t, dsn, "SELECT current_database()")
	for set, want := range map[string]string{"off": "on", "local": "on", "remote_apply": "remote_apply"} {
		run(t, dsn, "ALTER DATABASE "+database+" SET synchronous_commit = "+set)
		s := openAt(t, dsn)
		if err := s.writer.write(t.Context(), func(c *session) error {
			var got string
			_, err := c.one("SELECT current_setting('synchronous_commit')", nil, []any{&got})
			if got != want {
				t.Errorf("with %s it is %s, want %s", set, got, want)
			}
			return err
		}); err != nil {
			t.Error(err)
		}
	}
}

func sameSchema(t *testing.T, dsn string) {
	s := openAt(t, dsn)
	if err := s.Apply(t.Context(), retirement("a")); err != nil {
		t.Fatal(err)
	}
	// The user's own schema comes first in the search path, if there is one.
	run(t, dsn, "CREATE SCHEMA postgres", "CREATE TABLE postgres.userid (realm TEXT)")
	run(t, dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
	if !exists(t, s, "a") {
		t.Error("what was written is gone")
	}
}

func noDetail(t *testing.T, dsn string) {
	s := openAt(t, dsn)
	if err := s.Apply(t.Context(), retirement("ohidden")); err != nil {
		t.Fatal(err)
	}
	conflict := s.Apply(t.Context(), retirement("ohidden"))
	wrong := s.Apply(t.Context(), identity.Change{Realm: "shop", Users: []identity.User{{ID: "d", Kind: identity.Virtual, Parent: "ohidden2"}}})
	if !errors.Is(conflict, identity.ErrConflict) || wrong == nil {
		t.Fatalf("got errors %v, %v", conflict, wrong)
	}
	for _, err := range []error{conflict, wrong} {
		if e := (*pgconn.PgError)(nil); !errors.As(err, &e) || strings.Contains(fmt.Sprintf("%v %#v", err, e), "ohidden") {
			t.Errorf("got %v, %#v", err, e)
		}
	}
}

func noOutage(t *testing.T, dsn string) {
	s := openAt(t, dsn)
	err := s.Apply(t.Context(), retirement("a\x00b"))
	if err == nil || errors.Is(err, identity.ErrUnavailable) || errors.Is(err, identity.ErrConflict) {
		t.Errorf("got error %v, want one that no repetition heals", err)
	}
}

func silentServer(t *testing.T, dsn string) {
	s, err := openPostgres(t.Context(), dsn, Options{}, busyTimeout, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if err := s.Apply(t.Context(), retirement("a")); err != nil {
		t.Fatal(err)
	}
	server := writerProcess(t, s)
	if err := syscall.Kill(server, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer syscall.Kill(server, syscall.SIGCONT)
	// The writer has rested, so that the write is tried again, on another connection.
	if err := s.Apply(t.Context(), retirement("b")); err != nil {
		t.Error(err)
	}
	if !exists(t, s, "b") {
		t.Error("what was acknowledged is gone")
	}
}

func frozenProcess(t *testing.T, dsn string) {
	frozen, err := openPostgres(t.Context(), dsn, Options{}, busyTimeout, 300*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	defer frozen.Close()
	s := openAt(t, dsn)
	busy, thaw, result := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		result <- frozen.writer.write(context.Background(), func(c *session) error {
			close(busy)
			<-thaw
			return apply(c, retirement("a"), time.Unix(1, 0))
		})
	}()
	<-busy
	if err := s.Apply(t.Context(), retirement("b")); err != nil {
		t.Error(err)
	}
	close(thaw)
	if err := <-result; !errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	if exists(t, s, "a") || !exists(t, s, "b") {
		t.Error("who was frozen has written all the same")
	}
}

func openedAtOnce(t *testing.T, dsn string) {
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			s, err := OpenPostgres(t.Context(), dsn, Options{})
			if err != nil {
				t.Error(err)
				return
			}
			defer s.Close()
			if err := s.Apply(t.Context(), retirement(fmt.Sprint(i))); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if events, err := openAt(t, dsn).Events(t.Context(), "shop", 0, 100); err != nil || len(events) != 8 {
		t.Errorf("got %d events, %v", len(events), err)
	}
}

// with changes the address of a database.
func with(t *testing.T, dsn string, change func(u *url.URL, query url.Values)) string {
	t.Helper()
	u, err := url.Parse(dsn)
	if err != nil {
		t.Fatal(err)
	}
	query := u.Query()
	change(u, query)
	u.RawQuery = query.Encode()
	return u.String()
}

func TestOpenPostgresRefuses(t *testing.T) {
	t.Parallel()
	const password = "pa55word"
	as := func(name string) func(*url.URL, url.Values) {
		return func(u *url.URL, _ url.Values) { u.User = url.UserPassword(name, password) }
	}
	for _, c := range []struct {
		what string
		make func(t *testing.T, dsn string) string
		want string
	}{
		{"no address", func(*testing.T, string) string { return " " }, "is empty: write postgres://"},
		{"a password that isn't escaped", func(*testing.T, string) string { return "postgres://u:" + password + "/x@127.0.0.1/facts" }, "can't be read: write postgres://"},
		{"a host that doesn't exist", func(*testing.T, string) string { return "postgres://u:" + password + "@nowhere.invalid/facts" }, "can't be found: check the host"},
		{"a port where nobody listens", func(*testing.T, string) string { return "postgres://u:" + password + "@127.0.0.1:1/facts" }, "can't be reached: check host and port"},
		{"a database that doesn't exist", func(t *testing.T, dsn string) string {
			return with(t, dsn, func(u *url.URL, _ url.Values) { u.User, u.Path = url.UserPassword("postgres", password), "/nothing" })
		}, "doesn't exist: create it, with the user postgres as its owner"},
		{"a wrong password", func(t *testing.T, dsn string) string {
			run(t, dsn, `CREATE ROLE guarded LOGIN PASSWORD 'another'`)
			return with(t, dsn, as("guarded"))
		}, "refuses the user guarded: check user and password"},
		{"a user who may not make tables", func(t *testing.T, dsn string) string {
			run(t, dsn, `CREATE ROLE anybody LOGIN`)
			return with(t, dsn, as("anybody"))
		}, "doesn't let the user anybody make and use its tables: make him the owner"},
		{"a user who may not read what is there", func(t *testing.T, dsn string) string {
			openAt(t, dsn)
			run(t, dsn, `CREATE ROLE somebody LOGIN`, `GRANT CREATE ON SCHEMA public TO somebody`)
			return with(t, dsn, as("somebody"))
		}, "doesn't let the user somebody make and use its tables: make him the owner"},
		{"the database of another program", func(t *testing.T, dsn string) string {
			run(t, dsn, "CREATE TABLE photo (id INTEGER)")
			return dsn
		}, "is the database of another program: name another one"},
		{"facts written by a newer version", func(t *testing.T, dsn string) string {
			run(t, dsn, "CREATE TABLE schema_version (version_id BIGINT)", "INSERT INTO schema_version VALUES (99)")
			return dsn
		}, "was written by a newer version of this program (schema 99, this program knows "},
		{"a database without a schema", func(t *testing.T, dsn string) string {
			run(t, dsn, "DROP SCHEMA public")
			return dsn
		}, "has no schema to put tables into"},
		{"a database in another encoding", func(t *testing.T, dsn string) string {
			name := value[string](t, dsn, "SELECT current_database()") + "latin"
			run(t, dsn, "CREATE DATABASE "+name+" ENCODING 'LATIN1' LOCALE_PROVIDER libc LOCALE 'C' TEMPLATE template0")
			return with(t, dsn, func(u *url.URL, _ url.Values) { u.Path = "/" + name })
		}, "has the encoding LATIN1: create one with ENCODING 'UTF8'"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s, err := OpenPostgres(t.Context(), c.make(t, pgtest.DSN(t)), Options{})
			if err == nil {
				s.Close()
				t.Fatal("it was opened")
			}
			if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), password) {
				t.Errorf("got %q, want it to say %q", err, c.want)
			}
		})
	}
	for _, c := range []struct {
		what string
		is   postgresServer
		want string
	}{
		{"a version that is too old", postgresServer{139999, "13.99", "on", "UTF8", true}, "is of version 13.99, which is too old: update the server to 14 or newer"},
		{"a server that doesn't sync", postgresServer{140000, "14.0", "off", "UTF8", true}, "set fsync = on"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			if err := c.is.fit(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	t.Run("the oldest version is enough", func(t *testing.T) {
		t.Parallel()
		if err := (postgresServer{140000, "14.0", "on", "UTF8", true}).fit(); err != nil {
			t.Error(err)
		}
	})
}
