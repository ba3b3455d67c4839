package oracle

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// accounts are those of the world: two of a subject, one of another, and one in openid
// mode.
var accounts = []string{"wx1", "wx2", "wx3", "wx4"}

// birth is when the world begins, and its browsers' guests are older.
var birth = time.Date(2026, 1, 2, 3, 4, 5, 678901000, time.UTC)

// world is one realm, once in a store and once in the model.
type world struct {
	realm    string
	centre   *identity.Centre
	model    *model
	subjects map[string]string
	now      time.Time
	symbols  map[string]string // what the model calls an id
	ids      map[string]string // and the other way round
	after    int64             // the last event seen
	log      []string
}

func newWorld(realm string, store identity.Store, policy identity.Policies) *world {
	w := &world{
		realm: realm, model: newModel(policy), now: birth, symbols: map[string]string{}, ids: map[string]string{},
		subjects: map[string]string{"wx1": "S", "wx2": "S", "wx3": "T", "wx4": "wx4"},
	}
	key := []byte("the guest key of " + realm)
	w.centre = &identity.Centre{
		Store: store, PrevFor: time.Hour, Now: func() time.Time { return w.now },
		GuestKey: func(string) ([]byte, error) { return key, nil },
		Policies: func(string) identity.Policies { return policy },
	}
	for _, app := range accounts {
		for i := range 3 {
			o := openid{AppID: app, OpenID: fmt.Sprintf("o%d", i+1)}
			for gen := range 40 {
				w.learn(guestOf(o, gen), identity.GuestID(key, o, gen))
			}
		}
	}
	w.model.actual = w.id
	return w
}

func (w *world) learn(symbol, id string) { w.symbols[id], w.ids[symbol] = symbol, id }

// id is the id that the model means.
func (w *world) id(symbol string) string {
	if id := w.ids[symbol]; id != "" {
		return id
	}
	return symbol
}

// means says whether an id is what the model means. The first id that turns up for a
// name that the model has made is its id from then on.
func (w *world) means(symbol, id string) bool {
	made := strings.HasPrefix(symbol, "parted ") || strings.HasPrefix(symbol, "registered ")
	if made && w.ids[symbol] == "" && w.symbols[id] == "" && len(id) == 33 {
		w.learn(symbol, id)
	}
	return w.id(symbol) == id
}

// code is the code of a conflict.
func code(err error) (string, error) {
	if conflict := (*identity.Conflict)(nil); errors.As(err, &conflict) {
		return conflict.Code, nil
	}
	return "", err
}

// resolve claims, here and there; the user of the claim is named as the model does.
func (w *world) resolve(ctx context.Context, c identity.Claim) error {
	c.Realm = w.realm
	want := w.model.resolve(c)
	c.User = w.id(c.User)
	a, err := w.centre.Resolve(ctx, c)
	got := answer{
		linked: a.Linked(), session: a.InSession, hinted: a.Hinted, spent: a.Spent, since: !a.Since.IsZero(), blocked: !a.User.BlockedAt.IsZero(),
	}
	if got.code, err = code(err); err != nil {
		return err
	}
	if !w.means(want.user, a.User.ID) {
		return fmt.Errorf("the answer is user %s, should be %s", w.symbols[a.User.ID]+" "+a.User.ID, want.user)
	}
	if got.user = want.user; got != want {
		return fmt.Errorf("the answer is %+v, should be %+v", got, want)
	}
	return nil
}

// refused compares the codes of an operation.
func refused(got error, want string) error {
	has, err := code(got)
	if err == nil && has != want {
		err = fmt.Errorf("refused with %q, should be %q", has, want)
	}
	return err
}

// compare holds all that can be seen of the store against the model.
func (w *world) compare(ctx context.Context) error {
	events, err := w.centre.Store.Events(ctx, w.realm, w.after, 1000)
	if err != nil {
		return err
	}
	if err := w.learnParted(ctx); err != nil {
		return err
	}
	told := w.model.told
	w.model.told = nil
	for _, e := range events {
		if e.Seq != w.after+1 {
			return fmt.Errorf("event %d follows %d", e.Seq, w.after)
		}
		w.after = e.Seq
		i := slices.IndexFunc(told, func(want string) bool { return w.meansEvent(want, e) })
		if i < 0 {
			return fmt.Errorf("event %s %s→%s, should be of %q", e.Type, w.symbols[e.Old]+" "+e.Old, w.symbols[e.New]+" "+e.New, told)
		}
		told = slices.Delete(told, i, i+1)
	}
	if len(told) > 0 {
		return fmt.Errorf("not told: %q", told)
	}
	if err := w.compareOpenids(ctx); err != nil {
		return err
	}
	if err := w.comparePeople(ctx); err != nil {
		return err
	}
	return w.compareList(ctx)
}

