package wechat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// The whole table of wechat-api.md §15, by what it says about trying again.
func TestTheTableOfCodesIsWhole(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		classes []wechat.Class
		codes   []int
	}{
		{"later", []wechat.Class{wechat.ClassRetry}, []int{-1, 45009, 45011, 61005, 61006, 89501, 89503}},
		{"later, once the administrator has thought better of it", []wechat.Class{wechat.ClassConfig}, []int{89506, 89507}},
		{"with another token", []wechat.Class{wechat.ClassRefresh}, []int{40001, 40014, 40094, 42001, 42006}},
		{"with another code", []wechat.Class{wechat.ClassRestart}, []int{40029, 40030, 40163, 42002, 42003, 42007}},
		{"not for this person", []wechat.Class{wechat.ClassUser}, []int{
			40226, 43004, 43005, 43019, 43101, 45015, 45047, 46004, 48002, 50001, 50002, 50005,
		}},
		{"not at all", []wechat.Class{wechat.ClassConfig, wechat.ClassFault}, []int{
			40002, 40003, 40013, 40031, 40032, 40033, 40035, 40036, 40037, 40038, 40039, 40048, 40053, 40066, 40097, 40125, 40132, 40164,
			40165, 40166, 40170, 40243, 41001, 41002, 41003, 41004, 41008, 41009, 41018, 41021, 41030, 43001, 43002, 43003, 43102, 44002,
			44004, 45002, 45026, 45029, 45035, 46003, 47001, 47003, 48001, 48004, 48006, 48008, 48017, 49003, 61003, 61004, 61007, 61009,
			61010, 61011, 61014, 61015, 61023, 61024, 61451, 76003, 76021, 76022, 89000, 89001, 89002, 89003, 89004, 9001001,
		}},
	} {
		for _, code := range tc.codes {
			t.Run(fmt.Sprintf("%d works %s", code, tc.name), func(t *testing.T) {
				t.Parallel()
				body := refusal(code, "some words")
				c := newClient(t, wechat.Config{HTTP: plays(&body)})
				_, err := c.Fan(t.Context(), bearer, openid)
				e := check(t, err)
				if e == nil || e.Code != code || !slices.Contains(tc.classes, e.Class) {
					t.Fatalf("got %v, class %s", e, e.Class)
				}
				if strings.Contains(e.Hint, "look the code up") != (code == 9001001) {
					t.Errorf("the code is not in the table: %q", e.Hint)
				}
				if e.Hint == "" && (e.Class == wechat.ClassConfig || e.Class == wechat.ClassFault || e.Class == wechat.ClassUser) {
					t.Error("nobody is told what to do")
				}
			})
		}
	}
}

// A call with the secret has no token that 40001 could be about.
func TestACallWithTheSecretHasNoDeadToken(t *testing.T) {
	t.Parallel()
	for _, e := range endpoints {
		r := readWire(t, e.file)
		class := wechat.ClassRefresh
		if strings.Contains(r.target+r.body, "{secret}") {
			class = wechat.ClassConfig
		}
		host := serve(t, says(refusal(40001, "invalid credential")))
		_, err := e.against(t, host.URL)
		if x := want(t, err, class); class == wechat.ClassConfig && !strings.Contains(x.Hint, "secret") {
			t.Errorf("%s: %q", e.file, x.Hint)
		}
	}
}

func TestARefusalForAnAddressNamesIt(t *testing.T) {
	t.Parallel()
	const words = "invalid ip 120.208.99.249 ipv6 ::ffff:120.208.99.249, not in whitelist rid: 6aa2f516-18f315ad-4be915b8"
	for code, want := range map[int]string{40164: "120.208.99.249", 45035: "120.208.99.249", 61004: "120.208.99.249", 89503: "120.208.99.249", 40013: "invalid IP"} {
		body := refusal(code, words)
		c := newClient(t, wechat.Config{HTTP: plays(&body)})
		_, err := c.AccessToken(t.Context(), appID, secret)
		if e := check(t, err); e.IP().String() != want {
			t.Errorf("%d: %v, want %s", code, e.IP(), want)
		}
	}
	if ip := (&wechat.Error{Code: 40164, Message: "not in whitelist"}).IP(); ip.IsValid() {
		t.Errorf("without an address: %v", ip)
	}
}
