package caddymodule

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/check"
	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// How accounts stand, and whether they work.

// accountOut is how an account stands, as this node knows it.
type accountOut struct {
	AppID   string                `json:"appid"`
	Kind    directory.AccountKind `json:"kind"`
	Subject string                `json:"subject,omitempty"`
	Realms  []string              `json:"realms"`
	// Followers is how many follow it, as far as pushes and jobs have told.
	Followers int64      `json:"followers"`
	Tokens    []tokenOut `json:"tokens"`
	Usage     []usageOut `json:"usage"`
	Pushes    []lineOut  `json:"pushes"`
	Paused    []pauseOut `json:"paused"`
	// PermanentCodes is how many permanent QR codes were made here, of the 100,000 that
	// WeChat gives an account.
	PermanentCodes int64 `json:"permanent_codes"`
}

// pauseOut is a kind of messages that the account can't send for now.
type pauseOut struct {
	Kind   message.Kind   `json:"kind"`
	Until  time.Time      `json:"until"`
	Reason message.Reason `json:"reason"`
	Detail string         `json:"detail,omitempty"`
}

// tokenOut is how an access token or a ticket stands; itself is not told.
type tokenOut struct {
	Kind      string    `json:"kind"`
	Until     time.Time `json:"until,omitzero"`
	Refreshed time.Time `json:"refreshed,omitzero"`
	Refreshes int64     `json:"refreshes"`
	Error     string    `json:"error,omitempty"`
	RetryAt   time.Time `json:"retry_at,omitzero"`
	Alarm     string    `json:"alarm,omitempty"`
	Advice    string    `json:"advice,omitempty"`
	IP        string    `json:"ip,omitempty"`
}

// usageOut is what an API of WeChat's cost today, in China's day.
type usageOut struct {
	API        string    `json:"api"`
	Today      int64     `json:"today"`
	Minute     int64     `json:"minute"`
	Failed     int64     `json:"failed"`
	LastCode   int       `json:"last_code,omitempty"`
	SpentUntil time.Time `json:"spent_until,omitzero"`
}

// lineOut is how pushes are handed on to a target; ours is the empty one.
type lineOut struct {
	Target  string    `json:"target"`
	Waiting int64     `json:"waiting"`
	Dead    int64     `json:"dead"`
	Oldest  time.Time `json:"oldest,omitzero"`
	Tries   int       `json:"tries"`
	Next    time.Time `json:"next,omitzero"`
	Error   string    `json:"error,omitempty"`
}

type accountsOut struct {
	Accounts []string `json:"accounts"`
}

// listAccounts lists the app ids that the key reaches.
func (c *apiCall) listAccounts(none) (accountsOut, error) {
	out := accountsOut{Accounts: []string{}}
	for _, account := range c.directory().Accounts() {
		if c.atAccount(account.AppID) == nil {
			out.Accounts = append(out.Accounts, account.AppID)
		}
	}
	slices.Sort(out.Accounts)
	return out, nil
}

func (c *apiCall) getAccount(none) (accountOut, error) {
	a := c.at
	out := accountOut{AppID: a.AppID, Kind: a.Kind, Subject: a.Subject, Realms: []string{}, Tokens: []tokenOut{}, Usage: []usageOut{}, Pushes: []lineOut{}, Paused: []pauseOut{}}
	for _, realm := range c.realmsOf(a.AppID) {
		if c.key.For(realm) {
			out.Realms = append(out.Realms, realm)
		}
	}
	for _, s := range c.keeper.States() {
		if s.AppID == a.AppID {
			out.Tokens = append(out.Tokens, tokenOut{string(s.Kind), s.Until, s.Refreshed, s.Refreshes, s.LastError, s.RetryAt, string(s.Alarm), s.Do, s.IP})
		}
	}
	for _, u := range c.wechat.Usage() {
		if u.AppID == a.AppID {
			out.Usage = append(out.Usage, usageOut{u.API, u.Today, u.Minute, u.Failed, u.LastCode, u.SpentUntil})
		}
	}
	var err error
	if out.Followers, err = c.followers().CountFollowers(c.ctx, a.AppID); err != nil {
		return accountOut{}, err
	}
	if out.PermanentCodes, _, err = c.codes.Quota(c.ctx, a.AppID); err != nil {
		return accountOut{}, err
	}
	if out.Paused, err = c.paused(a.AppID); err != nil {
		return accountOut{}, err
	}
	lines, err := c.channelStore().PushLines(c.ctx, a.AppID)
	for _, l := range lines {
		out.Pushes = append(out.Pushes, lineOut{l.Target, l.Waiting, l.Dead, l.Oldest, l.Tries, l.Next, l.Error})
	}
	return out, err
}

