package caddymodule

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// axe is what holds pages to WCAG, as .ci/prepare has fetched it.
var axe = sync.OnceValues(func() (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	dir := filepath.Join(cache, "caddy-wsite", "axe")
	want, err := os.ReadFile("testdata/axe/package-lock.json")
	if err != nil {
		return "", err
	}
	have, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil || string(have) != string(want) {
		return "", fmt.Errorf("these tests need axe as testdata/axe/package-lock.json names it: run `make prepare`, which fetches it (%v)", err)
	}
	text, err := os.ReadFile(filepath.Join(dir, "node_modules", "axe-core", "axe.min.js"))
	return string(text), err
})

// watched notes what a page tries that its policy forbids, and what fails in it.
const watched = `window.broken = []
addEventListener('securitypolicyviolation', e => broken.push('policy: ' + e.violatedDirective + ' ' + e.blockedURI))
addEventListener('error', e => broken.push('error: ' + (e.message || e.target.src || e.target.href)), true)
addEventListener('unhandledrejection', e => broken.push('rejected: ' + e.reason))`

// judged are the rules that a page breaks with grave results.
const judged = `axe.run(document, { resultTypes: ['violations'] }).then(r => [...broken, ...r.violations
	.filter(v => ['serious', 'critical'].includes(v.impact))
	.flatMap(v => v.nodes.slice(0, 3).map(n => v.id + ': ' + n.target.join(' ') + ' ' + (n.any[0]?.message ?? v.help)))].join('\n'))`

// screens are how wide those are on which pages are looked at.
var screens = []int{1280, 390}

// light makes the tab one of who prefers a light screen, or a dark one.
func (b *tab) prefers(scheme string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
}

// goes opens a page, and fails if that isn't there, or is longer than it may be.
func (b *tab) goes(address string) {
	b.t.Helper()
	resp, err := chromedp.RunResponse(b.ctx, chromedp.Navigate(address))
	if err != nil || resp.Status != 200 && !strings.HasSuffix(address, "/nothing") {
		b.t.Errorf("%s: %v, %v", address, resp, err)
	}
	size, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`performance.getEntriesByType('navigation')[0].encodedBodySize`))
	if err != nil || size == 0 || size > 100_000 {
		b.t.Errorf("%s has %d bytes, %v", address, size, err)
	}
}

// holds looks at the page in light and dark, on a desktop and a phone: nobody may be kept
// from reading it, and nothing may reach over the edge of the screen. With WSITE_PICTURES it
// leaves a picture of each there.
func (b *tab) holds(name string) {
	b.t.Helper()
	source, err := axe()
	if err != nil {
		b.t.Fatal(err)
	}
	if _, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](source+";true")); err != nil {
		b.t.Fatal(err)
	}
	for _, width := range screens {
		b.onScreen(width)
		for _, scheme := range []string{"light", "dark"} {
			b.prefers(scheme)
			at := fmt.Sprintf("%s-%d-%s", name, width, scheme)
			wrong, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](judged, chromedp.EvalAwaitPromise))
			if err != nil || wrong != "" {
				b.t.Errorf("%s: %s %v", at, wrong, err)
			}
			wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[string](`document.documentElement.scrollWidth > innerWidth ?
				[...document.querySelectorAll('main *')].filter(e => e.getBoundingClientRect().right > innerWidth + 1).map(e => e.tagName + '.' + e.className).slice(0, 3).join(' ') || 'something' : ''`))
			if err != nil || wide != "" {
				b.t.Errorf("%s: wider than the screen is %s %v", at, wide, err)
			}
			b.picture(at, width)
		}
	}
}

// picture saves all of the page, if WSITE_PICTURES names a folder.
func (b *tab) picture(name string, width int) {
	b.t.Helper()
	dir := os.Getenv("WSITE_PICTURES")
	if dir == "" {
		return
	}
	high, err := chromedp.Run(b.ctx, chromedp.Evaluate[int](`document.documentElement.scrollHeight`))
	if err != nil {
		b.t.Fatal(err)
	}
	whole := true
	shot := call(b, cdppage.CaptureScreenshot, cdppage.CaptureScreenshotParams{
		CaptureBeyondViewport: &whole, Clip: &cdppage.Viewport{Width: float64(width), Height: float64(min(max(high, 600), 4000)), Scale: 1},
	})
	if err := os.WriteFile(filepath.Join(dir, name+".png"), shot.Data, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// TestConsole_pages looks at every page of the console.
func TestConsole_pages(t *testing.T) {
	t.Parallel()
	for lang, accepts := range map[string]string{"zh": "zh-CN", "en": "en-US"} {
		t.Run("each can be read by everybody, in "+lang, func(t *testing.T) {
			t.Parallel()
			s := playConsole(t)
			b := s.tabFor(t, uaDesktop, "", 10*time.Minute)
			call(b, emulation.SetUserAgentOverride, emulation.SetUserAgentOverrideParams{UserAgent: uaDesktop, AcceptLanguage: accepts})
			call(b, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: watched})
			for _, path := range []string{"/sign-in", "/setup"} {
				b.goes(s.consoleAt(path))
				b.holds(lang + "-" + strings.TrimPrefix(path, "/"))
			}
			s.signsIn(t, b)
			pages := s.consolePages(t)
			for _, name := range slices.Sorted(maps.Keys(pages)) {
				b.goes(s.consoleAt(pages[name]))
				b.holds(lang + "-" + name)
			}
			b.goes(s.consoleAt("/merchants/main/of/2001"))
			b.do(chromedp.Click("form[action$='/codes'] button"), chromedp.WaitVisible(".code svg"))
			b.holds(lang + "-code-made")
		})
	}
}

// TestConsole_phone looks at the pages that the simulator has for who is in the demo, after a
// merchant was bound and got a notice.
func TestConsole_phone(t *testing.T) {
	t.Parallel()
	s := playConsole(t)
	b := s.tab(t, uaAndroid, "li")
	b.onScreen(390)
	for name, path := range map[string]string{"chats": "/phone/", "me": "/phone/me", "scan": "/phone/scan", "chat": "/phone/chat/" + appA, "account": "/phone/account/" + appA} {
		b.goes(s.sim.URL + path)
		for _, scheme := range []string{"light", "dark"} {
			b.prefers(scheme)
			b.picture("phone-"+name+"-"+scheme, 390)
		}
		if wide, err := chromedp.Run(b.ctx, chromedp.Evaluate[bool](`document.documentElement.scrollWidth > innerWidth`)); err != nil || wide {
			t.Errorf("%s is wider than the screen: %v", path, err)
		}
	}
}
