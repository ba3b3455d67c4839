package caddymodule

import (
	"context"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/check"
	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// consoleAccounts are the accounts as the console shows them.
type consoleAccounts struct{ *App }

// Name is what people call an account.
func (a consoleAccounts) Name(appID string) string {
	if account := a.directory().Account(appID); account != nil {
		return account.Name
	}
	return ""
}

// Accounts tells how all accounts stand.
func (a consoleAccounts) Accounts(ctx context.Context) ([]console.Account, error) {
	var list []console.Account
	paused, err := a.messages.Paused(ctx)
	if err != nil {
		return nil, err
	}
	states := a.keeper.States()
	for _, account := range a.directory().Accounts() {
		out := console.Account{AppID: account.AppID, Kind: account.Kind, Subject: account.Subject, Realms: a.realmsOf(account.AppID), Tokens: tokensShown(states, account.AppID)}
		for _, p := range paused {
			if p.AppID == account.AppID {
				out.Paused = append(out.Paused, pauseShown(p))
			}
		}
		if err := a.stands(ctx, account, &out); err != nil {
			return nil, err
		}
		list = append(list, out)
	}
	slices.SortFunc(list, func(x, y console.Account) int { return strings.Compare(x.AppID, y.AppID) })
	return list, nil
}

// stands fills in what the facts and the client to WeChat say of an account.
func (a consoleAccounts) stands(ctx context.Context, account *directory.Account, out *console.Account) (err error) {
	if out.Followers, err = a.followers().CountFollowers(ctx, account.AppID); err != nil {
		return err
	}
	for _, u := range a.wechat.Usage() {
		if u.AppID == account.AppID {
			out.Today, out.Failed = out.Today+u.Today, out.Failed+u.Failed
		}
	}
	if _, takes := a.pushKeys(account.AppID); takes {
		out.PushURL = a.pushURL(account.AppID)
		lines, err := a.channelStore().PushLines(ctx, account.AppID)
		if err != nil {
			return err
		}
		for _, l := range lines {
			out.Waiting, out.Dead = out.Waiting+l.Waiting, out.Dead+l.Dead
		}
	}
	if out.Sends = account.Messages(); out.Sends {
		list, synced, err := a.messages.Templates(ctx, account.AppID)
		if err != nil {
			return err
		}
		for _, t := range list {
			if t.Removed.IsZero() {
				out.Templates++
			}
		}
		out.Synced = synced
	}
	return nil
}

func tokensShown(states []custody.State, appID string) (list []console.Token) {
	for _, s := range states {
		if s.AppID == appID {
			list = append(list, console.Token{
				Kind: string(s.Kind), Until: s.Until, Refreshed: s.Refreshed, Error: s.LastError, RetryAt: s.RetryAt,
				Alarm: string(s.Alarm), Do: console.Text{ZH: s.DoZH, EN: s.Do}, IP: s.IP,
			})
		}
	}
	return list
}

// SyncTemplates has WeChat list the templates of an account.
func (a consoleAccounts) SyncTemplates(ctx context.Context, appID string) error {
	return a.messages.Sync(ctx, appID)
}

// Check tries what the gateway does with an account.
func (a consoleAccounts) Check(ctx context.Context, appID string) ([]console.Finding, error) {
	account := a.directory().Account(appID)
	if account == nil {
		return nil, nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), checkTime)
	defer cancel()
	list := []console.Finding{}
	for _, f := range check.Account(ctx, a.checkDeps(account)) {
		list = append(list, console.Finding{What: string(f.What), OK: f.OK, Warn: f.Warn, Said: console.Text{ZH: f.Said.ZH, EN: f.Said.EN}, Do: console.Text{ZH: f.Do.ZH, EN: f.Do.EN}})
	}
	return list, nil
}

var _ console.Accounts = consoleAccounts{}
