package storetest

import (
	"reflect"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// load: what is known of an openid and of the unionid that it leads to.
func (h Harness) load(t *testing.T) {
	h.promise(t, "a row that doesn't exist has Version 0 and its keys set", func(t *testing.T, s identity.Store) {
		got := load(t, s, query("o1", "n1", "u1"))
		want := identity.Known{
			Openid: identity.OpenidRow{Openid: openid("o1")},
			Union:  identity.UnionRow{Unionid: unionid("n1")},
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
	h.promise(t, "an openid comes back as it was written", func(t *testing.T, s identity.Store) {
		row := identity.OpenidRow{Openid: openid("o1"), Unionid: unionid("n1"), Gen: 3, Guest: "v1", Issued: t0}
		apply(t, s, identity.Change{Realm: realm, At: t0, Openids: []identity.OpenidRow{row}})
		row.Version = 1
		equal(t, "openid", load(t, s, query("o1", "", "")).Openid, row)
	})
	h.promise(t, "a unionid leads to its user, who comes back as he was written", func(t *testing.T, s identity.Store) {
		u := virtual("v1")
		u.Home = openid("o1")
		apply(t, s, linked("o1", "n1", u))
		u.Version = 1
		known := load(t, s, query("o1", "n1", ""))
		equal(t, "union", known.Union, identity.UnionRow{Unionid: unionid("n1"), User: "v1", Version: 1})
		equal(t, "user", known.UnionUser, u)
	})
	h.promise(t, "Union is the row of the unionid on record, though another one is claimed", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")), linked("o2", "n2", virtual("v2")))
		known := load(t, s, query("o1", "n2", ""))
		equal(t, "union", known.Union, identity.UnionRow{Unionid: unionid("n1"), User: "v1", Version: 1})
		equal(t, "user", known.UnionUser.ID, "v1")
	})
	h.promise(t, "if none is on record, Union is the row of the claimed unionid", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		known := load(t, s, query("o2", "n1", ""))
		equal(t, "openid", known.Openid, identity.OpenidRow{Openid: openid("o2")})
		equal(t, "union", known.Union, identity.UnionRow{Unionid: unionid("n1"), User: "v1", Version: 1})
	})
	h.promise(t, "a unionid on record in another subject doesn't count", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		q := query("o1", "n2", "")
		q.Subject = "open2"
		known := load(t, s, q)
		equal(t, "record", known.Openid.Unionid, unionid("n1"))
		equal(t, "union", known.Union, identity.UnionRow{Unionid: identity.Unionid{Subject: "open2", UnionID: "n2"}})
	})
	h.promise(t, "Union is zero if no unionid is on record or claimed", func(t *testing.T, s identity.Store) {
		apply(t, s, identity.Change{Realm: realm, At: t0, Openids: []identity.OpenidRow{{Openid: openid("o1"), Guest: "v1", Issued: t0}}})
		known := load(t, s, query("o1", "", ""))
		equal(t, "union", known.Union, identity.UnionRow{})
		equal(t, "user", known.UnionUser, identity.User{})
	})
	h.promise(t, "an openid means nothing without its account", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		q := query("o1", "", "")
		q.AppID = "wx2"
		equal(t, "version", load(t, s, q).Openid.Version, 0)
	})
	h.promise(t, "a realm knows nothing of another", func(t *testing.T, s identity.Store) {
		apply(t, s, linked("o1", "n1", virtual("v1")))
		q := query("o1", "n1", "v1")
		q.Realm = "other"
		known := load(t, s, q)
		equal(t, "openid", known.Openid.Version, 0)
		equal(t, "union", known.Union.Version, 0)
		equal(t, "given", known.Given, identity.User{})
	})
}
