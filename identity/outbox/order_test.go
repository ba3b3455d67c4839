package outbox_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// TestRelay_order holds every history of retirements and refusals to the promise:
// all arrive, and those about one user never out of order or two at once.
func TestRelay_order(t *testing.T) {
	t.Parallel()
	store, checks := newFacts(t, sqlite), 0 // a realm for each check
	rapid.Check(t, func(rt *rapid.T) {
		checks++
		f := &facts{Store: store.Store, t: t, clock: newClock(), realm: fmt.Sprint("realm", checks), version: map[string]int64{}}
		_, c, r, target := oneOn(t, f, func(c *outbox.Config) { c.Batch = rapid.IntRange(2, 12).Draw(rt, "batch") })
		defer c.Close()
		refusing := map[string]int{}
		c.answers(func(e received, w http.ResponseWriter) {
			c.mu.Lock()
			refusing[e.ID]--
			left := refusing[e.ID]
			c.mu.Unlock()
			if left >= 0 {
				w.WriteHeader([]int{500, 503, 429, 404}[left%4])
			}
		})
		live := []string{"u0"}
		recorded := map[string][]string{}
		n := rapid.IntRange(1, 10).Draw(rt, "events")
		var want []string
		for i := range n {
			heir := rapid.SampledFrom(live).Draw(rt, "heir")
			old := fmt.Sprint("g", i)
			if len(live) > 1 && rapid.Bool().Draw(rt, "merge") {
				old = rapid.SampledFrom(slices.DeleteFunc(slices.Clone(live), func(u string) bool { return u == heir })).Draw(rt, "old")
				live = slices.DeleteFunc(live, func(u string) bool { return u == old })
			} else {
				live = append(live, fmt.Sprint("u", i+1))
			}
			c.mu.Lock()
			refusing[old+".first"] = rapid.SampledFrom([]int{0, 0, 0, 1, 3}).Draw(rt, "refused")
			c.mu.Unlock()
			f.retire(old, heir)
			recorded[old] = []string{old, heir}
			want = append(want, old)
			if rapid.Bool().Draw(rt, "deliver") {
				drain(t, r, target)
				f.clock.advance(time.Duration(rapid.IntRange(0, 3).Draw(rt, "seconds")) * time.Second)
			}
		}
		for range 60 {
			drain(t, r, target)
			if s := f.status(target.Line); s.Behind+s.Waiting == 0 {
				break
			}
			f.clock.advance(10 * time.Second)
		}
		wantOrder(rt, c.olds(), want, recorded)
		if len(c.clashes) > 0 {
			rt.Fatalf("two events at once about %v", c.clashes)
		}
	})
}

// wantOrder fails unless each event came once, and not before an earlier one about
// the same user.
func wantOrder(rt *rapid.T, got, want []string, recorded map[string][]string) {
	rt.Helper()
	if len(got) != len(want) {
		rt.Fatalf("delivered %v, want each of %v once", got, want)
	}
	for i, late := range want {
		for _, early := range want[:i] {
			if shares(recorded[early], recorded[late]) && slices.Index(got, early) > slices.Index(got, late) {
				rt.Fatalf("%v came before %v: %v", recorded[late], recorded[early], got)
			}
		}
	}
}

func shares(a, b []string) bool {
	return slices.ContainsFunc(a, func(u string) bool { return slices.Contains(b, u) })
}
