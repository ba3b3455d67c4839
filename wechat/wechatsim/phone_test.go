package wechatsim

import (
	"io/fs"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func phonePage(t testing.TB, s *Server, person, path string) page {
	t.Helper()
	p := open(t, s, person, s.URL+path)
	if p.status != http.StatusOK || !strings.Contains(p.body, "A simulation, not WeChat") || !strings.HasSuffix(strings.TrimSpace(p.body), "</html>") {
		t.Fatalf("%d %s", p.status, p.body)
	}
	return p
}

func TestPhoneShowsACast(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) {
		o.Links = []Link{{Title: "Shop & more", URL: "http://127.0.0.1:1/shop", Text: "a <shop>"}, {Title: "bad", URL: "javascript:alert(1)"}}
	})
	token := exchange(t, s, appA, codeOf(t, s, "ming", appA, scopeUserInfo))
	ok(t, s.Follow("ming", appA, true))
	ok(t, s.Say("ming", appA, "<script>hello"))
	errcode(t, sendText(t, s, "ming", "good <b>day"), "0")
	errcode(t, sendLogin(t, s, "ming", ""), "0")
	makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"door<b>"}`, "")
	s.Fail("slow")
	for _, c := range []struct {
		path  string
		wants []string
	}{
		{"/phone/", []string{"Shop &amp; more", "a &lt;shop&gt;", `href="http://127.0.0.1:1/shop"`, "GET /sns/oauth2/access_token?", "slow ×1", `<b class="badge">2</b>`, "登录成功通知", "<title>(2) "}},
		{"/phone/me", []string{"小明", "李娜", "赵&lt;b&gt;老板&lt;/b&gt;", s.OpenID("ming", appA), s.UnionID("ming", appA), `value="ming" aria-pressed="true"`, `value="allow" aria-pressed="true"`}},
		{"/phone/scan", []string{"door&lt;b&gt;", "/phone/code?word=http"}},
		{"/phone/chat/" + appA, []string{"&lt;script&gt;hello", "good &lt;b&gt;day", "<dt>登录账号</dt><dd>小明</dd>", `href="https://site.example/o/1"`}},
		{"/phone/account/" + appA, []string{"Unfollow", s.OpenID("ming", appA)}},
		{"/phone/account/" + appB, []string{`value="1">关注`}},
	} {
		p := phonePage(t, s, "ming", c.path)
		for _, want := range c.wants {
			if !strings.Contains(p.body, want) {
				t.Errorf("%s lacks %q", c.path, want)
			}
		}
		for _, never := range []string{"<b>老板", "javascript:alert", secret, token["access_token"].(string), "<script>", " style="} {
			if strings.Contains(p.body, never) {
				t.Errorf("%s has %q", c.path, never)
			}
		}
		csp := p.header.Get("Content-Security-Policy")
		if !strings.HasPrefix(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("policy %q", csp)
		}
	}
	if n := s.Unread("ming", appA); n != 0 {
		t.Errorf("%d messages of an open chat are unread", n)
	}
}

func TestPhoneShowsNothing(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.Accounts, o.People, o.Links = []Account{}, []Person{}, nil })
	for _, person := range []string{"", "ming"} {
		if p := phonePage(t, s, person, "/phone/"); !strings.Contains(p.body, "Nobody is here") || !strings.Contains(p.body, "Nothing yet") {
			t.Error(p.body)
		}
	}
	if p := phonePage(t, s, "", "/phone/scan"); !strings.Contains(p.body, "Choose who holds the phone first") {
		t.Error(p.body)
	}
	alone := start(t, func(o *Options) { o.Accounts, o.People = []Account{}, []Person{{Name: "x"}} })
	for path, want := range map[string]string{"/phone/": "No chats yet", "/phone/me": "There are none", "/phone/scan": "Nobody has made one yet"} {
		if p := phonePage(t, alone, "x", path); !strings.Contains(p.body, want) {
			t.Errorf("%s: %s", path, p.body)
		}
	}
	for _, path := range []string{"/phone/chat/" + appA, "/phone/account/" + appA, "/phone/emblem/" + appA} {
		if p := open(t, alone, "x", alone.URL+path); p.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, p.status)
		}
	}
}

// TestPages executes every template, so that a misspelt field in a rare page is
// found here.
func TestPages(t *testing.T) {
	t.Parallel()
	var o Options
	cast(&o)
	s := New(o)
	hostile := personView{Name: "x", Nickname: `"><script>alert(1)</script>`}
	lived := frame{
		Holder: &hostile, People: []personView{hostile}, Unread: 3, Tab: "chats", Armed: []Armed{{Name: "<b>", Left: -1}},
		Pushes: []Push{{Event: "<b>", XML: "<b>", Tries: []PushTry{{Forged: true, Status: 200, Answer: "<b>"}}}},
	}
	everyKind := []Message{{By: ByWeChat, Text: "<b>"}}
	for _, kind := range []string{"text", "image", "voice", "video", "music", "news", "location", KindMenuAnswer, KindMiniPage, KindTemplate, KindSubscribed} {
		m := Message{Kind: kind, Title: "<b>", Text: "<b>", URL: "javascript:<b>", Lines: []Line{{"<b>", "<b>"}}}
		with := m
		with.By, with.Picture, with.MiniAppID = ByPerson, "javascript:<b>", "<b>"
		everyKind = append(everyKind, m, with)
	}
	views := map[string][]any{
		"head.html": {nil},
		"avatar.html": {
			avatarView{}, avatarView{"#123456", "<"},
		},
		"refusal.html": {refusalView{}, refusalView{10003, "<b>", "<b>"}},
		"closed.html":  {nil},
		"consent.html": {consentView{}, consentView{"t", "<b>", consentPath, hostile}},
		"weblogin.html": {
			webCodeView{Account: "<b>"}, webCodeView{Scanned: true}, webCodeView{Over: true}, webCodeView{Refused: true},
		},
		"frame.html":   {nil},
		"phone.html":   {chatsView{}, chatsView{frame: frame{People: []personView{hostile}, Holder: &hostile, Then: "/connect/oauth2/authorize?<b>"}}, chatsView{frame: lived, Chats: []chatRow{{Account: o.Accounts[0], Last: "<b>"}}, Minis: o.Accounts}},
		"me.html":      {meView{}, meView{frame: lived, Accounts: []followView{{Blocked: true}}}},
		"scan.html":    {scannerView{}, scannerView{frame: lived, Problem: "<b>", Codes: []codeView{{Text: "<b>"}}, WebLogins: []codeView{{Account: "<b>"}}}},
		"account.html": {accountView{}, accountView{frame: lived, Code: &Scene{Scene: "<b>"}}, accountView{Mini: true, Word: "<b>"}},
		"chat.html":    {chatView{frame: lived}, chatView{frame: lived, Followed: true, Blocked: true, Typing: true, Notices: []noticeView{{}}, Messages: everyKind}},
	}
	files, err := fs.Glob(pageFiles, "pages/*.html")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimPrefix(file, "pages/")
		if len(views[name]) == 0 {
			t.Errorf("no view for %s", name)
		}
		for _, view := range views[name] {
			var b strings.Builder
			if err := pages.ExecuteTemplate(&b, name, view); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			if strings.Contains(b.String(), "<script>") || strings.Contains(b.String(), "<b>") && name != "head.html" {
				t.Errorf("%s doesn't escape: %s", name, b.String())
			}
		}
	}
	if len(s.People()) == 0 {
		t.Error("the default people are missing")
	}
}

