package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// withoutC is the standard Caddyfile without the account C.
var withoutC = []string{
	"account wx00000000000000cc {\n\t\t\tsecret secret-of-c-0123456789abcdef\n\t\t}\n", "",
	" wx00000000000000cc wx00000000000000dd", " wx00000000000000dd",
}

const accountC = `{"account": {"secret": "secret-of-c-0123456789abcdef"}}`

// keptSite is the body that adds a site, or with its version replaces it.
func keptSite(version int64, fields string) string {
	return fmt.Sprintf(`{"version": %d, "site": {%s}}`, version, fields)
}

// siteVersion is the version of a site of the facts.
func siteVersion(t *testing.T, g *gateway, ptid string) int64 {
	t.Helper()
	site, found, err := g.app.directoryStore().KeptSite(t.Context(), ptid)
	if err != nil || !found {
		t.Fatalf("there is no site %s: %v", ptid, err)
	}
	return site.Version
}

// dropped is the body that takes a site away.
func dropped(t *testing.T, g *gateway, ptid string) string {
	t.Helper()
	return fmt.Sprintf(`{"version": %d}`, siteVersion(t, g, ptid))
}

// accountVersion is the version of an account of the facts.
func accountVersion(t *testing.T, g *gateway, appID string) int64 {
	t.Helper()
	kept, err := g.app.keptAccount(t.Context(), appID)
	if err != nil {
		t.Fatal(err)
	}
	return kept.Version
}

