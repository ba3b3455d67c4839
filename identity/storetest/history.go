package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// history: random claims, one after the other, and the invariants after each.
// Every history has a realm of its own, so that one store serves them all.
func (h Harness) history(t *testing.T) {
	h.promise(t, "the invariants hold after every claim of a random history", func(t *testing.T, s identity.Store) {
		var n int
		rapid.Check(t, func(rt *rapid.T) {
			n++
			w := newWorld(t, fmt.Sprintf("realm-%d", n), s)
			draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "draw") }
			before, err := w.facts(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			for range rapid.IntRange(1, 9).Draw(rt, "claims") {
				c := w.claim(draw)
				if before, err = w.step(t.Context(), before, c); err != nil {
					rt.Fatalf("after the claim %+v: %v", c, err)
				}
			}
		})
	})
}

// world is a small realm: two people with two accounts each, two users of a
// business, two browsers without WeChat.
type world struct {
	realm   string
	centres []*identity.Centre // one for each store, on the same facts
	ticks   atomic.Int64
	start   int64    // the newest sequence for caches when the world began
	issued  sync.Map // the ids that were answered, and so may come back
}

func newWorld(t testing.TB, realm string, stores ...identity.Store) *world {
	w := &world{realm: realm}
	var err error
	if _, w.start, err = stores[0].Stale(t.Context(), -1, 0); err != nil {
		t.Fatal(err)
	}
	for _, s := range stores {
		w.centres = append(w.centres, &identity.Centre{
			Store:    s,
			GuestKey: func(realm string) ([]byte, error) { return []byte("the guest key of " + realm), nil },
			PrevFor:  time.Hour,
			// No two moments are equal, so that every guest has his own age.
			Now: func() time.Time { return t0.Add(time.Duration(w.ticks.Add(1)) * time.Second) },
		})
	}
	return w
}

// openids are the four openids of the world; the first two are one person's.
var openids = []identity.Openid{
	{AppID: "wx1", OpenID: "a1"}, {AppID: "wx2", OpenID: "b1"}, {AppID: "wx1", OpenID: "a2"}, {AppID: "wx2", OpenID: "b2"},
}

// unionids are those of the two people.
var unionids = []string{"n1", "n2"}

// ids are all user ids that can turn up in the world.
func (w *world) ids() []string {
	ids := []string{"r1", "r2", "c1", "c2"}
	key, _ := w.centres[0].GuestKey(w.realm)
	for _, o := range openids {
		ids = append(ids, identity.GuestID(key, o, 0))
	}
	return ids
}

// claim draws a claim: mostly what WeChat would say of the openid, sometimes
// another's unionid; any id that a browser may still carry, or a real user that
// a business names.
func (w *world) claim(draw func(n int) int) identity.Claim {
	who := draw(len(openids))
	c := identity.Claim{Realm: w.realm, Openid: openids[who], Bind: draw(4) == 0, Via: "history"}
	c.Subject = subject
	switch draw(8) {
	case 0, 1, 2:
	case 3:
		c.UnionID = unionids[1-who/2]
	default:
		c.UnionID = unionids[who/2]
	}
	switch draw(4) {
	case 0:
		c.User, c.UserKind = []string{"r1", "r2"}[draw(2)], identity.Real
	case 1, 2:
		ids := w.ids()[2:]
		id := ids[draw(len(ids))]
		// A browser can only carry a guest id that it was given before.
		if _, issued := w.issued.Load(id); issued || draw(2) == 0 && id[0] == 'c' {
			c.User, c.UserKind, c.UserBorn = id, identity.Virtual, t0.Add(5*time.Second)
		}
	}
	return c
}

// step resolves a claim, then again, and checks everything that must hold. It
// returns the facts afterwards.
func (w *world) step(ctx context.Context, before facts, c identity.Claim) (facts, error) {
	answer, err := w.centres[0].Resolve(ctx, c)
	w.issued.Store(answer.User.ID, true)
	after, e := w.facts(ctx)
	if e != nil {
		return after, e
	}
	if refused := (*identity.Conflict)(nil); errors.As(err, &refused) {
		now := after
		now.Conflicts, now.Refusals = before.Conflicts, before.Refusals // that it was tried may be written down
		if !reflect.DeepEqual(before, now) {
			return after, fmt.Errorf("I8: a conflict changes nothing: before %+v, after %+v", before, after)
		}
		return after, nil
	}
	if err != nil {
		return after, err
	}
	if err := after.check(); err != nil {
		return after, err
	}
	if err := after.since(before, c, answer); err != nil {
		return after, err
	}

	again, err := w.centres[0].Resolve(ctx, c)
	if err != nil || again.User.ID != answer.User.ID || again.UnionID != answer.UnionID {
		return after, fmt.Errorf("I9: repeating a call gives the same answer: first %+v, then %+v, %w", answer, again, err)
	}
	later, err := w.facts(ctx)
	if err == nil && !reflect.DeepEqual(after, later) {
		err = fmt.Errorf("I9: repeating a call writes nothing: before %+v, after %+v", after, later)
	}
	return later, err
}

// outranks is the order of docs/identity.md §3, written down a second time so
// that a mistake in the first is seen.
func outranks(u, v identity.User) bool {
	switch {
	case u.Kind != v.Kind:
		return u.Kind == identity.Real
	case !u.Born.Equal(v.Born):
		return u.Born.Before(v.Born)
	}
	return u.ID < v.ID
}
