package sqlstore

import (
	"context"
	"errors"
	"fmt"
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
		"no error quotes a row":                                noDetail,
		"a text that can't be kept is no outage":               noOutage,
		"a server that is silent is given up":                  silentServer,
		"a process that stands still in its turn loses it":     frozenProcess,
		"many may open an empty database at once":              openedAtOnce,
		"who opens waits until nobody else makes the tables":   opensInTurn,
		"a write whose connection is lost is not gone on with": lostInTheMiddle,
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

func opensInTurn(t *testing.T, dsn string) {
	other := run(t, dsn, "SELECT pg_advisory_lock("+turn+")")
	opened := make(chan error, 1)
	go func() {
		s, err := OpenPostgres(t.Context(), dsn, Options{})
		if err == nil {
			err = s.Close()
		}
		opened <- err
	}()
	for waiting, end := false, time.Now().Add(time.Minute); !waiting; {
		err := other.QueryRowContext(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
			AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waiting)
		if err != nil || len(opened) > 0 || time.Now().After(end) {
			t.Fatalf("it doesn't wait: %v", err)
		}
	}
	var tables int
	if err := other.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM pg_tables WHERE schemaname = 'public'").Scan(&tables); err != nil || tables != 0 {
		t.Errorf("there are %d tables already, %v", tables, err)
	}
	if _, err := other.ExecContext(t.Context(), "SELECT pg_advisory_unlock("+turn+")"); err != nil {
		t.Fatal(err)
	}
	if err := <-opened; err != nil {
		t.Error(err)
	}
}

func lostInTheMiddle(t *testing.T, dsn string) {
	s := openAt(t, dsn)
	process := writerProcess(t, s)
	err := s.writer.write(t.Context(), func(c *session) error {
		if err := apply(c, retirement("a"), time.Unix(1, 0)); err != nil {
			return err
		}
		if !value[bool](t, dsn, fmt.Sprintf("SELECT pg_terminate_backend(%d, 60000)", process)) {
			t.Error("the connection is still there")
		}
		_ = apply(c, retirement("b"), time.Unix(1, 0)) // kept to itself
		return apply(c, retirement("c"), time.Unix(1, 0))
	})
	if !errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	for _, id := range []string{"a", "b", "c"} {
		if exists(t, s, id) {
			t.Errorf("%s was written", id)
		}
	}
}
