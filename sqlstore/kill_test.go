package sqlstore

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// childRole is the argument that makes the test binary write until it is killed.
const childRole = "write-until-killed"

// writeUntilKilled applies changes from several goroutines, and prints the id of
// each that was acknowledged.
func writeUntilKilled(place, name string) {
	s, err := opener(place)(context.Background(), place, Options{})
	if err != nil {
		refused(err)
	}
	for w := range 8 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", name, w, i)
				if err := s.Apply(context.Background(), retirement(id)); err != nil {
					refused(err)
				}
				os.Stdout.WriteString(id + "\n") // one write for one line, or lines would mix
			}
		}()
	}
	select {}
}

// refused ends the child, so that its parent doesn't wait for it for ever.
func refused(err error) {
	fmt.Println("error", err)
	os.Exit(1)
}

// retirement is a change of two users and an event, whose parts tell whether it
// was written whole.
func retirement(id string) identity.Change {
	now := time.Unix(1, 0)
	return identity.Change{
		Realm: "shop", At: now,
		Users: []identity.User{
			{ID: id + "-old", Kind: identity.Virtual, Born: now, Parent: id, RetiredAt: now},
			{ID: id, Kind: identity.Real, Born: now},
		},
		Events: []identity.Event{{ID: id + "-old.first", Realm: "shop", Type: identity.EventReplaced, Old: id + "-old", New: id, At: now}},
		Stale:  []string{id + "-old"},
	}
}

// killed starts a child, kills it after it has acknowledged n changes, and
// returns all that it had acknowledged by then.
func killed(t *testing.T, place, name string, n int) []string {
	cmd := exec.CommandContext(t.Context(), os.Args[0], childRole, place, name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Error(err)
		return nil
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Error(err)
		return nil
	}
	var ids []string
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if ids = append(ids, lines.Text()); len(ids) == n {
			cmd.Process.Kill()
		}
	}
	cmd.Wait() // "killed" is what it says
	if len(ids) < n {
		t.Errorf("the process ended by itself: %q", ids)
	}
	return ids
}

func TestKill(t *testing.T) {
	t.Parallel()
	t.Run("what a killed process had acknowledged is there, and everything is there whole", func(t *testing.T) {
		t.Parallel()
		onBoth(t, func(t *testing.T, fresh func(testing.TB) string) { processesKilled(t, fresh(t)) })
	})
}

// rounds is how often a test kills something.
func rounds() int {
	if os.Getenv("WSITE_SOAK") != "" {
		return 200
	}
	return 5
}

func processesKilled(t *testing.T, place string) {
	random := rand.New(rand.NewPCG(1, 2))
	var acknowledged []string
	for round := range rounds() {
		// Two processes write at once. One of them is killed while the other may
		// be waiting for its lock.
		n, m := 1+random.IntN(80), 1+random.IntN(80)
		second := make(chan []string)
		go func() { second <- killed(t, place, fmt.Sprintf("b%d", round), m) }()
		acknowledged = append(acknowledged, killed(t, place, fmt.Sprintf("a%d", round), n)...)
		acknowledged = append(acknowledged, <-second...)
		if t.Failed() {
			return
		}
		s := openAt(t, place)
		wantWhole(t, s, acknowledged)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// wantWhole checks that every acknowledged change is there, and that of each that
// is there no part is missing.
func wantWhole(t *testing.T, s *Store, acknowledged []string) {
	t.Helper()
	events, err := s.Events(t.Context(), "shop", 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	told := map[string]bool{}
	for i, e := range events {
		if e.Seq != int64(i+1) {
			t.Fatalf("event %d has Seq %d", i+1, e.Seq)
		}
		told[e.New] = true
		known, err := s.Load(t.Context(), identity.Query{Realm: "shop", User: e.Old})
		if err != nil || known.GivenRoot.ID != e.New {
			t.Fatalf("event %+v tells of %+v, %v", e, known.GivenRoot, err)
		}
	}
	for _, id := range acknowledged {
		if !told[id] {
			t.Errorf("%s was acknowledged and is gone", id)
		}
	}
	_, newest, err := s.Stale(t.Context(), -1, 0)
	if err != nil || newest != int64(len(events)) {
		t.Errorf("got %d entries for caches, %v; want %d", newest, err, len(events))
	}
	var users int64
	if err := s.read.QueryRow("SELECT COUNT(*) FROM userid").Scan(&users); err != nil || users != 2*newest {
		t.Errorf("got %d users, %v; want %d", users, err, 2*newest)
	}
	if isPostgres(placeOf(s)) {
		return
	}
	var verdict string
	if err := s.read.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
}
