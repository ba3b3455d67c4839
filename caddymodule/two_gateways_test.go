package caddymodule

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
)

func TestTwoGateways(t *testing.T) {
	t.Parallel()
	e := startExample(t)
	first, second := e.gateways[0], e.gateways[1]
	for _, r := range append(e.gateways, e.balancer) {
		eventually(t, "every process is ready", func() bool { status, _ := e.get(fmt.Sprint(r.port), "/wsite/-/ready"); return status == http.StatusOK })
	}
	shop := e.g.at(appA, "shop", "/")
	ming := e.phoneAt(e.balancer, "ming")
	user := e.user(ming.open(shop))
	t.Run("whoever signs in at one is the same at the other", func(t *testing.T) {
		for _, r := range e.gateways {
			if got := e.user(e.phoneAt(r, "ming").open(shop)); got.Subject != user.Subject {
				t.Errorf("on port %d he is %s, not %s", r.port, got.Subject, user.Subject)
			}
			p := e.phoneAt(r, "")
			p.plant(e.g, appA, ming.cookie(e.g, appA))
			if got := e.user(p.fetch("GET", shop)); got.Subject != user.Subject {
				t.Errorf("on port %d his session is that of %s", r.port, got.Subject)
			}
		}
	})
	t.Run("each says that all is well, and what it counts", func(t *testing.T) {
		for _, r := range e.gateways {
			port := r.variable("WSITE_INTERNAL_PORT")
			if status, body := e.get(port, "/ready"); status != http.StatusOK || strings.TrimSpace(body) != `{"ready":true,"checks":{"cluster":"ok","facts":"ok","process":"ok","wechat":"ok"}}` {
				t.Errorf("it is %d %s", status, body)
			}
			_, body := e.get(port, "/metrics")
			for _, line := range []string{"wsite_facts_up 1", "wsite_cluster_up 1", "wsite_cluster_fallbacks_total 0"} {
				if !strings.Contains(body, "\n"+line+"\n") {
					t.Errorf("its metrics lack %q", line)
				}
			}
		}
	})
	t.Run("a sign-out at one holds at the other", func(t *testing.T) {
		p := e.phoneAt(first, "li")
		e.user(p.open(shop))
		thief := e.phoneAt(second, "")
		thief.plant(e.g, appA, p.cookie(e.g, appA))
		e.user(thief.fetch("GET", shop))
		p.send("POST", e.g.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
		eventually(t, "the session is over", func() bool { return thief.fetch("GET", shop).Status == http.StatusUnauthorized })
	})
	t.Run("one that stops says so while it still serves", func(t *testing.T) {
		if err := second.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		eventually(t, "it is unready", func() bool {
			status, _ := e.get(fmt.Sprint(second.port), "/wsite/-/ready")
			return status == http.StatusServiceUnavailable
		})
		if got := e.user(e.phoneAt(second, "ming").open(shop)); got.Subject != user.Subject {
			t.Errorf("he is %s", got.Subject)
		}
		for range 20 {
			e.user(ming.open(shop))
		}
		<-second.end
		e.user(ming.open(shop))
	})
	t.Run("one that is killed isn't missed", func(t *testing.T) {
		e.start(second, "Caddyfile")
		eventually(t, "it is back", func() bool {
			status, _ := e.get(fmt.Sprint(second.port), "/wsite/-/ready")
			return status == http.StatusOK
		})
		if err := first.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		<-first.end
		e.user(e.phoneAt(e.balancer, "wang").open(shop))
		e.user(ming.open(shop))
	})
	t.Run("their logs hold no secret", func(t *testing.T) {
		for _, r := range e.gateways {
			text, err := os.ReadFile(r.log)
			if err != nil {
				t.Fatal(err)
			}
			hides(t, string(text), r.variable("WSITE_MASTER_KEY"), r.variable("WSITE_REDIS_PASSWORD"), r.variable("WX_SECRET"), ming.cookie(e.g, appA), user.OpenID)
		}
	})
}

// What a Caddyfile takes from the environment, env.example or the unit gives; and systemd
// understands the unit.
func TestTwoGateways_files(t *testing.T) {
	t.Parallel()
	unit := doc(t, twoGateways+"wsite@.service")
	given := settingsOf(doc(t, twoGateways+"env.example"), "")
	for name, value := range settingsOf(unit, "Environment") {
		given[name] = value
	}
	for _, m := range regexp.MustCompile(`\{(?:\$|env\.)([A-Z_]+)\}`).FindAllStringSubmatch(doc(t, twoGateways+"Caddyfile"), -1) {
		if given[m[1]] == "" {
			t.Errorf("nobody gives %s", m[1])
		}
	}
	for _, line := range []string{"DynamicUser=yes", "NoNewPrivileges=yes", "ProtectSystem=strict", "LimitNOFILE=1048576", "EnvironmentFile=/etc/wsite/env"} {
		if !strings.Contains(unit, "\n"+line+"\n") {
			t.Errorf("the unit lacks %s", line)
		}
	}
	section := ""
	for i, line := range strings.Split(unit, "\n") {
		if strings.HasPrefix(line, "[") {
			section = line
		} else if name, _, ok := strings.Cut(line, "="); line != "" && (!ok || section == "" || strings.ContainsAny(name, " \t")) {
			t.Errorf("line %d of the unit is %q", i+1, line)
		}
	}
	readme := doc(t, twoGateways+"README.md")
	files, err := os.ReadDir("../" + twoGateways)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if f.Name() != "README.md" && !strings.Contains(readme, f.Name()) {
			t.Errorf("the README doesn't say what %s is for", f.Name())
		}
	}
	want := rights(doc(t, "cluster/doc.go"))
	for _, name := range []string{twoGateways + "redis-users.acl", "docs/operations.md"} {
		if got := rights(doc(t, name)); len(want) < 10 || !slices.Equal(got, want) {
			t.Errorf("%s grants %q, and package cluster asks for %q", name, got, want)
		}
	}
	if analyze, err := exec.LookPath("systemd-analyze"); err == nil {
		file := filepath.Join(t.TempDir(), "wsite@8080.service")
		if err := os.WriteFile(file, []byte(strings.ReplaceAll(unit, "/usr/local/bin/caddy-wsite", "/bin/true")), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, err := exec.CommandContext(t.Context(), analyze, "verify", file).CombinedOutput(); err != nil || len(bytes.TrimSpace(out)) > 0 {
			t.Errorf("systemd says: %s (%v)", out, err)
		}
	}
}

// rights are those that a text grants to a user of the Redis.
func rights(text string) []string {
	_, text, _ = strings.Cut(text, "-@all")
	text, _, _ = strings.Cut(strings.ReplaceAll(text, "//", ""), "\n\n")
	return regexp.MustCompile(`\+[a-z]+`).FindAllString(text, -1)
}
