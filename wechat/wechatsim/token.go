package wechatsim

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// token is a visitor's own access token, from a web login.
type token struct {
	person, appID, scope, refresh, openID, unionID string
	snapshot                                       bool
	until                                          time.Time
}

const tokenLife = 2 * time.Hour

// field is a field of an answer. Answers are lists, so that their order can be
// shuffled: WeChat promises none.
type field struct {
	name  string
	value any
}

// accessToken is GET /sns/oauth2/access_token. The checks stand in WeChat's order
// (wechat-api.md §1.4).
func (s *Sim) accessToken(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	appID := q.Get("appid")
	if s.broken(w, r, appID) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	account, c := s.accounts[appID], s.codes[q.Get("code")]
	switch {
	case appID == "":
		s.fail(w, r, 41002, "appid missing")
	case q.Get("secret") == "":
		s.fail(w, r, 41004, "appsecret missing")
	case q.Get("code") == "":
		s.fail(w, r, 41008, "missing code")
	case q.Get("grant_type") != "authorization_code":
		s.fail(w, r, 40002, "invalid grant_type")
	case account == nil:
		s.fail(w, r, 40013, "invalid appid")
	case q.Get("secret") != account.Secret || s.hit("secret_changed", appID):
		s.fail(w, r, 40125, "invalid appsecret")
	case s.hit("ip_not_listed", appID):
		s.fail(w, r, 40164, "invalid ip 127.0.0.1 ipv6 ::ffff:127.0.0.1, not in whitelist")
	case s.hit("rate_limited", appID):
		s.fail(w, r, 45011, "api minute-quota reach limit, must slower retry next minute")
	case c == nil || c.appID != appID || s.hit("code_invalid", appID):
		s.fail(w, r, 40029, "invalid code")
	case c.used || s.hit("code_used", appID):
		s.fail(w, r, 40163, "code been used")
	case s.now().Sub(c.made) > codeLife:
		s.fail(w, r, s.options.ExpiredAs, "code expired")
	default:
		c.used = true
		if s.hit("timeout_after_use", appID) {
			s.record(r, c.person, appID, 0, "")
			s.mu.Unlock()
			<-r.Context().Done()
			s.mu.Lock()
			return
		}
		s.writeToken(w, r, c)
	}
}

// broken plays what goes wrong before an answer is thought of; true if that was
// the answer.
func (s *Sim) broken(w http.ResponseWriter, r *http.Request, appID string) bool {
	s.mu.Lock()
	slow, down, broken, html, busy := s.hit("slow", appID), s.hit("host_down", appID), s.hit("http_500", appID), s.hit("not_json", appID), s.hit("busy", appID)
	s.mu.Unlock()
	if slow {
		select {
		case <-time.After(3 * time.Second):
		case <-r.Context().Done():
			return true
		}
	}
	switch {
	case down:
		s.note(r, "", appID, 0, "")
		panic(http.ErrAbortHandler)
	case broken:
		s.note(r, "", appID, http.StatusInternalServerError, "")
		w.WriteHeader(http.StatusInternalServerError)
	case html:
		s.note(r, "", appID, http.StatusOK, "<html>")
		_, _ = w.Write([]byte("<html><body>502 Bad Gateway</body></html>"))
	case busy:
		s.mu.Lock()
		defer s.mu.Unlock()
		s.fail(w, r, -1, "system error")
	default:
		return false
	}
	return true
}

// writeToken answers an exchange.
func (s *Sim) writeToken(w http.ResponseWriter, r *http.Request, c *code) {
	t := &token{person: c.person, appID: c.appID, scope: c.scope, snapshot: c.snapshot, refresh: fmt.Sprintf("%d_", 60+s.random.IntN(30)) + s.draw(80), until: s.now().Add(tokenLife)}
	t.openID, t.unionID = s.OpenID(c.person, c.appID), s.unionID(c.person, c.appID)
	if c.snapshot {
		t.openID, t.unionID = "o"+s.draw(27), "o"+s.draw(27)
	}
	access := fmt.Sprintf("%d_", 60+s.random.IntN(30)) + s.draw(60+s.random.IntN(60))
	s.tokens[access] = t
	fields := []field{{"access_token", access}, {"expires_in", 7200}, {"refresh_token", t.refresh}, {"openid", t.openID}, {"scope", c.scope}}
	told := c.scope == "snsapi_userinfo" || !s.options.QuietUnionID && s.consents[consent{c.person, c.appID}]
	if t.unionID != "" && told {
		fields = append(fields, field{"unionid", t.unionID})
	}
	if c.snapshot {
		fields = append(fields, field{"is_snapshotuser", 1})
	}
	if s.hit("missing_openid", c.appID) {
		fields = append(fields[:3:3], fields[4:]...)
	}
	s.answer(w, r, c.person, c.appID, fields)
}

