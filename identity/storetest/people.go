package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// unlinked: what is known of those who have no unionid, or had another one.
func (h Harness) unlinked(t *testing.T) {
	h.promise(t, "Guest is the user row of the guest issued for this openid; zero if there is none", func(t *testing.T, s identity.Store) {
		c := change()
		c.Openids = []identity.OpenidRow{{Openid: openid("o1"), Guest: "v1", Issued: t0}}
		apply(t, s, c)
		equal(t, "guest", load(t, s, query("o1", "", "")).Guest, identity.User{})
		blocked := virtual("v1")
		blocked.BlockedAt = t0
		apply(t, s, change(blocked))
		equal(t, "guest", load(t, s, query("o1", "", "")).Guest, at(blocked, 1))
	})
	h.promise(t, "Guest is that of the Browser asked for, where there is no openid", func(t *testing.T, s identity.Store) {
		apply(t, s, change(virtual("v1")))
		q := query("", "", "")
		q.Browser = "v1"
		equal(t, "guest", load(t, s, q).Guest, at(virtual("v1"), 1))
		q.Browser = "v2"
		equal(t, "stranger", load(t, s, q).Guest, identity.User{})
	})
	h.promise(t, "Since, Hint and BlockedAt come back as they were written", func(t *testing.T, s identity.Store) {
		row := identity.OpenidRow{Openid: openid("o1"), Since: t0, Hint: "h1"}
		u := named("r1")
		u.BlockedAt = t0
		c := change(u)
		c.Openids = []identity.OpenidRow{row}
		apply(t, s, c)
		row.Version = 1
		equal(t, "openid", load(t, s, query("o1", "", "")).Openid, row)
		equal(t, "user", user(t, s, "r1"), at(u, 1))
		u.BlockedAt, u.Version = time.Time{}, 1
		apply(t, s, change(u))
		equal(t, "unblocked", user(t, s, "r1"), at(u, 2))
	})
	h.promise(t, "Hint is where the hint of the openid leads to; zero if nobody has that id yet", func(t *testing.T, s identity.Store) {
		c := linked("o2", "n2", named("r2"))
		c.Users = append(c.Users, retired(named("r1"), "r2", t0))
		c.Openids = append(c.Openids, identity.OpenidRow{Openid: openid("o1"), Hint: "r1"}, identity.OpenidRow{Openid: openid("o3"), Hint: "r9"})
		apply(t, s, c)
		known := load(t, s, query("o1", "", ""))
		equal(t, "hint", known.Hint, at(named("r2"), 1))
		if len(known.HintServes) != 1 || known.HintServes[0].Unionid != unionid("n2") {
			t.Errorf("serves %+v", known.HintServes)
		}
		equal(t, "nobody", load(t, s, query("o3", "", "")).Hint, identity.User{})
	})
	h.promise(t, "Hint is found for an openid that has a unionid too", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", virtual("v1"))
		c.Users = append(c.Users, named("r2"))
		c.Openids[0].Hint = "r2"
		apply(t, s, c)
		known := load(t, s, query("o1", "", ""))
		equal(t, "hint", known.Hint.ID, "r2")
		equal(t, "user", known.UnionUser.ID, "v1")
	})
	h.promise(t, "Hint is whom the unionid on record in another subject than the claimed one leads to", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		q := query("o1", "n9", "")
		q.Subject = "open2"
		known := load(t, s, q)
		equal(t, "hint", known.Hint, at(virtual("v1"), 1))
		if len(known.HintServes) != 1 {
			t.Errorf("serves %+v", known.HintServes)
		}
		q.UnionID = ""
		equal(t, "without a claim", load(t, s, q).Hint, identity.User{})
	})
	h.promise(t, "UnionServes is what else the user of the unionid serves, in this subject and others, if he is virtual", h.unionServes)
	h.promise(t, "a user serves one unionid of a subject in each slot", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")))
		second := identity.UnionRow{Unionid: unionid("n2"), User: "r1"}
		wantConflict(t, s.Apply(t.Context(), identity.Change{Realm: realm, At: t0, Unions: []identity.UnionRow{second}}))
		second.Slot = 1
		apply(t, s, identity.Change{Realm: realm, At: t0, Unions: []identity.UnionRow{second}})
		second.Version, second.Epoch = 1, 4
		apply(t, s, identity.Change{Realm: realm, At: t0, Unions: []identity.UnionRow{second}})
		second.Version = 2
		equal(t, "union", load(t, s, query("o9", "n2", "")).Union, second)
		equal(t, "serves", len(load(t, s, query("o9", "", "r1")).GivenServes), 2)
	})
}

