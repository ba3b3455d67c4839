package caddymodule

import (
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"
)

// TestSecurity_adminEndpoint is T200 and T209, which take Caddy's own admin endpoint.
func TestSecurity_adminEndpoint(t *testing.T) {
	secrets := map[string]string{
		"APP": "canary-of-app-0123456789abcdef", "TOKEN": "CanaryOfPushes", "AES": "CanaryAes0123456789abcdefghijklmnopqrstuvwx", "MASTER": strings.Repeat("ca4a5e1f", 8),
	}
	folder := t.TempDir()
	file := func(name string) string {
		path := filepath.Join(folder, name)
		if err := os.WriteFile(path, []byte(secrets[name]), 0o600); err != nil {
			t.Fatal(err)
		}
		return "{file." + path + "}"
	}
	g := runGateway(t, "secret secret-of-a-0123456789abcdef", "secret "+file("APP")+"\npush {\ntoken "+file("TOKEN")+"\naes_key "+file("AES")+"\n}", "facts sqlite", "master_key "+file("MASTER")+"\nfacts sqlite")
	t.Run("T209 what Caddy tells of its config and of itself holds no secret", func(t *testing.T) {
		if keys := g.app(t).directory().proofs[appA]; keys.secret != secrets["APP"] || keys.push == nil || keys.push.Token != secrets["TOKEN"] {
			t.Fatal("the secrets aren't in use, so nothing here would tell anything")
		}
		_, config := g.ask(t, http.MethodGet, "/config/", "", "")
		if !strings.Contains(config, filepath.Base(folder)+"/APP}") {
			t.Fatalf("the config isn't there: %.300s", config)
		}
		for _, path := range []string{"/config/", "/config/apps/wsite/accounts/0", "/id/", "/metrics", "/debug/vars", "/debug/pprof/goroutine?debug=2", "/debug/pprof/cmdline", adminKeys, adminAPIKeys, adminLines, adminStaff, adminV1 + "realms/main/accounts", "/reverse_proxy/upstreams"} {
			_, text := g.ask(t, http.MethodGet, path, "", "")
			for name, secret := range secrets {
				if strings.Contains(text, secret) {
					t.Errorf("%s shows the secret %s", path, name)
				}
			}
		}
	})
	t.Run("T200 no page of a site has anything done by the admin endpoint, or is told anything", func(t *testing.T) {
		_, before := g.ask(t, http.MethodGet, adminKeys, "", "")
		_, staff := g.ask(t, http.MethodGet, adminStaff, "", "")
		body := `{"kid": "` + regexp.MustCompile(`"kid":"([^"]+)"`).FindStringSubmatch(before)[1] + `", "name": "evil", "role": "administrator", "realm": "main", "scopes": ["read"], "site": "shop", "reason": "x"}`
		paths := []string{adminV1 + "revocations", adminV1 + "realms/main/users/m1/block", adminV1 + "accounts/" + appA + "/token"}
		for _, route := range new(AdminAPI).Routes() {
			paths = append(paths, route.Pattern)
		}
		for _, path := range paths {
			for what, headers := range map[string][]string{
				"a form":                   {"Content-Type", "application/x-www-form-urlencoded", "Origin", "https://evil.example"},
				"a form with a file":       {"Content-Type", "multipart/form-data; boundary=x", "Origin", "null"},
				"a beacon":                 {"Content-Type", "text/plain;charset=UTF-8", "Origin", "https://evil.example", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Site", "cross-site"},
				"text by a client of old":  {"Content-Type", "text/plain"},
				"nothing said":             {},
				"JSON of another site":     {"Content-Type", "application/json", "Origin", "https://evil.example", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "cross-site"},
				"JSON of the same machine": {"Content-Type", "application/json", "Origin", "http://127.0.0.1", "Sec-Fetch-Mode", "cors", "Sec-Fetch-Site", "same-site"},
				"JSON of the same origin":  {"Content-Type", "application/json", "Sec-Fetch-Site", "same-origin"},
				"a picture":                {"Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image", "Sec-Fetch-Site", "cross-site"},
			} {
				for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "GET"} {
					if method == "GET" && !strings.Contains(what, "JSON") && what != "a picture" && what != "a beacon" {
						continue // with nothing of a browser's, it is a command
					}
					if w := g.send(t, method, path, body, headers...); w.Status < 400 || w.Status >= 500 {
						t.Errorf("%s, as %s to %s, is answered %d %.200s", what, method, path, w.Status, w.Body)
					}
				}
			}
		}
		_, keys := g.ask(t, http.MethodGet, adminKeys, "", "")
		_, now := g.ask(t, http.MethodGet, adminStaff, "", "")
		if keys != before || now != staff || len(g.apiKeysOf(t)) != 0 {
			t.Errorf("something was done: %s, %s, %v", keys, now, g.apiKeysOf(t))
		}
	})
}

// send asks the admin endpoint with headers in pairs.
func (g *wholeCaddy) send(t *testing.T, method, path, body string, headers ...string) wire {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://127.0.0.1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := g.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return readWire(t, resp)
}

// TestWarn_inline has every secret that a config can hold stand in it.
func TestWarn_inline(t *testing.T) {
	t.Parallel()
	push := "push {\ntoken " + pushToken + "\naes_key " + pushKey + "\nsubscriber old https://old.example.com/push {\ntoken AnotherToken\naes_key " + pushKey + "\n}\n}\n"
	realm := "realm main {\nbroadcast orders webhook https://orders.example.com/hook {\nsecret whsec_" + strings.Repeat("QUJD", 8) + "\n}\n}\n"
	for sentence, c := range map[string]struct{ old, new, want string }{
		"an app secret":            {"origin ORIGIN", "origin ORIGIN", "an app secret stands"},
		"pushes":                   {"secret secret-of-a-0123456789abcdef", "secret {env.PATH}\n" + push, "the token or the AES key of pushes stands"},
		"a subscriber":             {"secret secret-of-a-0123456789abcdef", "secret {env.PATH}\n" + push, "the token or the AES key of a subscriber stands"},
		"the master key":           {"facts sqlite", "master_key " + strings.Repeat("0f1e2d3c", 8) + "\nfacts sqlite", "the master key stands"},
		"the proxy's password":     {"open SIM", "wechat_proxy http://me:hunter2@127.0.0.1:1\nopen SIM", "a password of the proxy to WeChat stands"},
		"the secret of a webhook":  {"realm main\n\t\trealm other", realm + "realm other", "the secret of a webhook stands"},
		"a proxy without password": {"open SIM", "wechat_proxy http://127.0.0.1:1\nopen SIM", ""},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, c.old, c.new)
			said := strings.Join(g.warnings(), "\n")
			if !strings.Contains(said, c.want) || c.want == "" && strings.Contains(said, "proxy") {
				t.Errorf("it says %s", said)
			}
			lines := g.logs.FilterLevelExact(zapcore.WarnLevel).All()
			if slices.ContainsFunc(lines, func(l observer.LoggedEntry) bool { return strings.Contains(l.Message, "hunter2") }) {
				t.Error("the warning shows the secret")
			}
		})
	}
	for text, want := range map[string]bool{
		"postgres://me:hunter2@db:5432/wsite": true, "postgres://db/wsite?password=hunter2": true, "host=db password=hunter2": true,
		"postgres://me@db/wsite": false, "host=/run/postgresql dbname=wsite": false, "http://proxy:3128": false,
	} {
		if hasPassword(text) != want {
			t.Errorf("%s: a password in it is %v", text, !want)
		}
	}
}