// userInfo is GET /sns/userinfo.
func (s *Sim) userInfo(w http.ResponseWriter, r *http.Request) {
	if s.broken(w, r, "") {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.visitorToken(w, r)
	if t == nil {
		return
	}
	if t.scope != "snsapi_userinfo" {
		s.fail(w, r, 48001, "api unauthorized")
		return
	}
	nickname := t.person
	if p := s.people[t.person]; p != nil {
		nickname = p.Nickname
	}
	fields := []field{
		{"openid", t.openID}, {"nickname", nickname}, {"sex", 0}, {"language", ""}, {"city", ""}, {"province", ""}, {"country", ""},
		{"headimgurl", "https://thirdwx.qlogo.cn/mmopen/" + s.derive(20, "face", t.person) + "/132"}, {"privilege", []string{}},
	}
	if t.unionID != "" {
		fields = append(fields, field{"unionid", t.unionID})
	}
	s.answer(w, r, t.person, t.appID, fields)
}

// visitorToken finds the token of a call for a visitor, or answers for it.
func (s *Sim) visitorToken(w http.ResponseWriter, r *http.Request) *token {
	q := r.URL.Query()
	t := s.tokens[q.Get("access_token")]
	switch {
	case q.Get("access_token") == "":
		s.fail(w, r, 41001, "access_token missing")
	case t == nil:
		s.fail(w, r, 40001, "invalid credential, access_token is invalid or not latest")
	case s.now().After(t.until):
		s.fail(w, r, 42001, "access_token expired")
	case q.Get("openid") != t.openID:
		s.fail(w, r, 40003, "invalid openid")
	default:
		return t
	}
	return nil
}

// checkToken is GET /sns/auth.
func (s *Sim) checkToken(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t := s.visitorToken(w, r); t != nil {
		s.answer(w, r, t.person, t.appID, []field{{"errcode", 0}, {"errmsg", "ok"}})
	}
}

// refreshToken is GET /sns/oauth2/refresh_token.
func (s *Sim) refreshToken(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	s.mu.Lock()
	defer s.mu.Unlock()
	for access, t := range s.tokens {
		if t.refresh == q.Get("refresh_token") && t.appID == q.Get("appid") && q.Get("grant_type") == "refresh_token" {
			t.until = s.now().Add(tokenLife)
			s.answer(w, r, t.person, t.appID, []field{{"openid", t.openID}, {"access_token", access}, {"expires_in", 7200}, {"refresh_token", t.refresh}, {"scope", t.scope}})
			return
		}
	}
	s.fail(w, r, 40030, "invalid refresh_token")
}

// fail answers with an error: status 200, and a message whose tail is never the same.
func (s *Sim) fail(w http.ResponseWriter, r *http.Request, errcode int, message string) {
	s.answer(w, r, "", r.URL.Query().Get("appid"), []field{{"errcode", errcode}, {"errmsg", message + ", rid: " + s.rid()}})
}

// answer writes fields in an order of its own, as text/plain, which is what the
// /sns calls say of their JSON.
func (s *Sim) answer(w http.ResponseWriter, r *http.Request, person, appID string, fields []field) {
	if s.hit("unknown_fields", appID) || s.random.IntN(3) == 0 {
		fields = append(fields, field{"_" + strings.ToLower(s.draw(6)), map[string]any{"a": []int{1, 2}}})
	}
	quoted := s.hit("numbers_as_strings", appID)
	s.random.Shuffle(len(fields), func(i, j int) { fields[i], fields[j] = fields[j], fields[i] })
	var b strings.Builder
	for i, f := range fields {
		if n, ok := f.value.(int); ok && quoted {
			f.value = fmt.Sprint(n)
		}
		name, _ := json.Marshal(f.name)
		value, _ := json.Marshal(f.value)
		fmt.Fprintf(&b, "%s%s:%s", map[bool]string{true: "{", false: ","}[i == 0], name, value)
	}
	b.WriteString("}")
	s.record(r, person, appID, http.StatusOK, b.String())
	w.Header().Set("Content-Type", "text/plain")
	_, _ = w.Write([]byte(b.String()))
}
