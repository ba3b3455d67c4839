package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// overview is that of a gateway that counts what a test counts.
type overview struct{ *sqlstore.Store }

func (overview) Needs(context.Context) ([]console.Need, error) {
	return []console.Need{
		{Bad: true, Said: console.Text{ZH: "密钥有误", EN: "The secret is wrong"}, Path: "/accounts"},
		{Said: console.Text{ZH: "3 个商户未绑定", EN: "3 merchants are unbound"}, Path: "/merchants/main?shown=unbound"},
		{Said: console.Text{ZH: "别处", EN: "Elsewhere"}, Path: "/nowhere"},
		{Said: console.Text{ZH: "员工", EN: "Staff"}, Path: "/staff"},
	}, nil
}

func TestOverview(t *testing.T) {
	t.Parallel()
	k := startStill(t)
	// Of the hours of two days before now, each its own number.
	hour := k.now().Truncate(time.Hour)
	var counts []console.Count
	for what := range console.EveryCounted {
		for back := range 24 * 60 {
			counts = append(counts, console.Count{Hour: hour.Add(time.Duration(-back) * time.Hour), Name: what.String(), N: 123_456_789})
		}
	}
	if err := k.store.AddCounts(t.Context(), counts); err != nil {
		t.Fatal(err)
	}
	root, ming := k.staff(t, "root", console.Administrator), k.staff(t, "ming", console.Viewer)
	if a := root.get("/"); a.header.Get("Location") != "/overview" {
		t.Errorf("who comes in is sent to %q", a.header.Get("Location"))
	}
	for by, bars := range map[string]int{"hour": 0, "day": 24, "month": 30, "nonsense": 24} {
		for _, lang := range []string{"zh", "en"} {
			root.header.Set("Accept-Language", lang)
			a := root.get("/overview?by=" + by)
			if a.status != http.StatusOK || len(a.body) >= 100_000 {
				t.Errorf("by %s it answers %d with %d bytes", by, a.status, len(a.body))
			}
			if got := strings.Count(a.body, `<rect class="good`); got != 7*bars {
				t.Errorf("by %s there are %d bars", by, got)
			}
			if strings.Contains(a.body, "style=") {
				t.Errorf("by %s a style stands in the page", by)
			}
		}
	}
	page := ming.get("/overview").body
	for path, there := range map[string]bool{`href="/accounts">`: true, `href="/merchants/main?shown=unbound"`: true, "/nowhere": false, `class="button" href="/staff"`: false} {
		if strings.Contains(page, path) != there {
			t.Errorf("%s stands there: %t", path, !there)
		}
	}
	if !strings.Contains(page, "The secret is wrong") || strings.Contains(page, "All is well") {
		t.Errorf("the page says %s", page)
	}
}
