package storetest

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// apply: what a change writes.
func (h Harness) apply(t *testing.T) {
	h.promise(t, "Apply commits users, links and events together", func(t *testing.T, s identity.Store) {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users, retired(virtual("v1"), "r1", t0))
		c.Events = []identity.Event{replaced("v1", "r1")}
		c.Stale = []string{"v1", "r1"}
		c.Conflict = conflict("o1", "n9")
		apply(t, s, c)
		got := look(t, s)
		equal(t, "openid", got.openids["o1"].UnionID, "n1")
		equal(t, "union", got.unions["n1"].User, "r1")
		equal(t, "retired", got.users["v1"].Parent, "r1")
		equal(t, "events", len(got.events), 1)
		equal(t, "conflicts", len(got.conflicts), 1)
		equal(t, "stale", got.newest, 2)
	})
	h.promise(t, "Version counts the writes of a row", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		for v := int64(1); v < 4; v++ {
			known := load(t, s, query("o1", "n1", ""))
			equal(t, "openid", known.Openid.Version, v)
			equal(t, "union", known.Union.Version, v)
			equal(t, "user", known.UnionUser.Version, v)
			known.Openid.Gen++
			apply(t, s, identity.Change{
				Realm: realm, At: t0, Openids: []identity.OpenidRow{known.Openid}, Unions: []identity.UnionRow{known.Union}, Users: []identity.User{known.UnionUser},
			})
		}
	})
	h.promise(t, "a row is replaced as a whole at its version", func(t *testing.T, s identity.Store) {
		apply(t, s, identity.Change{Realm: realm, At: t0, Openids: []identity.OpenidRow{{Openid: openid("o1"), Guest: "v1", Issued: t0}}})
		row := identity.OpenidRow{Openid: openid("o1"), Unionid: unionid("n1"), Gen: 1, Guest: "v2", Issued: t0.Add(time.Hour), Version: 1}
		apply(t, s, identity.Change{Realm: realm, At: t0, Openids: []identity.OpenidRow{row}})
		row.Version = 2
		equal(t, "openid", load(t, s, query("o1", "", "")).Openid, row)
	})
	h.promise(t, "a unionid may be led to another user", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		old := user(t, s, "v1")
		c := change(retired(old, "r1", t0), named("r1"))
		c.Unions = []identity.UnionRow{{Unionid: unionid("n1"), User: "r1", Version: 1}}
		apply(t, s, c)
		known := load(t, s, query("o1", "", "v1"))
		equal(t, "union", known.Union, identity.UnionRow{Unionid: unionid("n1"), User: "r1", Version: 2})
		equal(t, "root", known.GivenRoot.ID, "r1")
		equal(t, "serves", unionOf(known), "n1")
	})
	h.promise(t, "nil leaves a row alone", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		before := look(t, s)
		apply(t, s, identity.Change{Realm: realm, At: t0})
		after := look(t, s)
		if !reflect.DeepEqual(before, after) {
			t.Errorf("got %+v, want %+v", after, before)
		}
	})
	h.promise(t, "all times are kept to the microsecond, in UTC", func(t *testing.T, s identity.Store) {
		east := time.FixedZone("east", 8*3600)
		fine := t0.Add(999 * time.Nanosecond)
		u := virtual("v1")
		u.Born = fine.In(east)
		o := identity.OpenidRow{Openid: openid("o1"), Guest: "g1", Issued: fine.In(east)}
		e := replaced("v2", "v1")
		e.At = fine.In(east)
		c := change(u, retired(virtual("v2"), "v1", fine.In(east)))
		c.Openids, c.Events = []identity.OpenidRow{o}, []identity.Event{e}
		apply(t, s, c)
		equal(t, "born", user(t, s, "v1").Born, t0)
		equal(t, "retired", user(t, s, "v2").RetiredAt, t0)
		equal(t, "issued", load(t, s, query("o1", "", "")).Openid.Issued, t0)
		equal(t, "event", events(t, s, realm)[0].At, t0)
	})
	h.promise(t, "a call whose context is over writes nothing", func(t *testing.T, s identity.Store) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Apply(ctx, change(virtual("v1"))); err == nil {
			t.Error("got no error")
		}
		equal(t, "user", user(t, s, "v1"), identity.User{})
	})
}

// picture is all that the tests ask of the facts, read through the contract.
type picture struct {
	openids   map[string]identity.OpenidRow
	unions    map[string]identity.UnionRow
	users     map[string]identity.User
	events    []identity.Event
	conflicts []identity.ConflictRow
	newest    int64
}

// look draws a picture of the rows that the tests of this package write.
func look(t *testing.T, s identity.Store) picture {
	t.Helper()
	p := picture{
		openids: map[string]identity.OpenidRow{}, unions: map[string]identity.UnionRow{}, users: map[string]identity.User{},
		events: events(t, s, realm),
	}
	for _, o := range []string{"o1", "o2", "o3"} {
		p.openids[o] = load(t, s, query(o, "", "")).Openid
	}
	for _, n := range []string{"n1", "n2", "n3"} {
		p.unions[n] = load(t, s, query("nobody", n, "")).Union
	}
	for _, u := range []string{"v1", "v2", "v3", "r1", "r2"} {
		p.users[u] = user(t, s, u)
	}
	var err error
	if p.conflicts, err = s.Conflicts(t.Context(), realm, 0, 1<<20); err != nil {
		t.Fatal(err)
	}
	_, p.newest = stale(t, s, -1)
	return p
}
