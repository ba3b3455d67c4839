package wechatsim

import (
	"maps"
	"time"
)

const (
	codeLife    = 5 * time.Minute  // wechat-api.md §1.3
	openLife    = 10 * time.Minute // of a code for a website or an app
	codeMemory  = 24 * time.Hour   // how long a used code is known as used
	tokenLife   = 2 * time.Hour    // expires_in 7200
	refreshLife = 30 * 24 * time.Hour
)

// code is what a login brought, waiting for its exchange.
type code struct {
	login
	at     string // the only path that takes it
	issued time.Time
	life   time.Duration
	used   bool
}

// issue makes a code for a login on the web or in an app.
func (s *Sim) issue(l login) string {
	if l.account.service() {
		return s.issueFor(l, exchangePath, codeLife)
	}
	return s.issueFor(l, exchangePath, openLife)
}

// issueFor makes a code that one path takes.
func (s *Sim) issueFor(l login, path string, life time.Duration) string {
	now := s.Now()
	word := s.dice.code()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	s.codes[word] = &code{login: l, at: path, issued: now, life: life}
	return word
}

// sweep forgets what is long dead. It looks only when there is twice as much as
// after the last time, so that a busy simulator doesn't spend its days on it. It
// is called with the lock held.
func (s *Sim) sweep(now time.Time) {
	size := func() int { return len(s.codes) + len(s.access) + len(s.refresh) + len(s.pending) + len(s.webLogins) }
	if size() < s.sweepAt {
		return
	}
	dead := func(t time.Time) bool { return now.Sub(t) > codeMemory }
	maps.DeleteFunc(s.codes, func(_ string, c *code) bool { return dead(c.issued) })
	maps.DeleteFunc(s.access, func(_ string, t *userToken) bool { return dead(t.until) })
	maps.DeleteFunc(s.refresh, func(_ string, t *userToken) bool { return dead(t.refreshUntil) })
	maps.DeleteFunc(s.webLogins, func(_ string, w *webLogin) bool { return dead(w.asked) })
	maps.DeleteFunc(s.pending, func(_ string, p pending) bool { return dead(p.asked) })
	s.sweepAt = 1024 + 2*size()
}

// redeem uses a code up. The second result is 0 or WeChat's errcode: an unknown
// code goes before a used one, and that before an expired one (wechat-api.md §1.4).
func (s *Sim) redeem(word, appid, path string) (login, int) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	c, ok := s.codes[word]
	switch {
	case !ok || c.account.AppID != appid || c.at != path:
		return login{}, 40029
	case c.used:
		return login{}, 40163
	case now.Sub(c.issued) >= c.life:
		return login{}, s.settings.ExpiredAs
	}
	c.used = true
	return c.login, 0
}

// exchange is /sns/oauth2/access_token.
func (c *call) exchange() {
	account, word, ok := c.credentials("code")
	if !ok {
		return
	}
	l, code := c.redeem(word, account.AppID, exchangePath)
	if code != 0 {
		c.refuse(code)
		return
	}
	c.w.req.Person = l.person
	t := c.mint(l)
	if c.is("timeout_after_use") {
		c.hang()
	}
	fields := t.fields()
	if c.is("missing_openid") {
		fields = fields[1:]
	}
	if t.unionid != "" && c.tellsUnionID(l) {
		fields = append(fields, field{"unionid", t.unionid})
	}
	if l.snapshot {
		fields = append(fields, field{"is_snapshotuser", 1})
	}
	c.answer(fields...)
}

// credentials checks what comes before the code: missing parameters, then the
// appid, then the secret (wechat-api.md §1.4), then the caller and the quota. It
// says whether all is well, and which code came; if not, it has answered.
func (c *call) credentials(name string) (Account, string, bool) {
	a, code := c.knownAccount(name)
	switch {
	case code != 0:
	case c.is("secret_changed"):
		code = 40125
	case c.is("ip_not_listed"), !a.admits(c.caller()):
		c.refuseCaller()
		return Account{}, "", false
	case c.is("code_used"):
		code = 40163
	case c.is("code_invalid"):
		code = 40029
	default:
		code = c.spend(a)
	}
	if code != 0 {
		c.refuse(code)
		return Account{}, "", false
	}
	return a, c.query.Get(name), true
}

func (c *call) knownAccount(name string) (Account, int) {
	q := c.query
	switch {
	case q.Get("appid") == "":
		return Account{}, 41002
	case q.Get("secret") == "":
		return Account{}, 41004
	case q.Get(name) == "":
		return Account{}, 41008
	case q.Get("grant_type") != "authorization_code":
		return Account{}, 40002
	}
	a, ok := c.account(q.Get("appid"))
	if !ok {
		return Account{}, 40013
	}
	if !a.isSecret(q.Get("secret")) {
		return Account{}, 40125
	}
	return a, 0
}

// tellsUnionID says whether the exchange of a login names the unionid: after
// consent it does; after a silent login only if there was consent before, which
// WeChat doesn't document but does (wechat-api.md §1.4).
func (s *Sim) tellsUnionID(l login) bool {
	return l.tellsWho() || l.grantedBefore && !s.Settings().QuietUnionID
}
