package oracle

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// childRole is the argument that makes the test binary live until it is killed.
const childRole = "live-until-killed"

func killCentre(s identity.Store) *identity.Centre {
	return &identity.Centre{
		Store: s, PrevFor: time.Hour, Now: time.Now,
		GuestKey: func(realm string) ([]byte, error) { return []byte("the guest key of " + realm), nil },
	}
}

// life is what one person goes through. How it ends depends on the name.
type life struct {
	centre *identity.Centre
	name   string
	end    int
}

func (l life) claim(app, n, user string) identity.Claim {
	c := identity.Claim{
		Realm: "shop", Openid: openid{AppID: app, OpenID: app + "-" + l.name}, Unionid: unionid{Subject: "S", UnionID: n}, Via: "kill",
	}
	if app == "wx3" {
		c.Subject = "T"
	}
	if user != "" {
		c.User, c.UserKind, c.Bind = user, identity.Real, true
	}
	return c
}

// steps are what he does, one after the other.
func (l life) steps() []func(ctx context.Context) error {
	resolve := func(app, n, user string) func(ctx context.Context) error {
		return func(ctx context.Context) error {
			_, err := l.centre.Resolve(ctx, l.claim(app, n, user))
			return err
		}
	}
	return []func(ctx context.Context) error{
		resolve("wx1", "", ""),
		resolve("wx2", "n-"+l.name, ""),
		resolve("wx1", "n-"+l.name, ""),
		resolve("wx1", "n-"+l.name, "y-"+l.name),
		resolve("wx3", "m-"+l.name, "z-"+l.name),
		func(ctx context.Context) error {
			y := "y-" + l.name
			switch l.end {
			case 0:
				return l.centre.Unbind(ctx, "shop", y, identity.Unionid{}, by)
			case 1:
				return l.centre.Merge(ctx, "shop", y, "z-"+l.name, by)
			case 2:
				return l.centre.Erase(ctx, "shop", y, by)
			}
			return l.centre.Block(ctx, "shop", y, by)
		},
	}
}

// liveUntilKilled lets many people live, and prints each step that was acknowledged.
func liveUntilKilled(place, name string) {
	s, err := opener(place)(context.Background(), place, sqlstore.Options{})
	if err != nil {
		refuse(err)
	}
	for w := range 6 {
		go func() {
			for i := 0; ; i++ {
				l := life{killCentre(s), fmt.Sprintf("%s-%d-%d", name, w, i), i % 4}
				for n, step := range l.steps() {
					if err := step(context.Background()); err != nil {
						refuse(err)
					}
					fmt.Fprintf(os.Stdout, "%s %d %d\n", l.name, l.end, n+1) // one write for one line, or lines would mix
				}
			}
		}()
	}
	select {}
}

// refuse ends the child, so that its parent doesn't wait for it for ever.
func refuse(err error) {
	fmt.Println("error", err)
	os.Exit(1)
}

// reached is how far a person had come by what was acknowledged.
type reached struct{ end, steps int }

// killed starts a child and kills it after n steps were acknowledged.
func killed(t *testing.T, place, name string, n int, lives map[string]reached) {
	cmd := exec.CommandContext(t.Context(), os.Args[0], childRole, place, name)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	count := 0
	for lines := bufio.NewScanner(out); lines.Scan(); {
		var who string
		var r reached
		if _, err := fmt.Sscanf(lines.Text(), "%s %d %d", &who, &r.end, &r.steps); err != nil {
			t.Errorf("the child says %q", lines.Text())
			continue
		}
		lives[who] = r
		if count++; count == n {
			cmd.Process.Kill()
		}
	}
	cmd.Wait() // "killed" is what it says
	if count < n {
		t.Errorf("the process ended by itself after %d steps", count)
	}
}

// TestKill kills a process in the middle of what a centre does, again and again.
func TestKill(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		open(t, place).Close()
		rounds, random := 3, rand.New(rand.NewPCG(1, 2))
		if os.Getenv("WSITE_SOAK") != "" {
			rounds = 200
		}
		for round := range rounds {
			lives := map[string]reached{}
			killed(t, place, fmt.Sprintf("k%d", round), 1+random.IntN(120), lives)
			s := open(t, place)
			wantSound(t, place, s)
			for name, r := range lives {
				l := life{killCentre(s), name, r.end}
				if err := l.check(t.Context(), r.steps); err != nil {
					t.Errorf("%s after %d steps: %v", name, r.steps, err)
				}
			}
			if err := s.Close(); err != nil || t.Failed() {
				t.Fatalf("round %d, %v", round, err)
			}
		}
		wantDelivered(t, open(t, place))
	})
}

// mailbox is a line of business that takes everything.
type mailbox struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (m *mailbox) Send(_ context.Context, e identity.Event) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[e.ID] = true
	return nil
}

func (m *mailbox) Close() {}

