package console

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// The first page: what has to be looked after, and how much goes on.

// Overview tells how the gateway does.
type Overview interface {
	// Counts returns what all gateways counted in the hours that began in [from, until).
	Counts(ctx context.Context, from, until time.Time) ([]Count, error)
	// Needs tells what somebody has to look after, the worst first, but for conflicts.
	Needs(ctx context.Context) ([]Need, error)
}

// Need is something that somebody has to look after.
type Need struct {
	Bad  bool // something doesn't work; otherwise it can wait
	Said Text
	// Path is the page on which it is mended; empty if that is elsewhere.
	Path string
}

var overviewRoutes = []route{
	{"GET", "/overview", seeOverview, "", (*Console).overviewPage},
}

type overviewView struct {
	Needs  []Need
	Well   bool   // none of them is bad
	By     string // hour, day or month
	Now    time.Time
	Charts []chart
}

func (c *Console) overviewPage(v *visit) error {
	view := overviewView{By: v.r.URL.Query().Get("by"), Now: c.Now()}
	if view.By != "hour" && view.By != "month" {
		view.By = "day"
	}
	needs, err := c.Overview.Needs(v.ctx)
	if err != nil {
		return err
	}
	conflicts, err := c.openConflicts(v)
	if err != nil {
		return err
	}
	guessed, err := c.guessed(v)
	if err != nil {
		return err
	}
	needs = slices.Concat(guessed, needs, conflicts)
	for i := range needs {
		if !c.opens(v.staff.Role, needs[i].Path) {
			needs[i].Path = ""
		}
	}
	view.Needs, view.Well = needs, !slices.ContainsFunc(needs, func(n Need) bool { return n.Bad })
	p := pick(view.By, view.Now, c.Zone)
	counts, err := c.Overview.Counts(v.ctx, p.before[0], p.until)
	if err != nil {
		return err
	}
	view.Charts = p.draw(p.add(counts), c.Zone)
	return v.page(http.StatusOK, "overview", view)
}

// judgedFor is how long a judgement is good for the overview: each takes up to 90 lookups.
const judgedFor = time.Minute

// judgement is how many conflicts were open, of the newest of a realm.
type judgement struct {
	at   time.Time
	open int
}

// judged is a judgement of a realm's conflicts that is at most a minute old.
func (c *Console) judged(v *visit, realm string) (judgement, error) {
	c.mu.Lock()
	was, known := c.open[realm]
	c.mu.Unlock()
	if known && c.Now().Sub(was.at) < judgedFor {
		return was, nil
	}
	is := judgement{at: c.Now()}
	rows, err := c.Users.Conflicts(v.ctx, realm, 0, conflictPage)
	for _, row := range rows {
		met, merr := c.meeting(v, row)
		if merr != nil {
			return is, merr
		}
		if met.Open {
			is.open++
		}
	}
	if err == nil {
		c.mu.Lock()
		c.open[realm] = is
		c.mu.Unlock()
	}
	return is, err
}

// unjudge has a realm's conflicts judged anew.
func (c *Console) unjudge(realm string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.open, realm)
}

// openConflicts tells of those that are open, of the newest of each realm.
func (c *Console) openConflicts(v *visit) ([]Need, error) {
	var needs []Need
	for _, realm := range c.Realms() {
		of, err := c.judged(v, realm.Name)
		if err != nil {
			return nil, err
		}
		if open := of.open; open > 0 {
			needs = append(needs, Need{Path: "/users/" + realm.Name + "/conflicts", Said: Text{
				fmt.Sprintf("域 %s 有 %d 个未解决的身份冲突", realm.Name, open), fmt.Sprintf("Open conflicts in realm %s: %d", realm.Name, open),
			}})
		}
	}
	return needs, nil
}

// opens says whether there is a page at a path that a role may see.
func (c *Console) opens(role Role, path string) bool {
	at, err := url.Parse(path)
	if path == "" || err != nil {
		return false
	}
	_, pattern := c.mux.Handler(&http.Request{Method: http.MethodGet, URL: at})
	return role.May(c.takes[pattern])
}
