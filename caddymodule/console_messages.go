package caddymodule

import (
	"context"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// Messages to WeChat and pushes from it, as the console shows them.

// consoleMessages are the messages to WeChat.
type consoleMessages struct{ *App }

// excerpt is how many characters of a message are shown: enough to tell it from others.
const excerpt = 60

// Messages lists messages of a realm.
func (a consoleMessages) Messages(ctx context.Context, f console.MessageFilter) ([]console.Message, error) {
	all, err := a.messages.List(ctx, message.Filter{Realm: f.Realm, State: message.State(f.State), AppID: f.AppID, Kind: message.Kind(f.Kind), Before: f.Before, Limit: f.Limit})
	if err != nil {
		return nil, err
	}
	titles := map[string]map[string]string{} // of templates, by account
	var list []console.Message
	for _, m := range all {
		if _, known := titles[m.AppID]; !known && m.Template != "" {
			templates, _, err := a.messages.Templates(ctx, m.AppID)
			if err != nil {
				return nil, err
			}
			titles[m.AppID] = map[string]string{}
			for _, t := range templates {
				titles[m.AppID][t.ID] = t.Title
			}
		}
		out := console.Message{
			ID: m.ID, User: m.User, AppID: m.AppID, OpenID: m.OpenID, Kind: string(m.Kind), Title: titles[m.AppID][m.Template], Excerpt: a.messages.Excerpt(m, excerpt),
			State: string(m.State), Detail: m.Detail, Reason: inWords(m.Reason), Tries: m.Tries, Made: m.Made, Ended: m.Ended, By: m.By,
			Waits: m.State == message.Queued,
		}
		switch m.State {
		case message.Queued:
			out.Next = m.Next
		case message.Failed, message.Dropped, message.Blocked, message.Cancelled:
			out.Fails = m.Sealed != nil // what was swept can't be sent
		}
		list = append(list, out)
	}
	return list, nil
}

// pauseShown is a kind of messages that can't be sent, with the reason in words.
func pauseShown(p message.Pause) console.Pause {
	return console.Pause{AppID: p.AppID, Kind: inWords(p.Kind), Reason: inWords(p.Reason), Detail: p.Detail, Until: p.Until}
}

// Paused are the kinds of messages that accounts can't send for now.
func (a consoleMessages) Paused(ctx context.Context) ([]console.Pause, error) {
	all, err := a.messages.Paused(ctx)
	var list []console.Pause
	for _, p := range all {
		list = append(list, pauseShown(p))
	}
	return list, err
}

// Resend queues a message again.
func (a consoleMessages) Resend(ctx context.Context, realm, id string) error {
	_, err := a.messages.Replay(ctx, realm, id)
	return inConsole(err)
}

// Cancel takes a message back.
func (a consoleMessages) Cancel(ctx context.Context, realm, id string) error {
	_, err := a.messages.Cancel(ctx, realm, id)
	return inConsole(err)
}

// Quotas are what the accounts have used today.
func (a consoleMessages) Quotas(context.Context) ([]console.Quota, error) {
	used := map[string][]console.Used{}
	for _, u := range a.wechat.Usage() {
		used[u.AppID] = append(used[u.AppID], console.Used{API: u.API, Today: u.Today, Minute: u.Minute, Failed: u.Failed, LastCode: u.LastCode, SpentUntil: u.SpentUntil})
	}
	var list []console.Quota
	for _, appID := range a.appIDs() {
		if account := a.directory().Account(appID); account != nil {
			list = append(list, console.Quota{AppID: appID, Clears: account.KeepsToken(), Used: used[appID]})
		}
	}
	return list, nil
}

// Resume has an account try at once what waits.
func (a consoleMessages) Resume(ctx context.Context, appID string) error {
	return a.messages.Resume(ctx, appID)
}

// ClearQuota has WeChat begin an account's day anew.
func (a consoleMessages) ClearQuota(ctx context.Context, appID string) error {
	account := a.directory().Account(appID)
	if account == nil { // it was taken away meanwhile
		return inConsole(apiRefuse(apiNoToken))
	}
	return inConsole(a.beginDayAnew(ctx, account))
}

// consolePushes are what WeChat has pushed.
type consolePushes struct{ *App }

// Accounts are those that take pushes.
func (a consolePushes) Accounts() []string {
	return slices.DeleteFunc(a.appIDs(), func(appID string) bool { _, takes := a.pushKeys(appID); return !takes })
}

// Lines tells how an account's targets stand.
func (a consolePushes) Lines(ctx context.Context, appID string) ([]console.PushLine, error) {
	lines, err := a.channelStore().PushLines(ctx, appID)
	var list []console.PushLine
	for _, l := range lines {
		list = append(list, console.PushLine{Target: l.Target, Waiting: l.Waiting, Dead: l.Dead, Oldest: l.Oldest, Tries: l.Tries, Next: l.Next, Error: l.Error})
	}
	return list, err
}

// pushLook is how many pushes are looked at for one page.
const pushLook = 20000

// Log lists pushes, the newest first.
func (a consolePushes) Log(ctx context.Context, f console.PushFilter) ([]console.Push, int64, error) {
	all, next, err := a.channelStore().PushLog(ctx, inbox.LogFilter{
		AppID: f.AppID, Kind: f.Type, Standing: inbox.Standing(f.State), Before: f.Before, Limit: f.Limit, Look: pushLook,
	})
	var list []console.Push
	for _, l := range all {
		out := console.Push{Seq: l.Seq, Key: l.Key, OpenID: l.OpenID, Type: l.Kind, At: l.Came}
		for _, t := range l.Tasks {
			out.Left = append(out.Left, taskShown(t))
		}
		list = append(list, out)
	}
	return list, next, err
}

func taskShown(t inbox.Task) console.PushTask {
	return console.PushTask{Target: t.Target, Dead: t.Dead, Tries: t.Tries, Next: t.Next, Error: t.Error}
}

// Dead lists dead letters of a target.
func (a consolePushes) Dead(ctx context.Context, appID, target string, after int64, limit int) ([]console.Push, error) {
	all, err := a.channelStore().DeadPushes(ctx, lineAt(appID, target), after, limit)
	var list []console.Push
	for _, t := range all {
		list = append(list, console.Push{Seq: t.Seq, Key: t.Key, OpenID: t.OpenID, Type: t.Kind, At: t.Came, Left: []console.PushTask{taskShown(t)}})
	}
	return list, err
}

// Replay has dead letters of a target handed on again.
func (a consolePushes) Replay(ctx context.Context, appID, target, key string) (int, error) {
	var keys []string
	if key != "" {
		keys = []string{key}
	}
	n, err := a.channelStore().ReplayPushes(ctx, lineAt(appID, target), keys, a.now())
	a.inbox.Wake()
	return n, err
}

var (
	_ console.Messages = consoleMessages{}
	_ console.PushLog  = consolePushes{}
)
