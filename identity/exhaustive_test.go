package identity

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// The small world whose every course is tried: two accounts of one subject, three
// openids of two people, two users of a business and one browser's guest.
var smallWorld = []Openid{{"a1", "A"}, {"a2", "A"}, {"a1", "B"}}

// deed is one thing that can be done.
type deed struct {
	name  string
	claim *Claim
	do    func(c *Centre) error
}

func smallClaim(o Openid, told string) Claim {
	c := Claim{Realm: "r", Openid: o, Unionid: Unionid{Subject: "S"}, Via: "all"}
	if told != "" {
		c.UnionID = "n" + told
	}
	return c
}

// brought are what can come along with a claim.
var brought = []struct {
	user string
	kind Kind
}{{"", ""}, {"v", Virtual}, {"r1", Real}, {"r2", Real}, {"g0", Virtual}, {"g1", Virtual}, {"g2", Virtual}}

// smallClaims are all claims without sessions; those of a liar too if lies.
func smallClaims(lies bool) (all []Claim) {
	for _, o := range smallWorld {
		for _, told := range []string{"", "A", "B"} {
			for _, b := range brought {
				c := smallClaim(o, told)
				c.User, c.UserKind = b.user, b.kind
				if c.User == "v" {
					c.UserBorn = day(1)
				}
				if c.UserKind == Virtual && c.User[0] == 'g' {
					c.User = GuestID([]byte("key"), smallWorld[c.User[1]-'0'], 0)
					c.UserBorn = day(2)
				}
				truth := (told == "" || told == o.OpenID) && (b.kind != Real || told != "" && (b.user == "r1") == (o.OpenID == "A"))
				if lies || truth {
					all = append(all, c)
				}
			}
		}
	}
	return all
}

func deeds() (all []deed) {
	for _, c := range smallClaims(true) {
		all = append(all, deed{fmt.Sprint(c.Openid, c.UnionID, c.UserKind, c.User), &c, nil})
	}
	for _, o := range smallWorld {
		for _, told := range []string{"", o.OpenID} {
			for _, user := range []string{"", "r1", "r2"} {
				c := smallClaim(o, told)
				c.Session, c.User, c.UserKind = "s"+o.AppID+o.OpenID, user, Real
				all = append(all, deed{"in session: " + fmt.Sprint(c.Openid, c.UnionID, user), &c, nil})
			}
		}
	}
	by := By{Actor: "command:all"}
	for _, x := range []string{"r1", "r2"} {
		y := map[string]string{"r1": "r2", "r2": "r1"}[x]
		all = append(all,
			deed{"unbind " + x, nil, func(c *Centre) error { return c.Unbind(context.Background(), "r", x, Unionid{}, by) }},
			deed{"merge " + x + " into " + y, nil, func(c *Centre) error { return c.Merge(context.Background(), "r", x, y, by) }},
			deed{"erase " + x, nil, func(c *Centre) error { return c.Erase(context.Background(), "r", x, by) }})
	}
	return all
}

