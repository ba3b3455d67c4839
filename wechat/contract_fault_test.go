package wechat_test

import (
	"cmp"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// faultPlays has what the client must answer to every fault. A fault without an
// entry fails the test.
var faultPlays = map[string]func(*testing.T, *stage, string){
	"callback_twice":     playCallbackTwice,
	"two_codes":          playTwoCodes,
	"rerequest":          playRerequest,
	"snapshot":           playSnapshot,
	"refuse_closes":      playRefuseCloses,
	"code_used":          atExchange(outcome{wechat.ClassRestart, 40163, 1}),
	"code_invalid":       atExchange(outcome{wechat.ClassRestart, 40029, 1}),
	"secret_changed":     atExchange(outcome{wechat.ClassConfig, 40125, 1}),
	"ip_not_listed":      playIPNotListed,
	"timeout_after_use":  playTimeoutAfterUse,
	"missing_openid":     atExchange(outcome{wechat.ClassFault, 0, 1}),
	"slow":               playSlow,
	"busy":               atBoth(outcome{calls: 2}, outcome{calls: 2}),
	"rate_limited":       atBoth(outcome{wechat.ClassRetry, 45011, 1}, outcome{wechat.ClassRetry, 45011, 1}),
	"host_down":          atBoth(outcome{wechat.ClassRetry, 0, 1}, outcome{calls: 2}),
	"http_500":           atBoth(outcome{wechat.ClassRetry, 0, 1}, outcome{calls: 2}),
	"not_json":           atBoth(outcome{wechat.ClassFault, 0, 1}, outcome{wechat.ClassFault, 0, 1}),
	"numbers_as_strings": playNumbersAsStrings,
	"unknown_fields":     atBoth(outcome{calls: 1}, outcome{calls: 1}),

	"ip_unconfirmed":       atToken(outcome{wechat.ClassRetry, 89503, 1}),
	"token_dead":           atFan(outcome{wechat.ClassRefresh, 40001, 1}),
	"token_expires_early":  playTokenExpiresEarly,
	"token_stale":          playTokenStale,
	"quota_spent":          playQuotaSpent,
	"account_frozen":       atFan(outcome{wechat.ClassConfig, 50007, 1}),
	"user_at_risk":         playUserAtRisk,
	"qr_exhausted":         playQRExhausted,
	"template_failed":      playTemplate,
	"template_result_lost": playTemplate,

	"push_duplicated":  notOurs,
	"push_disordered":  notOurs,
	"push_lost_answer": notOurs,
	"push_slow":        notOurs,
	"push_truncated":   notOurs,
	"push_foreign":     notOurs,
	"push_forged":      notOurs,
	"push_replayed":    notOurs,
}

// Every fault strikes once, so that a client which sends a code again where it
// must not would be answered, and be seen.
func TestContractEveryFault(t *testing.T) {
	t.Parallel()
	known := map[string]bool{}
	for _, f := range wechatsim.Faults {
		known[f.Name] = true
		play, ok := faultPlays[f.Name]
		if !ok {
			t.Errorf("nothing says what the client must answer to %s", f.Name)
			continue
		}
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			s := newStage(t)
			play(t, s, f.Name)
			if f.Name != "two_codes" && len(s.Armed()) != 0 {
				t.Errorf("it never struck: %v", s.Armed())
			}
		})
	}
	for name := range faultPlays {
		if !known[name] {
			t.Errorf("the simulator has no fault %s", name)
		}
	}
}

// struckExchange is an exchange that a fault strikes, on a connection that was kept
// from an earlier one: there, Go's transport would send a GET again by itself.
func (s *stage) struckExchange(t *testing.T, name string, must outcome) (wechat.Grant, *wechat.Error) {
	t.Helper()
	s.login(t, "ming", appID, wechat.ScopeUserInfo)
	code := s.code(t, "ming", appID, wechat.ScopeUserInfo)
	s.Fail(name, wechatsim.On(exchangePath))
	s.forget()
	g, err := s.client.Exchange(t.Context(), appID, secret, code)
	e := s.verdict(t, exchangePath, err, must, code, s.OpenID("ming", appID), s.UnionID("ming", appID))
	switch {
	case e == nil && (g.OpenID != s.OpenID("ming", appID) || g.UnionID != s.UnionID("ming", appID) || g.Snapshot || !g.Has(wechat.ScopeUserInfo)):
		t.Errorf("got %v", g)
	case e != nil && (g.OpenID != "" || g.UnionID != "" || g.Scopes != nil):
		t.Errorf("got %v beside the error", g)
	}
	return g, e
}

