package directory

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// AccountKind is what an account may do in WeChat (wechat-api.md §1.1, §2, §3).
type AccountKind string

const (
	Service      AccountKind = "service"      // 服务号: signs visitors in silently
	Subscription AccountKind = "subscription" // 订阅号: has no web login, so its visitors stay guests
	Mini         AccountKind = "mini"         // 小程序: sends the code of wx.login
	App          AccountKind = "app"          // 移动应用: sends the code of WeChat's SDK
	Web          AccountKind = "web"          // 网站应用: a visitor at a desk scans with his phone
)

// Kinds are all kinds of accounts.
var Kinds = []AccountKind{Service, Subscription, Mini, App, Web}

// Account is an account of WeChat's: an Official Account, a mini program, or an
// application of the open platform.
type Account struct {
	// The account's app id: `wx` and 16 lower-case hexadecimal digits.
	AppID string `json:"app_id,omitempty"`

	// What people know it by, as WeChat shows it to who follows it: 1 to 64 printable
	// characters. Default: none; pages for staff then show its app id alone.
	Name string `json:"name,omitempty"`

	// What WeChat calls it: `service` signs visitors in silently; with
	// `subscription`, which has no web login, visitors stay guests. `mini` is a mini
	// program and `app` a mobile app, which post their codes to `/-/login`; with
	// `web`, a website application, a visitor at a desk scans a code with his phone.
	// Default: `service`.
	Kind AccountKind `json:"kind,omitempty"`

	// The account's app secret. Needed but for a subscription account.
	// Placeholders: yes, at start; use one, so that the secret stands in no file.
	Secret string `json:"secret,omitempty"`

	// The open-platform account that this account is bound to, under a name of
	// your choice. Accounts of one subject share unionids: a visitor known
	// through one of them is known through all. Default: none; the account is
	// then its own subject, and an openid is all there is to know.
	Subject string `json:"subject,omitempty"`

	// The code of WeChat's domain check: 16 letters and digits. The file
	// `/MP_verify_<code>.txt` is then answered on every host.
	Verify string `json:"verify,omitempty"`

	// The host to which WeChat sends visitors back, if the origin's is not among those
	// that are entered for this account in WeChat's console. For `service` and `web`.
	// Default: the origin's host.
	CallbackHost string `json:"callback_host,omitempty"`

	// The page of a mini program that signs its visitor in, such as
	// `/pages/login/index`: pages in its web-view lead there when their session is
	// over. Default: none; they go back to the page before.
	MiniLoginPage string `json:"mini_login_page,omitempty"`

	// How the account's global access token is got: `stable` leaves the tokens of other
	// programs alone, `legacy` takes turns with them, `off` keeps none, and with it goes
	// everything that needs one (wechat-api.md §4). Default: `stable`.
	AccessToken string `json:"access_token,omitempty"`

	// Whether keys of the API with the scope `token` may read the account's access token,
	// `on` or `off`. Default: `on` if all sites of the account are of one realm.
	ShareToken string `json:"share_token,omitempty"`

	// Paths of WeChat's API that keys with the scope `wechat` may call through ours, such
	// as `/cgi-bin/menu/get`, or all below one: `/cgi-bin/menu/*`. Default: none.
	PassThrough []string `json:"pass_through,omitempty"`

	// What WeChat pushes, and who else hears of it. Default: nothing is accepted.
	Push *Push `json:"push,omitempty"`
}

// Openable says whether visitors can be signed in through the account, silently and
// inside WeChat.
func (a *Account) Openable() bool { return a.Kind == Service }

// Official says whether it is an Official Account: pages are opened through it.
func (a *Account) Official() bool { return a.Kind == Service || a.Kind == Subscription }

// NeedsSecret says whether nobody can be signed in through the account without its
// secret.
func (a *Account) NeedsSecret() bool { return a.Kind != Subscription }

// HasTicket says whether pages opened through the account can use WeChat's JS-SDK.
func (a *Account) HasTicket() bool { return a.Official() && a.Secret != "" && a.AccessToken != "off" }

// TakesCodes says whether a program of the operator's posts the codes of logins.
func (a *Account) TakesCodes() bool { return a.Kind == Mini || a.Kind == App }

// redirects says whether WeChat sends visitors back to us.
func (a *Account) redirects() bool { return a.Kind == Service || a.Kind == Web }

// SubjectOrSelf is the scope of the account's unionids: its subject, or itself
// where it has none.
func (a *Account) SubjectOrSelf() string {
	if a.Subject == "" {
		return a.AppID
	}
	return a.Subject
}

