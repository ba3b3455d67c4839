package wechatsim

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"
)

func control(t *testing.T, s *Server, method, path, body string, into any) int {
	t.Helper()
	req, err := http.NewRequest(method, s.ControlURL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	p := send(t, req)
	if into != nil {
		if err := json.Unmarshal([]byte(p.body), into); err != nil {
			t.Fatalf("%s %s: %d %q: %v", method, path, p.status, p.body, err)
		}
	}
	return p.status
}

func TestControl(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, c := range []struct {
		name, method, path, body string
		status                   int
		then                     func() bool
	}{
		{"arm", "POST", "/faults", `{"name":"busy","left":3,"appid":"` + appA + `","path":"/sns/userinfo","chance":0.5}`, 200, func() bool {
			a := s.Armed()
			return len(a) == 1 && a[0].Left == 3 && a[0].AppID == appA && a[0].Path == userInfoPath && a[0].Chance == 0.5
		}},
		{"arm with a delay", "POST", "/faults", `{"name":"slow","delay_seconds":0.5}`, 200, func() bool {
			a := s.Armed()
			return len(a) == 2 && a[1].Delay == 500*time.Millisecond && a[1].Left == 1 && a[1].Chance == 1
		}},
		{"arm for ever", "POST", "/faults", `{"name":"http_500","left":-1}`, 200, func() bool { a := s.Armed(); return a[2].Left == -1 && a[2].Delay < 0 }},
		{"arm nonsense", "POST", "/faults", `{"name":"busily"}`, 400, nil},
		{"misspell a field", "POST", "/faults", `{"name":"busy","app_id":"x"}`, 400, func() bool { return len(s.Armed()) == 3 }},
		{"disarm one", "DELETE", "/faults?name=busy", "", 204, func() bool { return len(s.Armed()) == 2 }},
		{"disarm all", "DELETE", "/faults", "", 204, func() bool { return len(s.Armed()) == 0 }},
		{"add a person", "POST", "/people", `{"name":"new","nickname":"新人","follows":["` + appA + `"]}`, 204, func() bool { p, ok := s.person("new"); return ok && p.follows(appA) }},
		{"replace a person", "POST", "/people", `{"name":"new"}`, 204, func() bool { p, _ := s.person("new"); return p.Nickname == "" }},
		{"add nonsense", "POST", "/people", `{"name":"New One"}`, 400, nil},
		{"follow", "POST", "/follow", `{"person":"li","appid":"` + appB + `","follow":true}`, 204, func() bool { p, _ := s.person("li"); return p.follows(appB) }},
		{"nobody follows", "POST", "/follow", `{"person":"nobody","appid":"` + appB + `","follow":true}`, 404, nil},
		{"follow what isn't there", "POST", "/follow", `{"person":"li","appid":"wx1","follow":true}`, 404, nil},
		{"set", "PATCH", "/settings", `{"consent":"refuse"}`, 200, func() bool { return s.Settings().Consent == ConsentRefuse }},
		{"set another", "PATCH", "/settings", `{"any_browser":true}`, 200, func() bool { return s.Settings().AnyBrowser && s.Settings().Consent == ConsentRefuse }},
		{"set nonsense", "PATCH", "/settings", `{"consent":"perhaps"}`, 400, func() bool { return s.Settings().Consent == ConsentRefuse }},
		{"set no JSON", "PATCH", "/settings", `consent`, 400, nil},
		{"move the clock", "POST", "/clock", `{"seconds":7200}`, 204, func() bool { return time.Until(s.Now()) > time.Hour }},
		{"move the clock back", "POST", "/clock", `{"seconds":-1}`, 400, nil},
		{"ids of nobody", "GET", "/ids?person=nobody&appid=" + appA, "", 404, nil},
		{"ids nowhere", "GET", "/ids?person=li&appid=wx1", "", 404, nil},
		{"a path nobody knows", "GET", "/nothing", "", 404, nil},
	} {
		if got := control(t, s, c.method, c.path, c.body, nil); got != c.status {
			t.Errorf("%s: status %d, want %d", c.name, got, c.status)
		}
		if c.then != nil && !c.then() {
			t.Errorf("%s: it had not the effect", c.name)
		}
	}
	var ids map[string]string
	control(t, s, "GET", "/ids?person=li&appid="+appA, "", &ids)
	if ids["openid"] != s.OpenID("li", appA) || ids["unionid"] != s.UnionID("li", appA) {
		t.Errorf("ids %v", ids)
	}
	req := request(t, "POST", s.ControlURL+"/clock", nil)
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	if p := send(t, req); p.status != http.StatusForbidden {
		t.Errorf("a page of another site: %d", p.status)
	}
}

func TestControlListsAreNeverNull(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.Accounts, o.People = []Account{}, []Person{} })
	for _, path := range []string{"/accounts", "/people", "/requests", "/sent"} {
		if p := send(t, request(t, "GET", s.ControlURL+path, nil)); strings.TrimSpace(p.body) != "[]" {
			t.Errorf("%s: %s", path, p.body)
		}
	}
	if p := send(t, request(t, "GET", s.ControlURL+"/faults", nil)); !strings.Contains(p.body, `"armed":[]`) {
		t.Errorf("/faults: %s", p.body)
	}
}

func TestControlShowsRequests(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := codeOf(t, s, "ming", appA, scopeBase)
	exchange(t, s, appA, code)
	var list []map[string]any
	control(t, s, "GET", "/requests", "", &list)
	if len(list) != 2 || list[1]["path"] != exchangePath || list[1]["person"] != "ming" || list[1]["status"] != float64(200) {
		t.Fatalf("requests %v", list)
	}
	shown, _ := json.Marshal(list)
	for _, hidden := range []string{code, secret, s.OpenID("ming", appA), "St4te"} {
		if strings.Contains(string(shown), hidden) {
			t.Errorf("it shows %q: %s", hidden, shown)
		}
	}
	control(t, s, "GET", "/requests?raw", "", &list)
	raw, _ := json.Marshal(list)
	if !strings.Contains(string(raw), code) {
		t.Errorf("raw hides the code: %s", raw)
	}
	if control(t, s, "DELETE", "/requests", "", nil) != http.StatusNoContent || len(s.Requests()) != 0 {
		t.Error("the history isn't empty")
	}
}
