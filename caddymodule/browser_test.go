package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/network"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// chromium is one browser for all tests of this file; each test has a profile of
// its own in it.
var chromium = sync.OnceValues(func() (context.Context, error) {
	path, err := exec.LookPath("chromium")
	if err != nil {
		return nil, fmt.Errorf("these tests need Chromium: run `make test`, which installs it or says how: %w", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun,
		// A page from the browser's memory asks nobody anything: without it the back
		// button has to ask us.
		chromedp.Flag("disable-features", "BackForwardCache"),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("disable-background-networking", true), chromedp.Flag("disable-sync", true))
	alloc, _ := chromedp.NewExecAllocator(context.Background(), options...)
	browser, _ := chromedp.NewContext(alloc)
	return browser, chromedp.Do(browser)
})

func TestMain(m *testing.M) {
	code := m.Run()
	if browser, err := chromium(); browserUsed && err == nil {
		_ = chromedp.Cancel(browser)
	}
	os.Exit(code)
}

var browserUsed bool

// tab is a page in a browser that says it is WeChat's, in a person's hand.
type tab struct {
	t   *testing.T
	ctx context.Context
}

func (g *gateway) tab(t *testing.T, ua, person string) *tab {
	t.Helper()
	return g.tabFor(t, ua, person, time.Minute)
}

// tabFor opens a tab that is given up after a time.
func (g *gateway) tabFor(t *testing.T, ua, person string, long time.Duration) *tab {
	t.Helper()
	starting.Lock()
	browserUsed = true
	browser, err := chromium()
	starting.Unlock()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := chromedp.NewContext(browser, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	ctx, stop := context.WithTimeout(ctx, long)
	t.Cleanup(stop)
	b := &tab{t, ctx}
	b.is(ua)
	if person != "" {
		c := g.sim.PersonCookie(person)
		call(b, network.SetCookie, network.SetCookieParams{Name: c.Name, Value: c.Value, URL: g.sim.URL})
	}
	return b
}

// is makes the tab say that it is another browser.
func (b *tab) is(ua string) {
	b.t.Helper()
	call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: ua})
}

// call asks the browser for what chromedp has no action for.
func call[P, R any](b *tab, command cdp.Command[P, R], params P) R {
	b.t.Helper()
	result, err := chromedp.Call(b.ctx, command, params)
	if err != nil {
		b.t.Fatal(err)
	}
	return result
}

// another opens another tab of the same browser.
func (b *tab) another(ua string) *tab {
	b.t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx)
	b.t.Cleanup(cancel)
	o := &tab{b.t, ctx}
	o.is(ua)
	return o
}

func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, action := range actions {
		err := chromedp.Do(b.ctx, action)
		for tries := 0; tries < 5 && replaced(err); tries++ {
			err = chromedp.Do(b.ctx, action)
		}
		if err != nil {
			b.t.Fatal(err)
		}
	}
}

// replaced says that a page gave way to the next one while an element was looked up, or a
// page opened: nothing was done yet, and may be tried again.
func replaced(err error) bool {
	return err != nil && (strings.Contains(err.Error(), "node with given id") || strings.Contains(err.Error(), "net::ERR_ABORTED"))
}

// arrives waits until the tab shows a page whose address is as wanted, and returns
// its text.
func (b *tab) arrives(want string) string {
	b.t.Helper()
	var err error
	for range 5 { // each page on the way ends the poll that began on the one before
		_, err = chromedp.Run(b.ctx, chromedp.PollFunction[bool](
			`(want) => document.readyState === 'complete' && location.href === want`,
			chromedp.WithPollingArgs(want), chromedp.WithPollingTimeout(10*time.Second)))
		if err == nil {
			break
		}
	}
	if err != nil {
		href, _ := chromedp.Run(b.ctx, chromedp.Location())
		b.t.Fatalf("the tab shows %s, not %s (%v):\n%s", href, want, err, b.text())
	}
	return b.text()
}

func (b *tab) text() string {
	text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.body.innerText"))
	if err != nil {
		b.t.Fatal(err)
	}
	return text
}

