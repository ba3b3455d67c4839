package caddymodule

import (
	"cmp"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Accounts and sites: those of the Caddyfile can be read, those of the facts changed too.

// keptIn are where an entry stands.
const (
	inCaddyfile = "caddyfile"
	inFacts     = "facts"
)

// entryOut is where an account or a site stands, and who changed it.
type entryOut struct {
	// In is caddyfile or facts.
	In      string    `json:"in"`
	Version int64     `json:"version,omitempty"`
	Changed time.Time `json:"changed,omitzero"`
	By      string    `json:"by,omitempty"`
}

func entryOf(e directory.Entry) entryOut {
	if e.Version == 0 {
		return entryOut{In: inCaddyfile}
	}
	return entryOut{inFacts, e.Version, e.At, e.By}
}

// keptAccountOut is an account without its secrets.
type keptAccountOut struct {
	Account directory.Account `json:"account"`
	Entry   entryOut          `json:"entry"`
}

// keptSiteOut is a site.
type keptSiteOut struct {
	Site  directory.Site `json:"site"`
	Entry entryOut       `json:"entry"`
}

type keptAccountsOut struct {
	Accounts []keptAccountOut `json:"accounts"`
}

// accounts are all, by app id, without what proves them.
func (a *App) accounts() []keptAccountOut {
	exists := a.directory()
	out := []keptAccountOut{}
	for _, account := range exists.Accounts() {
		shown := bare(*account)
		if shown.Push != nil && len(shown.Push.Subscribers) > 0 {
			pushed := *shown.Push
			pushed.Subscribers = nil
			for _, s := range shown.Push.Subscribers {
				hidden := *s
				hidden.Token, hidden.AESKey, hidden.URL = keptSecret, "", ""
				pushed.Subscribers = append(pushed.Subscribers, &hidden)
			}
			shown.Push = &pushed
		}
		out = append(out, keptAccountOut{shown, entryOf(exists.kept[account.AppID])})
	}
	return out
}

func (c *apiCall) listKeptAccounts(none) (keptAccountsOut, error) {
	return keptAccountsOut{c.accounts()}, nil
}

func (c *apiCall) getKeptAccount(none) (keptAccountOut, error) {
	all := c.accounts()
	i := slices.IndexFunc(all, func(a keptAccountOut) bool { return a.Account.AppID == c.r.PathValue("id") })
	if i < 0 {
		return keptAccountOut{}, apiRefuse(apiNoAccount)
	}
	return all[i], nil
}

// accountIn is an account as it shall be. Secrets that are left out stay as they are.
type accountIn struct {
	Account directory.Account `json:"account"`
	// Version is that from which it was edited; none for a new one.
	Version int64 `json:"version,omitempty"`
}

func (c *apiCall) putAccount(in accountIn) (keptAccountOut, error) {
	if in.Account.AppID = cmp.Or(in.Account.AppID, c.r.PathValue("id")); in.Account.AppID != c.r.PathValue("id") {
		return keptAccountOut{}, apiRefuse(apiBadBody).saying("app_id has to be the one of the address")
	}
	if err := c.keepAccount(c.ctx, in.Account, in.Version, c.actor()); err != nil {
		return keptAccountOut{}, keptRefusal(err)
	}
	return c.getKeptAccount(none{})
}

func (c *apiCall) deleteAccount(in versionIn) (none, error) {
	return none{}, keptRefusal(c.dropAccount(c.ctx, c.r.PathValue("id"), int64(in.Version)))
}

// sitesQuery says which sites are listed.
type sitesQuery struct {
	After string `json:"after,omitempty"`
	Realm string `json:"realm,omitempty"`
	AppID string `json:"appid,omitempty"`
	// Search is a part of the ptid, the audience or a host.
	Search string `json:"search,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

type sitesOut struct {
	Sites []keptSiteOut `json:"sites"`
	// After is where the next page begins; empty at the end.
	After string `json:"after,omitempty"`
}

func (c *apiCall) listSites(in sitesQuery) (sitesOut, error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return sitesOut{}, err
	}
	list, more, err := c.listedSites(c.ctx, directory.SiteFilter{After: in.After, Realm: in.Realm, AppID: in.AppID, Search: in.Search, Limit: limit})
	out := sitesOut{Sites: []keptSiteOut{}}
	for _, s := range list {
		out.Sites = append(out.Sites, keptSiteOut{s.Site, entryOf(s.Entry)})
	}
	if more {
		out.After = list[len(list)-1].Site.PTID
	}
	return out, err
}

func (c *apiCall) getSite(none) (keptSiteOut, error) {
	site, found, err := c.oneSite(c.ctx, c.r.PathValue("ptid"))
	if err == nil && !found {
		err = apiRefuse(apiNoSite)
	}
	return keptSiteOut{site.Site, entryOf(site.Entry)}, err
}

// siteIn is a site as it shall be.
type siteIn struct {
	Site directory.Site `json:"site"`
	// Version is that from which it was edited; none for a new one.
	Version int64 `json:"version,omitempty"`
	// DryRun has it judged, and nothing written.
	DryRun bool `json:"dry_run,omitempty"`
}

func (c *apiCall) putSite(in siteIn) (keptSiteOut, error) {
	if in.Site.PTID = cmp.Or(in.Site.PTID, c.r.PathValue("ptid")); in.Site.PTID != c.r.PathValue("ptid") {
		return keptSiteOut{}, apiRefuse(apiBadBody).saying("ptid has to be the one of the address")
	}
	if in.DryRun {
		site, err := c.judgeSite(c.ctx, in.Site, in.Version)
		return keptSiteOut{Site: site, Entry: entryOut{In: inFacts, Version: in.Version}}, keptRefusal(err)
	}
	if err := c.keepSite(c.ctx, in.Site, in.Version, c.actor()); err != nil {
		return keptSiteOut{}, keptRefusal(err)
	}
	return c.getSite(none{})
}

func (c *apiCall) deleteSite(in versionIn) (none, error) {
	return none{}, keptRefusal(c.dropSite(c.ctx, c.r.PathValue("ptid"), int64(in.Version)))
}

// keptRefusal says in the API's words why an account or a site was not written.
func keptRefusal(err error) error {
	var fault *directory.Fault
	switch {
	case err == nil:
		return nil
	case errors.As(err, &fault):
		ref := apiRefuse(apiBadEntry).saying("%s", fault.Error())
		ref.field = fault.Field
		return ref
	case errors.Is(err, errConfigured):
		return apiRefuse(apiConfigured)
	case errors.Is(err, directory.ErrUsed):
		return apiRefuse(apiAccountUsed)
	case errors.Is(err, identity.ErrConflict), errors.Is(err, errGoneKept):
		return apiRefuse(apiEntryChanged)
	case strings.HasPrefix(err.Error(), "account "): // a secret that is empty
		return apiRefuse(apiBadEntry).saying("%s", err.Error())
	}
	return err
}
