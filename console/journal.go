package console

import (
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What staff have done.

var journalRoutes = []route{
	{"GET", "/journal", seeJournal, "", (*Console).journalPage},
}

// pageSize is how many entries of the journal, and rows of other lists, a page has.
const pageSize = 100

type journalView struct {
	Filter  EntryFilter
	Staff   []Staff
	Whats   []string // what an entry may be about, in the order of their words
	Entries []Entry
	Next    string // address of the next page; empty at the end
}

func (c *Console) journalPage(v *visit) error {
	q := v.r.URL.Query()
	f := EntryFilter{Staff: q.Get("staff"), What: q.Get("what"), Before: max(v.seq("before"), 0), Limit: pageSize}
	if f.What != "" && !v.entries[f.What] || f.Staff != "" && !names.MatchString(f.Staff) {
		return notFound
	}
	list, err := c.Store.ConsoleEntries(v.ctx, f)
	if err != nil {
		return err
	}
	view := journalView{Filter: f, Entries: list, Whats: v.kinds()}
	if view.Staff, err = c.Store.ConsoleStaffs(v.ctx); err != nil {
		return err
	}
	if len(list) == pageSize {
		view.Next = v.next("before", strconv.FormatInt(list[len(list)-1].Seq, 10))
	}
	return v.page(http.StatusOK, "journal", view)
}

// kinds are the words that the journal has for what staff do, in the order in which they
// read.
func (v *visit) kinds() []string {
	all := slices.DeleteFunc(slices.Collect(maps.Keys(v.entries)), func(what string) bool { return !v.entries[what] })
	slices.SortFunc(all, func(a, b string) int { return strings.Compare(v.say(whats[a]), v.say(whats[b])) })
	return all
}

// next is the address of this page with another place in its list.
func (v *visit) next(field, value string) string {
	q := url.Values{}
	for name, values := range v.r.URL.Query() {
		if name != "done" && values[0] != "" {
			q.Set(name, values[0])
		}
	}
	q.Set(field, value)
	return "?" + q.Encode()
}

// seq is a number in the address; zero if it is none.
func (v *visit) seq(field string) int64 {
	n, _ := strconv.ParseInt(v.r.URL.Query().Get(field), 10, 64)
	return n
}