func (h Harness) unionServes(t *testing.T, s identity.Store) {
	c := linked("o1", "n1", virtual("v1"))
	other := identity.UnionRow{Unionid: identity.Unionid{Subject: "open2", UnionID: "n9"}, User: "v1"}
	c.Unions = append(c.Unions, other, identity.UnionRow{Unionid: unionid("n2"), User: "v1", Slot: 1})
	apply(t, s, c)
	for name, q := range map[string]identity.Query{
		"for his openid":               query("o1", "", ""),
		"for his openid, told again":   query("o1", "n1", ""),
		"for another openid":           query("o2", "n1", ""),
		"for his openid, with a guest": query("o1", "", "v8"),
	} {
		found := 0
		for _, row := range load(t, s, q).UnionServes {
			if row.User != "v1" || row.Version != 1 {
				t.Errorf("%s: %+v", name, row)
			}
			if row.Unionid != unionid("n1") {
				found++
			}
		}
		equal(t, name, found, 2)
	}
}

// people: all that is known of a user, and of all openids.
func (h Harness) people(t *testing.T) {
	ask := func(t *testing.T, s identity.Store, id string) identity.UserFacts {
		t.Helper()
		facts, err := s.User(t.Context(), realm, id, markOf(identity.MarkUser, id))
		if err != nil {
			t.Fatal(err)
		}
		return facts
	}
	h.promise(t, "User returns all that is known of a user", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users, retired(virtual("v1"), "v2", t0), retired(virtual("v2"), "r1", t0.Add(time.Minute)))
		c.Openids = append(c.Openids, identity.OpenidRow{Openid: openid("o2"), Unionid: unionid("n1")}, identity.OpenidRow{Openid: openid("o3"), Unionid: unionid("n3")})
		c.Unions = append(c.Unions, identity.UnionRow{Unionid: identity.Unionid{Subject: "open2", UnionID: "n9"}, User: "r1"})
		c.Logins = []identity.LoginRow{login("s1", "o7", "r1"), login("s2", "o8", "r1")}
		apply(t, s, c)
		for _, id := range []string{"r1", "v1"} {
			f := ask(t, s, id)
			equal(t, "given", f.Given.ID, id)
			equal(t, "root", f.Root, at(named("r1"), 1))
			equal(t, "unions", len(f.Unions), 2)
			equal(t, "openids", len(f.Openids), 2)
			equal(t, "logins", f.Logins, 2)
			if len(f.Retired) != 2 || f.Retired[0].ID != "v2" || f.Retired[1].ID != "v1" {
				t.Errorf("retired %+v", f.Retired)
			}
		}
	})
	h.promise(t, "a guest without a row is filled in, with his openid", func(t *testing.T, s identity.Store) {
		c := change()
		c.Openids = []identity.OpenidRow{{Openid: openid("o1"), Guest: "v1", Issued: t0}}
		apply(t, s, c)
		f := ask(t, s, "v1")
		equal(t, "root", f.Root, identity.User{ID: "v1", Kind: identity.Virtual, Born: t0, Home: openid("o1")})
		equal(t, "openids", len(f.Openids), 1)
		equal(t, "given", f.Given, f.Root)
	})
	h.promise(t, "Given and Root are zero if nobody knows the id; Gone says that it was erased", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", named("r1")), erase(erasure(), t0))
		f := ask(t, s, "r1")
		equal(t, "given", f.Given, identity.User{})
		equal(t, "gone", f.Gone, true)
		equal(t, "a stranger is gone", ask(t, s, "r9").Gone, false)
	})
	h.promise(t, "Openids returns at most limit openids of a realm in the order of account and openid, after the one given", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Openids = append(c.Openids,
			identity.OpenidRow{Openid: identity.Openid{AppID: "wx0", OpenID: "z"}, Guest: "v1", Issued: t0, Hint: "h"},
			identity.OpenidRow{Openid: openid("o11")}, identity.OpenidRow{Openid: openid("o2"), Unionid: unionid("n1")}, identity.OpenidRow{Openid: identity.Openid{AppID: "wx10", OpenID: "a"}})
		apply(t, s, c)
		other := linked("o1", "n1", named("r1"))
		other.Realm = "other"
		apply(t, s, other)
		var got []string
		var after identity.Openid
		for range 9 {
			rows, err := s.Openids(t.Context(), realm, after, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(rows) == 0 {
				break
			}
			for _, o := range rows {
				got = append(got, fmt.Sprintf("%s/%s=%s", o.AppID, o.OpenID, o.User.ID))
				after = o.Openid
			}
		}
		equal(t, "openids", fmt.Sprint(got), "[wx0/z= wx1/o1=r1 wx1/o11= wx1/o2=r1 wx10/a=]")
	})
	h.promise(t, "Resubject changes what is recorded of an account, ErrConflict if it isn't the former", func(t *testing.T, s identity.Store) {
		wantConflict(t, s.Resubject(t.Context(), "wx1", "open1", "open2"))
		if _, err := s.Subject(t.Context(), "wx1", "open1"); err != nil {
			t.Fatal(err)
		}
		wantConflict(t, s.Resubject(t.Context(), "wx1", "open3", "open2"))
		if err := s.Resubject(t.Context(), "wx1", "open1", "open2"); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Subject(t.Context(), "wx1", "open9"); got != "open2" || err != nil {
			t.Errorf("recorded is %s, %v", got, err)
		}
	})
}
