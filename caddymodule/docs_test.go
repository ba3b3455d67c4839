package caddymodule

import (
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// What code and documents both list has to be the same list.

func doc(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile("../" + name)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// listed are the first words in backticks of a table's rows below a heading.
func listed(t *testing.T, text, heading string) []string {
	t.Helper()
	_, text, ok := strings.Cut(text, "\n"+heading+"\n")
	if !ok {
		t.Fatalf("there is no heading %q", heading)
	}
	if i := strings.Index(text, "\n## "); i >= 0 {
		text = text[:i]
	}
	var words []string
	for _, m := range regexp.MustCompile("(?m)^\\| `([^`]+)`").FindAllStringSubmatch(text, -1) {
		words = append(words, m[1])
	}
	return words
}

func same(t *testing.T, what string, code, docs []string) {
	t.Helper()
	slices.Sort(code)
	slices.Sort(docs)
	for _, w := range code {
		if !slices.Contains(docs, w) {
			t.Errorf("%s %s is not in the documents", what, w)
		}
	}
	for _, w := range docs {
		if !slices.Contains(code, w) {
			t.Errorf("%s %s is in the documents only", what, w)
		}
	}
}

func TestDocs(t *testing.T) {
	t.Parallel()
	operations, configuration := doc(t, "docs/operations.md"), doc(t, "docs/configuration.md")

	t.Run("every code of a refusal is there, with its status", func(t *testing.T) {
		t.Parallel()
		var codes []string
		for c, said := range refusals {
			codes = append(codes, string(c))
			if said.zh == "" || said.en == "" || said.step == "" {
				t.Errorf("code %s lacks a word or a step", c)
			}
			if row := regexp.MustCompile("(?m)^\\| `" + string(c) + "` \\| ([0-9]+) \\|").FindStringSubmatch(operations); row == nil || row[1] != itoa(said.status) {
				t.Errorf("code %s has the status %d, and in the documents %v", c, said.status, row)
			}
		}
		same(t, "code", codes, listed(t, operations, "## Codes"))
	})
	t.Run("every metric is there, with its labels", func(t *testing.T) {
		t.Parallel()
		registry := prometheus.NewPedanticRegistry()
		m, err := newMetrics(registry, &App{visitors: newVisitors(100), fallbacks: func() uint64 { return 0 }})
		if err != nil {
			t.Fatal(err)
		}
		m.refused(refuse(codeBug))
		m.login("base")
		m.cookieRefused("guest")
		m.notes.WithLabelValues("stale_guest").Inc()
		m.called("bind", "ok")
		m.bound("header", "bound")
		m.sent.WithLabelValues("main", "orders", "delivered").Inc()
		m.lag.WithLabelValues("main", "orders").Set(1)
		m.dead.WithLabelValues("main", "orders").Set(1)
		m.jobs.WithLabelValues("backfill", "done").Inc()
		m.messages.WithLabelValues(appA, "template", "sent").Inc()
		m.pushes.WithLabelValues(appA, "", "accepted", "").Inc()
		m.scans.WithLabelValues("api", "good").Inc()
		m.bindings.WithLabelValues(appA, "bound").Inc()
		m.limited.WithLabelValues("logins").Inc()
		m.alarms.WithLabelValues(appA, "token").Set(1)
		m.pushLag.WithLabelValues(appA, "crm").Set(1)
		m.pushDead.WithLabelValues(appA, "crm").Set(1)
		m.queued.WithLabelValues(appA, "template").Set(1)
		m.quota.WithLabelValues(appA, "cgi-bin/user/info").Set(1)
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, f := range families {
			names = append(names, f.GetName())
			for _, l := range f.GetMetric()[0].GetLabel() {
				if !regexp.MustCompile("`" + f.GetName() + "` \\|.*`" + l.GetName() + "`").MatchString(operations) {
					t.Errorf("the label %s of %s is not in the documents", l.GetName(), f.GetName())
				}
			}
		}
		same(t, "metric", names, listed(t, operations, "## Metrics"))
	})
	t.Run("every outcome of a login is there", func(t *testing.T) {
		t.Parallel()
		for _, file := range []string{"login.go", "callback.go", "signout.go", "ask.go", "pages.go", "relay.go", "door.go", "door_bearer.go", "door_login.go", "door_ticket.go"} {
			for _, m := range regexp.MustCompile(`metrics\.login\("(\w+)"\)`).FindAllStringSubmatch(doc(t, "caddymodule/"+file), -1) {
				if !strings.Contains(operations, "`"+m[1]+"`") {
					t.Errorf("the outcome %s is not in the documents", m[1])
				}
			}
		}
	})
	t.Run("every command is there", func(t *testing.T) {
		t.Parallel()
		var commands []string
		var walk func(prefix string, c *cobra.Command)
		walk = func(prefix string, c *cobra.Command) {
			name := prefix + " " + c.Name()
			if !c.HasSubCommands() {
				commands = append(commands, name)
			}
			for _, sub := range c.Commands() {
				walk(name, sub)
			}
		}
		for _, c := range subcommands() {
			walk("caddy wsite", c)
		}
		same(t, "command", commands, listed(t, operations, "## Commands"))
	})
	t.Run("every placeholder is there", func(t *testing.T) {
		t.Parallel()
		p := &passage{route: route{site: testSite(), account: testAccount()}, visitor: &visitor{}}
		var known []string
		for _, name := range listed(t, configuration, "## The directive `wsite`") {
			key := strings.Trim(name, "{}")
			if _, ok := p.placeholder(key); !ok {
				t.Errorf("the placeholder %s is in the documents only", name)
			}
			known = append(known, key)
		}
		for _, m := range regexp.MustCompile("`\\{(http\\.[a-z.]+)\\}`").FindAllStringSubmatch(doc(t, "caddymodule/handler.go"), -1) {
			if !slices.Contains(known, m[1]) {
				t.Errorf("the placeholder %s is not in the documents", m[1])
			}
		}
		for _, m := range regexp.MustCompile(`case "(\w+)":`).FindAllStringSubmatch(doc(t, "caddymodule/forward.go"), -1) {
			if !slices.Contains(known, "http.wsite."+m[1]) {
				t.Errorf("the placeholder %s is not in the documents", m[1])
			}
		}
	})
	t.Run("the two readmes say the same", func(t *testing.T) {
		t.Parallel()
		en, zh := doc(t, "README.md"), doc(t, "README.zh-CN.md")
		for _, what := range []string{"(?s)```(?:sh|js|json|caddyfile|python|php|go|yaml)\n.*?```", `\]\((?:docs|[A-Zx])[^)]*\)`, `(?m)^## `} {
			e, z := regexp.MustCompile(what).FindAllString(en, -1), regexp.MustCompile(what).FindAllString(zh, -1)
			e, z = slices.DeleteFunc(e, isOtherReadme), slices.DeleteFunc(z, isOtherReadme)
			if !slices.Equal(e, z) {
				t.Errorf("the readmes differ in %s:\n%q\n%q", what, e, z)
			}
		}
	})
	t.Run("every link leads somewhere", func(t *testing.T) {
		t.Parallel()
		for _, file := range []string{"README.md", "README.zh-CN.md", "docs/architecture.md", "docs/configuration.md", "docs/upstream.md", "docs/api.md", "docs/operations.md", "docs/security.md", "docs/identity.md", "docs/events.md", "docs/doors.md"} {
			dir := file[:strings.LastIndex(file, "/")+1]
			for _, m := range regexp.MustCompile(`\]\(([^)#:]+)(#[^)]*)?\)`).FindAllStringSubmatch(doc(t, file), -1) {
				if _, err := os.Stat("../" + dir + m[1]); err != nil {
					t.Errorf("%s links to %s, which isn't there", file, m[1])
				}
			}
		}
	})
}

func isOtherReadme(s string) bool { return strings.Contains(s, "README") }

func itoa(n int) string { return strconv.Itoa(n) }

func testSite() *directory.Site {
	return &directory.Site{PTID: "shop", Realm: "main", Accounts: []string{appA}}
}

func testAccount() *directory.Account { return &directory.Account{AppID: appA} }
