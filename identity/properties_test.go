package identity

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// The world of the properties: two accounts of one subject, one of another, and one
// in openid mode, which is its own subject.
var worldAccounts = map[string]string{"a1": "S", "a2": "S", "a3": "T", "a4": "a4"}

const worldPeople = 3

// truthful is what WeChat says when a person logs in to an account.
func truthful(appid string, person int, told bool) Claim {
	c := Claim{Realm: "r", Openid: Openid{appid, fmt.Sprintf("o-%s-%d", appid, person)}, Unionid: Unionid{Subject: worldAccounts[appid]}}
	switch {
	case c.Subject == appid:
		c.UnionID = c.OpenID
	case told:
		c.UnionID = fmt.Sprintf("n-%s-%d", c.Subject, person)
	}
	return c
}

// cookie is a guest that a browser brought from outside WeChat.
func cookie(c *Claim, n int) {
	c.User, c.UserKind, c.UserBorn = fmt.Sprintf("cookie-%d", n), Virtual, day(1+n*3)
}

func drawTruthful(t *rapid.T) Claim {
	appid := rapid.SampledFrom(slices.Sorted(maps.Keys(worldAccounts))).Draw(t, "account")
	return truthful(appid, rapid.IntRange(1, worldPeople).Draw(t, "person"), rapid.Bool().Draw(t, "told"))
}

// drawAny draws a claim that may be as wrong as a claim can be: forged unionids, the
// cookies of others, old tokens, the real ids of others, ids of a wrong kind.
func drawAny(t *rapid.T, seen []string) Claim {
	c := drawTruthful(t)
	if rapid.IntRange(0, 9).Draw(t, "lie") == 0 {
		c.UnionID = fmt.Sprintf("n-%s-%d", c.Subject, rapid.IntRange(1, worldPeople).Draw(t, "other"))
	}
	c.Bind = rapid.Bool().Draw(t, "bind")
	switch rapid.IntRange(0, 5).Draw(t, "brings") {
	case 0, 1:
	case 2:
		cookie(&c, rapid.IntRange(0, 3).Draw(t, "cookie"))
	case 3:
		c.User, c.UserKind = fmt.Sprintf("real-%d", rapid.IntRange(1, worldPeople).Draw(t, "real")), Real
	default:
		if len(seen) > 0 {
			c.User = rapid.SampledFrom(seen).Draw(t, "old id")
			c.UserKind, c.UserBorn = rapid.SampledFrom([]Kind{Virtual, Real}).Draw(t, "kind"), day(15)
		}
	}
	return c
}

// play is a course of claims on one fact base, one per day.
type play struct {
	*rapid.T
	facts  *facts
	clock  int
	ranks  map[Openid]User    // what each openid resolved to, for I13
	linked map[Openid]Unionid // for I7
	gone   map[string]string  // parents, for I3
	told   int                // events that were checked before
	seen   []string           // ids that a browser may hold
}

func newPlay(t *rapid.T) *play {
	return &play{T: t, facts: newFacts(), ranks: map[Openid]User{}, linked: map[Openid]Unionid{}, gone: map[string]string{}}
}

func (p *play) load(c Claim) Known {
	k, err := p.facts.Load(p.Context(), Query{Realm: c.Realm, Openid: c.Openid, Unionid: c.Unionid, User: c.User})
	if err != nil {
		p.Fatal(err)
	}
	return k
}

func (p *play) decide(k Known, c Claim) (Change, Answer, error) {
	return decide(k, c, Policies{}, realmMinter("key"), day(p.clock))
}

// resolve is what a [Centre] does, starting from what was known some claims ago.
func (p *play) resolve(known Known, c Claim) (Answer, error) {
	p.clock++
	for range tries {
		before := p.facts.copy()
		change, answer, err := p.decide(known, c)
		if err != nil {
			if !change.Empty() || len(change.Events) > 0 {
				p.Fatalf("I8: %v, and yet it writes %s", err, writes(change))
			}
			return answer, err
		}
		if change.Empty() {
			return answer, nil
		}
		err = p.facts.Apply(p.Context(), change)
		if err == nil {
			p.check()
			p.noEscalation(before, c, answer)
			return answer, nil
		}
		if !p.facts.equal(before) {
			p.Fatal("a change that lost its race was written in part")
		}
		known = p.load(c)
	}
	p.Fatalf("%s can't be resolved: every change is refused", c.OpenID)
	return Answer{}, nil
}

// noEscalation is I10: only a business makes somebody real.
func (p *play) noEscalation(before *facts, c Claim, a Answer) {
	if a.User.Kind != Real {
		return
	}
	n := Unionid{c.Subject, a.UnionID}
	if given := before.users[c.User]; c.UserKind == Real && (given.ID == "" && c.User == a.User.ID || given.Kind == Real) {
		return
	}
	if before.unions[n].User != a.User.ID {
		p.Fatalf("I10: the claim of %s, bringing %s %q, became real user %s", c.OpenID, c.UserKind, c.User, a.User.ID)
	}
}

// TestInvariants plays claims of any sort. Some of them are decided on what was known
// several claims before, as on a node that is slow.
func TestInvariants(t *testing.T) {
	t.Parallel()
	for i := range 6 { // rapid's default of a hundred courses is too few to meet rare races
		t.Run(fmt.Sprintf("course %d00 and on", i), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, anyCourse)
		})
	}
}

