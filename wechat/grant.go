package wechat

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Grant is what a code proved.
type Grant struct {
	// OpenID is the visitor in this account: 1 to 64 of [A-Za-z0-9_-].
	OpenID string
	// UnionID is the visitor in the accounts of an open platform. It is empty
	// when WeChat didn't say, which depends on more than the scope
	// (wechat-api.md §1.4).
	UnionID string
	// Scopes are what was really granted, in WeChat's order.
	Scopes []Scope
	// Snapshot says that both ids are made up for a preview, and nobody's. Such
	// a grant must not make or link a user (wechat-api.md §1.7).
	Snapshot bool

	// token calls the API in the name of this visitor. It leaves neither this
	// package nor the process. It is a pointer to a string, which package
	// fmt prints as an address under every verb, however deep a Grant is buried
	// in another value; the fields of a struct behind a pointer it does print.
	token *string
	until time.Time // the end of the token; zero if WeChat didn't say

	renewal *string // the refresh token; a pointer for the same reason, nil if there is none
	appID   string
}

// Has says whether a scope was granted.
func (g Grant) Has(s Scope) bool { return slices.Contains(g.Scopes, s) }

// String shows a grant without its token and with the beginnings of the ids.
func (g Grant) String() string {
	return fmt.Sprintf("grant of %s (union %s, scopes %v, snapshot %t)", shorten(g.OpenID), shorten(g.UnionID), g.Scopes, g.Snapshot)
}

// Format is String under every verb, %#v included.
func (g Grant) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, g.String()) }

// LogValue is the grant for a log.
func (g Grant) LogValue() slog.Value {
	return slog.GroupValue(
		slog.String("openid", shorten(g.OpenID)), slog.String("unionid", shorten(g.UnionID)),
		slog.Any("scopes", g.Scopes), slog.Bool("snapshot", g.Snapshot))
}

// shorten leaves enough of an id to find it by, and too little to use it.
func shorten(id string) string {
	if len(id) <= 10 {
		return strings.Repeat("*", min(len(id), 3))
	}
	return id[:6] + "…"
}

// Exchange turns a code into a grant. The code comes from a browser and may be
// anything. Any error is an [*Error].
//
// The code is sent once: to the first host that takes the connection, and again
// only if WeChat was too busy to look at it. After [ClassRetry] nobody knows
// whether it is spent.
func (c *Client) Exchange(ctx context.Context, appID, secret, code string) (Grant, error) {
	q := query{
		api: apiExchange, appID: appID, bySecret: true,
		params:  url.Values{"appid": {appID}, "secret": {secret}, "code": {code}, "grant_type": {"authorization_code"}},
		secrets: []string{secret, code},
	}
	if e := q.checkAccount(appID, secret); e != nil {
		return Grant{}, e
	}
	if !wordLike(code, 128) {
		return Grant{}, &Error{API: q.api, Class: ClassRestart, Message: "the code is not one of WeChat's"}
	}
	var a grantAnswer
	if err := c.do(ctx, q, &a); err != nil {
		return Grant{}, err
	}
	return c.grant(q, a)
}

type grantAnswer struct {
	AccessToken  text   `json:"access_token"`
	RefreshToken text   `json:"refresh_token"`
	ExpiresIn    number `json:"expires_in"`
	OpenID       text   `json:"openid"`
	UnionID      text   `json:"unionid"`
	Scope        text   `json:"scope"`
	SnapshotUser flag   `json:"is_snapshotuser"`
}

// grant takes an answer without an error code, if it is a complete one.
func (c *Client) grant(q query, a grantAnswer) (Grant, error) {
	switch {
	case a.OpenID == "":
		return Grant{}, q.fault("the answer has no openid")
	case !wordLike(string(a.OpenID), 64):
		return Grant{}, q.fault("the answer's openid is malformed")
	case a.UnionID != "" && !wordLike(string(a.UnionID), 64):
		return Grant{}, q.fault("the answer's unionid is malformed")
	case !tokenLike(string(a.AccessToken)):
		return Grant{}, q.fault("the answer has no usable access_token")
	}
	token := string(a.AccessToken)
	g := Grant{
		OpenID: string(a.OpenID), UnionID: string(a.UnionID),
		Scopes: scopes(string(a.Scope)), Snapshot: bool(a.SnapshotUser),
		token: &token, appID: q.appID,
	}
	if refresh := string(a.RefreshToken); tokenLike(refresh) {
		g.renewal = &refresh
	}
	if a.ExpiresIn > 0 {
		g.until = c.now().Add(time.Duration(a.ExpiresIn) * time.Second)
	}
	return g, nil
}

// maxScopes bounds a list that has one or two entries.
const maxScopes = 16

func scopes(list string) []Scope {
	var found []Scope
	for s := range strings.SplitSeq(list, ",") {
		if s = strings.TrimSpace(s); wordLike(s, 64) && len(found) < maxScopes {
			found = append(found, Scope(s))
		}
	}
	return found
}

// tokenLike takes printable ASCII without spaces. WeChat asks for room for 512
// characters; real ones have grown before.
func tokenLike(s string) bool {
	return s != "" && len(s) <= 4096 && !strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r >= 0x7f })
}