func post(t *testing.T, s *Server, path string, form url.Values, headers ...string) page {
	t.Helper()
	req := request(t, "POST", s.URL+path, form)
	req.AddCookie(s.PersonCookie("ming"))
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	return send(t, req)
}

func TestPhoneButtons(t *testing.T) {
	t.Parallel()
	s := start(t)
	st := startSite(t)
	follows := func() bool { p, _ := s.person("ming"); return p.follows(appA) }
	for _, c := range []struct {
		name, path string
		form       url.Values
		status     int
		to         string
		then       func() bool
	}{
		{"follow", "/phone/follow", url.Values{"appid": {appA}, "follow": {"1"}}, 303, "/phone/chat/" + appA, follows},
		{"unfollow", "/phone/follow", url.Values{"appid": {appA}, "follow": {"0"}}, 303, "/phone/me", func() bool { return !follows() }},
		{"follow an account that isn't there", "/phone/follow", url.Values{"appid": {"wx1"}, "follow": {"1"}}, 404, "", nil},
		{"refuse from now on", "/phone/consent", url.Values{"ask": {"refuse"}}, 303, "/phone/me", func() bool { return s.Settings().Consent == ConsentRefuse }},
		{"answer nonsense", "/phone/consent", url.Values{"ask": {"maybe"}}, 400, "", func() bool { return s.Settings().Consent == ConsentRefuse }},
		{"arm a fault", "/phone/fault", url.Values{"name": {"busy"}, "do": {"arm"}}, 303, "/phone/", func() bool { return len(s.Armed()) == 1 }},
		{"arm nonsense", "/phone/fault", url.Values{"name": {"busily"}, "do": {"arm"}}, 400, "", nil},
		{"disarm", "/phone/fault", url.Values{"do": {"disarm"}}, 303, "/phone/", func() bool { return len(s.Armed()) == 0 }},
		{"open a link", "/phone/open", url.Values{"url": {st.URL + "/a?b=c#d"}}, 303, st.URL + "/a?b=c#d", nil},
		{"open a script", "/phone/open", url.Values{"url": {"javascript:alert(1)"}}, 400, "", nil},
		{"open a path", "/phone/open", url.Values{"url": {"//example.com"}}, 400, "", nil},
		{"be somebody else", "/phone/person", url.Values{"person": {"li"}}, 303, "/phone/", nil},
		{"be nobody", "/phone/person", url.Values{"person": {"nobody"}}, 404, "", nil},
		{"go on elsewhere", "/phone/person", url.Values{"person": {"li"}, "then": {"https://example.com/"}}, 303, "/phone/", nil},
		{"go on at another path", "/phone/person", url.Values{"person": {"li"}, "then": {"//example.com/connect/oauth2/authorize?"}}, 303, "/phone/", nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := post(t, s, c.path, c.form)
			if p.status != c.status || p.header.Get("Location") != c.to {
				t.Errorf("%d to %q, want %d to %q", p.status, p.header.Get("Location"), c.status, c.to)
			}
			if c.then != nil && !c.then() {
				t.Error("it had not the effect")
			}
		})
	}
	if p := post(t, s, "/phone/consent", url.Values{"ask": {"allow"}}, "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden {
		t.Errorf("another site's form: %d", p.status)
	}
	if len(s.Requests()) != 0 {
		t.Errorf("the phone page is recorded: %v", s.Requests())
	}
}