// looks saves a picture of the tab if WSITE_PICTURES names a folder for them.
func (b *tab) looks(name string) {
	b.t.Helper()
	dir := os.Getenv("WSITE_PICTURES")
	if dir == "" {
		return
	}
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: 390, Height: 780, DeviceScaleFactor: 2, Mobile: true})
	png, err := chromedp.Run(b.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(dir+"/"+name+".png", png, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

func TestBrowser(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	for name, ua := range map[string]string{"Android": uaAndroid, "iOS": uaIOS} {
		t.Run("WeChat on "+name+" signs in silently and ends on the clean page", func(t *testing.T) {
			t.Parallel()
			b := g.tab(t, ua, "ming")
			b.do(chromedp.Navigate(g.at(appA, "shop", "/?a=1")))
			// The callback ends in an explicit, empty fragment, which a browser shows.
			if text := b.arrives(g.at(appA, "shop", "/?a=1#")); !strings.Contains(text, "X-User") {
				t.Errorf("the site saw nobody: %s", text)
			}
		})
		t.Run("a hash-routed app on "+name+" comes back to its route", func(t *testing.T) {
			t.Parallel()
			b := g.tab(t, ua, "li")
			b.do(chromedp.Navigate(g.at(appA, "shop", "/app#/level/2")))
			b.arrives(g.at(appA, "shop", "/app#/level/2"))
		})
	}
	t.Run("two tabs at once both arrive", func(t *testing.T) {
		t.Parallel()
		one := g.tab(t, uaAndroid, "wang")
		two := one.another(uaAndroid)
		var both sync.WaitGroup
		for tab, rest := range map[*tab]string{one: "/first", two: "/second"} {
			both.Go(func() { _ = chromedp.Do(tab.ctx, chromedp.Navigate(g.at(appA, "shop", rest))) })
		}
		both.Wait()
		one.arrives(g.at(appA, "shop", "/first#"))
		two.arrives(g.at(appA, "shop", "/second#"))
	})
	t.Run("the back button doesn't lead to a used code", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaAndroid, "chen")
		b.do(chromedp.Navigate(g.at(appA, "shop", "/one")))
		b.arrives(g.at(appA, "shop", "/one#"))
		b.do(chromedp.Navigate(g.at(appA, "shop", "/two")))
		b.arrives(g.at(appA, "shop", "/two"))
		// A page that comes back from the browser's memory loads nothing to wait for.
		if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[any](`setTimeout(() => history.back(), 0), null`)); err != nil {
			t.Fatal(err)
		}
		b.arrives(g.at(appA, "shop", "/one#"))
		for _, e := range call(b, cdppage.GetNavigationHistory, cdp.Empty{}).Entries {
			if strings.Contains(e.URL, "code=") {
				t.Errorf("the history holds %s", e.URL)
			}
		}
	})
	t.Run("who refuses goes on without, who consents is linked", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaAndroid, "zhao")
		b.do(chromedp.Navigate(g.at(appA, "shop", "/ask/prize")))
		b.arrives(g.at(appA, "shop", "/ask/prize#"))
		b.looks("ask")
		b.do(chromedp.Click("#allow"), chromedp.WaitVisible("#refuse"))
		b.looks("consent")
		b.do(chromedp.Click("#refuse"))
		if text := b.arrives(g.at(appA, "shop", "/ask/prize#")); !strings.Contains(text, "X-User") {
			t.Errorf("after a refusal the site saw nobody: %s", text)
		}
		b.do(chromedp.Navigate(g.at(appA, "shop", "/members/area")), chromedp.WaitVisible("#allow"))
		b.do(chromedp.Click("#allow"), chromedp.WaitVisible("#refuse"), chromedp.Click("button#allow"))
		b.arrives(g.at(appA, "shop", "/members/area#"))
		if user := g.verify(g.upstream.lastAt("/members/area").Header.Get("X-User"), "https://shop.example.com"); !user.Linked {
			t.Errorf("after consent the site saw %+v", user)
		}
	})
	t.Run("another browser is asked to open the page in WeChat", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaDesktop, "")
		b.do(chromedp.Navigate(g.at(appA, "club", "/")), chromedp.WaitVisible("svg.qr"))
		b.looks("open")
		if text := b.text(); !strings.Contains(text, "请在微信中打开") || !strings.Contains(text, "open this page in WeChat") {
			t.Errorf("the page says %s", text)
		}
	})
	t.Run("a page that doesn't exist says so in two languages", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaAndroid, "")
		resp, err := chromedp.RunResponse(b.ctx, chromedp.Navigate(g.url+"/wsite/"+appA+"/nothing/"))
		if err != nil || resp.Status != http.StatusNotFound {
			t.Errorf("got %v, %v", resp, err)
		}
		b.looks("refusal")
	})
}

// lastAt is the newest request that the site saw for a path inside it.
func (u *upstream) lastAt(rest string) seen {
	u.mu.Lock()
	defer u.mu.Unlock()
	for i := len(u.seen) - 1; i >= 0; i-- {
		if strings.HasSuffix(u.seen[i].URI, rest) {
			return u.seen[i]
		}
	}
	return seen{}
}