// struckUserInfo asks for the nickname, and a fault strikes that.
func (s *stage) struckUserInfo(t *testing.T, name string, must outcome) {
	t.Helper()
	g := s.login(t, "ming", appID, wechat.ScopeUserInfo)
	s.Fail(name, wechatsim.On(userInfoPath))
	s.forget()
	u, err := s.client.UserInfo(t.Context(), g)
	e := s.verdict(t, userInfoPath, err, must, g.OpenID, g.UnionID)
	switch {
	case e == nil && (u.OpenID != g.OpenID || u.UnionID != g.UnionID || u.Nickname != "小明"):
		t.Errorf("got %v, nickname %q", u, u.Nickname)
	case e != nil && u != wechat.UserInfo{}:
		t.Errorf("got %v beside the error", u)
	}
}

func atExchange(must outcome) func(*testing.T, *stage, string) {
	return func(t *testing.T, s *stage, name string) { s.struckExchange(t, name, must) }
}

func atBoth(exchange, userInfo outcome) func(*testing.T, *stage, string) {
	return func(t *testing.T, s *stage, name string) {
		s.struckExchange(t, name, exchange)
		s.struckUserInfo(t, name, userInfo)
	}
}

// Both callbacks bring one code. The client has no memory of codes, so the one that
// comes second is told to begin anew; only one of them may get a grant.
func playCallbackTwice(t *testing.T, s *stage, name string) {
	s.Fail(name)
	s.phone(t, "ming").login(s.loginURL(t, appID, wechat.ScopeBase), "")
	_ = s.Settle(t.Context())
	back := s.site.all()
	if len(back) != 2 || back[0].Get("code") == "" || back[0].Get("code") != back[1].Get("code") {
		t.Fatalf("callbacks %v", back)
	}
	var both sync.WaitGroup
	errs := make([]error, len(back))
	for i, q := range back {
		both.Go(func() { _, errs[i] = s.client.Exchange(t.Context(), appID, secret, q.Get("code")) })
	}
	both.Wait()
	if (errs[0] == nil) == (errs[1] == nil) {
		t.Fatalf("one of the two gets a grant: %v", errs)
	}
	s.verdict(t, exchangePath, cmp.Or(errs...), outcome{wechat.ClassRestart, 40163, 2}, back[0].Get("code"))
}

// The client's address says connect_redirect=1, so WeChat doesn't hop twice
// (wechat-api.md §1.6), and the fault finds nothing to strike.
func playTwoCodes(t *testing.T, s *stage, name string) {
	s.Fail(name)
	s.login(t, "ming", appID, wechat.ScopeBase)
	_ = s.Settle(t.Context())
	if len(s.Sent()) != 0 || len(s.site.all()) != 1 || len(s.Armed()) != 1 {
		t.Errorf("%d callbacks, of which the simulator made %v; armed %v", len(s.site.all()), s.Sent(), s.Armed())
	}
}

func playRerequest(t *testing.T, s *stage, name string) {
	s.Fail(name)
	code := s.code(t, "ming", appID, wechat.ScopeBase)
	if _, err := s.client.Exchange(t.Context(), appID, secret, code); err != nil {
		t.Fatal(err)
	}
	s.Advance(2 * time.Second)
	_ = s.Settle(t.Context())
	back := s.site.all()
	if len(back) != 2 || back[1].Get("code") != code || back[1].Get("state") != state {
		t.Fatalf("callbacks %v", back)
	}
	s.forget()
	_, err := s.client.Exchange(t.Context(), appID, secret, back[1].Get("code"))
	s.verdict(t, exchangePath, err, outcome{wechat.ClassRestart, 40163, 1}, code)
}