// state is what decides how things go on: everything but moments, of which only the
// order of births counts.
func (f *facts) state() string {
	births := []User{}
	for _, u := range f.users {
		births = append(births, u)
	}
	for _, o := range f.openids {
		if _, row := f.users[o.Guest]; o.Guest != "" && !row {
			births = append(births, User{ID: o.Guest, Born: o.Issued})
		}
	}
	slices.SortFunc(births, func(a, b User) int {
		if c := a.Born.Compare(b.Born); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	var lines []string
	for i, u := range births {
		lines = append(lines, fmt.Sprint("u", u.ID, u.Kind, u.Parent, i))
	}
	for _, o := range f.openids {
		lines = append(lines, fmt.Sprint("o", o.Openid, o.UnionID, o.Gen, o.Guest, o.Since.IsZero()))
	}
	for _, n := range f.unions {
		lines = append(lines, fmt.Sprint("n", n.Unionid, n.User, n.Epoch))
	}
	for _, l := range f.logins {
		lines = append(lines, fmt.Sprint("l", l.Session, l.Openid, l.User))
	}
	for mark, t := range f.tombstones {
		lines = append(lines, fmt.Sprint("t", mark, t.gen))
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// resolved is Resolve(O) of the law.
func (f *facts) resolved(o OpenidRow) User {
	if o.UnionID != "" {
		return f.users[f.unions[o.Unionid].User]
	}
	if u, ok := f.users[o.Guest]; ok || o.Guest == "" {
		return u
	}
	return User{ID: o.Guest, Kind: Virtual, Born: o.Issued}
}

// carries says that somebody may hold this id: a guest id was issued before.
func (f *facts) carries(id string) bool {
	if !minted(id) {
		return true
	}
	given, _, _ := f.find(id)
	_, erased := f.tombstones[mark([]byte("key"), MarkUser, id)]
	return given.ID != "" || erased
}

// small is a centre on facts at a depth of a course.
func small(f *facts, depth int) *Centre {
	c := newCentre(f)
	c.GuestKey = func(string) ([]byte, error) { return []byte("key"), nil }
	now := day(3 + depth)
	c.Now = func() time.Time { return now }
	return c
}

// try does a deed on a copy of the facts and holds the invariants against what became
// of them.
func try(before *facts, d deed, depth int) (*facts, error) {
	f := before.copy()
	c := small(f, depth)
	var a Answer
	var err error
	if d.claim != nil {
		a, err = c.Resolve(context.Background(), *d.claim)
	} else {
		err = d.do(c)
	}
	if conflict := (*Conflict)(nil); errors.As(err, &conflict) {
		if !f.equal(before) {
			return nil, fmt.Errorf("I8: %w changed something", err)
		}
		return f, nil
	}
	if err != nil {
		return nil, err
	}
	if err := f.sound(); err != nil {
		return nil, err
	}
	if err := f.follows(before, d); err != nil {
		return nil, err
	}
	if d.claim == nil {
		return f, nil
	}
	if is := f.resolved(f.openids[d.claim.Openid]); !a.InSession && a.User.ID != is.ID {
		return nil, fmt.Errorf("I1: answered %s, resolves to %s", a.User.ID, is.ID)
	}
	if a.User.Kind == Real && d.claim.UserKind != Real && !a.InSession && before.logins[d.claim.Session].User == "" &&
		before.unions[f.openids[d.claim.Openid].Unionid].User != a.User.ID {
		return nil, fmt.Errorf("I10: became %s", a.User.ID)
	}
	later := f.copy()
	again, err := small(later, depth+1).Resolve(context.Background(), *d.claim)
	if err != nil || again.User.ID != a.User.ID || again.UnionID != a.UnionID {
		return nil, fmt.Errorf("I9: repeated, the answer is %s, was %s, %w", again.User.ID, a.User.ID, err)
	}
	if !later.equal(f) {
		return nil, errors.New("I9: repeated, it writes")
	}
	return f, nil
}

// sound is I1, I2, I5 and I6 of a moment.
func (f *facts) sound() error {
	for key, o := range f.openids {
		u := f.resolved(o)
		switch {
		case u.ID == "" && o.Guest == "" && o.UnionID == "" && o.Gen > 0: // handed over, or erased; the next visit is a fresh guest
		case u.ID == "" || !u.Live():
			return fmt.Errorf("I1: %v leads to %q, retired into %q", key, u.ID, u.Parent)
		case o.UnionID == "" && u.Kind == Real:
			return fmt.Errorf("I6: %v leads to %s", key, u.ID)
		}
	}
	serves := map[string]Unionid{}
	for n, row := range f.unions {
		if u := f.users[row.User]; u.ID == "" || !u.Live() {
			return fmt.Errorf("I2: %v leads to %s, retired into %q", n, row.User, u.Parent)
		}
		if other, twice := serves[row.User]; twice {
			return fmt.Errorf("I2: %s serves %v and %v", row.User, n, other)
		}
		serves[row.User] = n
	}
	return nil
}

// follows is I3, I5, I7 and I13 between two moments.
func (f *facts) follows(before *facts, d deed) error {
	told := map[string]string{}
	erased := map[string]bool{}
	for _, e := range f.events[len(before.events):] {
		switch e.Type {
		case EventReplaced:
			told[e.Old] = e.New
		case EventErased:
			erased[e.Old] = true
		}
	}
	for id, u := range f.users {
		was := before.users[id]
		switch {
		case was.ID != "" && !was.Live() && was.Parent != u.Parent:
			return fmt.Errorf("I3: %s was retired into %s, now into %q", id, was.Parent, u.Parent)
		case !u.Live() && (was.ID == "" || was.Live()) && told[id] != u.Parent:
			return fmt.Errorf("I5: %s is retired into %s, told is %q", id, u.Parent, told[id])
		case u.Live() && told[id] != "":
			return fmt.Errorf("I5: %s lives, told is %s", id, told[id])
		case !u.Live() && (was.ID == "" || was.Live()) && d.claim != nil && !f.users[u.Parent].outranks(u):
			return fmt.Errorf("I3: %s is retired into %s, who is less", id, u.Parent)
		}
	}
	for key, was := range before.openids {
		o, there := f.openids[key]
		if d.claim == nil {
			continue // an operator may take apart
		}
		if !there || was.UnionID != "" && o.Unionid != was.Unionid {
			return fmt.Errorf("I7: %v was %v, is %v", key, was.Unionid, o.Unionid)
		}
		if a, b := before.resolved(was), f.resolved(o); a.ID != b.ID && a.ID != "" && b.ID != "" && !b.outranks(a) {
			return fmt.Errorf("I13: %v led to %s, now to %s", key, a.ID, b.ID)
		}
	}
	return nil
}

// TestEveryCourse tries every deed in every state that can be reached.
func TestEveryCourse(t *testing.T) {
	t.Parallel()
	depth := 3
	if os.Getenv("WSITE_SOAK") != "" {
		depth = 4
	}
	all := deeds()
	type place struct {
		*facts
		way []string
	}
	states, tried := []place{{newFacts(), nil}}, 0
	seen := map[string]bool{states[0].state(): true}
	for n := range depth {
		var next []place
		for _, s := range states {
			for _, d := range all {
				if d.claim != nil && !s.carries(d.claim.User) {
					continue
				}
				tried++
				f, err := try(s.facts, d, n)
				way := append(slices.Clone(s.way), d.name)
				if err != nil {
					t.Fatalf("%v\nafter\n%s", err, strings.Join(way, "\n"))
				}
				if key := f.state(); !seen[key] {
					seen[key] = true
					next = append(next, place{f, way})
				}
			}
		}
		states = next
	}
	t.Logf("%d states, %d deeds", len(seen), tried)
}
