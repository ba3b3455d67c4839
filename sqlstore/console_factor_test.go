package sqlstore

import (
	"bytes"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestConsoleFactor(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		nodes := []*Store{openAt(t, place), openAt(t, place)}
		s, ctx, now := nodes[0], t.Context(), time.UnixMicro(1_800_000_000_000_000).UTC()
		if _, err := s.PutConsoleStaff(ctx, console.Staff{Name: "ming", Role: console.Viewer, Password: "kept", Made: now}, console.Invitation{Hash: []byte("i"), Staff: "ming", Expires: now}); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"here", "there"} {
			if ok, err := s.PutConsoleSession(ctx, console.Session{ID: id, Hash: []byte(id), Staff: "ming", Made: now, Used: now}, "kept"); err != nil || !ok {
				t.Fatal(err)
			}
		}
		f := console.Factor{Staff: "ming", Sealed: []byte("sealed"), Step: 7}
		if put, err := s.PutConsoleFactor(ctx, f, [][]byte{[]byte("one"), []byte("two")}, "here"); err != nil || !put {
			t.Fatal(put, err)
		}
		if put, err := s.PutConsoleFactor(ctx, f, [][]byte{[]byte("three")}, "here"); err != nil || put {
			t.Errorf("a second one: %t %v", put, err)
		}
		if got, left, found, err := s.ConsoleFactor(ctx, "ming"); err != nil || !found || left != 2 || got.Step != 7 || !bytes.Equal(got.Sealed, f.Sealed) {
			t.Errorf("it is %+v with %d codes, %t %v", got, left, found, err)
		}
		if session, staff, _, err := s.ConsoleSession(ctx, []byte("here")); err != nil || !staff.Factor || session.ID != "here" {
			t.Errorf("his session is %+v of %+v, %v", session, staff, err)
		}
		if list, err := s.ConsoleSessions(ctx, "ming"); err != nil || len(list) != 1 {
			t.Errorf("he has %d sessions, %v", len(list), err)
		}
		spends(t, nodes)
		if err := s.ResealConsoleFactor(ctx, "ming", []byte("another"), []byte("lost")); err != nil {
			t.Fatal(err)
		}
		if err := s.ResealConsoleFactor(ctx, "ming", []byte("sealed"), []byte("anew")); err != nil {
			t.Fatal(err)
		}
		if all, err := s.ConsoleFactors(ctx); err != nil || len(all) != 1 || string(all[0].Sealed) != "anew" || all[0].Step != 8 {
			t.Errorf("all are %+v, %v", all, err)
		}
		if had, err := s.EndConsoleFactor(ctx, "ming"); err != nil || !had {
			t.Errorf("ending it: %t %v", had, err)
		}
		if had, err := s.EndConsoleFactor(ctx, "ming"); err != nil || had {
			t.Errorf("ending it again: %t %v", had, err)
		}
		if ok, err := s.SpendConsoleRecovery(ctx, "ming", []byte("two")); err != nil || ok {
			t.Errorf("a recovery code outlives it: %t %v", ok, err)
		}
	})
}

// spends has codes used by several at once, at several nodes: one of them gets it.
func spends(t *testing.T, nodes []*Store) {
	t.Helper()
	ctx := t.Context()
	for _, spend := range []func(*Store) (bool, error){
		func(s *Store) (bool, error) { return s.SpendConsoleStep(ctx, "ming", 8) },
		func(s *Store) (bool, error) { return s.SpendConsoleRecovery(ctx, "ming", []byte("one")) },
	} {
		var spent atomic.Int64
		var all sync.WaitGroup
		for i := range 10 {
			all.Go(func() {
				ok, err := spend(nodes[i%2])
				if err != nil {
					t.Error(err)
				}
				if ok {
					spent.Add(1)
				}
			})
		}
		all.Wait()
		if spent.Load() != 1 {
			t.Errorf("it is spent %d times", spent.Load())
		}
	}
	if ok, err := nodes[0].SpendConsoleStep(ctx, "ming", 7); err != nil || ok {
		t.Errorf("an older step: %t %v", ok, err)
	}
}
