package wechatsim

import (
	"encoding/json"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

func itoa(n int) string { return strconv.Itoa(n) }

func TestExchangeRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	fresh := func() string { return codeOf(t, s, "ming", appA, scopeBase) }
	used := fresh()
	exchange(t, s, appA, used)
	for _, c := range []struct{ name, appid, secret, code, grant, want string }{
		{"no appid comes first", "", "", "", "", "41002"},
		{"then no secret", "wxbad", "", "", "", "41004"},
		{"then no code", "wxbad", "bad", "", "", "41008"},
		{"then the grant_type", "wxbad", "bad", "bad", "code", "40002"},
		{"then the appid", "wxbad", "bad", "bad", "authorization_code", "40013"},
		{"then the secret", appA, "bad", "bad", "authorization_code", "40125"},
		{"then an unknown code", appA, secret, "bad", "authorization_code", "40029"},
		{"a used code", appA, secret, used, "authorization_code", "40163"},
		{"another account's code", appB, secret, fresh(), "authorization_code", "40029"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := ask(t, s, exchangePath, "appid", c.appid, "secret", c.secret, "code", c.code, "grant_type", c.grant)
			errcode(t, a, c.want)
			if !regexp.MustCompile(`^[a-zA-Z_, ]+rid: [0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`).MatchString(a["errmsg"].(string)) {
				t.Errorf("errmsg %q", a["errmsg"])
			}
		})
	}
}

func TestRefusedExchangeLeavesTheCode(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := codeOf(t, s, "ming", appA, scopeBase)
	errcode(t, ask(t, s, exchangePath, "appid", appA, "secret", "bad", "code", code, "grant_type", "authorization_code"), "40125")
	errcode(t, exchange(t, s, appB, code), "40029")
	if a := exchange(t, s, appA, code); a["openid"] != s.OpenID("ming", appA) {
		t.Errorf("answer %v", a)
	}
}

func TestCodeLivesFiveMinutes(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { at := time.Now(); o.Now = func() time.Time { return at } })
	young, old, used := codeOf(t, s, "ming", appA, scopeBase), codeOf(t, s, "ming", appA, scopeBase), codeOf(t, s, "ming", appA, scopeBase)
	exchange(t, s, appA, used)
	s.Advance(5*time.Minute - time.Millisecond)
	if a := exchange(t, s, appA, young); a["access_token"] == nil {
		t.Errorf("a young code: %v", a)
	}
	s.Advance(time.Millisecond)
	errcode(t, exchange(t, s, appA, old), "42003")
	errcode(t, exchange(t, s, appA, used), "40163") // used goes before expired
	if err := s.Change(func(set *Settings) { set.ExpiredAs = 40029 }); err != nil {
		t.Fatal(err)
	}
	errcode(t, exchange(t, s, appA, old), "40029")
}

func TestUnionID(t *testing.T) {
	t.Parallel()
	s := start(t)
	base := func(person, appid string) any {
		return exchange(t, s, appid, codeOf(t, s, person, appid, scopeBase))["unionid"]
	}
	if got := base("ming", appA); got != nil {
		t.Errorf("a first silent login tells %v", got)
	}
	a := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeUserInfo))
	if a["unionid"] != s.UnionID("ming", appA) || a["scope"] != scopeUserInfo {
		t.Errorf("after consent: %v", a)
	}
	if got := base("ming", appA); got != s.UnionID("ming", appA) {
		t.Errorf("a silent login after consent tells %v", got)
	}
	if got := base("ming", appB); got != nil {
		t.Errorf("consent to A tells B %v", got)
	}
	if got := base("li", appA); got != nil {
		t.Errorf("ming's consent tells li's %v", got)
	}
	if a := exchange(t, s, appLone, codeOf(t, s, "ming", appLone, scopeUserInfo)); a["unionid"] != nil {
		t.Errorf("an account without a subject tells %v", a)
	}
	if err := s.Change(func(set *Settings) { set.QuietUnionID = true }); err != nil {
		t.Fatal(err)
	}
	if got := base("ming", appA); got != nil {
		t.Errorf("QuietUnionID tells %v", got)
	}
}

func TestUserInfo(t *testing.T) {
	t.Parallel()
	s := start(t)
	token := exchange(t, s, appA, codeOf(t, s, "zhao", appA, scopeUserInfo))
	a := userInfo(t, s, token)
	want := map[string]any{
		"openid": s.OpenID("zhao", appA), "unionid": s.UnionID("zhao", appA), "nickname": "赵<b>老板</b>",
		"sex": json.Number("0"), "province": "", "city": "", "country": "",
	}
	for name, value := range want {
		if a[name] != value {
			t.Errorf("%s is %v, want %v", name, a[name], value)
		}
	}
	if !strings.HasPrefix(a["headimgurl"].(string), s.URL) || !strings.HasSuffix(a["headimgurl"].(string), "/132") {
		t.Errorf("headimgurl %v", a["headimgurl"])
	}
	if p := send(t, request(t, "GET", a["headimgurl"].(string), nil)); p.header.Get("Content-Type") != "image/svg+xml" {
		t.Errorf("the picture is %d %v", p.status, p.header)
	}
	if b, ok := a["privilege"].([]any); !ok || len(b) != 0 {
		t.Errorf("privilege %v", a["privilege"])
	}
	raw := s.Requests()[len(s.Requests())-1].Body
	if strings.Contains(raw, `\u003c`) || !strings.Contains(raw, "赵<b>") {
		t.Errorf("WeChat doesn't escape like this: %s", raw)
	}
}

