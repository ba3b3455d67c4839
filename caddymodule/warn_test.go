package caddymodule

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap/zapcore"
)

// warnings are the warnings of a start, each with its site and its upstreams.
func (g *gateway) warnings() []string {
	var lines []string
	for _, line := range g.logs.FilterLevelExact(zapcore.WarnLevel).All() {
		fields := line.ContextMap()
		lines = append(lines, fmt.Sprint(line.Message, " site=", fields["site"], " upstreams=", fields["upstreams"], " appid=", fields["appid"]))
	}
	return lines
}

func TestWarn_openProxy(t *testing.T) {
	t.Parallel()
	const warning = "a reverse_proxy can be reached without passing `wsite`"
	for sentence, c := range map[string]struct {
		block string // instead of the directives of the standard site block
		more  string // further blocks
		open  string // the site named in the warning; nothing if all is well
	}{
		"the standard block":                            {block: "wsite\nreverse_proxy UPSTREAM"},
		"in any order, since Caddy sorts":               {block: "reverse_proxy UPSTREAM\nwsite"},
		"inside handles behind it":                      {block: "wsite\nhandle /wsite/* {\nreverse_proxy UPSTREAM\n}\nhandle {\nreverse_proxy UPSTREAM\n}"},
		"through a named route behind it":               {block: "wsite\ninvoke site", more: "&(site) {\nreverse_proxy UPSTREAM\n}"},
		"a proxy before it in a route":                  {block: "route {\nreverse_proxy /api/* UPSTREAM\nwsite\nreverse_proxy UPSTREAM\n}", open: "any host"},
		"a proxy beside it in a handle":                 {block: "handle /wsite/* {\nwsite\nreverse_proxy UPSTREAM\n}\nhandle {\nreverse_proxy UPSTREAM\n}", open: "any host"},
		"a proxy beside it to somewhere else":           {block: "handle /wsite/* {\nwsite\nreverse_proxy UPSTREAM\n}\nhandle {\nreverse_proxy 127.0.0.1:1\n}", open: "any host"},
		"through a named route before it":               {block: "route {\ninvoke site\nwsite\nreverse_proxy UPSTREAM\n}", more: "&(site) {\nreverse_proxy UPSTREAM\n}", open: "any host"},
		"another block with a proxy to the same site":   {block: "wsite\nreverse_proxy UPSTREAM", more: "http://side.localhost:SIDE {\nbind 127.0.0.1\nreverse_proxy UPSTREAM\n}", open: "side.localhost"},
		"another block with a proxy to somewhere else":  {block: "wsite\nreverse_proxy UPSTREAM", more: "http://side.localhost:SIDE {\nbind 127.0.0.1\nreverse_proxy 127.0.0.1:1\n}"},
		"another block with a gateway of its own":       {block: "wsite\nreverse_proxy UPSTREAM", more: "http://side.localhost:SIDE {\nbind 127.0.0.1\nwsite\nreverse_proxy UPSTREAM\n}"},
		"another block in whose handle nobody is known": {block: "wsite\nreverse_proxy UPSTREAM", more: "http://side.localhost:SIDE {\nbind 127.0.0.1\nhandle_path /x/* {\nreverse_proxy UPSTREAM\n}\n}", open: "side.localhost"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			more := strings.ReplaceAll(c.more, "SIDE", fmt.Sprint(reservePort(t)))
			g := startGateway(t, "ORIGIN {\n\tbind", more+"\nORIGIN {\n\tbind", "\twsite\n\treverse_proxy UPSTREAM\n", c.block+"\n")
			var open []string
			for _, line := range g.warnings() {
				if strings.Contains(line, warning) {
					open = append(open, line)
				}
			}
			if c.open == "" {
				if len(open) > 0 {
					t.Errorf("it warns without a reason: %q", open)
				}
				return
			}
			dial := "[" + g.upstream.Listener.Addr().String() + "]"
			if strings.Contains(sentence, "beside it to somewhere else") {
				dial = "[127.0.0.1:1]"
			}
			if len(open) != 1 || !strings.Contains(open[0], "upstreams="+dial) || !strings.Contains(open[0], "site="+c.open) && c.open != "any host" {
				t.Errorf("it says %q, want one line about %s and %s", open, c.open, dial)
			}
		})
	}
}

