package wechatsim

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// legacyToken asks /cgi-bin/token.
func legacyToken(t testing.TB, s *Server, appid string) map[string]any {
	t.Helper()
	return ask(t, s, tokenPath, "grant_type", "client_credential", "appid", appid, "secret", secret)
}

// usable says how a call with a token ends: "" or an errcode.
func usable(t testing.TB, s *Server, token string) string {
	t.Helper()
	a := ask(t, s, callbackIPPath, "access_token", token)
	code, _ := a["errcode"].(json.Number)
	return string(code)
}

func word(a map[string]any) string { w, _ := a["access_token"].(string); return w }

func life(a map[string]any) string { return fmt.Sprint(a["expires_in"]) }

func TestLegacyTokenRetiresThePrevious(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := legacyToken(t, s, appA)
	if life(first) != "7200" || usable(t, s, word(first)) != "" {
		t.Fatalf("the first token: %v", first)
	}
	second := legacyToken(t, s, appA)
	if word(second) == word(first) {
		t.Fatal("a second call gave the same token")
	}
	s.Advance(tokenOverlap - time.Second)
	if got := usable(t, s, word(first)) + usable(t, s, word(second)); got != "" {
		t.Errorf("within the overlap: %s", got)
	}
	s.Advance(time.Second)
	if got := usable(t, s, word(first)); got != "40001" {
		t.Errorf("after the overlap the previous token gets %q", got)
	}
	s.Advance(globalLife)
	if got := usable(t, s, word(second)); got != "42001" {
		t.Errorf("after its life the token gets %q", got)
	}
	tokens := s.Tokens(appA)
	if len(tokens) != 2 || tokens[0].Word != word(first) || tokens[0].Uses != 2 || tokens[1].Uses != 1 || tokens[1].Stable {
		t.Errorf("tokens %+v", tokens)
	}
	if at := tokens[1].Issued.Add(tokenOverlap); tokens[0].Valid(at) || !tokens[0].Valid(at.Add(-time.Second)) || !tokens[1].Valid(at) || tokens[1].Valid(tokens[1].Until) {
		t.Error("Valid disagrees with what the calls got")
	}
}

func TestStableTokenStaysUntilItsLastMinutes(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := stableToken(t, s, appA, false)
	s.Advance(time.Hour)
	if again := stableToken(t, s, appA, false); word(again) != word(first) || life(again) > "3600" || life(again) < "3590" {
		t.Errorf("after an hour %v, at first %v", life(again), life(first))
	}
	s.Advance(time.Hour - tokenOverlap)
	second := stableToken(t, s, appA, false)
	if word(second) == word(first) || life(second) != "7200" {
		t.Fatalf("in its last minutes no other token came, or one of a life of %s", life(second))
	}
	if got := usable(t, s, word(first)) + usable(t, s, word(second)); got != "" {
		t.Errorf("both should be good: %s", got)
	}
	s.Advance(tokenOverlap)
	if old, fresh := usable(t, s, word(first)), usable(t, s, word(second)); old != "42001" || fresh != "" {
		t.Errorf("five minutes later: old %q, new %q", old, fresh)
	}
}

func TestStableTokenForced(t *testing.T) {
	t.Parallel()
	s := start(t, quotaDay) // whose midnight is far
	first := stableToken(t, s, appA, false)
	second := stableToken(t, s, appA, true)
	if word(second) == word(first) || usable(t, s, word(first)) != "40001" || usable(t, s, word(second)) != "" {
		t.Fatalf("a forced refresh must kill the old token at once: %v, %v", first, second)
	}
	if soon := stableToken(t, s, appA, true); word(soon) != word(second) {
		t.Error("it refreshed again within 30 s")
	}
	s.Advance(forcePause)
	if later := stableToken(t, s, appA, true); word(later) == word(second) {
		t.Error("it didn't refresh after 30 s")
	}
	for range forcesADay - 2 {
		s.Advance(forcePause)
		stableToken(t, s, appA, true)
	}
	s.Advance(forcePause)
	errcode(t, stableToken(t, s, appA, true), "45009")
	if word(stableToken(t, s, appA, false)) == "" {
		t.Error("after too many forced refreshes not even a plain call works")
	}
	s.Advance(24 * time.Hour)
	if word(stableToken(t, s, appA, true)) == "" {
		t.Error("the next day is no better")
	}
	forced := 0
	for _, token := range s.Tokens(appA) {
		if token.Forced && token.Stable {
			forced++
		}
	}
	if forced != forcesADay+1 {
		t.Errorf("%d forced tokens", forced)
	}
}

func TestTokensForManyAtOnce(t *testing.T) {
	t.Parallel()
	s := start(t)
	const rounds, many = 200, 8
	for range rounds {
		s.KillTokens(appA)
		words, ready, all := make([]string, many), make(chan struct{}), sync.WaitGroup{}
		for i := range words {
			all.Go(func() {
				<-ready
				c := &call{Sim: s.Sim, w: &recorder{}}
				token, _, _ := c.stable(appA, false)
				words[i] = token.Word
			})
		}
		close(ready)
		all.Wait()
		for _, w := range words {
			if w != words[0] || w == "" {
				t.Fatalf("stable tokens %v", words)
			}
		}
	}
	if n := len(s.Tokens(appA)); n != rounds {
		t.Errorf("%d tokens for %d rounds", n, rounds)
	}
}

