package caddymodule

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// onScreen makes the tab as wide as a phone or a desktop.
func (b *tab) onScreen(width int) {
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: int64(width), Height: 800, DeviceScaleFactor: 1, Mobile: width < 600})
}

// shows saves a picture of the tab as it is, if WSITE_PICTURES names a folder for them, and
// fails if the page has tried what its policy forbids, or is wider than the screen.
func (b *tab) shows(name string) {
	b.t.Helper()
	broken, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`(() => {
		const o = new ReportingObserver(() => {}, { types: ['csp-violation'], buffered: true })
		o.observe()
		const wide = document.documentElement.scrollWidth > innerWidth ? ' is wider than the screen' : ''
		return o.takeRecords().map(r => r.body.effectiveDirective + ' ' + r.body.blockedURL).join() + wide
	})()`))
	if err != nil || broken != "" {
		b.t.Errorf("%s: %s %v", name, broken, err)
	}
	if dir := os.Getenv("WSITE_PICTURES"); dir != "" {
		png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, "console-"+name+".png"), png, 0o600)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

func TestConsole_browser(t *testing.T) {
	t.Parallel()
	for device, width := range map[string]int{"phone": 390, "desktop": 1280} {
		t.Run("the first administrator comes in and keeps the staff on a "+device, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, withConsole...)
			code := g.setupCode(t)
			b := g.tab(t, uaDesktop, "")
			b.onScreen(width)
			b.do(chromedp.Navigate(g.consoleAt("/")), chromedp.WaitVisible("input[name=password]"))
			b.shows(device + "-sign-in")
			b.do(chromedp.Navigate(g.consoleAt("/setup#"+code)), chromedp.WaitVisible("input[name=again]"))
			b.do(chromedp.SendKeys("input[name=name]", "root"), chromedp.SendKeys("input[name=password]", "correct horse battery"), chromedp.SendKeys("input[name=again]", "correct horse battery"))
			b.shows(device + "-setup")
			b.do(chromedp.Click("main button.go"), chromedp.WaitVisible("nav"))
			b.do(chromedp.Navigate(g.consoleAt("/accounts")), chromedp.WaitVisible("dl"))
			if text := b.text(); !strings.Contains(text, appA) {
				t.Errorf("the accounts are %s", text)
			}
			b.shows(device + "-accounts")
			b.do(chromedp.Navigate(g.consoleAt("/staff")), chromedp.WaitVisible("input[name=name]"))
			b.do(chromedp.SendKeys("input[name=name]", "ming"), chromedp.Click("form[action='/staff'] button"), chromedp.WaitVisible("code.secret"))
			if text := b.text(); !strings.Contains(text, g.consoleAt("/setup#")) {
				t.Errorf("the link is not there: %s", text)
			}
			b.shows(device + "-staff")
			b.do(chromedp.Navigate(g.consoleAt("/me")), chromedp.WaitVisible("input[name=old]"))
			b.shows(device + "-me")
			b.do(chromedp.Navigate(g.consoleAt("/journal")), chromedp.WaitVisible("table"))
			b.shows(device + "-journal")
		})
	}
}

// comesIn makes the first administrator in a tab.
func (g *gateway) comesIn(t *testing.T, b *tab) {
	b.do(chromedp.Navigate(g.consoleAt("/setup#"+g.setupCode(t))), chromedp.WaitVisible("input[name=again]"))
	b.do(chromedp.SendKeys("input[name=name]", "root"), chromedp.SendKeys("input[name=password]", "correct horse battery"), chromedp.SendKeys("input[name=again]", "correct horse battery"))
	b.do(chromedp.Click("main button.go"), chromedp.WaitVisible("form[action='/sign-out']"))
}

