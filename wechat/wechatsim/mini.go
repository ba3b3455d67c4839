package wechatsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"net/http"
)

const (
	miniLoginPath    = "/sns/jscode2session"
	checkSessionPath = "/wxa/checksession"
	resetSessionPath = "/wxa/resetusersessionkey"
	phoneNumberPath  = "/wxa/business/getuserphonenumber"
)

// miniLoginsAMinute is how often one person may log in to a mini program.
const miniLoginsAMinute = 100

// miniEndpoints are the calls of a mini program's server (wechat-api.md §3).
var miniEndpoints = map[string]endpoint{
	miniLoginPath:    {method: http.MethodGet, run: (*call).code2Session},
	checkSessionPath: {method: http.MethodGet, may: mayMini, run: (*call).checkSession},
	resetSessionPath: {method: http.MethodGet, may: mayMini, run: (*call).resetSession},
	phoneNumberPath:  {method: http.MethodPost, may: mayMini, run: (*call).phoneNumber},
}

// code2Session is /sns/jscode2session.
func (c *call) code2Session() {
	a, word, ok := c.credentials("js_code")
	if !ok {
		return
	}
	l, code := c.redeem(word, a.AppID, miniLoginPath)
	switch {
	case code != 0:
		c.refuse(code)
		return
	case c.is("user_at_risk"):
		c.refuse(40226)
		return
	case !c.mayLogIn(a, l.person):
		c.refuse(45011)
		return
	}
	c.w.req.Person = l.person
	c.mu.Lock()
	key := c.state(a.AppID).sessions[l.person]
	c.mu.Unlock()
	if c.is("timeout_after_use") {
		c.hang()
	}
	fields := []field{{"openid", c.OpenID(l.person, a.AppID)}, {"session_key", key}}
	if c.is("missing_openid") {
		fields = fields[1:]
	}
	if unionid := c.UnionID(l.person, a.AppID); unionid != "" {
		fields = append(fields, field{"unionid", unionid})
	}
	if c.dice.chance(0.5) {
		fields = append(fields, field{"errcode", 0}, field{"errmsg", "ok"})
	}
	c.answer(fields...)
}

// mayLogIn counts the logins of one person by the minute.
func (c *call) mayLogIn(a Account, person string) bool {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	m, _ := c.meterOf(a, miniLoginPath+" "+person, now)
	m.minutes++
	return m.minutes <= miniLoginsAMinute
}

// session checks the signature that stands for a session key. The last result is 0
// or WeChat's errcode.
func (c *call) session() (a Account, person string, code int) {
	a, code = c.bearerAccount()
	if code != 0 {
		return a, "", code
	}
	q := c.query
	p, ok := c.whose(a.AppID, q.Get("openid"))
	if !ok {
		return a, "", 40003
	}
	c.mu.Lock()
	key := c.state(a.AppID).sessions[p.Name]
	c.mu.Unlock()
	mac := hmac.New(sha256.New, []byte(key))
	want := hex.EncodeToString(mac.Sum(nil))
	if key == "" || q.Get("sig_method") != "hmac_sha256" || subtle.ConstantTimeCompare([]byte(want), []byte(q.Get("signature"))) != 1 {
		return a, "", 87009
	}
	return a, p.Name, 0
}

// checkSession is /wxa/checksession.
func (c *call) checkSession() {
	_, _, code := c.session()
	c.finish(code)
}

// resetSession is /wxa/resetusersessionkey.
func (c *call) resetSession() {
	a, person, code := c.session()
	if code != 0 {
		c.refuse(code)
		return
	}
	c.ok(field{"openid", c.OpenID(person, a.AppID)}, field{"session_key", c.newSession(person, a.AppID)})
}

// phoneNumber is /wxa/business/getuserphonenumber.
func (c *call) phoneNumber() {
	a, code := c.bearerAccount()
	var body struct {
		Code   string `json:"code"`
		OpenID string `json:"openid"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	if code == 0 && c.is("code_invalid") {
		code = 40029
	}
	if code == 0 && c.isForeign(body.Code, phoneNumberPath, a.AppID) {
		code = 40013
	}
	var l login
	if code == 0 {
		l, code = c.redeem(body.Code, a.AppID, phoneNumberPath)
	}
	if code == 0 && body.OpenID != "" && body.OpenID != c.OpenID(l.person, a.AppID) {
		code = 40003
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	c.w.req.Person = l.person
	number := c.PhoneNumber(l.person)
	var country any = "86"
	if c.dice.chance(0.5) {
		country = 86 // both were seen
	}
	c.ok(field{"phone_info", map[string]any{
		"phoneNumber": number, "purePhoneNumber": number, "countryCode": country, "watermark": c.watermark(a.AppID),
	}})
}

// isForeign says whether a code is another account's.
func (s *Sim) isForeign(word, path, notOf string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes[word]
	return ok && c.at == path && c.account.AppID != notOf
}
