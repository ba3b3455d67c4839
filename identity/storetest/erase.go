package storetest

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// markOf is a digest as the tests see it: what it is of, in clear.
func markOf(kind identity.MarkKind, parts ...string) string {
	digest := string(kind)
	for _, p := range parts {
		digest += "/" + p
	}
	return digest
}

// erasure takes r1 away, to whom n1 leads, o1 and what was retired into him.
func erasure(retired ...string) *identity.Erasure {
	e := &identity.Erasure{
		Users: append([]string{"r1"}, retired...), Openids: []identity.Openid{openid("o1")}, Unions: []identity.Unionid{unionid("n1")},
		Marks: []identity.Tombstone{{Mark: markOf(identity.MarkOpenid, appID, "o1"), Gen: 3}, {Mark: markOf(identity.MarkUnionid, subject, "n1"), Gen: 2}},
	}
	for _, id := range e.Users {
		e.Marks = append(e.Marks, identity.Tombstone{Mark: markOf(identity.MarkUser, id)})
		e.Salts = append(e.Salts, markOf(identity.MarkUser, id))
	}
	return e
}

func erase(e *identity.Erasure, at time.Time) identity.Change {
	return identity.Change{Realm: realm, At: at, Erase: e}
}

// loadMarked asks as a [identity.Centre] does.
func loadMarked(t *testing.T, s identity.Store, o, n, user string) identity.Known {
	t.Helper()
	q := query(o, n, user)
	q.Mark = markOf
	return load(t, s, q)
}

