package house_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// tree is every text of the checkout by its path, without what git and make put
// there. Git isn't asked: a copy without it has the same rules.
func tree(t *testing.T) map[string][]byte {
	t.Helper()
	texts := map[string][]byte{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if slices.Contains([]string{".git", "dist", "data", "node_modules"}, path) {
				return fs.SkipDir
			}
			return nil
		}
		if !entry.Type().IsRegular() {
			return nil
		}
		text, err := os.ReadFile(path)
		if err == nil && utf8.Valid(text) && !bytes.ContainsRune(text, 0) {
			texts[filepath.ToSlash(path)] = text
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return texts
}

// TestTexts looks for what no text of the tree may hold: unfinished business, and
// the names of whoever's machine it was written on.
func TestTexts(t *testing.T) {
	t.Parallel()
	unfinished := regexp.MustCompile(`\b(` + strings.Join([]string{"TO" + "DO", "FIX" + "ME", "XX" + "X"}, "|") + `)\b`)
	private := machineNames(t)
	for path, text := range tree(t) {
		for number, line := range strings.Split(string(text), "\n") {
			if word := unfinished.FindString(line); word != "" && path != "LICENSE" {
				t.Errorf("%s:%d: %s: finish it, or open an issue", path, number+1, word)
			}
			for _, name := range private {
				if strings.Contains(line, name) {
					t.Errorf("%s:%d: %s is true only on this machine", path, number+1, name)
				}
			}
		}
	}
}

// machineNames are the folders and the module proxies of this machine. A folder
// directly below / is left out: its name is too common to mean anything.
func machineNames(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOMODCACHE", "GOCACHE", "GOPROXY").Output()
	if err != nil {
		t.Fatal(err)
	}
	env := strings.Split(strings.TrimSpace(string(out)), "\n")
	root, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, folder := range append(env[:2:2], root, os.Getenv("HOME")) {
		if strings.Count(folder, string(filepath.Separator)) > 1 {
			names = append(names, folder)
		}
	}
	for _, proxy := range strings.FieldsFunc(env[2], func(r rune) bool { return r == ',' || r == '|' }) {
		// A name without a dot, like "localhost", is a word; a loopback address is everyone's.
		address, err := url.Parse(proxy)
		if err == nil && strings.Contains(address.Host, ".") && !net.ParseIP(address.Hostname()).IsLoopback() {
			names = append(names, address.Hostname())
		}
	}
	return names
}

// TestDecisions has every library of go.mod and every tool of tools.mod explained,
// and every decision linked from the list of them.
func TestDecisions(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("docs/decisions/libraries.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		explained[row[1]] = true
	}
	direct, indirect := required(t, "go.mod")
	tools, _ := required(t, "tools.mod")
	for _, name := range slices.Concat(direct, tools) {
		if !explained[name] {
			t.Errorf("docs/decisions/libraries.md doesn't say why %s is there", name)
		}
		delete(explained, name)
	}
	for name := range explained {
		// Caddy's own libraries may be named although Caddy brings them.
		if !slices.Contains(indirect, name) {
			t.Errorf("docs/decisions/libraries.md explains %s, which is not there", name)
		}
	}

	index, err := os.ReadFile("docs/decisions/README.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadDir("docs/decisions")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := file.Name()
		if path.Ext(name) == ".md" && name != "README.md" && !strings.Contains(string(index), "]("+name+")") {
			t.Errorf("docs/decisions/README.md has no link to %s", name)
		}
	}
}

// required are the modules that a go.mod requires directly, with the packages of
// its tools, and those that it requires only because others do.
func required(t *testing.T, file string) (direct, indirect []string) {
	t.Helper()
	out, err := exec.Command("go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatal(err)
	}
	var mod struct {
		Require []struct {
			Path     string
			Indirect bool
		}
		Tool []struct{ Path string }
	}
	if err := json.Unmarshal(out, &mod); err != nil {
		t.Fatal(err)
	}
	for _, library := range mod.Require {
		if library.Indirect {
			indirect = append(indirect, library.Path)
		} else {
			direct = append(direct, library.Path)
		}
	}
	for _, tool := range mod.Tool {
		direct = append(direct, tool.Path)
	}
	return direct, indirect
}