func TestWarn_api(t *testing.T) {
	t.Parallel()
	const warning = "`wsite_api` stands in the same site block as `wsite`"
	for sentence, c := range map[string]struct {
		block string // instead of the directives of the standard site block
		more  string // further blocks
		site  string // named in the warning; nothing if all is well
	}{
		"beside it":                          {block: "wsite\nwsite_api\nreverse_proxy UPSTREAM", site: "127.0.0.1"},
		"behind it in a route":               {block: "route {\nwsite\nwsite_api\n}", site: "127.0.0.1"},
		"behind a route for some requests":   {block: "route {\nrespond /x hello\nwsite_api\nwsite\n}", site: "127.0.0.1"},
		"beside a handle with it":            {block: "wsite_api\nhandle /wsite/* {\nwsite\nreverse_proxy UPSTREAM\n}", site: "127.0.0.1"},
		"through a named route":              {block: "invoke api\nwsite", more: "&(api) {\nwsite_api\n}", site: "127.0.0.1"},
		"in a handle of its own":             {block: "handle /v1/* {\nwsite_api\n}\nwsite\nreverse_proxy UPSTREAM"},
		"in the handle for all else":         {block: "handle /wsite/* {\nwsite\nreverse_proxy UPSTREAM\n}\nhandle {\nwsite_api\n}"},
		"on a host of its own":               {block: "wsite\nreverse_proxy UPSTREAM", more: "http://side.localhost:SIDE {\nbind 127.0.0.1\nwsite_api\n}"},
		"on the same port, on its own host":  {block: "wsite\nreverse_proxy UPSTREAM", more: "http://api.localhost:PORT {\nbind 127.0.0.1\nwsite_api\n}"},
		"beside it in a block for all hosts": {block: "wsite\nreverse_proxy UPSTREAM", more: "http://:SIDE {\nbind 127.0.0.1\nwsite\nwsite_api\n}", site: "any host"},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			more := strings.ReplaceAll(c.more, "SIDE", fmt.Sprint(reservePort(t)))
			g := startGateway(t, "ORIGIN {\n\tbind", more+"\nORIGIN {\n\tbind", "\twsite\n\treverse_proxy UPSTREAM\n", c.block+"\n")
			said := slices.DeleteFunc(g.warnings(), func(line string) bool { return !strings.Contains(line, warning) })
			switch {
			case c.site == "" && len(said) > 0:
				t.Errorf("it warns without a reason: %q", said)
			case c.site != "" && (len(said) != 1 || !strings.Contains(said[0], "site="+c.site)):
				t.Errorf("it says %q, want one line about %s", said, c.site)
			}
		})
	}
}

func TestWarn_console(t *testing.T) {
	t.Parallel()
	const warning = "`wsite_console` stands in the same site block as `wsite`"
	for sentence, c := range map[string]struct {
		block, more string
		warns       int
	}{
		"beside it":             {"wsite\nwsite_console\nreverse_proxy UPSTREAM", "", 1},
		"before it in a route":  {"route {\nwsite_console\nwsite\nreverse_proxy UPSTREAM\n}", "", 1},
		"in a handle":           {"handle /staff/* {\nwsite_console\n}\nwsite\nreverse_proxy UPSTREAM", "", 0},
		"on a host of its own":  {"wsite\nreverse_proxy UPSTREAM", "http://console.localhost:PORT {\nbind 127.0.0.1\nwsite_console\n}\n", 0},
		"without any beside it": {"wsite\nreverse_proxy UPSTREAM", "", 0},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, "ORIGIN {\n\tbind", c.more+"ORIGIN {\n\tbind", "\twsite\n\treverse_proxy UPSTREAM\n", c.block+"\n")
			said := slices.DeleteFunc(g.warnings(), func(line string) bool { return !strings.Contains(line, warning) })
			if len(said) != c.warns || c.warns > 0 && !strings.Contains(said[0], "site=127.0.0.1") {
				t.Errorf("it says %q, want %d", said, c.warns)
			}
		})
	}
}

