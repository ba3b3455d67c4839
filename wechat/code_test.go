package wechat_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"pgregory.net/rapid"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// The codes of wechat-api.md §1.4, §1.5 and §15 that web login can meet.
func TestCodesHaveTheirClass(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		code               int
		exchange, userInfo wechat.Class
	}{
		{-1, wechat.ClassRetry, wechat.ClassRetry},
		{40001, wechat.ClassConfig, wechat.ClassRefresh},
		{40002, wechat.ClassFault, wechat.ClassFault},
		{40003, wechat.ClassFault, wechat.ClassFault},
		{40013, wechat.ClassConfig, wechat.ClassConfig},
		{40014, wechat.ClassRefresh, wechat.ClassRefresh},
		{40029, wechat.ClassRestart, wechat.ClassRestart},
		{40030, wechat.ClassRestart, wechat.ClassRestart},
		{40125, wechat.ClassConfig, wechat.ClassConfig},
		{40163, wechat.ClassRestart, wechat.ClassRestart},
		{40164, wechat.ClassConfig, wechat.ClassConfig},
		{40226, wechat.ClassUser, wechat.ClassUser},
		{41002, wechat.ClassConfig, wechat.ClassConfig},
		{41004, wechat.ClassConfig, wechat.ClassConfig},
		{41008, wechat.ClassFault, wechat.ClassFault},
		{42001, wechat.ClassRefresh, wechat.ClassRefresh},
		{42002, wechat.ClassRestart, wechat.ClassRestart},
		{42003, wechat.ClassRestart, wechat.ClassRestart},
		{42007, wechat.ClassRestart, wechat.ClassRestart},
		{45009, wechat.ClassRetry, wechat.ClassRetry},
		{45011, wechat.ClassRetry, wechat.ClassRetry},
		{48001, wechat.ClassConfig, wechat.ClassConfig},
		{48004, wechat.ClassConfig, wechat.ClassConfig},
		{48017, wechat.ClassConfig, wechat.ClassConfig},
		{50002, wechat.ClassUser, wechat.ClassUser},
		{89503, wechat.ClassRetry, wechat.ClassRetry},
		{89506, wechat.ClassConfig, wechat.ClassConfig},
		{31337, wechat.ClassFault, wechat.ClassFault},
	} {
		for _, form := range []string{`%d`, `"%d"`} {
			number := fmt.Sprintf(form, tc.code)
			t.Run("errcode "+number, func(t *testing.T) {
				t.Parallel()
				body := `{"errcode":` + number + `,"errmsg":"some words, rid: 6949fe38-0627ff0d-47df91c7"}`
				at := newScene(t, body)
				_, err := exchange(at.client)
				for _, e := range []*wechat.Error{want(t, err, tc.exchange), want(t, at.userInfoErr(t), tc.userInfo)} {
					if e.Code != tc.code || e.Message != "some words" || e.RID != "6949fe38-0627ff0d-47df91c7" {
						t.Errorf("got %+v", e)
					}
					if e.Class == wechat.ClassConfig && e.Hint == "" {
						t.Error("the operator must act and isn't told how")
					}
				}
			})
		}
	}
}

