package caddymodule

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// consoleOverview is the console's first page over the app.
type consoleOverview struct{ *App }

// Counts returns what all gateways counted, with what this one has yet to write.
func (a consoleOverview) Counts(ctx context.Context, from, until time.Time) ([]console.Count, error) {
	a.writeTally(ctx)
	return a.facts().Store.(pooledStore).Counts(ctx, from, until)
}

const (
	// needsLag is how long a line of business may be behind.
	needsLag = 10 * time.Minute
	// needsDays is how long a job that has failed is told of.
	needsDays = 7 * 24 * time.Hour
)

// pauseWords are the usual reasons why an account sends nothing for now.
var pauseWords = map[message.Reason]console.Text{
	message.ReasonQuota:      {ZH: "当日额度已用完", EN: "the day's quota is used up"},
	message.ReasonRate:       {ZH: "发送过快", EN: "too many in a minute"},
	message.ReasonBusy:       {ZH: "微信繁忙或无法访问", EN: "WeChat is busy or can't be reached"},
	message.ReasonAccount:    {ZH: "无法获取凭证", EN: "there is no access token"},
	message.ReasonPermission: {ZH: "公众号没有此权限", EN: "the account may not"},
}

// needs are collected in the order of their sources.
type needs struct {
	*App
	list []console.Need
}

func (n *needs) bad(path, zh, en string, args ...any)  { n.add(true, path, zh, en, args...) }
func (n *needs) todo(path, zh, en string, args ...any) { n.add(false, path, zh, en, args...) }

func (n *needs) add(bad bool, path, zh, en string, args ...any) {
	n.list = append(n.list, console.Need{Bad: bad, Path: path, Said: console.Text{ZH: fmt.Sprintf(zh, args...), EN: fmt.Sprintf(en, args...)}})
}

// when is a moment where staff are.
func (n *needs) when(at time.Time) string { return at.In(n.zone).Format("2006-01-02 15:04") }

// Needs tells what somebody has to look after.
func (a consoleOverview) Needs(ctx context.Context) ([]console.Need, error) {
	n := &needs{App: a.App}
	n.ofNode()
	for _, look := range []func(context.Context) error{n.ofAccounts, n.ofLines, n.ofPushes, n.ofJobs, n.ofRealms} {
		if err := look(ctx); err != nil {
			return nil, err
		}
	}
	var list []console.Need
	for _, bad := range []bool{true, false} {
		for _, need := range n.list {
			if need.Bad == bad {
				list = append(list, need)
			}
		}
	}
	return list, nil
}

// ofNode tells what this gateway misses.
func (n *needs) ofNode() {
	if n.factsDown.Load() {
		n.bad("", "无法访问数据库：缓存中的访客可继续使用 15 分钟", "The database can't be reached: visitors in the cache go on for 15 minutes")
	}
	if n.redisDown.Load() {
		n.bad("", "无法访问 Redis：各网关暂时独立运行", "Redis can't be reached: each gateway goes on by itself")
	}
	if !n.wechat.Reachable() {
		n.bad("", "无法访问微信接口", "WeChat's API can't be reached")
	}
	if jwks, _ := n.facts().keys.JWKS(); n.keysFailed.Load() || jwks == nil {
		n.bad("", "签名密钥无法轮换，请查看网关日志", "The signing keys can't be rotated: the gateway's log says why")
	}
}

// ofAccounts tells which accounts get no token, and which may not send.
func (n *needs) ofAccounts(ctx context.Context) error {
	for _, s := range n.keeper.States() {
		if s.Alarm != "" {
			kind := console.TokenKind(string(s.Kind))
			n.bad("/accounts/of/"+s.AppID, "公众号 %[1]s（%[2]s）：%[3]s", "Account %[1]s (%[5]s): %[4]s", s.AppID, kind.ZH, s.DoZH, s.Do, kind.EN)
		}
	}
	paused, err := n.messages.Paused(ctx)
	for _, p := range paused {
		why, known := pauseWords[p.Reason]
		if !known {
			why = inWords(p.Reason)
		}
		kind := inWords(p.Kind)
		n.bad("/messages", "公众号 %[1]s 的消息（%[2]s）暂停至 %[4]s：%[5]s", "Messages of %[1]s (%[3]s) wait until %[4]s: %[6]s", p.AppID, kind.ZH, kind.EN, n.when(p.Until), why.ZH, why.EN)
	}
	return err
}

