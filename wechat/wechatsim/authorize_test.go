package wechatsim

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

func TestAuthorizeRefuses(t *testing.T) {
	t.Parallel()
	s := start(t)
	query := func(appid, redirect, kind, scope, state string) string {
		return "appid=" + appid + "&redirect_uri=" + url.QueryEscape(redirect) + "&response_type=" + kind + "&scope=" + scope + "&state=" + state
	}
	good := query(appA, back, "code", scopeBase, "abc")
	strict := func(redirect string) string { return query(appStrict, redirect, "code", scopeBase, "abc") }
	for _, c := range []struct {
		name, query string
		want        refusal
	}{
		{"no parameters at all", "", pageBroken},
		{"state before scope", "appid=" + appA + "&redirect_uri=" + url.QueryEscape(back) + "&response_type=code&state=abc&scope=snsapi_base", pageBroken},
		{"a parameter before appid", "lang=zh&" + good, pageBroken},
		{"no redirect_uri", "appid=" + appA + "&response_type=code&scope=snsapi_base&state=abc", pageBroken},
		{"an unescaped redirect_uri with a query of its own", "appid=" + appA + "&redirect_uri=http://127.0.0.1/?a=1&b=2&response_type=code&scope=snsapi_base&state=abc", pageBroken},
		{"an empty appid", query("", back, "code", scopeBase, "abc"), pageNoAppID},
		{"an empty redirect_uri", query(appA, "", "code", scopeBase, "abc"), pageNoURI},
		{"an empty scope", query(appA, back, "code", "", "abc"), pageNoScope},
		{"an empty state", query(appA, back, "code", scopeBase, ""), pageNoState},
		{"a missing state", strings.TrimSuffix(good, "&state=abc"), pageNoState},
		{"a state with a hyphen", query(appA, back, "code", scopeBase, "a-b"), pageState},
		{"a state with an escape", query(appA, back, "code", scopeBase, "a%41"), pageState},
		{"a state of 129", query(appA, back, "code", scopeBase, strings.Repeat("a", 129)), pageState},
		{"another response_type", query(appA, back, "token", scopeBase, "abc"), pageType},
		{"a scope nobody knows", query(appA, back, "code", "snsapi_everything", "abc"), pageScope},
		{"the scope of websites", query(appA, back, "code", "snsapi_login", "abc"), pageNoRight},
		{"an appid nobody knows", query("wx00000000000000ab", back, "code", scopeBase, "abc"), pageRedirect},
		{"an appid in capitals", query("WX00000000000000AA", back, "code", scopeBase, "abc"), pageRedirect},
		{"a subscription account", query(appSub, back, "code", scopeBase, "abc"), pageNoRight},
		{"a banned account", query(appBanned, back, "code", scopeBase, "abc"), pageBanned},
		{"another host", strict("https://example.com/"), pageRedirect},
		{"a host below the domain", strict("https://a.www.example.com/"), pageRedirect},
		{"a host above the domain", strict("https://example.com/www.example.com"), pageRedirect},
		{"the host with a port", strict("https://www.example.com:443/"), pageRedirect},
		{"the host with an empty port", strict("https://www.example.com:/"), pageRedirect},
		{"the host as a name", strict("https://www.example.com@evil.example/"), pageRedirect},
		{"a name at the host", strict("https://evil@www.example.com/"), pageRedirect},
		{"a backslash", strict(`https://evil.example\@www.example.com/`), pageRedirect},
		{"no scheme", strict("www.example.com/cb"), pageRedirect},
		{"another scheme", strict("javascript://www.example.com/%0aalert(1)"), pageRedirect},
		{"a redirect_uri that was escaped twice", strict(url.QueryEscape("https://www.example.com/")), pageRedirect},
		{"an IP address that isn't in the list", query(appA, "http://127.0.0.2:80/", "code", scopeBase, "abc"), pageRedirect},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, s, "ming", s.URL+"/connect/oauth2/authorize?"+c.query)
			if p.status != http.StatusOK || !strings.Contains(p.body, "<h1>"+c.want.zh+"</h1>") {
				t.Errorf("status %d, want 200 and %q:\n%s", p.status, c.want.zh, p.body)
			}
			shown := regexp.MustCompile(`error code: (\d+)`).FindStringSubmatch(p.body)
			if c.want.code == 0 && shown != nil || c.want.code != 0 && (shown == nil || shown[1] != itoa(c.want.code)) {
				t.Errorf("shows code %v, want %d", shown, c.want.code)
			}
		})
	}
}