func TestDirectory_sites(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, identity.AllRealms, "configure")
	put := func(ptid, in string) apiAnswer { return g.askAt(t, key, "PUT", "/v1/directory/sites/"+ptid, in) }
	opened := func(ptid string) identity.Token {
		t.Helper()
		_, token := g.tokenAt(t, g.phone("ming"), appA, ptid)
		return token
	}

	t.Run("a site that isn't there is served as soon as it is made", func(t *testing.T) {
		g.wantRefusal(t, g.phone("ming").open(g.at(appA, "new", "/")), codeNoSite)
		put("new", keptSite(0, `"accounts": ["`+appA+`"]`)).want(t, http.StatusOK)
		if token := opened("new"); token.PTID != "new" || token.Audience != "new" || token.Realm != "main" || token.OpenID == "" {
			t.Errorf("the site is told %+v", token)
		}
	})
	t.Run("what is changed holds for visitors who are known already", func(t *testing.T) {
		ming := g.phone("ming")
		g.tokenAt(t, ming, appA, "new")
		was := siteVersion(t, g, "new")
		put("new", keptSite(was, `"accounts": ["`+appA+`"], "claims": ["none"], "audience": "https://new.example.com", "algorithm": "EdDSA"`)).want(t, http.StatusOK)
		if siteVersion(t, g, "new") <= was {
			t.Error("its version is an old one")
		}
		page := ming.open(g.at(appA, "new", "/"))
		if token := g.whoami(page, "https://new.example.com"); token.OpenID != "" || token.Audience != "https://new.example.com" {
			t.Errorf("the site is told %+v", token)
		}
	})
	t.Run("who changes what somebody else has changed is refused, and so is who makes it twice", func(t *testing.T) {
		put("new", keptSite(1, `"accounts": ["`+appA+`"]`)).wantCode(t, string(apiEntryChanged))
		put("new", keptSite(0, `"accounts": ["`+appA+`"]`)).wantCode(t, string(apiEntryChanged))
		g.askAt(t, key, "DELETE", "/v1/directory/sites/new", `{"version": 1}`).wantCode(t, string(apiEntryChanged))
	})
	t.Run("what can't work is refused with its field, and nothing is written", func(t *testing.T) {
		for _, c := range []struct{ ptid, fields, field string }{
			{"bad", `"accounts": []`, "accounts"},
			{"bad", `"accounts": ["wx0000000000000000"]`, "accounts"},
			{"bad", `"accounts": ["` + appA + `"], "realm": "nowhere"`, "realm"},
			{"bad", `"accounts": ["` + appA + `"], "audience": "https://shop.example.com"`, "audience"}, // of the Caddyfile's
			{"bad", `"accounts": ["` + appA + `"], "audience": "https://new.example.com"`, "audience"},  // of another of the facts
			{"bad", `"accounts": ["` + appA + `"], "upstream": "8.8.8.8:80"`, "upstream"},
			{"bad", `"accounts": ["` + appA + `"], "upstream": "{http.request.host}:80"`, "upstream"},
			{"bad", `"accounts": ["` + appA + `"], "hosts": ["` + strings.TrimPrefix(g.app.origin, "http://") + `"]`, "hosts"},
			{"bad", `"accounts": ["` + appA + `"], "hosts": ["shop.example.com"]`, "hosts"},
			{"wx0123456789abcdef", `"accounts": ["` + appA + `"]`, ""},
		} {
			if a := put(c.ptid, keptSite(0, c.fields)).wantCode(t, string(apiBadEntry)); a.text("field") != c.field {
				t.Errorf("%s says %s", c.fields, a.Body)
			}
			g.askAt(t, key, "GET", "/v1/directory/sites/"+c.ptid, "").wantCode(t, string(apiNoSite))
		}
		put("shop", keptSite(0, `"accounts": ["`+appA+`"]`)).wantCode(t, string(apiConfigured))
		g.askAt(t, key, "DELETE", "/v1/directory/sites/shop", `{"version": 0}`).wantCode(t, string(apiConfigured))
	})
	t.Run("a site has hosts of its own", func(t *testing.T) {
		host := strings.Replace(strings.TrimPrefix(g.url, "http://"), "127.0.0.1", "hosted.localhost", 1)
		put("hosted", keptSite(0, `"accounts": ["`+appA+`"], "on_origin": "off"`)).wantCode(t, string(apiBadEntry))
		put("hosted", keptSite(0, `"accounts": ["`+appA+`"], "hosts": ["`+host+`"]`)).want(t, http.StatusOK)
		if known, err := g.app.servedHost(t.Context(), host); !known || err != nil {
			t.Errorf("the host is served: %t %v", known, err)
		}
		g.askAt(t, key, "DELETE", "/v1/directory/sites/hosted", dropped(t, g, "hosted")).want(t, http.StatusNoContent)
		if known, err := g.app.servedHost(t.Context(), host); known || err != nil {
			t.Errorf("the host of a site that is gone is served: %t %v", known, err)
		}
	})
	t.Run("the sites of Caddyfile and facts are listed together, page by page", func(t *testing.T) {
		for _, ptid := range []string{"a1", "a2", "zz"} {
			put(ptid, keptSite(0, `"accounts": ["`+appB+`"]`)).want(t, http.StatusOK)
		}
		var all []string
		after := ""
		for {
			a := g.askAt(t, key, "GET", "/v1/directory/sites?limit=2&after="+after, "").want(t, http.StatusOK)
			var page sitesOut
			if err := json.Unmarshal([]byte(a.Body), &page); err != nil {
				t.Fatal(err)
			}
			for _, s := range page.Sites {
				all = append(all, s.Site.PTID+"@"+s.Entry.In)
			}
			if after = page.After; after == "" {
				break
			}
		}
		want := []string{"a1@facts", "a2@facts", "club@caddyfile", "game@caddyfile", "inner@caddyfile", "new@facts", "shop@caddyfile", "zz@facts"}
		if !slices.Equal(all, want) {
			t.Errorf("listed %v", all)
		}
		for query, n := range map[string]int{"search=A": 5, "search=EXAMPLE.com": 2, "appid=" + appB: 4, "realm=other": 1, "search=nothing": 0} {
			a := g.askAt(t, key, "GET", "/v1/directory/sites?"+query, "").want(t, http.StatusOK)
			if list, _ := a.JSON["sites"].([]any); len(list) != n && query != "search=A" {
				t.Errorf("%s lists %d: %s", query, len(list), a.Body)
			}
		}
	})
	t.Run("one that is taken away is served no more", func(t *testing.T) {
		g.askAt(t, key, "DELETE", "/v1/directory/sites/new", dropped(t, g, "new")).want(t, http.StatusNoContent)
		g.wantRefusal(t, g.phone("ming").open(g.at(appA, "new", "/")), codeNoSite)
	})
	t.Run("a key of one realm can't be made for it", func(t *testing.T) {
		if _, _, err := identity.NewAPIKey(identity.APIKey{Realm: "main", Name: "x", Scopes: []identity.Scope{identity.ScopeConfigure}}, g.app.random); err == nil {
			t.Error("it can")
		}
	})
}