func TestOpenedLinkIsRequestedAgain(t *testing.T) {
	t.Parallel()
	s := start(t)
	st := startSite(t)
	s.Fail("rerequest", Delay(0))
	post(t, s, "/phone/open", url.Values{"url": {st.URL + "/once?t=1#x"}})
	settle(t, s)
	if len(st.seen) != 1 || st.seen[0].URL.String() != "/once?t=1" || len(st.seen[0].Cookies()) != 0 {
		t.Errorf("the site saw %v", st.seen)
	}
}

func TestPhoneWarnsAForeignBrowser(t *testing.T) {
	t.Parallel()
	s := start(t)
	warns := func(agent string) bool {
		req := request(t, "GET", s.URL+"/phone/", nil)
		req.Header.Set("User-Agent", agent)
		return strings.Contains(send(t, req).body, "any_browser")
	}
	if !warns("curl/8") || warns(agents[1]) {
		t.Error("the warning is in the wrong place")
	}
}

func TestPhoneAssets(t *testing.T) {
	t.Parallel()
	s := start(t)
	for path, want := range map[string]string{"/phone/style.css": "text/css; charset=utf-8", "/phone/icon.svg": "image/svg+xml", "/phone/avatar/ming/64": "image/svg+xml"} {
		if p := open(t, s, "", s.URL+path); p.status != http.StatusOK || p.header.Get("Content-Type") != want {
			t.Errorf("%s: %d %v", path, p.status, p.header)
		}
	}
	for path, want := range map[string]string{"/": "/phone/", "/phone": "/phone/"} {
		if p := open(t, s, "", s.URL+path); p.header.Get("Location") != want {
			t.Errorf("%s: %d %v", path, p.status, p.header)
		}
	}
	if p := open(t, s, "", s.URL+"/phone/avatar/nobody/64"); p.status != http.StatusNotFound {
		t.Errorf("nobody's face: %d", p.status)
	}
}
