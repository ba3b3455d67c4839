package caddymodule

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	pushToken = "TokenOfTheTests"
	pushKey   = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
)

// withPushes lets the standard account take pushes, and its sites know where the images
// of QR codes are.
var withPushes = append([]string{
	"secret secret-of-a-0123456789abcdef\n", "secret secret-of-a-0123456789abcdef\n\t\t\tshare_token on\n\t\t\tpass_through /cgi-bin/user/info\n\t\t\tpush {\n\t\t\t\ttoken " + pushToken + "\n\t\t\t\taes_key " + pushKey + "\n\t\t\t}\n",
}, withAPI...)

// startChannels starts a gateway with the API whose first account takes pushes.
func startChannels(t testing.TB, changes ...string) *gateway {
	t.Helper()
	g := startGateway(t, append(changes, withPushes...)...)
	if err := g.sim.SetPush(appA, g.url+"/wsite/-/push/"+appA, pushToken, pushKey, "safe"); err != nil {
		t.Fatalf("WeChat's console refuses the address: %v", err)
	}
	return g
}

// settle waits until WeChat has pushed everything that it has to say.
func (g *gateway) settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	if err := g.sim.Settle(ctx); err != nil {
		t.Fatal(err)
	}
}

// eventually asks until it holds: what was accepted is worked on beside the request.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	deadline, look := time.After(time.Minute), time.NewTicker(10*time.Millisecond)
	defer look.Stop()
	for !holds() {
		select {
		case <-deadline:
			t.Fatalf("never: %s", what)
		case <-look.C:
		}
	}
}

// notice is a template of the account with two fields.
func (g *gateway) notice(t testing.TB) string {
	t.Helper()
	made, err := g.sim.AddTemplate(appA, wechatsim.Template{Title: "Order", Content: "Goods: {{thing4.DATA}}\nPaid: {{amount2.DATA}}"})
	if err != nil {
		t.Fatal(err)
	}
	return made.ID
}

// got are the messages that a person got from an account, by kind.
func (g *gateway) got(person, kind string) []wechatsim.Message {
	var found []wechatsim.Message
	for _, m := range g.sim.Chat(person, appA) {
		if m.By == wechatsim.ByAccount && m.Kind == kind {
			found = append(found, m)
		}
	}
	return found
}

// asked is how often WeChat was asked this for the standard account.
func (g *gateway) asked(path string) (n int) {
	for _, r := range g.sim.Requests() {
		if r.Path == path && r.AppID == appA {
			n++
		}
	}
	return n
}

// list are the rows of an answer.
func (a apiAnswer) list(name string) []map[string]any {
	var rows []map[string]any
	items, _ := a.JSON[name].([]any)
	for _, item := range items {
		row, _ := item.(map[string]any)
		rows = append(rows, row)
	}
	return rows
}

// hides fails if a text holds one of these.
func hides(t testing.TB, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if s != "" && strings.Contains(text, s) {
			t.Errorf("%q holds %q", text, s)
		}
	}
}
