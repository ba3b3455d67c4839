package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

func TestServerStops(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := openAt(t, server.DSN(t))
	if err := s.Apply(t.Context(), retirement("a")); err != nil {
		t.Fatal(err)
	}
	everyReader(t, s)

	server.Stop()
	if err := server.Again(); err != nil {
		t.Fatal(err)
	}
	t.Run("nobody notices who asks nothing meanwhile", func(t *testing.T) {
		everyReader(t, s)
		if err := s.Apply(t.Context(), retirement("b")); err != nil {
			t.Error(err)
		}
	})
	t.Run("who asks meanwhile hears that the facts can't be reached, and nothing is written", func(t *testing.T) {
		server.Stop()
		_, loading := s.Load(t.Context(), identity.Query{Realm: "shop", User: "a"})
		for _, err := range []error{loading, s.Apply(t.Context(), retirement("c"))} {
			if !errors.Is(err, identity.ErrUnavailable) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got error %q, want ErrUnavailable in one line", err)
			}
		}
		if err := server.Again(); err != nil {
			t.Fatal(err)
		}
		if exists(t, s, "c") {
			t.Error("it was written")
		}
		if err := s.Apply(t.Context(), retirement("c")); err != nil {
			t.Error(err)
		}
	})
	t.Run("a store can be closed while the server is away", func(t *testing.T) {
		server.Stop()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := s.Apply(t.Context(), retirement("d")); !errors.Is(err, errClosed) {
			t.Errorf("got error %v, want %v", err, errClosed)
		}
	})
}

// everyReader makes each reader of a store read, with and without a view.
func everyReader(t *testing.T, s *Store) {
	t.Helper()
	for i := range 2 * cap(s.readers.idle) {
		var err error
		if i%2 == 0 {
			_, err = s.Load(t.Context(), identity.Query{Realm: "shop", User: "a"})
		} else {
			_, err = s.Events(t.Context(), "shop", 0, 1)
		}
		if err != nil {
			t.Errorf("reader %d: %v", i, err)
		}
	}
}

func TestServerKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	s := openAt(t, server.DSN(t))
	var mu sync.Mutex
	var acknowledged []string
	for round := range rounds() {
		writer := writerProcess(t, s)
		reached := make(chan struct{})
		enough := sync.OnceFunc(func() { close(reached) })
		ctx, stop := context.WithCancel(t.Context())
		var writers sync.WaitGroup
		for w := range 8 {
			writers.Go(func() {
				for i := 0; ctx.Err() == nil; i++ {
					id := fmt.Sprintf("%d-%d-%d", round, w, i)
					err := s.Apply(t.Context(), retirement(id))
					if err != nil {
						if !errors.Is(err, identity.ErrUnavailable) {
							t.Errorf("got error %v, want ErrUnavailable", err)
						}
						enough()
						return
					}
					mu.Lock()
					acknowledged = append(acknowledged, id)
					mu.Unlock()
					if i == 5+round%20 {
						enough()
					}
				}
			})
		}
		<-reached
		if round%2 == 0 {
			server.Kill()
			writers.Wait()
			if err := server.Again(); err != nil {
				t.Fatal(err)
			}
		} else {
			// The server throws everybody out, and recovers.
			if err := syscall.Kill(writer, syscall.SIGKILL); err != nil {
				t.Fatal(err)
			}
			writers.Wait()
			backAgain(t, s)
		}
		stop()
		wantWhole(t, s, acknowledged)
		if t.Failed() {
			return
		}
	}
}

// writerProcess is the process of the server in which a store writes.
func writerProcess(t *testing.T, s *Store) (pid int) {
	t.Helper()
	if err := s.writer.write(t.Context(), func(c *session) error {
		_, err := c.one("SELECT pg_backend_pid()", nil, []any{&pid})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	return pid
}

// backAgain waits until the server has recovered by itself.
func backAgain(t *testing.T, s *Store) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; {
		_, err := s.Events(t.Context(), "shop", 0, 1)
		if err == nil {
			return
		}
		if time.Now().After(end) {
			t.Fatal(err)
		}
	}
}

func TestOpenPostgresRefusesServer(t *testing.T) {
	t.Parallel()
	server := pgtest.Start(t)
	dsn := server.DSN(t)
	refuses := func(want string) {
		t.Helper()
		s, err := OpenPostgres(t.Context(), dsn, Options{})
		if err == nil {
			s.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got error %v, want it to say %q", err, want)
		}
	}
	run(t, dsn, "ALTER SYSTEM SET fsync = off")
	server.Stop()
	if err := server.Again(); err != nil {
		t.Fatal(err)
	}
	refuses("would lose what it has acknowledged when the power fails: set fsync = on")

	run(t, dsn, "ALTER SYSTEM RESET fsync")
	server.Stop()
	var folder string
	with(t, dsn, func(_ *url.URL, query url.Values) { folder = query.Get("host") })
	if err := os.WriteFile(filepath.Join(folder, "data", "standby.signal"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := server.Again(); err != nil {
		t.Fatal(err)
	}
	refuses("is a standby, which can't be written: give the address of the primary")
	server.Stop()
	refuses("can't be reached: check host and port, and that the server runs")
}
