package caddymodule

import (
	"context"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// oneSite finds a site wherever it stands; its version is 0 in the Caddyfile.
func (a *App) oneSite(ctx context.Context, ptid string) (directory.KeptSite, bool, error) {
	if s := a.configured.Site(ptid); s != nil {
		return directory.KeptSite{Site: *s}, true, nil
	}
	return a.directoryStore().KeptSite(ctx, ptid)
}

// listedSites are the sites of the Caddyfile and of the facts together, by ptid, and
// whether there are more.
func (a *App) listedSites(ctx context.Context, f directory.SiteFilter) (list []directory.KeptSite, more bool, err error) {
	limit := f.Limit
	f.Limit++
	kept, err := a.directoryStore().KeptSites(ctx, f)
	if err != nil {
		return nil, false, err
	}
	for _, s := range kept {
		if a.configured.Site(s.Site.PTID) == nil { // else the Caddyfile's is served
			list = append(list, s)
		}
	}
	more = len(kept) > limit
	for _, s := range a.configured.Sites() {
		if s.PTID > f.After && matches(s, f) && (!more || s.PTID < kept[limit].Site.PTID) {
			list = append(list, directory.KeptSite{Site: *s})
		}
	}
	slices.SortFunc(list, func(x, y directory.KeptSite) int { return strings.Compare(x.Site.PTID, y.Site.PTID) })
	if len(list) > limit {
		list, more = list[:limit], true
	}
	return list, more && len(list) > 0, nil
}

// matches says of a site of the Caddyfile what the store says of the facts'.
func matches(s *directory.Site, f directory.SiteFilter) bool {
	search := strings.ToLower(f.Search)
	return (f.Realm == "" || s.Realm == f.Realm) && (f.AppID == "" || s.ServedBy(f.AppID)) &&
		slices.ContainsFunc(append([]string{s.PTID, s.Audience}, s.Hosts...), func(word string) bool { return strings.Contains(strings.ToLower(word), search) })
}
