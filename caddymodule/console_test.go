package caddymodule

import (
	"bytes"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// withConsole adds the console to the standard Caddyfile, on a host of its own.
var withConsole = []string{"ORIGIN {\n", "http://console.localhost:PORT {\n\tbind 127.0.0.1\n\twsite_console\n}\nORIGIN {\n"}

// consoleAt is an address of the console.
func (g *gateway) consoleAt(path string) string {
	return strings.Replace(g.url, "127.0.0.1", "console.localhost", 1) + path
}

// askConsole asks for a page of the console, or posts a form to it.
func (g *gateway) askConsole(t *testing.T, path string, form url.Values) consoleAnswer {
	t.Helper()
	method := http.MethodGet
	if form != nil {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	at, _ := url.Parse(g.consoleAt(""))
	req.Host = at.Host
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var text bytes.Buffer
	if _, err := text.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return consoleAnswer{resp.StatusCode, text.String()}
}

type consoleAnswer struct {
	Status int
	Body   string
}

// setupCode is the code for the first administrator, from the file that the log names.
func (g *gateway) setupCode(t *testing.T) string {
	t.Helper()
	g.askConsole(t, "/sign-in", nil)
	file := filepath.Join(filepath.Dir(g.app.Facts.SQLite), "console-setup.txt")
	info, err := os.Stat(file)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the file is %v, %v", info, err)
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	code := regexp.MustCompile(`/setup#(\S+)`).FindSubmatch(text)
	if code == nil {
		t.Fatalf("the file says %s", text)
	}
	for _, e := range g.logs.All() {
		if named, _ := e.ContextMap()["file"].(string); named == file {
			return string(code[1])
		}
	}
	t.Fatalf("the log doesn't name %s", file)
	return ""
}

func TestConsole(t *testing.T) {
	t.Parallel()
	g := startGateway(t, append(limited("console_logins 3/1h"), withConsole...)...)
	code := g.setupCode(t)
	for range 2 {
		if a := g.askConsole(t, "/sign-in", url.Values{"name": {"root"}, "password": {"wrong password"}}); a.Status != http.StatusUnauthorized {
			t.Errorf("a wrong password is answered %d", a.Status)
		}
	}
	form := url.Values{"code": {code}, "name": {"root"}, "password": {"correct horse battery"}, "again": {"correct horse battery"}}
	if a := g.askConsole(t, "/setup", form); a.Status != http.StatusSeeOther {
		t.Errorf("the link is answered %d %s", a.Status, a.Body)
	}
	if a := g.askConsole(t, "/sign-in", url.Values{"name": {"root"}, "password": {"correct horse battery"}}); a.Status != http.StatusTooManyRequests {
		t.Errorf("over the limit it answers %d", a.Status)
	}
	for _, e := range g.logs.All() {
		for _, v := range e.ContextMap() {
			if s, ok := v.(string); ok && strings.Contains(s, code) {
				t.Errorf("the log holds the code: %s", e.Message)
			}
		}
	}
}

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
			b.do(chromedp.Click("button.go"), chromedp.WaitVisible("nav"), chromedp.WaitVisible("dl"))
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
