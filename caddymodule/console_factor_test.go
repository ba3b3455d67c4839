package caddymodule

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/pquerna/otp/totp"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// shownNow is what an authenticator shows on a gateway's clock, some steps from now.
func (g *gateway) shownNow(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, g.now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

func TestConsole_factorRotation(t *testing.T) {
	t.Parallel()
	older, newer := strings.Repeat("0f1e2d3c", 8), strings.Repeat("1a2b3c4d", 8)
	sim, data, secret := simulated(t), t.TempDir(), "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	start := func(keys string) *gateway {
		return startGatewayOn(t, sim, standard, data, "facts sqlite", "master_key "+keys+"\nfacts sqlite")
	}
	put := func(g *gateway, name string, box *identity.Box) {
		t.Helper()
		if _, err := g.app.consoleStore().PutConsoleFactor(t.Context(), console.Factor{Staff: name, Sealed: box.Seal([]byte(secret), "factor "+name)}, nil, ""); err != nil {
			t.Fatal(err)
		}
	}
	g := start(older)
	behind := g.app.factors // of a gateway that has only the older key in force
	put(g, "ming", g.app.factors)
	g.close()
	g = start(newer + " " + older)
	if all, err := g.app.consoleStore().ConsoleFactors(t.Context()); err != nil || len(all) != 1 {
		t.Fatalf("there are %d, %v", len(all), err)
	} else if _, stale, err := g.app.factors.Open(all[0].Sealed, "factor ming"); err != nil || stale {
		t.Errorf("after the start it is stale: %t, %v", stale, err)
	}
	put(g, "li", behind) // by another gateway, which comes later
	g.app.resealFactors(t.Context())
	g.close()
	g = start(newer)
	all, err := g.app.consoleStore().ConsoleFactors(t.Context())
	if err != nil || len(all) != 2 {
		t.Fatalf("there are %d, %v", len(all), err)
	}
	for _, f := range all {
		if plain, stale, err := g.app.factors.Open(f.Sealed, "factor "+f.Staff); err != nil || stale || string(plain) != secret {
			t.Errorf("under the newer key alone that of %s is %q, stale: %t, %v", f.Staff, plain, stale, err)
		}
	}
}

func TestConsole_factorLimit(t *testing.T) {
	t.Parallel()
	g := startGateway(t, append(limited("console_logins 4/1h"), withConsole...)...)
	form := url.Values{"code": {g.setupCode(t)}, "name": {"root"}, "password": {"correct horse battery"}, "again": {"correct horse battery"}}
	if a := g.askConsole(t, "/setup", form); a.Status != http.StatusSeeOther {
		t.Fatalf("the link is answered %d", a.Status)
	}
	for i := range 3 {
		if a := g.askConsole(t, "/sign-in/code", url.Values{"code": {fmt.Sprint(100000 + i)}}); a.Status != http.StatusSeeOther {
			t.Errorf("without half of a session a code is answered %d", a.Status)
		}
	}
	if a := g.askConsole(t, "/sign-in/code", url.Values{"code": {"123456"}}); a.Status != http.StatusTooManyRequests {
		t.Errorf("over the limit it is answered %d", a.Status)
	}
}

func TestConsole_codeLimit(t *testing.T) {
	t.Parallel()
	g := startGateway(t, append(limited("console_logins off"), withConsole...)...)
	w := g.worker(t, "ming", console.Viewer)
	secret := "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
	if _, err := g.app.consoleStore().PutConsoleFactor(t.Context(), console.Factor{Staff: "ming", Sealed: g.app.factors.Seal([]byte(secret), "factor ming")}, nil, ""); err != nil {
		t.Fatal(err)
	}
	// halved is a browser, known or not, in which the password was given.
	halved := func(known string) *worker {
		b := &worker{gateway: g, t: t, cookie: known}
		resp, _ := b.ask("/sign-in", url.Values{"name": {"ming"}, "password": {"correct horse battery"}})
		for _, c := range resp.Cookies() {
			b.cookie += "; " + c.Name + "=" + c.Value
		}
		return b
	}
	stranger := halved("")
	for range 10 {
		stranger.does(http.StatusUnauthorized, "/sign-in/code", "code", "abcdef")
	}
	stranger.does(http.StatusTooManyRequests, "/sign-in/code", "code", g.shownNow(t, secret, 0))
	halved("").does(http.StatusTooManyRequests, "/sign-in/code", "code", g.shownNow(t, secret, 0))
	halved(w.known).does(http.StatusSeeOther, "/sign-in/code", "code", g.shownNow(t, secret, 0))
}

