package wechat

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
)

const apiCode2Session = "sns/jscode2session"

// MiniSession is what the code of wx.login proved. The session key decrypts what
// the mini program sends, and stays on the server: it is in no log and no JSON.
type MiniSession struct {
	OpenID     string
	UnionID    string // empty if the mini program belongs to no open platform
	SessionKey string `json:"-"` // base64
}

// Code2Session turns the code of wx.login into a session (wechat-api.md §3.1). The
// code comes from a mini program and may be anything; it is sent again only if it
// surely never left, or if WeChat was too busy. Any error is an [*Error].
func (c *Client) Code2Session(ctx context.Context, appID, secret, code string) (MiniSession, error) {
	q := query{
		api: apiCode2Session, appID: appID, bySecret: true,
		params:  url.Values{"appid": {appID}, "secret": {secret}, "js_code": {code}, "grant_type": {"authorization_code"}},
		secrets: []string{secret, code},
	}
	if e := q.checkAccount(appID, secret); e != nil {
		return MiniSession{}, e
	}
	if !wordLike(code, 128) {
		return MiniSession{}, &Error{API: q.api, Class: ClassRestart, Message: "the code is not one of WeChat's"}
	}
	return c.miniSession(ctx, q)
}

func (c *Client) miniSession(ctx context.Context, q query) (MiniSession, error) {
	var a struct {
		OpenID     text `json:"openid"`
		UnionID    text `json:"unionid"`
		SessionKey text `json:"session_key"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return MiniSession{}, err
	}
	switch {
	case !wordLike(string(a.OpenID), 64):
		return MiniSession{}, q.fault("the answer's openid is missing or malformed")
	case a.UnionID != "" && !wordLike(string(a.UnionID), 64):
		return MiniSession{}, q.fault("the answer's unionid is malformed")
	case !tokenLike(string(a.SessionKey)):
		return MiniSession{}, q.fault("the answer has no usable session_key")
	}
	return MiniSession{OpenID: string(a.OpenID), UnionID: string(a.UnionID), SessionKey: string(a.SessionKey)}, nil
}

// CheckSession asks whether a session key is still good (wechat-api.md §3.1). Of
// one that isn't, WeChat says 87009. Any error is an [*Error].
func (c *Client) CheckSession(ctx context.Context, as Bearer, openID, sessionKey string) error {
	q := as.sessionQuery("wxa/checksession", openID, sessionKey)
	q.idempotent = true
	return c.do(ctx, q, nil)
}

// ResetSessionKey gives the visitor a new session key; the old one is dead
// (wechat-api.md §3.1). It is sent again only if it surely never left. Any error
// is an [*Error].
func (c *Client) ResetSessionKey(ctx context.Context, as Bearer, openID, sessionKey string) (MiniSession, error) {
	q := as.sessionQuery("wxa/resetusersessionkey", openID, sessionKey)
	m, err := c.miniSession(ctx, q)
	if err == nil && m.OpenID != openID {
		return MiniSession{}, q.fault("the answer is about another openid")
	}
	return m, err
}

// sessionQuery proves the session key without sending it.
func (b Bearer) sessionQuery(api, openID, sessionKey string) query {
	mac := hmac.New(sha256.New, []byte(sessionKey)) // of the empty text
	q := b.query(api, url.Values{"openid": {openID}, "signature": {hex.EncodeToString(mac.Sum(nil))}, "sig_method": {"hmac_sha256"}})
	q.secrets = append(q.secrets, openID, sessionKey)
	q.need(wordLike(openID, 64), "the openid is malformed")
	q.need(tokenLike(sessionKey), "the session key is malformed")
	return q
}

// Phone is the telephone number that a visitor of a mini program gave.
type Phone struct {
	Number  string // with the country if it isn't China's, as WeChat writes it
	Pure    string // without the country
	Country string // digits, such as "86"
}

// PhoneNumber turns the code of a getPhoneNumber button into a number
// (wechat-api.md §3.2). This code is another one than that of wx.login, and is
// sent again only if it surely never left, or if WeChat was too busy. Any error is
// an [*Error].
func (c *Client) PhoneNumber(ctx context.Context, as Bearer, code string) (Phone, error) {
	q := as.query("wxa/business/getuserphonenumber", nil)
	q.body = struct {
		Code string `json:"code"`
	}{code}
	q.secrets = append(q.secrets, code)
	if !wordLike(code, 256) {
		return Phone{}, &Error{API: q.api, Class: ClassRestart, Message: "the code is not one of WeChat's"}
	}
	var a struct {
		Info struct {
			Number    text `json:"phoneNumber"`
			Pure      text `json:"purePhoneNumber"`
			Country   text `json:"countryCode"`
			Watermark struct {
				AppID text `json:"appid"`
			} `json:"watermark"`
		} `json:"phone_info"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return Phone{}, err
	}
	p := Phone{string(a.Info.Number), string(a.Info.Pure), strings.TrimPrefix(string(a.Info.Country), "+")}
	switch {
	case !digits(strings.TrimPrefix(p.Number, "+"), 20) || !digits(p.Pure, 20) || !digits(p.Country, 8):
		return Phone{}, q.fault("the answer has no telephone number")
	case string(a.Info.Watermark.AppID) != as.AppID:
		return Phone{}, q.fault("the answer is about another mini program")
	}
	return p, nil
}

// digits takes 1 to limit of [0-9].
func digits(s string, limit int) bool {
	return alphanumeric(s, limit) && !strings.ContainsFunc(s, func(r rune) bool { return r < '0' || r > '9' })
}
