package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// facts keeps the contract of [Store] for one realm in the simplest way: maps, and
// versions that count writes. What no test asks for, it doesn't have.
type facts struct {
	Store
	mu         sync.Mutex
	openids    map[Openid]OpenidRow
	unions     map[Unionid]UnionRow
	users      map[string]User
	logins     map[string]LoginRow
	rebinds    map[string]RebindRow
	tombstones map[string]tombstone
	salts      map[string][]byte
	events     []Event
	conflicts  []ConflictRow
	audit      []AuditRow
	applied    int
	before     func() // runs once, before the next Apply: somebody else is faster
}

func newFacts() *facts {
	return &facts{
		openids: map[Openid]OpenidRow{}, unions: map[Unionid]UnionRow{}, users: map[string]User{}, logins: map[string]LoginRow{},
		rebinds: map[string]RebindRow{}, tombstones: map[string]tombstone{}, salts: map[string][]byte{},
	}
}

// copy is the state for comparing, and for going on from it in two ways.
func (f *facts) copy() *facts {
	return &facts{
		openids: maps.Clone(f.openids), unions: maps.Clone(f.unions), users: maps.Clone(f.users), logins: maps.Clone(f.logins),
		rebinds: maps.Clone(f.rebinds), tombstones: maps.Clone(f.tombstones), salts: maps.Clone(f.salts),
		events: slices.Clone(f.events), conflicts: slices.Clone(f.conflicts), audit: slices.Clone(f.audit),
	}
}

func (f *facts) equal(g *facts) bool {
	return maps.Equal(f.openids, g.openids) && maps.Equal(f.unions, g.unions) && maps.Equal(f.users, g.users) &&
		maps.Equal(f.logins, g.logins) && maps.Equal(f.rebinds, g.rebinds) && maps.Equal(f.tombstones, g.tombstones) &&
		slices.Equal(f.events, g.events) && slices.Equal(f.conflicts, g.conflicts) && len(f.audit) == len(g.audit)
}

func (f *facts) Apply(_ context.Context, c Change) error {
	f.mu.Lock()
	before := f.before
	f.before = nil
	f.mu.Unlock()
	if before != nil {
		before()
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.applied++
	rest := c
	rest.Conflict, rest.Audit = nil, nil
	if c.Conflict != nil && rest.Empty() && f.listed(*c.Conflict) {
		return nil
	}
	g := f.copy()
	if err := g.write(c); err != nil {
		return err
	}
	f.openids, f.unions, f.users, f.logins, f.rebinds = g.openids, g.unions, g.users, g.logins, g.rebinds
	f.tombstones, f.salts, f.events, f.conflicts, f.audit = g.tombstones, g.salts, g.events, g.conflicts, g.audit
	return nil
}

func (f *facts) listed(r ConflictRow) bool {
	return slices.ContainsFunc(f.conflicts, func(was ConflictRow) bool {
		return was.Openid == r.Openid && was.Code == r.Code && was.Got == r.Got
	})
}

// write writes a change as far as it gets.
func (f *facts) write(c Change) error {
	if c.Erase != nil && !f.erase(*c.Erase, c) {
		return ErrConflict
	}
	for _, u := range c.Seen {
		if f.users[u.ID].Version != u.Version {
			return ErrConflict
		}
	}
	for _, u := range c.Users {
		if f.users[u.ID].Version != u.Version {
			return ErrConflict
		}
		u.Version++
		f.users[u.ID] = u
	}
	for _, o := range c.Openids {
		if f.openids[o.Openid].Version != o.Version {
			return ErrConflict
		}
		o.Version++
		f.openids[o.Openid] = o
	}
	for _, u := range c.Unions {
		if f.unions[u.Unionid].Version != u.Version {
			return ErrConflict
		}
		for n, row := range f.unions {
			if n != u.Unionid && n.Subject == u.Subject && row.User == u.User && row.Slot == u.Slot {
				return ErrConflict // a user serves one unionid of a subject in each slot
			}
		}
		u.Version++
		f.unions[u.Unionid] = u
	}
	for _, u := range c.Users {
		if !u.Live() && len(f.serves(u.ID)) > 0 {
			return ErrConflict // it came meanwhile, and would be left behind
		}
	}
	for _, session := range c.EndLogins {
		delete(f.logins, session)
	}
	for _, l := range c.Logins {
		f.logins[l.Session] = l
	}
	if r := c.Rebind; r != nil {
		if f.rebinds[r.ID].Version != r.Version {
			return ErrConflict
		}
		row := *r
		row.Version++
		f.rebinds[r.ID] = row
	}
	return f.tell(c)
}

// tell writes what is for others to read.
func (f *facts) tell(c Change) error {
	for _, e := range c.Events {
		if slices.ContainsFunc(f.events, func(was Event) bool { return was.ID == e.ID }) {
			if e.Type == EventConflict {
				continue // told before, and the record of it has gone since
			}
			panic(fmt.Sprintf("event %s is written twice", e.ID))
		}
		e.Seq = int64(len(f.events) + 1)
		f.events = append(f.events, e)
	}
	if c.Conflict != nil && !f.listed(*c.Conflict) {
		row := *c.Conflict
		row.Seq = int64(len(f.conflicts) + 1)
		f.conflicts = append(f.conflicts, row)
	}
	if c.Dismissal != nil {
		f.conflicts[c.Dismissal.Seq-1] = *c.Dismissal
	}
	if e := c.Audit; e != nil {
		salt := f.salts[e.About]
		if salt == nil {
			salt = e.Salt
			f.salts[e.About] = salt
		}
		seq := int64(len(f.audit) + 1)
		f.audit = append(f.audit, AuditRow{Seq: seq, At: c.At, Actor: e.Actor, Op: e.Op, About: e.About, Sealed: e.Seal(seq, salt)})
	}
	return nil
}
