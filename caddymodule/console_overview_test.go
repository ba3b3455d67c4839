package caddymodule

import (
	"math"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// needsOf are what the console says has to be looked after.
func (g *gateway) needsOf(t *testing.T) (bad, todo []string) {
	t.Helper()
	list, err := consoleOverview{g.app}.Needs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range list {
		if n.Bad {
			bad = append(bad, n.Said.EN)
		} else {
			todo = append(todo, n.Said.EN)
		}
	}
	return bad, todo
}

func TestConsoleNeeds(t *testing.T) {
	t.Parallel()
	t.Run("where all is well nothing is broken", func(t *testing.T) {
		t.Parallel()
		g := startConsole(t)
		if bad, _ := g.needsOf(t); len(bad) != 0 {
			t.Errorf("it says %q", bad)
		}
	})
	t.Run("what is wrong is told", func(t *testing.T) {
		t.Parallel()
		g := startConsole(t)
		g.breakThings(t)
		bad, todo := g.needsOf(t)
		all := strings.Join(bad, "\n") + "\n---\n" + strings.Join(todo, "\n")
		for _, want := range []string{"Redis can't be reached", "signing keys", "Messages of " + appA + " (template messages) wait until", "quota is used up", "Job \"complete unionids\" of " + appA + " failed at", "---", "Merchants of realm main who are not bound to WeChat: 1", "was ever pushed for " + appA} {
			if !strings.Contains(all, want) {
				t.Errorf("it doesn't say %q: %s", want, all)
			}
		}
		g.advance(needsDays)
		if bad, _ := g.needsOf(t); strings.Contains(strings.Join(bad, " "), "complete unionids") {
			t.Errorf("a week later it still says %q", bad)
		}
	})
}

// breakThings has several things go wrong.
func (g *gateway) breakThings(t *testing.T) {
	t.Helper()
	ctx, now := t.Context(), g.now()
	g.app.redisDown.Store(true)
	g.app.keysFailed.Store(true)
	store := g.app.facts().Store.(pooledStore)
	if err := store.PauseLane(ctx, message.Pause{Lane: message.Lane{AppID: appA, Kind: message.KindTemplate}, Until: now.Add(time.Hour), Reason: message.ReasonQuota}, now); err != nil {
		t.Fatal(err)
	}
	due := now.Add(time.Hour) // or the gateway would do it
	err := store.AddJob(ctx, job.Job{ID: "j1", Kind: "backfill", AppID: appA, Started: due, Updated: now, By: "test"}, now)
	var j job.Job
	if err == nil {
		j, err = store.TakeJob(ctx, "j1", "web-1", due)
	}
	if err == nil {
		j.State, j.Ended = job.Failed, now
		err = store.SaveJob(ctx, j, nil)
	}
	if err == nil {
		_, err = g.app.desk.Create(ctx, merchant.Merchant{Realm: "main", ID: "M1", Name: "Tea house", Persons: 1}, "test")
	}
	if err != nil {
		t.Fatal(err)
	}
}

// goesOn counts what a gateway with some visitors would have in 60 days.
func (g *gateway) goesOn(t *testing.T) {
	t.Helper()
	hour := g.now().Truncate(time.Hour)
	var counts []console.Count
	for back := range 60 * 24 {
		at := hour.Add(-time.Duration(back) * time.Hour)
		day := 0.6 + 0.4*math.Sin(float64(at.In(g.app.zone).Hour()-9)/24*2*math.Pi) + 0.1*math.Sin(float64(back)*7)
		day *= 1 + 0.3*math.Sin(float64(back)/24/3)
		of := map[console.Counted]float64{
			console.Visitors: 140, console.Visits: 900, console.LoginsDone: 60, console.LoginsGuest: 12, console.LoginsDeclined: 2, console.LoginsFailed: 6 * math.Max(0, math.Sin(float64(back))),
			console.UsersMinted: 18, console.UsersMerged: 3, console.Pushes: 45, console.MessagesSent: 30, console.MessagesDelivered: 27, console.MessagesFailed: 3,
			console.Refused: 9, console.Failed: 4 * math.Max(0, math.Sin(float64(back)/5)-0.5),
		}
		for what, n := range of {
			counts = append(counts, console.Count{Hour: at, Name: what.String(), N: int64(n * math.Max(day, 0.05))})
		}
	}
	if err := g.app.tallies().AddCounts(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
}

func TestConsole_needs(t *testing.T) {
	t.Parallel()
	g := startConsole(t)
	g.breakThings(t)
	needs, err := consoleOverview{g.app}.Needs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	codes := regexp.MustCompile(`backfill|（template|\(template\)|%!`)
	words := map[string]int{}
	for _, n := range needs {
		if codes.MatchString(n.Said.ZH + n.Said.EN) {
			t.Errorf("staff see a code: %+v", n.Said)
		}
		for _, want := range []string{"任务「补全 unionid」", "模板消息）暂停至", `Job "complete unionids" of ` + appA + " failed at"} {
			if strings.Contains(n.Said.ZH+n.Said.EN, want) {
				words[want]++
			}
		}
	}
	if len(words) != 3 {
		t.Errorf("they say %+v", needs)
	}
}

func TestConsole_overview(t *testing.T) {
	t.Parallel()
	for device, width := range map[string]int{"phone": 390, "desktop": 1280} {
		t.Run("who comes in sees what has to be done, and how much goes on, on a "+device, func(t *testing.T) {
			t.Parallel()
			g := startConsole(t)
			g.goesOn(t)
			b := g.tab(t, uaDesktop, "")
			b.onScreen(width)
			g.comesIn(t, b)
			b.do(chromedp.WaitVisible(".bars svg"))
			if at := b.address(); !strings.HasSuffix(at, "/overview") {
				t.Errorf("he comes to %s", at)
			}
			b.shows(device + "-overview-well")
			g.breakThings(t)
			for _, by := range []string{"hour", "day", "month"} {
				b.do(chromedp.Navigate(g.consoleAt("/overview")), chromedp.WaitVisible(".needs"), chromedp.Click("a[href='/overview?by="+by+"']"), chromedp.WaitVisible("a[href='/overview?by="+by+"'][aria-current]"))
				b.shows(device + "-overview-" + by)
			}
			b.prefers("dark")
			b.shows(device + "-overview-dark")
			b.do(chromedp.Click(".chart details summary"), chromedp.WaitVisible(".plainly"), chromedp.ScrollIntoView(".plainly"))
			b.shows(device + "-overview-table")
			b.prefers("light")
			b.do(chromedp.Click(".needs a[href^='/merchants/main']"), chromedp.WaitVisible("tbody a"))
			if text := b.text(); !strings.Contains(text, "Tea house") {
				t.Errorf("the link leads to %s", text)
			}
		})
	}
}