func TestWarn_logsAndSecrets(t *testing.T) {
	t.Parallel()
	const logs, secrets = "access logs are written without `format wsite`", "an app secret stands in the config itself"
	count := func(g *gateway, text string) int {
		return len(slices.DeleteFunc(g.warnings(), func(line string) bool { return !strings.Contains(line, text) }))
	}
	log := func(block string) []string {
		return []string{"\twsite\n\treverse", "\tlog {\noutput discard\n" + block + "\n}\n\twsite\n\treverse"}
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("a secret"), 0o600); err != nil {
		t.Fatal(err)
	}
	for sentence, c := range map[string]struct {
		change        []string
		logs, secrets int
	}{
		"no access log is nothing to warn of":     {nil, 0, 3},
		"an access log of Caddy's own":            {log(""), 1, 3},
		"an access log in another format":         {log("format json"), 1, 3},
		"an access log in our format":             {log("format wsite"), 0, 3},
		"a secret from the environment":           {[]string{"secret-of-a-0123456789abcdef", "{env.PATH}"}, 0, 2},
		"a secret from a file":                    {[]string{"secret-of-a-0123456789abcdef", "{file." + file + "}"}, 0, 2},
		"an access log of a block without wsite":  {[]string{"ORIGIN {\n\tbind", "http://side.localhost:SIDE {\nbind 127.0.0.1\nlog {\noutput discard\n}\nrespond hello\n}\nORIGIN {\n\tbind"}, 0, 3},
		"our format for all logs":                 {[]string{"\n\twsite {\n", "\n\tlog {\nformat wsite\n}\n\twsite {\n", "\twsite\n\treverse", "\tlog\n\twsite\n\treverse"}, 0, 3},
		"our format around an encoder of its own": {log("format wsite {\nwrap console\n}"), 0, 3},
	} {
		t.Run(sentence, func(t *testing.T) {
			t.Parallel()
			change := slices.Clone(c.change)
			for i := range change {
				change[i] = strings.ReplaceAll(change[i], "SIDE", fmt.Sprint(reservePort(t)))
			}
			g := startGateway(t, change...)
			if n := count(g, logs); n != c.logs {
				t.Errorf("it warns %d times of logs, want %d: %q", n, c.logs, g.warnings())
			}
			if n := count(g, secrets); n != c.secrets {
				t.Errorf("it warns %d times of secrets, want %d: %q", n, c.secrets, g.warnings())
			}
		})
	}
}

// A Redis that isn't there does for this: a config is warned of all the same.
func TestWarn_passwordOfRedis(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(file, []byte("hunter2"), 0o600); err != nil {
		t.Fatal(err)
	}
	for words, want := range map[string]int{
		"redis://127.0.0.1:1":                                              0,
		"redis://wsite:hunter2@127.0.0.1:1":                                1,
		"redis://127.0.0.1:1 {\n\t\t\tpassword hunter2\n\t\t}":             1,
		"redis://127.0.0.1:1 {\n\t\t\tpassword {file." + file + "}\n\t\t}": 0,
	} {
		g := startGateway(t, "facts sqlite", "master_key "+strings.Repeat("0f1e2d3c", 8)+"\n\t\tcluster redis "+words+"\n\t\tfacts sqlite")
		said := slices.DeleteFunc(g.warnings(), func(line string) bool {
			return !strings.Contains(line, "a password of Redis stands in the config itself")
		})
		if len(said) != want || strings.Contains(strings.Join(said, ""), "hunter2") {
			t.Errorf("%s: it says %q", words, said)
		}
	}
}
