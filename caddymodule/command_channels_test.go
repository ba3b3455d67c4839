package caddymodule

import (
	"bytes"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// typedTo runs one of our commands against the gateway, and gives what it prints.
func (g *wholeCaddy) typedTo(t *testing.T, cmd *cobra.Command, words ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(slices.Insert(words, 1, "--address", "unix/"+g.socket))
	err := cmd.Execute()
	return out.String(), err
}

func TestCommand_qr(t *testing.T) {
	sim := simulated(t)
	g := runGateway(t, "SIM", sim.URL)
	type words = []string
	run := func(w ...string) string {
		t.Helper()
		out, err := g.typedTo(t, qrCommand(), w...)
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		return out
	}
	id, says, ok := strings.Cut(strings.TrimSpace(run("create", appA, "--ref", "table-7", "--life", "30m")), " ")
	if !ok || !strings.HasPrefix(says, "http") {
		t.Fatalf("create prints %q %q", id, says)
	}
	if list := run("list", appA, "--ref", "table-7"); !strings.HasPrefix(list, "ID") || !strings.Contains(list, id) {
		t.Errorf("list prints %s", list)
	}
	file := filepath.Join(t.TempDir(), "table-7.png")
	run("image", appA, id, file)
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if picture, err := png.Decode(f); err != nil || picture.Bounds().Dx() < 100 {
		t.Errorf("the file holds no picture: %v", err)
	}
	run("revoke", appA, id)
	if list := run("list", appA); strings.Count(list, "-\n") != 1 || strings.Count(list, " - ") != 0 { // nobody has scanned it, and revoked it is
		t.Errorf("list prints %s", list)
	}
	for _, wrong := range []words{
		{"create", appA, "--life", "10s"},
		{"create", appA, "--life", "1500ms"},
		{"create", "nosuch"},
		{"revoke", appA, "nosuch"},
		{"list", appA, "--realm", "nosuch"},
		{"image", appA, "nosuch", file + "2"},
		{"image", appA, id},
	} {
		if out, err := g.typedTo(t, qrCommand(), wrong...); err == nil {
			t.Errorf("%v prints %s", wrong, out)
		}
	}
	if _, err := os.Stat(file + "2"); err == nil {
		t.Error("a code that there isn't was drawn")
	}
}

func TestCommand_templates(t *testing.T) {
	sim := simulated(t)
	made, err := sim.AddTemplate(appA, wechatsim.Template{Title: "Order", Content: "Goods: {{thing4.DATA}}\nPaid: {{amount2.DATA}}"})
	if err != nil {
		t.Fatal(err)
	}
	g := runGateway(t, "SIM", sim.URL)
	for _, w := range [][]string{{"sync", appA}, {"list", appA}} {
		if out, err := g.typedTo(t, templatesCommand(), w...); err != nil || !strings.Contains(strings.Join(strings.Fields(out), " "), made.ID+" Order 2 -") {
			t.Errorf("%v prints %s, %v", w, out, err)
		}
	}
	if out, err := g.typedTo(t, templatesCommand(), "show", appA, "--", made.ID); err != nil || !strings.Contains(out, "thing4") || !strings.Contains(out, "20") || !strings.Contains(out, "{{amount2.DATA}}") {
		t.Errorf("show prints %s, %v", out, err)
	}
	wsite := &cobra.Command{Use: "wsite", SilenceErrors: true, SilenceUsage: true}
	command(wsite)
	wsite.SetArgs([]string{"templates", "show", appA, "-lFYq13DF"})
	if err := wsite.Execute(); err == nil || !strings.Contains(err.Error(), "stands behind --") {
		t.Errorf("of an id that begins with a dash it says %v", err)
	}
	if out, err := g.typedTo(t, templatesCommand(), "show", appA, "nosuch"); err == nil {
		t.Errorf("show prints %s", out)
	}
}

func TestCommand_accounts(t *testing.T) {
	sim := simulated(t)
	g := runGateway(t, "SIM", sim.URL)
	if out, err := g.typedTo(t, accountsCommand(), "clear-quota", appA); err != nil || !strings.Contains(out, "ten times a month") || sim.Calls("/cgi-bin/clear_quota/v2") != 1 {
		t.Errorf("clear-quota prints %s, %v", out, err)
	}
	if out, err := g.typedTo(t, accountsCommand(), "explain", appA, "00000000-00000000-00000000"); err == nil || !strings.Contains(err.Error(), string(apiWechatRefused)) {
		t.Errorf("explain prints %s, %v", out, err)
	}
	for _, r := range sim.Requests() {
		if r.RID == "" {
			continue
		}
		if out, err := g.typedTo(t, accountsCommand(), "explain", appA, r.RID); err != nil || !strings.Contains(out, r.Path) {
			t.Errorf("explain prints %s, %v", out, err)
		}
		return
	}
	t.Error("WeChat has refused nothing")
}
