package message_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// childRole is the argument that makes the test binary send until it is killed.
const childRole = "send-until-killed"

// TestMain lets the test binary play the nodes that are killed.
func TestMain(m *testing.M) {
	if len(os.Args) > 6 && os.Args[1] == childRole {
		sendUntilKilled(os.Args[2], os.Args[3], os.Args[4], os.Args[5], os.Args[6])
		return
	}
	os.Exit(m.Run())
}

// openPlace opens the facts at a path or a DSN.
func openPlace(place string) (*sqlstore.Store, error) {
	if strings.HasPrefix(place, "postgres://") {
		return sqlstore.OpenPostgres(context.Background(), place, sqlstore.Options{})
	}
	return sqlstore.OpenSQLite(context.Background(), place, sqlstore.Options{})
}

// node is an outbox on real time, as a gateway has it, whose leases end soon.
func node(store *sqlstore.Store, client *wechat.Client, openid, name string) *message.Outbox {
	sealer, err := identity.NewSealer(make([]byte, identity.MasterKeySize))
	if err != nil {
		panic(err)
	}
	people := &people{all: map[string][]message.Address{"ming": {follows(simAccount, openid)}}}
	return message.New(message.Config{
		Store: store, People: people, WeChat: client, Call: bearing(client), Sealer: sealer.Box("message"),
		Holder: name, Now: time.Now, Random: func(b []byte) { rand.Read(b) }, Limiter: message.NewBuckets(1e6, 1e6, time.Now),
		Every: 50 * time.Millisecond, Lease: 3 * time.Second, Take: 16,
	})
}

// sendUntilKilled accepts messages, prints the id of each that was acknowledged, and
// sends whatever is due.
func sendUntilKilled(place, url, openid, template, name string) {
	store, err := openPlace(place)
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	client, err := wechat.NewClient(wechat.Config{OpenURL: url, MPURL: url, Hosts: []string{url}, Trip: 1 << 30})
	if err != nil {
		fmt.Println("error", err)
		os.Exit(1)
	}
	o := node(store, client, openid, name)
	go o.Run(context.Background())
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				what := fmt.Sprintf("%s-%d-%d", name, w, i)
				m, err := o.Send(context.Background(), message.Order{
					Realm: "shop", User: "ming", PreferAppIDs: []string{simAccount}, Kind: message.KindTemplate, Template: template,
					Data: map[string]string{"thing1": what, "time2": "15:01", "thing3": "x"}, ClientID: what, By: "child",
				})
				if err != nil {
					fmt.Println("error", err)
					os.Exit(1)
				}
				os.Stdout.WriteString(m.ID + " " + what + "\n") // one write for one line, or lines would mix
			}
		}()
	}
	select {}
}

// killed starts a node, kills it after it has acknowledged n messages, and returns what
// it had acknowledged by then: what each says, by its id.
func killed(t *testing.T, n int, args ...string) map[string]string {
	cmd := exec.CommandContext(t.Context(), os.Args[0], append([]string{childRole}, args...)...)
	out, err := cmd.StdoutPipe()
	if err == nil {
		cmd.Stderr = os.Stderr
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return nil
	}
	acknowledged := map[string]string{}
	for lines := bufio.NewScanner(out); lines.Scan(); {
		id, what, _ := strings.Cut(lines.Text(), " ")
		if acknowledged[id] = what; len(acknowledged) == n {
			cmd.Process.Kill()
		}
	}
	cmd.Wait() // "killed" is what it says
	if len(acknowledged) < n {
		t.Errorf("the process ended by itself: %q", acknowledged)
	}
	return acknowledged
}

func TestKill(t *testing.T) {
	t.Parallel()
	for name, fresh := range map[string]func(testing.TB) string{
		"on SQLite":     freshtest.SQLite,
		"on PostgreSQL": freshtest.Postgres,
	} {
		t.Run("what killed nodes had accepted is sent, each message once, "+name, func(t *testing.T) {
			t.Parallel()
			nodesKilled(t, fresh(t))
		})
	}
}

func nodesKilled(t *testing.T, place string) {
	sim := wechatsim.StartT(t)
	client := newClient(t, sim.URL)
	openid := sim.OpenID("ming", simAccount)
	store, err := openPlace(place)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	o := node(store, client, openid, "last")
	if err := o.Sync(t.Context(), simAccount); err != nil {
		t.Fatal(err)
	}
	list := sim.Templates(simAccount)
	template := list[slices.IndexFunc(list, func(t wechatsim.Template) bool { return t.Title == "登录成功通知" })].ID
	acknowledged := map[string]string{}
	random := mathrand.New(mathrand.NewPCG(1, 2))
	rounds := 3
	if os.Getenv("WSITE_SOAK") != "" {
		rounds = 40
	}
	for round := range rounds {
		// Two nodes send at once; one is killed while the other may be at the same.
		n, m := 1+random.IntN(80), 1+random.IntN(80)
		second := make(chan map[string]string)
		go func() { second <- killed(t, m, place, sim.URL, openid, template, fmt.Sprint("b", round)) }()
		for id, what := range killed(t, n, place, sim.URL, openid, template, fmt.Sprint("a", round)) {
			acknowledged[id] = what
		}
		for id, what := range <-second {
			acknowledged[id] = what
		}
		if t.Failed() {
			return
		}
	}
	counts := finish(t, o)
	t.Logf("%d acknowledged, %v in the outbox", len(acknowledged), counts)
	shown := map[string]int{}
	for _, m := range sim.Chat("ming", simAccount) {
		if m.Kind == wechatsim.KindTemplate {
			if shown[m.Lines[0].Value]++; shown[m.Lines[0].Value] > 1 {
				t.Errorf("%s arrived twice", m.Lines[0].Value)
			}
		}
	}
	for id, what := range acknowledged {
		m, err := o.Get(t.Context(), "shop", id)
		if err != nil || m.State != message.Sent || shown[what] != 1 {
			t.Errorf("%s was acknowledged, arrived %d times, and stands at %+v, %v", what, shown[what], m, err)
		}
	}
}

// finish runs a last node until nothing is queued any more, and counts where all stand.
func finish(t *testing.T, o *message.Outbox) map[message.State]int {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	ticker := time.NewTicker(20 * time.Millisecond)
	defer ticker.Stop()
	for ; ; <-ticker.C { // the leases of the dead are over when their time is
		if _, err := o.Step(t.Context()); err != nil {
			t.Fatal(err)
		}
		queued, err := o.List(t.Context(), message.Filter{Realm: "shop", State: message.Queued, Limit: 1})
		if err != nil {
			t.Fatal(err)
		}
		if len(queued) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("still queued: %+v", queued)
		}
	}
	counts := map[message.State]int{}
	for f := (message.Filter{Realm: "shop", Limit: 1000}); ; {
		page, err := o.List(t.Context(), f)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range page {
			counts[m.State]++
		}
		if len(page) < f.Limit {
			return counts
		}
		f.Before = page[len(page)-1].ID
	}
}
