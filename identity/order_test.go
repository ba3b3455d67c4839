package identity

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// partition says which openids are one person, and which of those are real.
func (f *facts) partition() map[string]string {
	groups := map[string][]string{}
	for key, o := range f.openids {
		u := f.resolved(o)
		groups[u.ID] = append(groups[u.ID], key.AppID+key.OpenID)
	}
	parts := map[string]string{}
	for id, openids := range groups {
		kind := "virtual"
		if f.users[id].Kind == Real {
			kind = id
		}
		slices.Sort(openids)
		parts[strings.Join(openids, " ")] = kind
	}
	return parts
}

// permutations calls do with every order of some numbers.
func permutations(n []int, do func([]int)) {
	var fill func(k int)
	fill = func(k int) {
		if k == len(n) {
			do(n)
			return
		}
		for i := k; i < len(n); i++ {
			n[k], n[i] = n[i], n[k]
			fill(k + 1)
			n[k], n[i] = n[i], n[k]
		}
	}
	fill(0)
}

// TestEveryOrder makes the same claims in every order. If all are true, the people are
// the same each time (I4a); if not, and they differ, a conflict was reported each time
// (I4c).
func TestEveryOrder(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		lies       bool
		many, soak int
	}{"true claims": {false, 3, 4}, "any claims": {true, 2, 3}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			many := tt.many
			if os.Getenv("WSITE_SOAK") != "" {
				many = tt.soak
			}
			claims := slices.DeleteFunc(smallClaims(tt.lies), func(c Claim) bool {
				return minted(c.User) || c.UserKind == Real && c.UnionID == "" // such a login isn't remembered (I4d)
			})
			sets := 0
			choose(len(claims), many, func(set []int) {
				sets++
				type outcome struct {
					people    map[string]string
					conflicts int
				}
				var all []outcome
				permutations(set, func(order []int) {
					people, conflicts := outcomeOf(t, claims, order)
					all = append(all, outcome{people, conflicts})
				})
				differ := slices.ContainsFunc(all, func(o outcome) bool { return !maps.Equal(o.people, all[0].people) })
				silent := slices.ContainsFunc(all, func(o outcome) bool { return o.conflicts == 0 })
				if differ && (silent || !tt.lies) {
					var w []string
					for _, i := range set {
						w = append(w, fmt.Sprint(claims[i].Openid, claims[i].UnionID, claims[i].UserKind, claims[i].User))
					}
					t.Fatalf("in different orders it becomes %v, of the claims\n%s", all, strings.Join(w, "\n"))
				}
			})
			t.Logf("%d sets of %d claims", sets, many)
		})
	}
}

// outcomeOf makes claims one after the other.
func outcomeOf(t *testing.T, claims []Claim, order []int) (people map[string]string, conflicts int) {
	f := newFacts()
	for n, i := range order {
		_, err := small(f, n).Resolve(context.Background(), claims[i])
		if conflict := (*Conflict)(nil); errors.As(err, &conflict) {
			conflicts++
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return f.partition(), conflicts + len(f.conflicts)
}

// choose calls do with every set of k of the numbers below n.
func choose(n, k int, do func(set []int)) {
	set := make([]int, k)
	var from func(at, least int)
	from = func(at, least int) {
		if at == k {
			do(slices.Clone(set))
			return
		}
		for i := least; i < n; i++ {
			set[at] = i
			from(at+1, i+1)
		}
	}
	from(0, 0)
}