func TestDirectory_accounts(t *testing.T) {
	t.Parallel()
	g := startAPI(t, withoutC...)
	key := g.apiKey(t, identity.AllRealms, "configure")
	at := "/v1/directory/accounts/" + appLone
	g.askAt(t, key, "PUT", at, accountC).want(t, http.StatusOK)
	g.askAt(t, key, "PUT", "/v1/directory/sites/new", keptSite(0, `"accounts": ["`+appLone+`"]`)).want(t, http.StatusOK)

	t.Run("visitors are signed in through it", func(t *testing.T) {
		_, token := g.tokenAt(t, g.phone("ming"), appLone, "new")
		if token.AppID != appLone {
			t.Errorf("the site is told %+v", token)
		}
	})
	t.Run("its secret is told nobody, and stands nowhere as it is", func(t *testing.T) {
		for _, path := range []string{at, "/v1/directory/accounts"} {
			if a := g.askAt(t, key, "GET", path, "").want(t, http.StatusOK); strings.Contains(a.Body, "secret-of-") || !strings.Contains(a.Body, keptSecret) {
				t.Errorf("%s answers %s", path, a.Body)
			}
		}
		if list, _, err := g.app.directoryStore().KeptAccounts(t.Context()); err != nil || len(list) != 1 || strings.Contains(fmt.Sprintf("%+v %s", list[0].Account, list[0].Sealed), "secret-of-c") {
			t.Errorf("kept is %+v %v", list, err)
		}
	})
	t.Run("an edit that leaves the secret out keeps it", func(t *testing.T) {
		g.askAt(t, key, "PUT", at, fmt.Sprintf(`{"version": %d, "account": {"secret": "(kept)", "verify": "Cc34Ef56Gh78Ab12"}}`, accountVersion(t, g, appLone))).want(t, http.StatusOK)
		if got := g.app.directory().proofs[appLone].secret; got != "secret-of-c-0123456789abcdef" {
			t.Errorf("the secret is %q", got)
		}
		if page := g.phone("ming").open(g.url + "/MP_verify_Cc34Ef56Gh78Ab12.txt"); page.Body != "Cc34Ef56Gh78Ab12" {
			t.Errorf("the domain check answers %d %q", page.Status, page.Body)
		}
	})
	t.Run("keys that stand for kept ones are those, one by one", func(t *testing.T) {
		t.Parallel()
		p := proof{AESKeys: []string{"one", "two"}}
		for _, c := range []struct{ given, want []string }{
			{nil, p.AESKeys},
			{[]string{keptSecret}, []string{"one"}},
			{[]string{"new", keptSecret}, []string{"new", "one"}},
			{[]string{keptSecret, keptSecret, keptSecret}, p.AESKeys},
			{[]string{"new"}, []string{"new"}},
		} {
			if got := p.completed(c.given); !slices.Equal(got, c.want) {
				t.Errorf("%q is %q", c.given, got)
			}
		}
	})
	t.Run("placeholders in it stay text", func(t *testing.T) {
		t.Parallel()
		g.askAt(t, key, "PUT", "/v1/directory/accounts/wx0000000000000abc", `{"account": {"secret": "{env.HOME}"}}`).want(t, http.StatusOK)
		if got := g.app.directory().proofs["wx0000000000000abc"].secret; got != "{env.HOME}" {
			t.Errorf("the secret is %q", got)
		}
	})
	t.Run("what can't work is refused with its field", func(t *testing.T) {
		version := accountVersion(t, g, appLone)
		for _, c := range []struct{ id, in, field string }{
			{"wx00000000000000ee", `{"account": {}}`, "secret"},
			{"wx00000000000000ee", `{"account": {"secret": "secret-of-a-0123456789abcdef"}}`, "secret"},
			{"wx00000000000000ee", `{"account": {"secret": "x", "kind": "other"}}`, "kind"},
			{"wx00000000000000ee", `{"account": {"secret": "x", "callback_host": "www.example.com"}}`, "callback_host"},
			{"wx00000000000000ee", `{"account": {"secret": "x", "push": {"mode": "plain", "token": "a b"}}}`, "token"},
			{"wx00000000000000ee", `{"account": {"secret": "x", "push": {"token": "abc", "aes_keys": ["short"]}}}`, "aes_key"},
			{"wx00000000000000ee", `{"account": {"secret": "x", "push": {"mode": "plain", "token": "abc", "subscribers": [{"name": "a", "url": "https://x", "token": "t", "mode": "plain"}]}}}`, "push"},
			{appLone, fmt.Sprintf(`{"version": %d, "account": {"kind": "web"}}`, version), "kind"},
			{appLone, fmt.Sprintf(`{"version": %d, "account": {"subject": "acme"}}`, version), "subject"},
			{"nonsense", `{"account": {"secret": "x"}}`, ""},
		} {
			if a := g.askAt(t, key, "PUT", "/v1/directory/accounts/"+c.id, c.in).wantCode(t, string(apiBadEntry)); a.text("field") != c.field {
				t.Errorf("%s says %s", c.in, a.Body)
			}
		}
		g.askAt(t, key, "PUT", "/v1/directory/accounts/"+appA, `{"account": {"secret": "x"}}`).wantCode(t, string(apiConfigured))
		g.askAt(t, key, "PUT", at, `{"version": 1, "account": {}}`).wantCode(t, string(apiEntryChanged))
		g.askAt(t, key, "DELETE", at, fmt.Sprintf(`{"version": %d}`, accountVersion(t, g, appLone))).wantCode(t, string(apiAccountUsed))
	})
	t.Run("it goes once no site is opened through it", func(t *testing.T) {
		g.askAt(t, key, "DELETE", "/v1/directory/sites/new", dropped(t, g, "new")).want(t, http.StatusNoContent)
		g.askAt(t, key, "DELETE", at, fmt.Sprintf(`{"version": %d}`, accountVersion(t, g, appLone))).want(t, http.StatusNoContent)
		g.askAt(t, key, "GET", at, "").wantCode(t, string(apiNoAccount))
		g.wantRefusal(t, g.phone("ming").open(g.at(appLone, "shop", "/")), codeNoAccount)
	})
}

