package caddymodule

import (
	"context"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

func TestCommand_merchants(t *testing.T) {
	sim := simulated(t)
	g := runGateway(t, "SIM", sim.URL)
	run := func(w ...string) string {
		t.Helper()
		out, err := g.typedTo(t, merchantsCommand(), w...)
		if err != nil {
			t.Fatalf("%v: %v", w, err)
		}
		return out
	}
	run("add", "M1", "--name", "Shop", "--persons", "2")
	folder := t.TempDir()
	write := func(text string) string {
		name := filepath.Join(folder, "table.csv")
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	long := "id,name\n"
	for i := range 3000 {
		long += "L" + itoa(i) + ",long name of a shop\n"
	}
	t.Run("a table of several parts is taken in, and its lines are named as in the file", func(t *testing.T) {
		out, err := g.typedTo(t, merchantsCommand(), "import", write(long+"M 2,x\n"))
		if err != nil && !strings.Contains(err.Error(), "2") || !strings.Contains(out, "3000 created, 0 updated, 0 unchanged, 1 refused") || !strings.Contains(out, "line 3002: M 2: ") {
			t.Errorf("import prints %s, %v", out, err)
		}
	})
	t.Run("a table that breaks off says what is in already", func(t *testing.T) {
		_, err := g.typedTo(t, merchantsCommand(), "import", write(long+"M2,"+strings.Repeat("x", 100<<10)+"\n"))
		if err == nil || !strings.Contains(err.Error(), "before that: 0 created, 0 updated, ") || !strings.Contains(err.Error(), "stays unchanged") {
			t.Errorf("import answers %v", err)
		}
	})
	if out := run("list", "--search", "shop", "--after", "unbound.L999"); !strings.Contains(out, "M1  Shop  normal  0/2    -") {
		t.Errorf("list prints %s", out)
	}
	t.Run("a code is drawn, and who scans it can be unbound", func(t *testing.T) {
		file := filepath.Join(folder, "M1.png")
		id, says, _ := strings.Cut(strings.TrimSpace(run("code", "M1", appLone, "--life", "30m", "--png", file)), " ")
		f, err := os.Open(file)
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if _, err := png.Decode(f); err != nil || !strings.HasPrefix(says, "http") {
			t.Errorf("code prints %s, and draws %v", says, err)
		}
		app := g.app(t)
		var made string
		for _, s := range sim.Scenes(appLone) {
			made = s.Scene
		}
		if err := app.codes.Scanned(context.Background(), scene.Scan{AppID: appLone, OpenID: "oLi", Scene: made, At: app.now(), Key: "1"}); err != nil {
			t.Fatal(err)
		}
		if c, err := app.desk.Code(t.Context(), "main", id); err != nil || c.State != merchant.Bound {
			t.Errorf("the code is %v, %v", c.State, err)
		}
		if out := run("list", "--shown", "bound"); !strings.Contains(out, "M1  Shop  normal  1/2    unknown") {
			t.Errorf("list prints %s", out)
		}
		run("unbind", "M1")
		if out := run("list", "--shown", "bound"); strings.Contains(out, "M1") {
			t.Errorf("list prints %s", out)
		}
	})
	for _, wrong := range [][]string{
		{"add", "M1", "--name", "again"},
		{"add", "M 1", "--name", "x"},
		{"code", "nosuch", appLone},
		{"code", "M1", appSub},
		{"code", "M1", appLone, "--life", "1500ms"},
		{"unbind", "M1"},
		{"unbind", "nosuch"},
		{"import", folder + "/nosuch"},
		{"import", write("name\nx\n")},
		{"list", "--realm", "nosuch"},
		{"notify", appLone, "nosuch", "M1"},
		{"notify", appLone, "nosuch", "--all", "--not-before", "tomorrow"},
	} {
		if out, err := g.typedTo(t, merchantsCommand(), wrong...); err == nil {
			t.Errorf("%v prints %s", wrong, out)
		}
	}
}