func TestAuthorizeAccepts(t *testing.T) {
	t.Parallel()
	s := start(t)
	code := `0[0-9A-Za-z]{31}`
	for _, c := range []struct{ name, appid, redirect, after, want string }{
		{"a plain callback", appStrict, "https://www.example.com/cb", "", `https://www\.example\.com/cb\?code=CODE&state=abc`},
		{"the second domain", appStrict, "http://m.example.com", "", `http://m\.example\.com\?code=CODE&state=abc`},
		{"a host in capitals", appStrict, "https://WWW.example.com/", "", `https://WWW\.example\.com/\?code=CODE&state=abc`},
		{"a query, whose bytes stay", appStrict, "https://www.example.com/cb?r=%41+b&x", "", `https://www\.example\.com/cb\?r=%41\+b&x&code=CODE&state=abc`},
		{"an empty query", appStrict, "https://www.example.com/cb?", "", `https://www\.example\.com/cb\?code=CODE&state=abc`},
		{"a fragment, before which the code goes", appStrict, "https://www.example.com/cb#/a?b", "", `https://www\.example\.com/cb\?code=CODE&state=abc#/a\?b`},
		{"what WeChat's client appends", appStrict, "https://www.example.com/cb", "&uin=1&key=2&pass_ticket=3", `https://www\.example\.com/cb\?code=CODE&state=abc`},
		{"a sandbox with any port", appA, "http://127.0.0.1:8080/cb", "", `http://127\.0\.0\.1:8080/cb\?code=CODE&state=abc`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := open(t, s, "ming", s.URL+"/connect/oauth2/authorize?appid="+c.appid+"&redirect_uri="+url.QueryEscape(c.redirect)+"&response_type=code&scope=snsapi_base&state=abc"+c.after)
			want := regexp.MustCompile("^" + strings.Replace(c.want, "CODE", code, 1) + "$")
			if got := p.header.Get("Location"); p.status != http.StatusFound || !want.MatchString(got) {
				t.Errorf("%d %q, want 302 %s", p.status, got, want)
			}
		})
	}
}

func TestSandboxDomainWithPortTakesThatPortOnly(t *testing.T) {
	t.Parallel()
	a := Account{Sandbox: true, Domains: []string{"127.0.0.1:8080", "[::1]:80"}}
	for address, want := range map[string]bool{
		"http://127.0.0.1:8080/": true, "http://127.0.0.1:8081/": false, "http://127.0.0.1/": false, "http://[::1]:80/": true,
	} {
		if _, ok := a.returns(url.QueryEscape(address)); ok != want {
			t.Errorf("%s: %t, want %t", address, ok, want)
		}
	}
}

func TestAuthorizeWantsWeChat(t *testing.T) {
	t.Parallel()
	s := start(t)
	for agent, want := range map[string]bool{
		agents[0]: true, agents[1]: true, agents[2]: true,
		"Mozilla/5.0 (X11; Linux x86_64) Chrome/126.0.0.0 Safari/537.36": false,
		"Mozilla/5.0 (iPhone) wxwork/4.1.30 MicroMessenger/7.0.1":        false,
	} {
		req := request(t, "GET", loginURL(s, appA, scopeBase), nil)
		req.Header.Set("User-Agent", agent)
		req.AddCookie(s.PersonCookie("ming"))
		p := send(t, req)
		if got := p.status == http.StatusFound; got != want || !want && !strings.Contains(p.body, "请在微信客户端打开链接") {
			t.Errorf("%s: status %d", agent, p.status)
		}
	}
	if err := s.Change(func(set *Settings) { set.AnyBrowser = true }); err != nil {
		t.Fatal(err)
	}
	req := request(t, "GET", loginURL(s, appA, scopeBase), nil)
	req.AddCookie(s.PersonCookie("ming"))
	if p := send(t, req); p.status != http.StatusFound {
		t.Errorf("AnyBrowser: status %d", p.status)
	}
}

func TestAuthorizeWithoutHolderAsksThePhone(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, person := range []string{"", "nobody"} {
		p := open(t, s, person, loginURL(s, appA, scopeBase))
		want := "/phone/?then=" + url.QueryEscape("/connect/oauth2/authorize?"+loginQuery(appA, scopeBase))
		if p.header.Get("Location") != want {
			t.Errorf("person %q: Location %q, want %q", person, p.header.Get("Location"), want)
		}
	}
	req := request(t, "POST", s.URL+"/phone/person", url.Values{"person": {"li"}, "then": {"/connect/oauth2/authorize?" + loginQuery(appA, scopeBase)}})
	if p := send(t, req); p.header.Get("Location") != "/connect/oauth2/authorize?"+loginQuery(appA, scopeBase) || !strings.HasPrefix(p.header.Get("Set-Cookie"), "wechatsim-person=li;") {
		t.Errorf("taking the phone: %v", p.header)
	}
}

func TestHeadCostsNoCode(t *testing.T) {
	t.Parallel()
	s := start(t)
	req := request(t, "HEAD", loginURL(s, appA, scopeBase), nil)
	req.Header.Set("User-Agent", agents[0])
	req.AddCookie(s.PersonCookie("ming"))
	if p := send(t, req); p.status != http.StatusMethodNotAllowed || len(s.codes) != 0 {
		t.Errorf("status %d and %d codes, want 405 and none", p.status, len(s.codes))
	}
}

