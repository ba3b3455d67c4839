package caddymodule

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

const hookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="

// broadcasting changes the standard Caddyfile: events of the realm main go to an
// address.
func broadcasting(url string) []string {
	return []string{
		"realm main\n\t\trealm other", "webhook_networks private\n\t\trealm main {\n\t\t\tbroadcast orders webhook " + url + " {\n\t\t\t\tsecret " + hookSecret + "\n\t\t\t}\n\t\t}\n\t\trealm other",
	}
}

// retirement is a change that retires an id into another.
func retirement(old, heir string, now time.Time) identity.Change {
	return identity.Change{
		Realm: "main", At: now,
		Users: []identity.User{
			{ID: heir, Kind: identity.Real, Born: now},
			{ID: old, Kind: identity.Virtual, Born: now, Parent: heir, RetiredAt: now},
		},
		Events: []identity.Event{{ID: old + ".first", Realm: "main", Type: identity.EventReplaced, Phase: identity.PhaseFirst, Old: old, New: heir, At: now}},
	}
}

func TestBroadcast(t *testing.T) {
	t.Parallel()
	bodies := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		bodies <- string(body)
	}))
	defer server.Close()
	g := startGateway(t, broadcasting(server.URL+"/hooks")...)
	if err := g.app.facts().Apply(t.Context(), retirement("v1", "r1", g.now())); err != nil {
		t.Fatal(err)
	}
	var e struct {
		Source string
		Data   struct{ Old, New, Phase string }
	}
	if body := <-bodies; json.Unmarshal([]byte(body), &e) != nil || e.Data.Old != "v1" || e.Data.New != "r1" || e.Source != g.url+"/wsite/-/realms/main" {
		t.Errorf("the consumer got %s", body)
	}
	store, err := g.app.outbox()
	if err != nil {
		t.Fatal(err)
	}
	if err := g.app.measureLines(t.Context(), store); err != nil {
		t.Error(err)
	}
	if !g.app.serves(outbox.Line{Realm: "main", Name: "orders"}) || g.app.serves(outbox.Line{Realm: "other", Name: "orders"}) {
		t.Error("it serves other lines than it was told")
	}
}

func TestConfig_refusesLines(t *testing.T) {
	t.Setenv("HOOK_SECRET", "whsec_hunter2")
	t.Setenv("HOOK_URL", "https://10.0.0.1/hunter2")
	const config = `{"admin": {"disabled": true}, "apps": {"wsite": {"origin": "https://www.example.com", "facts": {"sqlite": "DATA/wsite.db"},
		"realms": [{"name": "main", "broadcast": [{"name": "orders", "webhook": "URL", "secret": ["SECRET"]}]}]}}}`
	for sentence, c := range map[string]struct{ url, secret, want string }{
		"a secret behind a placeholder":        {"https://orders.example.com", "{env.HOOK_SECRET}", "broadcast main/orders: secret: a secret is"},
		"a secret that is not set":             {"https://orders.example.com", "{env.WSITE_NOT_SET}", "broadcast main/orders: secret: the placeholder"},
		"a private address by a placeholder":   {"{env.HOOK_URL}", hookSecret, "broadcast main/orders: webhook: the address is private"},
		"an address that is not set":           {"{env.WSITE_NOT_SET}", hookSecret, "broadcast main/orders: webhook: a placeholder in it is empty"},
		"what is right, or nothing is learned": {"https://orders.example.com", hookSecret, ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			err := validate(t, config, "DATA", t.TempDir(), "URL", c.url, "SECRET", c.secret)
			if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
				t.Errorf("validating: %v, want %q", err, c.want)
			}
			if err != nil && strings.Contains(err.Error(), "hunter2") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func TestCommand_broadcast(t *testing.T) {
	var refusing atomic.Bool
	refusing.Store(true)
	taken := make(chan string, 10)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refusing.Load() {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		taken <- r.Header.Get("Webhook-Id")
	}))
	defer server.Close()
	g := runGateway(t, broadcasting(server.URL)...)
	typed := func(words ...string) string {
		t.Helper()
		out, err := g.typedAt(t, broadcastCommand(), words...)
		if err != nil {
			t.Errorf("broadcast %v: %v", words, err)
		}
		return out
	}
	want := func(out string, words ...string) {
		t.Helper()
		for _, w := range words {
			if !strings.Contains(out, w) {
				t.Errorf("%q is missing in\n%s", w, out)
			}
		}
	}
	deadLetterOf(t, g.app(t))
	want(typed("list"), "REALM", "orders", "gone", "not configured")
	want(typed("dead", "main", "gone"), "v1.first", "userid.replaced", "99", "status_500")
	want(typed("replay", "main", "gone", "v1.first"), "1 to be sent again")
	if out := typed("dead", "main", "gone"); strings.Contains(out, "v1.first") {
		t.Errorf("the dead letter is still one:\n%s", out)
	}
	refusing.Store(false)
	want(typed("replay", "main", "orders"), "to be sent again")
	if id := <-taken; id != "v1.first" {
		t.Errorf("the consumer got %s", id)
	}
	t.Run("what makes no sense is refused", func(t *testing.T) {
		for _, words := range [][]string{{"dead", "main", "nosuch"}, {"replay", "nosuch", "orders"}, {"dead", "main"}, {"replay", "main"}, {"list", "all"}} {
			if out, err := g.typedAt(t, broadcastCommand(), words...); err == nil {
				t.Errorf("broadcast %v prints %s", words, out)
			}
		}
		if status, text := g.ask(t, http.MethodPost, adminReplay, "text/plain", `{"realm": "main", "line": "orders"}`); status != http.StatusUnsupportedMediaType {
			t.Errorf("plain text is answered %d %s", status, text)
		}
		if status, text := g.ask(t, http.MethodPost, adminReplay, "application/json", "nonsense"); status != http.StatusBadRequest {
			t.Errorf("nonsense is answered %d %s", status, text)
		}
		if status, text := g.ask(t, http.MethodGet, "/config/apps/wsite", "", ""); status != http.StatusOK || !strings.Contains(text, fmt.Sprintf("%q", server.URL)) {
			t.Errorf("the config is %d %s", status, text)
		}
	})
}

// deadLetterOf leaves an event, and a line that is served no more with that event as a
// dead letter.
func deadLetterOf(t *testing.T, app *App) {
	t.Helper()
	store, err := app.outbox()
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Join(t.Context(), outbox.Line{Realm: "main", Name: "gone"}, true); err != nil {
		t.Fatal(err)
	}
	if err := app.facts().Apply(t.Context(), retirement("v1", "r1", time.Now())); err != nil {
		t.Fatal(err)
	}
	line := outbox.Line{Realm: "main", Name: "gone"}
	dead := outbox.Parcel{Event: identity.Event{Seq: 1, Old: "v1"}, Recorded: "r1", Parked: true, Tries: 99, Since: time.Now(), Next: time.Now(), Error: "status_500", Dead: true}
	if ok, err := store.Lease(t.Context(), line, "test", time.Now(), time.Now().Add(time.Hour)); !ok || err != nil {
		t.Fatal(ok, err)
	}
	if err := store.Settle(t.Context(), line, "test", outbox.Settlement{State: outbox.State{Cursor: 1, Error: "status_500"}, Parked: []outbox.Parcel{dead}}); err != nil {
		t.Fatal(err)
	}
}
