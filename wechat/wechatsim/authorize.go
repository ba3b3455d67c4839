package wechatsim

import (
	"html/template"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Inside WeChat's browser this is the page that signs a visitor in. WeChat matches
// the address with a regular expression, so the order of parameters counts
// (wechat-api.md §1.2). What stands behind # no server can see.
var authorizeForm = regexp.MustCompile(`^appid=([^&]*)&redirect_uri=([^&]*)&response_type=([^&]*)&scope=([^&]*)(?:&state=([^&]*))?(?:&.*)?$`)

var stateForm = regexp.MustCompile(`^[A-Za-z0-9]{1,128}$`)

// asked is what an authorize address asks for.
type asked struct {
	appID, redirect, scope, state string
	connectRedirect               bool
}

// authorize is GET /connect/oauth2/authorize.
func (s *Sim) authorize(w http.ResponseWriter, r *http.Request) {
	if !s.options.AnyBrowser && !strings.Contains(strings.ToLower(r.UserAgent()), "micromessenger") {
		s.writeError(w, r, "", "请在微信客户端打开链接", "Open this link in WeChat")
		return
	}
	q, code, text := s.readAuthorize(r.URL.RawQuery)
	if code != "" {
		s.writeError(w, r, code, text, authorizeErrors[code])
		return
	}
	person := s.holder(r)
	if person == "" {
		http.Redirect(w, r, "/phone/?then="+url.QueryEscape(r.URL.RequestURI()), http.StatusSeeOther)
		return
	}
	s.note(r, person, q.appID, http.StatusFound, "")
	if q.scope == "snsapi_userinfo" && !s.silently(r, person, q.appID) {
		s.consent(w, r, person, q)
		return
	}
	s.grant(w, r, person, q)
}

// The errors that WeChat shows on its own page (wechat-api.md §1.3).
var authorizeErrors = map[string]string{
	"10003": "the host of redirect_uri is not the account's callback domain",
	"10005": "the account lacks this scope",
	"10010": "the scope is empty",
	"10011": "the redirect_uri is empty",
	"10012": "the appid is empty",
	"10013": "the state is empty",
	"40013": "there is no such appid",
	"link":  "the address is malformed",
}

func (s *Sim) readAuthorize(raw string) (q asked, code, text string) {
	m := authorizeForm.FindStringSubmatch(raw)
	if m == nil {
		return q, "link", "该链接无法访问"
	}
	for i, into := range []*string{&q.appID, &q.redirect, nil, &q.scope, &q.state} {
		if into == nil {
			continue
		}
		v, err := url.QueryUnescape(m[i+1])
		if err != nil {
			return q, "link", "该链接无法访问"
		}
		*into = v
	}
	q.connectRedirect = slices.Contains(strings.Split(raw, "&"), "connect_redirect=1")
	s.mu.Lock()
	account := s.accounts[q.appID]
	s.mu.Unlock()
	switch {
	case q.appID == "":
		return q, "10012", "appid 为空"
	case account == nil:
		return q, "40013", "appid 无效"
	case q.redirect == "":
		return q, "10011", "redirect_uri 为空"
	case q.scope == "":
		return q, "10010", "scope 为空"
	case q.state == "":
		return q, "10013", "state 为空"
	case m[3] != "code":
		return q, "link", "response_type 参数错误"
	case !stateForm.MatchString(q.state):
		return q, "link", "state 参数错误"
	case account.Kind != "service", q.scope != "snsapi_base" && q.scope != "snsapi_userinfo":
		return q, "10005", "Scope 参数错误或没有 Scope 权限"
	case !account.allows(q.redirect):
		return q, "10003", "redirect_uri 域名与后台配置不一致"
	}
	return q, "", ""
}

// allows compares the callback's host: exactly, and without a port but for test
// accounts (wechat-api.md §1.1).
func (a *Account) allows(redirect string) bool {
	u, err := url.Parse(redirect)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return false
	}
	if a.Sandbox && slices.Contains(a.Domains, u.Hostname()) {
		return true
	}
	return slices.Contains(a.Domains, u.Host) && (u.Port() == "" || a.Sandbox)
}

