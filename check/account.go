package check

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// Kind is what WeChat calls an account.
type Kind string

const (
	Service      Kind = "service"
	Subscription Kind = "subscription"
	Mini         Kind = "mini"
	App          Kind = "app"
	Web          Kind = "web"
)

// WeChat is what the check needs of [wechat.Client].
type WeChat interface {
	StableToken(ctx context.Context, appID, secret string, force bool) (wechat.Fresh, error)
	FanPage(ctx context.Context, as wechat.Bearer, after string) (wechat.FanPage, error)
	JSTicket(ctx context.Context, as wechat.Bearer, kind string) (wechat.Fresh, error)
	Templates(ctx context.Context, as wechat.Bearer) ([]wechat.Template, error)
	Quota(ctx context.Context, as wechat.Bearer, path string) (wechat.Quota, error)
	CheckCallback(ctx context.Context, as wechat.Bearer, action, operator string) (wechat.CallbackCheck, error)
	AuthorizeURL(a wechat.Authorize) (string, error)
	QRConnectURL(a wechat.Authorize) (string, error)
}

// Deps are an account and the means to try it. WeChat, HTTP, Now and Random are
// required. Whatever else is empty is not tried.
type Deps struct {
	AppID string
	Kind  Kind
	// Secret is the account's; without it nothing is tried that takes a token.
	Secret string
	// Origin is the address from which MP_verify_<Verify>.txt is fetched, such as
	// https://www.example.com; Verify the code in the name of that file.
	Origin, Verify string
	// Callback is the redirect_uri of a login.
	Callback string
	// PushURL is where WeChat pushes to, as its console has it; PushToken the token.
	PushURL, PushToken string

	WeChat WeChat
	// API is the base address of WeChat's API; default https://api.weixin.qq.com.
	API string
	// HTTP fetches what WeChat and a visitor would fetch. It should come from outside, as
	// they do. Redirects are never followed.
	HTTP *http.Client
	Now  func() time.Time
	// Random fills in random bytes.
	Random func([]byte)
}

// check is one check of an account.
type check struct {
	Deps
	token string // empty if there is none
	list  []Finding
}

// Account tries all that applies to an account, one thing after the other, and returns
// what it found in the order of [Whats]. It changes nothing at WeChat and costs a few
// calls of the day's quotas. No finding holds a secret or a token.
func Account(ctx context.Context, d Deps) []Finding {
	d.API = cmp.Or(d.API, "https://api.weixin.qq.com")
	client := *d.HTTP
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	client.Jar = nil
	d.HTTP = &client
	c := &check{Deps: d}
	official := d.Kind == Service || d.Kind == Subscription
	if official || d.Kind == Mini {
		c.fetchToken(ctx)
	}
	if official && c.token != "" {
		c.tryRights(ctx)
		c.tryTicket(ctx)
	}
	if d.Kind == Service && c.token != "" {
		c.tryTemplates(ctx)
	}
	if official && c.token != "" {
		c.tryQuotas(ctx)
	}
	if d.Kind == Service {
		c.tryVerify(ctx)
	}
	if d.Kind == Service || d.Kind == Web {
		c.tryCallback(ctx)
	}
	if d.PushURL != "" {
		if c.token != "" {
			c.tryNetwork(ctx)
		}
		c.tryPush(ctx)
	}
	c.tryClock(ctx)
	return c.list
}

func (c *check) add(what, code, detail string) {
	c.list = append(c.list, found(what, code, detail))
}

func (c *check) bearer() wechat.Bearer { return wechat.Bearer{AppID: c.AppID, Token: c.token} }
