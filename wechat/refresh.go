package wechat

import (
	"context"
	"net/url"
)

// RefreshGrant gives a grant another two hours, if WeChat gave a refresh token with
// it, which lives for 30 days (wechat-api.md §1.5). What the grant says of the
// visitor stays. [ClassRestart] means that he has to log in anew. Any error is an
// [*Error].
func (c *Client) RefreshGrant(ctx context.Context, g Grant) (Grant, error) {
	q := query{api: "sns/oauth2/refresh_token", appID: g.appID, idempotent: true}
	if g.renewal == nil {
		return Grant{}, &Error{API: q.api, Class: ClassRestart, Message: "the grant holds no refresh token"}
	}
	q.params = url.Values{"appid": {g.appID}, "grant_type": {"refresh_token"}, "refresh_token": {*g.renewal}}
	q.secrets = []string{*g.token, *g.renewal, g.OpenID, g.UnionID}
	var a grantAnswer
	if err := c.do(ctx, q, &a); err != nil {
		return Grant{}, err
	}
	next, err := c.grant(q, a)
	switch {
	case err != nil:
		return Grant{}, err
	case next.OpenID != g.OpenID:
		return Grant{}, q.fault("the answer is about another openid")
	}
	next.UnionID, next.Snapshot = g.UnionID, g.Snapshot
	if next.renewal == nil {
		next.renewal = g.renewal
	}
	return next, nil
}

// CheckGrant asks whether the token of a grant is still good (wechat-api.md §1.5).
// Any error is an [*Error].
func (c *Client) CheckGrant(ctx context.Context, g Grant) error {
	q := query{api: "sns/auth", appID: g.appID, idempotent: true}
	if g.token == nil {
		return &Error{API: q.api, Class: ClassFault, Message: "the grant holds no token", Hint: hintBug}
	}
	q.params = url.Values{"access_token": {*g.token}, "openid": {g.OpenID}}
	q.secrets = []string{*g.token, g.OpenID, g.UnionID}
	return c.do(ctx, q, nil)
}
