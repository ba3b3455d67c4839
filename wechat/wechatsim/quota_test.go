package wechatsim

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"
)

// quotaDay is a morning in China.
func quotaDay(o *Options) {
	began := time.Date(2026, 3, 1, 9, 0, 30, 0, time.FixedZone("", 8*3600))
	o.Now = func() time.Time { return began }
}

func TestQuotaOfADay(t *testing.T) {
	t.Parallel()
	s := start(t, quotaDay)
	if err := s.SetLimits(appA, fanPath, Limits{Daily: 2}); err != nil {
		t.Fatal(err)
	}
	token := tokenOf(t, s, appA)
	call := func() string {
		a := ask(t, s, fanPath, "access_token", token, "openid", s.OpenID("ming", appA))
		return fmt.Sprint(a["errcode"])
	}
	if got := call() + call() + call(); got != "<nil><nil>45009" {
		t.Fatalf("got %s", got)
	}
	if s.Used(appA, fanPath) != 2 || usable(t, s, token) != "" {
		t.Error("a refused call counted, or another call is refused, too")
	}
	other := tokenOf(t, s, appB)
	if a := ask(t, s, fanPath, "access_token", other, "openid", s.OpenID("ming", appB)); a["errcode"] != nil {
		t.Errorf("another account: %v", a)
	}
	s.Advance(15*time.Hour - 31*time.Second)
	token = tokenOf(t, s, appA)
	if got := call(); got != "45009" {
		t.Errorf("a second before midnight in China: %s", got)
	}
	s.Advance(time.Second)
	if got := call(); got != "<nil>" {
		t.Errorf("at midnight: %s", got)
	}
}

func TestQuotaOfAMinute(t *testing.T) {
	t.Parallel()
	s := start(t, quotaDay)
	if err := s.SetLimits(appA, stableTokenPath, Limits{Minute: 1}); err != nil {
		t.Fatal(err)
	}
	tokenOf(t, s, appA)
	errcode(t, stableToken(t, s, appA, false), "45011")
	s.Advance(29 * time.Second)
	errcode(t, stableToken(t, s, appA, false), "45011")
	s.Advance(time.Second)
	tokenOf(t, s, appA)
}

func TestQuotaByKindOfAccount(t *testing.T) {
	t.Parallel()
	s := start(t)
	for appid, want := range map[string]string{appA: "200", appStrict: "2000"} {
		q := tell(t, s, quotaPath, tokenOf(t, s, appid), `{"cgi_path":"/cgi-bin/token"}`)
		quota, _ := q["quota"].(map[string]any)
		if fmt.Sprint(quota["daily_limit"]) != want || fmt.Sprint(quota["used"]) != "0" || fmt.Sprint(quota["remain"]) != want {
			t.Errorf("%s: %v", appid, q)
		}
	}
	if err := s.SetLimits(appA, "/cgi-bin/nothing", Limits{}); err == nil {
		t.Error("a path that isn't there has a limit")
	}
	if err := s.SetLimits(appA, fanPath, Limits{Daily: -1}); err == nil {
		t.Error("a limit is negative")
	}
}

func TestQuotaIsTold(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := tokenOf(t, s, appA)
	q := tell(t, s, quotaPath, token, `{"cgi_path":"/cgi-bin/stable_token"}`)
	rate, _ := q["rate_limit"].(map[string]any)
	quota, _ := q["quota"].(map[string]any)
	if fmt.Sprint(rate["call_count"]) != "10000" || fmt.Sprint(rate["refresh_second"]) != "60" || fmt.Sprint(quota["used"]) != "1" || q["errcode"] != json.Number("0") {
		t.Errorf("answer %v", q)
	}
	errcode(t, tell(t, s, quotaPath, token, `{"cgi_path":"cgi-bin/token"}`), "76021")
	errcode(t, tell(t, s, quotaPath, token, `{"cgi_path":"/sns/userinfo"}`), "76021")
	errcode(t, tell(t, s, quotaPath, tokenOf(t, s, appMini), `{"cgi_path":"/cgi-bin/user/info"}`), "76022")
}

func TestClearQuota(t *testing.T) {
	t.Parallel()
	s := start(t, quotaDay)
	token := tokenOf(t, s, appA)
	errcode(t, tell(t, s, clearQuotaPath, token, `{"appid":"`+appB+`"}`), "40013")
	errcode(t, tell(t, s, clearQuotaV2Path, "", `{"appid":"`+appA+`","appsecret":"x"}`), "40125")
	errcode(t, tell(t, s, clearQuotaPath, token, `{"appid":"`+appA+`"}`), "0")
	if s.Used(appA, stableTokenPath) != 0 {
		t.Error("it cleared nothing")
	}
	usable(t, s, token)
	legacyToken(t, s, appA)
	errcode(t, tell(t, s, clearAPIQuotaPath, token, `{"cgi_path":"/cgi-bin/token"}`), "0")
	if s.Used(appA, tokenPath) != 0 || s.Used(appA, callbackIPPath) != 1 {
		t.Error("clearing one path cleared another, or not that one")
	}
	for range clearsAMonth - 2 {
		errcode(t, tell(t, s, clearQuotaV2Path, "", `{"appid":"`+appA+`","appsecret":"`+secret+`"}`), "0")
	}
	errcode(t, tell(t, s, clearQuotaPath, token, `{"appid":"`+appA+`"}`), "48006")
	errcode(t, tell(t, s, clearQuotaV2Path, "", `{"appid":"`+appB+`","appsecret":"`+secret+`"}`), "0")
	s.Advance(31 * 24 * time.Hour)
	errcode(t, tell(t, s, clearQuotaPath, tokenOf(t, s, appA), `{"appid":"`+appA+`"}`), "0")
}
