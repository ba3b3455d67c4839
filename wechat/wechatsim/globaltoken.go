package wechatsim

import (
	"crypto/subtle"
	"net/http"
	"time"
)

const (
	globalLife   = 2 * time.Hour    // expires_in 7200
	tokenOverlap = 5 * time.Minute  // how long the previous token stays good
	forcePause   = 30 * time.Second // calls nearer than this don't refresh
	forcesADay   = 20
)

// Token is a global access token, now or in the past (wechat-api.md §4).
type Token struct {
	AppID  string    `json:"appid"`
	Word   string    `json:"word"`
	Stable bool      `json:"stable"` // of the space of stable_token, else of /cgi-bin/token
	Forced bool      `json:"forced"` // made by force_refresh
	Issued time.Time `json:"issued"`
	Until  time.Time `json:"until"` // when its life ends
	// Retired is when another token or a fault ends it before that; zero if none
	// does.
	Retired time.Time `json:"retired"`
	Uses    int       `json:"uses"` // how many calls came with it while it was good
}

// Valid says whether a call with the token is let in at a time.
func (t Token) Valid(at time.Time) bool {
	return !at.Before(t.Issued) && at.Before(t.Until) && (t.Retired.IsZero() || at.Before(t.Retired))
}

// tokenSpace is one of the two token spaces of an account: neither knows of the
// other.
type tokenSpace struct {
	issued []*Token // the last one is the current one
	day    int64    // of the forced refreshes
	forced int      // on that day
}

func (sp *tokenSpace) current() *Token {
	if len(sp.issued) == 0 {
		return nil
	}
	return sp.issued[len(sp.issued)-1]
}

// Tokens are all global tokens that an account was ever given, in order of issue,
// first those of /cgi-bin/token.
func (s *Sim) Tokens(appid string) []Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Token{}
	st := s.state(appid)
	for _, space := range []*tokenSpace{&st.legacy, &st.stable} {
		for _, t := range space.issued {
			list = append(list, *t)
		}
	}
	return list
}

// KillTokens ends all global tokens of an account at once, as a leak or a reset in
// WeChat's console may. Calls with them get 40001.
func (s *Sim) KillTokens(appid string) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(appid)
	for _, space := range []*tokenSpace{&st.legacy, &st.stable} {
		for _, t := range space.issued {
			t.retire(now)
		}
	}
}

// retire ends a token at a time, unless it ends before.
func (t *Token) retire(at time.Time) {
	if t.Retired.IsZero() || at.Before(t.Retired) {
		t.Retired = at
	}
}

// kill ends one token at once.
func (s *Sim) kill(word string) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	if t, ok := s.globals[word]; ok {
		t.retire(now)
	}
}

func (s *Sim) globalToken(word string) (Token, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.globals[word]
	if !ok {
		return Token{}, false
	}
	return *t, true
}

// issueGlobal makes an account's next token. It is called with the lock held.
func (s *Sim) issueGlobal(sp *tokenSpace, t Token, now time.Time, life time.Duration) *Token {
	t.Word, t.Issued, t.Until = s.dice.token(), now, now.Add(life)
	sp.issued = append(sp.issued, &t)
	s.globals[t.Word] = &t
	return &t
}

const (
	tokenPath       = "/cgi-bin/token"
	stableTokenPath = "/cgi-bin/stable_token"
)

// tokenEndpoints are the calls that give a global token.
var tokenEndpoints = map[string]endpoint{
	tokenPath:       {method: http.MethodGet, run: (*call).legacyToken},
	stableTokenPath: {method: http.MethodPost, run: (*call).stableToken},
}

// credential is what a call for a token brings.
type credential struct {
	GrantType string `json:"grant_type"`
	AppID     string `json:"appid"`
	Secret    string `json:"secret"`
}

// ask checks a call for a token: missing parameters, then the appid, the secret,
// the caller, the state of the account, and the quota. It says whether all is well;
// if not, it has answered.
func (c *call) ask(with credential) (Account, bool) {
	a, code := c.askedBy(with)
	switch {
	case code != 0:
		c.refuse(code)
	case c.is("ip_not_listed"), !a.admits(c.caller()):
		c.refuseCaller()
	case c.is("ip_unconfirmed"):
		c.refuse(89503)
	case a.SecretFrozen:
		c.refuse(40243)
	case a.Banned:
		c.refuse(50004)
	case a.Frozen, c.is("account_frozen"):
		c.refuse(50007)
	case !mayCall(a):
		c.refuse(48001)
	default:
		if code := c.spend(a); code != 0 {
			c.refuse(code)
			return a, false
		}
		return a, true
	}
	return a, false
}

