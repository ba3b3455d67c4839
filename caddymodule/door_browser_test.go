package caddymodule

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	cdppage "github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// bridge plays WeChat's bridge in a web-view, as far as our pages call it.
const bridge = `window.WeixinJSBridge = { invoke: (name, what) => { document.title = name + ' ' + what.name + ' ' + (what.arg.url || what.arg.delta) } }`

func TestBrowser_doors(t *testing.T) {
	t.Parallel()
	g := startDoors(t)
	evil := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		to, ticket := r.URL.Query().Get("to"), r.URL.Query().Get("t")
		if ticket == "" {
			fmt.Fprintf(w, `<a id="go" href="%s">go</a>`, to)
			return
		}
		fmt.Fprintf(w, `<form method="post" action="%s"><input name="t" value="%s"><button id="go">go</button></form>`, to, ticket)
	}))
	t.Cleanup(evil.Close)
	evilURL := strings.Replace(evil.URL, "127.0.0.1", "localhost", 1)

	t.Run("a web-view enters with its ticket and ends on its page", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaMiniView, "")
		b.do(chromedp.Navigate(g.mini("ming", "shop").ticket("/cart?a=1#/pay").URL))
		if text := b.arrives(g.at(appMini, "shop", "/cart?a=1#/pay")); !strings.Contains(text, "X-User") {
			t.Errorf("the site saw nobody: %s", text)
		}
		b.do(chromedp.Navigate(g.at(appMini, "shop", "/-/enter"))) // he comes back to our page
		b.arrives(g.at(appMini, "shop", "/"))
	})
	t.Run("without a session it goes back to its mini program", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaMiniView, "")
		call(b, cdppage.AddScriptToEvaluateOnNewDocument, cdppage.AddScriptToEvaluateOnNewDocumentParams{Source: bridge})
		b.do(chromedp.Navigate(g.at(appMini, "shop", "/cart?a=1#/pay")))
		if title, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.title")); err != nil || title != "invokeMiniProgramAPI redirectTo /pages/login/index?return=%2Fcart%3Fa%3D1%23%2Fpay" {
			t.Errorf("the bridge was told %q, %v", title, err)
		}
		b.looks("mini")
		b.is(strings.Replace(uaMiniView, appMini, appMini2, 1))
		b.do(chromedp.Navigate(g.at(appMini2, "alone", "/x")))
		if title, err := chromedp.Run(b.ctx, chromedp.Evaluate[string]("document.title")); err != nil || title != "invokeMiniProgramAPI navigateBack 1" {
			t.Errorf("the bridge was told %q, %v", title, err)
		}
	})
	t.Run("another site leads nobody into the attacker's session", func(t *testing.T) {
		t.Parallel()
		attacker := g.mini("li", "shop")
		for _, path := range []string{"/?to=" + strings.Replace(attacker.ticket("/").URL, "#", "%23", 1), "/?to=" + g.at(appMini, "shop", "/-/enter") + "&t=" + attacker.ticket("/").Ticket} {
			b := g.tab(t, uaMiniView, "")
			b.do(chromedp.Navigate(evilURL+path), chromedp.Click("#go"), chromedp.WaitVisible("p.code"))
			if text := b.text(); !strings.Contains(text, string(codeCrossSite)) {
				t.Errorf("it shows %s", text)
			}
			b.do(chromedp.Navigate(g.at(appMini, "shop", "/maybe")))
			if text := b.text(); strings.Contains(text, "X-User") {
				t.Errorf("the victim is signed in: %s", text)
			}
		}
	})
	t.Run("a login on a further host comes back by the relay", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaAndroid, "ming")
		b.do(chromedp.Navigate(g.on("shop", appA, "shop", "/app#/level/2")))
		if text := b.arrives(g.on("shop", appA, "shop", "/app#/level/2")); !strings.Contains(text, "X-User") {
			t.Errorf("the site saw nobody: %s", text)
		}
	})
	t.Run("a desk is led to the scan and back", func(t *testing.T) {
		t.Parallel()
		b := g.tab(t, uaDesktop, "ming")
		b.do(chromedp.Navigate(g.at(appA, "shop", "/app#/level/2")))
		if text := b.arrives(g.at(appWeb, "shop", "/app#/level/2")); !strings.Contains(text, "X-User") {
			t.Errorf("the site saw nobody: %s", text)
		}
		b.do(chromedp.Navigate(g.at(appA, "bank", "/x")), chromedp.WaitVisible("#scan"))
		b.looks("open_or_scan")
	})
}
