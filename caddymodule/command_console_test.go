package caddymodule

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// typedConsole runs `caddy wsite console-user …` and gives what it prints.
func (g *wholeCaddy) typedConsole(words ...string) (string, error) {
	var out bytes.Buffer
	stdout = &out
	defer func() { stdout = os.Stdout }()
	cmd := consoleUserCommand()
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SetArgs(append(words, "--address", "unix/"+g.socket))
	err := cmd.Execute()
	return out.String(), err
}

func TestCommand_console(t *testing.T) {
	g := runGateway(t)
	for _, words := range [][]string{{"add", "ming", "--role", "administrator"}, {"reset", "ming"}} {
		if out, err := g.typedConsole(words...); err != nil || !strings.HasPrefix(out, "/setup#") || len(out) < 50 {
			t.Errorf("%v prints %s, %v", words, out, err)
		}
	}
	if out, err := g.typedConsole("list"); err != nil || !strings.Contains(out, "ming  administrator  invited") {
		t.Errorf("list prints %s, %v", out, err)
	}
	for _, wrong := range [][]string{{"add"}, {"add", "ming"}, {"add", "M!"}, {"add", "li", "--role", "king"}, {"reset", "nobody"}, {"list", "x"}} {
		if out, err := g.typedConsole(wrong...); err == nil || strings.HasPrefix(out, "/setup#") {
			t.Errorf("%v prints %s", wrong, out)
		}
	}
}
