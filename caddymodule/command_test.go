package caddymodule

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// commands are all of ours, by what one types after `caddy`.
func commands(t *testing.T) map[string]*cobra.Command {
	t.Helper()
	root := &cobra.Command{Use: "wsite"}
	caddycmd.Commands()["wsite"].CobraFunc(root)
	found := map[string]*cobra.Command{}
	var walk func(path string, cmd *cobra.Command)
	walk = func(path string, cmd *cobra.Command) {
		found[path] = cmd
		for _, sub := range cmd.Commands() {
			walk(path+" "+sub.Name(), sub)
		}
	}
	walk("wsite", root)
	return found
}

func TestCommand_help(t *testing.T) {
	t.Parallel()
	all := commands(t)
	for _, want := range []string{"wsite demo", "wsite simulate", "wsite signing-keys list", "wsite signing-keys revoke"} {
		if all[want] == nil {
			t.Errorf("there is no caddy %s", want)
		}
	}
	docs, err := os.ReadFile("../docs/operations.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile(`(?m)^    caddy (.*)$`)
	long := caddycmd.Commands()["wsite"].Long
	for path, cmd := range all {
		if path != "wsite" && cmd.Short == "" {
			t.Errorf("caddy %s doesn't say what it is for", path)
		}
		if len(cmd.Commands()) == 0 && !strings.Contains(string(docs), "`caddy "+path+"`") {
			t.Errorf("docs/operations.md doesn't know caddy %s", path)
		}
		long += "\n" + cmd.Long
	}
	examples := example.FindAllStringSubmatch(long, -1)
	if len(examples) < 6 {
		t.Errorf("the help has %d examples", len(examples))
	}
	for _, e := range examples {
		words := strings.Fields(e[1])
		root := &cobra.Command{Use: "caddy"}
		root.AddCommand(commands(t)["wsite"])
		cmd, rest, err := root.Find(words)
		if err != nil || !cmd.HasParent() || cmd.RunE == nil {
			t.Errorf("the example %q leads to no command: %v", e[1], err)
			continue
		}
		if err := cmd.ParseFlags(rest); err != nil {
			t.Errorf("the example %q: %v", e[1], err)
		} else if err := cmd.ValidateArgs(cmd.Flags().Args()); err != nil {
			t.Errorf("the example %q: %v", e[1], err)
		}
	}
}

// lines is where a command prints, and tells when it has printed something.
type lines struct{ printed chan string }

func (l lines) Write(b []byte) (int, error) {
	l.printed <- string(b)
	return len(b), nil
}

func TestCommand_simulate(t *testing.T) {
	port := twoPorts(t)
	listen, control := fmt.Sprintf("127.0.0.1:%d", port), fmt.Sprintf("127.0.0.1:%d", port+1)
	out := lines{make(chan string, 100)}
	stdout = out
	defer func() { stdout = os.Stdout }()
	options := wechatsim.DefaultOptions()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- simulate(ctx, options, listen, control) }()
	var text string
	select {
	case text = <-out.printed:
	case err := <-ended:
		t.Fatalf("it ended: %v", err)
	}
	for range options.Accounts {
		text += <-out.printed
	}
	t.Run("it says that it is no WeChat, where it is, and what to configure", func(t *testing.T) {
		for _, want := range []string{"simulation, not WeChat", "http://" + listen + "/phone/", "http://" + control, options.Accounts[0].AppID, options.Accounts[0].Secret} {
			if !strings.Contains(text, want) {
				t.Errorf("%q is missing in\n%s", want, text)
			}
		}
	})
	t.Run("both listeners answer", func(t *testing.T) {
		for _, address := range []string{"http://" + listen + "/phone/", "http://" + control + "/"} {
			resp, err := http.Get(address)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode >= 500 {
				t.Errorf("%s answers %d", address, resp.StatusCode)
			}
		}
	})
	t.Run("an address that is taken says what to do", func(t *testing.T) {
		err := simulate(t.Context(), options, listen, control)
		if err == nil || !strings.Contains(err.Error(), "--listen or --control") || strings.Contains(err.Error(), "\n") {
			t.Errorf("a second one: %v", err)
		}
	})
	t.Run("it may be reached from this machine alone", func(t *testing.T) {
		for _, address := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "example.com:0", "[::]:0", "nonsense"} {
			done, stop := context.WithCancel(t.Context())
			stop()
			if err := simulate(done, options, address, "127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), "loopback") {
				t.Errorf("listening on %s: %v", address, err)
			}
		}
	})
	t.Run("stopped, it leaves its ports", func(t *testing.T) {
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
		for _, p := range []int{port, port + 1} {
			if err := free(p); err != nil {
				t.Error(err)
			}
		}
	})
}