func TestTokenSpacesDontMeet(t *testing.T) {
	t.Parallel()
	s := start(t)
	stable := tokenOf(t, s, appA)
	other := tokenOf(t, s, appB)
	old := word(legacyToken(t, s, appA))
	for range 3 {
		legacyToken(t, s, appA)
	}
	s.Advance(tokenOverlap)
	if usable(t, s, stable) != "" || usable(t, s, other) != "" || usable(t, s, old) != "40001" {
		t.Error("refreshing one space changed another")
	}
	stableToken(t, s, appA, true)
	if last := s.Tokens(appA)[3]; usable(t, s, last.Word) != "" || usable(t, s, other) != "" {
		t.Error("forcing the stable space changed another")
	}
	s.KillTokens(appA)
	for _, token := range s.Tokens(appA) {
		if token.Valid(s.Now()) {
			t.Errorf("alive after KillTokens: %+v", token)
		}
	}
	if usable(t, s, other) != "" {
		t.Error("KillTokens killed another account's")
	}
	if fresh := tokenOf(t, s, appA); usable(t, s, fresh) != "" {
		t.Error("after KillTokens stable_token gives a dead one")
	}
}

func TestTokenMistakesInWeChatsOrder(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, c := range map[string]struct{ query, want string }{
		"no appid":         {"secret=x&grant_type=client_credential", "41002"},
		"no secret":        {"appid=" + appA + "&grant_type=x", "41004"},
		"no grant type":    {"appid=wx1&secret=x", "40002"},
		"unknown appid":    {"appid=wx1&secret=x&grant_type=client_credential", "40013"},
		"wrong secret":     {"appid=" + appA + "&secret=x&grant_type=client_credential", "40125"},
		"no official kind": {"appid=" + appWeb + "&secret=" + secret + "&grant_type=client_credential", "48001"},
		"a banned account": {"appid=" + appBanned + "&secret=" + secret + "&grant_type=client_credential", "50004"},
	} {
		errcode(t, decode(t, send(t, request(t, "GET", s.URL+tokenPath+"?"+c.query, nil)).body), c.want)
		body := `{`
		for i, pair := range strings.Split(c.query, "&") {
			key, value, _ := strings.Cut(pair, "=")
			if i > 0 {
				body += ","
			}
			body += fmt.Sprintf("%q:%q", key, value)
		}
		a := tell(t, s, stableTokenPath, "", body+"}")
		if fmt.Sprint(a["errcode"]) != c.want {
			t.Errorf("%s: stable_token says %v", name, a)
		}
	}
	if word(ask(t, s, tokenPath, "grant_type", "client_credential", "appid", appMini, "secret", secret)) == "" {
		t.Error("a mini program gets no token")
	}
}

func TestStableTokenIsStrict(t *testing.T) {
	t.Parallel()
	s := start(t)
	errcode(t, ask(t, s, stableTokenPath, "grant_type", "client_credential", "appid", appA, "secret", secret), "43002")
	errcode(t, tell(t, s, stableTokenPath, "", ""), "44002")
	errcode(t, tell(t, s, stableTokenPath, "", " \n"), "44002")
	errcode(t, tell(t, s, stableTokenPath, "", "grant_type=client_credential&appid="+appA), "47001")
	errcode(t, tell(t, s, stableTokenPath, "", `{"appid":"\u4e2d"}`), "40033")
	errcode(t, tell(t, s, stableTokenPath, "", `{"appid":"a\u0026b"}`), "40033")
	errcode(t, tell(t, s, stableTokenPath, "", `{"appid":"\\u4e2d"}`), "41004") // a backslash, then a u
	errcode(t, tell(t, s, stableTokenPath, "", `{"appid":"\u0007"}`), "41004")  // this one can't be written otherwise
	errcode(t, tell(t, s, stableTokenPath, "", `{"appid":"`+strings.Repeat("a", maxPost)+`"}`), "45002")
	errcode(t, tell(t, s, tokenPath, "", `{}`), "43001")
}

func TestTokenOfAnAccountThatChanges(t *testing.T) {
	t.Parallel()
	s := start(t)
	change := func(f func(*Account)) {
		t.Helper()
		if err := s.ChangeAccount(appA, f); err != nil {
			t.Fatal(err)
		}
	}
	old := tokenOf(t, s, appA)
	change(func(a *Account) { a.Secret = "another" })
	errcode(t, stableToken(t, s, appA, false), "40125")
	if usable(t, s, old) != "" {
		t.Error("a new secret killed the token")
	}
	change(func(a *Account) { a.Secret, a.SecretFrozen = secret, true })
	errcode(t, stableToken(t, s, appA, false), "40243")
	change(func(a *Account) { a.SecretFrozen, a.Frozen = false, true })
	errcode(t, stableToken(t, s, appA, false), "50007")
	if got := usable(t, s, old); got != "50007" {
		t.Errorf("a call of a frozen account gets %q", got)
	}
	change(func(a *Account) { a.Frozen, a.Banned = false, true })
	errcode(t, legacyToken(t, s, appA), "50004")
	if got := usable(t, s, old); got != "50004" {
		t.Errorf("a call of a banned account gets %q", got)
	}
}

func TestGlobalAndUserTokensAreTwoFamilies(t *testing.T) {
	t.Parallel()
	s := start(t)
	global := tokenOf(t, s, appA)
	user := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeUserInfo))
	errcode(t, ask(t, s, userInfoPath, "access_token", global, "openid", s.OpenID("ming", appA)), "40001")
	errcode(t, ask(t, s, fanPath, "access_token", word(user), "openid", s.OpenID("ming", appA)), "40001")
	errcode(t, ask(t, s, fanPath, "openid", s.OpenID("ming", appA)), "41001")
}
