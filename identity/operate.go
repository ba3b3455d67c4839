package identity

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// By is who does something to a user, and why.
type By struct {
	Actor    string // key:<id> or command:<name>
	Via      string // api, command
	Evidence string // what speaks for it, in the operator's own words
	Trace    string // the request
}

func (b By) event(e Event) Event {
	e.Via, e.Trace = b.Via, b.Trace
	return e
}

func (b By) detail(user string) AuditDetail {
	return AuditDetail{User: user, Via: b.Via, Evidence: b.Evidence, Trace: b.Trace}
}

// User returns all that is known of a user. For an id that was retired it is what is
// known of Root.
func (c *Centre) User(ctx context.Context, realm, id string) (UserFacts, error) {
	if !visible(id) {
		return UserFacts{}, &Fault{Field: "user", Value: id}
	}
	key, err := c.GuestKey(realm)
	if err != nil {
		return UserFacts{}, fmt.Errorf("looking up user: %w", err)
	}
	facts, err := c.Store.User(ctx, realm, id, mark(key, MarkUser, id))
	if err != nil {
		return UserFacts{}, fmt.Errorf("looking up user: %w", err)
	}
	return facts, nil
}

// live is what is known of a user who can be dealt with.
func (c *Centre) live(ctx context.Context, realm, id string) (UserFacts, error) {
	facts, err := c.User(ctx, realm, id)
	switch {
	case err != nil:
		return facts, err
	case facts.Gone:
		return facts, &Conflict{Code: CodeUserErased, User: id}
	case facts.Given.ID == "":
		return facts, &Conflict{Code: CodeUserUnknown, User: id}
	case !facts.Given.Live():
		return facts, &Conflict{Code: CodeUserRetired, User: id, Holder: facts.Root.ID}
	}
	return facts, nil
}

