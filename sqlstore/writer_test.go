package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// held makes the writer wait, so that what is queued meanwhile becomes one batch.
// The returned function lets it go.
func held(t *testing.T, s *Store) (release func()) {
	t.Helper()
	busy, free, done := make(chan struct{}), make(chan struct{}), make(chan error)
	go func() {
		done <- s.writer.write(context.Background(), func(*session) error {
			close(busy)
			<-free
			return nil
		})
	}()
	<-busy
	return func() {
		t.Helper()
		close(free)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// queue queues a job and returns where its result will arrive.
func queue(t *testing.T, s *Store, do func(*session) error) *job {
	t.Helper()
	j := &job{do: do, done: make(chan error, 1)}
	if err := s.writer.enqueue(t.Context(), j); err != nil {
		t.Fatal(err)
	}
	return j
}

func queueChange(t *testing.T, s *Store, id string) *job {
	return queue(t, s, func(c *session) error { return apply(c, retirement(id), time.Unix(1, 0)) })
}

// exists says whether a retirement was written.
func exists(t *testing.T, s *Store, id string) bool {
	t.Helper()
	known, err := s.Load(t.Context(), identity.Query{Realm: "shop", User: id})
	if err != nil {
		t.Fatal(err)
	}
	return known.Given.ID != ""
}

func TestWriter(t *testing.T) {
	t.Parallel()
	for promise, try := range map[string]func(t *testing.T, s *Store){
		"a write that is refused takes back nothing but itself":                     refusedAlone,
		"when the commit fails, everybody hears so and nothing is written":          commitFails,
		"when the engine breaks off, nobody is told of success who has none":        breaksOff,
		"a caller who gives up before the write has begun stops it":                 givesUp,
		"a caller who gives up after the write has begun hears how it ends":         tooLate,
		"a write waits for another process, and is refused if that one doesn't end": otherProcess,
		"Close writes what was accepted, and refuses what comes later":              closeDrains,
	} {
		t.Run(promise, func(t *testing.T) {
			t.Parallel()
			onBoth(t, func(t *testing.T, fresh func(testing.TB) string) { try(t, openAt(t, fresh(t))) })
		})
	}
}

func refusedAlone(t *testing.T, s *Store) {
	release := held(t, s)
	first, same, second := queueChange(t, s, "a"), queueChange(t, s, "a"), queueChange(t, s, "b")
	wrong := queue(t, s, func(c *session) error {
		// The first half of this change is right.
		if err := apply(c, retirement("c"), time.Unix(1, 0)); err != nil {
			return err
		}
		return apply(c, identity.Change{Realm: "shop", Users: []identity.User{{ID: "d", Kind: identity.Virtual, Parent: "nobody"}}}, time.Unix(1, 0))
	})
	third := queueChange(t, s, "e")
	release()
	for _, j := range []*job{first, second, third} {
		if err := <-j.done; err != nil {
			t.Error(err)
		}
	}
	if err := <-same.done; !errors.Is(err, identity.ErrConflict) {
		t.Errorf("got error %v, want ErrConflict", err)
	}
	if err := <-wrong.done; err == nil || errors.Is(err, identity.ErrConflict) || errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("got error %v, want one that no repetition heals", err)
	}
	for id, want := range map[string]bool{"a": true, "b": true, "c": false, "d": false, "e": true} {
		if got := exists(t, s, id); got != want {
			t.Errorf("%s exists: %v, want %v", id, got, want)
		}
	}
}

func commitFails(t *testing.T, s *Store) {
	release := held(t, s)
	innocent := queueChange(t, s, "a")
	guilty := queue(t, s, func(c *session) error {
		// Put off to the commit, the check of the forward pointer fails there.
		defers := "PRAGMA defer_foreign_keys = 1"
		if isPostgres(placeOf(s)) {
			defers = "ALTER TABLE userid ALTER CONSTRAINT userid_realm_parent_fkey DEFERRABLE INITIALLY DEFERRED"
		}
		if _, err := c.exec(defers); err != nil {
			return err
		}
		return putUser(c, "shop", identity.User{ID: "b", Kind: identity.Virtual, Parent: "nobody"})
	})
	release()
	for _, j := range []*job{innocent, guilty} {
		if err := <-j.done; !errors.Is(err, identity.ErrUnavailable) {
			t.Errorf("got error %v, want ErrUnavailable", err)
		}
	}
	if exists(t, s, "a") || exists(t, s, "b") {
		t.Error("something was written")
	}
	if err := s.Apply(t.Context(), retirement("a")); err != nil {
		t.Errorf("the next write: %v", err)
	}
}

// breaksOff fills SQLite's disk, and ends PostgreSQL's process for the connection.
func breaksOff(t *testing.T, s *Store) {
	release := held(t, s)
	before := queueChange(t, s, "a")
	full := queue(t, s, func(c *session) error {
		if isPostgres(placeOf(s)) {
			_, err := c.exec("SELECT pg_terminate_backend(pg_backend_pid())")
			return err
		}
		if _, err := c.exec("PRAGMA max_page_count = 1"); err != nil { // the file stays as large as it is
			return err
		}
		_, err := c.exec(`INSERT INTO secret (name, sealed, version) VALUES ('large', $1, 1)`, make([]byte, 1<<20))
		return err
	})
	after := queueChange(t, s, "b")
	release()
	if err := <-full.done; !errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	for id, j := range map[string]*job{"a": before, "b": after} {
		err := <-j.done
		if err != nil && !errors.Is(err, identity.ErrUnavailable) {
			t.Errorf("%s: got error %v, want ErrUnavailable or none", id, err)
		}
		if exists(t, s, id) != (err == nil) {
			t.Errorf("%s exists: %v, and the caller heard %v", id, exists(t, s, id), err)
		}
	}
}

func givesUp(t *testing.T, s *Store) {
	release := held(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	result := make(chan error)
	go func() { result <- s.Apply(ctx, retirement("a")) }()
	cancel()
	err := <-result
	if !errors.Is(err, identity.ErrUnavailable) || !errors.Is(err, context.Canceled) {
		t.Errorf("got error %v, want ErrUnavailable because of the context", err)
	}
	release()
	if err := s.Apply(t.Context(), retirement("b")); err != nil {
		t.Error(err)
	}
	if exists(t, s, "a") {
		t.Error("the write was made all the same")
	}
}

func tooLate(t *testing.T, s *Store) {
	ctx, cancel := context.WithCancel(t.Context())
	busy, free, result := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		result <- s.writer.write(ctx, func(c *session) error {
			close(busy)
			<-free
			return apply(c, retirement("a"), time.Unix(1, 0))
		})
	}()
	<-busy
	cancel()
	close(free)
	if err := <-result; err != nil || !exists(t, s, "a") {
		t.Errorf("got error %v, want the outcome", err)
	}
}

// openImpatient opens facts whose writes don't wait for others.
func openImpatient(t *testing.T, place string) *Store {
	t.Helper()
	var s *Store
	var err error
	if isPostgres(place) {
		s, err = openPostgres(t.Context(), place, Options{}, time.Millisecond, time.Hour)
	} else {
		s, err = open(t.Context(), place, Options{}, time.Millisecond)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func otherProcess(t *testing.T, s *Store) {
	impatient := openImpatient(t, placeOf(s))
	other := run(t, placeOf(s), s.dialect.beginWrite...)
	if err := impatient.Apply(t.Context(), retirement("a")); !errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("got error %v, want ErrUnavailable", err)
	}
	patient := make(chan error)
	go func() { patient <- s.Apply(t.Context(), retirement("b")) }()
	if exists(t, s, "b") {
		t.Error("a write didn't wait for its turn")
	}
	if _, err := other.ExecContext(t.Context(), "COMMIT"); err != nil {
		t.Fatal(err)
	}
	if err := <-patient; err != nil {
		t.Error(err)
	}
	if err := impatient.Apply(t.Context(), retirement("a")); err != nil {
		t.Errorf("once the other process has ended: %v", err)
	}
}

func closeDrains(t *testing.T, s *Store) {
	var mu sync.Mutex
	var wg sync.WaitGroup
	written := map[string]bool{}
	started := make(chan struct{}, 100+8)
	for w := range 8 {
		wg.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", w, i)
				err := s.Apply(context.Background(), retirement(id))
				if err != nil {
					started <- struct{}{} // or the test would wait for ever if nothing can be written
					if !errors.Is(err, identity.ErrUnavailable) || !strings.Contains(err.Error(), errClosed.Error()) {
						t.Errorf("got error %v, want ErrUnavailable", err)
					}
					return
				}
				mu.Lock()
				written[id] = true
				mu.Unlock()
				if len(started) < 90 {
					started <- struct{}{}
				}
			}
		})
	}
	<-started
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	wg.Wait()
	if err := s.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
	again := openAt(t, placeOf(s))
	events, err := again.Events(t.Context(), "shop", 0, 1<<20)
	if err != nil || len(events) != len(written) {
		t.Errorf("got %d events, %v; want %d", len(events), err, len(written))
	}
	for _, e := range events {
		if !written[e.New] {
			t.Errorf("%s was written and its caller not told", e.New)
		}
	}
}
