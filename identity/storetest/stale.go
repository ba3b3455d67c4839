package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// stale: what caches must forget.
func (h Harness) stale(t *testing.T) {
	h.promise(t, "each id in Change.Stale is an entry of its realm", func(t *testing.T, s identity.Store) {
		c := change(virtual("v1"))
		c.Stale = []string{"v1", "v2"}
		apply(t, s, c)
		got, newest := stale(t, s, 0)
		if len(got) != 2 {
			t.Fatalf("got %+v, want two entries", got)
		}
		equal(t, "first", got[0], identity.Stale{Seq: newest - 1, Kind: identity.StaleUser, Realm: realm, Key: "v1"})
		equal(t, "second", got[1], identity.Stale{Seq: newest, Kind: identity.StaleUser, Realm: realm, Key: "v2"})
	})
	h.promise(t, "a revoked session is an entry", func(t *testing.T, s identity.Store) {
		revoke(t, s, "s1", t0, t0.Add(time.Hour))
		got, newest := stale(t, s, 0)
		if len(got) != 1 {
			t.Fatalf("got %+v, want one entry", got)
		}
		equal(t, "entry", got[0], identity.Stale{Seq: newest, Kind: identity.StaleSession, Key: "s1"})
	})
	h.promise(t, "a secret that was put is an entry", func(t *testing.T, s identity.Store) {
		put(t, s, identity.Secret{Name: "key/1", Sealed: []byte{1}})
		got, newest := stale(t, s, 0)
		if len(got) != 1 {
			t.Fatalf("got %+v, want one entry", got)
		}
		equal(t, "entry", got[0], identity.Stale{Seq: newest, Kind: identity.StaleSecret, Key: "key/1"})
	})
	h.promise(t, "without any entry the newest sequence is 0", func(t *testing.T, s identity.Store) {
		got, newest := stale(t, s, 0)
		equal(t, "entries", len(got), 0)
		equal(t, "newest", newest, 0)
	})
	h.promise(t, "with after < 0 Stale returns only the newest sequence", func(t *testing.T, s identity.Store) {
		put(t, s, identity.Secret{Name: "a", Sealed: []byte{1}}, identity.Secret{Name: "b", Sealed: []byte{1}})
		got, newest := stale(t, s, -1)
		equal(t, "entries", len(got), 0)
		_, want := stale(t, s, 0)
		equal(t, "newest", newest, want)
	})
	h.promise(t, "at most limit entries are returned, and the newest sequence all the same", func(t *testing.T, s identity.Store) {
		for _, name := range []string{"a", "b", "c"} {
			put(t, s, identity.Secret{Name: name, Sealed: []byte{1}})
		}
		_, want := stale(t, s, -1)
		var after int64
		for _, name := range []string{"a", "b", "c"} {
			got, newest, err := s.Stale(t.Context(), after, 1)
			if err != nil || len(got) != 1 || got[0].Key != name || newest != want {
				t.Fatalf("got %+v, newest %d, %v; want %s and %d", got, newest, err, name, want)
			}
			after = got[0].Seq
		}
		equal(t, "the last is the newest", after, want)
	})
	h.promise(t, "Seq has no gaps, not even where a change was refused", func(t *testing.T, s identity.Store) {
		apply(t, s, change(virtual("v1")))
		for i := range 5 {
			c := change(virtual(fmt.Sprint("w", i)))
			c.Stale = []string{"v1"}
			apply(t, s, c)
			c = change(virtual("v1"))
			c.Stale = []string{"v1", "v1"}
			wantConflict(t, s.Apply(t.Context(), c))
		}
		got, newest := stale(t, s, 0)
		equal(t, "newest", newest, 5)
		for i, e := range got {
			equal(t, "seq", e.Seq, int64(i+1))
		}
	})
	h.promise(t, "Sweep forgets entries older than an hour and keeps the newest sequence", func(t *testing.T, s identity.Store) {
		put(t, s, identity.Secret{Name: "a", Sealed: []byte{1}})
		_, before := stale(t, s, -1)
		if err := s.Sweep(t.Context(), time.Now().Add(59*time.Minute)); err != nil {
			t.Fatal(err)
		}
		got, _ := stale(t, s, 0)
		equal(t, "entries within the hour", len(got), 1)
		if err := s.Sweep(t.Context(), time.Now().Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		got, after := stale(t, s, 0)
		equal(t, "entries", len(got), 0)
		equal(t, "newest", after, before)
		put(t, s, identity.Secret{Name: "b", Sealed: []byte{1}})
		_, next := stale(t, s, -1)
		equal(t, "the next sequence", next, before+1)
	})
}
