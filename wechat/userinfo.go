package wechat

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"unicode"
	"unicode/utf8"
)

// UserInfo is what a visitor shows of himself. WeChat no longer tells sex and
// place (wechat-api.md §1.5).
type UserInfo struct {
	OpenID  string
	UnionID string // empty if the account belongs to no open platform
	// Nickname is the visitor's own text, without control characters and cut at
	// 256 bytes; it may be empty. Escape it wherever it is shown.
	Nickname string
	// AvatarURL is an http or https address, or empty. It dies when the visitor
	// changes his avatar.
	AvatarURL string
}

// String shows the beginnings of the ids and nothing of the visitor.
func (u UserInfo) String() string {
	return fmt.Sprintf("user info of %s (union %s)", shorten(u.OpenID), shorten(u.UnionID))
}

// Format is String under every verb, %#v included.
func (u UserInfo) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, u.String()) }

// LogValue is the user info for a log.
func (u UserInfo) LogValue() slog.Value {
	return slog.GroupValue(slog.String("openid", shorten(u.OpenID)), slog.String("unionid", shorten(u.UnionID)))
}

// UserInfo asks for the visitor of a grant, which must be one that
// [Client.Exchange] made. It works if he granted [ScopeUserInfo]; otherwise
// WeChat refuses with 48001. An answer about somebody else is a [ClassFault].
// Any error is an [*Error].
func (c *Client) UserInfo(ctx context.Context, g Grant) (UserInfo, error) {
	q := query{api: apiUserInfo, appID: g.appID, idempotent: true}
	if g.token == nil {
		return UserInfo{}, &Error{API: q.api, Class: ClassFault, Message: "the grant holds no token", Hint: hintBug}
	}
	if !g.until.IsZero() && !c.now().Before(g.until) {
		return UserInfo{}, &Error{API: q.api, Class: ClassRefresh, Message: "the user token has expired"}
	}
	q.params = url.Values{"access_token": {*g.token}, "openid": {g.OpenID}, "lang": {"zh_CN"}}
	q.secrets = []string{*g.token, g.OpenID, g.UnionID}
	var a struct {
		OpenID     text `json:"openid"`
		UnionID    text `json:"unionid"`
		Nickname   text `json:"nickname"`
		HeadImgURL text `json:"headimgurl"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return UserInfo{}, err
	}
	switch {
	case a.OpenID == "":
		return UserInfo{}, q.fault("the answer has no openid")
	case string(a.OpenID) != g.OpenID:
		return UserInfo{}, q.fault("the answer is about another openid")
	case a.UnionID != "" && !wordLike(string(a.UnionID), 64):
		return UserInfo{}, q.fault("the answer's unionid is malformed")
	case a.UnionID != "" && g.UnionID != "" && string(a.UnionID) != g.UnionID:
		return UserInfo{}, q.fault("the answer is about another unionid")
	}
	return UserInfo{
		OpenID: g.OpenID, UnionID: string(a.UnionID),
		Nickname: nickname(string(a.Nickname)), AvatarURL: avatar(string(a.HeadImgURL)),
	}, nil
}

// nickname keeps what people write, joined emoji included, and drops what breaks
// lines or terminals or turns the text around it.
func nickname(s string) string {
	runes := make([]rune, 0, min(len(s), 256))
	for _, r := range cut(s, 256) {
		if r != utf8.RuneError && !unicode.In(r, unicode.Cc, unicode.Zl, unicode.Zp, unicode.Bidi_Control) {
			runes = append(runes, r)
		}
	}
	return string(runes)
}

// avatar lets no javascript: address through to a page that shows it.
func avatar(s string) string {
	u, err := url.Parse(s)
	if err != nil || len(s) > 1024 || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" {
		return ""
	}
	return s
}
