package identity

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrConflict says that a row has changed since it was loaded: load and
	// decide again.
	ErrConflict = errors.New("the facts have changed meanwhile")
	// ErrUnavailable says that the facts can't be reached now; what was asked
	// for did not happen. It wraps the cause.
	ErrUnavailable = errors.New("the facts can't be reached")
)

// Store keeps the facts. It is safe for concurrent use by any number of
// processes, and what it has acknowledged survives the loss of power.
//
// It stores changes, not entities: the only write to users, links and events is
// [Store.Apply], which commits them together or not at all. Every sentence of
// this contract is a test in package storetest.
//
// A store that can't be reached answers with [ErrUnavailable]. All times are
// kept to the microsecond, in UTC.
type Store interface {
	// Load returns what is known about a claim, as of one moment.
	Load(ctx context.Context, q Query) (Known, error)

	// Apply commits a change whole, if every row that it was decided on is
	// still at the version that was loaded; otherwise it writes nothing and
	// returns [ErrConflict]. Once it returns nil the change survives a crash.
	Apply(ctx context.Context, c Change) error

	// Events returns at most limit events of a realm with Seq > after, in order.
	Events(ctx context.Context, realm string, after int64, limit int) ([]Event, error)

	// Conflicts returns at most limit conflicts of a realm with Seq > after, in order.
	Conflicts(ctx context.Context, realm string, after int64, limit int) ([]ConflictRow, error)

	// Revoke ends a session at r.From. Revoking one twice keeps the earlier
	// moment, and the later Until.
	Revoke(ctx context.Context, r Revocation) error

	// Revoked says from when a session is ended; zero if it isn't.
	Revoked(ctx context.Context, session string) (time.Time, error)

	// Stale returns what caches must forget since the sequence after, and the
	// newest sequence. With after < 0 it returns only the newest sequence. At
	// most limit entries are returned; more are there if len == limit. Sequences
	// have no gaps: a reader who finds one has slept through a Sweep, and must
	// forget everything.
	Stale(ctx context.Context, after int64, limit int) ([]Stale, int64, error)

	// Secrets returns the sealed secrets whose name begins with prefix, by name.
	Secrets(ctx context.Context, prefix string) ([]Secret, error)

	// PutSecret inserts a secret (Version 0) or replaces it at that version,
	// and tells the caches; [ErrConflict] if somebody else was faster.
	PutSecret(ctx context.Context, s Secret) error

	// Subject records that an account belongs to a subject, if nothing is
	// recorded of it yet, and returns what is recorded.
	Subject(ctx context.Context, appID, subject string) (string, error)

	// Sweep forgets revocations whose sessions are over by now, and entries for
	// caches older than an hour.
	Sweep(ctx context.Context, now time.Time) error
}

// Query says what to load: the rows that a claim may touch.
type Query struct {
	Realm string
	Openid
	Unionid
	User string
	// PrevSince is how far back [Known.Prev] goes.
	PrevSince time.Time
}

// Known is what the facts say about a claim. A row that doesn't exist has
// Version 0 and its keys set.
type Known struct {
	Openid OpenidRow
	// Union is the row of the unionid on record for this openid in the claimed
	// subject; if none is on record, of the claimed one; zero if neither is.
	Union UnionRow
	// UnionUser is the user that Union leads to.
	UnionUser User
	// Given is the user named in the query, GivenRoot where its forward pointers
	// end (Given itself while it is live). Both are zero if nobody knows the id.
	// A guest id that has no user row yet is filled in from its openid's row, with
	// Version 0.
	Given     User
	GivenRoot User
	// GivenServes is the unionid that GivenRoot serves in the claimed subject;
	// empty if none.
	GivenServes string
	// GivenHome is the row of the openid that Given was derived from, if any.
	GivenHome OpenidRow
	// Prev are ids retired, directly or through others, into UnionUser since
	// PrevSince: the youngest retirement first, at most eight.
	Prev []string
}

// Change is what a decision wants written, in one transaction.
type Change struct {
	Realm string
	At    time.Time
	// Openid and Union are inserted (Version 0) or replaced at their version;
	// nil leaves them alone. A union must lead to a user who is there or among
	// Users, and so must the Parent of a user: a store may refuse what doesn't.
	Openid *OpenidRow
	Union  *UnionRow
	// Users are inserted (Version 0) or replaced at their version.
	Users []User
	// Seen are users that must still be as they were loaded.
	Seen   []User
	Events []Event
	// Conflict is listed once per (realm, openid, code, claimed unionid).
	Conflict *ConflictRow
	// Stale are user ids about which cached answers are no longer true.
	Stale []string
}

// Empty says that there is nothing to write.
func (c Change) Empty() bool {
	return c.Openid == nil && c.Union == nil && len(c.Users) == 0 && c.Conflict == nil
}

// ConflictRow is a contradiction that a person has to look at.
type ConflictRow struct {
	Seq   int64 // set by the store
	Realm string
	Code  string
	Openid
	Subject string
	Have    string // the unionid on record
	Got     string // the unionid claimed
	At      time.Time
}

// Revocation ends one session.
type Revocation struct {
	Session string
	From    time.Time // the session is refused from this moment
	Until   time.Time // the session would have ended by itself: the row can be forgotten
}

// Stale is something that caches must forget.
type Stale struct {
	Seq   int64
	Kind  StaleKind
	Realm string // of a user
	Key   string // user id, session id, or name of a secret
}

// StaleKind says what sort of key a [Stale] has.
type StaleKind string

const (
	StaleUser    StaleKind = "user"
	StaleSession StaleKind = "session"
	StaleSecret  StaleKind = "secret"
)

// Secret is sealed bytes with a name, such as a realm's guest key.
type Secret struct {
	Name    string
	Sealed  []byte
	Version int64
}