func TestConsole_bind(t *testing.T) {
	t.Parallel()
	for device, width := range map[string]int{"phone": 390, "desktop": 1280} {
		t.Run("a merchant is entered, his code made and scanned, and bound appears by itself on a "+device, func(t *testing.T) {
			t.Parallel()
			g := startConsole(t)
			b := g.tab(t, uaDesktop, "")
			b.onScreen(width)
			g.comesIn(t, b)
			b.do(chromedp.Navigate(g.consoleAt("/merchants/main/new")), chromedp.WaitVisible("input[name=id]"))
			b.shows(device + "-new")
			b.do(chromedp.SendKeys("input[name=id]", "M1"), chromedp.SendKeys("input[name=name]", "Tea house"), chromedp.SendKeys("input[name=phone]", "13812345678"), chromedp.Click("main button.go"))
			b.do(chromedp.WaitVisible("select[name=appid]"))
			b.shows(device + "-merchant")
			b.do(chromedp.Click("form[action$='/codes'] button"), chromedp.WaitVisible(".code svg"))
			b.shows(device + "-code")
			url, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.querySelector('code.secret').textContent"))
			if err != nil {
				t.Fatal(err)
			}
			made := b.address()
			b.do(chromedp.WaitVisible("[data-at=waiting] .stages"))
			if back, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("new URL(document.querySelector('input[name=back]').value, location).href")); err != nil || back != made {
				t.Errorf("another language leads to %s, %v", back, err)
			}
			s, err := g.sim.Scan("li", url)
			if err == nil && s.Follow {
				err = g.sim.FollowScanned("li", s.Ticket)
			}
			if err != nil {
				t.Fatal(err)
			}
			g.settle(t)
			b.do(chromedp.WaitVisible("[data-state].good"), chromedp.WaitVisible("[data-at=bound] .stages"))
			if at := b.address(); at != made || !strings.Contains(at, "/codes/") {
				t.Errorf("the page is another one: %s, before %s", at, made)
			}
			b.shows(device + "-bound")
			b.do(chromedp.Navigate(g.consoleAt("/merchants/main?shown=bound")), chromedp.WaitVisible("tbody a"))
			if text := b.text(); !strings.Contains(text, "Tea house") {
				t.Errorf("the list is %s", text)
			}
			b.shows(device + "-merchants")
			b.do(chromedp.Click("tbody a"), chromedp.WaitVisible("form[action$='/codes']"))
			b.shows(device + "-merchant-bound")
			g.notifies(t, b, device)
			b.do(chromedp.Click("section:nth-of-type(2) summary"), chromedp.WaitVisible("form[action$='/unbind'] button"), chromedp.Click("form[action$='/unbind'] button"), chromedp.WaitVisible(".done"))
			if m, err := g.app.desk.Get(t.Context(), "main", "M1"); err != nil || len(m.Bindings) != 0 {
				t.Errorf("after unbinding he is %+v, %v", m, err)
			}
		})
	}
}

// address is where the tab is.
func (b *tab) address() string {
	b.t.Helper()
	at, err := chromedp.Run(b.ctx, chromedp.Location())
	if err != nil {
		b.t.Fatal(err)
	}
	return at
}

// startConsole starts a gateway with the console, to which WeChat pushes.
func startConsole(t *testing.T) *gateway {
	t.Helper()
	return startChannels(t, withConsole...)
}

// notifies sends a notice from the page of a merchant who is bound, and goes back there.
func (g *gateway) notifies(t *testing.T, b *tab, device string) {
	t.Helper()
	template := g.notice(t)
	if err := g.app.messages.Sync(t.Context(), appA); err != nil {
		t.Fatal(err)
	}
	at := b.address()
	b.do(chromedp.Click("a[href$='to=M1']"), chromedp.WaitVisible(".rows a"), chromedp.Click("a[href*='"+template+"']"), chromedp.WaitVisible("input[name=data_thing4]"))
	b.do(chromedp.SendKeys("input[name=data_thing4]", "Green tea"), chromedp.SendKeys("input[name=data_amount2]", "39.8元"))
	if text := b.text(); !strings.Contains(text, "Green tea") {
		t.Errorf("the preview is %s", text)
	}
	b.shows(device + "-compose")
	b.do(chromedp.Click("main button.go"), chromedp.WaitVisible(".done"))
	eventually(t, "the notice arrives", func() bool { return len(g.got("li", "template")) == 1 })
	b.shows(device + "-notice")
	b.do(chromedp.Navigate(at), chromedp.WaitVisible("form[action$='/codes']"))
}
