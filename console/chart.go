package console

import (
	"slices"
	"strconv"
	"time"
)

// Counts as figures and as bars, drawn here so that a page needs no script for them.

// period is a stretch of time that a page shows, and the one before, of the same length up
// to now: what is under way is compared with as much as of it is over.
type period struct {
	starts []time.Time // of its bars
	from   time.Time   // of what is summed up
	until  time.Time   // now
	before [2]time.Time
	label  string // of a bar's start
}

// pick is the period that a page asks for.
func pick(by string, now time.Time, zone *time.Location) period {
	now = now.In(zone)
	hour := now.Truncate(time.Hour) // those of UTC, as they are counted
	p := period{until: now, label: "15:04"}
	switch by {
	case "hour":
		p.starts = []time.Time{hour.Add(-time.Hour), hour} // the one before is told beside
		p.from = hour
		p.before = [2]time.Time{hour.Add(-time.Hour), now.Add(-time.Hour)}
	case "month":
		const days = 30
		day := func(back int) time.Time {
			return time.Date(now.Year(), now.Month(), now.Day()-back, 0, 0, 0, 0, zone)
		}
		for back := days - 1; back >= 0; back-- {
			p.starts = append(p.starts, day(back))
		}
		p.before = [2]time.Time{day(2*days - 1), day(days).Add(now.Sub(day(0)))}
		p.label = "01-02"
	default:
		for back := 23; back >= 0; back-- {
			p.starts = append(p.starts, hour.Add(time.Duration(-back)*time.Hour))
		}
		p.before = [2]time.Time{p.starts[0].Add(-24 * time.Hour), now.Add(-24 * time.Hour)}
	}
	if p.from.IsZero() {
		p.from = p.starts[0]
	}
	return p
}

// sums are counts by what is counted: of each bar, of all, and of the period before.
type sums struct {
	bars   [EveryCounted][]int64
	all    [EveryCounted]int64
	before [EveryCounted]float64
}

// add sums up counts for a period.
func (p period) add(counts []Count) *sums {
	s := &sums{}
	for i := range s.bars {
		s.bars[i] = make([]int64, len(p.starts))
	}
	for _, c := range counts {
		what := slices.Index(countedNames[:], c.Name)
		if what < 0 {
			continue // a later version's
		}
		// The bar is the last one that begins by then.
		i, exact := slices.BinarySearchFunc(p.starts, c.Hour, time.Time.Compare)
		if !exact {
			i--
		}
		if i >= 0 && !c.Hour.After(p.until) {
			s.bars[what][i] += c.N
			if !c.Hour.Before(p.from) {
				s.all[what] += c.N
			}
		}
		if over := p.before[1].Sub(c.Hour); !c.Hour.Before(p.before[0]) && over > 0 {
			s.before[what] += float64(c.N) * min(1, over.Hours())
		}
	}
	return s
}

// chart is a group of figures that belong together, with bars.
type chart struct {
	Name    Text
	Hint    Text
	Neutral bool // what it shows is neither good nor bad
	Figures []figure
	Bars    []bar
	Most    int64  // the highest bar
	First   string // the label of the first bar
	Last    string
}

// figure is a sum.
type figure struct {
	Name Text
	Bad  bool
	N    int64
	// Turn is ↑ or ↓ and Percent by how much, against the period before; empty if there is
	// nothing to compare with.
	Turn    string
	Percent int64
}

// bar is an hour or a day.
type bar struct {
	Label     string
	Now       bool // it is under way
	Counts    []int64
	X         int // of the left edge; see [barStep]
	Good, Bad rect
}

// rect is from the top, in hundredths of the chart's height.
type rect struct{ Y, Height int }

// barStep is how far a bar is from the next, in units of the picture, of which it fills
// most.
const barStep, barWidth, chartHeight = 12, 9, 100

// Width is that of the picture.
func (c chart) Width() int { return len(c.Bars)*barStep - (barStep - barWidth) }

// group is what a chart shows: the first as bars, and on top of them what is bad.
type group struct {
	name, hint Text
	of         []Counted
}

