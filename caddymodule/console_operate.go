package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// What staff watch and put right: messages, events and jobs, as the console shows them.

// appIDs are those of all accounts.
func (a *App) appIDs() []string {
	var all []string
	for _, account := range a.directory().Accounts() {
		all = append(all, account.AppID)
	}
	slices.Sort(all)
	return all
}

// inConsole says for staff what is refused to them, in the words of the HTTP API where
// these are all there is.
func inConsole(err error) error {
	var fault *message.Fault
	var refused *job.Refusal
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		en, zh := fault.Say()
		status := http.StatusConflict
		if fault.Code == message.FaultNotFound {
			status = http.StatusNotFound
		}
		return console.Refuse(status, zh, en)
	case errors.As(err, &refused):
		said := console.JobReason(refused.Code)
		return console.Refuse(http.StatusBadRequest, "无法启动该任务："+said.ZH, said.EN)
	case errors.Is(err, job.ErrBusy):
		return console.Refuse(http.StatusConflict, "该公众号已有同类任务在进行", job.ErrBusy.Error())
	case errors.Is(err, job.ErrUnknown):
		return console.Refuse(http.StatusNotFound, "没有这个任务，或其状态不允许此操作", "There is no such job, or its state doesn't allow it")
	case errors.Is(err, identity.ErrUnavailable):
		return err
	}
	var ref *apiRefusal
	if !errors.As(err, &ref) {
		ref = channelProblem(err)
	}
	switch {
	case ref == nil:
		return err
	case ref.code == apiNoToken || errors.Is(err, custody.ErrUnknownAccount):
		return console.Refuse(http.StatusConflict, "网关不保管该公众号的凭证", "The gateway keeps no token of this account")
	}
	said := map[code]console.Text{
		apiTokenEarly:      {ZH: "凭证刚刚更新过，请稍后再试", EN: "The token was renewed a moment ago: try again later"},
		apiQuotaSpent:      {ZH: "额度已用完", EN: "The quota is used up"},
		codeWechatSetup:    {ZH: "公众号的配置有误，请在「公众号」中检查", EN: "The account's configuration is wrong: check it at Accounts"},
		codeWechatNonsense: {ZH: "微信的回答有误", EN: "WeChat's answer makes no sense"},
		codeWechatDown:     {ZH: "微信繁忙或无法访问，请稍后再试", EN: "WeChat is busy or can't be reached: try again later"},
	}[ref.code]
	said.ZH, said.EN = cmp.Or(said.ZH, "微信拒绝了请求"), cmp.Or(said.EN, "WeChat has refused")
	if ref.detail != "" {
		said.ZH, said.EN = said.ZH+"（微信："+ref.detail+"）", said.EN+" (WeChat: "+ref.detail+")"
	}
	return console.Refuse(http.StatusBadGateway, said.ZH, said.EN)
}

// consoleEvents are what lines of business are told.
type consoleEvents struct{ *App }

// Lines tells how all lines of business stand.
func (a consoleEvents) Lines(ctx context.Context) ([]console.Line, error) {
	store, err := a.outbox()
	if err != nil {
		return nil, err
	}
	lines, err := store.Lines(ctx)
	var list []console.Line
	for _, l := range lines {
		list = append(list, console.Line{
			Realm: l.Realm, Name: l.Name, Served: a.serves(l.Line), Cursor: l.Cursor, Behind: l.Behind, Oldest: l.Oldest,
			Parked: l.Waiting, Dead: l.Dead, Tries: l.Tries, Error: l.Error, Next: l.Next,
		})
	}
	return list, err
}

// Dead lists dead letters of a line.
func (a consoleEvents) Dead(ctx context.Context, realm, line string, after int64, limit int) ([]console.DeadEvent, error) {
	store, err := a.outbox()
	if err != nil {
		return nil, err
	}
	dead, err := store.Dead(ctx, outbox.Line{Realm: realm, Name: line}, after, limit)
	var list []console.DeadEvent
	for _, p := range dead {
		list = append(list, console.DeadEvent{Event: p.Event, Tries: p.Tries, Since: p.Since, Error: p.Error})
	}
	return list, err
}

