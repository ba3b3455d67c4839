package wechatsim

// bearerAccount checks what comes first in every call in an account's name: the
// global token, the account, its right to the call, and its quota. The result is 0
// or WeChat's errcode. Call it once, and before the body is read.
func (c *call) bearerAccount() (Account, int) {
	word := c.query.Get("access_token")
	if word == "" {
		return Account{}, 41001
	}
	if c.is("token_dead") {
		c.kill(word)
	}
	t, ok := c.globalToken(word)
	now := c.Now()
	switch {
	case ok && !now.Before(t.Until) && (t.Retired.IsZero() || t.Until.Before(t.Retired)):
		return Account{}, 42001
	case !ok, !t.Valid(now):
		return Account{}, 40001
	}
	a, _ := c.account(t.AppID)
	switch {
	case a.Banned:
		return Account{}, 50004
	case a.Frozen, c.is("account_frozen"):
		return Account{}, 50007
	case !c.endpoint.may(a):
		return Account{}, 48001
	}
	code := c.spend(a)
	if code == 0 {
		c.mu.Lock()
		c.globals[word].Uses++
		c.mu.Unlock()
	}
	return a, code
}

// ok is the answer of a call that has nothing to tell, and what comes besides.
func (c *call) ok(fields ...field) {
	c.answer(append([]field{{"errcode", 0}, {"errmsg", "ok"}}, fields...)...)
}
