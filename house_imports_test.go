package house_test

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/caddy-wsite/caddy-wsite"

// law is what a package, and what is below it, may import. The longest folder that
// holds a package decides. .golangci.yml says the same to an editor.
type law struct {
	folder string
	ours   []string // folders of ours, and what is below them
	tests  []string // further ones, for its tests
	caddy  bool     // may know Caddy and zap
	why    string
}

var laws = []law{
	{folder: "identity", why: "the core knows neither where a claim comes from nor where facts are kept", tests: []string{"identity"}},
	{folder: "identity/storetest", ours: []string{"identity"}, why: "it tests any store, so it knows none"},
	{folder: "identity/oracle", ours: []string{"identity"}, tests: []string{"sqlstore"}, why: "it plays the centre on every engine against a model"},
	{folder: "identity/outbox", ours: []string{"identity"}, tests: []string{"sqlstore"}, why: "it delivers what any store keeps"},
	{folder: "wechat", tests: []string{"wechat"}, why: "WeChat's answers are turned into claims in caddymodule/login.go alone"},
	{folder: "wechat/wechatsim", tests: []string{"wechat"}, why: "were it to share a type with the client, both could make the same mistake"},
	{folder: "wechat/custody", ours: []string{"wechat", "cluster"}, tests: []string{"wechat", "cluster", "sqlstore", "identity"}, why: "it knows where tokens come from, and contracts for where they are kept"},
	{folder: "follower", why: "who follows an account is a word that several parts share, and no more"},
	{folder: "inbox", ours: []string{"wechat/push", "follower", "identity/outbox"}, tests: []string{"cluster", "identity", "sqlstore", "wechat/wechatsim"}, why: "it hands pushes on, and knows neither what is done with them nor a database"},
	{folder: "inbox/storetest", ours: []string{"inbox"}, why: "it tests any store, so it knows none"},
	{folder: "cluster", tests: []string{"cluster"}, why: "it carries bytes, and knows nothing of what they mean"},
	{folder: "cluster/clustertest", ours: []string{"cluster"}, why: "it tests any implementation, so it knows none"},
	{folder: "directory", tests: []string{"directory"}, why: "what exists does not depend on who asks"},
	{folder: "message", ours: []string{"wechat", "follower"}, tests: []string{"wechat", "sqlstore", "identity"}, why: "it sends to users, and knows neither a database nor who they are"},
	{folder: "scene", ours: []string{"wechat", "identity"}, tests: []string{"sqlstore"}, why: "it keeps codes, and knows neither a database nor what a scan does"},
	{folder: "merchant", ours: []string{"identity", "wechat", "message", "scene"}, tests: []string{"sqlstore", "follower"}, why: "it binds merchants and writes to them, and knows neither a database nor who configures it"},
	{folder: "console", ours: []string{"merchant", "identity", "directory"}, tests: []string{"console", "sqlstore", "wechat", "scene"}, why: "it shows what others do, and knows neither a database nor WeChat"},
	{folder: "sqlstore", ours: []string{"identity", "job", "inbox", "follower", "message", "scene", "merchant", "console", "directory"}, tests: []string{"sqlstore"}, why: "it implements what its users define"},
	{folder: "sqlstore/pgtest", why: "it gives tests a server, and knows nothing of what they do with it"},
	{folder: "sqlstore/freshtest", ours: []string{"sqlstore"}, why: "it gives tests facts that are set up, and knows nothing of what they do with them"},
	{folder: "transfer", ours: []string{"identity"}, tests: []string{"transfer", "sqlstore"}, why: "it hands rows to the identity centre, and knows no database"},
	{folder: "job", ours: []string{"identity", "wechat", "follower", "cluster"}, tests: []string{"sqlstore"}, why: "it brings WeChat and the identity centre together, and knows no database"},
	{folder: "check", ours: []string{"wechat"}, why: "it tries an account at WeChat, and knows nothing of how it is configured"},
	{folder: "caddymodule", ours: []string{"caddymodule", "identity", "transfer", "wechat", "directory", "sqlstore", "cluster", "inbox", "follower", "message", "scene", "merchant", "console", "job", "check"}, caddy: true, why: "it puts everything together"},
	{folder: "examples", why: "an example is what somebody else would write"},
	{folder: "bench", ours: []string{"bench", "caddymodule", "identity", "wechat", "directory", "sqlstore"}, caddy: true, why: "it measures the whole"},
}