// ofLines tells which lines of business don't hear of changes.
func (n *needs) ofLines(ctx context.Context) error {
	store, err := n.outbox()
	if err != nil {
		return err
	}
	lines, err := store.Lines(ctx)
	for _, l := range lines {
		if !n.serves(l.Line) {
			continue
		}
		if l.Dead > 0 {
			n.bad("/events/"+l.Realm+"/lines/"+l.Name, "业务线 %s/%s 有 %d 个事件未能送达", "Events that the line of business %s/%s hasn't taken: %d", l.Realm, l.Name, l.Dead)
		}
		if !l.Oldest.IsZero() && n.now().Sub(l.Oldest) > needsLag {
			n.bad("/events/"+l.Realm+"/lines/"+l.Name, "业务线 %s/%s 自 %s 起的事件尚未送达", "Line of business %s/%s waits for events since %s", l.Realm, l.Name, n.when(l.Oldest))
		}
	}
	return err
}

// ofPushes tells where WeChat's pushes stay away, and who doesn't take them.
func (n *needs) ofPushes(ctx context.Context) error {
	for _, account := range n.directory().Accounts() {
		if account.Push == nil {
			continue
		}
		lines, err := n.channelStore().PushLines(ctx, account.AppID)
		if err != nil {
			return err
		}
		if len(lines) == 0 {
			n.todo("/accounts/of/"+account.AppID, "从未收到公众号 %s 的关注、扫码等推送：请检查公众平台中的服务器地址", "No follow, scan or the like was ever pushed for %s: is the address set in WeChat's console?", account.AppID)
		}
		for _, l := range lines {
			if n.handsOn(l.Line) && l.Dead > 0 {
				n.bad("/pushes/"+l.AppID, "公众号 %[1]s 有 %[3]d 条推送未被 %[2]s 接收", "Pushes of %s that %s hasn't taken: %d", l.AppID, targetName(l.Line), l.Dead)
			}
			if n.handsOn(l.Line) && !l.Oldest.IsZero() && n.now().Sub(l.Oldest) > needsLag {
				n.bad("/pushes/"+l.AppID, "公众号 %s 自 %s 起的推送尚未被 %s 接收", "The pushes of %s since %s are not yet taken by %s", l.AppID, n.when(l.Oldest), targetName(l.Line))
			}
		}
	}
	return nil
}

func targetName(l inbox.Line) string {
	if l.Target == inbox.Own {
		return "wsite"
	}
	return l.Target
}

// ofJobs tells which jobs have failed lately, and were not done since.
func (n *needs) ofJobs(ctx context.Context) error {
	list, err := n.jobs.List(ctx, "", job.Job{}, 100)
	seen := map[[2]string]bool{}
	for _, j := range list { // the youngest first
		of := [2]string{j.Kind, j.AppID}
		if !seen[of] && j.State == job.Failed && n.now().Sub(j.Ended) < needsDays {
			kind := console.Job{Kind: j.Kind}.KindName()
			n.bad("/jobs/"+j.ID, "公众号 %[1]s 的任务「%[2]s」于 %[4]s 失败", "Job %[3]q of %[1]s failed at %[4]s", j.AppID, kind.ZH, kind.EN, n.when(j.Ended))
		}
		seen[of] = true
	}
	return err
}

// ofRealms tells of merchants whom no notice reaches.
func (n *needs) ofRealms(ctx context.Context) error {
	for _, realm := range n.directory().Realms() {
		unbound, err := n.desk.Count(ctx, merchant.Filter{Realm: realm.Name, Shown: merchant.ShowUnbound, Status: merchant.Normal})
		if err != nil {
			return err
		}
		if unbound > 0 {
			n.todo("/merchants/"+realm.Name+"?shown=unbound&status=normal", "域 %s 有 %d 个商户未绑定微信", "Merchants of realm %s who are not bound to WeChat: %d", realm.Name, unbound)
		}
	}
	return nil
}

var _ console.Overview = consoleOverview{}
