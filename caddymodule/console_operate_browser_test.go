package caddymodule

import (
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

// sees fails if the page doesn't say something.
func (b *tab) sees(words ...string) {
	b.t.Helper()
	text := b.text()
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Errorf("the page doesn't say %q: %s", w, text)
		}
	}
}

// inBoth saves a picture of the tab by day and by night.
func (b *tab) inBoth(name string) {
	b.t.Helper()
	b.shows(name)
	b.prefers("dark")
	b.shows(name + "-dark")
	b.prefers("light")
}

// operateWords are the words by which a page is known in a language.
var operateWords = map[string]map[string]string{
	"zh": {"dead": "死信 1", "why": "对方答复 HTTP 500", "none": "没有死信", "failed": "微信拒绝发送", "done": "已完成", "whole": "条记录完整", "pushed": "已处理"},
	"en": {"dead": "dead letters 1", "why": "it answered HTTP 500", "none": "No dead letters", "failed": "WeChat refuses it", "done": "done", "whole": "records hold together", "pushed": "handed on"},
}

func TestConsole_operateBrowser(t *testing.T) {
	t.Parallel()
	for lang, words := range operateWords {
		for device, width := range map[string]int{"phone": 390, "desktop": 1280} {
			t.Run("a line of business is down, its dead letter is seen, it is up, and gets what it has missed, in "+lang+" on a "+device, func(t *testing.T) {
				t.Parallel()
				c := startConsumer(t)
				g := startWatched(t, c)
				g.notified(t)
				g.pushed(t)
				g.dies(t, c)
				name := func(page string) string { return "operate-" + lang + "-" + device + "-" + page }
				b := g.tabFor(t, uaDesktop, "", 5*time.Minute)
				b.onScreen(width)
				b.speaks(g, lang)
				g.comesIn(t, b)
				b.do(chromedp.Click("header nav a[href='/messages']"), chromedp.WaitVisible(".tabs"))
				b.do(chromedp.Click(".tabs a[href='/events']"), chromedp.WaitVisible("a.button[href$='/lines/orders']"))
				b.sees(words["dead"], words["why"])
				b.inBoth(name("events"))
				b.do(chromedp.Click("a.button[href$='/lines/orders']"), chromedp.WaitVisible(".rows form[action$='/replay']"))
				b.sees("v1.first", words["why"])
				b.inBoth(name("line"))
				c.down.Store(false)
				b.do(chromedp.Click("form[action$='/replay'] button.go"), chromedp.WaitVisible(".done"))
				c.hears(t, "v1.first")
				eventually(t, "nothing is left", func() bool {
					lines, err := consoleEvents{g.app}.Lines(t.Context())
					return err == nil && lines[0].Dead+lines[0].Parked == 0
				})
				b.do(chromedp.Navigate(g.consoleAt("/events/main/lines/orders")), chromedp.WaitVisible("h1"))
				b.sees(words["none"])
				g.tours(b, words, name)
			})
		}
	}
}

// tours looks at the other pages, and does what each is for.
func (g *gateway) tours(b *tab, words map[string]string, name func(string) string) {
	b.t.Helper()
	b.do(chromedp.Navigate(g.consoleAt("/messages/main?state=failed")), chromedp.WaitVisible("form[action$='/resend']"))
	b.sees(words["failed"], "Green tea")
	b.inBoth(name("messages"))
	b.do(chromedp.Click("form[action$='/resend'] button"), chromedp.WaitVisible(".done"))
	eventually(b.t, "it arrives again", func() bool { return len(g.got("ming", "template")) == 2 })
	b.do(chromedp.Navigate(g.consoleAt("/quota")), chromedp.WaitVisible("summary"), chromedp.Click("summary"), chromedp.WaitVisible("input[name=sure]"))
	b.inBoth(name("quota"))
	b.do(chromedp.Navigate(g.consoleAt("/pushes")), chromedp.WaitVisible("select[name=state]"))
	b.sees(words["pushed"], words["dead"], "crm")
	b.inBoth(name("pushes"))
	b.do(chromedp.Navigate(g.consoleAt("/pushes/"+appA+"/dead?target=crm")), chromedp.WaitVisible("form[action$='/replay']"))
	b.inBoth(name("dead-pushes"))
	b.do(chromedp.Navigate(g.consoleAt("/jobs")), chromedp.WaitVisible("summary"), chromedp.Click("summary"), chromedp.WaitVisible("select[name=kind]"))
	b.inBoth(name("jobs-start"))
	b.do(chromedp.Click("form[action='/jobs'] button"), chromedp.WaitVisible(".done"), chromedp.Navigate(g.consoleAt("/jobs")), chromedp.WaitVisible("[data-live] .tag.good"))
	eventually(b.t, "the list says by itself that the job is done", func() bool { return strings.Contains(b.text(), words["done"]) })
	b.inBoth(name("jobs"))
	b.do(chromedp.Navigate(g.consoleAt("/audit")), chromedp.WaitVisible("summary"), chromedp.Click("summary"), chromedp.WaitVisible("form[data-check] button"), chromedp.Click("form[data-check] button"), chromedp.WaitVisible("[data-checked].done"))
	b.sees(words["whole"])
	if at := b.address(); !strings.HasSuffix(at, "/audit/main") {
		b.t.Errorf("the check has left the page: %s", at)
	}
	b.inBoth(name("audit"))
	b.do(chromedp.Navigate(g.consoleAt("/journal?what=audit_verify")), chromedp.WaitVisible("tbody .well"))
	b.sees(words["whole"])
	b.inBoth(name("journal"))
}
