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

	// User returns all that is known of a user, as of one moment; mark is the digest
	// of the id that tells whether it was erased.
	User(ctx context.Context, realm, id, mark string) (UserFacts, error)

	// Rebinds returns at most limit moves of a realm in a state, the earliest due
	// first. With a user, only his.
	Rebinds(ctx context.Context, realm string, state RebindState, user string, limit int) ([]RebindRow, error)

	// Audit returns at most limit records of a realm with Seq > after, in order, and
	// with each the salt of its key, nil if that was destroyed. With about, only the
	// records about that digest.
	Audit(ctx context.Context, realm, about string, after int64, limit int) ([]AuditRow, error)

	// Openids returns at most limit openids of a realm in the order of account and
	// openid, after the one given.
	Openids(ctx context.Context, realm string, after Openid, limit int) ([]OpenidFacts, error)

	// CarryLogins gives the logins of a session, of all realms, to the session that
	// takes its place, if they were made for this openid.
	CarryLogins(ctx context.Context, from, to string, o Openid, now time.Time) error

	// EndLogins takes the logins of a session away, of all realms.
	EndLogins(ctx context.Context, session string) error

	// Resubject changes what is recorded of an account from one subject to another;
	// [ErrConflict] if it isn't the former.
	Resubject(ctx context.Context, appID, from, to string) error

	// Subject records that an account belongs to a subject, if nothing is
	// recorded of it yet, and returns what is recorded.
	Subject(ctx context.Context, appID, subject string) (string, error)

	// Sweep forgets revocations whose sessions are over by now, entries for caches
	// older than an hour, and logins unused for [LoginLife].
	Sweep(ctx context.Context, now time.Time) error
}

// Query says what to load: the rows that a claim may touch.
type Query struct {
	Realm string
	Openid
	Unionid
	User string
	// Session is whose login to look for, if the openid has no unionid on record.
	Session string
	// Browser is the guest of a browser that WeChat doesn't vouch for, in place of an
	// openid.
	Browser string
	// Mark makes the digest under which an erased key is remembered; nil if nothing
	// can have been erased.
	Mark func(kind MarkKind, parts ...string) string
	// PrevSince is how far back [Known.Prev] goes.
	PrevSince time.Time
}

// Known is what the facts say about a claim. A row that doesn't exist has
// Version 0 and its keys set; of one that was erased Gen, Epoch and Since go on.
type Known struct {
	Openid OpenidRow
	// Guest is the user row of the guest issued for this openid, or of the Browser
	// asked for; zero if there is none, which is usual.
	Guest User
	// GuestGone says that the Browser asked for was erased.
	GuestGone bool
	// Union is the row of the unionid on record for this openid, unless another
	// subject's is claimed; if none is on record, of the claimed one; zero if neither
	// is.
	Union UnionRow
	// UnionUser is the user that Union leads to, UnionServes what else he serves, in
	// this subject and others, if he is virtual.
	UnionUser   User
	UnionServes []UnionRow
	// Given is the user named in the query, GivenRoot where its forward pointers
	// end (Given itself while it is live). Both are zero if nobody knows the id.
	// A guest id that has no user row yet is filled in from its openid's row, with
	// Version 0.
	Given     User
	GivenRoot User
	// GivenServes are the unionids that GivenRoot serves, of all subjects.
	GivenServes []UnionRow
	// GivenHome is the row of the openid that Given was derived from, if any.
	GivenHome OpenidRow
	// GivenGone says that the user named was erased.
	GivenGone bool
	// Hint is where the hint of the openid leads to, or the unionid that is on record
	// for it in another subject than the claimed one; HintServes as above. Hint is
	// zero if nobody has that id yet.
	Hint       User
	HintServes []UnionRow
	// Login is the login of the session asked for, LoginUser who stands for its user;
	// LoginServes as above.
	Login       LoginRow
	LoginUser   User
	LoginServes []UnionRow
	// Prev are ids retired, directly or through others, into UnionUser, or else into
	// LoginUser, since PrevSince: the youngest retirement first, at most eight.
	Prev []string
}

