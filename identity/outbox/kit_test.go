package outbox_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
)

const (
	secretA = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
	secretB = "whsec_ZmVkY2JhOTg3NjU0MzIxMGZlZGNiYTk4NzY1NDMyMTA="
)

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// facts is a real store, with words for what happens to users.
type facts struct {
	*sqlstore.Store
	t       testing.TB
	clock   *clock
	realm   string
	mu      sync.Mutex
	version map[string]int64
}

// engine opens a new store.
type engine func(t testing.TB) (*sqlstore.Store, error)

func sqlite(t testing.TB) (*sqlstore.Store, error) {
	return sqlstore.OpenSQLite(t.Context(), freshtest.SQLite(t), sqlstore.Options{})
}

func postgres(t testing.TB) (*sqlstore.Store, error) {
	return sqlstore.OpenPostgres(t.Context(), freshtest.Postgres(t), sqlstore.Options{})
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(t *testing.T, on engine)) {
	t.Run("on SQLite", func(t *testing.T) { t.Parallel(); test(t, sqlite) })
	t.Run("on PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, postgres) })
}

func newFacts(t testing.TB, on engine) *facts {
	t.Helper()
	s, err := on(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return &facts{Store: s, t: t, clock: newClock(), realm: "shop", version: map[string]int64{}}
}

// retire writes retirements, given as old, new, old, new, …, each in a transaction
// of its own.
func (f *facts) retire(pairs ...string) {
	f.t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		f.apply(pairs[i], pairs[i+1])
	}
}

func (f *facts) apply(old, heir string) {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.time()
	c := identity.Change{Realm: f.realm, At: now}
	if f.version[heir] == 0 {
		c.Users = append(c.Users, identity.User{ID: heir, Kind: identity.Virtual, Born: now})
		f.version[heir] = 1
	}
	c.Users = append(c.Users, identity.User{ID: old, Kind: identity.Virtual, Born: now, Parent: heir, RetiredAt: now, Version: f.version[old]})
	f.version[old]++
	c.Events = []identity.Event{{
		ID: old + ".first", Realm: f.realm, Type: identity.EventReplaced, Phase: identity.PhaseFirst, Old: old, New: heir,
		Via: "test", Cause: "E2", Subject: "acme", AppID: "wx1", At: now, Trace: "trace-" + old,
	}}
	if err := f.Apply(f.t.Context(), c); err != nil {
		f.t.Fatal(err)
	}
}

// happens writes an event that retires nobody.
func (f *facts) happens(e identity.Event) {
	f.t.Helper()
	e.Realm, e.At = f.realm, f.clock.time()
	c := identity.Change{Realm: f.realm, At: e.At, Events: []identity.Event{e}}
	if err := f.Apply(f.t.Context(), c); err != nil {
		f.t.Fatal(err)
	}
}

func (f *facts) join(name string) outbox.Line {
	f.t.Helper()
	line := outbox.Line{Realm: f.realm, Name: name}
	if err := f.Join(f.t.Context(), line, true); err != nil {
		f.t.Fatal(err)
	}
	return line
}

func (f *facts) status(line outbox.Line) outbox.Status {
	f.t.Helper()
	all, err := f.Lines(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	for _, s := range all {
		if s.Line == line {
			return s
		}
	}
	f.t.Fatalf("there is no line %v", line)
	return outbox.Status{}
}

// received is an event as a consumer got it.
type received struct {
	ID, Source, Type, Subject, SpecVersion, DataContentType string
	Time                                                    time.Time
	Data                                                    struct {
		EventID                                                         string `json:"event_id"`
		Realm, Type, Phase, Old, New, Via, Cause, Subject, AppID, Trace string
		Seq                                                             int64
		At                                                              time.Time
	}
}

// consumer is a line of business: a real server that keeps what it took.
type consumer struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	answer  func(e received, w http.ResponseWriter) // nil: take it
	begun   []string                                // ids of all events that came, in order
	taken   []received
	running map[string]int // by user, now
	clashes []string       // users about whom two events ran at once
}

func newConsumer(t testing.TB) *consumer {
	t.Helper()
	c := &consumer{t: t, running: map[string]int{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.serve))
	t.Cleanup(c.Close)
	return c
}

// answers sets what the consumer says from now on; nil takes everything.
func (c *consumer) answers(f func(e received, w http.ResponseWriter)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = f
}

// says answers everything with a status.
func (c *consumer) says(status int) {
	c.answers(func(_ received, w http.ResponseWriter) { w.WriteHeader(status) })
}

func (c *consumer) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	var e received
	if err := json.Unmarshal(body, &e); err != nil {
		c.t.Errorf("a body is no JSON: %s", body)
	}
	if key, _ := webhooks.NewWebhook(secretA); key.VerifyIgnoringTimestamp(body, r.Header) != nil {
		c.t.Errorf("event %s is signed wrongly: %v", e.ID, r.Header)
	}
	c.mu.Lock()
	c.begun = append(c.begun, e.ID)
	users := []string{e.Data.Old, e.Data.New}
	for _, u := range users {
		if c.running[u]++; c.running[u] > 1 && u != "" {
			c.clashes = append(c.clashes, u)
		}
	}
	answer := c.answer
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, u := range users {
			c.running[u]--
		}
	}()
	if answer != nil {
		rec := &status{ResponseWriter: w, code: http.StatusOK}
		if answer(e, rec); rec.code >= 300 {
			return
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.taken = append(c.taken, e)
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// olds are the old ids of what the consumer took, in order.
func (c *consumer) olds() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var ids []string
	for _, e := range c.taken {
		ids = append(ids, e.Data.Old)
	}
	return ids
}

func (c *consumer) tried() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.begun)
}

