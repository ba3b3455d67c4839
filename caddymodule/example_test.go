package caddymodule

import (
	"encoding/base64"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

// exampleText is Caddyfile.example, made ready for this machine: the fewest changes
// that let it run here.
func exampleText(t *testing.T) string {
	t.Helper()
	t.Setenv("WX_SECRET_SHOP", "secret-of-a-0123456789abcdef")
	t.Setenv("WX_SECRET_SERVICE", "secret-of-b-0123456789abcdef")
	t.Setenv("WX_PUSH_TOKEN", pushToken)
	t.Setenv("WX_PUSH_KEY", pushKey)
	t.Setenv("WSITE_MASTER_KEY", strings.Repeat("0f1e2d3c", 8))
	body, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	text := string(body)
	for _, change := range [][2]string{
		{"admin unix//", "admin off\n#"},
		{"# admin off", "admin off"},
		{"origin https://www.example.com", "origin ORIGIN\nopen SIM"},
		{"/var/lib/caddy/wsite/wsite.db", "DATA/wsite.db"},
		{"api_hosts api.weixin.qq.com api2.weixin.qq.com", "api_hosts SIM"},
		{"wx0123456789abcdef", appA},
		{"wxfedcba9876543210", appB},
		{"\nwww.example.com {", "\nORIGIN {\nbind 127.0.0.1"},
		{"127.0.0.1:3000 127.0.0.1:3001", "UPSTREAM"},
		{"127.0.0.1:3002", "UPSTREAM"},
		{"127.0.0.1:3003", "UPSTREAM"},
		{"format wsite", "format wsite\noutput file DATA/access.log"},
	} {
		if !strings.Contains(text, change[0]) {
			t.Fatalf("Caddyfile.example has no %q any more", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	return text
}

func TestExample_validates(t *testing.T) {
	exampleText(t)
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	t.Setenv("XDG_CONFIG_HOME", data)
	shipped, err := os.ReadFile("../Caddyfile.example")
	if err != nil {
		t.Fatal(err)
	}
	sim := simulated(t)
	check := func(t *testing.T, text string) {
		t.Helper()
		text = strings.NewReplacer("/var/lib/caddy", data, "api_hosts api.weixin.qq.com api2.weixin.qq.com", "api_hosts "+sim.URL+"\nopen "+sim.URL).Replace(text)
		config, err := adaptUnformatted(t, text)
		if err != nil {
			t.Fatal(err)
		}
		if err := validate(t, config); err != nil {
			t.Fatal(err)
		}
		if left, err := os.ReadDir(data); err != nil || len(left) > 0 {
			t.Errorf("validating wrote %v, %v", left, err)
		}
		if calls := sim.Requests(); len(calls) > 0 {
			t.Errorf("validating asked WeChat: %v", calls)
		}
	}
	t.Run("as shipped it is formatted and adapts", func(t *testing.T) {
		if _, err := adapt(t, strings.TrimSuffix(string(shipped), "\n")); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("validating it reaches no network and writes nothing", func(t *testing.T) {
		check(t, string(shipped))
	})
	t.Run("so does what it shows in comments", func(t *testing.T) {
		text := string(shipped)
		for _, line := range []string{"admin unix//", "master_key {env.WSITE_MASTER_KEY} {env", "broadcast orders", "\tsecret {env.WSITE_HOOK_ORDERS}", "subscriber crm", "\ttoken {env.CRM", "\taes_key {env.CRM", "\treply on", "webhook_networks", "handle_errors {", "\troot * /srv", "\ttemplates", "\trewrite * /error", "\tfile_server", "}"} {
			commented := regexp.MustCompile(`(?m)^(\s*)# (` + regexp.QuoteMeta(line) + `)`)
			if !commented.MatchString(text) {
				t.Fatalf("Caddyfile.example shows no %q", line)
			}
			if strings.HasPrefix(line, "master_key") {
				text = strings.Replace(text, "\t\tmaster_key {env.WSITE_MASTER_KEY}\n", "", 1)
				t.Setenv("WSITE_OLD_MASTER_KEY", strings.Repeat("3c2d1e0f", 8))
			}
			t.Setenv("CRM_PUSH_TOKEN", pushToken)
			t.Setenv("CRM_PUSH_KEY", pushKey)
			t.Setenv("WSITE_HOOK_ORDERS", "whsec_"+base64.StdEncoding.EncodeToString(make([]byte, 32)))
			text = commented.ReplaceAllString(text, "$1$2")
		}
		check(t, text)
	})
}

// adaptUnformatted is adapt for a text whose blanks don't matter.
func adaptUnformatted(t testing.TB, text string) (string, error) {
	t.Helper()
	return adapt(silent{t}, text)
}

// silent doesn't mind warnings.
type silent struct{ testing.TB }

func (silent) Errorf(string, ...any) {}

func TestExample_serves(t *testing.T) {
	data := t.TempDir()
	g := startGatewayOn(t, simulated(t), exampleText(t), data)
	for _, line := range g.logs.FilterLevelExact(zapcore.WarnLevel).All() {
		t.Errorf("starting it warns: %s %v", line.Message, line.ContextMap())
	}
	for _, line := range g.logs.FilterLevelExact(zapcore.ErrorLevel).All() {
		t.Errorf("starting it complains: %s %v", line.Message, line.ContextMap())
	}
	ming := g.phone("ming")
	user := g.whoami(ming.open(g.at(appA, "shop01", "/?a=1")), "https://shop01.example.com")
	if user.OpenID != g.sim.OpenID("ming", appA) {
		t.Errorf("the shop saw %+v", user)
	}
	if game := g.whoami(ming.open(g.at(appA, "game02", "/#/level/2")), "game02"); game.Subject != user.Subject {
		t.Errorf("the game saw %s, the shop %s", game.Subject, user.Subject)
	}
	t.Run("a payment notification is not asked to log in", func(t *testing.T) {
		page := g.phone("").send("POST", g.at(appA, "shop01", "/pay/notify"), strings.NewReader("{}"), "X-User", "forged")
		if saw := g.upstream.last(); page.Status != http.StatusOK || saw.Method != http.MethodPost || saw.Header["X-User"] != nil {
			t.Errorf("it is answered %d, and the shop saw %v", page.Status, saw)
		}
	})
	t.Run("a site that lives at / gets its path with query and escapes", func(t *testing.T) {
		for path, want := range map[string]string{
			"/":                            "/",
			"/a/b/":                        "/a/b/",
			"/a?b=c&b=d&e":                 "/a?b=c&b=d&e",
			"/a%20b/%E5%B0%8F?x=%20%2F+&y": "/a%20b/%E5%B0%8F?x=%20%2F+&y",
			"/what%3F/100%25?q":            "/what%3F/100%25?q",
			"/a%23b":                       "/a%23b",
			"/it's,(so)!*;=:@&$+":          "/it%27s,%28so%29%21%2A;=:@&$+", // Caddy escapes these anew
			"/braces%7Bhttp.host%7D":       "/braces%7Bhttp.host%7D",
			"/a?next=/x?y=1":               "/a?next=/x?y=1",
		} {
			page := ming.open(g.at(appB, "survey03", path))
			if saw := g.upstream.last(); page.Status != http.StatusOK || saw.URI != want {
				t.Errorf("%s came as %s with %d", path, saw.URI, page.Status)
			}
		}
		if user := g.whoami(ming.open(g.at(appB, "survey03", "/")), "survey03"); user.OpenID != "" {
			t.Errorf("the survey is told the openid")
		}
	})
	t.Run("WeChat's domain check is answered, and what is no site's is not found", func(t *testing.T) {
		if page := ming.step(g.url + "/MP_verify_Ab12Cd34Ef56Gh78.txt"); page.Status != http.StatusOK || page.Body != "Ab12Cd34Ef56Gh78" {
			t.Errorf("the check gets %d %q", page.Status, page.Body)
		}
		if page := ming.step(g.url + "/"); page.Status != http.StatusNotFound {
			t.Errorf("/ is answered %d", page.Status)
		}
	})
	t.Run("its access log holds nothing that is worth stealing", func(t *testing.T) {
		log, err := os.ReadFile(filepath.Join(data, "access.log"))
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(string(log), "\n") < 10 || !strings.Contains(string(log), `code=REDACTED`) {
			t.Errorf("the log is\n%s", log)
		}
		if strings.Contains(string(log), "forged") || strings.Contains(string(log), g.upstream.last().Header.Get("X-User")) {
			t.Error("the log holds what X-User said")
		}
	})
}