func (h Harness) erase(t *testing.T) {
	at := t0.Add(time.Hour)
	person := func() identity.Change {
		c := linked("o1", "n1", named("r1"))
		c.Users = append(c.Users, retired(virtual("v1"), "v2", t0), retired(virtual("v2"), "r1", t0))
		return c
	}
	h.promise(t, "Erase takes everything away, and of an erased row Gen, Epoch and Since go on", func(t *testing.T, s identity.Store) {
		apply(t, s, person(), linked("o2", "n2", named("r2")), erase(erasure("v1", "v2"), at))
		known := loadMarked(t, s, "o1", "n1", "v1")
		equal(t, "openid", known.Openid, identity.OpenidRow{Openid: openid("o1"), Gen: 3, Since: at})
		equal(t, "union", known.Union, identity.UnionRow{Unionid: unionid("n1"), Epoch: 2})
		equal(t, "given", known.Given, identity.User{})
		for id, gone := range map[string]bool{"r1": true, "v1": true, "v2": true, "r2": false, "r9": false} {
			equal(t, id+" is gone", loadMarked(t, s, "o1", "", id).GivenGone, gone)
		}
		equal(t, "others stay", loadMarked(t, s, "o2", "n2", "").UnionUser.ID, "r2")
	})
	h.promise(t, "GuestGone says that the Browser asked for was erased", func(t *testing.T, s identity.Store) {
		apply(t, s, person(), erase(erasure("v1", "v2"), at))
		q := query("", "", "")
		for browser, gone := range map[string]bool{"v1": true, "v9": false} {
			q.Mark, q.Browser = markOf, browser
			equal(t, browser, load(t, s, q).GuestGone, gone)
		}
	})
	h.promise(t, "an erased row may be written anew, at Version 0", func(t *testing.T, s identity.Store) {
		apply(t, s, person(), erase(erasure("v1", "v2"), at))
		apply(t, s, linked("o1", "n1", named("r3")))
		known := loadMarked(t, s, "o1", "", "")
		equal(t, "user", known.UnionUser.ID, "r3")
		equal(t, "since", known.Openid.Since, time.Time{}) // the row speaks for itself now
	})
	h.promise(t, "erased again, the later tombstone counts", func(t *testing.T, s identity.Store) {
		apply(t, s, person(), erase(erasure("v1", "v2"), at), linked("o1", "n1", named("r1")))
		e := erasure()
		e.Marks[0].Gen, e.Marks[1].Gen = 7, 8
		apply(t, s, erase(e, at.Add(time.Hour)))
		known := loadMarked(t, s, "o1", "n1", "")
		equal(t, "gen", known.Openid.Gen, 7)
		equal(t, "epoch", known.Union.Epoch, 8)
		equal(t, "since", known.Openid.Since, at.Add(time.Hour))
	})
	h.promise(t, "Erase is carried out before everything else", func(t *testing.T, s identity.Store) {
		apply(t, s, person())
		c := linked("o1", "n1", named("r4"))
		c.Erase = erasure("v1", "v2")
		apply(t, s, c)
		equal(t, "user", load(t, s, query("o1", "", "")).UnionUser.ID, "r4")
	})
	h.promise(t, "with a person go his logins, moves and hints, and what is listed of him", func(t *testing.T, s identity.Store) {
		apply(t, s, person(), linked("o2", "n2", named("r2")))
		hinted := identity.OpenidRow{Openid: openid("o3"), Hint: "r1"}
		mine := &identity.RebindRow{ID: "m1", User: "r1", Unionid: unionid("n2"), Openid: openid("o2"), State: identity.RebindWaiting, Asked: t0, Due: at}
		to := &identity.RebindRow{ID: "m2", User: "r2", Unionid: unionid("n1"), Openid: openid("o1"), State: identity.RebindWaiting, Asked: t0, Due: at}
		apply(t, s,
			identity.Change{Realm: realm, At: t0, Rebind: mine, Openids: []identity.OpenidRow{hinted}},
			identity.Change{Realm: realm, At: t0, Rebind: to, Logins: []identity.LoginRow{login("s1", "o9", "r1"), login("s2", "o1", "r2"), login("s3", "o9", "r2")}})
		for i, c := range []identity.ConflictRow{
			{Openid: openid("o2"), User: "r1", Got: "a"},
			{Openid: openid("o2"), User: "r2", Have: "r1", Got: "b"},
			{Openid: openid("o2"), User: "r2", Got: "v1"},
			{Openid: openid("o2"), User: "r2", Have: "n1", Got: "d"},
			{Openid: openid("o2"), Have: "n2", Got: "n1"},
			{Openid: openid("o1"), Have: "n2", Got: "e"},
			{Openid: openid("o2"), User: "r2", Have: "r3", Got: "f"},
		} {
			c.Realm, c.Code, c.Subject, c.At = realm, string(rune('a'+i)), subject, t0
			apply(t, s, identity.Change{Realm: realm, At: t0, Conflict: &c})
		}
		apply(t, s, erase(erasure("v1", "v2"), at))
		wantLogin(t, s, "s1", "")
		wantLogin(t, s, "s2", "")
		wantLogin(t, s, "s3", "r2")
		rows, err := s.Rebinds(t.Context(), realm, identity.RebindWaiting, "", 9)
		if err != nil || len(rows) > 0 {
			t.Errorf("moves %v, %v", rows, err)
		}
		conflicts, err := s.Conflicts(t.Context(), realm, 0, 99)
		if err != nil || len(conflicts) != 1 || conflicts[0].Got != "f" {
			t.Errorf("conflicts %+v, %v", conflicts, err)
		}
		o := load(t, s, query("o3", "", "")).Openid
		equal(t, "hint", o.Hint, "")
		equal(t, "version", o.Version, 2)
	})
	h.promise(t, "the openid of a guest of his who was parted from him keeps nothing of that guest", func(t *testing.T, s identity.Store) {
		c := person()
		row := identity.OpenidRow{Openid: openid("o5"), Unionid: unionid("n5"), Guest: "v1", Issued: t0}
		c.Openids = append(c.Openids, row)
		apply(t, s, c, erase(erasure("v1", "v2"), at))
		row.Guest, row.Issued, row.Gen, row.Version = "", time.Time{}, 1, 2
		equal(t, "openid", load(t, s, query("o5", "", "")).Openid, row)
		known := loadMarked(t, s, "o9", "", "v1")
		equal(t, "given", known.Given, identity.User{})
		equal(t, "gone", known.GivenGone, true)
	})
	for why, more := range map[string]identity.Change{
		"another openid of his":  {Openids: []identity.OpenidRow{{Openid: openid("o7"), Unionid: unionid("n1")}}},
		"another unionid of his": {Unions: []identity.UnionRow{{Unionid: identity.Unionid{Subject: "open2", UnionID: "n7"}, User: "r1"}}},
		"another id of his":      {Users: []identity.User{retired(virtual("v7"), "r1", t0)}},
		"an id of an id of his":  {Users: []identity.User{retired(virtual("v7"), "v1", t0)}},
	} {
		h.promise(t, why+" that has come meanwhile is a conflict, and nothing is erased", func(t *testing.T, s identity.Store) {
			more.Realm, more.At = realm, t0
			apply(t, s, person(), more)
			wantConflict(t, s.Apply(t.Context(), erase(erasure("v1", "v2"), at)))
			known := loadMarked(t, s, "o1", "", "v1")
			equal(t, "user", known.UnionUser.ID, "r1")
			equal(t, "root", known.GivenRoot.ID, "r1")
			equal(t, "gone", known.GivenGone, false)
		})
	}
	for why, less := range map[string]func(e *identity.Erasure){
		"an openid": func(e *identity.Erasure) { e.Openids = append(e.Openids, openid("o7")) },
		"a unionid": func(e *identity.Erasure) { e.Unions = append(e.Unions, unionid("n7")) },
	} {
		h.promise(t, why+" that has gone meanwhile is a conflict", func(t *testing.T, s identity.Store) {
			apply(t, s, person())
			e := erasure("v1", "v2")
			less(e)
			wantConflict(t, s.Apply(t.Context(), erase(e, at)))
		})
	}
	h.promise(t, "a realm knows nothing of another's tombstones", func(t *testing.T, s identity.Store) {
		apply(t, s, person(), erase(erasure("v1", "v2"), at))
		q := query("o1", "n1", "v1")
		q.Realm, q.Mark = "other", markOf
		known := load(t, s, q)
		equal(t, "gen", known.Openid.Gen, 0)
		equal(t, "gone", known.GivenGone, false)
	})
}
