package identity

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
)

// facts is the smallest fact base that keeps the contract of [Store] for one realm:
// maps, and versions that count writes. What it is not asked for, it doesn't have.
type facts struct {
	Store
	mu        sync.Mutex
	openids   map[Openid]OpenidRow
	unions    map[Unionid]UnionRow
	users     map[string]User
	events    []Event
	conflicts []ConflictRow
	applied   int
	before    func() // runs once, before the next Apply: somebody else is faster
}

func newFacts() *facts {
	return &facts{openids: map[Openid]OpenidRow{}, unions: map[Unionid]UnionRow{}, users: map[string]User{}}
}

// copy is the state for comparing; the counters don't matter.
func (f *facts) copy() *facts {
	return &facts{
		openids: maps.Clone(f.openids), unions: maps.Clone(f.unions), users: maps.Clone(f.users),
		events: slices.Clone(f.events), conflicts: slices.Clone(f.conflicts),
	}
}

func (f *facts) equal(g *facts) bool {
	return maps.Equal(f.openids, g.openids) && maps.Equal(f.unions, g.unions) && maps.Equal(f.users, g.users) &&
		slices.Equal(f.events, g.events) && slices.Equal(f.conflicts, g.conflicts)
}

// root follows the forward pointers of an id.
func (f *facts) root(id string) User {
	u := f.users[id]
	for !u.Live() {
		u = f.users[u.Parent]
	}
	return u
}

func (f *facts) Load(_ context.Context, q Query) (Known, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := Known{Openid: f.openids[q.Openid]}
	k.Openid.Openid = q.Openid
	n := q.Unionid
	if on := k.Openid.Unionid; on.UnionID != "" && on.Subject == q.Subject {
		n = on
	}
	if n.UnionID != "" {
		k.Union = f.unions[n]
		k.Union.Unionid = n
		k.UnionUser = f.users[k.Union.User]
		k.Prev = f.prev(k.UnionUser.ID)
	}
	f.loadGiven(q, &k)
	return k, nil
}

func (f *facts) loadGiven(q Query, k *Known) {
	if q.User == "" {
		return
	}
	given, ok := f.users[q.User]
	if !ok {
		for _, o := range f.openids {
			if o.Guest == q.User {
				k.GivenHome = o
				k.Given = User{ID: o.Guest, Kind: Virtual, Born: o.Issued, Home: o.Openid}
				k.GivenRoot = k.Given
			}
		}
		return
	}
	k.Given, k.GivenRoot = given, f.root(given.ID)
	k.GivenHome = f.openids[given.Home]
	for _, row := range f.unions {
		if row.User == k.GivenRoot.ID {
			k.GivenServes = append(k.GivenServes, row)
		}
	}
}

// prev ignores PrevSince, which decides nothing.
func (f *facts) prev(id string) []string {
	var gone []User
	for _, u := range f.users {
		if id != "" && u.ID != id && f.root(u.ID).ID == id {
			gone = append(gone, u)
		}
	}
	slices.SortFunc(gone, func(a, b User) int {
		return cmp.Or(b.RetiredAt.Compare(a.RetiredAt), cmp.Compare(a.ID, b.ID))
	})
	var ids []string
	for _, u := range gone[:min(len(gone), maxPrev)] {
		ids = append(ids, u.ID)
	}
	return ids
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
	for _, u := range append(slices.Clone(c.Seen), c.Users...) {
		if f.users[u.ID].Version != u.Version {
			return ErrConflict
		}
	}
	for _, o := range c.Openids {
		if f.openids[o.Openid].Version != o.Version {
			return ErrConflict
		}
	}
	for _, u := range c.Unions {
		if f.unions[u.Unionid].Version != u.Version {
			return ErrConflict
		}
		for n, row := range f.unions {
			if n != u.Unionid && n.Subject == u.Subject && row.User == u.User && row.Slot == u.Slot {
				return ErrConflict // a user serves one unionid of a subject
			}
		}
	}
	f.write(c)
	return nil
}

func (f *facts) write(c Change) {
	for _, u := range c.Users {
		u.Version++
		f.users[u.ID] = u
	}
	for _, o := range c.Openids {
		o.Version++
		f.openids[o.Openid] = o
	}
	for _, n := range c.Unions {
		n.Version++
		f.unions[n.Unionid] = n
	}
	for _, e := range c.Events {
		if slices.ContainsFunc(f.events, func(was Event) bool { return was.ID == e.ID }) {
			panic(fmt.Sprintf("event %s is written twice", e.ID))
		}
		e.Seq = int64(len(f.events) + 1)
		f.events = append(f.events, e)
	}
	if r := c.Conflict; r != nil && !slices.ContainsFunc(f.conflicts, func(was ConflictRow) bool {
		return was.Openid == r.Openid && was.Code == r.Code && was.Got == r.Got
	}) {
		f.conflicts = append(f.conflicts, *r)
	}
}
