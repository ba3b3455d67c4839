package identity

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Cutoff ends what began before a moment: the sessions of a user, or those that were used
// at a site, in a realm, or at all, and guests alike. What begins later is taken.
type Cutoff struct {
	Seq   int64 // set by the store, anew whenever the row is written
	Kind  CutoffKind
	Realm string // empty for [CutoffAll], and for a session that isn't one realm's
	Name  string // user id, session id or ptid; empty for [CutoffRealm] and [CutoffAll]
	// Before is the moment. Of two for the same, the later holds.
	Before time.Time
	At     time.Time // when it was decided
	Until  time.Time // nothing older can be brought any more: the row can be forgotten
	Actor  string
	Reason string
}

// CutoffKind says what a [Cutoff] is about.
type CutoffKind string

const (
	// CutoffSession is the record of a [Revocation] that somebody asked for.
	CutoffSession CutoffKind = "session"
	// CutoffUser is the record of what is written to the openids that lead to a user
	// ([OpenidRow.Since]): whoever they lead to later, the sessions stay ended.
	CutoffUser CutoffKind = "user"
	// CutoffGuest is a user who is nothing but the guest of a browser: no row says that
	// he exists.
	CutoffGuest CutoffKind = "guest"
	CutoffSite  CutoffKind = "site"
	CutoffRealm CutoffKind = "realm"
	CutoffAll   CutoffKind = "all"
)

// Wide says whether a kind ends more than can be found and ended one by one: every node
// keeps those in memory, and forgets all visitors when another one comes.
func (k CutoffKind) Wide() bool { return k == CutoffSite || k == CutoffRealm || k == CutoffAll }

const (
	// CutoffLife is how long a cutoff is kept: a day longer than browsers keep a cookie.
	CutoffLife = 401 * 24 * time.Hour
	// cutoffAhead is how far ahead the clock of a caller may be.
	cutoffAhead = time.Minute
)

// ErrFuture says that a cutoff lies in the future: it would end what is yet to begin.
var ErrFuture = errors.New("the moment lies in the future")

// EndBefore ends what began before a moment, which is now if cut names none; one that lies
// ahead by at most a minute is now too. It returns the cutoff that is in force: repeating
// it, or an earlier one, changes nothing and gives the one that is there. realms are those
// in whose audit a cutoff that is no realm's own is recorded.
//
// A user who isn't live is a [Conflict]. Logins that hold in one session only (K8) end
// whenever they were made: which session they came from is not on record.
func (c *Centre) EndBefore(ctx context.Context, cut Cutoff, realms []string, by By) (Cutoff, error) {
	now := c.Now().UTC().Truncate(time.Microsecond)
	switch {
	case cut.Before.IsZero():
		cut.Before = now
	case cut.Before.After(now.Add(cutoffAhead)):
		return Cutoff{}, fmt.Errorf("revoke: %w", ErrFuture)
	case cut.Before.After(now):
		cut.Before = now
	}
	cut.Before = cut.Before.UTC().Truncate(time.Microsecond)
	cut.At, cut.Until, cut.Actor, cut.Reason = now, now.Add(CutoffLife), by.Actor, by.Evidence
	if cut.Kind == CutoffUser {
		return c.revokeUser(ctx, cut, by)
	}
	if cut.Realm != "" {
		realms = []string{cut.Realm}
	}
	there, err := c.Store.Cutoff(ctx, cut.Kind, cut.Realm, cut.Name)
	if err != nil || !there.Before.Before(cut.Before) {
		return there, err
	}
	for _, realm := range realms {
		change := Change{Realm: realm, At: now, Cutoff: &cut}
		if err := c.record(&change, by.Actor, "revoke", by.cut(cut)); err != nil {
			return Cutoff{}, fmt.Errorf("revoke: %w", err)
		}
		if err := c.Store.Apply(ctx, change); err != nil {
			return Cutoff{}, fmt.Errorf("revoke: %w", err)
		}
	}
	return cut, nil
}

// cut is what the audit says of a cutoff.
func (b By) cut(cut Cutoff) AuditDetail {
	detail := b.detail("")
	detail.Cause = fmt.Sprintf("%s %s before %s", cut.Kind, cut.Name, cut.Before.Format(time.RFC3339Nano))
	if cut.Kind == CutoffUser || cut.Kind == CutoffGuest {
		detail.User = cut.Name
		detail.Cause = fmt.Sprintf("before %s", cut.Before.Format(time.RFC3339Nano))
	}
	return detail
}

// revokeUser ends the sessions of a user. His links stay, and so does he.
func (c *Centre) revokeUser(ctx context.Context, cut Cutoff, by By) (Cutoff, error) {
	key, err := c.GuestKey(cut.Realm)
	if err != nil {
		return Cutoff{}, fmt.Errorf("revoke: %w", err)
	}
	var there Cutoff
	err = c.commit(ctx, func(now time.Time) (Change, error) {
		facts, err := c.live(ctx, cut.Realm, cut.Name)
		cut.Kind = CutoffUser
		if conflict := (*Conflict)(nil); errors.As(err, &conflict) && conflict.Code == CodeUserUnknown && cookieGuest(key, cut.Name) {
			cut.Kind, err = CutoffGuest, nil
		}
		if err != nil {
			return Change{}, err
		}
		if there, err = c.Store.Cutoff(ctx, cut.Kind, cut.Realm, cut.Name); err != nil {
			return Change{}, err
		}
		change := Change{Realm: cut.Realm, At: now, Stale: []string{cut.Name}}
		for _, o := range facts.Openids {
			if o.Since.Before(cut.Before) {
				o.Since = cut.Before
				change.Openids = append(change.Openids, o)
			}
		}
		if !there.Before.Before(cut.Before) && len(change.Openids) == 0 {
			return Change{}, nil
		}
		if there.Before.Before(cut.Before) {
			there = cut
		}
		change.Cutoff = &there
		change.EndLoginsOf = []string{cut.Name}
		for _, u := range facts.Retired {
			change.EndLoginsOf = append(change.EndLoginsOf, u.ID)
		}
		return change, c.record(&change, by.Actor, "revoke", by.cut(cut))
	})
	if err != nil {
		return Cutoff{}, fmt.Errorf("revoke: %w", err)
	}
	return there, nil
}