func TestTokenRefusals(t *testing.T) {
	t.Parallel()
	s := start(t)
	base := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeBase))
	full := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeUserInfo))
	token, openid := full["access_token"].(string), full["openid"].(string)
	errcode(t, userInfo(t, s, base), "48001")
	for _, path := range []string{userInfoPath, authPath} {
		errcode(t, ask(t, s, path, "openid", openid), "41001")
		errcode(t, ask(t, s, path, "access_token", token), "41009")
		errcode(t, ask(t, s, path, "access_token", "bad", "openid", openid), "40001")
		errcode(t, ask(t, s, path, "access_token", token, "openid", s.OpenID("li", appA)), "40003")
	}
	errcode(t, ask(t, s, authPath, "access_token", token, "openid", openid), "0")
	s.Advance(2 * time.Hour)
	errcode(t, userInfo(t, s, full), "42001")
	errcode(t, ask(t, s, authPath, "access_token", token, "openid", openid), "42001")
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := start(t)
	first := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeUserInfo))
	refresh := func(appid, word, grant string) map[string]any {
		t.Helper()
		return ask(t, s, refreshPath, "appid", appid, "grant_type", grant, "refresh_token", word)
	}
	word := first["refresh_token"].(string)
	errcode(t, refresh("", word, "refresh_token"), "41002")
	errcode(t, refresh(appA, "", "refresh_token"), "41003")
	errcode(t, refresh(appA, word, "password"), "40002")
	errcode(t, refresh("wxbad", word, "refresh_token"), "40013")
	errcode(t, refresh(appB, word, "refresh_token"), "40030")
	errcode(t, refresh(appA, "bad", "refresh_token"), "40030")

	s.Advance(time.Hour)
	if a := refresh(appA, word, "refresh_token"); a["access_token"] != first["access_token"] || a["unionid"] != nil {
		t.Errorf("a living token is %v, want the same", a)
	}
	s.Advance(90 * time.Minute) // prolonged
	errcode(t, ask(t, s, authPath, "access_token", first["access_token"].(string), "openid", first["openid"].(string)), "0")
	s.Advance(time.Hour)
	again := refresh(appA, word, "refresh_token")
	if again["access_token"] == first["access_token"] || again["openid"] != first["openid"] {
		t.Errorf("a dead token is answered by %v", again)
	}
	errcode(t, userInfo(t, s, first), "42001")
	if a := userInfo(t, s, again); a["nickname"] != "小明" {
		t.Errorf("the new token: %v", a)
	}
	s.Advance(30 * 24 * time.Hour)
	errcode(t, refresh(appA, word, "refresh_token"), "42002")
}

func TestUnknownAPIsAreRefusedAndRecorded(t *testing.T) {
	t.Parallel()
	s := start(t)
	errcode(t, ask(t, s, "/cgi-bin/menu/tryx", "appid", appA), "40066")
	errcode(t, ask(t, s, "/sns/../sns//userinfo"), "40066")
	if p := send(t, request(t, "POST", s.URL+exchangePath, url.Values{})); !strings.Contains(p.body, "43001") {
		t.Errorf("POST: %s", p.body)
	}
	if s.Calls("/cgi-bin/menu/tryx") != 1 {
		t.Errorf("requests %v", s.Requests())
	}
}

func TestAnswersDiffer(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.Seed = 7 })
	orders, lengths, extras := map[string]bool{}, map[int]bool{}, 0
	for range 30 {
		a := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeBase))
		lengths[len(a["access_token"].(string))] = true
		body := s.Requests()[len(s.Requests())-1].Body
		orders[strings.Join(regexp.MustCompile(`"(openid|scope|expires_in|access_token|refresh_token)":`).FindAllString(body, -1), "")] = true
		if strings.Contains(body, `"wechatsim_`) {
			extras++
		}
	}
	if len(orders) < 10 || len(lengths) < 10 || extras == 0 || extras == 30 {
		t.Errorf("%d orders, %d lengths, %d answers with unknown fields: a client could grow used to that", len(orders), len(lengths), extras)
	}
}

func TestForgetsWhatIsLongDead(t *testing.T) {
	t.Parallel()
	var o Options
	cast(&o)
	s := New(o)
	t.Cleanup(s.Close)
	a, _ := s.account(appA)
	for range 3000 {
		s.mint(login{account: a, person: "ming", scope: scopeBase})
		s.issue(login{account: a, person: "ming"})
		s.Advance(time.Hour)
	}
	if n := len(s.codes) + len(s.access); n > 4000 {
		t.Errorf("%d codes and tokens are kept", n)
	}
}
