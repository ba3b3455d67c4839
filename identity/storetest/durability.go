package storetest

import (
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// durability: what outlives the process. The loss of a process without warning is
// a matter of each store, and tested there.
func (h Harness) durability(t *testing.T) {
	h.promise(t, "what was acknowledged is there after reopening", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users, retired(virtual("v1"), "r1", t0))
		c.Events = []identity.Event{replaced("v1", "r1")}
		c.Stale = []string{"v1"}
		c.Conflict = conflict("o1", "n2")
		apply(t, s, c)
		put(t, s, identity.Secret{Name: "a", Sealed: []byte("one")})
		revoke(t, s, "s1", t0, t0.Add(time.Hour))
		if _, err := s.Subject(t.Context(), "wx1", "open1"); err != nil {
			t.Fatal(err)
		}
		before := look(t, s)

		s = h.Reopen(t, s)
		if after := look(t, s); !reflect.DeepEqual(before, after) {
			t.Errorf("got %+v, want %+v", after, before)
		}
		equal(t, "secret", string(secrets(t, s, "a")[0].Sealed), "one")
		wantRevoked(t, s, "s1", t0)
		if got, err := s.Subject(t.Context(), "wx1", "open2"); got != "open1" {
			t.Errorf("got subject %q, %v; want open1", got, err)
		}
	})
	h.promise(t, "sequences go on after reopening", func(t *testing.T, s identity.Store) {
		three(t, s)
		put(t, s, identity.Secret{Name: "a", Sealed: []byte{1}})
		last := events(t, s, realm)[2].Seq
		_, newest := stale(t, s, -1)
		sweep(t, s, time.Now().Add(2*time.Hour))

		s = h.Reopen(t, s)
		c := change(retired(virtual("v4"), "r1", t0))
		c.Events, c.Stale = []identity.Event{replaced("v4", "r1")}, []string{"v4"}
		apply(t, s, c)
		if got := events(t, s, realm)[3].Seq; got <= last {
			t.Errorf("event Seq %d follows %d", got, last)
		}
		_, got := stale(t, s, -1)
		equal(t, "sequence for caches", got, newest+1)
	})
}

// unavailable: what callers hear when the facts can't be reached.
func (h Harness) unavailable(t *testing.T) {
	h.promise(t, "a store that can't be reached answers with ErrUnavailable", func(t *testing.T, s identity.Store) {
		apply(t, s, change(virtual("v1")))
		h.Break(t, s)
		ctx := t.Context()
		errs := map[string]error{
			"Apply":     s.Apply(ctx, change(virtual("v2"))),
			"Revoke":    s.Revoke(ctx, identity.Revocation{Session: "s1", From: t0, Until: t0}),
			"PutSecret": s.PutSecret(ctx, identity.Secret{Name: "a", Sealed: []byte{1}}),
			"Sweep":     s.Sweep(ctx, t0),
		}
		_, errs["Load"] = s.Load(ctx, query("o1", "", ""))
		_, errs["Events"] = s.Events(ctx, realm, 0, 1)
		_, errs["Conflicts"] = s.Conflicts(ctx, realm, 0, 1)
		_, errs["Revoked"] = s.Revoked(ctx, "s1")
		_, errs["Cutoff"] = s.Cutoff(ctx, identity.CutoffAll, "", "")
		_, errs["Cutoffs"] = s.Cutoffs(ctx, realm, 0, 1)
		_, errs["Kept"] = s.Kept(ctx)
		_, _, errs["Stale"] = s.Stale(ctx, 0, 1)
		_, errs["Secrets"] = s.Secrets(ctx, "")
		_, errs["Subject"] = s.Subject(ctx, "wx1", "open1")
		for call, err := range errs {
			if !errors.Is(err, identity.ErrUnavailable) || errors.Is(err, identity.ErrConflict) {
				t.Errorf("%s: got error %v, want ErrUnavailable", call, err)
			}
		}
	})
}