// learnParted learns the ids of WeChat accounts that were parted from a user, of which
// one step may make several.
func (w *world) learnParted(ctx context.Context) error {
	for n, symbol := range w.model.unions {
		if !strings.HasPrefix(symbol, "parted ") || w.ids[symbol] != "" {
			continue
		}
		known, err := w.centre.Store.Load(ctx, identity.Query{Realm: w.realm, Openid: openid{AppID: "wx0", OpenID: "nobody"}, Unionid: n})
		if err != nil {
			return err
		}
		w.means(symbol, known.UnionUser.ID)
	}
	return nil
}

func (w *world) meansEvent(want string, e identity.Event) bool {
	what, rest, _ := strings.Cut(want, " [")
	old, next, _ := strings.Cut(strings.TrimSuffix(rest, "]"), "] [")
	return string(e.Type) == "userid."+what && w.id(old) == e.Old && w.means(next, e.New)
}

// compareOpenids is Resolve of everybody.
func (w *world) compareOpenids(ctx context.Context) error {
	all, err := w.centre.Store.Openids(ctx, w.realm, openid{}, 1000)
	if err != nil {
		return err
	}
	if len(all) != len(w.model.openids) {
		return fmt.Errorf("%d openids, should be %d", len(all), len(w.model.openids))
	}
	for _, o := range all {
		r := w.model.openids[o.Openid]
		if r == nil {
			return fmt.Errorf("%v is there", o.Openid)
		}
		leads := w.model.unions[r.on]
		if o.Unionid != r.on || o.Hint != w.id(r.hint) || o.Gen != r.gen || o.Guest != w.id(r.guest) || !w.means(leads, o.User.ID) || o.Since.IsZero() == r.since {
			return fmt.Errorf("openid %+v, should be %+v and lead to %s", o, *r, leads)
		}
	}
	return nil
}

func (w *world) comparePeople(ctx context.Context) error {
	var ids []string
	for id := range w.model.people {
		ids = append(ids, id)
	}
	for id := range w.model.erased {
		ids = append(ids, id)
	}
	for _, id := range ids {
		f, err := w.centre.User(ctx, w.realm, w.id(id))
		if err != nil {
			return err
		}
		p, root := w.model.people[id], w.model.root(id)
		if f.Gone != w.model.erased[id] {
			return fmt.Errorf("%s is erased: %t", id, f.Gone)
		}
		if p == nil {
			continue
		}
		q, logins := w.model.people[root], 0
		for _, l := range w.model.logins {
			if w.model.root(l.user) == root {
				logins++
			}
		}
		if f.Root.ID != w.id(root) || f.Given.Version == 0 || (f.Given.Kind == identity.Real) != p.real || f.Root.BlockedAt.IsZero() == q.blocked ||
			len(f.Unions) != len(w.model.serves(root)) || f.Logins != logins || len(f.Openids) != len(w.model.openidsOf(root)) || !f.Given.Born.Equal(p.born) {
			return fmt.Errorf("%s is %+v, should be %+v, who is %s, %+v, with %d logins", id, f, *p, root, *q, logins)
		}
	}
	return nil
}

func (w *world) compareList(ctx context.Context) error {
	all, err := w.centre.Store.Conflicts(ctx, w.realm, 0, 1000)
	if err != nil {
		return err
	}
	if len(all) != len(w.model.listed) {
		return fmt.Errorf("%+v are listed, should be %+v", all, w.model.listed)
	}
	for i, c := range w.model.listed {
		got := all[i]
		have := c.have == "?" || got.Have == w.id(c.have)
		if got.Code != c.key.code || got.Got != w.id(c.key.got) || got.Openid != c.key.openid || !have || got.User != w.id(c.user) {
			return fmt.Errorf("%+v is listed, should be %+v", got, c)
		}
	}
	return nil
}
