package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
	"pgregory.net/rapid"
)

const secret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// business is the consumer, reached over HTTP as in life.
type business struct {
	*httptest.Server
	t testing.TB
}

func start(t testing.TB) *business {
	t.Helper()
	c, err := open(filepath.Join(t.TempDir(), "orders.db"), secret)
	if err != nil {
		t.Fatal(err)
	}
	b := &business{httptest.NewServer(c.routes()), t}
	t.Cleanup(c.close)
	t.Cleanup(b.Close)
	return b
}

func (b *business) post(path, body string, header http.Header) int {
	b.t.Helper()
	req, err := http.NewRequest(http.MethodPost, b.URL+path, strings.NewReader(body))
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range header {
		req.Header[name] = values
	}
	resp, err := b.Client().Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// signed are the headers of an event.
func signed(t testing.TB, id, body string, at time.Time) http.Header {
	t.Helper()
	key, err := webhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := key.Sign(id, at, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	header := http.Header{}
	header.Set(webhooks.HeaderWebhookID, id)
	header.Set(webhooks.HeaderWebhookTimestamp, strconv.FormatInt(at.Unix(), 10))
	header.Set(webhooks.HeaderWebhookSignature, signature)
	return header
}

func bodyOf(kind, id, old, heir string) string {
	return fmt.Sprintf(`{"specversion":"1.0","id":%q,"type":%q,"data":{"type":%q,"old":%q,"new":%q}}`, id, kind, kind, old, heir)
}

func (b *business) tell(kind, id, old, heir string) {
	b.t.Helper()
	body := bodyOf(kind, id, old, heir)
	if status := b.post("/hooks", body, signed(b.t, id, body, time.Now())); status != http.StatusNoContent {
		b.t.Fatalf("the event %s is answered %d", id, status)
	}
}

func (b *business) order(user string) {
	b.t.Helper()
	if status := b.post("/orders", fmt.Sprintf(`{"user":%q,"item":"tea"}`, user), nil); status != http.StatusCreated {
		b.t.Fatalf("an order is answered %d", status)
	}
}

func (b *business) orders() map[string]int {
	b.t.Helper()
	resp, err := b.Client().Get(b.URL + "/orders")
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	counts := map[string]int{}
	if err := json.NewDecoder(resp.Body).Decode(&counts); err != nil {
		b.t.Fatal(err)
	}
	return counts
}

// act is a thing that happens to the consumer: an event comes, or an order.
type act struct{ kind, id, user, heir string }

// TestConsumer is invariant I14: however events are shuffled, doubled and late, and
// whatever is written under old ids meanwhile, after the final events no row is left
// under a retired id, none is lost, and none belongs to somebody else.
func TestConsumer(t *testing.T) {
	t.Parallel()
	b, checks := start(t), 0
	rapid.Check(t, func(rt *rapid.T) {
		checks++
		acts, root := history(rt, fmt.Sprintf("c%d-", checks))
		want := map[string]int{}
		for _, a := range acts {
			if a.kind == "order" {
				b.order(a.user)
				want[root[a.user]]++
				continue
			}
			b.tell(a.kind, a.id, a.user, a.heir)
		}
		delete(want, "") // who was erased
		got := b.orders()
		for user := range root {
			if got[user] != want[user] {
				rt.Fatalf("%s has %d orders, want %d, after %v", user, got[user], want[user], acts)
			}
		}
	})
}

// history draws retirements among some users, erases one of the survivors at times, and
// gives what comes of it in a shuffled order, and who stands for each user at the end:
// nobody for the erased. Orders under an id come before its last event does.
func history(rt *rapid.T, prefix string) ([]act, map[string]string) {
	n := rapid.IntRange(2, 6).Draw(rt, "users")
	name := func(i int) string { return prefix + strconv.Itoa(i) }
	parent := map[string]string{}
	for i := 1; i < n; i++ { // into one who lives longer, or not at all
		if rapid.IntRange(0, 3).Draw(rt, "retired") > 0 {
			parent[name(i)] = name(rapid.IntRange(0, i-1).Draw(rt, "heir"))
		}
	}
	root := map[string]string{}
	var events, acts []act
	last := map[string]string{} // of each user: the event behind which he orders no more
	for i := range n {
		way := []string{name(i)}
		for p := parent[name(i)]; p != ""; p = parent[p] {
			way = append(way, p)
		}
		root[name(i)] = way[len(way)-1]
		if len(way) == 1 {
			continue
		}
		// New is whoever stood for him when it was sent; by the final event that is
		// somebody on the way.
		for _, phase := range []string{".first", ".final"} {
			for range rapid.IntRange(1, 2).Draw(rt, "copies") {
				events = append(events, act{"userid.replaced", name(i) + phase, name(i), rapid.SampledFrom(way[1:]).Draw(rt, "new")})
			}
		}
		last[name(i)] = name(i) + ".final"
	}
	if rapid.Bool().Draw(rt, "erase") {
		gone := root[name(n-1)]
		events = append(events, act{kind: "userid.erased", id: gone + ".erased", user: gone})
		last[gone] = gone + ".erased"
		for user, r := range root {
			if r == gone {
				root[user] = ""
			}
		}
	}
	over := map[string]bool{}
	for _, e := range rapid.Permutation(events).Draw(rt, "order of arrival") {
		for i := range n {
			if id := name(i); !over[last[id]] && rapid.Bool().Draw(rt, "orders") {
				acts = append(acts, act{kind: "order", user: id})
			}
		}
		acts, over[e.id] = append(acts, e), true
	}
	return acts, root
}

func TestConsumer_erased(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.order("v1")
	b.tell("userid.erased", "v1.erased", "v1", "")
	b.tell("userid.replaced", "v1.first", "v1", "r1") // late
	b.order("v1")
	b.tell("userid.replaced", "v1.final", "v1", "r1")
	if got := b.orders(); len(got) != 0 {
		t.Errorf("of the erased there is left %v", got)
	}
}

func TestConsumer_refuses(t *testing.T) {
	t.Parallel()
	b := start(t)
	b.order("v1")
	body := bodyOf("userid.replaced", "v1.first", "v1", "r1")
	for sentence, c := range map[string]struct {
		body   string
		header http.Header
		status int
	}{
		"an event without a signature": {body, nil, 401},
		"an event that was changed":    {bodyOf("userid.replaced", "v1.first", "v1", "mallory"), signed(t, "v1.first", body, time.Now()), 401},
		"an event under another id": {body, func() http.Header {
			h := signed(t, "v1.first", body, time.Now())
			h.Set("webhook-id", "v1.final")
			return h
		}(), 401},
		"an event of yesterday":          {body, signed(t, "v1.first", body, time.Now().Add(-24*time.Hour)), 401},
		"what is no JSON":                {"{", signed(t, "x", "{", time.Now()), 400},
		"a body that never ends":         {strings.Repeat(" ", 1<<20+1), nil, 400},
		"an event of a type from beyond": {bodyOf("userid.beamed", "v1.beamed", "v1", "r1"), signed(t, "v1.beamed", bodyOf("userid.beamed", "v1.beamed", "v1", "r1"), time.Now()), 204},
	} {
		t.Run(sentence, func(t *testing.T) {
			if status := b.post("/hooks", c.body, c.header); status != c.status {
				t.Errorf("it is answered %d, want %d", status, c.status)
			}
			if got := b.orders(); got["v1"] != 1 {
				t.Errorf("the orders are %v", got)
			}
		})
	}
	t.Run("an order of nobody", func(t *testing.T) {
		if status := b.post("/orders", `{"item":"tea"}`, nil); status != http.StatusBadRequest {
			t.Errorf("it is answered %d", status)
		}
	})
	for _, wrong := range []string{"", "whsec_%%%"} {
		if c, err := open(filepath.Join(t.TempDir(), "orders.db"), wrong); err == nil {
			c.close()
			t.Errorf("the secret %q is fine", wrong)
		}
	}
}
