package console

import (
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// Directory is which accounts and sites exist. Those of the Caddyfile have version 0, and
// can't be changed: that is refused with [ErrConfigured]. What can't work is refused with a
// [directory.Fault], what somebody else has changed with identity.ErrConflict.
type Directory interface {
	// Account finds an account, without what proves it.
	Account(ctx context.Context, appID string) (directory.KeptAccount, bool, error)
	// KeepAccount adds an account at version 0, or replaces it at its version. Secrets that
	// are left out stay.
	KeepAccount(ctx context.Context, a directory.Account, version int64, by string) error
	// DropAccount takes an account away; directory.ErrUsed while a site is opened through it.
	DropAccount(ctx context.Context, appID string, version int64, by string) error

	// Sites lists sites by ptid, and says whether there are more.
	Sites(ctx context.Context, f directory.SiteFilter) ([]directory.KeptSite, bool, error)
	Site(ctx context.Context, ptid string) (directory.KeptSite, bool, error)
	KeepSite(ctx context.Context, s directory.Site, version int64, by string) error
	DropSite(ctx context.Context, ptid string, version int64, by string) error
	// Realms are all realms.
	Realms() []string
	// Address is where a site is opened through its first account.
	Address(s directory.Site) string
}

var siteRoutes = []route{
	{"GET", "/sites", seeAccounts, "", (*Console).sitesPage},
	{"GET", "/sites/new", configure, "", (*Console).newSitePage},
	{"POST", "/sites/new", configure, "site_add", (*Console).addSite},
	{"GET", "/sites/of/{ptid}", seeAccounts, "", (*Console).sitePage},
	{"POST", "/sites/of/{ptid}", configure, "site_edit", (*Console).editSite},
	{"POST", "/sites/of/{ptid}/delete", configure, "site_delete", (*Console).deleteSite},
}

var siteWords = map[string]Text{
	"site_add": {"新增站点", "added a site"}, "site_edit": {"编辑站点", "edited a site"}, "site_delete": {"删除站点", "took a site away"},
}

// sitesOnPage is how many sites a page lists.
const sitesOnPage = 100

type sitesView struct {
	Filter directory.SiteFilter
	Realms []string
	AppIDs []string
	Sites  []directory.KeptSite
	After  string // of the next page; empty at the end
}

func (c *Console) sitesPage(v *visit) error {
	q := v.r.URL.Query()
	f := directory.SiteFilter{After: plain(q.Get("after")), Realm: plain(q.Get("realm")), AppID: plain(q.Get("appid")), Search: plain(strings.TrimSpace(q.Get("q"))), Limit: sitesOnPage}
	list, more, err := c.Directory.Sites(v.ctx, f)
	if err != nil {
		return err
	}
	view := sitesView{Filter: f, Realms: c.Directory.Realms(), AppIDs: c.AppIDs(), Sites: list}
	if more {
		q.Set("after", list[len(list)-1].Site.PTID)
		view.After = "/sites?" + q.Encode()
	}
	return v.page(http.StatusOK, "sites", view)
}

// siteView is a site in a form, or to be read where it can't be changed.
type siteView struct {
	directory.Entry
	Site       directory.Site
	New        bool
	Address    string
	Realms     []string
	AppIDs     []string
	Policies   []directory.Policy
	Algorithms []string
	Wrong      Text
	Now        []difference // what is there now, where somebody else was faster
}

// Paths are the rules of paths as they are typed, one in a line.
func (s siteView) Paths() string {
	var lines []string
	for _, rule := range s.Site.Paths {
		lines = append(lines, rule.Path+" "+string(rule.Policy))
	}
	return strings.Join(lines, "\n")
}

// Has says whether one of a list of words is chosen.
func (siteView) Has(list []string, word string) bool { return slices.Contains(list, word) }

func (v *visit) siteView(kept directory.KeptSite) siteView {
	view := siteView{Entry: kept.Entry, Site: kept.Site, Realms: v.Directory.Realms(), AppIDs: v.AppIDs(), Policies: directory.Policies, Algorithms: directory.Algorithms}
	if len(kept.Site.Accounts) > 0 {
		view.Address = v.Directory.Address(kept.Site)
	}
	return view
}

func (c *Console) newSitePage(v *visit) error {
	view := v.siteView(directory.KeptSite{})
	view.New = true
	return v.page(http.StatusOK, "site", view)
}

// site is the one that the address names.
func (v *visit) site() (directory.KeptSite, error) {
	kept, found, err := v.Directory.Site(v.ctx, plain(v.r.PathValue("ptid")))
	if err == nil && !found {
		err = notFound
	}
	return kept, err
}

func (c *Console) sitePage(v *visit) error {
	kept, err := v.site()
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "site", v.siteView(kept))
}

func (c *Console) addSite(v *visit) error {
	s, err := v.enteredSite(strings.TrimSpace(v.r.FormValue("ptid")))
	if directory.ValidPTID(s.PTID) {
		v.about = s.PTID
	}
	if err == nil {
		err = c.Directory.KeepSite(v.ctx, s, 0, v.staff.Actor())
	}
	return v.keptSite(directory.KeptSite{Site: s}, true, err)
}

func (c *Console) editSite(v *visit) error {
	if _, err := v.site(); err != nil {
		return err
	}
	s, err := v.enteredSite(v.r.PathValue("ptid"))
	version := v.number64("version")
	if err == nil {
		err = c.Directory.KeepSite(v.ctx, s, version, v.staff.Actor())
	}
	return v.keptSite(directory.KeptSite{Entry: directory.Entry{Version: version}, Site: s}, false, err)
}

// keptSite shows a site that was written, or the form again with what is wrong.
func (v *visit) keptSite(entered directory.KeptSite, fresh bool, err error) error {
	if err == nil {
		return v.to("/sites/of/" + entered.Site.PTID + "?done=saved")
	}
	f := directoryFault(err)
	if f == nil {
		return err
	}
	view := v.siteView(entered)
	view.New, view.Wrong = fresh, f.Text
	if f == changedMeanwhile && !fresh {
		now, found, err := v.Directory.Site(v.ctx, entered.Site.PTID)
		if err != nil || !found {
			return cmpErr(err, f)
		}
		view.Entry, view.Now = now.Entry, differences(entered.Site, now.Site)
	}
	v.ended("refused", f.Text)
	return v.page(f.status, "site", view)
}

func (c *Console) deleteSite(v *visit) error {
	if err := v.confirmed(v.r.PathValue("ptid")); err != nil {
		return err
	}
	if err := c.Directory.DropSite(v.ctx, v.r.PathValue("ptid"), v.number64("version"), v.staff.Actor()); err != nil {
		return shownFault(err)
	}
	return v.to("/sites?done=site_delete")
}
