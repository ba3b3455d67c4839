package wechatsim

import (
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
)

const (
	scopeBase     = "snsapi_base"
	scopeUserInfo = "snsapi_userinfo"
	scopeLogin    = "snsapi_login" // of a website
)

// login is a request to log in that passed all checks.
type login struct {
	account       Account
	person        string
	redirect      string // where to return to, unescaped
	scope         string // as asked
	state         string
	hopped        bool // connect_redirect=1
	afterHash     bool // code and state go after a fragment
	snapshot      bool
	grantedBefore bool
}

func (l login) userinfo() bool { return strings.Contains(l.scope, scopeUserInfo) }

// tellsWho says whether the login consents to be known by name and unionid.
func (l login) tellsWho() bool { return l.userinfo() || strings.Contains(l.scope, scopeLogin) }

// callback is the redirect URI with what WeChat adds to it. The query goes before
// a fragment (wechat-api.md §1.3).
func (l login) callback(code string) string {
	base, fragment, hasFragment := strings.Cut(l.redirect, "#")
	if l.afterHash {
		base, fragment, hasFragment = l.redirect, "", false
	}
	switch {
	case !strings.Contains(base, "?"):
		base += "?"
	case !strings.HasSuffix(base, "?") && !strings.HasSuffix(base, "&"):
		base += "&"
	}
	if code != "" {
		base += "code=" + code + "&"
	}
	base += "state=" + l.state
	if hasFragment {
		base += "#" + fragment
	}
	return base
}

// refusal is a page of WeChat that says no, instead of a redirect. The code is 0
// where WeChat shows none.
type refusal struct {
	code   int
	zh, en string
}

var (
	pageOutside  = refusal{0, "请在微信客户端打开链接", "Please open this link in WeChat."}
	pageBroken   = refusal{0, "该链接无法访问", "This link can't be opened: the parameters of the address are missing or out of order."}
	pageType     = refusal{0, "response_type 参数错误", "Wrong response_type: it is the word code."}
	pageScope    = refusal{0, "Scope 参数错误或没有 Scope 权限", "Wrong scope, or no right to it."}
	pageState    = refusal{0, "state 参数错误", "Wrong state: 1 to 128 of a-z, A-Z, 0-9."}
	pageRedirect = refusal{10003, "redirect_uri 域名与后台配置不一致", "The host of redirect_uri is not one of the account's domains."}
	pageBanned   = refusal{10004, "此公众号被封禁", "This account is banned."}
	pageNoRight  = refusal{10005, "此公众号没有这些 scope 的权限", "This account has no right to this scope."}
	pageFollow   = refusal{10006, "必须关注此测试号", "Follow this test account first."}
	pageNoScope  = refusal{10010, "scope 不能为空", "The scope is empty."}
	pageNoURI    = refusal{10011, "redirect_uri 不能为空", "The redirect_uri is empty."}
	pageNoAppID  = refusal{10012, "appid 不能为空", "The appid is empty."}
	pageOver     = refusal{0, "二维码已失效", "This code is too old, or was answered."}
	pageNoState  = refusal{10013, "state 不能为空", "The state is empty."}
)

// authorizeForm is the order that WeChat insists on (wechat-api.md §1.2). What
// comes after state is ignored.
var authorizeForm = regexp.MustCompile(`^appid=([^&]*)&redirect_uri=([^&]*)&response_type=([^&]*)&scope=([^&]*)(?:&state=([^&]*))?(&.*)?$`)

var stateForm = regexp.MustCompile(`^[a-zA-Z0-9]{1,128}$`)

// readLogin checks the query of the authorize page as it was sent. It returns the
// refusal that WeChat would show, if any.
func (s *Sim) readLogin(raw string) (login, *refusal) {
	m := authorizeForm.FindStringSubmatch(raw)
	if m == nil {
		return login{}, &pageBroken
	}
	// Only redirect_uri may need escaping; a scope list's comma often is.
	scope, err := url.QueryUnescape(m[4])
	if err != nil {
		return login{}, &pageScope
	}
	l := login{scope: scope, state: m[5]}
	l.hopped = slices.Contains(strings.Split(m[6], "&"), "connect_redirect=1")
	switch {
	case m[1] == "":
		return login{}, &pageNoAppID
	case m[2] == "":
		return login{}, &pageNoURI
	case scope == "":
		return login{}, &pageNoScope
	case l.state == "":
		return login{}, &pageNoState
	case m[3] != "code":
		return login{}, &pageType
	case !stateForm.MatchString(l.state):
		return login{}, &pageState
	}
	account, ok := s.account(m[1])
	if !ok {
		return login{}, &pageRedirect
	}
	l.account = account
	if l.redirect, ok = account.returns(m[2]); !ok {
		return login{}, &pageRedirect
	}
	return l, l.permitted()
}

// returns unescapes a redirect URI and says whether the account may return there.
func (a Account) returns(escaped string) (string, bool) {
	raw, err := url.QueryUnescape(escaped)
	if err != nil {
		return "", false
	}
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || strings.Contains(raw, `\`) {
		return "", false
	}
	host, port := strings.ToLower(u.Hostname()), u.Port()
	if strings.HasSuffix(u.Host, ":") {
		return "", false
	}
	return raw, slices.ContainsFunc(a.Domains, func(d string) bool {
		d = strings.ToLower(d)
		if !a.Sandbox {
			return port == "" && d == host
		}
		return d == host || d == "["+host+"]" || port != "" && d == net.JoinHostPort(host, port)
	})
}

// permitted checks the rights of the account.
func (l login) permitted() *refusal {
	if l.account.Banned {
		return &pageBanned
	}
	for _, scope := range strings.Split(l.scope, ",") {
		switch scope {
		case scopeBase, scopeUserInfo:
		case scopeLogin, "snsapi_privateinfo":
			return &pageNoRight // a right of websites or of other kinds of account
		default:
			return &pageScope
		}
	}
	if !mayServe(l.account) {
		return &pageNoRight
	}
	return nil
}
