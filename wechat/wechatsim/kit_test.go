package wechatsim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// The accounts of the tests: of one subject, of none, without the right, and two
// whose domains are strict.
const (
	appA      = "wx00000000000000aa"
	appB      = "wx00000000000000bb"
	appLone   = "wx00000000000000cc"
	appSub    = "wx00000000000000dd"
	appStrict = "wx00000000000000ee"
	appBanned = "wx00000000000000ff"
	appMini   = "wx0000000000000a11"
	appOther  = "wx0000000000000a22" // another mini program
	appApp    = "wx0000000000000a33"
	appWeb    = "wx0000000000000a44"
	secret    = "5ec4e7"
	back      = "http://127.0.0.1:1/cb"
)

func cast(o *Options) {
	account := func(id, kind, subject string) Account {
		return Account{AppID: id, Secret: secret, Name: id, Kind: kind, Subject: subject, Domains: []string{"127.0.0.1"}, Sandbox: true}
	}
	strict := account(appStrict, "", "acme")
	strict.Sandbox, strict.Domains = false, []string{"www.example.com", "m.example.com"}
	banned := account(appBanned, "", "")
	banned.Banned = true
	o.Accounts = []Account{
		account(appA, KindService, "acme"), account(appB, KindService, "acme"), account(appLone, KindService, ""),
		account(appSub, KindSubscription, "acme"), strict, banned,
		account(appMini, KindMini, "acme"), account(appOther, KindMini, ""), account(appApp, KindApp, "acme"), account(appWeb, KindWeb, "acme"),
	}
}

func start(t testing.TB, opts ...func(*Options)) *Server {
	t.Helper()
	return StartT(t, append([]func(*Options){cast}, opts...)...)
}

// client follows no redirect and keeps no connection that could be repeated on.
func client(t testing.TB) *http.Client {
	t.Helper()
	transport := &http.Transport{DisableKeepAlives: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

type page struct {
	status int
	header http.Header
	body   string
}

func send(t testing.TB, req *http.Request) page {
	t.Helper()
	res, err := client(t).Do(req)
	if err != nil {
		t.Fatalf("%s %s: %v", req.Method, req.URL.Path, err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return page{res.StatusCode, res.Header, string(b)}
}

func request(t testing.TB, method, address string, form url.Values) *http.Request {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	req, err := http.NewRequest(method, address, body)
	if err != nil {
		t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return req
}

// open opens an address on a person's phone, in WeChat.
func open(t testing.TB, s *Server, person, address string) page {
	t.Helper()
	req := request(t, "GET", address, nil)
	req.Header.Set("User-Agent", agents[0])
	if person != "" {
		req.AddCookie(s.PersonCookie(person))
	}
	return send(t, req)
}

func loginURL(s *Server, appid, scope string) string {
	return s.URL + "/connect/oauth2/authorize?" + loginQuery(appid, scope)
}

func loginQuery(appid, scope string) string {
	return "appid=" + appid + "&redirect_uri=" + url.QueryEscape(back) + "&response_type=code&scope=" + scope + "&state=St4te&connect_redirect=1"
}

// codeOf logs a person in and takes the code from the redirect.
func codeOf(t testing.TB, s *Server, person, appid, scope string) string {
	t.Helper()
	if scope == scopeUserInfo {
		s.Answer(ConsentAllow)
	}
	return codeIn(t, open(t, s, person, loginURL(s, appid, scope)))
}

func codeIn(t testing.TB, p page) string {
	t.Helper()
	u, err := url.Parse(p.header.Get("Location"))
	if err != nil || p.status != http.StatusFound || u.Query().Get("code") == "" {
		t.Fatalf("no redirect with a code: %d, Location %q, %s", p.status, p.header.Get("Location"), p.body)
	}
	return u.Query().Get("code")
}

// call asks the API and decodes the answer, numbers as they are written.
func ask(t testing.TB, s *Server, path string, pairs ...string) map[string]any {
	t.Helper()
	q := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		q.Set(pairs[i], pairs[i+1])
	}
	p := send(t, request(t, "GET", s.URL+path+"?"+q.Encode(), nil))
	return answerOf(t, path, p)
}

// answerOf decodes an answer, and wants WeChat's status and type.
func answerOf(t testing.TB, path string, p page) map[string]any {
	t.Helper()
	kind := "text/plain"
	if !strings.HasPrefix(path, "/sns/") {
		kind = "application/json; encoding=utf-8"
	}
	if p.status != http.StatusOK || p.header.Get("Content-Type") != kind {
		t.Fatalf("%s: status %d, type %q", path, p.status, p.header.Get("Content-Type"))
	}
	return decode(t, p.body)
}

// tell posts a body to the API and decodes the answer.
func tell(t testing.TB, s *Server, path, token, body string) map[string]any {
	t.Helper()
	address := s.URL + path
	if token != "" {
		address += "?access_token=" + url.QueryEscape(token)
	}
	req, err := http.NewRequest(http.MethodPost, address, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	return answerOf(t, path, send(t, req))
}

// stableToken asks for the stable token of an account.
func stableToken(t testing.TB, s *Server, appid string, force bool) map[string]any {
	t.Helper()
	return tell(t, s, stableTokenPath, "", fmt.Sprintf(`{"grant_type":"client_credential","appid":%q,"secret":%q,"force_refresh":%t}`, appid, secret, force))
}

// tokenOf is the stable token of an account.
func tokenOf(t testing.TB, s *Server, appid string) string {
	t.Helper()
	a := stableToken(t, s, appid, false)
	token, ok := a["access_token"].(string)
	if !ok {
		t.Fatalf("no token: %v", a)
	}
	return token
}

func decode(t testing.TB, body string) map[string]any {
	t.Helper()
	var a map[string]any
	d := json.NewDecoder(strings.NewReader(body))
	d.UseNumber()
	if err := d.Decode(&a); err != nil {
		t.Fatalf("decoding %q: %v", body, err)
	}
	return a
}

func exchange(t testing.TB, s *Server, appid, code string) map[string]any {
	t.Helper()
	return ask(t, s, exchangePath, "appid", appid, "secret", secret, "code", code, "grant_type", "authorization_code")
}

func userInfo(t testing.TB, s *Server, token map[string]any) map[string]any {
	t.Helper()
	return ask(t, s, userInfoPath, "access_token", token["access_token"].(string), "openid", token["openid"].(string), "lang", "zh_CN")
}

func errcode(t testing.TB, a map[string]any, want string) {
	t.Helper()
	got, _ := a["errcode"].(json.Number)
	if string(got) != want {
		t.Fatalf("errcode %v, want %s: %v", a["errcode"], want, a)
	}
}

// settle waits for what the simulator does by itself.
func settle(t testing.TB, s *Server) {
	t.Helper()
	if err := s.Settle(t.Context()); err != nil {
		t.Fatal(err)
	}
}