// Change is what a decision wants written, in one transaction.
type Change struct {
	Realm string
	At    time.Time
	// Openids and Unions are inserted (Version 0) or replaced at their version. A
	// union must lead to a user who is there or among Users, and so must the Parent of
	// a user: a store may refuse what doesn't.
	Openids []OpenidRow
	Unions  []UnionRow
	// Users are inserted (Version 0) or replaced at their version.
	Users []User
	// Seen are users that must still be as they were loaded.
	Seen []User
	// Logins are inserted or replaced; those of EndLogins are taken away.
	Logins    []LoginRow
	EndLogins []string
	// Rebind is inserted (Version 0) or replaced at its version.
	Rebind *RebindRow
	// Erase is carried out before everything else.
	Erase  *Erasure
	Events []Event
	// Conflict is listed once per (realm, openid, code, got). A change that would only
	// list one that is listed already writes nothing at all.
	Conflict *ConflictRow
	// Audit records the change; alone it records what happened outside of a realm.
	Audit *AuditEntry
	// Stale are user ids about which cached answers are no longer true.
	Stale []string
}

// Empty says that there is nothing to write.
func (c Change) Empty() bool {
	return len(c.Openids)+len(c.Unions)+len(c.Users)+len(c.Logins)+len(c.EndLogins) == 0 &&
		c.Rebind == nil && c.Erase == nil && c.Conflict == nil && c.Audit == nil
}

// Erasure takes everything away that is kept of one person. The counts are of the
// rows that were loaded: if another one has come meanwhile, it is a conflict.
type Erasure struct {
	// Users are the live id and all that were retired into it.
	Users   []string
	Openids []Openid
	Unions  []Unionid
	// Marks are remembered in their place, Salts are the digests whose audit keys are
	// destroyed.
	Marks []Tombstone
	Salts []string
}

// Tombstone remembers that something was erased, by its digest.
type Tombstone struct {
	Mark string
	Gen  int // of an openid: the generation to go on with; of a unionid: the epoch
}

// MarkKind says what a digest stands for.
type MarkKind string

const (
	MarkUser    MarkKind = "user"
	MarkOpenid  MarkKind = "openid"
	MarkUnionid MarkKind = "unionid"
)

// UserFacts is all that is known of a user.
type UserFacts struct {
	// Given is the user asked for, Root who stands for him now. Both are zero if
	// nobody knows the id. A guest without a row is filled in as in [Known].
	Given, Root User
	Gone        bool // the id was erased
	Unions      []UnionRow
	// Openids are those on record with one of Unions, and the home of a guest.
	Openids []OpenidRow
	// Retired are the ids that forward to Root, the youngest retirement first.
	Retired []User
	Logins  int // sessions in which Root is logged in without a unionid
}

// OpenidFacts is an openid with the user that it leads to, for an export.
type OpenidFacts struct {
	OpenidRow
	User User // zero for a guest whose id has no row
}

// ConflictRow is a contradiction that a person has to look at.
type ConflictRow struct {
	Seq   int64 // set by the store
	Realm string
	Code  string
	Openid
	Subject string
	User    string // the user that was named, if one was
	Have    string // what is on record: a unionid, or the user who holds it
	Got     string // what was claimed: a unionid, or a user
	At      time.Time
}

// RebindState says what became of a move to another WeChat account. Besides these it
// may be the code of the [Conflict] that stood in the way.
type RebindState string

const (
	RebindWaiting   RebindState = "waiting"
	RebindDone      RebindState = "done"
	RebindCancelled RebindState = "cancelled"
)

// RebindRow is a user who shall move to another WeChat account when its time has come.
type RebindRow struct {
	ID   string
	User string
	// Unionid is of the WeChat account that he moves to, Openid by which it was named.
	Unionid
	Openid
	State   RebindState
	Asked   time.Time
	Due     time.Time
	Version int64
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