// askedBy finds out who asks. The second result is 0 or WeChat's errcode.
func (c *call) askedBy(with credential) (Account, int) {
	switch {
	case with.AppID == "":
		return Account{}, 41002
	case with.Secret == "":
		return Account{}, 41004
	case with.GrantType != "client_credential":
		return Account{}, 40002
	}
	a, ok := c.account(with.AppID)
	switch {
	case !ok:
		return Account{}, 40013
	case !a.isSecret(with.Secret), c.is("secret_changed"):
		return Account{}, 40125
	}
	return a, 0
}

func (a Account) isSecret(word string) bool {
	return subtle.ConstantTimeCompare([]byte(a.Secret), []byte(word)) == 1
}

// trueLife is how long a new token really lives, whatever the answer says. It is
// called with the lock held.
func (c *call) trueLife() time.Duration {
	if a, ok := c.strikeLocked(c.w, "token_expires_early", c.appid); ok {
		return a.delay(time.Minute)
	}
	return globalLife
}

// legacyToken is /cgi-bin/token: every call makes a new token, and the previous one
// is good for 5 more minutes.
func (c *call) legacyToken() {
	q := c.query
	a, ok := c.ask(credential{GrantType: q.Get("grant_type"), AppID: q.Get("appid"), Secret: q.Get("secret")})
	if !ok {
		return
	}
	now := c.Now()
	c.mu.Lock()
	sp := &c.state(a.AppID).legacy
	for _, old := range sp.issued {
		old.retire(now.Add(tokenOverlap))
	}
	t := *c.issueGlobal(sp, Token{AppID: a.AppID}, now, c.trueLife())
	c.mu.Unlock()
	c.answer(field{"access_token", t.Word}, field{"expires_in", int(globalLife / time.Second)})
}

// stableToken is /cgi-bin/stable_token: the same token until its last 5 minutes,
// unless a new one is forced.
func (c *call) stableToken() {
	var body struct {
		credential
		Force bool `json:"force_refresh"`
	}
	if code := c.decode(&body); code != 0 {
		c.refuse(code)
		return
	}
	a, ok := c.ask(body.credential)
	if !ok {
		return
	}
	t, left, code := c.stable(a.AppID, body.Force)
	if code != 0 {
		c.refuse(code)
		return
	}
	c.answer(field{"access_token", t.Word}, field{"expires_in", int(left / time.Second)})
}

// stable gives the stable token of an account, and the life that the answer tells.
func (c *call) stable(appid string, force bool) (Token, time.Duration, int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.Now() // not before the lock: whoever waited would be older than the token that he finds
	sp := &c.state(appid).stable
	t := sp.current()
	if t != nil && t.Forced && t.Valid(now) && now.Sub(t.Issued) < forcePause {
		force = false
	}
	if t != nil && !force && (t.lasts(now) || c.staleAgain(*t, now)) {
		return *t, t.Until.Sub(now), 0
	}
	if force && !sp.force(now) {
		return Token{}, 0, 45009
	}
	return *c.issueGlobal(sp, Token{AppID: appid, Stable: true, Forced: force}, now, c.trueLife()), globalLife, 0
}

// staleAgain says whether a dead token is given again by fault. It is called with
// the lock held.
func (c *call) staleAgain(t Token, now time.Time) bool {
	if t.Valid(now) || !now.Before(t.Until) {
		return false
	}
	_, ok := c.strikeLocked(c.w, "token_stale", c.appid)
	return ok
}

// lasts says whether a stable token is given again: its last minutes haven't begun.
func (t Token) lasts(now time.Time) bool { return t.Valid(now) && t.Until.Sub(now) > tokenOverlap }

// force makes room for a forced token: all others end at once. It says whether
// there may be one more today.
func (sp *tokenSpace) force(now time.Time) bool {
	if day := chinaDay(now); sp.day != day {
		sp.day, sp.forced = day, 0
	}
	if sp.forced >= forcesADay {
		return false
	}
	sp.forced++
	for _, t := range sp.issued {
		t.retire(now)
	}
	return true
}