// Linkable says whether a visitor's unionid can be asked for: without an open
// platform there is none.
func (a *Account) Linkable() bool { return a.Openable() && a.Subject != "" }

var (
	appIDForm  = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	ptidForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)
	nameForm   = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$`)
	verifyForm = regexp.MustCompile(`^[A-Za-z0-9]{16}$`)

	miniPageForm = regexp.MustCompile(`^(/[A-Za-z0-9_-]+){1,8}$`)
)

// TokenWays are the ways to get a global access token.
var TokenWays = []string{"stable", "legacy", "off"}

// apiPathForm takes no dots but single ones, so that nothing climbs out of a path.
var apiPathForm = regexp.MustCompile(`^/(cgi-bin|wxa|wxaapi|datacube|card|customservice)(/[A-Za-z0-9_]+)*(/\*|/[A-Za-z0-9_]+)$`)

// PassesThrough says whether keys may call a path of WeChat's API through ours.
func (a *Account) PassesThrough(path string) bool {
	return slices.ContainsFunc(a.PassThrough, func(p string) bool {
		if prefix, all := strings.CutSuffix(p, "*"); all {
			return strings.HasPrefix(path, prefix)
		}
		return path == p
	})
}

// ValidAppID says whether s has the form of an app id.
func ValidAppID(s string) bool { return appIDForm.MatchString(s) }

// ValidPTID says whether s has the form of a site's id.
func ValidPTID(s string) bool { return ptidForm.MatchString(s) }

// fill sets what the operator left out.
func (a *Account) fill() {
	if a.Kind == "" {
		a.Kind = Service
	}
	if a.AccessToken == "" {
		a.AccessToken = "stable"
		if a.Kind == App || a.Kind == Web { // they have none (wechat-api.md §2)
			a.AccessToken = "off"
		}
	}
	if a.Push != nil {
		a.Push = a.Push.filled()
	}
}

// readable says whether a name is one that people can tell from others: nothing in it is
// invisible or turns what stands beside it around.
func readable(name string) bool {
	return utf8.ValidString(name) && utf8.RuneCountInString(name) <= 64 && strings.TrimSpace(name) == name &&
		!strings.ContainsFunc(name, func(r rune) bool { return !unicode.IsPrint(r) })
}

func (a *Account) check() *Fault {
	fault := func(field, message string) *Fault { return &Fault{"account", a.AppID, field, message} }
	switch {
	case !ValidAppID(a.AppID):
		return fault("", "an app id is `wx` and 16 of 0-9a-f")
	case !slices.Contains(Kinds, a.Kind):
		return fault("kind", "a kind is `service`, `subscription`, `mini`, `app` or `web`")
	case a.NeedsSecret() && a.Secret == "":
		return fault("secret", fmt.Sprintf("a %s account needs its `secret` to sign visitors in", a.Kind))
	case a.CallbackHost != "" && !a.redirects():
		return fault("callback_host", fmt.Sprintf("WeChat sends nobody back to us for a %s account", a.Kind))
	case a.CallbackHost != "" && !ValidHost(a.CallbackHost):
		return fault("callback_host", hostFault(a.CallbackHost))
	case a.MiniLoginPage != "" && a.Kind != Mini:
		return fault("mini_login_page", "only a mini program has such a page")
	case a.MiniLoginPage != "" && !miniPageForm.MatchString(a.MiniLoginPage):
		return fault("mini_login_page", "it is the path of a page in the mini program, such as `/pages/login/index`")
	case !readable(a.Name):
		return fault("name", "an account is called by at most 64 printable characters, without blanks around them")
	case a.Subject != "" && !nameForm.MatchString(a.Subject):
		return fault("subject", "a subject is named with 1 to 64 of A-Za-z0-9._-")
	case ValidAppID(a.Subject):
		return fault("subject", "a subject may not look like an app id, which stands for an account without one")
	case !slices.Contains(TokenWays, a.AccessToken):
		return fault("access_token", "an access token is got `stable` or `legacy`, or it is `off`")
	case a.ShareToken != "" && a.ShareToken != "on" && a.ShareToken != "off":
		return fault("share_token", "share_token is `on` or `off`")
	case a.Verify != "" && !verifyForm.MatchString(a.Verify):
		return fault("verify", "a verify code is the 16 letters and digits between `MP_verify_` and `.txt`")
	}
	for _, p := range a.PassThrough {
		if !apiPathForm.MatchString(p) {
			return fault("pass_through", fmt.Sprintf("%q is no path of WeChat's API such as `/cgi-bin/menu/get` or `/cgi-bin/menu/*`", p))
		}
	}
	if a.Push != nil {
		return a.Push.check(a.AppID)
	}
	return nil
}
