package caddymodule

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// stage is a console with people and merchants on it, like the demo's.
type stage struct {
	office
	// filled are the addresses of pages whose patterns name something.
	filled map[string]map[string]string
}

// playConsole fills a console: merchants who are bound, refused, disabled and waiting, and
// notices that arrived, failed and wait.
func playConsole(t *testing.T) *stage {
	t.Helper()
	g := startConsole(t)
	deadLetterOf(t, g.app)
	s := &stage{office: office{g, t, g.apiKey(t, "main", "merchant message")}}
	g.goesOn(t)
	for _, m := range demoMerchants[:3] {
		s.lists(m.ID, "name", m.Name, "contact", m.Contact, "phone", m.Phone)
	}
	for i := range 60 {
		s.lists(fmt.Sprintf("2%03d", i), "name", fmt.Sprintf("商户 Shop %d", i), "login", fmt.Sprintf("shop%d", i), "phone", "13900002000", "registered", "2025-03-01T02:00:00Z")
	}
	s.do("POST", "merchants/1003/disable", `{"version":1}`).want(t, 200)
	bound := s.makes("1001")
	s.scans("li", bound.text("url"))
	s.stands("1001", bound, merchant.Bound, "")
	refused := s.makes("1001")
	s.scans("wang", refused.text("url"))
	s.stands("1001", refused, merchant.Refused, merchant.ReasonFull)
	waiting := s.makes("1002")
	template := g.notice(t)
	if err := g.app.messages.Sync(t.Context(), appA); err != nil {
		t.Fatal(err)
	}
	order := merchant.NoticeOrder{
		Realm: "main", AppID: appA, Template: template, By: "staff:ming", Merchants: []string{"1001", "1003", "2000", "9999"},
		Content: merchant.Content{Data: map[string]string{"thing4": "茶 tea", "amount2": "39.8元"}, URL: "https://shop.example.com/order/1"},
	}
	sent, _, err := g.app.desk.Send(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the notice arrives", func() bool { return len(g.got("li", "template")) == 1 })
	order.NotBefore = g.sim.Now().AddDate(0, 0, 1)
	later, _, err := g.app.desk.Send(t.Context(), order)
	if err != nil {
		t.Fatal(err)
	}
	const of, notices = "/merchants/main/of/1001", "/merchants/main/notices"
	s.contradicts(t)
	s.filled = map[string]map[string]string{
		"/merchants/{realm}":                      {"merchants": "/merchants/main", "merchants-last": "/merchants/main?back=1", "merchants-none": "/merchants/main?shown=unfollowed&status=disabled"},
		"/merchants/{realm}/new":                  {"merchant-new": "/merchants/main/new"},
		"/merchants/{realm}/import":               {"import": "/merchants/main/import"},
		"/merchants/{realm}/codes":                {"codes": "/merchants/main/codes?id=1001&id=1002&id=1003&id=2000"},
		"/merchants/{realm}/of/{id}":              {"merchant": of, "merchant-disabled": "/merchants/main/of/1003"},
		"/merchants/{realm}/of/{id}/edit":         {"merchant-edit": of + "/edit"},
		"/merchants/{realm}/of/{id}/codes/{code}": {"code-bound": of + "/codes/" + bound.text("id"), "code-refused": of + "/codes/" + refused.text("id"), "code-waiting": "/merchants/main/of/1002/codes/" + waiting.text("id")},
		"/merchants/{realm}/notices":              {"notices": notices},
		"/merchants/{realm}/notices/new":          {"compose-template": notices + "/new", "compose": notices + "/new?id=1001&id=2000&template=" + template},
		"/merchants/{realm}/notices/{notice}":     {"notice": notices + "/" + sent.ID, "notice-scheduled": notices + "/" + later.ID},
		"/users/{realm}":                          {"users": "/users/main"},
		"/users/{realm}/of/{id}":                  {"user": "/users/main/of/" + s.bound("1001")[0]["user"].(string), "user-real": "/users/main/of/m1"},
		"/users/{realm}/conflicts":                {"conflicts": "/users/main/conflicts"},
		"/users":                                  {},
		"/accounts/of/{appid}":                    {"account": "/accounts/of/" + appA},
		"/sites/of/{ptid}":                        {"site": "/sites/of/shop"},
		"/messages/{realm}":                       {"messages": "/messages/main"},
		"/events/{realm}":                         {"events": "/events/main"},
		"/events/{realm}/lines/{id}":              {}, // TestConsole_operateBrowser looks at one
		"/pushes/{appid}":                         {"pushes": "/pushes/" + appA},
		"/pushes/{appid}/dead":                    {"pushes-dead": "/pushes/" + appA + "/dead"},
		"/jobs/{id}":                              {}, // there is none here
		"/audit/{realm}":                          {"audit": "/audit/main"},
		"/staff/{name}":                           {"person": "/staff/ming"},
		"/merchants":                              {},
		"/{$}":                                    {"not-found": "/nothing"},
		"/sign-in":                                {},
		"/sign-in/code":                           {},
		"/setup":                                  {},
	}
	maps.Copy(s.filled, g.operatePages(t))
	return s
}

// contradicts has two real users, one of whom is named for the WeChat account of the other:
// twice, of which one is dismissed.
func (s *stage) contradicts(t *testing.T) {
	t.Helper()
	ming := s.member(t, "ming", "m1")
	for _, name := range []string{"m2", "m3"} {
		s.member(t, map[string]string{"m2": "chen", "m3": "zhao"}[name], name)
		token, _ := s.tokenAt(t, ming, appA, "shop")
		s.ask(t, s.apiKey(t, "main", "bind"), "POST", "main/bind", body("token", token, "user", name)).wantCode(t, identity.CodeUnionIDTaken)
	}
	if err := s.app.facts().Centre.Dismiss(t.Context(), "main", 2, true, "m3", identity.By{Actor: "staff:ming", Evidence: "工单 ticket 7"}); err != nil {
		t.Fatal(err)
	}
}

// noPages are addresses that answer with something else than a page.
func noPage(pattern string) bool {
	return strings.HasSuffix(pattern, "/events") || strings.HasSuffix(pattern, ".csv")
}

// consolePages are the pages of the console by name. One that is new is there by itself,
// unless its address names something: then the stage has to say what.
func (s *stage) consolePages(t *testing.T) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, pattern := range console.Pages() {
		filled, known := s.filled[pattern]
		switch {
		case known:
			for name, path := range filled {
				all[name] = path
			}
		case noPage(pattern):
		case strings.Contains(pattern, "{"):
			t.Errorf("nobody fills %s: add it to playConsole", pattern)
		default:
			all[strings.ReplaceAll(strings.TrimPrefix(pattern, "/"), "/", "-")] = pattern
		}
	}
	return all
}

// signsIn makes the first administrator in a tab, and then somebody else.
func (s *stage) signsIn(t *testing.T, b *tab) {
	t.Helper()
	s.comesIn(t, b)
	if _, err := s.app.newConsole().Add(t.Context(), "ming", console.Operator); err != nil {
		t.Fatal(err)
	}
}
