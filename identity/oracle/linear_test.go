package oracle

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
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

// TestLinear lets many callers in two processes bind, part and ask at the same time.
// There must be an order in which they could have been alone.
func TestLinear(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		ours := open(t, place)
		theirs := startCallers(t, place)
		histories := 8
		if os.Getenv("WSITE_SOAK") != "" {
			histories = 400
		}
		for h := range histories {
			theirs.begin(t, h)
			all, err := history(t.Context(), ours, uint64(h), 0)
			if err != nil {
				t.Fatal(err)
			}
			if got := porcupine.CheckOperations(linear, operations(append(all, theirs.end(t)...))); !got {
				t.Fatalf("history %d has no order", h)
			}
		}
	})
}

// heard is a call with what came of it, as two processes tell each other.
type heard struct {
	Caller       int
	What         string
	N            int
	User         string
	Said         string
	Call, Return int64 // in nanoseconds, by the clock of the machine
}

func operations(all []heard) (ops []porcupine.Operation) {
	for _, h := range all {
		ops = append(ops, porcupine.Operation{ClientId: h.Caller, Input: call{h.What, h.N, h.User}, Output: h.Said, Call: h.Call, Return: h.Return})
	}
	return ops
}

// history is what the three callers of one process do and hear.
func history(ctx context.Context, s identity.Store, seed uint64, first int) ([]heard, error) {
	const callers, calls = 3, 10
	realm := fmt.Sprintf("realm-%d", seed)
	centre := &identity.Centre{
		Store: s, PrevFor: time.Hour, Now: time.Now,
		GuestKey: func(string) ([]byte, error) { return []byte("the guest key of " + realm), nil },
	}
	var mu sync.Mutex
	var all []heard
	var failed error
	var wg sync.WaitGroup
	for i := first; i < first+callers; i++ {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for range calls {
				c := call{what: []string{"bind", "bind", "unbind", "who"}[random.IntN(4)], n: random.IntN(2), user: fmt.Sprintf("y%d", random.IntN(3))}
				h := heard{Caller: i, What: c.what, N: c.n, User: c.user, Call: time.Now().UnixNano()}
				said, err := c.make(ctx, centre, realm, i)
				h.Said, h.Return = said, time.Now().UnixNano()
				mu.Lock()
				all, failed = append(all, h), errors.Join(failed, err)
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	return all, failed
}

// callersRole is the argument that makes the test binary one more process of callers.
const callersRole = "call"

// callers are those of another process.
type callers struct {
	tell *json.Encoder
	hear *json.Decoder
}

func startCallers(t *testing.T, place string) *callers {
	cmd := exec.CommandContext(t.Context(), os.Args[0], callersRole, place)
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return &callers{json.NewEncoder(in), json.NewDecoder(out)}
}

func (c *callers) begin(t *testing.T, seed int) {
	if err := c.tell.Encode(seed); err != nil {
		t.Fatal(err)
	}
}

func (c *callers) end(t *testing.T) (all []heard) {
	if err := c.hear.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

// callUntilTold is the other process: a history for each seed that it is told.
func callUntilTold(place string) {
	s, err := opener(place)(context.Background(), place, sqlstore.Options{})
	if err != nil {
		refuse(err)
	}
	in, out := json.NewDecoder(os.Stdin), json.NewEncoder(os.Stdout)
	for {
		var seed uint64
		if in.Decode(&seed) != nil {
			return
		}
		all, err := history(context.Background(), s, seed, 3)
		if err != nil {
			refuse(err)
		}
		_ = out.Encode(all)
	}
}

// opener opens the engine that lies at a place.
func opener(place string) func(context.Context, string, sqlstore.Options) (*sqlstore.Store, error) {
	if isPostgres(place) {
		return sqlstore.OpenPostgres
	}
	return sqlstore.OpenSQLite
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
