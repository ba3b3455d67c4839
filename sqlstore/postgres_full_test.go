package sqlstore

import (
	"errors"
	"net/url"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// TestServerFull has a server that gives no more connections, as one whose
// max_connections others have used up: it answers with the same code.
func TestServerFull(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	run(t, dsn, "CREATE ROLE gateway LOGIN")
	run(t, dsn, "GRANT ALL ON SCHEMA public TO gateway")
	ours := with(t, dsn, func(u *url.URL, _ url.Values) { u.User = url.User("gateway") })
	s := openAt(t, ours)
	everyReader(t, s)

	run(t, dsn, "ALTER ROLE gateway CONNECTION LIMIT 0")
	run(t, dsn, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'gateway'")
	_, loading := s.Load(t.Context(), identity.Query{Realm: "shop", User: "a"})
	for _, err := range []error{loading, s.Apply(t.Context(), retirement("a"))} {
		if !errors.Is(err, identity.ErrUnavailable) {
			t.Errorf("got error %v, want ErrUnavailable", err)
		}
	}
	run(t, dsn, "ALTER ROLE gateway CONNECTION LIMIT -1")
	everyReader(t, s)
	if exists(t, s, "a") {
		t.Error("it was written")
	}
	if err := s.Apply(t.Context(), retirement("a")); err != nil {
		t.Errorf("once there are connections again: %v", err)
	}
}