// silently says whether a consent page is left out: for a follower who comes from
// the account's chat or menu.
func (s *Sim) silently(r *http.Request, person, appID string) bool {
	if r.URL.Query().Get("from_menu") != "1" {
		return false
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Contains(s.people[person].Follows, appID)
}

var consentPage = template.Must(template.New("consent").Parse(pageHead + `
<h1>{{.Account}}</h1>
<p>申请获取你的昵称、头像<br><span class="soft">asks for your nickname and avatar</span></p>
<form method="post" action="/connect/consent"><input type="hidden" name="back" value="{{.Back}}">
<button name="answer" value="allow" id="allow" class="go">允许 · Allow</button>
<button name="answer" value="refuse" id="refuse">拒绝 · Refuse</button></form>` + pageFoot))

// consent asks the person.
func (s *Sim) consent(w http.ResponseWriter, r *http.Request, person string, q asked) {
	s.mu.Lock()
	answer, name := s.ask, s.accounts[q.appID].Name
	s.mu.Unlock()
	switch answer {
	case "allow":
		s.grant(w, r, person, q)
	case "refuse":
		s.refuse(w, r, q)
	default:
		s.writePage(w, consentPage, map[string]string{"Title": "授权 · Consent", "Account": name, "Back": r.URL.RawQuery})
	}
}

// answerConsent is what the buttons of the consent page do.
func (s *Sim) answerConsent(w http.ResponseWriter, r *http.Request) {
	q, code, text := s.readAuthorize(r.PostFormValue("back"))
	person := s.holder(r)
	if code != "" || person == "" {
		s.writeError(w, r, code, text, authorizeErrors[code])
		return
	}
	if r.PostFormValue("answer") == "allow" {
		s.grant(w, r, person, q)
		return
	}
	s.refuse(w, r, q)
}

// refuse comes back with the state alone, or not at all.
func (s *Sim) refuse(w http.ResponseWriter, r *http.Request, q asked) {
	s.mu.Lock()
	closes := s.hit("refuse_closes", q.appID)
	s.mu.Unlock()
	if closes {
		s.writePage(w, errorPage, map[string]string{"Title": "微信", "ZH": "页面已关闭", "EN": "WeChat has closed the page"})
		return
	}
	redirect(w, q.redirect, url.Values{"state": {q.state}})
}

// code is an authorisation code.
type code struct {
	person, appID, scope string
	snapshot             bool
	made                 time.Time
	used                 bool
}

// codeLife is how long a code of an Official Account can be exchanged.
const codeLife = 5 * time.Minute

// grant comes back with a code.
func (s *Sim) grant(w http.ResponseWriter, r *http.Request, person string, q asked) {
	s.mu.Lock()
	first := s.issue(person, q)
	again, two, fetch := s.hit("callback_twice", q.appID), s.hit("two_codes", q.appID) && !q.connectRedirect, s.hit("rerequest", q.appID)
	second := first
	if two {
		second = s.issue(person, q)
	}
	if q.scope == "snsapi_userinfo" {
		s.consents[consent{person, q.appID}] = true
	}
	s.mu.Unlock()

	if again || two {
		s.fetchBack(callbackAddress(q.redirect, url.Values{"code": {second}, "state": {q.state}}))
	}
	if fetch {
		s.fetchBack(q.redirect)
	}
	redirect(w, q.redirect, url.Values{"code": {first}, "state": {q.state}})
}

func (s *Sim) issue(person string, q asked) string {
	c := "0" + s.draw(31)
	s.codes[c] = &code{person: person, appID: q.appID, scope: q.scope, snapshot: s.hit("snapshot", q.appID), made: s.now()}
	return c
}

// fetchBack requests an address as WeChat's own servers do: from elsewhere, without
// cookies, with a user agent that looks real. Only loopback is ever requested.
func (s *Sim) fetchBack(address string) {
	u, err := url.Parse(address)
	if err != nil || !loopback(u.Hostname()) {
		return
	}
	req, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return
	}
	req.Header.Set("User-Agent", "Mozilla/5.0 (Linux; Android 10; TAS-AN00; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/86.0.4240.99 Mobile Safari/537.36 MMWEBID/1871 MicroMessenger/8.0.16.2040(0x28001056) Weixin NetType/4G Language/zh_CN ABI/arm64")
	req.Header.Set("Accept", "text/html,application/xhtml+xml,*/*;q=0.8")
	resp, err := s.client.Do(req)
	if err != nil {
		return
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<20))
	_ = resp.Body.Close()
}

// redirect comes back to the site: parameters are put behind those that the
// address has (wechat-api.md §1.3).
func redirect(w http.ResponseWriter, address string, more url.Values) {
	w.Header().Set("Location", callbackAddress(address, more))
	w.WriteHeader(http.StatusFound)
}

func callbackAddress(address string, more url.Values) string {
	separator := "?"
	if strings.Contains(address, "?") {
		separator = "&"
	}
	return address + separator + more.Encode()
}
