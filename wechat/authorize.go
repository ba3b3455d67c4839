package wechat

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// Scope is what a login asks for.
type Scope string

const (
	ScopeBase     Scope = "snsapi_base"     // silent; the openid only
	ScopeUserInfo Scope = "snsapi_userinfo" // a page of consent; nickname, avatar, unionid
	ScopeLogin    Scope = "snsapi_login"    // a website's, by QR code; see QRConnectURL
)

// Authorize is a visitor's way to WeChat's login.
type Authorize struct {
	AppID string
	// RedirectURI is where WeChat sends him back to: absolute, http or https,
	// without a fragment, since WeChat's clients don't agree on where they put
	// the code then (wechat-api.md §1.3). Its host must be one of the account's
	// domains for web login.
	RedirectURI string
	Scope       Scope
	// State comes back unchanged: 1 to 128 of [A-Za-z0-9].
	State string
}

// AuthorizeURL is the address to send the visitor to. WeChat matches the order of
// the parameters by a regular expression, and wants the fragment in a Location
// header, too (wechat-api.md §1.2). connect_redirect=1 spares WeChat's second
// hop, which calls back twice (wechat-api.md §1.6).
//
// Every value is checked, so that none can bring a parameter of its own.
func (c *Client) AuthorizeURL(a Authorize) (string, error) {
	if a.Scope != ScopeBase && a.Scope != ScopeUserInfo {
		return "", errors.New("building the authorize URL: the scope is neither snsapi_base nor snsapi_userinfo")
	}
	query, err := a.query()
	if err != nil {
		return "", fmt.Errorf("building the authorize URL: %w", err)
	}
	return c.openURL + "/connect/oauth2/authorize?" + query + "&connect_redirect=1#wechat_redirect", nil
}

// QRConnectURL is the address of the page with the QR code by which a visitor on a
// PC logs in to a website (wechat-api.md §2.1). The app ID is that of a website
// application, and the scope [ScopeLogin]. Every value is checked as by
// AuthorizeURL.
func (c *Client) QRConnectURL(a Authorize) (string, error) {
	if a.Scope != ScopeLogin {
		return "", errors.New("building the QR login URL: the scope is not snsapi_login")
	}
	query, err := a.query()
	if err != nil {
		return "", fmt.Errorf("building the QR login URL: %w", err)
	}
	return c.openURL + "/connect/qrconnect?" + query + "#wechat_redirect", nil
}

// query has the order that WeChat matches.
func (a Authorize) query() (string, error) {
	switch {
	case !alphanumeric(a.AppID, 64):
		return "", errors.New("the app ID is not made of letters and digits")
	case !alphanumeric(a.State, 128):
		return "", errors.New("the state is not made of 1 to 128 letters and digits")
	}
	if err := checkRedirect(a.RedirectURI); err != nil {
		return "", err
	}
	return "appid=" + a.AppID +
		"&redirect_uri=" + url.QueryEscape(a.RedirectURI) +
		"&response_type=code" +
		"&scope=" + string(a.Scope) +
		"&state=" + a.State, nil
}

// maxRedirect bounds a redirect URI in bytes, well below what proxies and
// clients take for the URL that it becomes part of.
const maxRedirect = 4096

// checkRedirect doesn't repeat the URI in its errors: its query may be sealed
// data of a visitor.
func checkRedirect(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil || len(s) > maxRedirect:
		return errors.New("the redirect URI can't be read or is too long")
	case u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "":
		return errors.New("the redirect URI is not an absolute http or https address")
	case u.User != nil:
		return errors.New("the redirect URI holds credentials")
	case strings.Contains(s, "#"):
		return errors.New("the redirect URI has a fragment")
	}
	for i := range len(s) {
		if s[i] <= ' ' || s[i] == '\\' || s[i] >= 0x7f {
			return errors.New("the redirect URI holds a character that must be percent-encoded")
		}
	}
	return nil
}

// alphanumeric takes 1 to limit of [A-Za-z0-9].
func alphanumeric(s string, limit int) bool {
	return wordLike(s, limit) && !strings.ContainsAny(s, "_-")
}

// wordLike takes 1 to limit of [A-Za-z0-9_-], of which WeChat's ids are made.
func wordLike(s string, limit int) bool {
	if s == "" || len(s) > limit {
		return false
	}
	for i := range len(s) {
		if !wordByte(s[i]) {
			return false
		}
	}
	return true
}

func wordByte(b byte) bool {
	return 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9' || b == '_' || b == '-'
}
