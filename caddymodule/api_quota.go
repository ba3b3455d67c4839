package caddymodule

import (
	"context"
	"errors"
	"regexp"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// What operators do when WeChat refuses an account's calls.

// WeChat's codes for a month's clears that are used up, and for a call that there never
// was, that isn't the account's, or that it has forgotten.
const (
	codeCleared     = 48006
	codeNoCall      = 76001
	codeForeignCall = 76003
	codeOldCall     = 76004
)

// clearQuota begins the day's quotas of an account anew, and has tried at once what
// waited for that. It is asked for with the secret: there may be no token to be had.
func (c *apiCall) clearQuota(none) (none, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return none{}, err
	}
	return none{}, c.beginDayAnew(c.ctx, c.at)
}

// beginDayAnew clears an account's quota, and has waiting messages tried.
func (a *App) beginDayAnew(ctx context.Context, account *directory.Account) error {
	if !account.KeepsToken() {
		return apiRefuse(apiNoToken)
	}
	// Once asked it counts: who hangs up takes nothing back.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), apiTime)
	defer cancel()
	if err := a.wechat.ClearQuotaBySecret(ctx, account.AppID, a.secret(account)); err != nil {
		return saidNo(err, codeCleared)
	}
	return a.messages.Resume(ctx, account.AppID)
}

// callOut is what WeChat remembers of a call. What in it may be a credential or an id is
// blotted out.
type callOut struct {
	At time.Time `json:"at"`
	// Took is in milliseconds.
	Took     int64  `json:"took"`
	URL      string `json:"url"`
	Request  string `json:"request"`
	Response string `json:"response"`
	ClientIP string `json:"client_ip"`
}

var ridForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

// explainCall asks WeChat what happened at a call.
func (c *apiCall) explainCall(none) (callOut, error) {
	rid := c.r.PathValue("rid")
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return callOut{}, err
	}
	if !ridForm.MatchString(rid) {
		return callOut{}, apiRefuse(apiBadID).saying("a rid is three times eight hexadecimal digits, with dashes between them")
	}
	var e wechat.Explained
	err := c.keeper.Do(c.ctx, c.at.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
		e, err = c.wechat.ExplainRID(ctx, as, rid)
		return err
	})
	if err != nil {
		return callOut{}, saidNo(err, codeNoCall, codeForeignCall, codeOldCall)
	}
	return callOut{e.At.UTC(), e.Cost.Milliseconds(), e.URL, e.Request, e.Response, e.ClientIP}, nil
}

// saidNo makes some of WeChat's codes a refusal of what was asked for: neither the account
// nor WeChat is out of order.
func saidNo(err error, refusals ...int) error {
	var said *wechat.Error
	if errors.As(err, &said) && slices.Contains(refusals, said.Code) {
		return apiRefuse(apiWechatRefused).because(err).saying("%s; %s", said.Error(), said.Hint)
	}
	return err
}
