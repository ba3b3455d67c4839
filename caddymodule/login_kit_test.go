package caddymodule

import (
	"database/sql"
	"encoding/json"
	"html"
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// shopAudience is the audience of the site "shop".
const shopAudience = "https://shop.example.com"

// who is the visitor whom the shop saw.
func (g *gateway) who(page seenPage) identity.Token {
	g.t.Helper()
	return g.whoami(page, shopAudience)
}

// next is where a page sends the browser by itself; empty if it is the last one.
func (page seenPage) next() string {
	if to := page.Header.Get("Location"); to != "" {
		return to
	}
	if m := scriptData.FindStringSubmatch(page.Body); m != nil {
		return html.UnescapeString(m[1])
	}
	return ""
}

// toWeChat opens an address and stops in front of WeChat's login.
func (p *phone) toWeChat(address string) string {
	p.t.Helper()
	page := p.step(address)
	to, _, _ := strings.Cut(page.next(), "#")
	if !strings.Contains(to, "/connect/oauth2/authorize?") {
		p.t.Fatalf("%s leads to %q with %d: %s", address, to, page.Status, page.Body)
	}
	return to
}

// toCallback opens an address, signs in at WeChat, and stops in front of our callback.
func (p *phone) toCallback(address string) string {
	p.t.Helper()
	return p.fromWeChat(p.toWeChat(address))
}

// fromWeChat is where WeChat's login sends the visitor back to.
func (p *phone) fromWeChat(authorize string) string {
	p.t.Helper()
	page := p.step(authorize)
	if page.Header.Get("Location") == "" {
		p.t.Fatalf("WeChat stays on its page with %d: %s", page.Status, page.Body)
	}
	return page.Header.Get("Location")
}

// plant puts a cookie of ours into the phone.
func (p *phone) plant(g *gateway, kind, value string) {
	u, _ := url.Parse(g.url)
	p.jar.SetCookies(u, []*http.Cookie{{Name: g.app.jar.prefix + kind, Value: value, Path: "/"}})
}

// cookie is the value of one of our cookies in the phone.
func (p *phone) cookie(g *gateway, kind string) string {
	return p.cookies(g.url + "/")[g.app.jar.prefix+kind]
}

// forget empties the phone of our cookies of a kind.
func (p *phone) forget(g *gateway, kind string) {
	u, _ := url.Parse(g.url)
	p.jar.SetCookies(u, []*http.Cookie{{Name: g.app.jar.prefix + kind, Path: "/", MaxAge: -1}})
}

// phones are phones of one person, which share nothing but him.
func (g *gateway) phones(n int, person string) []*phone {
	list := make([]*phone, n)
	for i := range list {
		list[i] = g.phone(person)
	}
	return list
}

// crowd adds people to WeChat and gives their phones.
func (g *gateway) crowd(names ...string) []*phone {
	list := make([]*phone, len(names))
	for i, name := range names {
		g.sim.Add(wechatsim.Person{Name: name, Nickname: name})
		list[i] = g.phone(name)
	}
	return list
}

var refusalCode = regexp.MustCompile(`<p class="code">([a-z_]*)</p>`)

// refusal is the code of one of our pages or problems; empty if it is none.
func (page seenPage) refusal() string {
	if m := refusalCode.FindStringSubmatch(page.Body); m != nil {
		return m[1]
	}
	var problem struct {
		Code string `json:"code"`
	}
	if strings.HasPrefix(page.Header.Get("Content-Type"), "application/problem+json") && json.Unmarshal([]byte(page.Body), &problem) == nil {
		return problem.Code
	}
	return ""
}

// wantRefusal fails unless a page refuses with a code.
func (g *gateway) wantRefusal(t testing.TB, page seenPage, c code) {
	t.Helper()
	if page.refusal() != string(c) || page.Status != refusals[c].status {
		t.Errorf("%s answered %d with the code %q, want %d %q: %.200s", page.URL, page.Status, page.refusal(), refusals[c].status, c, page.Body)
	}
}

// logged says whether a line tells of a refusal with a code.
func (g *gateway) logged(c code) bool {
	return slices.ContainsFunc(g.logs.All(), func(line observer.LoggedEntry) bool {
		m := line.ContextMap()
		return line.Message == "refused" && m["code"] == string(c) && m["step"] == refusals[c].step
	})
}

// rows counts what the facts hold, table by table, past our own code.
func (g *gateway) rows(t testing.TB) map[string]int {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+g.app.Facts.SQLite+"?mode=ro")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	counts := map[string]int{}
	for _, table := range []string{"userid", "union_key", "openid_key", "event", "conflict"} {
		var n int
		if err := db.QueryRow("SELECT count(*) FROM " + table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		counts[table] = n
	}
	return counts
}

// wantRows fails unless the facts hold what they held.
func (g *gateway) wantRows(t testing.TB, before map[string]int) {
	t.Helper()
	if now := g.rows(t); !maps.Equal(before, now) {
		t.Errorf("the facts held %v and hold %v", before, now)
	}
}

// known is what the facts say about a person at an account.
func (g *gateway) known(t testing.TB, person, appID string) identity.Known {
	t.Helper()
	known, err := g.app.facts().Load(t.Context(), identity.Query{Realm: "main", Openid: identity.Openid{AppID: appID, OpenID: g.sim.OpenID(person, appID)}})
	if err != nil {
		t.Fatal(err)
	}
	return known
}

// counted is the value of one of our counters with a label of that value.
func (g *gateway) counted(t testing.TB, name, label string) int {
	t.Helper()
	families, err := g.app.ctx.GetMetricsRegistry().Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			for _, pair := range m.GetLabel() {
				if family.GetName() == name && pair.GetValue() == label {
					return int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return 0
}
