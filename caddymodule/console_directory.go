package caddymodule

import (
	"context"
	"errors"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// consoleDirectory is which accounts and sites exist, as the console shows and changes them.
type consoleDirectory struct{ *App }

func (d consoleDirectory) Account(_ context.Context, appID string) (directory.KeptAccount, bool, error) {
	all := d.accounts()
	i := slices.IndexFunc(all, func(a keptAccountOut) bool { return a.Account.AppID == appID })
	if i < 0 {
		return directory.KeptAccount{}, false, nil
	}
	return directory.KeptAccount{Entry: d.directory().kept[appID], Account: all[i].Account}, true, nil
}

func (d consoleDirectory) KeepAccount(ctx context.Context, a directory.Account, version int64, by string) error {
	return consoleRefusal(d.keepAccount(ctx, a, version, by))
}

func (d consoleDirectory) DropAccount(ctx context.Context, appID string, version int64, _ string) error {
	return consoleRefusal(d.dropAccount(ctx, appID, version))
}

func (d consoleDirectory) Sites(ctx context.Context, f directory.SiteFilter) ([]directory.KeptSite, bool, error) {
	return d.listedSites(ctx, f)
}

func (d consoleDirectory) Site(ctx context.Context, ptid string) (directory.KeptSite, bool, error) {
	return d.oneSite(ctx, ptid)
}

func (d consoleDirectory) KeepSite(ctx context.Context, s directory.Site, version int64, by string) error {
	return consoleRefusal(d.keepSite(ctx, s, version, by))
}

func (d consoleDirectory) DropSite(ctx context.Context, ptid string, version int64, _ string) error {
	return consoleRefusal(d.dropSite(ctx, ptid, version))
}

func (d consoleDirectory) Realms() []string { return realmNames(d.App) }

func (d consoleDirectory) Address(s directory.Site) string {
	host := ""
	if s.OnOrigin == "off" && len(s.Hosts) > 0 {
		host = s.Hosts[0]
	}
	return d.originAt(host) + d.Prefix + "/" + s.Accounts[0] + "/" + s.PTID + "/"
}

// consoleRefusal says in the console's terms why something was not written.
func consoleRefusal(err error) error {
	switch {
	case errors.Is(err, errConfigured):
		return console.ErrConfigured
	case errors.Is(err, errGoneKept):
		return identity.ErrConflict
	}
	return err
}

var _ console.Directory = consoleDirectory{}
