package wechatsim

import (
	"maps"
	"testing"
	"time"
)

func init() { maps.Copy(faultTests, accountFaultTests) }

// accountFaultTests are the tests of the faults that strike calls in an account's
// name.
var accountFaultTests = map[string]func(*testing.T, *Server){
	"token_dead": func(t *testing.T, s *Server) {
		token := tokenOf(t, s, appA)
		s.Fail("token_dead")
		for range 2 {
			if got := usable(t, s, token); got != "40001" {
				t.Errorf("the call gets %q", got)
			}
		}
		if fresh := tokenOf(t, s, appA); fresh == token || usable(t, s, fresh) != "" {
			t.Error("the next token is no better")
		}
	},
	"token_expires_early": func(t *testing.T, s *Server) {
		tokenOf(t, s, appB)
		s.Fail("token_expires_early")
		tokenOf(t, s, appB) // an old token, on which the fault isn't spent
		a := stableToken(t, s, appA, false)
		if life(a) != "7200" || usable(t, s, word(a)) != "" {
			t.Errorf("answer %v", a)
		}
		s.Advance(time.Minute)
		if got := usable(t, s, word(a)); got != "42001" {
			t.Errorf("after a minute the call gets %q", got)
		}
		if fresh := tokenOf(t, s, appA); usable(t, s, fresh) != "" {
			t.Error("the next token is no better")
		}
	},
	"token_stale": func(t *testing.T, s *Server) {
		tokenOf(t, s, appA)
		s.Fail("token_stale")
		s.Advance(globalLife - tokenOverlap + time.Second)
		token := tokenOf(t, s, appA) // the old one isn't dead, so the fault waits
		s.KillTokens(appA)
		if again := tokenOf(t, s, appA); again != token {
			t.Error("it gave a good token")
		}
		if forced := word(stableToken(t, s, appA, true)); forced == token || usable(t, s, forced) != "" {
			t.Error("a forced refresh didn't help")
		}
	},
	"ip_unconfirmed": func(t *testing.T, s *Server) {
		s.Fail("ip_unconfirmed", Times(2))
		errcode(t, stableToken(t, s, appA, false), "89503")
		errcode(t, legacyToken(t, s, appA), "89503")
		tokenOf(t, s, appA)
	},
	"quota_spent": func(t *testing.T, s *Server) {
		token := tokenOf(t, s, appA)
		s.Fail("quota_spent", Times(2))
		if got := usable(t, s, token); got != "45009" {
			t.Errorf("the call gets %q", got)
		}
		errcode(t, stableToken(t, s, appA, false), "45009")
		if got := usable(t, s, token); got != "" {
			t.Errorf("the next call gets %q", got)
		}
	},
	"account_frozen": func(t *testing.T, s *Server) {
		token := tokenOf(t, s, appA)
		s.Fail("account_frozen", Times(2))
		if got := usable(t, s, token); got != "50007" {
			t.Errorf("the call gets %q", got)
		}
		errcode(t, stableToken(t, s, appA, false), "50007")
		if got := usable(t, s, token); got != "" {
			t.Errorf("the next call gets %q", got)
		}
	},
	"user_at_risk": func(t *testing.T, s *Server) {
		s.Fail("user_at_risk")
		errcode(t, code2Session(t, s, appMini, s.MiniLogin("ming", appMini)), "40226")
		if a := code2Session(t, s, appMini, s.MiniLogin("ming", appMini)); a["openid"] == nil {
			t.Errorf("the next login: %v", a)
		}
	},
}

// TestFaultsOfLoginsStrikeOtherCodes holds the faults of codes and secrets to all
// calls that take one.
func TestFaultsOfLoginsStrikeOtherCodes(t *testing.T) {
	t.Parallel()
	s := start(t)
	mini := func(name, want string) {
		t.Helper()
		s.Fail(name)
		errcode(t, code2Session(t, s, appMini, s.MiniLogin("ming", appMini)), want)
	}
	mini("code_used", "40163")
	mini("code_invalid", "40029")
	mini("secret_changed", "40125")
	mini("ip_not_listed", "40164")
	s.Fail("missing_openid")
	if a := code2Session(t, s, appMini, s.MiniLogin("ming", appMini)); a["openid"] != nil || a["session_key"] == nil {
		t.Errorf("answer %v", a)
	}
	for _, name := range []string{"secret_changed", "ip_not_listed"} {
		want := map[string]string{"secret_changed": "40125", "ip_not_listed": "40164"}[name]
		s.Fail(name, Times(2))
		errcode(t, stableToken(t, s, appA, false), want)
		errcode(t, legacyToken(t, s, appA), want)
	}
	s.Fail("code_invalid", On(phoneNumberPath))
	errcode(t, tell(t, s, phoneNumberPath, tokenOf(t, s, appMini), `{"code":"`+s.MiniPhone("ming", appMini)+`"}`), "40029")
	if left := s.Armed(); len(left) != 0 {
		t.Errorf("still armed: %v", left)
	}
}
