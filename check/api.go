package check

import (
	"context"
	"errors"
	"strconv"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// fetchToken fetches a token by stable_token, whichever way the gateway goes: that leaves
// alone whatever tokens are in use (wechat-api.md §4.2).
func (c *check) fetchToken(ctx context.Context) {
	if c.Secret == "" {
		c.add(WhatToken, "secret_missing", "")
		return
	}
	fresh, err := c.WeChat.StableToken(ctx, c.AppID, c.Secret, false)
	if err != nil {
		c.failed(WhatToken, err)
		return
	}
	c.token = fresh.Token
	c.add(WhatToken, "token_ok", strconv.Itoa(int(fresh.Life.Minutes())))
}

// codes are what WeChat's error codes come to, whatever was called.
var codes = map[int]string{
	40001: "secret_wrong", 40125: "secret_wrong", 41004: "secret_wrong",
	40013: "appid_wrong", 41002: "appid_wrong",
	40243: "secret_frozen",
	40164: "ip_not_listed", 45035: "ip_not_listed",
	89501: "ip_unconfirmed", 89503: "ip_unconfirmed",
	89506: "ip_refused", 89507: "ip_refused",
	50004: "account_frozen", 50007: "account_frozen",
	48001: "right_missing", 48004: "api_banned",
	45009: "quota_spent", 45011: "too_often",
	48017: "ip_retired",
}

const (
	codeUnreachable = "wechat_unreachable"
	codeRefused     = "wechat_refused"
)

// failed is the finding of a call that failed.
func (c *check) failed(what string, err error) {
	var said *wechat.Error
	if !errors.As(err, &said) {
		c.add(what, codeUnreachable, "")
		return
	}
	code := codes[said.Code]
	switch {
	case said.Code == 40001 && what != WhatToken:
		c.add(what, "token_dead", "")
	case code != "" && said.IP().IsValid():
		c.add(what, code, said.IP().String())
	case code != "":
		c.add(what, code, "?")
	case said.Code == 0 || said.Class == wechat.ClassRetry:
		c.add(what, codeUnreachable, said.API)
	default:
		c.add(what, codeRefused, strconv.Itoa(said.Code)+" "+said.Message)
	}
}

// tryRights asks who follows, which only verified accounts may.
func (c *check) tryRights(ctx context.Context) {
	page, err := c.WeChat.FanPage(ctx, c.bearer(), "")
	if err != nil {
		c.failed(WhatRights, err)
		return
	}
	c.add(WhatRights, "rights_ok", strconv.Itoa(page.Total))
}

func (c *check) tryTicket(ctx context.Context) {
	if _, err := c.WeChat.JSTicket(ctx, c.bearer(), "jsapi"); err != nil {
		c.failed(WhatTicket, err)
		return
	}
	c.add(WhatTicket, "ticket_ok", "")
}

func (c *check) tryTemplates(ctx context.Context) {
	list, err := c.WeChat.Templates(ctx, c.bearer())
	var said *wechat.Error
	switch {
	case errors.As(err, &said) && said.Code == 48001:
		c.add(WhatTemplate, "template_right_missing", "")
	case err != nil:
		c.failed(WhatTemplate, err)
	case len(list) == 0:
		c.add(WhatTemplate, "templates_none", "")
	default:
		c.add(WhatTemplate, "templates_ok", strconv.Itoa(len(list)))
	}
}

// metered are the APIs whose quotas run out first.
var metered = []string{
	"/cgi-bin/user/get", "/cgi-bin/user/info", "/cgi-bin/user/info/batchget", "/cgi-bin/message/template/send",
	"/cgi-bin/message/custom/send", "/cgi-bin/qrcode/create",
}

// tryQuotas tells of the quota that is nearest to its end. WeChat doesn't tell of every
// API to every account; those are passed over.
func (c *check) tryQuotas(ctx context.Context) {
	least, name := 101, ""
	for _, path := range metered {
		q, err := c.WeChat.Quota(ctx, c.bearer(), path)
		if err != nil || q.Daily <= 0 {
			continue
		}
		if left := int(max(q.Daily-q.Used, 0) * 100 / q.Daily); left < least {
			least, name = left, path
		}
	}
	detail := name + " (" + strconv.Itoa(least) + " %)"
	switch {
	case name == "":
		c.add(WhatQuota, "quota_unknown", "")
	case least == 0:
		c.add(WhatQuota, "quota_gone", name)
	case least < 20:
		c.add(WhatQuota, "quota_low", detail)
	default:
		c.add(WhatQuota, "quota_ok", detail)
	}
}
