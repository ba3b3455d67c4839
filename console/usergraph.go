package console

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// How the ids of a user have become one, and what leads to him, as a picture: time runs
// downwards, every id has a lane that begins where it was born and ends in the id that it
// was merged into. The links hang below the one that lives.

// What a picture shows at most; beyond that it says how many more there are.
const (
	shownRetired = 8
	shownLinks   = 12
)

// The measures of a picture, in pixels.
const (
	rowHeight = 46
	laneWidth = 20
	textWidth = 256
	margin    = 14
)

// picture is drawn by the template, which has the words.
type picture struct {
	Width, Height int
	Lines         []line
	Rows          []row
	// MoreIDs and MoreLinks are left out.
	MoreIDs, MoreLinks int
}

// line is a piece of a lane, or of what hangs from one.
type line struct{ D, Class string }

// row is a line of text with its mark.
type row struct {
	What  string // born, merged, now, person, link, more
	X, Y  int    // of the mark
	Text  int    // where the text begins
	User  identity.User
	Into  string
	Link  Link
	Who   identity.Unionid
	Count int
}

// short is an id as far as there is room for it.
func short(id string) string {
	if len(id) <= 16 {
		return id
	}
	return id[:8] + "…" + id[len(id)-4:]
}

// Head is the row's first line, where it is no word.
func (r row) Head() string {
	switch r.What {
	case "link":
		return r.Link.AppID
	case "person":
		return short(r.Who.Subject)
	}
	return short(r.User.ID)
}

// IntoShort is the id that it was merged into.
func (r row) IntoShort() string { return short(r.Into) }

// Base and Low are where its two lines of text stand.
func (r row) Base() int { return r.Y - 2 }

// Low is below Base.
func (r row) Low() int { return r.Y + 14 }

// Left and Top are the corner of a square mark.
func (r row) Left() int { return r.X - 6 }

// Top goes with Left.
func (r row) Top() int { return r.Y - 6 }

// At is when it was.
func (r row) At() time.Time {
	if r.What == "merged" {
		return r.User.RetiredAt
	}
	return r.User.Born
}

// artist draws one picture.
type artist struct {
	picture
	y     int
	lanes []string       // who has which
	lane  map[string]int // of whom
	from  map[string]int // where his lane begins
	only  bool           // no other id was merged into it
}

// draw draws a user.
func draw(u User) picture {
	a := &artist{only: len(u.Retired) == 0, y: margin + rowHeight/2 - 8, lanes: []string{u.Root.ID}, lane: map[string]int{}, from: map[string]int{}}
	retired := u.Retired[:min(len(u.Retired), shownRetired)]
	a.MoreIDs = len(u.Retired) - len(retired)
	if a.MoreIDs > 0 {
		a.add(row{What: "more", Count: a.MoreIDs}, 0)
	}
	for _, m := range moments(u.Root, retired) {
		if m.merged {
			a.merge(m.user)
		} else {
			a.begin(m.user)
		}
	}
	a.live(u)
	a.Height = a.y - rowHeight/2 + margin
	return a.picture
}

// moment is when an id was born or merged.
type moment struct {
	at     time.Time
	merged bool
	user   identity.User
	depth  int // merges between it and the one that lives
}

// moments are in the order of time; an id is born before another is merged into it.
func moments(root identity.User, retired []identity.User) []moment {
	born := map[string]time.Time{root.ID: root.Born}
	depth := map[string]int{}
	for _, r := range retired { // the youngest retirement first: who was merged into stands before
		born[r.ID], depth[r.ID] = r.Born, depth[r.Parent]+1
	}
	for _, r := range slices.Backward(retired) {
		if r.RetiredAt.Before(born[r.Parent]) {
			born[r.Parent] = r.RetiredAt
		}
	}
	all := []moment{{born[root.ID], false, root, 0}}
	for _, r := range retired {
		all = append(all, moment{born[r.ID], false, r, depth[r.ID]}, moment{r.RetiredAt, true, r, depth[r.ID]})
	}
	slices.SortStableFunc(all, func(x, y moment) int {
		born := map[bool]int{false: 0, true: 1}
		// Of those of one moment the births, and then the merges farthest from the one that lives.
		return cmp.Or(x.at.Compare(y.at), born[x.merged]-born[y.merged], y.depth-x.depth, strings.Compare(x.user.ID, y.user.ID))
	})
	return all
}

func (a *artist) x(lane int) int { return margin + lane*laneWidth }

// add puts a row with its mark on a lane; its text stands right of all lanes that go on there.
func (a *artist) add(r row, lane int) {
	r.X = a.x(lane)
	for i, who := range a.lanes {
		if who != "" {
			lane = max(lane, i)
		}
	}
	r.Y, r.Text = a.y, a.x(lane)+margin+2
	a.Width = max(a.Width, r.Text+textWidth)
	a.Rows = append(a.Rows, r)
	a.y += rowHeight
}

func (a *artist) stroke(class, format string, args ...any) {
	a.Lines = append(a.Lines, line{fmt.Sprintf(format, args...), class})
}

// begin opens the leftmost free lane for an id; the first is kept for the one that lives.
func (a *artist) begin(u identity.User) {
	at := slices.Index(a.lanes, "")
	if u.Live() {
		at = 0
	}
	if at < 0 {
		at, a.lanes = len(a.lanes), append(a.lanes, "")
	}
	a.lanes[at], a.lane[u.ID], a.from[u.ID] = u.ID, at, a.y
	what := "born"
	if a.only {
		what = "now"
	}
	a.add(row{What: what, User: u}, at)
}

// merge ends the lane of an id in that of who stands for it.
func (a *artist) merge(u identity.User) {
	from, to := a.x(a.lane[u.ID]), a.x(a.lane[u.Parent])
	a.stroke("past", "M%d %d V%d C%d %d %d %d %d %d", from, a.from[u.ID], a.y-rowHeight+10, from, a.y-8, to, a.y-rowHeight+18, to, a.y)
	a.add(row{What: "merged", User: u, Into: u.Parent}, a.lane[u.Parent])
	a.lanes[a.lane[u.ID]] = ""
}

// live draws the id that lives, and what hangs from it.
func (a *artist) live(u User) {
	const lane = 0
	x := a.x(lane)
	if !a.only {
		a.add(row{What: "now", User: u.Root}, lane)
	}
	last, left := a.y-rowHeight, shownLinks
	for _, p := range u.Persons() {
		if left == 0 {
			a.MoreLinks += len(p.Links)
			continue
		}
		last = a.y
		under := 1
		if p.UnionID == "" {
			under = 0
		} else {
			a.stroke("link", "M%d %d H%d", x, a.y, a.x(lane+1))
			a.add(row{What: "person", Who: p.Unionid}, lane+1)
		}
		top := a.y - rowHeight
		shown := p.Links[:min(len(p.Links), left)]
		a.MoreLinks += len(p.Links) - len(shown)
		left -= len(shown)
		for _, link := range shown {
			a.stroke("link", "M%d %d H%d", a.x(lane+under), a.y, a.x(lane+under+1))
			a.add(row{What: "link", Link: link}, lane+under+1)
		}
		if under == 1 && len(shown) > 0 {
			a.stroke("link", "M%d %d V%d", a.x(lane+1), top, a.y-rowHeight)
		}
	}
	if a.MoreLinks > 0 {
		last = a.y
		a.add(row{What: "more", Count: a.MoreLinks}, lane)
	}
	a.stroke("live", "M%d %d V%d", x, a.from[u.Root.ID], last)
}
