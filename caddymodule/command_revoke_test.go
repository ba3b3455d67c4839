package caddymodule

import (
	"strings"
	"testing"
	"time"
)

func TestCommand_revoke(t *testing.T) {
	g := runGateway(t)
	typed := func(words ...string) (string, error) {
		t.Helper()
		return g.typedAt(t, revokeCommand(), words...)
	}
	session := strings.Repeat("0f", 16)
	for _, tt := range []struct{ words, says string }{
		{"site shop", "the sessions at the site shop that began before "},
		{"realm main --before 2026-05-01T12:00:00Z", "the sessions in the realm main that began before "},
		{"all --before 2h", "all sessions that began before "},
		{"session " + session, "the session " + session + " is over"},
	} {
		out, err := typed(append(strings.Fields(tt.words), "--reason", "ticket 7")...)
		if err != nil || !strings.HasPrefix(out, tt.says) || strings.Count(out, "\n") != 1 {
			t.Errorf("%s prints %q, %v", tt.words, out, err)
		}
		if list, err := typed("list"); err != nil || !strings.Contains(list, strings.Split(tt.says, " that")[0][:8]) || !strings.Contains(list, `"ticket 7"`) || !strings.Contains(list, "command:wsite") {
			t.Errorf("list prints %s, %v", list, err)
		}
	}
	cut, err := g.app(t).facts().Cutoff(t.Context(), "all", "", "")
	if ago := time.Since(cut.Before); err != nil || ago < 2*time.Hour || ago > 3*time.Hour {
		t.Errorf("all is ended %s ago, %v", ago, err)
	}
	for words, says := range map[string]string{
		"user main nobody --reason x":                    "user_unknown",
		"user nosuch m1 --reason x":                      "realm_unknown",
		"site nosuch --reason x":                         "site_unknown",
		"session 12 --reason x":                          "bad_body",
		"site shop":                                      "--reason",
		"all --before yesterday --reason x":              "--before",
		"all --before -2h --reason x":                    "--before",
		"session " + session + " --before 2h --reason x": "before",
		"user m1 --reason x":                             "arg",
		"all now --reason x":                             "arg",
	} {
		if out, err := typed(strings.Fields(words)...); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s prints %q, %v", words, out, err)
		}
	}
}