func TestDirectory_nodes(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t)
	first, second := startNodes(t, server, append(slices.Clone(withoutC), withAPI...)...)
	key := first.apiKey(t, identity.AllRealms, "configure")
	within := func(ok func() bool) {
		t.Helper()
		for end := time.Now().Add(2 * time.Second); !ok(); {
			if time.Now().After(end) {
				t.Fatal("it doesn't hold on the other node")
			}
			<-time.After(10 * time.Millisecond)
		}
	}
	site := func() bool {
		s, err := second.app.site(t.Context(), "new")
		return err == nil && s != nil
	}
	if site() { // and the cache knows that it isn't there
		t.Fatal("there is a site already")
	}
	first.askAt(t, key, "PUT", "/v1/directory/accounts/"+appLone, accountC).want(t, http.StatusOK)
	within(func() bool { return second.app.directory().Account(appLone) != nil })
	first.askAt(t, key, "PUT", "/v1/directory/sites/new", keptSite(0, `"accounts": ["`+appLone+`"]`)).want(t, http.StatusOK)
	within(site)
	within(func() bool { return slices.Equal(second.app.realmsOf(appLone), []string{"main"}) })
	_, token := second.tokenAt(t, second.phone("ming"), appLone, "new")
	if token.PTID != "new" {
		t.Errorf("the other node tells %+v", token)
	}
	first.askAt(t, key, "DELETE", "/v1/directory/sites/new", dropped(t, first, "new")).want(t, http.StatusNoContent)
	within(func() bool { return !site() })
}

