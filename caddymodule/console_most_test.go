package caddymodule

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// TestConsole_most has as many merchants picked as may be, with the longest ids there are: the
// pages stay small, their addresses short, and what is sent is for all of them.
func TestConsole_most(t *testing.T) {
	t.Parallel()
	g := startConsole(t)
	template := g.notice(t)
	if err := g.app.messages.Sync(t.Context(), appA); err != nil {
		t.Fatal(err)
	}
	w := g.worker(t, "root", console.Administrator)
	g.listsLong(t, 0, 500)
	desk := office{g, t, g.apiKey(t, "main", "merchant")}
	first := fmt.Sprintf("%064d", 0)
	code := desk.makes(first)
	desk.scans("li", code.text("url"))
	desk.stands(first, code, merchant.Bound, "")
	w.small("/merchants/main/codes?all=1")
	// All that a page of the list has, ticked.
	ticked := regexp.MustCompile(`name="id" value="([^"]+)"`).FindAllStringSubmatch(w.small("/merchants/main"), -1)
	q := url.Values{}
	for _, m := range ticked {
		q.Add("id", m[1])
	}
	if form := w.small(w.leads(template, w.small("/merchants/main/notices/new?"+q.Encode()))); strings.Count(form, " ") == 0 || !strings.Contains(form, ticked[49][1]) {
		t.Error("the last one that was ticked isn't among them")
	}
	g.listsLong(t, 500, 1000)
	text := w.small(w.leads(template, w.small("/merchants/main/notices/new?all=1")))
	to := regexp.MustCompile(`<textarea name="to"[^>]*>([^<]*)<`).FindStringSubmatch(text)
	if to == nil || len(strings.Fields(to[1])) != 1000 {
		t.Fatalf("the form is for others: %.200v", to)
	}
	form := url.Values{"appid": {appA}, "template": {template}, "client": {"c1"}, "to": {to[1]}, "data_thing4": {"Green tea"}, "data_amount2": {"39.8元"}}
	if resp, text := w.ask("/merchants/main/notices", url.Values{"appid": {appA}, "template": {template}, "client": {"c2"}, "to": {to[1]}, "data_thing4": {"Green tea"}}); resp.StatusCode != http.StatusBadRequest || len(text) >= 100_000 || !strings.Contains(text, to[1]) {
		t.Errorf("what is missing is answered %d with %d bytes", resp.StatusCode, len(text))
	}
	resp, text := w.ask("/merchants/main/notices", form)
	if resp.StatusCode != http.StatusSeeOther {
		t.Fatalf("sending is answered %d %.2000s", resp.StatusCode, text)
	}
	id := regexp.MustCompile(`notices/([^?]+)`).FindStringSubmatch(resp.Header.Get("Location"))[1]
	got := 0
	for _, err := range g.app.desk.Recipients(t.Context(), "main", id) {
		if err != nil {
			t.Fatal(err)
		}
		got++
	}
	if got != 1000 {
		t.Errorf("it is sent to %d", got)
	}
	w.small("/merchants/main/notices/" + id)
	g.listsLong(t, 1000, 1001)
	if resp, text := w.ask("/merchants/main/notices/new?all=1", nil); resp.StatusCode != http.StatusBadRequest || !strings.Contains(text, "At most 1000 merchants at once") {
		t.Errorf("one more is answered %d", resp.StatusCode)
	}
}

// listsLong puts merchants on the list whose ids and names are long.
func (g *gateway) listsLong(t *testing.T, from, until int) {
	t.Helper()
	var table strings.Builder
	table.WriteString("id,name\n")
	for i := from; i < until; i++ {
		fmt.Fprintf(&table, "%064d,%s %d\n", i, strings.Repeat("长", 30), i)
	}
	if err := g.app.desk.Import(t.Context(), "main", strings.NewReader(table.String()), "staff:ming", func(merchant.Imported) {}); err != nil {
		t.Fatal(err)
	}
}

// small is a page that has to be small, with an address that is short.
func (w *worker) small(path string) string {
	w.t.Helper()
	resp, text := w.ask(path, nil)
	if resp.StatusCode != http.StatusOK || len(text) >= 100_000 || len(path) > 4000 {
		w.t.Errorf("%.80s is answered %d with %d bytes, its address has %d", path, resp.StatusCode, len(text), len(path))
	}
	return text
}

// leads is the address to which a page leads for a template.
func (w *worker) leads(template, page string) string {
	w.t.Helper()
	link := regexp.MustCompile(`href="([^"]+template=` + regexp.QuoteMeta(template) + `)"`).FindStringSubmatch(page)
	if link == nil {
		w.t.Fatalf("no link leads to the template: %.2000s", page)
	}
	return strings.ReplaceAll(link[1], "&amp;", "&")
}
