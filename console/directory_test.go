package console_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/directory"
)

// keptApp is an account that the tests keep in the facts.
const keptApp = "wx00000000000000bb"

func TestDirectory_accounts(t *testing.T) {
	t.Parallel()
	k := start(t)
	root := k.staff(t, "root", console.Administrator)
	add := []string{"app_id", keptApp, "kind", "service", "secret", "very-secret-0123", "subject", "acme", "push_mode", "plain", "push_token", "pushtoken1"}
	if a := root.post("/accounts/new", add...); a.status != http.StatusSeeOther {
		t.Fatalf("adding answered %d: %s", a.status, a.body)
	}

	version := func() string {
		t.Helper()
		list, _, err := k.store.KeptAccounts(t.Context())
		if err != nil || len(list) != 1 {
			t.Fatalf("kept is %+v %v", list, err)
		}
		return fmt.Sprint(list[0].Version)
	}

	t.Run("no page tells its secrets, and the journal doesn't either", func(t *testing.T) {
		for _, path := range []string{"/accounts/of/" + keptApp, "/accounts", "/journal", "/sites"} {
			if a := root.get(path); a.status != http.StatusOK || strings.Contains(a.body, "very-secret") || strings.Contains(a.body, "pushtoken1") {
				t.Errorf("%s answers %d %s", path, a.status, a.body)
			}
		}
		// Nor the form that comes back because something else in it is wrong.
		a := root.post("/accounts/new", "app_id", "wx00000000000000cc", "kind", "service", "secret", "other-secret-99", "verify", "short", "push_mode", "plain", "push_token", "pushtoken2")
		if a.status != http.StatusBadRequest || strings.Contains(a.body, "other-secret-99") || strings.Contains(a.body, "pushtoken2") || !strings.Contains(a.body, "verify code is the 16") {
			t.Errorf("a form with a mistake answers %d %s", a.status, a.body)
		}
	})
	t.Run("the journal says which one", func(t *testing.T) {
		list, err := k.store.ConsoleEntries(t.Context(), console.EntryFilter{What: "account_add", Limit: 9})
		if err != nil || len(list) != 2 || list[1].About != keptApp || list[1].Result != "done" {
			t.Errorf("it has %+v %v", list, err)
		}
	})
	t.Run("of two who edit at once the second sees what the first has changed", func(t *testing.T) {
		edit := func(version, verify string) answer {
			return root.post("/accounts/of/"+keptApp, "version", version, "subject", "acme", "verify", verify)
		}
		first := version()
		if a := edit(first, "aaaaaaaaaaaaaaaa"); a.status != http.StatusSeeOther {
			t.Fatalf("editing answered %d: %s", a.status, a.body)
		}
		a := edit(first, "bbbbbbbbbbbbbbbb")
		if a.status != http.StatusConflict || !strings.Contains(a.body, "Somebody else") || !strings.Contains(a.body, "aaaaaaaaaaaaaaaa") || !strings.Contains(a.body, `name="version" value="`+version()+`"`) {
			t.Errorf("the second is answered %d %s", a.status, a.body)
		}
		if a = edit(version(), "bbbbbbbbbbbbbbbb"); a.status != http.StatusSeeOther {
			t.Errorf("saving again answered %d: %s", a.status, a.body)
		}
	})
	t.Run("the Caddyfile's can be read and not changed", func(t *testing.T) {
		if a := root.get("/accounts/of/" + configuredApp); a.status != http.StatusOK || !strings.Contains(a.body, "<fieldset disabled") || strings.Contains(a.body, "Take away") {
			t.Errorf("it answers %d %s", a.status, a.body)
		}
		if a := root.post("/accounts/of/"+configuredApp, "verify", "aaaaaaaaaaaaaaaa"); a.status != http.StatusConflict || !strings.Contains(a.body, "Caddyfile") {
			t.Errorf("changing it answers %d %s", a.status, a.body)
		}
	})
	t.Run("it goes when its id is typed and no site needs it", func(t *testing.T) {
		root.post("/sites/new", "ptid", "new", "realm", "main", "accounts", keptApp, "on_origin", "on")
		for _, c := range []struct {
			confirm string
			status  int
		}{{"", http.StatusBadRequest}, {"wx00", http.StatusBadRequest}, {keptApp, http.StatusConflict}} {
			if a := root.post("/accounts/of/"+keptApp+"/delete", "version", version(), "confirm", c.confirm); a.status != c.status {
				t.Errorf("%q answers %d, want %d: %s", c.confirm, a.status, c.status, a.body)
			}
		}
		site, _, _ := k.store.KeptSite(t.Context(), "new")
		root.post("/sites/of/new/delete", "version", fmt.Sprint(site.Version), "confirm", "new")
		if a := root.post("/accounts/of/"+keptApp+"/delete", "version", version(), "confirm", keptApp); a.status != http.StatusSeeOther {
			t.Errorf("it answers %d: %s", a.status, a.body)
		}
	})
}