// paused are the messages of an account that wait because it can't send them.
func (c *apiCall) paused(appID string) ([]pauseOut, error) {
	list, err := c.messages.Paused(c.ctx)
	out := []pauseOut{}
	for _, p := range list {
		if p.AppID == appID {
			out = append(out, pauseOut{p.Kind, p.Until, p.Reason, p.Detail})
		}
	}
	return out, err
}

// resumeMessages has an account try at once what it couldn't send.
func (c *apiCall) resumeMessages(none) (none, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return none{}, err
	}
	return none{}, c.messages.Resume(c.ctx, c.at.AppID)
}

type checkOut struct {
	// OK says that nothing is wrong with the account.
	OK       bool            `json:"ok"`
	Findings []check.Finding `json:"findings"`
}

// checkTime bounds a check of an account.
const checkTime = time.Minute

// checkAccount tries what the gateway does with the account, for real.
func (c *apiCall) checkAccount(none) (checkOut, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.ctx), checkTime)
	defer cancel()
	out := checkOut{OK: true, Findings: check.Account(ctx, c.checkDeps(c.at))}
	for _, f := range out.Findings {
		out.OK = out.OK && f.OK
	}
	return out, nil
}

// checkDeps is an account and the means to try it.
func (a *App) checkDeps(account *directory.Account) check.Deps {
	host := a.originAt(a.callbackHost(account)) // the one for logins in the account's console
	// Our own pages are asked for as they are reached from here, everything else as WeChat is.
	through := func(r *http.Request) (*url.URL, error) {
		if at := r.URL.Scheme + "://" + r.URL.Host; at == host || at == a.origin {
			return nil, nil
		}
		return a.proxy, nil
	}
	d := check.Deps{
		AppID: account.AppID, Kind: check.Kind(account.Kind), Origin: host, Verify: account.Verify, WeChat: a.wechat,
		HTTP: &http.Client{
			Timeout:       10 * time.Second,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
			Transport:     &http.Transport{Proxy: through, DisableKeepAlives: true}, // nothing stays open behind a check
		},
		Now: a.now, Random: a.random,
	}
	if account.KeepsToken() {
		d.Secret = a.secret(account)
	}
	if one, _ := a.sitesOf(account.AppID); one != "" {
		d.Callback = host + a.Prefix + "/" + account.AppID + "/" + one + own + "callback"
	}
	if keys, ok := a.pushKeys(account.AppID); ok {
		d.PushURL, d.PushToken = a.pushURL(account.AppID), keys.Token
	}
	if len(a.Wechat.APIHosts) > 0 {
		d.API = a.Wechat.APIHosts[0]
		if !strings.Contains(d.API, "://") {
			d.API = "https://" + d.API
		}
	}
	return d
}

// pushURL is the address for an account's pushes in WeChat's console.
func (a *App) pushURL(appID string) string { return a.origin + a.Prefix + own + "push/" + appID }

type pushesQuery struct {
	// Target is a subscriber; ours if it is left out.
	Target string `json:"target,omitempty"`
	After  int    `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

// pushOut is a push that could not be handed on. What it says is not told.
type pushOut struct {
	Seq   int64     `json:"seq"`
	Key   string    `json:"key"`
	Kind  string    `json:"kind"`
	Came  time.Time `json:"came"`
	Tries int       `json:"tries"`
	Since time.Time `json:"since"`
	Error string    `json:"error"`
}

type pushesOut struct {
	Pushes []pushOut `json:"pushes"`
}

// deadPushes lists the pushes that a target has not taken for a day.
func (c *apiCall) deadPushes(in pushesQuery) (pushesOut, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return pushesOut{}, err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return pushesOut{}, err
	}
	list, err := c.channelStore().DeadPushes(c.ctx, lineAt(c.at.AppID, in.Target), int64(in.After), limit)
	out := pushesOut{Pushes: []pushOut{}}
	for _, p := range list {
		out.Pushes = append(out.Pushes, pushOut{p.Seq, p.Key, p.Kind, p.Came, p.Tries, p.Since, p.Error})
	}
	return out, err
}

type replayIn struct {
	Target string `json:"target,omitempty"`
	// Keys are those of the pushes; all of the target if there are none.
	Keys []string `json:"keys,omitempty"`
}

type replayOut struct {
	Replayed int `json:"replayed"`
}

func (c *apiCall) replayPushes(in replayIn) (replayOut, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return replayOut{}, err
	}
	n, err := c.channelStore().ReplayPushes(c.ctx, lineAt(c.at.AppID, in.Target), in.Keys, c.now())
	c.inbox.Wake()
	return replayOut{n}, err
}

// lineAt is where pushes of an account are handed on to.
func lineAt(appID, target string) inbox.Line { return inbox.Line{AppID: appID, Target: target} }
