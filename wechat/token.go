package wechat

import (
	"context"
	"net/url"
)

const (
	apiStableToken = "cgi-bin/stable_token"
	apiToken       = "cgi-bin/token"
)

// StableToken gives the account's access_token of the stable kind: the same one
// until shortly before its end, so that others may ask, too (wechat-api.md §4.2).
// It never disturbs the tokens of [Client.AccessToken]. Any error is an [*Error].
//
// With force, the old token dies at once, which is for a leak alone: WeChat does
// it 20 times a day, and not within 30 s of the last time. Such a call is sent
// again only if it surely never left.
func (c *Client) StableToken(ctx context.Context, appID, secret string, force bool) (Fresh, error) {
	q := query{api: apiStableToken, appID: appID, bySecret: true, idempotent: !force, secrets: []string{secret}}
	// All four fields: without force_refresh, WeChat has answered 41002.
	q.body = struct {
		GrantType string `json:"grant_type"`
		AppID     string `json:"appid"`
		Secret    string `json:"secret"`
		Force     bool   `json:"force_refresh"`
	}{"client_credential", appID, secret, force}
	return c.accessToken(ctx, q, appID, secret)
}

// AccessToken mints an access_token of the legacy kind. The last one works for
// five more minutes, then whoever still has it gets 40001 (wechat-api.md §4.1):
// so it is sent again only if it surely never left, and an account has one owner.
// Any error is an [*Error].
func (c *Client) AccessToken(ctx context.Context, appID, secret string) (Fresh, error) {
	q := query{api: apiToken, appID: appID, bySecret: true, secrets: []string{secret}}
	q.params = url.Values{"grant_type": {"client_credential"}, "appid": {appID}, "secret": {secret}}
	return c.accessToken(ctx, q, appID, secret)
}

func (c *Client) accessToken(ctx context.Context, q query, appID, secret string) (Fresh, error) {
	if e := q.checkAccount(appID, secret); e != nil {
		return Fresh{}, e
	}
	var a struct {
		AccessToken text   `json:"access_token"`
		ExpiresIn   number `json:"expires_in"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return Fresh{}, err
	}
	return q.fresh(a.AccessToken, a.ExpiresIn)
}

// checkAccount refuses an app ID and a secret that can't be any account's, of
// which only the operator can know better ones.
func (q query) checkAccount(appID, secret string) *Error {
	switch {
	case !alphanumeric(appID, 64):
		return &Error{API: q.api, Class: ClassConfig, Message: "the app ID is not made of letters and digits", Hint: rules[40013].hint}
	case !wordLike(secret, 128):
		return &Error{API: q.api, Class: ClassConfig, Message: "the secret is not made of letters and digits", Hint: hintSecret}
	}
	return nil
}