func anyCourse(t *rapid.T) {
	p := newPlay(t)
	type pending struct {
		known Known
		claim Claim
	}
	var slow []pending
	for range rapid.IntRange(1, 60).Draw(t, "claims") {
		c := drawAny(t, p.seen)
		known := p.load(c)
		if rapid.IntRange(0, 3).Draw(t, "slow") == 0 {
			slow = append(slow, pending{known, c})
			continue
		}
		p.settle(known, c)
		if len(slow) > 0 && rapid.Bool().Draw(t, "catch up") {
			if _, err := p.resolve(slow[0].known, slow[0].claim); err == nil {
				p.remember(slow[0].claim)
			}
			slow = slow[1:]
		}
	}
}

// settle resolves a claim on fresh knowledge, twice: the second time gives the same
// answer and writes nothing (I8, I9).
func (p *play) settle(known Known, c Claim) {
	before := p.facts.copy()
	first, err := p.resolve(known, c)
	if err != nil {
		if !p.facts.equal(before) {
			p.Fatalf("I8: %v, and yet something was written", err)
		}
		return
	}
	p.remember(c)
	middle := p.facts.copy()
	again, err := p.resolve(p.load(c), c)
	if err != nil {
		p.Fatalf("I9: repeated: %v", err)
	}
	if again.User.ID != first.User.ID || again.UnionID != first.UnionID || !slices.Equal(again.Notes, first.Notes) {
		p.Fatalf("I9: repeated, the answer is %+v, was %+v", again, first)
	}
	if !p.facts.equal(middle) {
		p.Fatal("I9: repeated, it writes")
	}
}

// remember keeps every id that a browser may hold from now on.
func (p *play) remember(c Claim) {
	for _, id := range []string{p.ranks[c.Openid].ID, c.User} {
		if id != "" && !slices.Contains(p.seen, id) {
			p.seen = append(p.seen, id)
		}
	}
}

// partition says which openids are one person, and which of those are real.
func (p *play) partition() map[string]string {
	people := map[string][]string{}
	kinds := map[string]Kind{}
	for key, o := range p.facts.openids {
		u := p.find(o)
		people[u.ID] = append(people[u.ID], key.OpenID)
		kinds[u.ID] = u.Kind
	}
	parts := map[string]string{}
	for id, openids := range people {
		slices.Sort(openids)
		parts[strings.Join(openids, " ")] = string(kinds[id])
	}
	return parts
}

// TestOrderDoesNotMatter is I4a: claims that agree with one truth give the same
// partition in every order, however often each comes. A real user is only named
// together with a unionid, since without one he is not remembered (I4d).
func TestOrderDoesNotMatter(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var claims []Claim
		for range rapid.IntRange(1, 10).Draw(t, "claims") {
			c := drawTruthful(t)
			var person int
			if _, err := fmt.Sscanf(c.OpenID[len("o-a1-"):], "%d", &person); err != nil {
				t.Fatal(err)
			}
			switch rapid.IntRange(0, 3).Draw(t, "brings") {
			case 0:
				cookie(&c, rapid.IntRange(0, 3).Draw(t, "cookie"))
			case 1:
				if c.UnionID != "" {
					c.User, c.UserKind = fmt.Sprintf("real-%d", person), Real
				}
			}
			claims = append(claims, c)
		}
		twice := append(slices.Clone(claims), rapid.SliceOfN(rapid.SampledFrom(claims), 0, 5).Draw(t, "again")...)
		var want map[string]string
		for i, order := range [][]Claim{claims, rapid.Permutation(twice).Draw(t, "order")} {
			p := newPlay(t)
			for _, c := range order {
				if _, err := p.resolve(p.load(c), c); err != nil {
					var conflict *Conflict
					t.Fatalf("a true claim was refused (conflict: %t): %v", errors.As(err, &conflict), err)
				}
			}
			if i == 0 {
				want = p.partition()
			} else if got := p.partition(); !maps.Equal(got, want) {
				t.Fatalf("in another order the people are %v, were %v", got, want)
			}
		}
	})
}

// TestRankIsATotalOrder: without that, pointers could form a circle.
func TestRankIsATotalOrder(t *testing.T) {
	t.Parallel()
	user := rapid.Custom(func(t *rapid.T) User {
		return User{
			ID:   rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "id"),
			Kind: rapid.SampledFrom([]Kind{Virtual, Real}).Draw(t, "kind"),
			Born: day(1).Add(time.Duration(rapid.IntRange(0, 2).Draw(t, "born")) * time.Microsecond),
		}
	})
	rapid.Check(t, func(t *rapid.T) {
		u, v, w := user.Draw(t, "u"), user.Draw(t, "v"), user.Draw(t, "w")
		if u.outranks(v) && v.outranks(u) || u != v && !u.outranks(v) && !v.outranks(u) {
			t.Fatalf("%+v and %+v have no order", u, v)
		}
		if u.outranks(v) && v.outranks(w) && !u.outranks(w) {
			t.Fatalf("%+v, %+v and %+v form a circle", u, v, w)
		}
	})
}
