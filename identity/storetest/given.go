package storetest

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// given: what is known of the user that a claim names.
func (h Harness) given(t *testing.T) {
	h.promise(t, "Given is the user named, and GivenRoot is Given itself while it is live", func(t *testing.T, s identity.Store) {
		u := virtual("v1")
		apply(t, s, change(u))
		u.Version = 1
		known := load(t, s, query("o1", "", "v1"))
		equal(t, "given", known.Given, u)
		equal(t, "root", known.GivenRoot, u)
	})
	h.promise(t, "Given and GivenRoot are zero if nobody knows the id", func(t *testing.T, s identity.Store) {
		known := load(t, s, query("o1", "n1", "v1"))
		equal(t, "given", known.Given, identity.User{})
		equal(t, "root", known.GivenRoot, identity.User{})
		equal(t, "home", known.GivenHome, identity.OpenidRow{})
	})
	h.promise(t, "GivenRoot is where the forward pointers end, however many they are", func(t *testing.T, s identity.Store) {
		users := []identity.User{retired(virtual("v1"), "v2", t0), retired(virtual("v2"), "v3", t0), retired(virtual("v3"), "r1", t0), named("r1")}
		apply(t, s, change(users...))
		for i := range users {
			users[i].Version = 1
			known := load(t, s, query("o1", "", users[i].ID))
			equal(t, "given", known.Given, users[i])
			equal(t, "root", known.GivenRoot.ID, "r1")
		}
	})
	h.promise(t, "a guest id that has no user row yet is filled in from its openid's row, with Version 0", func(t *testing.T, s identity.Store) {
		row := identity.OpenidRow{Openid: openid("o1"), Guest: "v1", Issued: t0, Gen: 2}
		apply(t, s, identity.Change{Realm: realm, At: t0, Openids: []identity.OpenidRow{row}})
		row.Version = 1
		known := load(t, s, query("o2", "", "v1"))
		want := identity.User{ID: "v1", Kind: identity.Virtual, Born: t0, Home: openid("o1")}
		equal(t, "given", known.Given, want)
		equal(t, "root", known.GivenRoot, want)
		equal(t, "home", known.GivenHome, row)
		equal(t, "serves", unionOf(known), "")
	})
	h.promise(t, "GivenServes is the unionid that GivenRoot serves in the claimed subject", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users, retired(virtual("v1"), "r1", t0))
		apply(t, s, c)
		equal(t, "of the user", unionOf(load(t, s, query("o1", "", "r1"))), "n1")
		equal(t, "of a retired id", unionOf(load(t, s, query("o1", "", "v1"))), "n1")
		equal(t, "for a stranger", unionOf(load(t, s, query("o2", "n2", "r1"))), "n1")
	})
	h.promise(t, "GivenServes is empty if GivenRoot serves nobody there", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")), change(virtual("v1")))
		equal(t, "a free user", len(load(t, s, query("o1", "n1", "v1")).GivenServes), 0)
		equal(t, "another subject", unionIn(load(t, s, query("o1", "n1", "r1")), "open2"), "")
	})
	h.promise(t, "a user may serve a unionid in each of several subjects", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")))
		second := identity.UnionRow{Unionid: identity.Unionid{Subject: "open2", UnionID: "n9"}, User: "r1"}
		apply(t, s, identity.Change{Realm: realm, At: t0, Unions: []identity.UnionRow{second}})
		known := load(t, s, query("o1", "", "r1"))
		equal(t, "first", unionOf(known), "n1")
		equal(t, "second", unionIn(known, "open2"), "n9")
	})
	h.promise(t, "GivenHome is the row of the openid that Given was derived from", func(t *testing.T, s identity.Store) {
		u := virtual("v1")
		u.Home = openid("o1")
		apply(t, s, linked("o1", "n1", u))
		want := identity.OpenidRow{Openid: openid("o1"), Unionid: unionid("n1"), Version: 1}
		equal(t, "seen from elsewhere", load(t, s, query("o2", "", "v1")).GivenHome, want)
		equal(t, "seen from home", load(t, s, query("o1", "", "v1")).GivenHome, want)
	})
	h.promise(t, "GivenHome is zero for an id that was derived from no openid", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")))
		equal(t, "home", load(t, s, query("o1", "", "r1")).GivenHome, identity.OpenidRow{})
	})
}

// prev: who was lately retired into the user of a unionid.
func (h Harness) prev(t *testing.T) {
	at := func(m int) time.Time { return t0.Add(time.Duration(m) * time.Minute) }
	h.promise(t, "Prev are ids retired, directly or through others, into UnionUser, the youngest retirement first", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users,
			retired(virtual("a"), "b", at(1)), retired(virtual("b"), "r1", at(3)), retired(virtual("c"), "r1", at(2)), virtual("free"))
		apply(t, s, c)
		wantPrev(t, s, t0, "b", "c", "a")
	})
	h.promise(t, "Prev goes back to PrevSince and no further", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users,
			retired(virtual("a"), "b", at(1)), retired(virtual("b"), "r1", at(3)), retired(virtual("c"), "r1", at(2)))
		apply(t, s, c)
		wantPrev(t, s, at(2), "b", "c")
		wantPrev(t, s, at(3), "b")
		wantPrev(t, s, at(3).Add(time.Microsecond))
	})
	h.promise(t, "Prev holds at most eight ids", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		for i, id := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
			c.Users = append(c.Users, retired(virtual(id), "r1", at(i)))
		}
		apply(t, s, c)
		wantPrev(t, s, t0, "j", "i", "h", "g", "f", "e", "d", "c")
	})
	h.promise(t, "UnionForeign says that a new unionid is on record in another open platform", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")))
		for app, of := range map[string]string{appID: subject, "wx2": "open2", "wx3": "wx3"} {
			if _, err := s.Subject(t.Context(), app, of); err != nil {
				t.Fatal(err)
			}
		}
		ask := func(o identity.Openid, n identity.Unionid) bool {
			return load(t, s, identity.Query{Realm: realm, Openid: o, Unionid: n, Foreign: true}).UnionForeign
		}
		there := identity.Openid{AppID: "wx2", OpenID: "p1"}
		equal(t, "of another", ask(there, identity.Unionid{Subject: "open2", UnionID: "n1"}), true)
		equal(t, "of nobody", ask(there, identity.Unionid{Subject: "open2", UnionID: "n2"}), false)
		equal(t, "of the same", ask(openid("o2"), unionid("n1")), false)
	})
	h.promise(t, "Prev is empty where nobody was retired", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")), linked("o2", "n2", named("r2")), change(retired(virtual("a"), "r2", t0)))
		wantPrev(t, s, t0)
	})
}

// wantPrev looks at who was retired into the user of n1 since then.
func wantPrev(t *testing.T, s identity.Store, since time.Time, want ...string) {
	t.Helper()
	q := query("o1", "n1", "")
	q.PrevSince = since
	got := load(t, s, q).Prev
	if len(got) != len(want) {
		t.Fatalf("got %v, want %v", got, want)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("got %v, want %v", got, want)
		}
	}
}