func TestMessagesAreCleaned(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, errmsg, message, rid string }{
		{"today's tail", "invalid code, rid: 6949fe38-0627ff0d-47df91c7", "invalid code", "6949fe38-0627ff0d-47df91c7"},
		{"today's tail without a comma", "api unauthorized rid: 6949fe38-0627ff0d-47df91c7", "api unauthorized", "6949fe38-0627ff0d-47df91c7"},
		{"the tail of former years", "invalid code, hints: [ req_id: plAv90053th21 ]", "invalid code", ""},
		{"the tail before that", "invalid credential hint: [abc0053vr21]", "invalid credential", ""},
		{"a rid that is none", "invalid code rid: abc", "invalid code", ""},
		{"a word that ends like the tail", "a hybrid: thing", "a hybrid: thing", ""},
		{"Chinese", "系统繁忙", "系统繁忙", ""},
		{"nothing", "", "no message", ""},
		{"the code", "invalid code " + code, "invalid code […]", ""},
		{"the code with a control character inside", "invalid code " + code[:9] + "\x00" + code[9:], "invalid code […]", ""},
		{"the secret", "appsecret=" + secret + "&x", "appsecret=[…]&x", ""},
		{"an openid", "openid " + openid + " unknown", "openid […] unknown", ""},
		{"a token that is not ours", "access_token " + token, "access_token […]", ""},
		{"the app ID may be shown", "no " + appID, "no " + appID, ""},
		{"lines and terminal colours", "a\r\nb\x1b[31mc\u2028d\u202ee", "ab[31mcde", ""},
		{"too much", strings.Repeat("你 ", 200), strings.Repeat("你 ", 50), ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := exchange(newClient(t, wechat.Config{Hosts: []string{serve(t, says(refusal(40029, tc.errmsg))).URL}}))
			if e := want(t, err, wechat.ClassRestart); e.Message != tc.message || e.RID != tc.rid {
				t.Errorf("got  %q, rid %q\nwant %q, rid %q", e.Message, e.RID, tc.message, tc.rid)
			}
		})
	}
}

// A rid is shown, so nothing that was sent may pass for one.
func TestACodeDoesNotPassForARID(t *testing.T) {
	t.Parallel()
	const code = "6949fe38-0627ff0d-47df91c7"
	c := newClient(t, wechat.Config{Hosts: []string{serve(t, says(refusal(40029, "invalid code, rid: "+code))).URL}})
	_, err := c.Exchange(t.Context(), appID, secret, code)
	if e := want(t, err, wechat.ClassRestart); e.RID != "" || e.Message != "invalid code" {
		t.Errorf("got %v", e)
	}
}

// Whatever WeChat writes and wherever it repeats what we sent.
func TestNoMessageShowsWhatWasSent(t *testing.T) {
	t.Parallel()
	var body string
	c := newClient(t, wechat.Config{HTTP: plays(&body)})
	rapid.Check(t, func(rt *rapid.T) {
		parts := rapid.SliceOf(rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{secret, code, " rid: ", "hint: [", "\u200b", "%"}))).Draw(rt, "parts")
		body = refusal(40029, strings.Join(parts, ""))
		_, err := exchange(c)
		e := want(t, err, wechat.ClassRestart)
		if len(e.Message) > 200 || !utf8.ValidString(e.Message) || strings.ContainsFunc(e.Message, unicode.IsControl) {
			rt.Fatalf("message %q", e.Message)
		}
		if t.Failed() {
			rt.FailNow()
		}
	})
}

func TestTheHintNamesTheAddressToPermit(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, errmsg, want string }{
		{"both forms", "invalid ip 203.0.113.7 ipv6 ::ffff:203.0.113.7, not in whitelist rid: 6949fe38-0627ff0d-47df91c7", "203.0.113.7"},
		{"the mapped form alone", "invalid ip ::ffff:203.0.113.7, not in whitelist", "203.0.113.7"},
		{"a comma", "invalid ip 203.0.113.7, not in whitelist", "203.0.113.7"},
		{"IPv6", "invalid ip 2001:db8::7, not in whitelist", "2001:db8::7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := exchange(newClient(t, wechat.Config{Hosts: []string{serve(t, says(refusal(40164, tc.errmsg))).URL}}))
			if e := want(t, err, wechat.ClassConfig); !strings.HasPrefix(e.Hint, "add "+tc.want+" to ") {
				t.Errorf("hint %q", e.Hint)
			}
		})
	}
	t.Run("without an address the hint is general", func(t *testing.T) {
		t.Parallel()
		_, err := exchange(newClient(t, wechat.Config{Hosts: []string{serve(t, says(refusal(40164, "not in whitelist 1.2.3"))).URL}}))
		if e := want(t, err, wechat.ClassConfig); !strings.Contains(e.Hint, "IP whitelist") || strings.Contains(e.Hint, "1.2.3") {
			t.Errorf("hint %q", e.Hint)
		}
	})
}

// refusal is WeChat's answer with a code.
func refusal(code int, errmsg string) string {
	j, err := json.Marshal(map[string]any{"errcode": code, "errmsg": errmsg})
	if err != nil {
		panic(err)
	}
	return string(j)
}
