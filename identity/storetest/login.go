package storetest

import (
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func login(session, o, user string) identity.LoginRow {
	return identity.LoginRow{Session: session, Openid: openid(o), User: user, Used: t0}
}

// loggedIn is a change that writes a real user and his login in a session.
func loggedIn(session, o, user string) identity.Change {
	c := change(named(user))
	c.Logins = []identity.LoginRow{login(session, o, user)}
	return c
}

func loadSession(t *testing.T, s identity.Store, o, session string) identity.Known {
	t.Helper()
	q := query(o, "", "")
	q.Session = session
	return load(t, s, q)
}

// wantLogin looks at who is logged in in a session; "" if nobody.
func wantLogin(t *testing.T, s identity.Store, session, want string) {
	t.Helper()
	known := loadSession(t, s, "nobody", session)
	equal(t, "login in "+session, known.Login.User, want)
	equal(t, "user of "+session, known.LoginUser.ID, want)
}

// logins: real users who are so in one session only.
func (h Harness) logins(t *testing.T) {
	h.promise(t, "Login is the login of the session asked for, LoginUser who stands for its user", func(t *testing.T, s identity.Store) {
		c := loggedIn("s1", "o1", "r1")
		c.Users[0] = retired(c.Users[0], "r2", t0)
		c.Users = append(c.Users, named("r2"))
		c.Unions = []identity.UnionRow{{Unionid: unionid("n1"), User: "r2"}}
		apply(t, s, c)
		known := loadSession(t, s, "o9", "s1")
		equal(t, "login", known.Login, login("s1", "o1", "r1"))
		equal(t, "user", known.LoginUser, at(named("r2"), 1))
		if len(known.LoginServes) != 1 || known.LoginServes[0].Unionid != unionid("n1") {
			t.Errorf("serves %+v", known.LoginServes)
		}
		equal(t, "another session", loadSession(t, s, "o1", "s2").Login, identity.LoginRow{})
		equal(t, "no session", loadSession(t, s, "o1", "").Login, identity.LoginRow{})
	})
	h.promise(t, "a login isn't looked for where the openid has a unionid on record", func(t *testing.T, s identity.Store) {
		apply(t, s, loggedIn("s1", "o1", "r1"), linked("o1", "n1", virtual("v1")))
		equal(t, "login", loadSession(t, s, "o1", "s1").Login, identity.LoginRow{})
	})
	h.promise(t, "Logins are inserted or replaced; those of EndLogins are taken away", func(t *testing.T, s identity.Store) {
		apply(t, s, loggedIn("s1", "o1", "r1"), loggedIn("s2", "o1", "r2"))
		apply(t, s, identity.Change{Realm: realm, At: t0, Logins: []identity.LoginRow{login("s1", "o2", "r2")}, EndLogins: []string{"s2", "s9"}})
		equal(t, "login", loadSession(t, s, "o1", "s1").Login, login("s1", "o2", "r2"))
		wantLogin(t, s, "s2", "")
	})
	h.promise(t, "a realm knows nothing of another's logins", func(t *testing.T, s identity.Store) {
		apply(t, s, loggedIn("s1", "o1", "r1"))
		q := query("o1", "", "")
		q.Realm, q.Session = "other", "s1"
		equal(t, "login", load(t, s, q).Login, identity.LoginRow{})
		apply(t, s, identity.Change{Realm: "other", At: t0, EndLogins: []string{"s1"}})
		wantLogin(t, s, "s1", "r1")
	})
	h.promise(t, "a login that came too late is not written", func(t *testing.T, s identity.Store) {
		apply(t, s, change(named("r1")))
		wantConflict(t, s.Apply(t.Context(), loggedIn("s1", "o1", "r1")))
		wantLogin(t, s, "s1", "")
	})
	h.promise(t, "CarryLogins gives the logins of a session to the one that takes its place, if they were made for this openid", func(t *testing.T, s identity.Store) {
		other := loggedIn("s1", "o1", "r3")
		other.Realm = "other"
		apply(t, s, loggedIn("s1", "o1", "r1"), other)
		later := t0.Add(time.Hour)
		if err := s.CarryLogins(t.Context(), "s1", "s2", openid("o2"), later); err != nil {
			t.Fatal(err)
		}
		wantLogin(t, s, "s2", "")
		for range 2 {
			if err := s.CarryLogins(t.Context(), "s1", "s2", openid("o1"), later); err != nil {
				t.Fatal(err)
			}
		}
		want := login("s2", "o1", "r1")
		want.Used = later
		equal(t, "login", loadSession(t, s, "o1", "s2").Login, want)
		q := query("o1", "", "")
		q.Realm, q.Session = "other", "s2"
		equal(t, "in the other realm", load(t, s, q).Login.User, "r3")
	})
	h.promise(t, "EndLogins takes the logins of a session away, of all realms", func(t *testing.T, s identity.Store) {
		other := loggedIn("s1", "o1", "r3")
		other.Realm = "other"
		apply(t, s, loggedIn("s1", "o1", "r1"), loggedIn("s2", "o1", "r2"), other)
		if err := s.EndLogins(t.Context(), "s1"); err != nil {
			t.Fatal(err)
		}
		wantLogin(t, s, "s1", "")
		wantLogin(t, s, "s2", "r2")
		q := query("o1", "", "")
		q.Realm, q.Session = "other", "s1"
		equal(t, "in the other realm", load(t, s, q).Login, identity.LoginRow{})
	})
	h.promise(t, "Sweep forgets logins unused for LoginLife, and no others", func(t *testing.T, s identity.Store) {
		apply(t, s, loggedIn("s1", "o1", "r1"))
		sweep(t, s, t0.Add(identity.LoginLife))
		wantLogin(t, s, "s1", "r1")
		sweep(t, s, t0.Add(identity.LoginLife+time.Microsecond))
		wantLogin(t, s, "s1", "")
	})
}

// moves: users who shall move to another WeChat account.
func (h Harness) moves(t *testing.T) {
	row := func(id, user string, due time.Duration) identity.RebindRow {
		return identity.RebindRow{
			ID: id, User: user, Unionid: unionid("n1"), Openid: openid("o1"), State: identity.RebindWaiting, Asked: t0, Due: t0.Add(due),
		}
	}
	put := func(t *testing.T, s identity.Store, rows ...identity.RebindRow) {
		t.Helper()
		for _, r := range rows {
			apply(t, s, identity.Change{Realm: realm, At: t0, Rebind: &r})
		}
	}
	list := func(t *testing.T, s identity.Store, state identity.RebindState, user string, limit int) (ids string) {
		t.Helper()
		rows, err := s.Rebinds(t.Context(), realm, state, user, limit)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range rows {
			ids += r.ID
		}
		return ids
	}
	h.promise(t, "Rebinds returns at most limit moves of a realm in a state, the earliest due first; with a user, only his", func(t *testing.T, s identity.Store) {
		put(t, s, row("b", "r1", 2*time.Hour), row("a", "r2", 3*time.Hour), row("c", "r1", time.Hour))
		equal(t, "all", list(t, s, identity.RebindWaiting, "", 9), "cba")
		equal(t, "two", list(t, s, identity.RebindWaiting, "", 2), "cb")
		equal(t, "of a user", list(t, s, identity.RebindWaiting, "r1", 9), "cb")
		equal(t, "done", list(t, s, identity.RebindDone, "", 9), "")
		rows, err := s.Rebinds(t.Context(), "other", identity.RebindWaiting, "", 9)
		if err != nil || len(rows) > 0 {
			t.Errorf("in another realm: %v, %v", rows, err)
		}
	})
	h.promise(t, "a move comes back as it was written, and is replaced at its version", func(t *testing.T, s identity.Store) {
		put(t, s, row("a", "r1", time.Hour))
		want := row("a", "r1", time.Hour)
		want.Version = 1
		rows, err := s.Rebinds(t.Context(), realm, identity.RebindWaiting, "", 9)
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		equal(t, "move", rows[0], want)
		want.State = identity.RebindCancelled
		put(t, s, want)
		equal(t, "waiting", list(t, s, identity.RebindWaiting, "", 9), "")
		equal(t, "cancelled", list(t, s, identity.RebindCancelled, "", 9), "a")
		wantConflict(t, s.Apply(t.Context(), identity.Change{Realm: realm, At: t0, Rebind: &want}))
		want.Version = 0
		wantConflict(t, s.Apply(t.Context(), identity.Change{Realm: realm, At: t0, Rebind: &want}))
	})
}
