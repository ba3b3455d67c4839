package caddymodule

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
)

// update is the one -update of this folder's tests.
var update = flag.Bool("update", false, "write the golden files instead of comparing with them")

// adaptLine separates a Caddyfile from what it is adapted to, as in Caddy's own
// tests.
const adaptLine = "\n----------\n"

// adaptFile is a file of testdata/adapt: a Caddyfile, and the JSON or the error
// that comes of it.
type adaptFile struct {
	name, caddyfile, want string
	wrong                 bool // it is refused
}

// adaptFiles reads testdata/adapt. What is refused lies in files called wrong_….
func adaptFiles(t testing.TB) []adaptFile {
	t.Helper()
	paths, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(paths) == 0 {
		t.Fatalf("there are no golden files: %v", err)
	}
	var files []adaptFile
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		caddyfile, want, ok := strings.Cut(string(text), adaptLine)
		if !ok && !*update {
			t.Fatalf("%s has no line of ten dashes", path)
		}
		name := strings.TrimSuffix(filepath.Base(path), ".caddyfiletest")
		files = append(files, adaptFile{name, strings.TrimSuffix(caddyfile, "\n"), strings.TrimSpace(want), strings.HasPrefix(name, "wrong_")})
	}
	return files
}

// adapt gives the JSON of a Caddyfile, indented.
func adapt(t testing.TB, caddyfile string) (string, error) {
	t.Helper()
	body, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(caddyfile+"\n"), map[string]any{"filename": "Caddyfile"})
	if err != nil {
		return "", err
	}
	for _, w := range warnings {
		t.Errorf("a warning: %s", w)
	}
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, body, "", "\t"); err != nil {
		t.Fatal(err)
	}
	return pretty.String(), nil
}

func TestAdapt(t *testing.T) {
	t.Parallel()
	where := regexp.MustCompile(`Caddyfile:[0-9]+`)
	for _, file := range adaptFiles(t) {
		t.Run(strings.ReplaceAll(file.name, "_", " "), func(t *testing.T) {
			t.Parallel()
			got, err := adapt(t, file.caddyfile)
			if file.wrong != (err != nil) {
				t.Fatalf("adapting: %v", err)
			}
			if file.wrong {
				got = err.Error()
				if !where.MatchString(got) {
					t.Errorf("the error says nothing of file and line: %s", got)
				}
			}
			if *update {
				path := filepath.Join("testdata/adapt", file.name+".caddyfiletest")
				if err := os.WriteFile(path, []byte(file.caddyfile+adaptLine+got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != file.want {
				t.Errorf("got\n%s\nwant\n%s\n(go test ./caddymodule -run TestAdapt -update)", got, file.want)
			}
		})
	}
}

// TestAdapt_provisions holds the goldens to what Caddy itself says of them: what is
// adapted can be provisioned, or it proves little.
func TestAdapt_provisions(t *testing.T) {
	for _, name := range []string{"WX_SECRET", "WX_SECRET_B", "WX_SECRET_APP", "WX_SECRET_WEB"} {
		t.Setenv(name, "the secret in "+name)
	}
	for _, name := range []string{"HOOK_SECRET", "HOOK_OLD_SECRET"} {
		t.Setenv(name, "whsec_"+base64.StdEncoding.EncodeToString([]byte(strings.Repeat(name, 3))))
	}
	for i, name := range []string{"WX_AES_KEY", "WX_OLD_AES_KEY", "CRM_AES_KEY"} {
		t.Setenv(name, strings.Repeat("k", 42)+itoa(i))
	}
	for _, name := range []string{"WX_TOKEN", "CRM_TOKEN", "STATS_TOKEN"} {
		t.Setenv(name, strings.ReplaceAll(name, "_", ""))
	}
	t.Setenv("REDIS_PASSWORD", "hunter2")
	t.Setenv("SENTINEL_PASSWORD", "hunter3")
	t.Setenv("STATS_HOST", "stats.example.com")
	t.Setenv("WX_PROXY", "http://proxy.internal:3128")
	t.Setenv("WSITE_MASTER_KEY", strings.Repeat("0f1e2d3c", 8))
	t.Setenv("WSITE_DSN", "postgres://wsite@127.0.0.1/wsite")
	t.Setenv("WSITE_OLD_KEY", strings.Repeat("3c2d1e0f", 8))
	for _, file := range adaptFiles(t) {
		if file.wrong {
			continue
		}
		t.Run(strings.ReplaceAll(file.name, "_", " "), func(t *testing.T) {
			if err := validate(t, file.want, "DATA", t.TempDir()); err != nil {
				t.Error(err)
			}
		})
	}
}

// validate is `caddy validate` of a JSON config, with words of it replaced.
func validate(t testing.TB, config string, changes ...string) error {
	t.Helper()
	var cfg caddy.Config
	if err := caddy.StrictUnmarshalJSON([]byte(strings.NewReplacer(changes...).Replace(config)), &cfg); err != nil {
		t.Fatal(err)
	}
	starting.Lock()
	defer starting.Unlock()
	return caddy.Validate(&cfg)
}
