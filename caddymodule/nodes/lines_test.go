package nodes

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	webhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// lines is a line of business that keeps what events say, by the recipe of docs/events.md.
type lines struct {
	*httptest.Server
	key *webhooks.Webhook

	mu      sync.Mutex
	arrived chan string // unless nil, an event waits here to tell which node sent it
	alias   map[string]string
	seen    map[string]int // how often each event came
	wrong   int            // what nobody of ours had signed
}

func startLines(t testing.TB) *lines {
	t.Helper()
	key, err := webhooks.NewWebhook(hookSecret)
	if err != nil {
		t.Fatal(err)
	}
	l := &lines{key: key, alias: map[string]string{}, seen: map[string]int{}}
	l.Server = httptest.NewServer(l)
	t.Cleanup(l.Close)
	return l
}

func (l *lines) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	var event struct {
		Data struct{ Type, Old, New string } `json:"data"`
	}
	l.mu.Lock()
	arrived := l.arrived
	l.mu.Unlock()
	if arrived != nil {
		select {
		case arrived <- strings.TrimPrefix(r.URL.Path, "/"):
		case <-r.Context().Done():
			return
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.key.Verify(body, r.Header) != nil || json.Unmarshal(body, &event) != nil {
		l.wrong++
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	l.seen[r.Header.Get("webhook-id")]++
	if event.Data.Type == "userid.replaced" {
		l.alias[event.Data.Old] = event.Data.New
	}
	w.WriteHeader(http.StatusNoContent)
}

// hold has events wait until somebody asks which node sent them, or takes that back with nil.
func (l *lines) hold(arrived chan string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.arrived = arrived
}

// survivor is who stands for an id, as far as events have told.
func (l *lines) survivor(id string) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	for range len(l.alias) + 1 { // no way is longer, unless it is a circle
		next, ok := l.alias[id]
		if !ok {
			return id
		}
		id = next
	}
	return "in a circle"
}

// count is how many events came, how many of them more than once, and how many were forged.
func (l *lines) count() (events, repeated, wrong int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, n := range l.seen {
		if n > 1 {
			repeated++
		}
	}
	return len(l.seen), repeated, l.wrong
}
