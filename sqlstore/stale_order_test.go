package sqlstore

import (
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/pgtest"
)

// TestStale_order has a change with a lower number committed while one with a higher number
// waits for it: who follows misses none. It asks PostgreSQL, whose transactions could go
// side by side.
func TestStale_order(t *testing.T) {
	t.Parallel()
	dsn := pgtest.DSN(t)
	ctx := t.Context()
	first, second, follower := openAt(t, dsn), openAt(t, dsn), openAt(t, dsn)
	site := func(ptid string) directory.KeptSite {
		return directory.KeptSite{Site: directory.Site{PTID: ptid, Audience: ptid}, Entry: directory.Entry{At: time.UnixMicro(1)}}
	}
	var seen int64
	var got []string
	follow := func() {
		t.Helper()
		entries, newest, err := follower.Stale(ctx, seen, 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			got = append(got, e.Key)
		}
		seen = max(seen, newest)
	}
	numbered, commit, done := make(chan struct{}), make(chan struct{}), make(chan error, 2)
	release := sync.OnceFunc(func() { close(commit) })
	defer release()
	go func() {
		done <- first.writer.write(ctx, func(c *session) error {
			_, err := noteEntry(c, identity.StaleSite, "lower", time.UnixMicro(1))
			close(numbered)
			<-commit
			return err
		})
	}()
	<-numbered
	go func() { done <- second.PutKeptSite(ctx, site("higher"), 0) }()
	waits := `SELECT EXISTS (SELECT 1 FROM pg_locks WHERE NOT granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`
	for end := time.Now().Add(time.Minute); !value[bool](t, dsn, waits); {
		if len(done) > 0 || time.Now().After(end) {
			t.Fatal("the second doesn't wait for the first")
		}
		follow()
	}
	follow()
	if len(got) > 0 || seen > 0 {
		t.Errorf("who follows has %q and is at %d, while nothing is committed", got, seen)
	}
	release()
	for range 2 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	follow()
	if !slices.Equal(got, []string{"lower", "higher"}) {
		t.Errorf("who follows has %q", got)
	}
}
