package identity

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// tombstone is what is left of something erased.
type tombstone struct {
	gen int
	at  time.Time
}

// root follows the forward pointers of an id.
func (f *facts) root(id string) User {
	u := f.users[id]
	for !u.Live() {
		u = f.users[u.Parent]
	}
	return u
}

func (f *facts) erased(q Query, kind MarkKind, parts ...string) (tombstone, bool) {
	if q.Mark == nil {
		return tombstone{}, false
	}
	t, ok := f.tombstones[q.Mark(kind, parts...)]
	return t, ok
}

func (f *facts) Load(_ context.Context, q Query) (Known, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k := Known{Openid: f.openids[q.Openid]}
	k.Openid.Openid = q.Openid
	if k.Openid.Version == 0 {
		t, _ := f.erased(q, MarkOpenid, q.AppID, q.OpenID)
		k.Openid.Gen, k.Openid.Since = t.gen, t.at
	}
	n, on := q.Unionid, k.Openid.Unionid
	moved := on.UnionID != "" && n.UnionID != "" && on.Subject != n.Subject
	if on.UnionID != "" && !moved {
		n = on
	}
	if n.UnionID != "" {
		k.Union = f.unions[n]
		k.Union.Unionid = n
		if k.Union.Version == 0 {
			t, _ := f.erased(q, MarkUnionid, n.Subject, n.UnionID)
			k.Union.Epoch = t.gen
		}
		k.UnionUser = f.users[k.Union.User]
		k.UnionServes = f.serves(k.UnionUser.ID)
		k.Prev = f.prev(k.UnionUser.ID)
	}
	if on.UnionID == "" {
		f.loadUnlinked(q, &k)
	}
	if hint := k.Openid.Hint; hint != "" || moved {
		if hint == "" {
			hint = f.unions[on].User
		}
		_, k.Hint, _ = f.find(hint)
		k.HintServes = f.serves(k.Hint.ID)
	}
	if q.User != "" {
		k.Given, k.GivenRoot, k.GivenHome = f.find(q.User)
		if k.GivenHome.Version == 0 {
			k.GivenHome = f.openids[k.Given.Home]
		}
		k.GivenServes = f.serves(k.GivenRoot.ID)
		if k.Given.ID == "" {
			_, k.GivenGone = f.erased(q, MarkUser, q.User)
		}
	}
	return k, nil
}

func (f *facts) loadUnlinked(q Query, k *Known) {
	guest := k.Openid.Guest
	if q.OpenID == "" {
		guest = q.Browser
	}
	k.Guest = f.users[guest]
	if q.OpenID == "" && k.Guest.ID == "" {
		_, k.GuestGone = f.erased(q, MarkUser, guest)
	}
	if k.Login = f.logins[q.Session]; q.Session != "" && k.Login.User != "" {
		k.LoginUser = f.root(k.Login.User)
		k.LoginServes = f.serves(k.LoginUser.ID)
	}
}

// find is a user and who stands for him; a guest without a row comes with the openid
// that he was issued for.
func (f *facts) find(id string) (given, root User, home OpenidRow) {
	given, ok := f.users[id]
	if ok {
		return given, f.root(id), home
	}
	for _, o := range f.openids {
		if id != "" && o.Guest == id {
			given = User{ID: o.Guest, Kind: Virtual, Born: o.Issued, Home: o.Openid}
			return given, given, o
		}
	}
	return given, given, home
}

func (f *facts) serves(id string) (rows []UnionRow) {
	for _, row := range f.unions {
		if id != "" && row.User == id {
			rows = append(rows, row)
		}
	}
	slices.SortFunc(rows, func(a, b UnionRow) int {
		return cmp.Or(cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Slot, b.Slot))
	})
	return rows
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

func (f *facts) User(_ context.Context, _, id, mark string) (UserFacts, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	var facts UserFacts
	var home OpenidRow
	facts.Given, facts.Root, home = f.find(id)
	if facts.Given.ID == "" {
		_, facts.Gone = f.tombstones[mark]
		return facts, nil
	}
	if home.Version == 0 {
		home = f.openids[facts.Root.Home]
	}
	if home.Version > 0 && home.UnionID == "" && home.Guest == facts.Root.ID {
		facts.Openids = append(facts.Openids, home)
	}
	facts.Unions = f.serves(facts.Root.ID)
	for _, o := range f.openids {
		for _, n := range facts.Unions {
			if o.Unionid == n.Unionid {
				facts.Openids = append(facts.Openids, o)
			}
		}
	}
	for _, u := range f.users {
		if !u.Live() && f.root(u.ID).ID == facts.Root.ID {
			facts.Retired = append(facts.Retired, u)
		}
	}
	for _, l := range f.logins {
		if l.User == facts.Root.ID {
			facts.Logins++
		}
	}
	return facts, nil
}

func (f *facts) Rebinds(_ context.Context, _ string, state RebindState, user string, limit int) (rows []RebindRow, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.rebinds {
		if r.State == state && (user == "" || r.User == user) {
			rows = append(rows, r)
		}
	}
	slices.SortFunc(rows, func(a, b RebindRow) int { return cmp.Or(a.Due.Compare(b.Due), cmp.Compare(a.ID, b.ID)) })
	return rows[:min(len(rows), limit)], nil
}

func (f *facts) Audit(_ context.Context, _, about string, after int64, limit int) (rows []AuditRow, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, r := range f.audit {
		if r.Seq > after && (about == "" || r.About == about) && len(rows) < limit {
			r.Salt = f.salts[r.About]
			rows = append(rows, r)
		}
	}
	return rows, nil
}

// erase says whether nothing was left over.
func (f *facts) erase(e Erasure, c Change) bool {
	for _, n := range e.Unions {
		if f.unions[n].Version == 0 {
			return false
		}
		delete(f.unions, n)
	}
	for _, o := range e.Openids {
		if f.openids[o].Version == 0 {
			return false
		}
		delete(f.openids, o)
	}
	gone := func(id string) bool { return slices.Contains(e.Users, id) }
	for _, id := range e.Users {
		delete(f.users, id)
	}
	for session, l := range f.logins {
		if gone(l.User) || slices.Contains(e.Openids, l.Openid) {
			delete(f.logins, session)
		}
	}
	for id, r := range f.rebinds {
		if gone(r.User) || slices.Contains(e.Openids, r.Openid) {
			delete(f.rebinds, id)
		}
	}
	for _, o := range f.openids {
		if slices.Contains(e.Unions, o.Unionid) {
			return false
		}
	}
	for _, u := range f.users {
		if gone(u.Parent) {
			return false
		}
	}
	for _, n := range f.unions {
		if gone(n.User) {
			return false
		}
	}
	f.forget(e, gone)
	for _, salt := range e.Salts {
		delete(f.salts, salt)
	}
	for _, m := range e.Marks {
		f.tombstones[m.Mark] = tombstone{m.Gen, c.At}
	}
	return true
}

// forget takes out what names somebody erased in the rows of others.
func (f *facts) forget(e Erasure, gone func(id string) bool) {
	for key, o := range f.openids {
		if o.Guest != "" && gone(o.Guest) {
			o.Guest, o.Issued = "", time.Time{}
			o.Gen++
			o.Version++
			f.openids[key] = o
		}
		if o.Hint != "" && gone(o.Hint) {
			o.Hint = ""
			o.Version++
			f.openids[key] = o
		}
	}
	f.conflicts = slices.DeleteFunc(f.conflicts, func(r ConflictRow) bool {
		return gone(r.User) || gone(r.Have) || gone(r.Got) || slices.Contains(e.Openids, r.Openid)
	})
}
