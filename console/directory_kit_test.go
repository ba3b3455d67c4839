package console_test

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// listed is a directory with one account and one site in the Caddyfile, and the rest in
// the facts.
type listed struct {
	*sqlstore.Store
	configured *directory.Directory
}

const configuredApp = "wx00000000000000aa"

func newListed(store *sqlstore.Store) listed {
	d, err := directory.New([]*directory.Account{{AppID: configuredApp, Secret: "s"}}, nil, []*directory.Site{{PTID: "shop", Accounts: []string{configuredApp}}})
	if err != nil {
		panic(err)
	}
	return listed{store, d}
}

func (l listed) exists(ctx context.Context) *directory.Directory {
	kept, _, err := l.KeptAccounts(ctx)
	if err != nil {
		panic(err)
	}
	var all []directory.Account
	for _, k := range kept {
		all = append(all, l.whole(k))
	}
	d, _ := l.configured.With(all)
	return d
}

// changes is how often accounts were changed.
func (l listed) changes(ctx context.Context) int64 {
	_, n, err := l.KeptAccounts(ctx)
	if err != nil {
		panic(err)
	}
	return n
}

// whole is an account with its secret, which isn't told.
func (listed) whole(k directory.KeptAccount) directory.Account {
	k.Account.Secret = "(kept)"
	if k.Account.Push != nil {
		k.Account.Push = &directory.Push{Mode: k.Account.Push.Mode, Token: "(kept)"}
	}
	return k.Account
}

func (l listed) Account(ctx context.Context, appID string) (directory.KeptAccount, bool, error) {
	kept, _, err := l.KeptAccounts(ctx)
	for _, k := range kept {
		if k.Account.AppID == appID {
			k.Account = l.whole(k)
			return k, true, err
		}
	}
	if a := l.configured.Account(appID); a != nil {
		return directory.KeptAccount{Account: *a}, true, err
	}
	return directory.KeptAccount{}, false, err
}

func (l listed) KeepAccount(ctx context.Context, a directory.Account, version int64, by string) error {
	if l.configured.Account(a.AppID) != nil {
		return console.ErrConfigured
	}
	sealed := []byte(a.Secret)
	if a.Secret == "" && version > 0 {
		a.Secret = "(kept)"
	}
	if a.Push != nil && a.Push.Token == "" {
		a.Push.Token = "(kept)"
	}
	fit, err := directory.FitAccount(a)
	if err != nil {
		return err
	}
	if fit.Secret = ""; fit.Push != nil {
		fit.Push.Token = ""
	}
	return l.PutKeptAccount(ctx, directory.KeptAccount{Entry: directory.Entry{Version: version, At: time.Now(), By: by}, Account: *fit, Sealed: sealed}, l.changes(ctx))
}

func (l listed) DropAccount(ctx context.Context, appID string, version int64, _ string) error {
	return l.DropKeptAccount(ctx, appID, version)
}

func (l listed) Sites(ctx context.Context, f directory.SiteFilter) ([]directory.KeptSite, bool, error) {
	f.Limit++
	list, err := l.KeptSites(ctx, f)
	if more := len(list) == f.Limit; more {
		return list[:f.Limit-1], true, err
	}
	return list, false, err
}

func (l listed) Site(ctx context.Context, ptid string) (directory.KeptSite, bool, error) {
	if s := l.configured.Site(ptid); s != nil {
		return directory.KeptSite{Site: *s}, true, nil
	}
	return l.KeptSite(ctx, ptid)
}

func (l listed) KeepSite(ctx context.Context, s directory.Site, version int64, by string) error {
	if l.configured.Site(s.PTID) != nil {
		return console.ErrConfigured
	}
	fit, err := l.exists(ctx).FitSite(s)
	if err != nil {
		return err
	}
	return l.PutKeptSite(ctx, directory.KeptSite{Entry: directory.Entry{Version: version, At: time.Now(), By: by}, Site: *fit}, l.changes(ctx))
}

func (l listed) DropSite(ctx context.Context, ptid string, version int64, _ string) error {
	return l.DropKeptSite(ctx, ptid, version)
}

func (listed) Realms() []string { return []string{"main"} }

func (listed) Address(s directory.Site) string {
	return "https://www.example.com/wsite/" + slices.Concat(s.Accounts, []string{"none"})[0] + "/" + s.PTID + "/"
}