// operate carries out a change to one user.
func (c *Centre) operate(ctx context.Context, realm, id, op string, by By, decide func(UserFacts, *Change) error) error {
	err := c.commit(ctx, func(now time.Time) (Change, error) {
		facts, err := c.live(ctx, realm, id)
		if err != nil {
			return Change{}, err
		}
		change := Change{Realm: realm, At: now}
		if err := decide(facts, &change); err != nil || change.Empty() {
			return Change{}, err
		}
		detail := by.detail(id)
		detail.Before.addUser(facts.Root)
		for _, n := range facts.Unions {
			detail.Before.addUnion(n)
		}
		for _, o := range facts.Openids {
			detail.Before.addOpenid(o)
		}
		for _, u := range change.Seen {
			if u.ID != facts.Root.ID {
				detail.Before.addUser(u)
			}
		}
		if change.Erase != nil {
			detail.User, detail.Before = "", auditState{} // the record of it must not keep it
			detail.Cause = fmt.Sprintf("%d openids, %d ids", len(facts.Openids), len(change.Erase.Users))
		}
		return change, c.record(&change, by.Actor, op, detail)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", op, err)
	}
	return nil
}

// Unbind parts a real user from one of his WeChat accounts, or from all of a subject if
// from names no unionid; the subject may be empty too if there is but one. Each of
// those gets a new virtual id, and sessions that came through it end. The user keeps
// what he has. Repeating it is a [Conflict]: there is nothing left to part.
func (c *Centre) Unbind(ctx context.Context, realm, user string, from Unionid, by By) error {
	key, err := c.GuestKey(realm)
	if err != nil {
		return fmt.Errorf("unbind: %w", err)
	}
	return c.operate(ctx, realm, user, "unbind", by, func(f UserFacts, change *Change) error {
		if f.Root.Kind != Real || len(f.Unions) == 0 {
			return &Conflict{Code: CodeNotBound, User: user}
		}
		if !f.Root.BlockedAt.IsZero() {
			return &Conflict{Code: CodeUserBlocked, User: user} // a fresh id would let him in again
		}
		from := from
		for _, n := range f.Unions {
			if from.Subject == "" && n.Subject != f.Unions[0].Subject {
				return &Conflict{Code: CodeSubjectNeeded, User: user}
			}
		}
		if from.Subject == "" {
			from.Subject = f.Unions[0].Subject
		}
		if part(change, f, from, realmMinter(key), by); len(change.Unions) == 0 {
			return &Conflict{Code: CodeNotBound, User: user}
		}
		return nil
	})
}

// part adds to a change that a unionid of a user, or all of a subject, lead to fresh
// virtual ids.
func part(change *Change, f UserFacts, from Unionid, ids minter, by By) {
	for _, n := range f.Unions {
		if n.Subject != from.Subject || from.UnionID != "" && n.UnionID != from.UnionID {
			continue
		}
		n.Epoch++
		w := User{ID: ids.parted(n.Unionid, n.Epoch), Kind: Virtual, Born: change.At}
		n.User, n.Slot = w.ID, 0
		change.Users = append(change.Users, w)
		change.Unions = append(change.Unions, n)
		change.Events = append(change.Events, by.event(Event{
			ID: w.ID + ".unbound", Realm: change.Realm, Type: EventUnbound, Old: f.Root.ID, New: w.ID, Subject: n.Subject, At: change.At,
		}))
		for _, o := range f.Openids {
			if o.Unionid == n.Unionid {
				o.Since = change.At
				change.Openids = append(change.Openids, o)
			}
		}
	}
	change.Seen = append(change.Seen, f.Root)
	change.Stale = append(change.Stale, f.Root.ID)
}

// Merge retires the real user from into the real user into, whom an operator knows to
// be the same person. The unionids of from move along where into may serve them;
// else it is a [Conflict].
func (c *Centre) Merge(ctx context.Context, realm, from, into string, by By) error {
	if from == into {
		return fmt.Errorf("merge: %w", &Conflict{Code: CodeSameUser, User: from})
	}
	return c.operate(ctx, realm, from, "merge", by, func(f UserFacts, change *Change) error {
		to, err := c.live(ctx, realm, into)
		if err != nil {
			return err
		}
		for _, u := range []User{f.Root, to.Root} {
			if u.Kind != Real {
				return &Conflict{Code: CodeUserVirtual, User: u.ID}
			}
			if !u.BlockedAt.IsZero() {
				return &Conflict{Code: CodeUserBlocked, User: u.ID}
			}
		}
		for _, n := range f.Unions {
			if served(to.Unions, n.Unionid) >= c.policies(realm).unionids() {
				return &Conflict{Code: CodeUserTaken, User: into}
			}
			n.User, n.Slot = into, freeSlot(to.Unions, n.Unionid)
			to.Unions = append(to.Unions, n)
			change.Unions = append(change.Unions, n)
		}
		change.Seen = append(change.Seen, to.Root)
		change.Stale = append(change.Stale, into)
		change.retire(f.Root, to.Root, by.event(Event{Cause: "merge"}))
		return nil
	})
}

// Block turns a user away until he is unblocked, and ends his sessions. His links
// stay. Repeating it changes nothing.
func (c *Centre) Block(ctx context.Context, realm, user string, by By) error {
	return c.operate(ctx, realm, user, "block", by, func(f UserFacts, change *Change) error {
		if !f.Root.BlockedAt.IsZero() {
			return nil
		}
		f.Root.BlockedAt = change.At
		for _, o := range f.Openids {
			o.Since = change.At
			change.Openids = append(change.Openids, o)
		}
		change.EndLoginsOf = []string{f.Root.ID}
		for _, u := range f.Retired {
			change.EndLoginsOf = append(change.EndLoginsOf, u.ID)
		}
		mayEnter(change, f.Root, EventBlocked, by)
		return nil
	})
}

// Unblock lets a blocked user in again. Repeating it changes nothing.
func (c *Centre) Unblock(ctx context.Context, realm, user string, by By) error {
	return c.operate(ctx, realm, user, "unblock", by, func(f UserFacts, change *Change) error {
		if f.Root.BlockedAt.IsZero() {
			return nil
		}
		f.Root.BlockedAt = time.Time{}
		mayEnter(change, f.Root, EventUnblocked, by)
		return nil
	})
}

func mayEnter(change *Change, u User, what EventType, by By) {
	change.Users = append(change.Users, u)
	change.Stale = append(change.Stale, u.ID)
	change.Events = append(change.Events, by.event(Event{
		// Blocked again, it is another event: the version tells them apart.
		ID: fmt.Sprintf("%s.%s.%d", u.ID, what[len("userid."):], u.Version+1), Realm: change.Realm, Type: what, Old: u.ID, At: change.At,
	}))
}

// Erase forgets a person: his ids, links, logins and what is personal in the audit.
// Digests stay, so that none of his ids ever comes back. He can be dealt with no
// more; erasing him again is a [Conflict].
func (c *Centre) Erase(ctx context.Context, realm, user string, by By) error {
	key, err := c.GuestKey(realm)
	if err != nil {
		return fmt.Errorf("erase: %w", err)
	}
	return c.operate(ctx, realm, user, "erase", by, func(f UserFacts, change *Change) error {
		e := &Erasure{Users: []string{f.Root.ID}}
		for _, u := range f.Retired {
			e.Users = append(e.Users, u.ID)
		}
		for _, o := range f.Openids {
			e.Openids = append(e.Openids, o.Openid)
			e.Marks = append(e.Marks, Tombstone{mark(key, MarkOpenid, o.AppID, o.OpenID), o.Gen + 1})
			// The guest of an openid that was linked before he came to anything has no
			// row of his own.
			if o.Guest != "" && !slices.Contains(e.Users, o.Guest) {
				e.Users = append(e.Users, o.Guest)
			}
		}
		for _, n := range f.Unions {
			e.Unions = append(e.Unions, n.Unionid)
			e.Marks = append(e.Marks, Tombstone{mark(key, MarkUnionid, n.Subject, n.UnionID), n.Epoch + 1})
		}
		for _, id := range e.Users {
			digest := mark(key, MarkUser, id)
			e.Marks = append(e.Marks, Tombstone{digest, 0})
			e.Salts = append(e.Salts, digest)
		}
		change.Erase = e
		change.Stale = append(change.Stale, e.Users...)
		change.Events = append(change.Events, by.event(Event{
			ID: f.Root.ID + ".erased", Realm: realm, Type: EventErased, Old: f.Root.ID, At: change.At,
		}))
		return nil
	})
}