// Both ids of a preview are nobody's (wechat-api.md §1.7), and the next login is a
// real one again.
func playSnapshot(t *testing.T, s *stage, name string) {
	for _, alsoStrings := range []bool{false, true} {
		s.Fail(name)
		if alsoStrings {
			s.Fail("numbers_as_strings", wechatsim.On(exchangePath))
		}
		g := s.login(t, "ming", appID, wechat.ScopeUserInfo)
		if !g.Snapshot || g.OpenID == s.OpenID("ming", appID) || g.UnionID == s.UnionID("ming", appID) || g.OpenID == "" || g.UnionID == "" {
			t.Errorf("got %v", g)
		}
		if u, err := s.client.UserInfo(t.Context(), g); err != nil || u.OpenID != g.OpenID || u.Nickname == "小明" {
			t.Errorf("got %v, %v", u, err)
		}
	}
	if g := s.login(t, "ming", appID, wechat.ScopeBase); g.Snapshot || g.OpenID != s.OpenID("ming", appID) {
		t.Errorf("the next login: %v", g)
	}
}

func playRefuseCloses(t *testing.T, s *stage, name string) {
	s.Fail(name)
	page := s.phone(t, "ming").login(s.loginURL(t, appID, wechat.ScopeUserInfo), "refuse")
	if n := len(s.site.all()); n != 0 || !strings.Contains(page, "页面已关闭") {
		t.Errorf("%d callbacks, page %s", n, page)
	}
	if n := s.calls(exchangePath); n != 0 {
		t.Errorf("%d exchanges", n)
	}
}

func playIPNotListed(t *testing.T, s *stage, name string) {
	if _, e := s.struckExchange(t, name, outcome{wechat.ClassConfig, 40164, 1}); !strings.HasPrefix(e.Hint, "add 127.0.0.1 to ") {
		t.Errorf("hint %q", e.Hint)
	}
}

// The code is used up although no answer came, so that only its memory tells what
// a second request would have done.
func playTimeoutAfterUse(t *testing.T, s *stage, name string) {
	patient := s.client
	code := s.code(t, "ming", appID, wechat.ScopeBase)
	s.client = s.newClient(t, wechat.Config{Timeout: hasty})
	s.Fail(name)
	_, err := s.client.Exchange(t.Context(), appID, secret, code)
	s.verdict(t, exchangePath, err, outcome{wechat.ClassRetry, 0, 1}, code)
	if !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("got %v", err)
	}
	s.forget()
	_, err = patient.Exchange(t.Context(), appID, secret, code)
	s.verdict(t, exchangePath, err, outcome{wechat.ClassRestart, 40163, 1}, code)
}

func playSlow(t *testing.T, s *stage, name string) {
	code := s.code(t, "ming", appID, wechat.ScopeBase)
	s.Fail(name, wechatsim.Delay(time.Millisecond))
	if _, err := s.client.Exchange(t.Context(), appID, secret, code); err != nil {
		t.Errorf("an answer within the timeout is one: %v", err)
	}
	s.client = s.newClient(t, wechat.Config{Timeout: hasty})
	if _, e := s.struckExchange(t, name, outcome{wechat.ClassRetry, 0, 1}); !errors.Is(e, context.DeadlineExceeded) {
		t.Errorf("got %v", e)
	}
	s.struckUserInfo(t, name, outcome{calls: 2})
}

func playNumbersAsStrings(t *testing.T, s *stage, name string) {
	g, _ := s.struckExchange(t, name, outcome{calls: 1})
	s.struckUserInfo(t, name, outcome{calls: 1})
	// expires_in was read, for the client knows when the token ends.
	s.Advance(2*time.Hour - time.Minute)
	if _, err := s.client.UserInfo(t.Context(), g); err != nil {
		t.Errorf("a minute before the end: %v", err)
	}
	s.Advance(time.Minute)
	s.forget()
	_, err := s.client.UserInfo(t.Context(), g)
	s.verdict(t, userInfoPath, err, outcome{wechat.ClassRefresh, 0, 0})
	code := s.code(t, "ming", appID, wechat.ScopeBase)
	s.Fail("code_used")
	s.Fail(name)
	_, err = s.client.Exchange(t.Context(), appID, secret, code)
	s.verdict(t, exchangePath, err, outcome{wechat.ClassRestart, 40163, 1}, code)
}