// TestDirectory_judged has a node write that hasn't heard yet of what another one has
// written: what it refuses is what the facts say, not what it remembers.
func TestDirectory_judged(t *testing.T) {
	t.Parallel()
	first, second := startNodes(t, redistest.Single(t), append(slices.Clone(withoutC), withAPI...)...)
	key := first.apiKey(t, identity.AllRealms, "configure")
	const other = "wx00000000000000ee"
	at := func(appID string) string { return "/v1/directory/accounts/" + appID }
	// behind has the second node forget what it learns of a change on the first.
	behind := func(change func()) {
		t.Helper()
		was := second.app.directory()
		change()
		for end := time.Now().Add(10 * time.Second); second.app.directory().changes == was.changes; <-time.After(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatal("the second node hears of nothing")
			}
		}
		second.app.catalogue.Store(was)
	}
	refused := func(path, body, field string) {
		t.Helper()
		if a := second.askAt(t, key, "PUT", path, body).wantCode(t, string(apiBadEntry)); a.text("field") != field {
			t.Errorf("%s says %s", body, a.Body)
		}
	}
	behind(func() {
		first.askAt(t, key, "PUT", at(appLone), `{"account": {"secret": "one-secret", "push": {"mode": "plain", "token": "onetoken"}}}`).want(t, http.StatusOK)
	})
	refused(at(other), `{"account": {"secret": "one-secret"}}`, "secret")
	second.app.catalogue.Store(func() *catalogue { c := *second.app.configured; return &c }())
	refused(at(other), `{"account": {"secret": "another", "push": {"mode": "plain", "token": "onetoken"}}}`, "token")
	behind(func() {
		first.askAt(t, key, "DELETE", at(appLone), fmt.Sprintf(`{"version": %d}`, accountVersion(t, first, appLone))).want(t, http.StatusNoContent)
	})
	refused("/v1/directory/sites/new", keptSite(0, `"accounts": ["`+appLone+`"]`), "accounts")
	second.askAt(t, key, "PUT", at(other), `{"account": {"secret": "one-secret"}}`).want(t, http.StatusOK)
}

// TestDirectory_rotation has the master key changed: what proves an account of the facts is
// sealed again while both keys are there.
func TestDirectory_rotation(t *testing.T) {
	t.Parallel()
	sim, data := simulated(t), t.TempDir()
	run := func(keys string) *gateway {
		return startGatewayOn(t, sim, standard, data, append(slices.Concat(withoutC, withAPI), "facts sqlite", "master_key "+keys+"\n\t\tfacts sqlite")...)
	}
	before, after := strings.Repeat("0f1e2d3c", 8), strings.Repeat("4b5a6978", 8)
	g := run(before)
	key := g.apiKey(t, identity.AllRealms, "configure")
	g.askAt(t, key, "PUT", "/v1/directory/accounts/"+appLone, accountC).want(t, http.StatusOK)
	g.askAt(t, key, "PUT", "/v1/directory/sites/new", keptSite(0, `"accounts": ["`+appLone+`"]`)).want(t, http.StatusOK)
	for _, keys := range []string{after + " " + before, after} {
		g.close()
		g = run(keys)
		if _, token := g.tokenAt(t, g.phone("ming"), appLone, "new"); token.AppID != appLone {
			t.Errorf("with %.4s… the site is told %+v", keys, token)
		}
	}
}

// TestDirectory_broken has the facts answer with errors while accounts are read: what is
// known stays known.
func TestDirectory_broken(t *testing.T) {
	t.Parallel()
	g := startAPI(t, withoutC...)
	g.askAt(t, g.apiKey(t, identity.AllRealms, "configure"), "PUT", "/v1/directory/accounts/"+appLone, accountC).want(t, http.StatusOK)
	g.sql(t, "ALTER TABLE account RENAME TO elsewhere")
	if err := g.app.relearn(t.Context()); err == nil || g.app.directory().Account(appLone) == nil {
		t.Errorf("reading the accounts answered %v, and the account is %v", err, g.app.directory().Account(appLone))
	}
	g.sql(t, "ALTER TABLE elsewhere RENAME TO account")
	if err := g.app.relearn(t.Context()); err != nil || g.app.directory().Account(appLone) == nil {
		t.Errorf("afterwards it answered %v", err)
	}
}
