package storetest

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// racers is how many callers race. It is less than the number of races that
// [identity.Centre] is ready to lose in a row.
const racers = 12

// race: many callers at once. A check that is right for one caller at a time says
// nothing about this, so each race is run on one store, and again on two stores
// that work on the same facts.
func (h Harness) race(t *testing.T) {
	for _, r := range []struct {
		promise string
		run     func(t *testing.T, stores []identity.Store)
	}{
		{"N logins of the same new openid make one guest, one row and no event", raceGuest},
		{"N logins of the same new openid with its unionid make one user and no event", raceLinked},
		{"N logins of one unionid through different accounts leave exactly one live user", raceMerge},
		{"N real users claiming one unionid leave exactly one that has it", raceTaken},
		{"one real user claimed for N unionids serves exactly one", raceServes},
		{"N holders of one version of a secret leave exactly one that has replaced it", raceSecret},
		{"N who say the subject of an account hear the same", raceSubject},
		{"Load returns what is known as of one moment", raceMoment},
		{"the invariants hold after random claims in parallel", raceHistory},
	} {
		h.promise(t, r.promise, func(t *testing.T, s identity.Store) { r.run(t, []identity.Store{s}) })
		h.promise(t, r.promise+", by any number of processes", func(t *testing.T, s identity.Store) {
			r.run(t, []identity.Store{s, h.Second(t, s)})
		})
	}
}

// atOnce calls do for 0 to n-1, all at the same time.
func atOnce(n int, do func(i int)) {
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			do(i)
		})
	}
	close(start)
	wg.Wait()
}

// resolve resolves a claim at the i-th store, and fails on anything but a
// conflict.
func (w *world) resolve(t *testing.T, i int, c identity.Claim) (identity.Answer, *identity.Conflict) {
	answer, err := w.centres[i%len(w.centres)].Resolve(t.Context(), c)
	w.issued.Store(answer.User.ID, true)
	var refused *identity.Conflict
	if err != nil && !errors.As(err, &refused) {
		t.Errorf("resolving: %v", err)
	}
	return answer, refused
}

func visit(o identity.Openid, unionid string) identity.Claim {
	return identity.Claim{Realm: realm, Openid: o, Unionid: identity.Unionid{Subject: subject, UnionID: unionid}, Via: "race"}
}

func raceGuest(t *testing.T, stores []identity.Store) {
	w := newWorld(t, realm, stores...)
	ids := make([]string, racers)
	atOnce(racers, func(i int) {
		answer, _ := w.resolve(t, i, visit(openid("o1"), ""))
		ids[i] = answer.User.ID
	})
	row := load(t, stores[0], query("o1", "", "")).Openid
	equal(t, "writes", row.Version, 1)
	for _, id := range ids {
		equal(t, "guest", id, row.Guest)
	}
	equal(t, "events", len(events(t, stores[0], realm)), 0)
}

func raceLinked(t *testing.T, stores []identity.Store) {
	w := newWorld(t, realm, stores...)
	ids := make([]string, racers)
	atOnce(racers, func(i int) {
		answer, _ := w.resolve(t, i, visit(openid("o1"), "n1"))
		ids[i] = answer.User.ID
	})
	known := load(t, stores[0], query("o1", "", ""))
	equal(t, "writes of the openid", known.Openid.Version, 1)
	equal(t, "writes of the user", known.UnionUser.Version, 1)
	for _, id := range ids {
		equal(t, "user", id, known.UnionUser.ID)
	}
	equal(t, "events", len(events(t, stores[0], realm)), 0)
}

func raceMerge(t *testing.T, stores []identity.Store) {
	w := newWorld(t, realm, stores...)
	account := func(i int) identity.Openid { return identity.Openid{AppID: fmt.Sprintf("wx%d", i), OpenID: "me"} }
	guests := map[string]bool{}
	for i := range racers {
		answer, _ := w.resolve(t, i, visit(account(i), ""))
		guests[answer.User.ID] = true
	}
	atOnce(racers, func(i int) { w.resolve(t, i, visit(account(i), "n1")) })

	survivor := load(t, stores[0], query("o1", "n1", "")).UnionUser
	if !guests[survivor.ID] || !survivor.Live() {
		t.Fatalf("the unionid leads to %+v, want a live one of the guests", survivor)
	}
	delete(guests, survivor.ID)
	for i := range racers {
		answer, _ := w.resolve(t, i, visit(account(i), ""))
		equal(t, "user", answer.User.ID, survivor.ID)
	}
	for _, e := range events(t, stores[0], realm) {
		if !guests[e.Old] {
			t.Errorf("event %+v: told twice, or not retired", e)
		}
		delete(guests, e.Old)
	}
	equal(t, "retired without an event", len(guests), 0)
}