// wantAll fails unless every old id was taken, whatever else was.
func (c *consumer) wantAll(ids ...string) {
	c.t.Helper()
	got := c.olds()
	for _, id := range ids {
		if !slices.Contains(got, id) {
			c.t.Errorf("%s was not delivered: %v", id, got)
		}
	}
}

// want fails unless exactly these were taken, in this order.
func (c *consumer) want(ids ...string) {
	c.t.Helper()
	if got := c.olds(); !slices.Equal(got, ids) {
		c.t.Errorf("delivered %v, want %v", got, ids)
	}
}

func webhook(t testing.TB, url string, now func() time.Time, changes ...func(*outbox.WebhookConfig)) *outbox.Webhook {
	t.Helper()
	networks, err := outbox.ParseNetworks([]string{"private"})
	if err != nil {
		t.Fatal(err)
	}
	config := outbox.WebhookConfig{URL: url, Secrets: []string{secretA}, Networks: networks, Issuer: "https://www.example.com/wsite/-", Now: now}
	for _, change := range changes {
		change(&config)
	}
	w, err := outbox.NewWebhook(config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

var relays struct {
	sync.Mutex
	n int
}

// newRelay is a relay that tests drive by hand.
func newRelay(f *facts, store outbox.Store, targets []outbox.Target, changes ...func(*outbox.Config)) *outbox.Relay {
	f.t.Helper()
	relays.Lock()
	relays.n++
	holder := fmt.Sprintf("relay-%d", relays.n)
	relays.Unlock()
	config := outbox.Config{Store: store, Targets: targets, Holder: holder, Now: f.clock.time, Random: func([]byte) {}}
	for _, change := range changes {
		change(&config)
	}
	return outbox.NewRelay(config)
}

// one is a store with one line, its consumer and its relay.
func one(t testing.TB, on engine, changes ...func(*outbox.Config)) (*facts, *consumer, *outbox.Relay, outbox.Target) {
	t.Helper()
	return oneOn(t, newFacts(t, on), changes...)
}

func oneOn(t testing.TB, f *facts, changes ...func(*outbox.Config)) (*facts, *consumer, *outbox.Relay, outbox.Target) {
	t.Helper()
	c := newConsumer(t)
	target := outbox.Target{Line: f.join("orders"), Sender: webhook(t, c.URL, f.clock.time)}
	return f, c, newRelay(f, f.Store, []outbox.Target{target}, changes...), target
}

// drain takes steps until there is nothing to do now.
func drain(t testing.TB, r *outbox.Relay, target outbox.Target) {
	t.Helper()
	for range 10_000 {
		more, err := r.Step(t.Context(), target)
		if err != nil {
			t.Fatal(err)
		}
		if !more {
			return
		}
	}
	t.Fatal("a line is never done")
}
