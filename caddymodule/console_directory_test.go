package caddymodule

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
)

// TestConsole_directory has staff make an account and a site, through which a visitor is
// signed in without a reload.
func TestConsole_directory(t *testing.T) {
	t.Parallel()
	for lang, saved := range map[string]string{"zh": "完成：已保存", "en": "Done: Saved"} {
		for device, width := range desks(lang) {
			t.Run("an account and a site are made, and hold at once, in "+lang+" on a "+device, func(t *testing.T) {
				t.Parallel()
				g := startGateway(t, append(withConsole, withoutC...)...)
				b := g.tab(t, uaDesktop, "")
				b.onScreen(width)
				b.speaks(g, lang)
				g.comesIn(t, b)
				makesSite(t, g, b, lang+"-"+device, saved)
			})
		}
	}
}

func makesSite(t *testing.T, g *gateway, b *tab, name, saved string) {
	t.Helper()
	b.do(chromedp.Navigate(g.consoleAt("/accounts/new")), chromedp.WaitVisible("input[name=app_id]"))
	b.shows(name + "-account-new")
	b.do(chromedp.SendKeys("input[name=app_id]", appLone), chromedp.SendKeys("input[name=secret]", "secret-of-c-0123456789abcdef"), chromedp.Click("main button.go"), chromedp.WaitVisible(".done"))
	b.shows(name + "-account")
	b.do(chromedp.Navigate(g.consoleAt("/accounts")), chromedp.WaitVisible("form[action$='"+appLone+"/check'] button"), chromedp.Click("form[action$='"+appLone+"/check'] button"), chromedp.WaitVisible("main table, main ul, main dl"))
	b.shows(name + "-account-check")
	b.do(chromedp.Navigate(g.consoleAt("/sites/new")), chromedp.WaitVisible("input[name=ptid]"))
	b.do(chromedp.SendKeys("input[name=ptid]", "new"), chromedp.SendKeys("textarea[name=accounts]", appLone), chromedp.SendKeys("textarea[name=paths]", "/pay/notify everybody"))
	b.do(chromedp.Click("main button.go"), chromedp.WaitVisible(".wrong"))
	b.shows(name + "-site-wrong")
	b.do(chromedp.SetValue("textarea[name=paths]", "/pay/notify public"), chromedp.Click("main button.go"), chromedp.WaitVisible(".done"))
	b.shows(name + "-site")
	if text := b.text(); !strings.Contains(text, g.at(appLone, "new", "/")) || !strings.Contains(text, saved) {
		t.Errorf("its address is not there: %s", text)
	}
	if _, token := g.tokenAt(t, g.phone("ming"), appLone, "new"); token.PTID != "new" {
		t.Errorf("the site is told %+v", token)
	}
	b.do(chromedp.Navigate(g.consoleAt("/sites?q=ne")), chromedp.WaitVisible("tbody a"))
	b.shows(name + "-sites")
	b.do(chromedp.Navigate(g.consoleAt("/sites/of/new")), chromedp.WaitVisible("details summary"), chromedp.Click("details summary"), chromedp.SendKeys("input[name=confirm]", "new"), chromedp.Click("button.danger"), chromedp.WaitVisible(".done"))
	g.wantRefusal(t, g.phone("ming").open(g.at(appLone, "new", "/")), codeNoSite)
}
