package storetest

import (
	"context"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// facts are all facts of a [world], read through the contract.
type facts struct {
	Openids   map[identity.Openid]identity.OpenidRow
	Unions    map[string]identity.UnionRow
	Resolved  map[identity.Openid]identity.User // whom an openid leads to
	Users     map[string]identity.User
	Serves    map[string]string // user id → unionid
	Events    []identity.Event
	Refusals  []identity.Event
	Conflicts []identity.ConflictRow
	Stale     map[string]bool // ids that caches were told to forget
}

func (w *world) facts(ctx context.Context) (facts, error) {
	s := w.centres[0].Store
	f := facts{
		Openids: map[identity.Openid]identity.OpenidRow{}, Unions: map[string]identity.UnionRow{},
		Resolved: map[identity.Openid]identity.User{}, Users: map[string]identity.User{},
		Serves: map[string]string{}, Stale: map[string]bool{},
	}
	q := identity.Query{Realm: w.realm, Unionid: identity.Unionid{Subject: subject}}
	for _, o := range openids {
		q.Openid = o
		known, err := s.Load(ctx, q)
		if err != nil {
			return f, err
		}
		f.Openids[o] = known.Openid
		f.Resolved[o] = known.UnionUser
		if known.Openid.UnionID == "" && known.Openid.Guest != "" {
			guest := q
			guest.User = known.Openid.Guest
			if known, err = s.Load(ctx, guest); err != nil {
				return f, err
			}
			f.Resolved[o] = known.GivenRoot
		}
	}
	q.Openid = identity.Openid{AppID: "wx9", OpenID: "nobody"}
	for _, q.UnionID = range unionids {
		known, err := s.Load(ctx, q)
		if err != nil {
			return f, err
		}
		f.Unions[q.UnionID] = known.Union
	}
	q.UnionID = ""
	for _, q.User = range w.ids() {
		known, err := s.Load(ctx, q)
		if err != nil {
			return f, err
		}
		if known.Given.Version > 0 {
			f.Users[q.User] = known.Given
		}
		if known.Given.Version > 0 && known.Given.Live() {
			f.Serves[q.User] = unionOf(known)
		}
	}
	return f, w.feeds(ctx, &f)
}

// feeds fills in what is told to others.
func (w *world) feeds(ctx context.Context, f *facts) (err error) {
	s := w.centres[0].Store
	all, err := s.Events(ctx, w.realm, 0, 1000)
	for _, e := range all {
		if e.Type == identity.EventReplaced {
			f.Events = append(f.Events, e)
		} else {
			f.Refusals = append(f.Refusals, e)
		}
	}
	if err != nil {
		return err
	}
	if f.Conflicts, err = s.Conflicts(ctx, w.realm, 0, 1000); err != nil {
		return err
	}
	entries, _, err := s.Stale(ctx, w.start, 1<<20)
	for _, e := range entries {
		if e.Realm == w.realm {
			f.Stale[e.Key] = true
		}
	}
	return err
}

// check says which invariant doesn't hold at this moment.
func (f facts) check() error {
	for o, row := range f.Openids {
		u := f.Resolved[o]
		if row.Version > 0 && (u.ID == "" || !u.Live()) {
			return fmt.Errorf("I1: every openid resolves to one live user: %v resolves to %+v", o, u)
		}
		if row.UnionID == "" && u.Kind == identity.Real {
			return fmt.Errorf("I6: an openid without unionid never resolves to a real user: %v resolves to %+v", o, u)
		}
	}
	serves := map[string]string{}
	for unionid, row := range f.Unions {
		if row.Version == 0 {
			continue
		}
		if u := f.Users[row.User]; u.ID == "" || !u.Live() {
			return fmt.Errorf("I2: a unionid has exactly one live user: %s has %+v", unionid, u)
		}
		if other := serves[row.User]; other != "" {
			return fmt.Errorf("I2: a user serves at most one unionid: %s serves %s and %s", row.User, other, unionid)
		}
		serves[row.User] = unionid
	}
	for id, unionid := range f.Serves {
		if unionid != serves[id] {
			return fmt.Errorf("I2: %s serves %q, and is said to serve %q", id, serves[id], unionid)
		}
	}
	return f.checkRetired()
}

func (f facts) checkRetired() error {
	told := map[string]identity.Event{}
	for _, e := range f.Events {
		if _, twice := told[e.Old]; twice {
			return fmt.Errorf("I5: a retirement is told once: %s is told twice", e.Old)
		}
		told[e.Old] = e
	}
	for id, u := range f.Users {
		e, isTold := told[id]
		if isTold == u.Live() {
			return fmt.Errorf("I5: the events are the retired ids: %+v, told: %v", u, isTold)
		}
		if u.Live() {
			continue
		}
		parent, ok := f.Users[u.Parent]
		if !ok || !outranks(parent, u) {
			return fmt.Errorf("I3: rank increases along forward pointers: %+v is retired into %+v", u, parent)
		}
		if e.New != u.Parent {
			return fmt.Errorf("I5: an event names the successor: %+v, user %+v", e, u)
		}
		if !parent.Live() && told[parent.ID].Seq <= e.Seq {
			return fmt.Errorf("I5: events come in chain order: %s at %d, %s at %d", id, e.Seq, parent.ID, told[parent.ID].Seq)
		}
		if !f.Stale[id] {
			return fmt.Errorf("caches are told of every retirement: %s is missing", id)
		}
	}
	for id := range told {
		if f.Users[id].ID == "" {
			return fmt.Errorf("I5: an event tells of a retired id: nobody knows %s", id)
		}
	}
	return nil
}

// since says which invariant a claim has broken.
func (f facts) since(before facts, c identity.Claim, answer identity.Answer) error {
	for o, row := range before.Openids {
		if row.UnionID != "" && f.Openids[o].Unionid != row.Unionid {
			return fmt.Errorf("I7: the unionid of an openid is written once: %+v became %+v", row, f.Openids[o])
		}
		if was, is := before.Resolved[o], f.Resolved[o]; was.ID != "" && was.ID != is.ID && !outranks(is, was) {
			return fmt.Errorf("I13: whom an openid resolves to never goes down in rank: %+v became %+v", was, is)
		}
	}
	for id, was := range before.Users {
		is := f.Users[id]
		if is.Kind != was.Kind || !is.Born.Equal(was.Born) || is.Home != was.Home {
			return fmt.Errorf("I3: kind, birth and home never change: %+v became %+v", was, is)
		}
		if !was.Live() && (is.Parent != was.Parent || !is.RetiredAt.Equal(was.RetiredAt)) {
			return fmt.Errorf("I3: retirement is final: %+v became %+v", was, is)
		}
	}
	if is := f.Resolved[c.Openid]; answer.User.ID != is.ID {
		return fmt.Errorf("I1: the answer is whom the openid resolves to: answered %+v, resolves to %+v", answer.User, is)
	}
	if answer.User.Kind == identity.Real && c.UserKind != identity.Real {
		unionid := c.UnionID
		if on := before.Openids[c.Openid].UnionID; on != "" {
			unionid = on
		}
		if before.Unions[unionid].User != answer.User.ID {
			return fmt.Errorf("I10: a virtual id never gives a real user that the unionid didn't give: %+v", answer)
		}
	}
	return nil
}
