package wechatsim

import (
	"errors"
	"strings"
	"testing"
)

func TestChangeAccount(t *testing.T) {
	t.Parallel()
	s := start(t)
	for name, f := range map[string]func(*Account){
		"no secret":              func(a *Account) { a.Secret = "" },
		"a whitelist of a name":  func(a *Account) { a.Whitelist = []string{"example.com"} },
		"a domain with a scheme": func(a *Account) { a.Domains = []string{"http://x"} },
	} {
		if s.ChangeAccount(appA, f) == nil {
			t.Errorf("%s is taken", name)
		}
	}
	if err := s.ChangeAccount("wx1", func(*Account) {}); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown account: %v", err)
	}
	mine := []string{"192.0.2.1"}
	err := s.ChangeAccount(appA, func(a *Account) { a.AppID, a.Kind, a.Name, a.Whitelist = appB, KindMini, "new", mine })
	if err != nil {
		t.Fatal(err)
	}
	mine[0] = "127.0.0.1"
	a, _ := s.account(appA)
	if a.AppID != appA || a.Kind != KindService || a.Name != "new" || a.admits("127.0.0.1") {
		t.Errorf("changed to %+v", a)
	}
}

func TestUnverifiedServiceAccountHasNoWebLogin(t *testing.T) {
	t.Parallel()
	s := start(t)
	if err := s.ChangeAccount(appStrict, func(a *Account) { a.Unverified = true }); err != nil {
		t.Fatal(err)
	}
	address := s.URL + authorizePath + "?appid=" + appStrict + "&redirect_uri=https%3A%2F%2Fwww.example.com%2F&response_type=code&scope=snsapi_base&state=a"
	if p := open(t, s, "ming", address); !strings.Contains(p.body, "10005") {
		t.Errorf("%d %s", p.status, p.body)
	}
}

func TestControlOfAccounts(t *testing.T) {
	t.Parallel()
	s := start(t)
	post := func(path, body string) (answer map[string]any, status int) {
		status = control(t, s, "POST", path, body, &answer)
		return answer, status
	}
	if got := control(t, s, "PATCH", "/accounts/"+appA, `{"frozen":true}`, nil); got != 200 {
		t.Errorf("freezing: %d", got)
	}
	if a, _ := s.account(appA); !a.Frozen || a.Secret != secret {
		t.Errorf("changed to %+v", a)
	}
	for path, body := range map[string]string{"/accounts/wx1": `{}`, "/accounts/" + appA: `{"frosen":true}`} {
		if got := control(t, s, "PATCH", path, body, nil); got != 404 && got != 400 {
			t.Errorf("%s %s: %d", path, body, got)
		}
	}
	tokenOf(t, s, appB)
	var tokens []Token
	if control(t, s, "GET", "/tokens?appid="+appB, "", &tokens); len(tokens) != 1 || !tokens[0].Stable || tokens[0].Word == "" {
		t.Errorf("tokens %v", tokens)
	}
	if control(t, s, "DELETE", "/tokens?appid="+appB, "", nil); s.Tokens(appB)[0].Valid(s.Now()) {
		t.Error("the token lives")
	}
	var tickets []Ticket
	if control(t, s, "GET", "/tickets?appid="+appB, "", &tickets); tickets == nil {
		t.Error("no tickets are null")
	}
	control(t, s, "POST", "/limits", `{"appid":"`+appB+`","path":"/cgi-bin/token","daily":1}`, nil)
	legacyToken(t, s, appB)
	errcode(t, legacyToken(t, s, appB), "45009")
	if a, _ := post("/mini/login", `{"person":"ming","appid":"`+appMini+`"}`); code2Session(t, s, appMini, a["code"].(string))["openid"] == nil {
		t.Errorf("a code that is none: %v", a)
	}
	if a, _ := post("/mini/data", `{"person":"ming","appid":"`+appMini+`"}`); a["encrypted_data"] == "" || a["iv"] == nil {
		t.Errorf("no data: %v", a)
	}
	if a, _ := post("/app/login", `{"person":"ming","appid":"`+appApp+`"}`); exchange(t, s, appApp, a["code"].(string))["unionid"] == nil {
		t.Errorf("a code that is none: %v", a)
	}
	if _, status := post("/app/login", `{"person":"nobody","appid":"`+appApp+`"}`); status != 404 {
		t.Errorf("a login of nobody: %d", status)
	}
	desktop(t, s, "", webLoginURL(s, siteBack, "s"))
	var waiting []WebLogin
	control(t, s, "GET", "/weblogins", "", &waiting)
	if got := control(t, s, "POST", "/weblogins", `{"ticket":"`+waiting[0].Ticket+`","person":"ming","allow":true}`, nil); got != 204 {
		t.Errorf("confirming: %d", got)
	}
	if got := control(t, s, "POST", "/migrate", `{"from":"`+appLone+`","to":"`+appB+`"}`, nil); got != 204 {
		t.Errorf("migrating: %d", got)
	}
	if a, _ := s.account(appLone); !a.Frozen {
		t.Error("the migration changed nothing")
	}
}

func TestControlOfPhoneNumbers(t *testing.T) {
	t.Parallel()
	s := start(t)
	var a map[string]any
	if control(t, s, "POST", "/mini/phone", `{"person":"ming","appid":"`+appMini+`"}`, &a); a["code"] == nil {
		t.Errorf("no code: %v", a)
	}
}
