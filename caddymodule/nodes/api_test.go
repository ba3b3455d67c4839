package nodes

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// apiKey has a node make a key of the API, as `caddy wsite api-keys create` does.
func (n *node) apiKey(t testing.TB, scopes ...string) string {
	t.Helper()
	body, err := json.Marshal(map[string]any{"realm": "main", "name": "test", "scopes": scopes})
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.Post("http://"+n.admin+"/wsite/api-keys/create", "application/json", strings.NewReader(string(body)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var made struct{ Key string }
	if err := json.NewDecoder(resp.Body).Decode(&made); err != nil || made.Key == "" {
		t.Fatalf("making a key is answered %d (%v)", resp.StatusCode, err)
	}
	return made.Key
}

// ask calls the API of a node, and reads its answer into out.
func (n *node) ask(ctx context.Context, key, method, path, body string, out any) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, "http://"+n.address+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	_, port, _ := net.SplitHostPort(n.address)
	req.Host = "api.localhost:" + port
	req.Header.Set("Authorization", "Bearer "+key)
	if method != http.MethodGet {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := n.transport.RoundTrip(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return fmt.Errorf("%s answers %d %s", n.name, resp.StatusCode, text)
	}
	return json.Unmarshal(text, out)
}
