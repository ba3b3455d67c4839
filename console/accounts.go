package console

import (
	"net/http"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// How WeChat accounts stand.

var accountRoutes = []route{
	{"GET", "/accounts", seeAccounts, "", (*Console).accountsPage},
	{"POST", "/accounts/of/{appid}/check", checkAccount, "account_check", (*Console).check},
	{"POST", "/accounts/of/{appid}/templates", checkAccount, "templates_sync", (*Console).syncTemplates},
}

var accountWords = map[string]Text{
	"account_check": {"检查公众号", "checked an account"}, "templates_sync": {"同步模板", "synced templates"},
}

type accountsView struct{ Accounts []Account }

// Alarms counts what somebody has to look after.
func (a Account) Alarms() int {
	n := len(a.Paused)
	for _, t := range a.Tokens {
		if t.Alarm != "" {
			n++
		}
	}
	return n
}

func (c *Console) accountsPage(v *visit) error {
	all, err := c.Accounts.Accounts(v.ctx)
	if err != nil {
		return err
	}
	slices.SortStableFunc(all, func(a, b Account) int { return b.Alarms() - a.Alarms() })
	return v.page(http.StatusOK, "accounts", accountsView{all})
}

type checkView struct {
	AppID    string
	Findings []Finding
}

// check tries an account, which asks WeChat.
func (c *Console) check(v *visit) error {
	appID := v.r.PathValue("appid")
	findings, err := c.Accounts.Check(v.ctx, appID)
	if err != nil {
		return err
	}
	if findings == nil {
		return notFound
	}
	return v.page(http.StatusOK, "check", checkView{appID, findings})
}

// accountKinds, tokenKinds and alarms are the words for what is only a code elsewhere.
var (
	accountKinds = map[directory.AccountKind]Text{
		directory.Service: {"服务号", "service account"}, directory.Subscription: {"订阅号", "subscription account"}, directory.Mini: {"小程序", "mini program"},
		directory.App: {"移动应用", "mobile app"}, directory.Web: {"网站应用", "website app"},
	}
	tokenKinds = map[string]Text{
		"token": {"接口凭证", "access token"}, "jsapi": {"网页签名凭证", "ticket for pages"}, "wx_card": {"卡券凭证", "ticket for cards"},
	}
	alarms = map[string]Text{
		"ip": {"IP 不在白名单", "not on the whitelist"}, "confirm": {"待管理员确认", "to be confirmed"}, "refused": {"被管理员拒绝", "refused by an administrator"},
		"secret": {"密钥有误", "wrong secret"}, "frozen": {"已冻结", "frozen"}, "quota": {"额度用完", "quota used up"}, "config": {"微信拒绝", "refused by WeChat"},
		"dead": {"凭证无效", "worthless token"}, "rival": {"另有程序刷新", "another program refreshes it"}, "down": {"无法连接微信", "WeChat is away"},
	}
)

// named says a code in words; one that isn't known stays as it is.
func named[K ~string](words map[K]Text, code K) Text {
	if said, known := words[code]; known {
		return said
	}
	return Text{string(code), string(code)}
}

// TokenKind is what a kind of token or ticket is called.
func TokenKind(kind string) Text { return named(tokenKinds, kind) }

// syncTemplates has WeChat list the templates of an account.
func (c *Console) syncTemplates(v *visit) error {
	appID := v.r.PathValue("appid")
	if !slices.Contains(c.AppIDs(), appID) {
		return notFound
	}
	if err := c.Accounts.SyncTemplates(v.ctx, appID); err != nil {
		v.Log.WarnContext(v.ctx, "syncing templates", "account", appID, "error", err)
		return refuse(http.StatusBadGateway, "微信没有列出模板，请先点“检查”查看原因", "WeChat doesn't list its templates: the check says why")
	}
	return v.to("/accounts?done=templates_sync")
}