func TestFollowersOnly(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.Accounts[0].FollowersOnly = true })
	if p := open(t, s, "li", loginURL(s, appA, scopeBase)); !strings.Contains(p.body, "error code: 10006") {
		t.Errorf("a stranger sees %d %s", p.status, p.body)
	}
	if err := s.Follow("li", appA, true); err != nil {
		t.Fatal(err)
	}
	codeOf(t, s, "li", appA, scopeBase)
}

var ticketField = regexp.MustCompile(`name="back" value="([0-9A-Za-z]+)"`)

// answer opens the consent page and taps a button.
func tap(t *testing.T, s *Server, answer string) page {
	t.Helper()
	p := open(t, s, "ming", loginURL(s, appA, scopeUserInfo))
	m := ticketField.FindStringSubmatch(p.body)
	if p.status != http.StatusOK || m == nil {
		t.Fatalf("no consent page: %d %s", p.status, p.body)
	}
	return send(t, request(t, "POST", s.URL+consentPath, url.Values{"back": {m[1]}, "answer": {answer}}))
}

func TestConsent(t *testing.T) {
	t.Parallel()
	s := start(t)
	t.Run("allowing brings a code", func(t *testing.T) {
		if a := exchange(t, s, appA, codeIn(t, tap(t, s, "allow"))); a["scope"] != scopeUserInfo {
			t.Errorf("granted %v", a)
		}
	})
	t.Run("refusing brings the state alone", func(t *testing.T) {
		if p := tap(t, s, "refuse"); p.header.Get("Location") != back+"?state=St4te" {
			t.Errorf("Location %q", p.header.Get("Location"))
		}
	})
	t.Run("a page is answered once", func(t *testing.T) {
		m := ticketField.FindStringSubmatch(open(t, s, "ming", loginURL(s, appA, scopeUserInfo)).body)
		form := url.Values{"back": {m[1]}, "answer": {"allow"}}
		codeIn(t, send(t, request(t, "POST", s.URL+consentPath, form)))
		if p := send(t, request(t, "POST", s.URL+consentPath, form)); p.status != http.StatusOK || !strings.Contains(p.body, pageBroken.zh) {
			t.Errorf("second tap: %d %s", p.status, p.body)
		}
	})
	t.Run("another site can't tap", func(t *testing.T) {
		req := request(t, "POST", s.URL+consentPath, url.Values{"back": {"x"}})
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		if p := send(t, req); p.status != http.StatusForbidden {
			t.Errorf("status %d", p.status)
		}
	})
	t.Run("a follower from the menu isn't asked", func(t *testing.T) {
		if err := s.Change(func(set *Settings) { set.FromMenu = true }); err != nil {
			t.Fatal(err)
		}
		if p := open(t, s, "ming", loginURL(s, appA, scopeUserInfo)); p.status != http.StatusOK {
			t.Errorf("a stranger is not asked: %d", p.status)
		}
		if err := s.Follow("ming", appA, true); err != nil {
			t.Fatal(err)
		}
		codeIn(t, open(t, s, "ming", loginURL(s, appA, scopeUserInfo)))
	})
	t.Run("a refusal may close the page", func(t *testing.T) {
		if err := s.Change(func(set *Settings) { set.RefuseCloses, set.FromMenu, set.Consent = true, false, ConsentRefuse }); err != nil {
			t.Fatal(err)
		}
		if p := open(t, s, "ming", loginURL(s, appA, scopeUserInfo)); p.status != http.StatusOK || !strings.Contains(p.body, "页面已关闭") {
			t.Errorf("%d %s", p.status, p.body)
		}
		codeOf(t, s, "ming", appA, scopeBase) // which can't be refused
	})
}

func FuzzReadLogin(f *testing.F) {
	f.Add(loginQuery(appA, scopeBase))
	f.Add("appid=&redirect_uri=&response_type=&scope=&state=")
	f.Add(loginQuery(appStrict, "snsapi_base,snsapi_userinfo"))
	f.Add("appid=" + appStrict + "&redirect_uri=https%3A%2F%2Fwww.example.com%5C%40evil.example%2F&response_type=code&scope=snsapi_base&state=a")
	var o Options
	cast(&o)
	s := New(o)
	f.Fuzz(func(t *testing.T, raw string) {
		l, no := s.readLogin(raw)
		if no != nil {
			return
		}
		u, err := url.Parse(l.callback("0code"))
		if err != nil || u.Query().Get("state") == "" || strings.ContainsAny(l.callback("0code"), "\r\n") {
			t.Fatalf("%q leads to %q: %v", raw, l.callback("0code"), err)
		}
		if !l.account.Sandbox && u.Host != "www.example.com" && u.Host != "m.example.com" && !strings.EqualFold(u.Host, "www.example.com") && !strings.EqualFold(u.Host, "m.example.com") {
			t.Fatalf("%q leads to the host %q", raw, u.Host)
		}
	})
}
