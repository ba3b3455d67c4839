package console

import (
	"net/http"
	"strconv"
)

// What staff have done.

var journalRoutes = []route{
	{"GET", "/journal", seeJournal, "", (*Console).journalPage},
}

// pageSize is how many entries of the journal a page has.
const pageSize = 100

type journalView struct {
	Entries []Entry
	Before  int64 // of the next page; zero at the end
}

func (c *Console) journalPage(v *visit) error {
	before, _ := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64)
	list, err := c.Store.ConsoleEntries(v.ctx, max(before, 0), pageSize)
	if err != nil {
		return err
	}
	view := journalView{Entries: list}
	if len(list) == pageSize {
		view.Before = list[len(list)-1].Seq
	}
	return v.page(http.StatusOK, "journal", view)
}