// wantDelivered wants that a relay delivers every event that is in the facts.
func wantDelivered(t *testing.T, s *sqlstore.Store) {
	box := &mailbox{seen: map[string]bool{}}
	target := outbox.Target{Line: outbox.Line{Realm: "shop", Name: "late"}, Sender: box}
	relay := outbox.NewRelay(outbox.Config{
		Store: s, Targets: []outbox.Target{target}, Holder: "test", Now: time.Now, Random: func(b []byte) { clear(b) },
	})
	if err := s.Join(t.Context(), target.Line, true); err != nil {
		t.Fatal(err)
	}
	for more, err := true, error(nil); more; {
		if more, err = relay.Step(t.Context(), target); err != nil {
			t.Fatal(err)
		}
	}
	for after := int64(0); ; {
		page, err := s.Events(t.Context(), "shop", after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			if after = e.Seq; !box.seen[e.ID] {
				t.Errorf("event %s wasn't delivered", e.ID)
			}
		}
		if len(page) == 0 {
			break
		}
	}
	if len(box.seen) == 0 {
		t.Error("nothing was delivered")
	}
}

// check looks for what a person had done for sure, then lets him live to his end from
// wherever he is.
func (l life) check(ctx context.Context, steps int) error {
	user := func(id string) identity.UserFacts {
		f, err := l.centre.User(ctx, "shop", id)
		if err != nil {
			f.Given.ID = err.Error()
		}
		return f
	}
	y, z := user("y-"+l.name), user("z-"+l.name)
	known, err := l.centre.Store.Load(ctx, identity.Query{Realm: "shop", Openid: openid{AppID: "wx1", OpenID: "wx1-" + l.name}})
	ended := y.Gone || !y.Given.BlockedAt.IsZero() || y.Given.Parent != "" || y.Given.Version > 0 && len(y.Unions) == 0
	switch {
	case err != nil:
		return err
	case steps >= 1 && known.Openid.Version == 0 && !y.Gone:
		return errors.New("his openid is gone")
	case steps >= 3 && known.Openid.UnionID == "" && !y.Gone:
		return errors.New("his unionid is gone")
	case steps >= 4 && y.Given.ID != "y-"+l.name && !y.Gone:
		return fmt.Errorf("his user is gone: %+v", y)
	case steps >= 5 && z.Given.ID != "z-"+l.name:
		return fmt.Errorf("his second user is gone: %+v", z)
	case steps >= 6 && !ended:
		return fmt.Errorf("his end is gone: %+v", y)
	}
	if ended {
		return nil
	}
	// I9: what is repeated gives the same, and what is missing can go on.
	for n, step := range l.steps() {
		if err := step(ctx); err != nil {
			return fmt.Errorf("going on, step %d: %w", n+1, err)
		}
	}
	return nil
}

// wantSound asks the database for what may not be.
func wantSound(t *testing.T, place string, s *sqlstore.Store) {
	t.Helper()
	db := raw(t, place)
	defer db.Close()
	for what, query := range map[string]string{
		"retired without an event (I5)":    `SELECT u.id FROM userid u WHERE u.parent IS NOT NULL AND NOT EXISTS (SELECT 1 FROM event e WHERE e.realm = u.realm AND e.id = u.id || '.first')`,
		"told as retired, and alive (I5)":  `SELECT u.id FROM userid u JOIN event e ON e.realm = u.realm AND e.old_id = u.id WHERE e.type = 'userid.replaced' AND u.parent IS NULL`,
		"unionid of the retired (I2)":      `SELECT n.unionid FROM union_key n LEFT JOIN userid u ON u.realm = n.realm AND u.id = n.userid WHERE u.id IS NULL OR u.parent IS NOT NULL`,
		"openid that leads nowhere (I1)":   `SELECT o.openid FROM openid_key o LEFT JOIN union_key n ON n.realm = o.realm AND n.subject = o.subject AND n.unionid = o.unionid WHERE o.unionid <> '' AND n.userid IS NULL`,
		"openid with a retired guest (I1)": `SELECT o.openid FROM openid_key o JOIN userid u ON u.realm = o.realm AND u.id = o.guest WHERE o.unionid = '' AND (u.parent IS NOT NULL OR u.kind = 'real')`,
		"serves two (I2)":                  `SELECT n.userid FROM union_key n GROUP BY n.realm, n.userid, n.subject HAVING COUNT(*) > 1`,
		"rank goes down (I3)":              `SELECT u.id FROM userid u JOIN userid p ON p.realm = u.realm AND p.id = u.parent WHERE u.kind = 'real' AND p.kind = 'virtual'`,
		"erased, and there":                `SELECT u.id FROM userid u JOIN event e ON e.realm = u.realm AND e.old_id = u.id WHERE e.type = 'userid.erased'`,
		"event after a gap":                `SELECT e.id FROM event e WHERE e.seq > 1 AND NOT EXISTS (SELECT 1 FROM event f WHERE f.realm = e.realm AND f.seq = e.seq - 1)`,
	} {
		if found := column(t, db, query); len(found) > 0 {
			t.Errorf("%s: %s", what, strings.Join(found, " "))
		}
	}
	if _, _, err := identity.VerifyAudit(t.Context(), s, "shop", func(int64) {}); err != nil {
		t.Error(err)
	}
}