func raceTaken(t *testing.T, stores []identity.Store) {
	w := newWorld(t, realm, stores...)
	var mu sync.Mutex
	var won []string
	atOnce(racers, func(i int) {
		c := visit(openid("o1"), "n1")
		c.User, c.UserKind = fmt.Sprintf("r%d", i), identity.Real
		if answer, refused := w.resolve(t, i, c); refused == nil {
			mu.Lock()
			defer mu.Unlock()
			won = append(won, answer.User.ID)
		}
	})
	if len(won) != 1 {
		t.Fatalf("%q have the unionid, want one", won)
	}
	equal(t, "user", load(t, stores[0], query("o1", "", "")).UnionUser.ID, won[0])
}

func raceServes(t *testing.T, stores []identity.Store) {
	w := newWorld(t, realm, stores...)
	var mu sync.Mutex
	var won []string
	atOnce(racers, func(i int) {
		c := visit(openid(fmt.Sprintf("o%d", i)), fmt.Sprintf("n%d", i))
		c.User, c.UserKind = "r1", identity.Real
		if answer, refused := w.resolve(t, i, c); refused == nil {
			mu.Lock()
			defer mu.Unlock()
			won = append(won, answer.UnionID)
		}
	})
	if len(won) != 1 {
		t.Fatalf("the user has %q, want one unionid", won)
	}
	equal(t, "serves", unionOf(load(t, stores[0], query("o99", "", "r1"))), won[0])
}

func raceSecret(t *testing.T, stores []identity.Store) {
	for version := range int64(3) {
		results := make([]error, racers)
		atOnce(racers, func(i int) {
			results[i] = stores[i%len(stores)].PutSecret(t.Context(), identity.Secret{Name: "a", Sealed: []byte{byte(i)}, Version: version})
		})
		winner := -1
		for i, err := range results {
			if err != nil {
				wantConflict(t, err)
			} else if winner >= 0 {
				t.Fatalf("both %d and %d have replaced version %d", winner, i, version)
			} else {
				winner = i
			}
		}
		got := secrets(t, stores[0], "a")[0]
		equal(t, "version", got.Version, version+1)
		equal(t, "sealed", int(got.Sealed[0]), winner)
	}
}

func raceSubject(t *testing.T, stores []identity.Store) {
	heard := make([]string, racers)
	atOnce(racers, func(i int) {
		var err error
		if heard[i], err = stores[i%len(stores)].Subject(t.Context(), "wx1", fmt.Sprintf("open%d", i)); err != nil {
			t.Error(err)
		}
	})
	for _, subject := range heard {
		equal(t, "subject", subject, heard[0])
	}
}

// raceMoment leads a unionid from user to user, retiring each. A reader that saw
// the rows at different moments would meet a retired one.
func raceMoment(t *testing.T, stores []identity.Store) {
	const moves = 40
	apply(t, stores[0], linked("o1", "n1", virtual("m0")))
	moved := make(chan struct{})
	go func() {
		defer close(moved)
		for i := range moves {
			s := stores[i%len(stores)]
			next := virtual(fmt.Sprintf("m%d", i+1))
			c := change(retired(at(virtual(fmt.Sprintf("m%d", i)), 1), next.ID, t0.Add(time.Duration(i)*time.Second)), next)
			c.Unions = []identity.UnionRow{{Unionid: unionid("n1"), User: next.ID, Version: int64(i + 1)}}
			if err := s.Apply(t.Context(), c); err != nil {
				t.Errorf("moving: %v", err)
				return
			}
		}
	}()
	for i := 0; ; i++ {
		known := load(t, stores[i%len(stores)], query("o1", "", "m0"))
		if u := known.UnionUser; !u.Live() || u.ID != known.Union.User || known.GivenRoot.ID != u.ID || unionOf(known) != "n1" {
			t.Fatalf("rows of different moments: %+v", known)
		}
		if want := min(int(known.Union.Version)-1, 8); len(known.Prev) != want {
			t.Fatalf("got %d retired ids at version %d, want %d", len(known.Prev), known.Union.Version, want)
		}
		select {
		case <-moved:
			return
		default:
		}
	}
}

func raceHistory(t *testing.T, stores []identity.Store) {
	for seed := range uint64(6) {
		w := newWorld(t, fmt.Sprintf("realm-%d", seed), stores...)
		atOnce(4, func(i int) {
			random := rand.New(rand.NewPCG(seed, uint64(i)))
			for n := range 12 {
				w.resolve(t, i+n, w.claim(random.IntN))
			}
		})
		f, err := w.facts(t.Context())
		if err == nil {
			err = f.check()
		}
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
