package wechatsim

import (
	"strings"
	"testing"
)

func TestWhitelist(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct {
		list []string
		in   bool
	}{
		{nil, true},
		{[]string{}, false},
		{[]string{"192.0.2.1"}, false},
		{[]string{"192.0.2.1", "127.0.0.1"}, true},
		{[]string{"127.0.0.0/8"}, true},
		{[]string{"::1", "2001:db8::/32"}, false},
	} {
		if err := s.ChangeAccount(appA, func(a *Account) { a.Whitelist = c.list }); err != nil {
			t.Fatal(err)
		}
		for _, a := range []map[string]any{stableToken(t, s, appA, false), legacyToken(t, s, appA)} {
			if c.in {
				if word(a) == "" {
					t.Errorf("%v: %v", c.list, a)
				}
				continue
			}
			errcode(t, a, "40164")
			if text := a["errmsg"].(string); !strings.HasPrefix(text, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist") {
				t.Errorf("the text is %q", text)
			}
		}
	}
	if err := s.ChangeAccount(appA, func(a *Account) { a.Whitelist = []string{} }); err != nil {
		t.Fatal(err)
	}
	errcode(t, exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeBase)), "40164")
}