// listed is a package as `go list` tells it.
type listed struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// folder is the package's folder from the root.
func (p listed) folder() string { return strings.TrimPrefix(p.ImportPath, module+"/") }

// packages are the packages of the tree. Tests of a package may import themselves.
func packages(t *testing.T) []listed {
	t.Helper()
	// -e, for a package that doesn't compile has imports all the same.
	out, err := exec.Command("go", "list", "-e", "-buildvcs=false", "-json=ImportPath,Imports,TestImports,XTestImports", "./...").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all []listed
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		var one listed
		if err := decoder.Decode(&one); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		if one.ImportPath != module {
			all = append(all, one)
		}
	}
}

// below says whether folder is one of roots, or in one of them.
func below(folder string, roots []string) bool {
	return slices.ContainsFunc(roots, func(root string) bool {
		return folder == root || strings.HasPrefix(folder, root+"/")
	})
}

func TestImports(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		var rule law
		for _, l := range laws {
			if below(p.folder(), []string{l.folder}) && len(l.folder) > len(rule.folder) {
				rule = l
			}
		}
		if rule.folder == "" {
			t.Errorf("%s: nothing says what it may import; give it a law", p.folder())
			continue
		}
		tests := slices.Concat(rule.ours, rule.tests, []string{rule.folder})
		for _, imported := range p.Imports {
			checkImport(t, p, rule, imported, rule.ours)
		}
		for _, imported := range slices.Concat(p.TestImports, p.XTestImports) {
			checkImport(t, p, rule, imported, tests)
		}
	}
}

// checkImport judges one import of p, which may import the folders ours.
func checkImport(t *testing.T, p listed, rule law, imported string, ours []string) {
	t.Helper()
	foreign := below(imported, []string{"github.com/caddyserver", "go.uber.org/zap"})
	if foreign && !rule.caddy {
		t.Errorf("%s imports %s: only caddymodule knows Caddy and zap", p.folder(), imported)
	}
	folder, own := strings.CutPrefix(imported, module+"/")
	if own && !below(folder, ours) {
		t.Errorf("%s imports %s: %s", p.folder(), folder, rule.why)
	}
	if folder == "caddymodule" && !below(p.folder(), []string{"caddymodule", "bench"}) {
		t.Errorf("%s imports caddymodule, which nothing does but its command and the benchmarks", p.folder())
	}
}

// TestCore holds package identity to what can be computed: no network, no disk, no
// database, no other process, and of other people's code only the one for JWTs.
func TestCore(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if p.folder() != "identity" {
			continue
		}
		for _, imported := range p.Imports {
			outside := below(imported, []string{"net", "os", "database/sql", "syscall", "io/ioutil"}) && imported != "net/url"
			first, _, _ := strings.Cut(imported, "/")
			library := strings.Contains(first, ".") && !below(imported, []string{"github.com/golang-jwt/jwt/v5"})
			if outside || library {
				t.Errorf("identity imports %s: the core is pure", imported)
			}
		}
	}
}

// TestRandomness keeps guessable numbers out of everything that isn't a test or a
// simulator: one of them would sooner or later become a key.
func TestRandomness(t *testing.T) {
	t.Parallel()
	for _, p := range packages(t) {
		if below(p.folder(), []string{"wechat/wechatsim", "bench"}) || slices.Contains(p.Imports, "testing") {
			continue
		}
		for _, imported := range p.Imports {
			if below(imported, []string{"math/rand"}) {
				t.Errorf("%s imports %s: use crypto/rand", p.folder(), imported)
			}
		}
	}
}
