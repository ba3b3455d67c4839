package caddymodule

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// typedKeys runs `caddy wsite api-keys …` and gives what it prints.
func (g *wholeCaddy) typedKeys(t *testing.T, words ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	cmd := apiKeysCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append(words, "--address", "unix/"+g.socket))
	err := cmd.Execute()
	return out.String(), err
}

func TestCommand_apiKeys(t *testing.T) {
	g := runGateway(t)
	out, err := g.typedKeys(t, "create", "--realm", "main", "--name", "orders", "--scopes", "read,bind", "--sites", "shop,game")
	id, _, ok := identity.ParseAPIKey(strings.TrimSpace(out))
	if err != nil || !ok {
		t.Fatalf("create prints %s, %v", out, err)
	}
	list, err := g.typedKeys(t, "list")
	if err != nil || !strings.HasPrefix(list, "ID") || !strings.Contains(list, id) || !strings.Contains(list, "read,bind") || !strings.Contains(list, "shop,game") || !strings.Contains(list, "never") {
		t.Errorf("list prints %s, %v", list, err)
	}
	if strings.Contains(list, strings.TrimSpace(out)[21:]) {
		t.Error("the list shows the secret")
	}
	if out, err := g.typedKeys(t, "create", "--realm", "*", "--name", "ops", "--scopes", "operate,audit"); err != nil || !strings.HasPrefix(out, "wsk_") {
		t.Errorf("create prints %s, %v", out, err)
	}
	for _, wrong := range [][]string{
		{"create", "--name", "x"},
		{"create", "--scopes", "read"},
		{"create", "--name", "x", "--scopes", "write"},
		{"create", "--name", "x", "--scopes", "read", "--realm", "nosuch"},
		{"create", "x", "--name", "x", "--scopes", "read"},
		{"revoke"},
		{"revoke", "nosuch"},
		{"list", "all"},
	} {
		if out, err := g.typedKeys(t, wrong...); err == nil || strings.HasPrefix(out, "wsk_") {
			t.Errorf("%v prints %s", wrong, out)
		}
	}
	if out, err := g.typedKeys(t, "revoke", id); err != nil || !strings.Contains(out, "revoked") {
		t.Errorf("revoke prints %s, %v", out, err)
	}
	elsewhere := &wholeCaddy{socket: g.socket + ".gone"}
	if _, err := elsewhere.typedKeys(t, "list"); err == nil {
		t.Error("a gateway that doesn't run is no error")
	}
}
