package caddymodule

import (
	"context"
	"os"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

func TestCommand_simulate_push(t *testing.T) {
	run := func(ctx context.Context, t *testing.T, args ...string) error {
		t.Helper()
		cmd := simulateCommand()
		cmd.SetArgs(append([]string{"--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"}, args...))
		cmd.SilenceErrors, cmd.SilenceUsage = true, true
		return cmd.ExecuteContext(ctx)
	}
	t.Run("a target that is none is refused, with the reason", func(t *testing.T) {
		for bad, reason := range map[string]string{
			"wx1a2b3c4d5e6f7081":                      "the URL is http",
			"wx1a2b3c4d5e6f7081=ftp://127.0.0.1/":     "the URL is http",
			"wx0000000000000000=http://127.0.0.1:1/p": "unknown",
		} {
			if err := run(t.Context(), t, "--push", bad); err == nil || !strings.Contains(err.Error(), reason) {
				t.Errorf("%s: %v", bad, err)
			}
		}
		if err := run(t.Context(), t, "--push", "wx1a2b3c4d5e6f7081=http://127.0.0.1:1/", "--push-mode", "secret"); err == nil || !strings.Contains(err.Error(), "plain, compatible, safe") {
			t.Errorf("another mode: %v", err)
		}
	})
	t.Run("what the server has to know is printed", func(t *testing.T) {
		out := lines{make(chan string, 100)}
		stdout = out
		defer func() { stdout = os.Stdout }()
		options := wechatsim.DefaultOptions()
		options.Pushes = []wechatsim.PushTarget{{AppID: options.Accounts[0].AppID, URL: "http://127.0.0.1:1/wechat", Token: "pushToken1"}}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- simulate(ctx, options, "127.0.0.1:0", "127.0.0.1:0") }()
		for text := ""; !strings.Contains(text, "http://127.0.0.1:1/wechat: token pushToken1"); {
			select {
			case line := <-out.printed:
				text += line
			case err := <-ended:
				t.Fatalf("it ended: %v", err)
			}
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}
