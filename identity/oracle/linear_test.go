package oracle

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// call is what one of many callers does, and what he hears.
type call struct {
	what string // bind, unbind or who
	n    int    // the WeChat account, 0 or 1
	user string
}

// links is who each of two WeChat accounts leads to, "" for a guest, and which users
// are known.
type links struct {
	user  [2]string
	known [3]bool
}

// linear says what a caller hears if he is alone.
var linear = porcupine.Model{
	Init: func() any { return links{} },
	Step: func(state, input, output any) (bool, any) {
		s, c := state.(links), input.(call)
		switch c.what {
		case "who":
			return output == s.user[c.n], s
		case "bind":
			switch {
			case s.user[c.n] != "" && s.user[c.n] != c.user:
				return output == identity.CodeUnionIDTaken, s
			case s.user[1-c.n] == c.user:
				return output == identity.CodeUserTaken, s
			}
			s.user[c.n], s.known[c.user[1]-'0'] = c.user, true
			return output == "", s
		}
		for n, user := range s.user {
			if user == c.user {
				s.user[n] = ""
				return output == "", s
			}
		}
		if s.known[c.user[1]-'0'] {
			return output == identity.CodeNotBound, s
		}
		return output == identity.CodeUserUnknown, s
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v → %q", input, output) },
}

// TestLinear lets many callers on two stores bind, part and ask at the same time. There
// must be an order in which they could have been alone.
func TestLinear(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		stores := []identity.Store{open(t, place), open(t, place)}
		histories := 8
		if os.Getenv("WSITE_SOAK") != "" {
			histories = 400
		}
		for h := range histories {
			if got := porcupine.CheckOperations(linear, history(t, stores, uint64(h))); !got || t.Failed() {
				t.Fatalf("history %d has no order", h)
			}
		}
	})
}

func history(t *testing.T, stores []identity.Store, seed uint64) []porcupine.Operation {
	const callers, calls = 6, 10
	realm := fmt.Sprintf("realm-%d", seed)
	start := time.Now()
	var centres []*identity.Centre
	for _, s := range stores {
		centres = append(centres, &identity.Centre{
			Store: s, PrevFor: time.Hour, Now: time.Now,
			GuestKey: func(string) ([]byte, error) { return []byte("the guest key of " + realm), nil },
		})
	}
	var mu sync.Mutex
	var all []porcupine.Operation
	var wg sync.WaitGroup
	for i := range callers {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for range calls {
				c := call{what: []string{"bind", "bind", "unbind", "who"}[random.IntN(4)], n: random.IntN(2), user: fmt.Sprintf("y%d", random.IntN(3))}
				op := porcupine.Operation{ClientId: i, Input: c, Call: time.Since(start).Nanoseconds()}
				heard, err := c.make(t.Context(), centres[i%2], realm, i)
				if err != nil {
					t.Error(err)
					return
				}
				op.Output, op.Return = heard, time.Since(start).Nanoseconds()
				mu.Lock()
				all = append(all, op)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all
}

// make makes the call, each caller through an openid of his own.
func (c call) make(ctx context.Context, centre *identity.Centre, realm string, caller int) (string, error) {
	if c.what == "unbind" {
		return code(centre.Unbind(ctx, realm, c.user, identity.Unionid{}, by))
	}
	claim := identity.Claim{
		Realm: realm, Openid: openid{AppID: "wx1", OpenID: fmt.Sprintf("o-%d-%d", c.n, caller)},
		Unionid: unionid{Subject: "S", UnionID: fmt.Sprintf("n%d", c.n)}, Via: "race",
	}
	if c.what == "bind" {
		claim.User, claim.UserKind, claim.Bind = c.user, identity.Real, true
	}
	a, err := centre.Resolve(ctx, claim)
	switch {
	case c.what == "bind":
		return code(err)
	case err != nil || a.User.Kind == identity.Virtual:
		return "", err
	}
	return a.User.ID, nil
}

// TestManyFirstVisits: however many nodes see a person for the first time at once, he
// is one user, and each of his guests is told of once.
func TestManyFirstVisits(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		stores := []identity.Store{open(t, place), open(t, place)}
		w := newWorld("shop", stores[0], identity.Policies{})
		second := *w.centre
		second.Store = stores[1]
		ids := make([]string, 24)
		var wg sync.WaitGroup
		for i := range ids {
			wg.Go(func() {
				c := identity.Claim{Realm: "shop", Openid: openid{AppID: "wx1", OpenID: "o1"}, Unionid: unionid{Subject: "S", UnionID: "n1"}, Via: "race"}
				c.User, c.UserKind, c.Bind = "y", identity.Real, true
				c.OpenID = []string{"o1", "o2"}[i%2]
				if i%2 == 1 {
					c.AppID = "wx2"
				}
				a, err := []*identity.Centre{w.centre, &second}[i/2%2].Resolve(t.Context(), c)
				if err != nil {
					t.Error(err)
				}
				ids[i] = a.User.ID
			})
		}
		wg.Wait()
		for _, id := range ids {
			if id != "y" {
				t.Errorf("the user is %q", id)
			}
		}
		events, err := stores[0].Events(t.Context(), "shop", 0, 99)
		if err != nil || len(events) != 0 {
			t.Errorf("told %+v, %v", events, err)
		}
		records, err := w.centre.Audit(t.Context(), "shop", "", 0, 99)
		if err != nil || len(records) != 2 {
			t.Errorf("%d records, %v; want one for each openid", len(records), err)
		}
	})
}