// enrolled turns a second factor on in a tab, and returns its secret, the code that did it
// and a recovery code.
func (g *gateway) enrolled(t *testing.T, b *tab, device string) (secret, used, recovery string) {
	t.Helper()
	b.do(chromedp.Navigate(g.consoleAt("/me")), chromedp.WaitVisible("a[href='/me/factor']"))
	b.do(chromedp.Click("a[href='/me/factor']"), chromedp.WaitVisible(".code svg"))
	b.shows(device + "-factor")
	read := func(what string) string {
		text, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.querySelector('"+what+"').textContent"))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	secret = strings.ReplaceAll(read("code.secret"), " ", "")
	used = g.shownNow(t, secret, 0)
	b.do(chromedp.SendKeys("input[name=code]", used), chromedp.SendKeys("input[name=password]", "correct horse battery"))
	b.do(chromedp.Click("main button.go"), chromedp.WaitVisible(".recoveries"))
	b.shows(device + "-recoveries")
	return secret, used, read(".recoveries code")
}

func TestConsole_factor(t *testing.T) {
	t.Parallel()
	for device, width := range map[string]int{"phone": 390, "desktop": 1280} {
		t.Run("a second factor is turned on, asked for, and stood in for on a "+device, func(t *testing.T) {
			t.Parallel()
			g := startGateway(t, "ORIGIN {\n", "http://console.localhost:PORT {\n\tbind 127.0.0.1\n\twsite_console {\n\t\trequire_second_factor administrator\n\t}\n}\nORIGIN {\n")
			b := g.tab(t, uaDesktop, "")
			b.onScreen(width)
			g.comesIn(t, b)
			if at := b.address(); !strings.HasSuffix(at, "/me") {
				t.Errorf("who has to have one is at %s", at)
			}
			b.shows(device + "-factor-needed")
			secret, used, recovery := g.enrolled(t, b, device)
			b.do(chromedp.Click("main a.go"), chromedp.WaitVisible(".done"))
			b.shows(device + "-factor-on")
			signIn := func() {
				b.do(chromedp.Click("form[action='/sign-out'] button"), chromedp.WaitVisible("input[name=password]"))
				b.do(chromedp.SendKeys("input[name=name]", "root"), chromedp.SendKeys("input[name=password]", "correct horse battery"), chromedp.Click("main button.go"), chromedp.WaitVisible("input[name=code]"))
			}
			signIn()
			b.do(chromedp.SendKeys("input[name=code]", used), chromedp.Click("main button.go"), chromedp.WaitVisible(".wrong"))
			b.shows(device + "-factor-code")
			b.do(chromedp.SendKeys("input[name=code]", g.shownNow(t, secret, 1)), chromedp.Click("main button.go"), chromedp.WaitVisible("nav"))
			if at := b.address(); !strings.HasSuffix(at, "/overview") {
				t.Errorf("with the code he comes to %s", at)
			}
			signIn()
			b.prefers("dark")
			b.do(chromedp.SendKeys("input[name=code]", recovery), chromedp.Click("main button.go"), chromedp.WaitVisible("nav"))
			b.do(chromedp.Navigate(g.consoleAt("/me")), chromedp.WaitVisible("#factor summary"), chromedp.Click("#factor summary"), chromedp.WaitVisible("form[action='/me/factor/off']"))
			b.shows(device + "-factor-dark")
			if text := b.text(); !strings.Contains(text, "left: 9") && !strings.Contains(text, "恢复码：9") {
				t.Errorf("the page says %s", text)
			}
			for _, e := range g.logs.All() {
				hides(t, e.Message+fmt.Sprint(e.ContextMap()), secret, recovery)
			}
		})
	}
}
