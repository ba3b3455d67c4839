package wechatsim

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
)

const siteBack = "http://127.0.0.1:1/cb"

func webLoginURL(s *Server, redirect, state string) string {
	return s.URL + webLoginPath + "?appid=" + appWeb + "&redirect_uri=" + url.QueryEscape(redirect) + "&response_type=code&scope=snsapi_login&state=" + state
}

// desktop opens a page in a browser that isn't WeChat's.
func desktop(t testing.TB, s *Server, person, address string) page {
	t.Helper()
	req := request(t, "GET", address, nil)
	if person != "" {
		req.AddCookie(s.PersonCookie(person))
	}
	return send(t, req)
}

// ticketIn is the ticket of the code that a page shows.
func ticketIn(t testing.TB, p page) string {
	t.Helper()
	_, rest, ok := strings.Cut(p.body, confirmPath+"?ticket=")
	ticket, _, quoted := strings.Cut(rest, `"`)
	if !ok || !quoted || p.status != http.StatusOK {
		t.Fatalf("no code on the page: %d %s", p.status, p.body)
	}
	return ticket
}

func TestWebLoginByACode(t *testing.T) {
	t.Parallel()
	s := start(t)
	shown := desktop(t, s, "", webLoginURL(s, siteBack+"?a=1", "any_state-1"))
	ticket := ticketIn(t, shown)
	wait := s.URL + webWaitPath + "?ticket=" + ticket
	if refresh := shown.header.Get("Refresh"); refresh != "1; url="+webWaitPath+"?ticket="+ticket {
		t.Errorf("the page looks again at %q", refresh)
	}
	if p := desktop(t, s, "", s.URL+webCodePath+"?ticket="+ticket); p.header.Get("Content-Type") != "image/jpeg" || len(p.body) < 1000 {
		t.Errorf("the picture: %v, %d bytes", p.header, len(p.body))
	}
	if p := desktop(t, s, "", wait); p.status != http.StatusOK || !strings.Contains(p.body, "扫一扫") {
		t.Errorf("before the scan: %d", p.status)
	}
	asked := open(t, s, "ming", s.URL+confirmPath+"?ticket="+ticket)
	if !strings.Contains(asked.body, `value="allow"`) || !strings.Contains(asked.body, ticket) {
		t.Fatalf("the phone isn't asked: %s", asked.body)
	}
	if list := s.WebLogins(); len(list) != 1 || list[0].Person != "ming" || list[0].Ticket != ticket || list[0].AppID != appWeb {
		t.Errorf("waiting: %v", list)
	}
	if p := desktop(t, s, "", wait); !strings.Contains(p.body, "扫描成功") || p.header.Get("Refresh") == "" {
		t.Errorf("after the scan: %s", p.body)
	}
	req := request(t, "POST", s.URL+confirmPath, url.Values{"back": {ticket}, "answer": {"allow"}})
	req.Header.Set("User-Agent", agents[0])
	req.AddCookie(s.PersonCookie("ming"))
	if p := send(t, req); p.status != http.StatusOK {
		t.Fatalf("allowing: %d", p.status)
	}
	p := desktop(t, s, "", wait)
	code := codeIn(t, p)
	if to := p.header.Get("Location"); to != siteBack+"?a=1&code="+code+"&state=any_state-1" {
		t.Errorf("the browser returns to %s", to)
	}
	s.Advance(openLife - time.Second)
	a := exchange(t, s, appWeb, code)
	if a["openid"] != s.OpenID("ming", appWeb) || a["unionid"] != s.UnionID("ming", appA) || a["scope"] != scopeLogin {
		t.Errorf("answer %v", a)
	}
	if info := userInfo(t, s, a); info["nickname"] != "小明" {
		t.Errorf("user info %v", info)
	}
	if len(s.WebLogins()) != 0 || s.ConfirmWeb(ticket, "li", true) == nil {
		t.Error("an answered code can be answered again")
	}
}

func TestWebLoginRefused(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, closes := range []bool{false, true} {
		if err := s.Change(func(set *Settings) { set.RefuseCloses = closes }); err != nil {
			t.Fatal(err)
		}
		ticket := ticketIn(t, desktop(t, s, "", webLoginURL(s, siteBack, "s")))
		if err := s.ConfirmWeb(ticket, "ming", false); err != nil {
			t.Fatal(err)
		}
		p := desktop(t, s, "", s.URL+webWaitPath+"?ticket="+ticket)
		to := p.header.Get("Location")
		if closes && (p.status != http.StatusOK || to != "" || p.header.Get("Refresh") != "") || !closes && to != siteBack+"?state=s" {
			t.Errorf("closing %t: %d, Location %q", closes, p.status, to)
		}
	}
}

