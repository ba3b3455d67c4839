package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Harness is what the suite needs to know of a kind of store. What it opens, it
// also closes when the test ends.
type Harness struct {
	// Open returns a store without any facts.
	Open func(t *testing.T) identity.Store
	// Reopen closes a store and opens the same facts again.
	Reopen func(t *testing.T, s identity.Store) identity.Store
	// Second opens the facts of s a second time, as another process would.
	Second func(t *testing.T, s identity.Store) identity.Store
	// Break makes the facts of s unreachable for good.
	Break func(t *testing.T, s identity.Store)
}

// Run runs the suite. Its parts are independent of each other and run in parallel.
func Run(t *testing.T, h Harness) {
	t.Run("Load", h.load)
	t.Run("Given", h.given)
	t.Run("Prev", h.prev)
	t.Run("Unlinked", h.unlinked)
	t.Run("People", h.people)
	t.Run("Apply", h.apply)
	t.Run("ApplyConflict", h.applyConflict)
	t.Run("Events", h.events)
	t.Run("Conflicts", h.conflicts)
	t.Run("Stale", h.stale)
	t.Run("Secrets", h.secrets)
	t.Run("Sessions", h.sessions)
	t.Run("Cutoffs", h.cutoffs)
	t.Run("Logins", h.logins)
	t.Run("Moves", h.moves)
	t.Run("Erase", h.erase)
	t.Run("Audit", h.audits)
	t.Run("Subject", h.subject)
	t.Run("Durability", h.durability)
	t.Run("Unavailable", h.unavailable)
	t.Run("Race", h.race)
	t.Run("History", h.history)
}

// promise is one sentence of the contract, tried on fresh facts.
func (h Harness) promise(t *testing.T, sentence string, try func(t *testing.T, s identity.Store)) {
	t.Run(sentence, func(t *testing.T) {
		t.Parallel()
		try(t, h.Open(t))
	})
}

// The cast of most tests: one realm, one subject, one account.
const (
	realm   = "shop"
	subject = "open1"
	appID   = "wx1"
)

// t0 has a fraction that is lost where times are kept to less than a microsecond.
var t0 = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

func openid(id string) identity.Openid   { return identity.Openid{AppID: appID, OpenID: id} }
func unionid(id string) identity.Unionid { return identity.Unionid{Subject: subject, UnionID: id} }

func virtual(id string) identity.User {
	return identity.User{ID: id, Kind: identity.Virtual, Born: t0}
}

func named(id string) identity.User { return identity.User{ID: id, Kind: identity.Real, Born: t0} }

// retired is u as it is written when it is retired into parent.
func retired(u identity.User, parent string, at time.Time) identity.User {
	u.Parent, u.RetiredAt = parent, at
	return u
}

func replaced(old, by string) identity.Event {
	return identity.Event{
		ID: old + ".first", Realm: realm, Type: identity.EventReplaced, Old: old, New: by,
		Via: "web_login", Cause: "D", Subject: subject, AppID: appID, At: t0, Trace: "trace-" + old,
	}
}

// change is a change of the realm that writes users.
func change(users ...identity.User) identity.Change {
	return identity.Change{Realm: realm, At: t0, Users: users}
}

// linked is a change that writes a user, a unionid that leads to it and an openid
// on record with that unionid.
func linked(o, n string, u identity.User) identity.Change {
	c := change(u)
	c.Openids = []identity.OpenidRow{{Openid: openid(o), Unionid: unionid(n)}}
	c.Unions = []identity.UnionRow{{Unionid: unionid(n), User: u.ID}}
	return c
}

func apply(t *testing.T, s identity.Store, changes ...identity.Change) {
	t.Helper()
	for _, c := range changes {
		if err := s.Apply(t.Context(), c); err != nil {
			t.Fatalf("applying: %v", err)
		}
	}
}

// query asks for an openid, a claimed unionid and a user; the latter two may be
// empty.
func query(o, n, user string) identity.Query {
	return identity.Query{Realm: realm, Openid: openid(o), Unionid: unionid(n), User: user, PrevSince: t0.Add(-time.Hour)}
}

func load(t *testing.T, s identity.Store, q identity.Query) identity.Known {
	t.Helper()
	known, err := s.Load(t.Context(), q)
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	return known
}

// user reads a user as it is on record.
func user(t *testing.T, s identity.Store, id string) identity.User {
	t.Helper()
	return load(t, s, query("nobody", "", id)).Given
}

func events(t *testing.T, s identity.Store, realm string) []identity.Event {
	t.Helper()
	all, err := s.Events(t.Context(), realm, 0, 1<<20)
	if err != nil {
		t.Fatalf("reading events: %v", err)
	}
	return all
}

func stale(t *testing.T, s identity.Store, after int64) ([]identity.Stale, int64) {
	t.Helper()
	entries, newest, err := s.Stale(t.Context(), after, 1<<20)
	if err != nil {
		t.Fatalf("reading what caches must forget: %v", err)
	}
	return entries, newest
}

func wantConflict(t *testing.T, err error) {
	t.Helper()
	if !errors.Is(err, identity.ErrConflict) {
		t.Fatalf("got error %v, want ErrConflict", err)
	}
}

// unionOf is the unionid that the user named serves in the subject of the cast; empty
// if none.
func unionOf(known identity.Known) string { return unionIn(known, subject) }

func unionIn(known identity.Known, subject string) string {
	for _, n := range known.GivenServes {
		if n.Subject == subject {
			return n.UnionID
		}
	}
	return ""
}

func equal[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}
