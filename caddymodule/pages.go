package caddymodule

import (
	"bytes"
	"crypto/rand"
	"embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"strings"

	"github.com/boombuler/barcode/qr"
)

//go:embed pages/*.html
var pageFiles embed.FS

// page names one of our pages: a file below pages/ that fills the layout.
type page string

const (
	pageRefusal page = "refusal"
	pageStart   page = "start"
	pageAsk     page = "ask"
	pageOpen    page = "open"
	pageLogout  page = "logout"
	pageMini    page = "mini"
	pageEnter   page = "enter"
)

var pages = func() map[page]*template.Template {
	parsed := map[page]*template.Template{}
	for _, p := range []page{pageRefusal, pageStart, pageAsk, pageOpen, pageLogout, pageMini, pageEnter} {
		parsed[p] = template.Must(template.ParseFS(pageFiles, "pages/layout.html", "pages/"+string(p)+".html"))
	}
	return parsed
}()

// Views: what each page shows.
type (
	refusalView struct{ Code, ZH, EN, Again string }
	startView   struct{ Next, Login string }
	askView     struct{ Login, Later string }
	openView    struct {
		Address string
		QR      template.HTML
		Scan    string // address of the login by scanning, if there is one
	}
	miniView   struct{ Page string }
	enterView  struct{ Action, Home string }
	logoutView struct{ Action, Back string }
)

// writePage writes one of our pages. None of them is ever kept, framed, or given
// away as a referrer, and nothing runs in it that we didn't write.
func (a *App) writePage(w http.ResponseWriter, status int, p page, view any) error {
	nonce := rand.Text()
	var body bytes.Buffer
	if err := pages[p].ExecuteTemplate(&body, "layout", map[string]any{"Nonce": nonce, "View": view}); err != nil {
		return fmt.Errorf("writing page %s: %w", p, err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", fmt.Sprintf(
		"default-src 'none'; style-src 'nonce-%[1]s'; script-src 'nonce-%[1]s'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'", nonce))
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY") // for WeChat's older web-views
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie, Sec-Fetch-Dest")
	w.WriteHeader(status)
	_, err := w.Write(body.Bytes())
	return err
}

// writeProblem answers a program (RFC 9457).
func (a *App) writeProblem(w http.ResponseWriter, ref *refusal, more map[string]any) error {
	said := refusals[ref.code]
	problem := map[string]any{"code": ref.code, "status": said.status, "title": said.en, "title_zh": said.zh}
	maps.Copy(problem, more)
	body, err := json.Marshal(problem)
	if err != nil {
		return fmt.Errorf("writing problem: %w", err)
	}
	h := w.Header()
	h.Set("Content-Type", "application/problem+json")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Cookie, Sec-Fetch-Dest")
	w.WriteHeader(said.status)
	_, err = w.Write(body)
	return err
}

// writeOpenInWeChat asks a visitor in another browser to open the page in WeChat:
// there is nothing to click that could do it for him, but he can scan.
func (a *App) writeOpenInWeChat(w http.ResponseWriter, rt route, r *http.Request) error {
	tg := target{Path: rt.target(r)}
	if rt.isOwn() || len(tg.Path) > maxTarget {
		tg.Path = rt.base + "/"
	}
	in := rt // where it is opened in WeChat
	if official := a.directory().OfficialAccount(rt.site); official != nil && !rt.account.Official() {
		in = a.through(rt, official)
	}
	address := a.originOf(rt) + in.base + strings.TrimPrefix(tg.Path, rt.base)
	view := openView{Address: address, QR: qrImage(address)}
	if web := a.directory().WebAccount(rt.site); web != nil && canScan(r) {
		view.Scan = a.loginThrough(rt, web, tg)
	}
	a.metrics.login("asked_to_open")
	return a.writePage(w, http.StatusOK, pageOpen, view)
}

// qrImage draws a QR code as SVG; nothing if the text is too long for one.
func qrImage(text string) template.HTML {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return ""
	}
	size := code.Bounds().Dx()
	var path strings.Builder
	for y := range size {
		for x := range size {
			if r, _, _, _ := code.At(x, y).RGBA(); r == 0 {
				fmt.Fprintf(&path, "M%d %dh1v1h-1z", x, y)
			}
		}
	}
	// A quiet zone of four modules, without which phones don't find the code.
	return template.HTML(fmt.Sprintf(
		`<svg class="qr" role="img" aria-label="QR" viewBox="-4 -4 %[1]d %[1]d" shape-rendering="crispEdges"><rect x="-4" y="-4" width="%[1]d" height="%[1]d" fill="#fff"/><path d="%[2]s" fill="#000"/></svg>`,
		size+8, path.String()))
}

func acceptsHTML(r *http.Request) bool { return strings.Contains(r.Header.Get("Accept"), "text/html") }
