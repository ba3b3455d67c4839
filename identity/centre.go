package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// tries bounds how often a claim is decided anew because somebody else was
// faster. Each lost race means that another claim about the same person was
// written, so a handful is plenty.
const tries = 16

// Centre resolves claims: it loads what is known, decides, and writes.
type Centre struct {
	Store Store
	// GuestKey returns the key that a realm's guest ids are derived from. It
	// never changes in the life of a realm.
	GuestKey func(realm string) ([]byte, error)
	// PrevFor is how long a retired id is named beside its successor: the
	// longest life of a session, since nobody can hold an older token.
	PrevFor time.Duration
	Now     func() time.Time
}

// Resolve says who a claim is, and first writes what has to be written for that:
// bind and login are this one operation. Repeating it gives the same answer,
// writes nothing and makes no event.
//
// A [Conflict] changes nothing. [ErrUnavailable] means that the facts can't be
// reached: never put a guest in place of a user who could not be looked up, or
// the site would write under the wrong name.
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
	guestID := func(gen int) string { return GuestID(key, claim.Openid, gen) }

	for range tries {
		now := c.Now().UTC().Truncate(time.Microsecond)
		known, err := c.Store.Load(ctx, Query{
			Realm: claim.Realm, Openid: claim.Openid, Unionid: claim.Unionid, User: claim.User,
			PrevSince: now.Add(-c.PrevFor),
		})
		if err != nil {
			return Answer{}, fmt.Errorf("resolving: %w", err)
		}
		change, answer, err := decide(known, claim, guestID, now)
		if err != nil {
			return Answer{}, err
		}
		if change.Empty() {
			return answer, nil
		}
		err = c.Store.Apply(ctx, change)
		if err == nil {
			return answer, nil
		}
		if !errors.Is(err, ErrConflict) {
			return Answer{}, fmt.Errorf("resolving: %w", err)
		}
	}
	return Answer{}, fmt.Errorf("resolving: lost %d races in a row: %w", tries, ErrUnavailable)
}
