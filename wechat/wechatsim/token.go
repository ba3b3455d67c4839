package wechatsim

import "time"

// userToken is a pair of tokens and whom they are about.
type userToken struct {
	access, refresh string
	appid, person   string
	openid, unionid string
	scope           string
	snapshot        bool
	until           time.Time // of the access token
	refreshUntil    time.Time
}

// fields are what both the exchange and the refresh answer, the openid first.
func (t userToken) fields() []field {
	return []field{
		{"openid", t.openid},
		{"access_token", t.access},
		{"expires_in", int(tokenLife / time.Second)},
		{"refresh_token", t.refresh},
		{"scope", t.scope},
	}
}

// mint makes the tokens of a login.
func (s *Sim) mint(l login) userToken {
	t := &userToken{
		access: s.dice.token(), refresh: s.dice.token(), appid: l.account.AppID, person: l.person,
		openid: s.OpenID(l.person, l.account.AppID), unionid: s.UnionID(l.person, l.account.AppID),
		scope: l.scope, snapshot: l.snapshot,
	}
	if l.snapshot {
		t.openid = s.madeUp()
		if t.unionid != "" {
			t.unionid = s.madeUp()
		}
	}
	now := s.Now()
	t.until, t.refreshUntil = now.Add(tokenLife), now.Add(refreshLife)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now)
	s.access[t.access], s.refresh[t.refresh] = t, t
	return *t
}

func (s *Sim) token(access string) (userToken, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.access[access]
	if !ok {
		return userToken{}, false
	}
	return *t, true
}

// renew is /sns/oauth2/refresh_token's work: a living token is prolonged and stays
// the same, a dead one is replaced (wechat-api.md §1.5).
func (s *Sim) renew(refresh, appid string) (userToken, int) {
	now := s.Now()
	fresh := s.dice.token()
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.refresh[refresh]
	switch {
	case !ok || t.appid != appid:
		return userToken{}, 40030
	case !now.Before(t.refreshUntil):
		return userToken{}, 42002
	case !now.Before(t.until):
		// The old word stays known as expired.
		dead := *t
		s.access[t.access] = &dead
		t.access = fresh
		s.access[fresh] = t
	}
	t.until = now.Add(tokenLife)
	return *t, 0
}

// refresh is /sns/oauth2/refresh_token.
func (c *call) refresh() {
	q := c.query
	switch {
	case q.Get("appid") == "":
		c.refuse(41002)
		return
	case q.Get("refresh_token") == "":
		c.refuse(41003)
		return
	case q.Get("grant_type") != "refresh_token":
		c.refuse(40002)
		return
	}
	a, ok := c.account(q.Get("appid"))
	if !ok {
		c.refuse(40013)
		return
	}
	code := c.spend(a)
	var t userToken
	if code == 0 {
		t, code = c.renew(q.Get("refresh_token"), a.AppID)
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	c.w.req.Person = t.person
	c.answer(t.fields()...)
}

// bearer checks the token and the openid of a call in a person's name.
func (c *call) bearer() (userToken, int) {
	t, ok := c.token(c.query.Get("access_token"))
	switch {
	case c.query.Get("access_token") == "":
		return t, 41001
	case c.query.Get("openid") == "":
		return t, 41009
	case !ok:
		return t, 40001
	case !c.Now().Before(t.until):
		return t, 42001
	case c.query.Get("openid") != t.openid:
		return t, 40003
	}
	return t, 0
}

// auth is /sns/auth.
func (c *call) auth() {
	if _, code := c.bearer(); code != 0 {
		c.refuse(code)
		return
	}
	c.answer(field{"errcode", 0}, field{"errmsg", "ok"})
}

// userInfo is /sns/userinfo. Sex and place are no longer told (wechat-api.md §1.5).
func (c *call) userInfo() {
	t, code := c.bearer()
	if code == 0 && !(login{scope: t.scope}).tellsWho() {
		code = 48001
	}
	if code == 0 {
		a, _ := c.account(t.appid)
		code = c.spend(a)
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	nickname := "微信用户"
	if p, ok := c.person(t.person); ok && !t.snapshot {
		nickname = p.label()
	}
	fields := []field{
		{"openid", t.openid},
		{"nickname", nickname},
		{"sex", 0},
		{"language", ""},
		{"province", ""},
		{"city", ""},
		{"country", ""},
		{"headimgurl", "http://" + c.r.Host + "/phone/avatar/" + t.person + "/132"},
		{"privilege", []string{}},
	}
	if t.unionid != "" {
		fields = append(fields, field{"unionid", t.unionid})
	}
	c.answer(fields...)
}
