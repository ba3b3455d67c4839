package check

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const (
	pageTimeout = 10 * time.Second
	maxPage     = 256 << 10
	// phone is how WeChat's browser calls itself (wechat-api.md §14). Others are only told
	// to open the page in WeChat.
	phone = "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.50(0x18003231) NetType/WIFI Language/zh_CN"
)

// page is what came of a GET.
type page struct {
	status int
	header http.Header
	body   string
}

// get fetches an address. Its error may hold the address: it is never shown.
func (c *check) get(ctx context.Context, address, agent string) (page, error) {
	ctx, cancel := context.WithTimeout(ctx, pageTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return page{}, err
	}
	req.Header.Set("User-Agent", agent)
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return page{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxPage))
	return page{resp.StatusCode, resp.Header, string(body)}, err
}

func (p page) redirects() bool { return p.status >= 300 && p.status < 400 }

// tryVerify fetches the file by which WeChat checks whose a domain is.
func (c *check) tryVerify(ctx context.Context) {
	if c.Origin == "" || c.Verify == "" {
		c.add(WhatVerify, "verify_unset", "")
		return
	}
	name := "MP_verify_" + c.Verify + ".txt"
	p, err := c.get(ctx, c.Origin+"/"+name, "Mozilla/5.0")
	switch {
	case err != nil:
		c.add(WhatVerify, "origin_unreachable", hostOf(c.Origin))
	case p.redirects():
		c.add(WhatVerify, "verify_redirected", name)
	case p.status != http.StatusOK:
		c.add(WhatVerify, "verify_missing", name+" ("+strconv.Itoa(p.status)+")")
	case strings.TrimSpace(p.body) != c.Verify:
		c.add(WhatVerify, "verify_wrong", name)
	default:
		c.add(WhatVerify, "verify_ok", name)
	}
}

// pageCodes are what WeChat's login page says instead of going on (wechat-api.md §1.3).
var pageCodes = map[string]string{
	"10003": "callback_domain_wrong", "10038": "callback_domain_wrong",
	"10004": "account_banned", "10005": "scope_refused", "10006": "followers_only",
	"10009": "login_too_often", "10015": "platform_unauthorized", "10016": "appid_of_other_kind",
}

// pageWords are the same in words, where the page has no code.
var pageWords = []struct{ word, code string }{
	{"redirect_uri 域名与后台配置不一致", "callback_domain_wrong"},
	{"redirect_uri域名与后台配置不一致", "callback_domain_wrong"},
	{"redirect_uri 参数错误", "callback_domain_wrong"},
	{"redirect_uri参数错误", "callback_domain_wrong"},
	{"没有 Scope 权限", "scope_refused"},
	{"没有Scope权限", "scope_refused"},
	{"AppID 参数错误", "appid_wrong"},
	{"该链接无法访问", "login_broken"},
}

// pageCode finds a code beside the words that WeChat puts before it, not anywhere in a
// page, which is full of numbers.
var pageCode = regexp.MustCompile(`(?i)(?:错误码|错误代码|error ?code|errcode|errorcode)[^0-9]{0,24}(100[0-9]{2})\b`)

// tryCallback opens WeChat's login as a phone would. Whether WeChat would send a visitor
// back to our host it says on that page, or by going on.
func (c *check) tryCallback(ctx context.Context) {
	if c.Callback == "" {
		return
	}
	order := wechat.Authorize{AppID: c.AppID, RedirectURI: c.Callback, Scope: wechat.ScopeBase, State: "wsitecheck"}
	build := c.WeChat.AuthorizeURL
	if c.Kind == Web {
		order.Scope, build = wechat.ScopeLogin, c.WeChat.QRConnectURL
	}
	host := hostOf(c.Callback)
	address, err := build(order)
	if err != nil {
		c.add(WhatCallback, "callback_malformed", "")
		return
	}
	address, _, _ = strings.Cut(address, "#")
	p, err := c.get(ctx, address, phone)
	switch code := judge(p); {
	case err != nil || p.status >= 500:
		c.add(WhatCallback, codeUnreachable, "open.weixin.qq.com")
	case code != "":
		c.add(WhatCallback, code, host)
	case p.redirects() || c.Kind == Web && strings.Contains(p.body, "/connect/qrcode/"):
		c.add(WhatCallback, "callback_ok", host)
	default:
		c.add(WhatCallback, "callback_unjudged", host)
	}
}

// judge reads WeChat's refusal from a page; empty if there is none.
func judge(p page) string {
	if m := pageCode.FindStringSubmatch(p.body); m != nil {
		if code, known := pageCodes[m[1]]; known {
			return code
		}
		return "login_broken"
	}
	for _, w := range pageWords {
		if strings.Contains(p.body, w.word) {
			return w.code
		}
	}
	return ""
}

// hostOf is the host of an address, for a sentence.
func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return "?"
	}
	return u.Host
}