func TestDirectory_sites(t *testing.T) {
	t.Parallel()
	k := start(t)
	root := k.staff(t, "root", console.Administrator)
	site := func() directory.KeptSite {
		t.Helper()
		s, _, err := k.store.KeptSite(t.Context(), "new")
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	t.Run("what is typed is what is kept", func(t *testing.T) {
		a := root.post("/sites/new", "ptid", "new", "realm", "main", "accounts", configuredApp+"\r\n", "paths", "/pay/notify public\r\n\r\n/vip/*  require   unionid\r\n", "claims", "openid", "hosts", "a.example.com，b.example.com", "outside", "ask", "fragment", "on", "no_cache", "on", "upstream", "10.0.0.7:80")
		if a.status != http.StatusSeeOther {
			t.Fatalf("adding answered %d: %s", a.status, a.body)
		}
		s := site()
		want := directory.Site{
			PTID: "new", Realm: "main", Accounts: []string{configuredApp}, Hosts: []string{"a.example.com", "b.example.com"}, OnOrigin: "off", Audience: "new",
			Paths: []directory.PathRule{{Path: "/pay/notify", Policy: directory.Public}, {Path: "/vip/*", Policy: directory.RequireUnionID}}, Outside: directory.OutsideAsk, Fragment: "on",
			Upstream: "10.0.0.7:80", Claims: []string{"openid"}, BindHeader: "off", Phone: "off", NoCache: "on",
		}
		if fmt.Sprint(s.Site) != fmt.Sprint(want) || s.By != "staff:root" {
			t.Errorf("kept is %+v by %s", s.Site, s.By)
		}
	})
	t.Run("saving what the page shows changes nothing", func(t *testing.T) {
		before := site()
		a := root.post("/sites/of/new", "version", fmt.Sprint(before.Version), "realm", "main", "accounts", configuredApp, "paths", "/pay/notify public\n/vip/* require unionid", "claims", "openid", "hosts", "a.example.com b.example.com", "audience", "new", "outside", "ask", "fragment", "on", "no_cache", "on", "upstream", "10.0.0.7:80")
		if after := site(); a.status != http.StatusSeeOther || after.Version <= before.Version || fmt.Sprint(after.Site) != fmt.Sprint(before.Site) {
			t.Errorf("answered %d, kept is %+v", a.status, after)
		}
	})
	t.Run("of two who edit at once the second sees what the first has changed", func(t *testing.T) {
		a := root.post("/sites/of/new", "version", "1", "realm", "main", "accounts", configuredApp, "upstream", "10.0.0.9:80", "on_origin", "on")
		if a.status != http.StatusConflict || !strings.Contains(a.body, "10.0.0.7:80") || !strings.Contains(a.body, "10.0.0.9:80") {
			t.Errorf("the second is answered %d %s", a.status, a.body)
		}
	})
	t.Run("what is wrong is told, and stays in the form", func(t *testing.T) {
		for _, c := range []struct{ field, value, said string }{
			{"accounts", "wx0000000000000000", "there is no account"},
			{"realm", "nowhere", "there is no realm"},
			{"paths", "/pay everybody", "line 1: a policy is"},
			{"ptid", "<script>", "a site&#39;s id begins"},
			{"audience", "shop", "has the audience"},
			{"upstream", "{env.X}:80", "without placeholders"},
		} {
			form := []string{"ptid", "bad", "realm", "main", "accounts", configuredApp, "on_origin", "on", c.field, c.value}
			if a := root.post("/sites/new", form...); a.status != http.StatusBadRequest || !strings.Contains(a.body, c.said) || strings.Contains(a.body, "<script>\"") {
				t.Errorf("%s %q is answered %d %s", c.field, c.value, a.status, a.body)
			}
		}
	})
	t.Run("the list is searched, in both languages, and stays small when it is full", func(t *testing.T) {
		for i := range 250 {
			s := directory.Site{PTID: fmt.Sprintf("site-%03d-%s", i, strings.Repeat("x", 50)), Realm: "main", Audience: fmt.Sprint(i), Accounts: []string{configuredApp, configuredApp}, Hosts: []string{fmt.Sprintf("h%d.example.com", i)}, Upstream: "10.0.0.7:8080"}
			if err := k.store.PutKeptSite(t.Context(), directory.KeptSite{Site: s, Entry: directory.Entry{At: k.now()}}, 0); err != nil {
				t.Fatal(err)
			}
		}
		a := root.get("/sites")
		if a.status != http.StatusOK || len(a.body) > 100<<10 || !strings.Contains(a.body, "after=") {
			t.Errorf("the list answers %d with %d bytes", a.status, len(a.body))
		}
		if a = root.get("/sites?q=H249."); !strings.Contains(a.body, "site-249") || strings.Contains(a.body, "site-248") {
			t.Errorf("the search finds %s", a.body)
		}
		root.header.Set("Accept-Language", "zh")
		if a = root.get("/sites"); !strings.Contains(a.body, "新增站点") {
			t.Errorf("in Chinese it is %s", a.body)
		}
	})
	t.Run("who may look may not change", func(t *testing.T) {
		li := k.staff(t, "li", console.Operator)
		if a := li.get("/sites/of/new"); a.status != http.StatusOK || !strings.Contains(a.body, "<fieldset disabled") {
			t.Errorf("it answers %d", a.status)
		}
		if a := li.post("/sites/of/new", "version", "2", "realm", "main", "accounts", configuredApp); a.status != http.StatusForbidden {
			t.Errorf("changing answers %d", a.status)
		}
	})
}
