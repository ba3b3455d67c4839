package caddymodule_test

import (
	"encoding/json"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"

	_ "github.com/caddy-wsite/caddy-wsite/caddymodule"
)

// init gives the tests of this folder their one -update, unless another of them
// has already: a test binary has only one set of flags.
func init() {
	if flag.Lookup("update") == nil {
		flag.Bool("update", false, "write the golden files instead of comparing with them")
	}
}

// TestModules compares what is registered with the list that `make build`
// compares with `caddy list-modules` of the real binary.
func TestModules(t *testing.T) {
	t.Parallel()
	const golden = "testdata/modules.golden"
	var ours strings.Builder
	for _, id := range caddy.Modules() {
		if strings.Contains(id, "wsite") {
			ours.WriteString(id + "\n")
		}
	}
	if flag.Lookup("update").Value.String() == "true" {
		if err := os.WriteFile(golden, []byte(ours.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if ours.String() != string(want) {
		t.Errorf("our modules are\n%sand %s says\n%s(go test ./caddymodule -run TestModules -update)", ours.String(), golden, want)
	}
}

// TestXcaddy has xcaddy.json decoded strictly into the type that builds from it.
// That type is xcaddy's, which is only in tools.mod; a copy of it here would not
// notice that xcaddy renamed a field. So the builder is run, and only checks.
func TestXcaddy(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("..")
	if err != nil {
		t.Fatal(err)
	}
	// go reuses the result of a test until a file changes that the test itself has
	// read. What its children read doesn't count.
	for _, file := range []string{"xcaddy.json", ".ci/xcaddy/main.go", "go.mod", "tools.mod"} {
		if _, err := os.ReadFile(filepath.Join(root, file)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(folder string) (string, error) {
		command := exec.Command("go", "run", "-modfile="+filepath.Join(root, "tools.mod"), ".ci/xcaddy/main.go", "-check", "-file", filepath.Join(folder, "xcaddy.json"))
		command.Dir = root
		out, err := command.CombinedOutput()
		return strings.TrimSpace(string(out)), err
	}

	t.Run("it names the Caddy that we are tested with", func(t *testing.T) {
		t.Parallel()
		version, err := check(root)
		if err != nil {
			t.Fatalf("%v: %s", err, version)
		}
		list := exec.Command("go", "list", "-m", "-json", "github.com/caddyserver/caddy/v2")
		out, err := list.Output()
		if err != nil {
			t.Fatal(err)
		}
		var tested struct{ Version string }
		if err := json.Unmarshal(out, &tested); err != nil {
			t.Fatal(err)
		}
		if version != tested.Version {
			t.Errorf("xcaddy.json builds Caddy %s, go.mod requires %s", version, tested.Version)
		}
	})

	const ours = `"plugins":[{"module_path":"github.com/caddy-wsite/caddy-wsite/caddymodule"}]`
	for sentence, file := range map[string]struct{ text, want string }{
		"a word that xcaddy.Builder doesn't know is an error": {`{"caddy_version":"v2.11.9",` + ours + `,"plugin":[]}`, `unknown field "plugin"`},
		"a build without our module is an error":              {`{"caddy_version":"v2.11.9"}`, "doesn't name"},
		"anything after the object is an error":               {`{"caddy_version":"v2.11.9",` + ours + `} {}`, "something follows"},
		"an unpinned Caddy is an error":                       {`{` + ours + `}`, "names no caddy_version"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			if err := os.WriteFile(filepath.Join(folder, "xcaddy.json"), []byte(file.text), 0o644); err != nil {
				t.Fatal(err)
			}
			if out, err := check(folder); err == nil || !strings.Contains(out, file.want) {
				t.Errorf("decoding %s: %v: %s, want %s", file.text, err, out, file.want)
			}
		})
	}
}
