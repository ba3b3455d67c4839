package identity

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// RebindDelay is how long a user waits for a move to another WeChat account, so that
// the person behind the old one can object.
const RebindDelay = 24 * time.Hour

// Rebind asks for a user to be moved to the WeChat account behind an openid, which
// must be on record with a unionid. Nothing moves before [RebindDelay] is over; an
// event tells it now, and [Centre.CancelRebind] calls it off. by.Evidence must say
// what proves that both are one person.
//
// It is for those who have lost their old WeChat account. A phone number that was
// given to somebody else is none of these: that is another person.
func (c *Centre) Rebind(ctx context.Context, realm, user string, to Openid, by By) (RebindRow, error) {
	key, err := c.GuestKey(realm)
	if err != nil {
		return RebindRow{}, fmt.Errorf("rebind: %w", err)
	}
	if !idLike(to.OpenID) {
		return RebindRow{}, fmt.Errorf("rebind: %w", &Fault{Field: "openid", Value: to.OpenID})
	}
	var row RebindRow
	err = c.operate(ctx, realm, user, "rebind", by, func(f UserFacts, change *Change) error {
		_, waits, err := c.waiting(ctx, realm, user)
		if err != nil {
			return err
		}
		if waits {
			return &Conflict{Code: CodeRebindWaiting, User: user}
		}
		known, err := c.Store.Load(ctx, Query{Realm: realm, Openid: to})
		if err != nil {
			return err
		}
		if err := c.mayMove(f, known); err != nil {
			return err
		}
		at := change.At
		id := "m" + lower.EncodeToString(keyed(key, "rebind", []byte(user), []byte(to.AppID), []byte(to.OpenID), []byte(at.Format(time.RFC3339Nano)))[:10])
		row = RebindRow{ID: id, User: user, Unionid: known.Union.Unionid, Openid: to, State: RebindWaiting, Asked: at, Due: at.Add(RebindDelay)}
		change.Rebind = &row
		change.Users = append(change.Users, f.Root) // its version lets one request win
		change.Events = append(change.Events, by.event(Event{
			ID: id + ".requested", Realm: realm, Type: EventRebindAsked, Old: user, Cause: row.Due.Format(time.RFC3339), Subject: row.Subject, AppID: to.AppID, At: at,
		}))
		return nil
	})
	return row, err
}

// mayMove says what stands in the way of a move to the WeChat account that is known.
func (c *Centre) mayMove(f UserFacts, known Known) error {
	switch x := known.UnionUser; {
	case f.Root.Kind != Real:
		return &Conflict{Code: CodeUserVirtual, User: f.Root.ID}
	case !f.Root.BlockedAt.IsZero():
		return &Conflict{Code: CodeUserBlocked, User: f.Root.ID}
	case known.Openid.Version == 0:
		return &Conflict{Code: CodeOpenidUnknown}
	case known.Union.Version == 0:
		return &Conflict{Code: CodeUnionIDNeeded, User: f.Root.ID}
	case served(f.Unions, known.Union.Unionid) > 1:
		return &Conflict{Code: CodeSeveralUnionIDs, User: f.Root.ID}
	case x.ID == f.Root.ID:
		return &Conflict{Code: CodeSameUser, User: f.Root.ID}
	case x.Kind == Real:
		return &Conflict{Code: CodeUnionIDTaken, User: f.Root.ID, Holder: x.ID}
	case !x.BlockedAt.IsZero():
		return &Conflict{Code: CodeUserBlocked, User: x.ID}
	}
	return nil
}

// CancelRebind calls a move off.
func (c *Centre) CancelRebind(ctx context.Context, realm, user string, by By) error {
	return c.operate(ctx, realm, user, "cancel_rebind", by, func(_ UserFacts, change *Change) error {
		row, waits, err := c.waiting(ctx, realm, user)
		if err != nil {
			return err
		}
		if !waits {
			return &Conflict{Code: CodeRebindUnknown, User: user}
		}
		endRebind(change, row, RebindCancelled, by)
		return nil
	})
}

// waiting finds the move of a user that is still to come.
func (c *Centre) waiting(ctx context.Context, realm, user string) (RebindRow, bool, error) {
	rows, err := c.Store.Rebinds(ctx, realm, RebindWaiting, user, 1)
	if err != nil || len(rows) == 0 {
		return RebindRow{}, false, err
	}
	return rows[0], true, nil
}

