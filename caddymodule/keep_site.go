package caddymodule

import (
	"context"
	"errors"
	"net"
	"net/netip"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// keepSite adds a site at version 0, or replaces it at its version.
func (a *App) keepSite(ctx context.Context, in directory.Site, version int64, by string) error {
	if a.configured.Site(in.PTID) != nil {
		return errConfigured
	}
	return a.judged(ctx, func(changes int64) error { return a.trySite(ctx, in, version, by, changes) })
}

func (a *App) trySite(ctx context.Context, in directory.Site, version int64, by string, changes int64) error {
	site, err := a.admitSite(in)
	if err != nil {
		return err
	}
	err = a.directoryStore().PutKeptSite(ctx, directory.KeptSite{Entry: directory.Entry{Version: version, At: a.now(), By: by}, Site: *site}, changes)
	if errors.Is(err, directory.ErrAudience) {
		return audienceTaken(site)
	}
	if err != nil {
		return err
	}
	a.changedSite(site.PTID)
	return nil
}

// admitSite refuses what can't work among what exists, or leads where it mustn't.
func (a *App) admitSite(in directory.Site) (*directory.Site, error) {
	site, err := a.fitSite(in)
	if err != nil {
		return nil, err
	}
	if host, _, _ := net.SplitHostPort(site.Upstream); host != "" {
		if ip, err := netip.ParseAddr(host); err == nil && !a.allows(ip) {
			return nil, &directory.Fault{Kind: "site", ID: site.PTID, Field: "upstream", Message: host + " is outside of upstream_networks"}
		}
	}
	return site, nil
}

func audienceTaken(site *directory.Site) error {
	return &directory.Fault{Kind: "site", ID: site.PTID, Field: "audience", Message: directory.ErrAudience.Error()}
}

// judgeSite says what [App.keepSite] would make of a site, or why it would refuse it.
func (a *App) judgeSite(ctx context.Context, in directory.Site, version int64) (directory.Site, error) {
	if a.configured.Site(in.PTID) != nil {
		return in, errConfigured
	}
	site, err := a.admitSite(in)
	if err != nil {
		return in, err
	}
	kept, _, err := a.directoryStore().KeptSite(ctx, site.PTID)
	if err != nil {
		return in, err
	}
	other, err := a.directoryStore().KeptAudience(ctx, site.Audience)
	switch {
	case err != nil:
		return in, err
	case kept.Version != version:
		return in, identity.ErrConflict
	case other != "" && other != site.PTID:
		return in, audienceTaken(site)
	}
	return *site, nil
}

// dropSite takes a site of the facts away.
func (a *App) dropSite(ctx context.Context, ptid string, version int64) error {
	if a.configured.Site(ptid) != nil {
		return errConfigured
	}
	if err := a.directoryStore().DropKeptSite(ctx, ptid, version); err != nil {
		return err
	}
	a.changedSite(ptid)
	return nil
}

// changedSite lets a change to a site hold. How accounts are used is read within a second.
func (a *App) changedSite(ptid string) {
	a.sites.forget(ptid)
	a.nudge()
}
