package caddymodule

import (
	"context"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// What an app has to do with WeChat besides logins: tokens, pushes, messages, QR codes,
// jobs. All of it is put together here.

// place names the facts: configs with the same facts share the rest, too, however they
// write the path.
func (a *App) place() string {
	if a.Facts.Postgres != "" {
		return a.Facts.Postgres
	}
	path, err := filepath.Abs(a.Facts.SQLite)
	if err != nil {
		return a.Facts.SQLite
	}
	return path
}

// channelStore is what the channels keep in the facts.
type channelStore interface {
	custody.Store
	follower.Store
	job.FollowerStore
	inbox.Store
	message.Store
	scene.Store
	job.Store
	job.Facts
	merchant.Store
}

func (a *App) channelStore() channelStore { return a.facts().Store.(pooledStore).Store }

func (a *App) followers() follower.Store { return a.channelStore() }

// holder is a name for a piece of work that nobody else in the cluster has, or had.
func (a *App) holder(work string) string {
	id := make([]byte, 16)
	a.random(id)
	return work + "-" + hex.EncodeToString(id)
}

// node is what an operator calls this process: its machine, and its number there.
func node() string {
	machine, err := os.Hostname()
	if err != nil {
		machine = "localhost"
	}
	return fmt.Sprintf("%s/%d", machine, os.Getpid())
}

// openChannels makes the channels, which do nothing yet by themselves.
func (a *App) openChannels(sealer *identity.Sealer) error {
	store, now := a.channelStore(), func() time.Time { return a.now() }
	tokens := sealer.Box("access tokens")
	var err error
	a.keeper, err = custody.NewKeeper(custody.Config{
		Source: a.wechat, Shared: a.shared, Store: store, Account: a.custodyAccount, Accounts: a.tokenAccounts, Seal: tokens.Seal, Open: tokens.Open,
		Holder: a.holder("custody"), Now: now, Random: a.random, Log: a.slog, Alarm: a.alarmed,
	})
	if err != nil {
		return err
	}
	a.kinds = &job.Kinds{
		Centre: a.telling(), Facts: store, Followers: store, WeChat: a.wechat, Call: a.keeper.Do, Account: a.jobAccount, Now: now, Log: a.slog,
	}
	a.jobs = job.NewRunner(job.Config{
		Store: store, Shared: a.shared, Kinds: a.kinds.Works(), Holder: a.holder("job"), Node: node(), Now: now, Random: a.random, Log: a.slog,
		Observe: func(j job.Job) { a.metrics.jobs.WithLabelValues(j.Kind, string(j.State)).Inc() },
	})
	a.messages = message.New(message.Config{
		Store: store, People: people{a, store}, WeChat: a.wechat, Call: a.keeper.Do, Sealer: sealer.Box("messages"), Followers: store,
		Holder: a.holder("message"), Now: now, Random: a.random, Log: a.slog, Accounts: a.templateAccounts,
		Observe: a.metrics.message,
	})
	a.codes = scene.New(scene.Config{
		Store: store, WeChat: a.wechat, Call: a.keeper.Do, Now: now, Random: a.random, Log: a.slog, Refused: a.codeRefused, Foreign: a.codeUnknown,
		Observe: func(purpose string, o scene.Outcome) { a.metrics.scans.WithLabelValues(purpose, string(o)).Inc() },
	})
	// A scan of a code that a key has made is kept; its maker asks who it was.
	a.codes.On(purposeAPI, func(ctx context.Context, c scene.Code, s scene.Scan) error {
		return a.meet(ctx, c.Realm, s.AppID, s.OpenID)
	})
	a.openMerchants(sealer)
	a.inbox = inbox.New(inbox.Config{
		Store: store, Keys: a.pushKeys, Subscribers: func(appID string) []inbox.Subscriber { return a.directory().proofs[appID].subscribers },
		Handlers: a.pushHandlers(), Followers: store, Shared: a.shared, Sealer: sealer.Box("pushes"), Networks: a.webhooks,
		Holder: a.holder("inbox"), Now: now, Random: a.random, Log: a.slog,
		Observe: a.metrics.push,
	})
	return nil
}

// startChannels lets the channels work. Only an app that runs does.
func (a *App) startChannels(ctx context.Context) {
	for _, run := range []func(context.Context){a.keeper.Run, a.jobs.Run, a.messages.Run, a.codes.Run, a.desk.Run, a.inbox.Run, a.watchChannels, a.watchTally} {
		a.workers.Go(func() { run(ctx) })
	}
}

// custodyAccount is an account whose token is kept.
func (a *App) custodyAccount(appID string) (custody.Account, bool) {
	account := a.directory().Account(appID)
	if account == nil || !account.KeepsToken() {
		return custody.Account{}, false
	}
	return custody.Account{AppID: appID, Secret: a.secret(account), Legacy: account.AccessToken == "legacy"}, true
}

// tokenAccounts are those whose token is kept.
func (a *App) tokenAccounts() []string {
	var ids []string
	for _, account := range a.directory().Accounts() {
		if account.KeepsToken() {
			ids = append(ids, account.AppID)
		}
	}
	return ids
}

// templateAccounts are those whose templates are kept up to date.
func (a *App) templateAccounts() []string {
	var ids []string
	for _, account := range a.directory().Accounts() {
		if account.Messages() {
			ids = append(ids, account.AppID)
		}
	}
	return ids
}

func (a *App) pushKeys(appID string) (push.Keys, bool) {
	if keys := a.directory().proofs[appID].push; keys != nil {
		return *keys, true
	}
	return push.Keys{}, false
}

// alarmed counts an account that needs its operator until it needs him no more. The keeper
// has said so in the log.
func (a *App) alarmed(alarm custody.Alarm) {
	on := 0.0
	if alarm.On {
		on = 1
	}
	a.metrics.alarms.WithLabelValues(alarm.AppID, string(alarm.Kind)).Set(on)
}
