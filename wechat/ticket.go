package wechat

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"net/url"
	"strconv"
	"strings"
)

// JSTicket gives the account's ticket for WeChat's JS-SDK, of the kind "jsapi", or
// "wx_card" for cards (wechat-api.md §11.1). It serves all pages of the account
// for its life; few calls a day are permitted. Any error is an [*Error].
func (c *Client) JSTicket(ctx context.Context, as Bearer, kind string) (Fresh, error) {
	q := as.query("cgi-bin/ticket/getticket", url.Values{"type": {kind}})
	q.idempotent = true
	q.need(kind == "jsapi" || kind == "wx_card", "the kind of the ticket is neither jsapi nor wx_card")
	var a struct {
		Ticket    text   `json:"ticket"`
		ExpiresIn number `json:"expires_in"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return Fresh{}, err
	}
	return q.fresh(a.Ticket, a.ExpiresIn)
}

// SignPage signs a page for wx.config (wechat-api.md §11.2): lower-case hex of
// SHA-1. The page is its whole address as the browser reports it; what follows #
// doesn't count. The timestamp is in seconds, and must be the one of wx.config, as
// the nonce must be. Sign no page of somebody else.
func SignPage(ticket, nonce string, timestamp int64, page string) string {
	page, _, _ = strings.Cut(page, "#")
	sum := sha1.Sum([]byte("jsapi_ticket=" + ticket + "&noncestr=" + nonce + "&timestamp=" + strconv.FormatInt(timestamp, 10) + "&url=" + page))
	return hex.EncodeToString(sum[:])
}