func TestWebLoginGrowsOld(t *testing.T) {
	t.Parallel()
	s := start(t)
	ticket := ticketIn(t, desktop(t, s, "", webLoginURL(s, siteBack, "s")))
	s.Advance(webLoginLife)
	if p := desktop(t, s, "", s.URL+webWaitPath+"?ticket="+ticket); !strings.Contains(p.body, "已失效") || p.header.Get("Refresh") != "" {
		t.Errorf("the page says %s", p.body)
	}
	if p := open(t, s, "ming", s.URL+confirmPath+"?ticket="+ticket); !strings.Contains(p.body, "已失效") {
		t.Errorf("the phone says %s", p.body)
	}
	if len(s.WebLogins()) != 0 || s.ConfirmWeb(ticket, "ming", true) == nil {
		t.Error("it can be answered")
	}
	again := ticketIn(t, desktop(t, s, "", webLoginURL(s, siteBack, "s")))
	code := ""
	if err := s.ConfirmWeb(again, "ming", true); err == nil {
		code = codeIn(t, desktop(t, s, "", s.URL+webWaitPath+"?ticket="+again))
	}
	s.Advance(openLife)
	errcode(t, exchange(t, s, appWeb, code), "42003")
}

func TestWebLoginWithAFragment(t *testing.T) {
	t.Parallel()
	s := start(t)
	ticket := ticketIn(t, desktop(t, s, "", webLoginURL(s, siteBack+"#/login", "s")))
	if err := s.ConfirmWeb(ticket, "ming", true); err != nil {
		t.Fatal(err)
	}
	if to := desktop(t, s, "", s.URL+webWaitPath+"?ticket="+ticket).header.Get("Location"); !strings.HasPrefix(to, siteBack+"#/login?code=") {
		t.Errorf("after a scan the browser returns to %s", to)
	}
	if err := s.Change(func(set *Settings) { set.FastLogin = true }); err != nil {
		t.Fatal(err)
	}
	if to := desktop(t, s, "ming", webLoginURL(s, siteBack+"#/login", "s")).header.Get("Location"); !strings.HasPrefix(to, siteBack+"?code=") || !strings.HasSuffix(to, "&state=s#/login") {
		t.Errorf("a fast login returns to %s", to)
	}
}

func TestFastWebLogin(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) { o.FastLogin = true })
	if a := exchange(t, s, appWeb, codeIn(t, desktop(t, s, "li", webLoginURL(s, siteBack, "s")))); a["openid"] != s.OpenID("li", appWeb) {
		t.Errorf("answer %v", a)
	}
	ticketIn(t, desktop(t, s, "", webLoginURL(s, siteBack, "s"))) // nobody is at the computer
	s.Answer(ConsentRefuse)
	if to := desktop(t, s, "li", webLoginURL(s, siteBack, "s")).header.Get("Location"); to != siteBack+"?state=s" {
		t.Errorf("a refusal returns to %q", to)
	}
}

func TestWebLoginRefusesMistakes(t *testing.T) {
	t.Parallel()
	s := start(t)
	good := webLoginURL(s, siteBack, "s")
	for name, address := range map[string]string{
		"an official account":     strings.Replace(good, appWeb, appA, 1),
		"an unknown account":      strings.Replace(good, appWeb, "wx1", 1),
		"another scope":           strings.Replace(good, "snsapi_login", "snsapi_base", 1),
		"no scope":                strings.Replace(good, "&scope=snsapi_login", "", 1),
		"another response type":   strings.Replace(good, "=code&", "=token&", 1),
		"a host that isn't there": webLoginURL(s, "http://192.0.2.1/", "s"),
		"a state that is long":    webLoginURL(s, siteBack, strings.Repeat("a", 129)),
		"no redirect":             webLoginURL(s, "", "s"),
	} {
		if p := desktop(t, s, "", address); p.status != http.StatusOK || !strings.Contains(p.body, `class="sign"`) {
			t.Errorf("%s: %d %s", name, p.status, p.body)
		}
	}
	if p := open(t, s, "ming", loginURL(s, appWeb, scopeBase)); !strings.Contains(p.body, "10005") {
		t.Errorf("a website at the phone's login page: %s", p.body)
	}
	ticket := ticketIn(t, desktop(t, s, "", good))
	if p := desktop(t, s, "ming", s.URL+confirmPath+"?ticket="+ticket); !strings.Contains(p.body, "请在微信客户端打开") {
		t.Errorf("confirming outside WeChat: %s", p.body)
	}
	if p := open(t, s, "", s.URL+confirmPath+"?ticket="+ticket); p.header.Get("Location") != "/phone/?then="+url.QueryEscape(confirmPath+"?ticket="+ticket) {
		t.Errorf("a phone that nobody holds: %v", p.header)
	}
	if p := desktop(t, s, "", s.URL+webWaitPath+"?ticket=x"); !strings.Contains(p.body, `class="sign"`) {
		t.Errorf("an unknown ticket: %s", p.body)
	}
	if err := s.ConfirmWeb(ticket, "nobody", true); err == nil {
		t.Error("nobody confirms")
	}
	req := request(t, "POST", s.URL+confirmPath, url.Values{"back": {ticket}, "answer": {"allow"}})
	req.Header.Set("User-Agent", agents[0])
	req.Header.Set("Sec-Fetch-Site", "cross-site")
	req.AddCookie(s.PersonCookie("ming"))
	if send(t, req); len(s.WebLogins()) != 1 {
		t.Error("a page of another site confirmed")
	}
}
