package identity

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// tries bounds how often a claim is decided anew because somebody else was
// faster. Each lost race means that another claim about the same person was
// written, so a handful is plenty.
const tries = 16

// Centre resolves claims and carries out what businesses and operators do to users:
// it loads what is known, decides, and writes.
type Centre struct {
	Store Store
	// GuestKey returns the key that a realm's guest ids are derived from. It
	// never changes in the life of a realm.
	GuestKey func(realm string) ([]byte, error)
	// Policies are what a realm decides for itself; nil gives every realm the default.
	Policies func(realm string) Policies
	// PrevFor is how long a retired id is named beside its successor: the
	// longest life of a session, since nobody can hold an older token.
	PrevFor time.Duration
	Now     func() time.Time
	// Random fills in random bytes; nil is crypto/rand.
	Random func([]byte)
}

// Resolve says who a claim is, and first writes what has to be written for that:
// bind and login are this one operation. Repeating it gives the same answer,
// writes nothing and makes no event.
//
// A [Conflict] changes nothing; that of a business's login is put on the list and
// told as an event, once. A [Fault] is a value that can't be an id. [ErrUnavailable]
// means that the facts can't be reached: never put a guest in place of a user who
// could not be looked up, or the site would write under the wrong name.
func (c *Centre) Resolve(ctx context.Context, claim Claim) (Answer, error) {
	if err := claim.Check(); err != nil {
		return Answer{}, err
	}
	key, err := c.GuestKey(claim.Realm)
	if err != nil {
		return Answer{}, fmt.Errorf("resolving: %w", err)
	}
	if claim.Snapshot {
		return Answer{User: User{ID: ephemeralID(key, claim.Openid), Kind: Virtual, Born: c.Now().UTC()}}, nil
	}
	var answer Answer
	var refused error
	err = c.commit(ctx, func(now time.Time) (Change, error) {
		known, err := c.Store.Load(ctx, c.query(key, claim, now))
		if err != nil {
			return Change{}, err
		}
		var change Change
		change, answer, refused = decide(known, claim, c.policies(claim.Realm), realmMinter(key), now)
		if refused != nil {
			change = refusal(known, claim, refused, now)
		}
		if change.Empty() {
			return change, nil
		}
		return change, c.recordClaim(&change, known, claim, answer)
	})
	if err != nil {
		return Answer{}, fmt.Errorf("resolving: %w", err)
	}
	if refused != nil {
		return Answer{}, refused
	}
	return answer, nil
}

func (c *Centre) query(key []byte, claim Claim, now time.Time) Query {
	return Query{
		Realm: claim.Realm, Openid: claim.Openid, Unionid: claim.Unionid, User: claim.User,
		Session: claim.Session, Browser: claim.Browser.ID,
		Foreign:   claim.Bind && claim.UnionID != "" && claim.Subject != claim.AppID,
		Mark:      func(kind MarkKind, parts ...string) string { return mark(key, kind, parts...) },
		PrevSince: now.Add(-c.PrevFor),
	}
}

func (c *Centre) policies(realm string) Policies {
	if c.Policies == nil {
		return Policies{}
	}
	return c.Policies(realm)
}

// commit writes what a decision wants, and decides anew if somebody was faster.
func (c *Centre) commit(ctx context.Context, decide func(now time.Time) (Change, error)) error {
	for range tries {
		change, err := decide(c.Now().UTC().Truncate(time.Microsecond))
		if err != nil || change.Empty() {
			return err
		}
		if err = c.Store.Apply(ctx, change); !errors.Is(err, ErrConflict) {
			return err
		}
	}
	return fmt.Errorf("lost %d races in a row: %w", tries, ErrUnavailable)
}

// recordClaim adds the audit of what a claim has led to.
func (c *Centre) recordClaim(change *Change, known Known, claim Claim, answer Answer) error {
	detail := AuditDetail{
		User: answer.User.ID, Via: claim.Via, Evidence: claim.Evidence, Trace: claim.Trace,
		AppID: claim.AppID, OpenID: claim.OpenID, Subject: claim.Subject, UnionID: claim.UnionID,
	}
	if detail.User == "" {
		detail.User = claim.User
	}
	if len(change.Events) > 0 {
		detail.Cause = change.Events[0].Cause
	}
	before := &detail.Before
	before.addOpenid(known.Openid)
	before.addUnion(known.Union)
	before.addUser(known.UnionUser)
	for _, u := range []User{known.GivenRoot, known.Guest, known.Hint, known.LoginUser} {
		if u.ID != known.UnionUser.ID {
			before.addUser(u)
		}
	}
	before.Login = known.Login.User
	op := "resolve"
	if claim.Bind {
		op = "bind"
	}
	return c.record(change, claim.Actor, op, detail)
}

// refusal is what is written of a business's login that can't be: that it was tried.
// The contradiction of an operator's own call is his to see, and not listed.
func refusal(known Known, claim Claim, err error, now time.Time) Change {
	var conflict *Conflict
	if !claim.Bind || claim.User == "" || !errors.As(err, &conflict) {
		return Change{}
	}
	row := ConflictRow{
		Realm: claim.Realm, Code: conflict.Code, Openid: claim.Openid, Subject: claim.Subject, User: claim.User,
		Have: conflict.Holder, Got: claim.User, At: now,
	}
	switch conflict.Code {
	case CodeUnionIDMismatch:
		row.Have, row.Got = known.Openid.UnionID, claim.UnionID
	case CodeUnionIDTaken, CodeUserTaken, CodeUserBlocked, CodeUserVirtual:
	default:
		// A mistake in the call, which names nobody else; or it names somebody who was
		// erased, and must not be written down again.
		return Change{}
	}
	old := cmp.Or(known.UnionUser.ID, known.Openid.Guest, claim.Browser.ID)
	id := conflict.Code + "." + claim.User
	if claim.OpenID != "" {
		id += "." + lower.EncodeToString(keyed([]byte(claim.Realm), "conflict", []byte(claim.AppID), []byte(claim.OpenID), []byte(row.Got))[:10])
	}
	return Change{Realm: claim.Realm, At: now, Conflict: &row, Events: []Event{{
		ID: id + ".conflict", Realm: claim.Realm, Type: EventConflict, Old: old, New: claim.User,
		Via: claim.Via, Cause: conflict.Code, Subject: claim.Subject, AppID: claim.AppID, At: now, Trace: claim.Trace,
	}}}
}
