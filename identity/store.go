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
	// ErrUnavailable says that the facts can't be reached now. What was asked for
	// did not happen, unless the database went away in the very moment of its commit:
	// then nobody knows, and asking again does no harm, since rows have versions. It
	// wraps the cause.
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

	// Cutoff returns the cutoff in force for something; zero if there is none.
	Cutoff(ctx context.Context, kind CutoffKind, realm, name string) (Cutoff, error)

	// Cutoffs returns at most limit cutoffs with Seq > after, in order: those of a realm,
	// or of all if it is empty. One that is written again moves to the end.
	Cutoffs(ctx context.Context, realm string, after int64, limit int) ([]Cutoff, error)

	// Kept returns the cutoffs that every node keeps in memory: the wide ones, and those of
	// guests.
	Kept(ctx context.Context) ([]Cutoff, error)

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

	// AuditBack returns at most q.Limit records that a query picks, the newest first, as
	// Audit does. It looks at no more than q.Look numbers; next is the one before which it
	// goes on, zero if nothing is left.
	AuditBack(ctx context.Context, q AuditQuery) (rows []AuditRow, next int64, err error)

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

	// Sweep forgets revocations whose sessions are over by now, cutoffs that nothing is
	// older than any more, entries for caches older than an hour, logins unused for
	// [LoginLife], and answers kept for [RepeatLife].
	Sweep(ctx context.Context, now time.Time) error
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
	Realm string // of a user, and of a cutoff
	Key   string // user id, session id, name of a secret, [CutoffKind], app id, or ptid
}

// StaleKind says what sort of key a [Stale] has.
type StaleKind string

const (
	StaleUser    StaleKind = "user"
	StaleSession StaleKind = "session"
	StaleSecret  StaleKind = "secret"
	StaleCutoff  StaleKind = "cutoff" // read those of [Store.Kept] again
	StaleAccount StaleKind = "account"
	StaleSite    StaleKind = "site"
)

// Secret is sealed bytes with a name, such as a realm's guest key.
type Secret struct {
	Name    string
	Sealed  []byte
	Version int64
}