var groups = []group{
	{Text{"访客", "Visitors"}, Text{"每小时内首次出现的会话，跨小时重复计数", "Sessions first seen in an hour: who comes in three hours counts three times"}, []Counted{Visitors}},
	{Text{"页面访问", "Pages"}, Text{"转交给站点的页面", "Handed on to sites"}, []Counted{Visits}},
	{Text{"登录", "Logins"}, Text{}, []Counted{LoginsDone, LoginsGuest, LoginsDeclined, LoginsFailed}},
	{Text{"用户", "Users"}, Text{"包括微信已识别的访客", "With guests whom WeChat has named"}, []Counted{UsersMinted, UsersMerged}},
	{Text{"消息", "Messages"}, Text{"微信只报告模板消息是否送达", "Whether one was delivered WeChat tells of template messages alone"}, []Counted{MessagesSent, MessagesDelivered, MessagesFailed}},
	{Text{"收到的推送", "Pushes received"}, Text{"来自微信", "From WeChat"}, []Counted{Pushes}},
	{Text{"被拒绝和出错的请求", "Refused and failed requests"}, Text{"网关拒绝（4xx）；网关或站点出错（5xx）", "4xx by the gateway; 5xx by it or a site"}, []Counted{Refused, Failed}},
}

var figureNames = map[Counted]Text{
	Visitors: {"访客", "visitors"}, Visits: {"页面", "pages"},
	LoginsDone: {"成功", "done"}, LoginsGuest: {"访客身份", "guests"}, LoginsDeclined: {"用户拒绝", "declined"}, LoginsFailed: {"失败", "failed"},
	UsersMinted: {"新增", "minted"}, UsersMerged: {"合并", "merged"},
	Pushes: {"推送", "pushes"}, MessagesSent: {"已发送", "sent"}, MessagesDelivered: {"已送达", "delivered"}, MessagesFailed: {"失败", "failed"},
	Refused: {"拒绝", "refused"}, Failed: {"出错", "failed"},
}

// isBad says whether something shouldn't happen.
func (c Counted) isBad() bool { return c == LoginsFailed || c == MessagesFailed || c == Failed }

// draw makes the charts of a period.
func (p period) draw(s *sums, zone *time.Location) []chart {
	var list []chart
	for _, g := range groups {
		c := chart{Name: g.name, Hint: g.hint, Neutral: g.of[0] == Refused}
		bad := Counted(-1)
		for _, what := range g.of {
			c.Figures = append(c.Figures, newFigure(what, s))
			if what.isBad() {
				bad = what
			}
		}
		for i, start := range p.starts {
			b := bar{Label: start.In(zone).Format(p.label), X: i * barStep, Now: i == len(p.starts)-1}
			for _, what := range g.of {
				b.Counts = append(b.Counts, s.bars[what][i])
			}
			c.Bars = append(c.Bars, b)
			c.Most = max(c.Most, stacked(s, g.of[0], bad, i))
		}
		for i := range c.Bars {
			b := &c.Bars[i]
			all := height(stacked(s, g.of[0], bad, i), c.Most)
			b.Good = rect{chartHeight - all, all}
			if bad >= 0 {
				b.Bad = rect{b.Good.Y, min(all, height(s.bars[bad][i], c.Most))}
				b.Good.Y, b.Good.Height = b.Good.Y+b.Bad.Height, all-b.Bad.Height
			}
		}
		c.First, c.Last = c.Bars[0].Label, c.Bars[len(c.Bars)-1].Label
		list = append(list, c)
	}
	return list
}

// stacked is how high a bar is.
func stacked(s *sums, what, bad Counted, i int) int64 {
	n := s.bars[what][i]
	if bad >= 0 {
		n += s.bars[bad][i]
	}
	return n
}

// height is that of n where most fills the chart; what is there at all can be seen.
func height(n, most int64) int {
	if n <= 0 || most <= 0 {
		return 0
	}
	return max(2, int(float64(n)/float64(most)*chartHeight))
}

func newFigure(what Counted, s *sums) figure {
	f := figure{Name: figureNames[what], Bad: what.isBad(), N: s.all[what]}
	if before := s.before[what]; before > 0 {
		change := (float64(f.N) - before) / before * 100
		f.Percent = int64(max(change, -change) + 0.5)
		switch {
		case f.Percent == 0:
			f.Turn = "="
		case change > 0:
			f.Turn = "↑"
		default:
			f.Turn = "↓"
		}
	}
	return f
}

// grouped writes a number with blanks between thousands.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "\u202f" + text[i:]
	}
	return text
}
