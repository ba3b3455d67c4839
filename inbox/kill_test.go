package inbox_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// childRole is the argument that makes the test binary accept until it is killed.
const childRole = "accept-until-killed"

// gateway is an inbox as a process has it, with one subscriber.
func gateway(place, name, backend string) (*inbox.Inbox, *sqlstore.Store, error) {
	open := sqlstore.OpenSQLite
	if strings.HasPrefix(place, "postgres://") {
		open = sqlstore.OpenPostgres
	}
	store, err := open(context.Background(), place, sqlstore.Options{})
	if err != nil {
		return nil, nil, err
	}
	seal, err := identity.NewSealer(make([]byte, identity.MasterKeySize))
	if err != nil {
		return nil, nil, err
	}
	networks, err := outbox.ParseNetworks([]string{"private"})
	if err != nil {
		return nil, nil, err
	}
	return inbox.New(inbox.Config{
		Store: store, Sealer: seal.Box("inbox"), Networks: networks, Holder: name, Now: time.Now, Random: random,
		Keys:        func(string) (push.Keys, bool) { return account, true },
		Subscribers: func(string) []inbox.Subscriber { return []inbox.Subscriber{{Name: "crm", URL: backend, Keys: account}} },
		Lease:       2 * time.Second, Every: 50 * time.Millisecond,
	}), store, nil
}

// acceptUntilKilled takes pushes in from several goroutines, and prints the name of each
// that was acknowledged, while it hands them on.
func acceptUntilKilled(place, name, backend string) {
	b, _, err := gateway(place, name, backend)
	if err != nil {
		refuse(err)
	}
	go b.Run(context.Background())
	for w := range 4 {
		go func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%s-%d-%d", name, w, i)
				m, err := push.Read([]byte(event("CLICK", "<EventKey>"+id+"</EventKey>")))
				if err != nil {
					refuse(err)
				}
				p, err := account.Post(m, time.Now(), random)
				if err != nil {
					refuse(err)
				}
				if _, err := b.Accept(context.Background(), appID, p.Query, p.ContentType, p.Body); err != nil {
					refuse(err)
				}
				os.Stdout.WriteString(id + "\n") // one write for one line, or lines would mix
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

// killed starts a gateway, kills it after it has acknowledged n pushes, and returns all
// that it had acknowledged by then.
func killed(t *testing.T, place, name, backend string, n int) []string {
	cmd := exec.CommandContext(t.Context(), os.Args[0], childRole, place, name, backend)
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

// engines are the two databases, each with a way to an empty one.
var engines = map[string]func(testing.TB) string{
	"sqlite":   freshtest.SQLite,
	"postgres": freshtest.Postgres,
}

func TestKill(t *testing.T) {
	t.Parallel()
	for engine, fresh := range engines {
		t.Run("what a killed gateway had acknowledged is handed on/"+engine, func(t *testing.T) {
			t.Parallel()
			gatewaysKilled(t, fresh(t))
		})
	}
}

// gatewaysKilled kills gateways again and again, two at a time, and wants a last one to
// hand on all that is left. The backend knows an event by its EventKey.
func gatewaysKilled(t *testing.T, place string) {
	var mu sync.Mutex
	took := map[string]int{}
	backend := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil { // a gateway that was killed in the middle of a request
			return
		}
		m, err := account.Open(r.URL.Query(), body, time.Now())
		if err != nil {
			t.Error(err)
		}
		mu.Lock()
		took[m.EventKey]++
		mu.Unlock()
	}))
	defer backend.Close()
	rounds, dice := 3, rand.New(rand.NewPCG(1, 2))
	if os.Getenv("WSITE_SOAK") != "" {
		rounds = 100
	}
	var acknowledged []string
	for round := range rounds {
		n, m := 1+dice.IntN(60), 1+dice.IntN(60)
		second := make(chan []string)
		go func() { second <- killed(t, place, fmt.Sprintf("b%d", round), backend.URL, m) }()
		acknowledged = append(acknowledged, killed(t, place, fmt.Sprintf("a%d", round), backend.URL, n)...)
		acknowledged = append(acknowledged, <-second...)
		if t.Failed() {
			return
		}
	}
	last, store, err := gateway(place, "last", backend.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); last.Run(ctx) }()
	until(t, func() bool {
		lines, err := store.PushLines(t.Context(), appID)
		return err == nil && len(lines) == 1 && lines[0].Waiting == 0
	})
	cancel()
	<-ended
	mu.Lock()
	defer mu.Unlock()
	again := 0
	for _, id := range acknowledged {
		if took[id] == 0 {
			t.Errorf("%s was acknowledged and is lost", id)
		}
		again += max(took[id]-1, 0)
	}
	t.Logf("%d pushes were acknowledged, %d of them handed on again", len(acknowledged), again)
}
