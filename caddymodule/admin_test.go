package caddymodule

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"
)

// wholeCaddy is a gateway as `caddy run` starts it, with its admin endpoint on a socket.
type wholeCaddy struct {
	socket, origin string
	client         *http.Client
}

// runGateway starts the one Caddy of this process.
func runGateway(t *testing.T, changes ...string) *wholeCaddy {
	t.Helper()
	demos.Lock()
	t.Cleanup(demos.Unlock)
	folder, err := os.MkdirTemp("", "wsite") // a socket's path has to be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	g := &wholeCaddy{socket: filepath.Join(folder, "admin.sock"), origin: fmt.Sprintf("http://127.0.0.1:%d", twoPorts(t))}
	text := strings.NewReplacer("admin off", "admin unix/"+g.socket+"\npersist_config off\nstorage_clean_interval off", "ORIGIN", g.origin,
		"SIM", "http://127.0.0.1:1", "DATA", t.TempDir(), "UPSTREAM", "127.0.0.1:1").Replace(strings.NewReplacer(changes...).Replace(standard))
	config, err := adaptUnformatted(t, text)
	if err != nil {
		t.Fatal(err)
	}
	starting.Lock()
	err = caddy.Load([]byte(config), true)
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		starting.Lock()
		defer starting.Unlock()
		_ = caddy.Load([]byte(`{"admin": {"disabled": true, "config": {"persist": false}}}`), true) // closes the admin endpoint
		_ = caddy.Stop()
	})
	g.client = &http.Client{Transport: &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, "unix", g.socket)
	}}}
	return g
}

// app is the app that runs.
func (g *wholeCaddy) app(t *testing.T) *App {
	t.Helper()
	app, err := caddy.ActiveContext().App("wsite")
	if err != nil {
		t.Fatal(err)
	}
	return app.(*App)
}

// ask asks the admin API.
func (g *wholeCaddy) ask(t *testing.T, method, path, contentType, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequest(method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", contentType)
	resp, err := g.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(text)
}

// published are the ids of the keys in the JWKS.
func (g *wholeCaddy) published(t *testing.T) string {
	t.Helper()
	resp, err := http.Get(g.origin + "/wsite/-/jwks.json")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func (g *wholeCaddy) keys(t *testing.T) []keyLine {
	t.Helper()
	status, text := g.ask(t, http.MethodGet, adminKeys, "", "")
	var list []keyLine
	if err := json.Unmarshal([]byte(text), &list); err != nil || status != http.StatusOK {
		t.Fatalf("listing keys: %d %s, %v", status, text, err)
	}
	return list
}

// typed runs `caddy wsite signing-keys …` and gives what it prints.
func (g *wholeCaddy) typed(t *testing.T, words ...string) (string, error) {
	t.Helper()
	return g.typedAt(t, keysCommand(), words...)
}

func (g *wholeCaddy) typedAt(t *testing.T, cmd *cobra.Command, words ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append(words, "--address", "unix/"+g.socket))
	err := cmd.Execute()
	return out.String(), err
}

func TestAdmin(t *testing.T) {
	g := runGateway(t)
	first := g.keys(t)
	t.Run("it lists keys and no private halves", func(t *testing.T) {
		_, text := g.ask(t, http.MethodGet, adminKeys, "", "")
		if len(first) == 0 || strings.Contains(text, `"d"`) || strings.Contains(strings.ToLower(text), "private") {
			t.Errorf("it says %s", text)
		}
		for _, k := range first {
			if !strings.Contains(g.published(t), k.KeyID) {
				t.Errorf("the key %s is in the list and not in the JWKS", k.KeyID)
			}
		}
	})
	for sentence, c := range map[string]struct {
		method, path, kind, body string
		status                   int
		want                     string
	}{
		"listing is a GET":                 {"POST", adminKeys, "application/json", "{}", 405, "use GET"},
		"revoking is a POST":               {"GET", adminRevoke, "", "", 405, "use POST"},
		"a form can't revoke":              {"POST", adminRevoke, "application/x-www-form-urlencoded", "kid=" + first[0].KeyID, 415, "application/json"},
		"nor can plain text":               {"POST", adminRevoke, "text/plain", `{"kid":"` + first[0].KeyID + `"}`, 415, "application/json"},
		"a body without a key is refused":  {"POST", adminRevoke, "application/json", "{}", 400, "kid"},
		"a body that is no JSON":           {"POST", adminRevoke, "application/json", "kid", 400, "kid"},
		"a key that isn't there":           {"POST", adminRevoke, "application/json", `{"kid":"nosuch"}`, 404, ""},
		"what is not there is not there":   {"GET", "/wsite/users", "", "", 404, ""},
		"a body that never ends is no key": {"POST", adminRevoke, "application/json", `{"kid":"` + strings.Repeat("x", 5000) + `"}`, 400, "kid"},
	} {
		t.Run(sentence, func(t *testing.T) {
			if status, text := g.ask(t, c.method, c.path, c.kind, c.body); status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("it answers %d %s, want %d %s", status, text, c.status, c.want)
			}
			if now := g.keys(t); len(now) != len(first) || now[0] != first[0] {
				t.Errorf("the keys were %v and are %v", first, now)
			}
		})
	}
}

func TestCommand_signingKeys(t *testing.T) {
	g := runGateway(t)
	var signing keyLine
	for _, k := range g.keys(t) {
		if signing.KeyID == "" || k.State == "signing" {
			signing = k
		}
	}
	out, err := g.typed(t, "list")
	if err != nil || !strings.Contains(out, signing.KeyID) || !strings.Contains(out, "ES256") || !strings.HasPrefix(out, "KEY") {
		t.Fatalf("list prints %s, %v", out, err)
	}
	if out, err = g.typed(t, "revoke", signing.KeyID); err != nil || !strings.Contains(out, "revoked") {
		t.Fatalf("revoke prints %s, %v", out, err)
	}
	if strings.Contains(g.published(t), signing.KeyID) {
		t.Error("the key is still published")
	}
	if !strings.Contains(g.published(t), `"kid"`) {
		t.Error("no other key is published")
	}
	if out, err = g.typed(t, "revoke", "nosuch"); err == nil || strings.Contains(out, "revoked;") {
		t.Errorf("revoking what isn't there prints %s, %v", out, err)
	}
	if _, err = g.typed(t, "revoke"); err == nil {
		t.Error("revoking nothing is no error")
	}
	if _, err = g.typed(t, "list", "all"); err == nil {
		t.Error("a word too many is no error")
	}
	elsewhere := &wholeCaddy{socket: g.socket + ".gone"}
	if _, err = elsewhere.typed(t, "list"); err == nil {
		t.Error("a gateway that doesn't run is no error")
	}
}
