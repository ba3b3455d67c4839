package house_test

import (
	"go/ast"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// threat is a row of docs/threats.md: a class of attack, and the folders whose tests show
// that it fails.
type threat struct{ number, holds, folders string }

func threats(t *testing.T) (rows []threat) {
	t.Helper()
	text, err := os.ReadFile("docs/threats.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`(?m)^\| (T\d{3}) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$`).FindAllStringSubmatch(string(text), -1) {
		rows = append(rows, threat{m[1], m[2], m[3]})
	}
	return rows
}

// TestThreats holds docs/threats.md and the tests to each other.
func TestThreats(t *testing.T) {
	t.Parallel()
	t.Run("T018 every threat of the page has a test of its number, and every such test is on the page", func(t *testing.T) {
		t.Parallel()
		shown := map[string]map[string]bool{} // folders by number
		begins := regexp.MustCompile(`^T\d{3}( T\d{3})*( |$)`)
		for _, s := range sources(t) {
			if !s.test {
				continue
			}
			ast.Inspect(s.file, func(node ast.Node) bool {
				literal, ok := node.(*ast.BasicLit)
				if !ok || literal.Kind != token.STRING {
					return true
				}
				name, _ := strconv.Unquote(literal.Value)
				for _, number := range strings.Fields(begins.FindString(name)) {
					if shown[number] == nil {
						shown[number] = map[string]bool{}
					}
					shown[number][s.folder()] = true
				}
				return true
			})
		}
		last := ""
		for _, row := range threats(t) {
			if row.number <= last {
				t.Errorf("%s stands behind %s", row.number, last)
			}
			last = row.number
			var folders []string
			for _, folder := range slices.Sorted(maps.Keys(shown[row.number])) {
				folders = append(folders, "`"+folder+"`")
			}
			if want := strings.Join(folders, ", "); row.folders != want {
				t.Errorf("docs/threats.md says that %s is shown in %s; tests of that number stand in %s", row.number, row.folders, want)
			}
			delete(shown, row.number)
		}
		for number := range shown {
			t.Errorf("docs/threats.md says nothing of %s", number)
		}
	})
	t.Run("T240 no Caddy with known holes is built, and the search for others is one command", oldestCaddy)
	t.Run("T244 what is built says what it is made of, and nothing of the machine", wholeBuild)
}

// safeCaddy is the oldest Caddy without the holes that threats.md was written after.
const safeCaddy = "v2.11.4"

func oldestCaddy(t *testing.T) {
	t.Parallel()
	number := regexp.MustCompile(`v2\.(\d+)\.(\d+)`)
	older := func(version string) bool {
		a, b := number.FindStringSubmatch(version), number.FindStringSubmatch(safeCaddy)
		for i := range 2 {
			x, _ := strconv.Atoi(a[i+1])
			if y, _ := strconv.Atoi(b[i+1]); x != y {
				return x < y
			}
		}
		return false
	}
	if !older("v2.11.3") || !older("v2.9.9") || older("v2.11.4") || older("v2.12.0") {
		t.Fatal("versions aren't compared as such")
	}
	// Whoever builds with an older one gets that of go.mod all the same; a text that names
	// one would mislead all the same.
	for path, form := range map[string]string{
		"go.mod": `github\.com/caddyserver/caddy/v2 (v\S+)`, "xcaddy.json": `"caddy_version": "(v[^"]+)"`, "README.md": `xcaddy build (v\S+)`, "README.zh-CN.md": `xcaddy build (v\S+)`,
	} {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		found := regexp.MustCompile(form).FindSubmatch(text)
		if found == nil || older(string(found[1])) {
			t.Errorf("%s names %s, and the oldest safe one is %s", path, found, safeCaddy)
		}
	}
	makefile, err := os.ReadFile("Makefile")
	operations, err2 := os.ReadFile("docs/operations.md")
	if err != nil || err2 != nil || !regexp.MustCompile(`(?m)^vulns:.*\n\tgo run golang\.org/x/vuln/cmd/govulncheck@v[0-9.]+ `).Match(makefile) {
		t.Error("make vulns looks for known holes no more")
	}
	if !strings.Contains(string(operations), safeCaddy) || !strings.Contains(string(operations), "make vulns") {
		t.Error("docs/operations.md doesn't say which Caddy is old enough to worry, and how to look")
	}
}

// wholeBuild looks at what makes two builds of one commit the same bytes; that they are is
// what `make release` compares.
func wholeBuild(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	_, rule, there := strings.Cut(string(makefile), "\nrelease:")
	rule, _, _ = strings.Cut(rule, "\n\n")
	for _, step := range []string{"dist/again", "cmp dist/caddy dist/again/caddy", "go version -m dist/caddy", "sha256sum"} {
		if !there || !strings.Contains(rule, step) {
			t.Errorf("make release has no %s", step)
		}
	}
	builder, err := os.ReadFile(filepath.Join(".ci", "xcaddy", "main.go"))
	if err != nil || !strings.Contains(string(builder), "Cgo = false") {
		t.Error("a build depends on a C compiler, which every machine has another of")
	}
	if len(regexp.MustCompile(`(?m)^\s*replace |^replace`).FindAll([]byte(strings.ReplaceAll(readAll(t, "go.mod"), "\t", " ")), -1)) != 0 {
		t.Error("go.mod replaces a module: what operators build would be something else")
	}
	if sums := readAll(t, "go.sum"); !strings.Contains(sums, "github.com/caddyserver/caddy/v2 ") {
		t.Error("go.sum holds no digest of Caddy")
	}
}

func readAll(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