// Rebinds lists the moves of a realm in a state, the earliest due first.
func (c *Centre) Rebinds(ctx context.Context, realm string, state RebindState, limit int) ([]RebindRow, error) {
	return c.Store.Rebinds(ctx, realm, state, "", limit)
}

// RunRebinds makes the moves of a realm that are due, and returns how many ended. A
// move that can't be made any more ends with the code of what stands in the way.
func (c *Centre) RunRebinds(ctx context.Context, realm string) (int, error) {
	const page = 100
	by := By{Actor: "gateway", Via: "rebind"}
	ended := 0
	for {
		// Another node may be at it too, so a move that is waiting no more is left alone.
		waiting, err := c.Store.Rebinds(ctx, realm, RebindWaiting, "", page)
		if err != nil {
			return ended, fmt.Errorf("moving users: %w", err)
		}
		due := 0
		for _, row := range waiting {
			if row.Due.After(c.Now()) {
				break
			}
			due++
			moved, err := c.move(ctx, realm, row, by)
			if conflict := (*Conflict)(nil); errors.As(err, &conflict) {
				moved, err = c.giveUp(ctx, realm, row, conflict, by)
			}
			if err != nil {
				return ended, err
			}
			if moved {
				ended++
			}
		}
		if due < page {
			return ended, nil
		}
	}
}

// move parts a user from his old WeChat account and links the new one, in one change.
func (c *Centre) move(ctx context.Context, realm string, row RebindRow, by By) (moved bool, err error) {
	key, err := c.GuestKey(realm)
	if err != nil {
		return false, fmt.Errorf("rebind: %w", err)
	}
	err = c.operate(ctx, realm, row.User, "rebound", by, func(f UserFacts, change *Change) error {
		moved = false
		next, waits, err := c.waiting(ctx, realm, row.User)
		if err != nil || !waits || next.ID != row.ID {
			return err
		}
		known, err := c.Store.Load(ctx, Query{Realm: realm, Openid: row.Openid, User: row.User})
		if err != nil {
			return err
		}
		if err := c.mayMove(f, known); err != nil {
			return err
		}
		n, w := known.Union, known.UnionUser
		part(change, f, Unionid{Subject: n.Subject}, realmMinter(key), by)
		// Only to be exact: a virtual user serves one unionid here, but may serve others
		// in subjects that an account has left.
		serves := slices.DeleteFunc(slices.Clone(f.Unions), func(row UnionRow) bool { return row.Subject == n.Subject })
		for _, other := range known.UnionServes {
			if other.Unionid == n.Unionid {
				continue
			}
			if served(serves, other.Unionid) >= c.policies(realm).unionids() {
				return &Conflict{Code: CodeUserTaken, User: row.User}
			}
			other.User, other.Slot = row.User, freeSlot(serves, other.Unionid)
			serves = append(serves, other)
			change.Unions = append(change.Unions, other)
		}
		n.User, n.Slot = row.User, freeSlot(serves, n.Unionid)
		change.Unions = append(change.Unions, n)
		change.retire(w, f.Root, by.event(Event{Cause: "rebind", Subject: n.Subject, AppID: row.AppID}))
		row.State = RebindDone
		change.Rebind, moved = &row, true
		return nil
	})
	return moved && err == nil, err
}

// giveUp ends a move that can't be made.
func (c *Centre) giveUp(ctx context.Context, realm string, row RebindRow, conflict *Conflict, by By) (ended bool, err error) {
	err = c.commit(ctx, func(now time.Time) (Change, error) {
		next, waits, err := c.waiting(ctx, realm, row.User)
		if ended = waits && next.ID == row.ID; err != nil || !ended {
			return Change{}, err
		}
		change := Change{Realm: realm, At: now}
		endRebind(&change, row, RebindState(conflict.Code), by)
		return change, c.record(&change, by.Actor, "rebind_ended", by.detail(row.User))
	})
	return ended && err == nil, err
}

func endRebind(change *Change, row RebindRow, state RebindState, by By) {
	row.State = state
	change.Rebind = &row
	change.Events = append(change.Events, by.event(Event{
		ID: row.ID + ".ended", Realm: change.Realm, Type: EventRebindEnded, Old: row.User, Cause: string(state), Subject: row.Subject, AppID: row.AppID, At: change.At,
	}))
}
