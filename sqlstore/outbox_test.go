package sqlstore

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

var _ outbox.Store = (*Store)(nil) // what the gateway asks of a store when it starts

// retiredAt is a retirement at a moment. The heir is live, and new if his version is 0.
func retiredAt(old, heir string, oldVersion, heirVersion int64, at time.Time) identity.Change {
	c := identity.Change{
		Realm: "shop", At: at,
		Users: []identity.User{{ID: old, Kind: identity.Virtual, Born: at, Parent: heir, RetiredAt: at, Version: oldVersion}},
		Events: []identity.Event{{
			ID: old + ".first", Realm: "shop", Type: identity.EventReplaced, Phase: identity.PhaseFirst, Old: old, New: heir,
			Via: "h5", Cause: "E3", Subject: "acme", AppID: "wx1", At: at, Trace: "t-" + old,
		}},
	}
	if heirVersion == 0 {
		c.Users = append(c.Users, identity.User{ID: heir, Kind: identity.Virtual, Born: at})
	}
	return c
}

func applied(t *testing.T, s *Store, changes ...identity.Change) {
	t.Helper()
	for _, c := range changes {
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
}

// finals are the final events of the realm, in order.
func finals(t *testing.T, s *Store) (list []identity.Event) {
	t.Helper()
	all, err := s.Events(t.Context(), "shop", 0, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	for i, e := range all {
		if e.Seq != int64(i)+1 {
			t.Errorf("the event %s has the seq %d at place %d", e.ID, e.Seq, i+1)
		}
		if e.Phase == identity.PhaseFinal {
			list = append(list, e)
		}
	}
	return list
}

func finalise(t *testing.T, s *Store, before, now time.Time, limit int) bool {
	t.Helper()
	more, err := s.Finalise(t.Context(), "shop", before, now, limit)
	if err != nil {
		t.Fatal(err)
	}
	return more
}

func TestFinalise(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		t0 := time.Unix(1000, 0).UTC()
		t.Run("each retirement gets one final event when its time has come, with who stands for the old id by then", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			now := t0.Add(12 * time.Hour)
			applied(t, s, retiredAt("g", "w", 0, 0, t0), retiredAt("w", "y", 1, 0, t0.Add(time.Minute)), retiredAt("h", "y", 0, 1, t0.Add(time.Hour)))
			if finalise(t, s, t0, now, 10); len(finals(t, s)) != 0 {
				t.Error("one came too early")
			}
			if more := finalise(t, s, t0.Add(time.Hour), now, 10); more {
				t.Error("it says that there is more")
			}
			got := finals(t, s)
			if len(got) != 2 || got[0].Old != "g" || got[1].Old != "w" || got[0].New != "y" || got[1].New != "y" {
				t.Fatalf("the final events are %+v", got)
			}
			want := identity.Event{
				ID: "g.final", Realm: "shop", Seq: 4, Type: identity.EventReplaced, Phase: identity.PhaseFinal, Old: "g", New: "y",
				Via: "h5", Cause: "E3", Subject: "acme", AppID: "wx1", At: now, Trace: "t-g",
			}
			if got[0] != want {
				t.Errorf("got %+v, want %+v", got[0], want)
			}
			for range 3 {
				finalise(t, s, t0.Add(48*time.Hour), now, 10)
			}
			if got := finals(t, s); len(got) != 3 || got[2].Old != "h" {
				t.Errorf("the final events are %+v", got)
			}
		})
		t.Run("other events are passed over, also young ones", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			blocked := identity.Event{ID: "b1", Realm: "shop", Type: identity.EventBlocked, Old: "u", At: t0.Add(time.Hour)}
			applied(t, s, identity.Change{Realm: "shop", At: t0, Events: []identity.Event{blocked}}, retiredAt("g", "w", 0, 0, t0))
			if finalise(t, s, t0.Add(time.Second), t0, 10); len(finals(t, s)) != 1 {
				t.Errorf("the final events are %+v", finals(t, s))
			}
		})
		t.Run("who is forgotten stays as he was recorded", func(t *testing.T) {
			t.Parallel()
			s := openAt(t, fresh(t))
			lonely := retiredAt("g", "w", 0, 0, t0)
			lonely.Users = nil
			applied(t, s, lonely)
			finalise(t, s, t0.Add(time.Second), t0, 10)
			if got := finals(t, s); len(got) != 1 || got[0].New != "w" {
				t.Errorf("the final events are %+v", got)
			}
			line := outbox.Line{Realm: "shop", Name: "orders"}
			if err := s.Join(t.Context(), line, true); err != nil {
				t.Fatal(err)
			}
			if b, err := s.Pending(t.Context(), line, t0, 10); err != nil || len(b.Parcels) != 2 || b.Parcels[0].New != "w" {
				t.Errorf("pending are %+v, %v", b.Parcels, err)
			}
		})
		t.Run("several sweeps at once write each once", func(t *testing.T) {
			t.Parallel()
			place := fresh(t)
			s := openAt(t, place)
			for i := range 20 {
				applied(t, s, retiredAt(fmt.Sprint("g", i), fmt.Sprint("w", i), 0, 0, t0))
			}
			var sweeps sync.WaitGroup
			for range 4 {
				node := openAt(t, place)
				sweeps.Go(func() {
					for more := true; more; {
						var err error
						if more, err = node.Finalise(t.Context(), "shop", t0.Add(time.Hour), t0, 3); err != nil {
							t.Error(err)
						}
					}
				})
			}
			sweeps.Wait()
			if got := finals(t, s); len(got) != 20 {
				t.Errorf("%d final events", len(got))
			}
		})
	})
}
