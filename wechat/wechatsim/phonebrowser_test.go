package wechatsim

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// hand is the phone page in a real browser.
type hand struct {
	t   *testing.T
	s   *Server
	ctx context.Context
}

func takeInHand(t *testing.T, s *Server) *hand {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Fatalf("this test needs Chromium: run `make test`, which installs it or says how: %v", err)
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU, chromedp.NoFirstRun)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(ctx)
	t.Cleanup(closeTab)
	h := &hand{t, s, ctx}
	h.wide(390)
	return h
}

// wide makes the screen so many pixels wide.
func (h *hand) wide(width int64) {
	h.t.Helper()
	params := emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1, Mobile: width < 600}
	if _, err := chromedp.Call(h.ctx, emulation.SetDeviceMetricsOverride, params); err != nil {
		h.t.Fatal(err)
	}
}

// run runs a script in the page until it is true.
func (h *hand) run(what, script string) {
	h.t.Helper()
	var err error
	for range 3 { // a page that comes meanwhile ends the poll
		if _, err = chromedp.Run(h.ctx, chromedp.Poll[bool]("Boolean("+script+")", chromedp.WithPollingTimeout(10*time.Second))); err == nil {
			return
		}
	}
	text, _ := chromedp.Run(h.ctx, chromedp.Evaluate[string]("location.href + ' ' + document.body.innerText"))
	h.t.Fatalf("%s: %v\n%s", what, err, text)
}

// opens goes to a page, and leads there, which a tap did already, only waits for it.
func (h *hand) opens(path string) {
	h.t.Helper()
	ok(h.t, chromedp.Do(h.ctx, chromedp.Navigate(h.s.URL+path)))
}

func (h *hand) leads(path string) {
	h.t.Helper()
	h.run("leading to "+path, fmt.Sprintf("document.readyState === 'complete' && location.pathname === %q", path))
}

func (h *hand) shows(text string) {
	h.t.Helper()
	h.run("showing "+text, fmt.Sprintf("document.querySelector('.device').innerText.includes(%q)", text))
}

// taps taps an element, which leads to another page.
func (h *hand) taps(selector, path string) {
	h.t.Helper()
	script := fmt.Sprintf("(() => { const one = document.querySelector(%q); if (!one) return false; setTimeout(() => one.click(), 0); return true; })()", selector)
	h.run("tapping "+selector, script)
	h.leads(path)
}

// fits says whether nothing sticks out of the screen, and saves a picture if
// WSITE_PICTURES names a folder for them.
func (h *hand) fits(name string) {
	h.t.Helper()
	for _, width := range []int64{390, 1360} {
		h.wide(width)
		h.run("fitting "+name, "document.documentElement.scrollWidth <= innerWidth && [...document.querySelectorAll('.device .screen')].every((e) => e.scrollWidth <= e.clientWidth)")
		if dir := os.Getenv("WSITE_PICTURES"); dir != "" {
			png, err := chromedp.Run(h.ctx, chromedp.CaptureScreenshot())
			ok(h.t, err)
			ok(h.t, os.WriteFile(fmt.Sprintf("%s/phone-%s-%d.png", dir, name, width), png, 0o600))
		}
	}
	h.wide(390)
}

// TestPhoneInABrowser is a newcomer: takes the phone, scans, follows, writes, gets
// an answer and, without touching anything, a message.
func TestPhoneInABrowser(t *testing.T) {
	t.Parallel()
	s := start(t, func(o *Options) {
		o.Links = []Link{{Title: "小店 · Shop", URL: "http://127.0.0.1:1/", Text: "春茶上新"}}
	})
	b := startBackend(t, s, appA, PushSafe)
	b.answer = func(w http.ResponseWriter, _ *http.Request, g got) {
		if g.has("[几点开门？]") {
			_, _ = w.Write([]byte(seal(t, appA, replyTo(s, appA, g, "<MsgType>text</MsgType><Content>九点</Content>"))))
		}
	}
	makeQR(t, s, "QR_STR_SCENE", `{"scene_str":"poster"}`, `"expire_seconds":3600,`)
	h := takeInHand(t, s)
	h.opens("/phone/")
	h.fits("nobody")
	h.taps("button[value=li]", "/phone/")
	h.shows("还没有聊天")
	h.taps("a[href='/phone/scan']", "/phone/scan")
	h.shows("poster")
	h.fits("scan")
	h.taps(".codes button", "/phone/account/"+appA)
	h.fits("account")
	h.taps("button[name=follow]", "/phone/chat/"+appA)
	h.run("writing", "document.querySelector('input[name=text]').value = '几点开门？'")
	h.taps(".say button", "/phone/chat/"+appA)
	h.shows("九点")
	errcode(t, sendLogin(t, s, "li", ""), "0")
	errcode(t, sendText(t, s, "li", strings.Repeat("W", 200)), "0")
	h.shows("登录成功通知")
	h.shows(strings.Repeat("W", 200)) // what isn't shown yet stays unread, and would be counted below
	h.run("scrolling to the end", "(() => { const e = document.querySelector('.talk'); return e.scrollTop + e.clientHeight >= e.scrollHeight - 2; })()")
	h.fits("chat")
	h.taps(".back", "/phone/")
	errcode(t, sendText(t, s, "li", "明天见"), "0")
	h.shows("明天见")
	h.run("showing a badge", "document.title.startsWith('(1) ') && document.querySelector('.cell .badge').innerText === '1'")
	h.fits("chats")
	h.taps("a[href='/phone/me']", "/phone/me")
	h.fits("me")
}