// Replay has parked events of a line sent again now.
func (a consoleEvents) Replay(ctx context.Context, realm, line string, ids []string) (int, error) {
	store, err := a.outbox()
	if err != nil {
		return 0, err
	}
	return store.Replay(ctx, outbox.Line{Realm: realm, Name: line}, ids, a.now())
}

// Feed lists the events of a realm from the newest back. Their numbers have no gaps.
func (a consoleEvents) Feed(ctx context.Context, realm string, before int64, limit int) ([]identity.Event, error) {
	store := a.facts().apiStore()
	newest, err := store.LastEvent(ctx, realm)
	if err != nil {
		return nil, err
	}
	if before <= 0 || before > newest {
		before = newest + 1
	}
	after := max(before-1-int64(limit), 0)
	feed, err := store.Feed(ctx, realm, after, int(before-1-after))
	slices.Reverse(feed)
	return feed, err
}

// consoleJobs are what is done in the background.
type consoleJobs struct{ *App }

// Accounts are those that jobs are for: the gateway has their tokens.
func (a consoleJobs) Accounts() []string {
	all := a.tokenAccounts()
	slices.Sort(all)
	return all
}

func jobShown(j job.Job) console.Job {
	out := console.Job{
		ID: j.ID, Kind: j.Kind, AppID: j.AppID, By: j.By, Node: j.Node, State: string(j.State), Why: j.Why, Error: j.Error,
		Done: j.Done, Total: j.Total, Filled: j.Filled, Problems: j.Problems, Started: j.Started, Updated: j.Updated, Ended: j.Ended,
	}
	if j.State == job.Waiting {
		out.Until = j.Until
	}
	if left, ok := j.Remaining(); ok {
		out.Left = left
	}
	return out
}

// Jobs lists jobs of all accounts, the youngest first.
func (a consoleJobs) Jobs(ctx context.Context, before string, limit int) ([]console.Job, error) {
	var from job.Job
	var err error
	if before != "" {
		if from, err = a.jobs.Get(ctx, before); err != nil {
			return nil, inConsole(err)
		}
	}
	all, err := a.jobs.List(ctx, "", from, limit)
	var list []console.Job
	for _, j := range all {
		list = append(list, jobShown(j))
	}
	return list, err
}

// Job finds one.
func (a consoleJobs) Job(ctx context.Context, id string) (console.Job, error) {
	j, err := a.jobs.Get(ctx, id)
	return jobShown(j), inConsole(err)
}

// Problems lists the rows that a job couldn't do.
func (a consoleJobs) Problems(ctx context.Context, id string, after int64, limit int) ([]console.Problem, error) {
	all, err := a.jobs.Problems(ctx, id, after, limit)
	var list []console.Problem
	for _, p := range all {
		list = append(list, console.Problem{Seq: p.Seq, Row: p.Row, Code: p.Code, Message: p.Message})
	}
	return list, err
}

// Start queues a job.
func (a consoleJobs) Start(ctx context.Context, kind, appID, from, by string) (string, error) {
	if !slices.Contains(a.Accounts(), appID) {
		return "", inConsole(apiRefuse(apiNoToken)) // it would try for hours
	}
	var params map[string]string
	if from != "" {
		params = map[string]string{job.ParamFrom: from}
	}
	j, err := a.jobs.Start(ctx, kind, appID, params, by)
	return j.ID, inConsole(err)
}

// Cancel ends a job.
func (a consoleJobs) Cancel(ctx context.Context, id string) error {
	return inConsole(a.jobs.Cancel(ctx, id))
}

// Resume lets a job go on.
func (a consoleJobs) Resume(ctx context.Context, id string) error {
	return inConsole(a.jobs.Resume(ctx, id))
}

var (
	_ console.Events = consoleEvents{}
	_ console.Jobs   = consoleJobs{}
)
