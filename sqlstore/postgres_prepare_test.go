package sqlstore

import (
	"net/url"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

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
