package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// three writes three events of the realm, in two changes.
func three(t *testing.T, s identity.Store) {
	c := change(named("r1"), retired(virtual("v1"), "r1", t0), retired(virtual("v2"), "r1", t0))
	c.Events = []identity.Event{replaced("v1", "r1"), replaced("v2", "r1")}
	d := change(retired(virtual("v3"), "r1", t0))
	d.Events = []identity.Event{replaced("v3", "r1")}
	apply(t, s, c, d)
}

// events: what the lines of business hear.
func (h Harness) events(t *testing.T) {
	h.promise(t, "an event comes back as it was written, with a Seq", func(t *testing.T, s identity.Store) {
		three(t, s)
		want := replaced("v1", "r1")
		got := events(t, s, realm)[0]
		if got.Seq <= 0 {
			t.Errorf("got Seq %d, want a positive one", got.Seq)
		}
		want.Seq = got.Seq
		equal(t, "event", got, want)
	})
	h.promise(t, "events come in the order in which they were committed", func(t *testing.T, s identity.Store) {
		three(t, s)
		got := events(t, s, realm)
		for i, old := range []string{"v1", "v2", "v3"} {
			equal(t, "old", got[i].Old, old)
			if i > 0 && got[i].Seq <= got[i-1].Seq {
				t.Errorf("Seq %d follows %d", got[i].Seq, got[i-1].Seq)
			}
		}
	})
	h.promise(t, "Events returns at most limit events with Seq > after", func(t *testing.T, s identity.Store) {
		three(t, s)
		all := events(t, s, realm)
		var after int64
		for i := range all {
			page, err := s.Events(t.Context(), realm, after, 1)
			if err != nil || len(page) != 1 {
				t.Fatalf("got %v, %v; want one event", page, err)
			}
			equal(t, "event", page[0], all[i])
			after = page[0].Seq
		}
		rest, err := s.Events(t.Context(), realm, after, 10)
		if err != nil || len(rest) != 0 {
			t.Errorf("got %v, %v after the last one, want none", rest, err)
		}
	})
	h.promise(t, "a realm sees only its own events", func(t *testing.T, s identity.Store) {
		three(t, s)
		other := change(named("r1"), retired(virtual("v1"), "r1", t0))
		other.Realm = "other"
		e := replaced("v1", "r1")
		e.Realm = "other"
		other.Events = []identity.Event{e}
		apply(t, s, other)
		equal(t, "here", len(events(t, s, realm)), 3)
		equal(t, "there", len(events(t, s, "other")), 1)
		equal(t, "elsewhere", len(events(t, s, "third")), 0)
	})
	h.promise(t, "a reader that asks for Seq > last never misses an event", h.follow)
}

// follow reads events while many writers write them.
func (h Harness) follow(t *testing.T, s identity.Store) {
	const writers, each = 8, 12
	apply(t, s, change(named("r1")))
	for w := range writers {
		go func() {
			for i := range each {
				id := fmt.Sprintf("w%d-%d", w, i)
				c := change(retired(virtual(id), "r1", t0))
				c.Events = []identity.Event{replaced(id, "r1")}
				if err := s.Apply(t.Context(), c); err != nil {
					t.Errorf("applying: %v", err)
				}
			}
		}()
	}
	seen := map[string]bool{}
	var last int64
	for len(seen) < writers*each && !t.Failed() && t.Context().Err() == nil {
		page, err := s.Events(t.Context(), realm, last, 5)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			seen[e.Old] = true
			last = e.Seq
		}
		if len(page) == 0 && len(events(t, s, realm)) == writers*each && len(seen) < writers*each {
			// One may have been written between the two looks, so look once more.
			if page, _ = s.Events(t.Context(), realm, last, 1); len(page) == 0 {
				t.Fatalf("the reader has seen %d of %d events and gets no more", len(seen), writers*each)
			}
		}
	}
}

func conflict(o, got string) *identity.ConflictRow {
	return &identity.ConflictRow{
		Realm: realm, Code: identity.CodeUnionIDMismatch, Openid: openid(o), Subject: subject, Have: "n1", Got: got, At: t0,
	}
}

// conflicts: what a person has to look at.
func (h Harness) conflicts(t *testing.T) {
	list := func(t *testing.T, s identity.Store, after int64, limit int) []identity.ConflictRow {
		t.Helper()
		rows, err := s.Conflicts(t.Context(), realm, after, limit)
		if err != nil {
			t.Fatal(err)
		}
		return rows
	}
	h.promise(t, "a conflict comes back as it was written, with a Seq", func(t *testing.T, s identity.Store) {
		apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: conflict("o1", "n2")})
		got := list(t, s, 0, 10)
		if len(got) != 1 || got[0].Seq <= 0 {
			t.Fatalf("got %+v, want one with a positive Seq", got)
		}
		want := *conflict("o1", "n2")
		want.Seq = got[0].Seq
		equal(t, "conflict", got[0], want)
	})
	h.promise(t, "a conflict is listed once per realm, openid, code and claimed unionid", func(t *testing.T, s identity.Store) {
		code := conflict("o1", "n2")
		code.Code = identity.CodeUserTaken
		app := conflict("o1", "n2")
		app.AppID = "wx2"
		for range 2 {
			for _, c := range []*identity.ConflictRow{conflict("o1", "n2"), conflict("o1", "n3"), conflict("o2", "n2"), code, app} {
				apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: c})
			}
		}
		equal(t, "listed", len(list(t, s, 0, 100)), 5)
	})
	h.promise(t, "a conflict that is listed already doesn't stop the rest of the change", func(t *testing.T, s identity.Store) {
		apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: conflict("o1", "n2")})
		c := change(virtual("v1"))
		c.Conflict = conflict("o1", "n2")
		apply(t, s, c)
		equal(t, "user", user(t, s, "v1").Version, 1)
	})
	h.promise(t, "a conflict is dismissed and taken up again, each once, and not listed anew", func(t *testing.T, s identity.Store) {
		apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: conflict("o1", "n2")})
		open := list(t, s, 0, 1)[0]
		left := open
		left.Dismissed, left.DismissedBy, left.DismissedWhy = t0.Add(time.Hour), "staff:ming", "a test"
		for _, to := range []identity.ConflictRow{left, open} {
			wantConflict(t, s.Apply(t.Context(), identity.Change{Realm: "other", At: t0, Dismissal: &to}))
			apply(t, s, identity.Change{Realm: realm, At: t0, Dismissal: &to})
			wantConflict(t, s.Apply(t.Context(), identity.Change{Realm: realm, At: t0, Dismissal: &to}))
			apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: conflict("o1", "n2")})
			if rows := list(t, s, 0, 10); len(rows) != 1 {
				t.Errorf("listed are %+v", rows)
			} else {
				equal(t, "conflict", rows[0], to)
			}
		}
	})
	h.promise(t, "Conflicts returns at most limit conflicts of a realm with Seq > after, in order", func(t *testing.T, s identity.Store) {
		elsewhere := conflict("o1", "n2")
		elsewhere.Realm = "other"
		apply(t, s, identity.Change{Realm: "other", At: t0, Conflict: elsewhere})
		for _, got := range []string{"n2", "n3", "n4"} {
			apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: conflict("o1", got)})
		}
		var after int64
		for _, want := range []string{"n2", "n3", "n4"} {
			page := list(t, s, after, 1)
			if len(page) != 1 || page[0].Got != want {
				t.Fatalf("got %+v, want %s", page, want)
			}
			after = page[0].Seq
		}
		equal(t, "rest", len(list(t, s, after, 10)), 0)
	})
}
