package outbox_test

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// TestRelay_nobody holds events without an old or a new id to the rule that an empty id
// is no user: they wait for nobody, and nobody for them.
func TestRelay_nobody(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, on engine) {
		f, c, r, target := one(t, on)
		refuse := func(ids ...string) {
			c.answers(func(e received, w http.ResponseWriter) {
				if slices.Contains(ids, e.ID) {
					w.WriteHeader(http.StatusInternalServerError)
				}
			})
		}
		happen := func(events ...identity.Event) {
			for _, e := range events {
				f.happens(e)
			}
			if _, err := r.Step(t.Context(), target); err != nil {
				t.Fatal(err)
			}
		}
		want := func(when string, ids ...string) {
			t.Helper()
			var got []string
			c.mu.Lock()
			for _, e := range c.taken {
				got = append(got, e.ID)
			}
			c.mu.Unlock()
			slices.Sort(got)
			if !slices.Equal(got, ids) {
				t.Errorf("%s %v were taken, want %v", when, got, ids)
			}
		}
		conflict := func(id, user string) identity.Event {
			return identity.Event{ID: id, Type: identity.EventConflict, New: user}
		}
		happen(conflict("0", "u0"))
		drain(t, r, target) // the first step takes the lease only
		refuse("a")
		happen(conflict("a", "u1"), conflict("b", "u2"), identity.Event{ID: "c", Type: identity.EventBlocked, Old: "u3"})
		want("beside one that fails", "0", "b", "c")
		refuse("a", "d")
		happen(conflict("d", "u4"), identity.Event{ID: "e", Type: identity.EventBlocked, Old: "u5"}, conflict("f", "u1"))
		want("behind one that is parked", "0", "b", "c", "e")
		refuse("a")
		f.clock.advance(2 * time.Second)
		drain(t, r, target)
		want("when the time has come", "0", "b", "c", "d", "e")
	})
}
