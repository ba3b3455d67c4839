package caddymodule

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestAPI_keys(t *testing.T) {
	t.Parallel()
	g := startAPI(t, limited("api_refused off")...)
	key := g.apiKey(t, "main", "read")
	id, _, _ := identity.ParseAPIKey(key)
	t.Run("without a key that holds, nobody is answered", func(t *testing.T) {
		for sentence, header := range map[string]string{
			"another scheme":       "Basic " + key,
			"no scheme":            key,
			"another secret":       "Bearer " + key[:len(key)-1] + string("10"[map[bool]int{true: 1}[strings.HasSuffix(key, "1")]]),
			"another id":           "Bearer wsk_0000000000000000" + key[20:],
			"a blank too many":     "Bearer  " + key,
			"something behind it":  "Bearer " + key + " x",
			"nothing":              "Bearer ",
			"two keys in one":      "Bearer " + key + "," + key,
			"capitals in the key":  "Bearer " + strings.ToUpper(key),
			"the key without wsk_": "Bearer " + strings.TrimPrefix(key, "wsk_"),
		} {
			for _, e := range endpoints {
				a := g.askAt(t, "", e.method, exampleOf(e, "main"), "{}", "Authorization", header).wantCode(t, string(apiKeyRefused))
				if a.Header.Get("WWW-Authenticate") != `Bearer realm="caddy-wsite"` {
					t.Errorf("%s: %v", sentence, a.Header)
				}
			}
		}
		g.ask(t, "", "GET", "main/users/m1", "").wantCode(t, string(apiKeyNeeded))
		g.ask(t, "", "GET", "main/users/m1", "", "Cookie", "Authorization=Bearer "+key).wantCode(t, string(apiKeyNeeded))
		g.ask(t, "", "GET", "main/users/m1", "", "X-User", key).wantCode(t, string(apiKeyNeeded))
	})
	t.Run("its use is noted, once an hour at most", func(t *testing.T) {
		used := func() time.Time {
			g.ask(t, key, "GET", "main/users/m1", "").wantCode(t, identity.CodeUserUnknown)
			k, err := g.app.facts().apiStore().APIKey(t.Context(), id)
			if err != nil {
				t.Fatal(err)
			}
			return k.Used
		}
		first := used()
		if first.IsZero() || !used().Equal(first) {
			t.Errorf("it was first used at %v", first)
		}
		g.advance(time.Hour)
		if again := used(); !again.After(first) {
			t.Errorf("an hour later it was used at %v", again)
		}
	})
	t.Run("revoked, it is worth nothing from that moment", func(t *testing.T) {
		if _, err := g.app.facts().apiStore().RevokeAPIKey(t.Context(), id, g.now()); err != nil {
			t.Fatal(err)
		}
		g.ask(t, key, "GET", "main/users/m1", "").wantCode(t, string(apiKeyRefused))
	})
	t.Run("calls are counted by endpoint and code", func(t *testing.T) {
		if g.counted(t, "wsite_api_requests_total", string(apiKeyRefused)) == 0 {
			t.Error("nothing was counted")
		}
	})
}

// TestAPI_otherRealm holds every route to the rule that a realm which a key isn't for
// is as if it weren't there.
func TestAPI_otherRealm(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	g.member(t, "ming", "m1")
	foreign, operators := g.apiKey(t, "other", allScopes), g.apiKey(t, identity.AllRealms, allScopes)
	before := g.rows(t)
	for _, e := range endpoints {
		if !strings.HasPrefix(e.pattern(), realmPath) {
			continue // TestAPI_otherAccount
		}
		t.Run(e.id, func(t *testing.T) {
			var said []string
			for _, call := range []struct{ key, realm, body string }{
				{foreign, "main", "{}"}, {foreign, "main", "no JSON"}, {foreign, "main", because}, {foreign, "nosuch", "{}"}, {foreign, "*", "{}"}, {foreign, "MAIN", "{}"}, {operators, "nosuch", "{}"}, {operators, "*", "{}"},
			} {
				a := g.askAt(t, call.key, e.method, exampleOf(e, call.realm), call.body, "Idempotency-Key", "k").wantCode(t, string(apiNoRealm))
				delete(a.JSON, "instance")
				a.Header.Del("Date")
				said = append(said, fmt.Sprint(a.Status, a.JSON, a.Header.Get("Allow"), a.Header.Get("Content-Type")))
			}
			if slices.Sort(said); len(slices.Compact(said)) != 1 {
				t.Errorf("they differ: %v", slices.Compact(said))
			}
			narrow := g.apiKey(t, "other", "read")
			g.askAt(t, narrow, e.method, exampleOf(e, "main"), "{}").wantCode(t, string(apiNoRealm))
		})
	}
	g.wantRows(t, before)
}

// TestAPI_otherAccount holds every route about an account to the rule that an account
// through which none of the key's sites is opened is as if it weren't there.
func TestAPI_otherAccount(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	foreign, narrow := g.apiKey(t, "other", allScopes), g.apiKey(t, "main", "read message token qr wechat", "club")
	for _, e := range endpoints {
		if !strings.HasPrefix(e.pattern(), accountPath) {
			continue
		}
		t.Run(e.id, func(t *testing.T) {
			var said []string
			for _, call := range []struct{ key, appID, body string }{
				{foreign, appLone, "{}"}, {foreign, appLone, "no JSON"}, {foreign, "wx00000000000000ff", "{}"}, {foreign, "nosuch", "{}"}, {narrow, appLone, "{}"},
			} {
				path := strings.Replace(exampleOf(e, "main"), appA, call.appID, 1)
				a := g.askAt(t, call.key, e.method, path, call.body, "Idempotency-Key", "k").wantCode(t, string(apiNoAccount))
				delete(a.JSON, "instance")
				said = append(said, fmt.Sprint(a.Status, a.JSON))
			}
			if slices.Sort(said); len(slices.Compact(said)) != 1 {
				t.Errorf("they differ: %v", slices.Compact(said))
			}
		})
	}
}

// TestAPI_leastPrivilege tries every endpoint with each scope alone.
func TestAPI_leastPrivilege(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	may := map[string]string{
		"listAccounts": "read operate", "getAccount": "operate", "checkAccount": "operate", "clearQuota": "operate", "explainCall": "operate", "listDeadPushes": "operate", "replayPushes": "operate",
		"listJobs": "operate", "startJob": "operate", "getJob": "operate", "listJobProblems": "operate", "resumeJob": "operate", "cancelJob": "operate",
		"sendMessage": "message", "resumeMessages": "operate", "sendBatch": "message", "countBatch": "message", "listMessages": "message", "getMessage": "message", "cancelMessage": "message", "replayMessage": "message",
		"listTemplates": "message", "syncTemplates": "message", "approveValues": "operate",
		"makeCode": "qr", "listCodes": "qr", "getCode": "qr", "listScans": "qr", "revokeCode": "qr",
		"getAccessToken": "token", "reportAccessToken": "token",

		"resolve": "read", "findUser": "read", "getUser": "read", "bind": "bind operate", "unbind": "bind operate", "listEvents": "feed", "listConflicts": "feed", "listAudit": "audit",
		"requestRebind": "operate", "listRebinds": "operate", "cancelRebind": "operate", "merge": "operate", "blockUser": "operate", "unblockUser": "operate", "eraseUser": "operate", "migrateOpenid": "operate",
		"revoke": "operate", "listRevocations": "operate",

		"listDirectoryAccounts": "configure", "getDirectoryAccount": "configure", "putAccount": "configure", "deleteAccount": "configure", "listSites": "configure", "getSite": "configure", "putSite": "configure", "deleteSite": "configure",

		"listMerchants": "merchant", "createMerchant": "merchant", "importMerchants": "merchant", "getMerchant": "merchant", "editMerchant": "merchant", "disableMerchant": "merchant", "enableMerchant": "merchant", "noteMerchantLogin": "merchant", "listMerchantEvents": "merchant",
		"makeMerchantCode": "merchant", "makeMerchantCodes": "merchant", "listMerchantCodes": "merchant", "getMerchantCode": "merchant", "cancelMerchantCode": "merchant", "replaceMerchantBinding": "merchant", "unbindMerchant": "merchant",
		"sendMerchantNotice": "merchant", "getNoticeForm": "merchant", "sendNotice": "merchant", "listNotices": "merchant", "getNotice": "merchant", "listRecipients": "merchant", "resendNotice": "merchant", "cancelNotice": "merchant",
	}
	if len(may) != len(endpoints) {
		t.Errorf("the table has %d endpoints of %d", len(may), len(endpoints))
	}
	for _, scope := range identity.Scopes {
		realm := "main"
		if scope == identity.ScopeConfigure {
			realm = identity.AllRealms
		}
		key := g.apiKey(t, realm, string(scope))
		for _, e := range endpoints {
			a := g.askAt(t, key, e.method, exampleOf(e, "main"), "{}")
			allowed := slices.Contains(strings.Fields(may[e.id]), string(scope))
			if refused := a.text("code") == string(apiScopeNeeded); refused == allowed {
				t.Errorf("with the scope %s, %s answers %d %s", scope, e.id, a.Status, a.Body)
			}
			if !allowed && (a.text("code") != string(apiScopeNeeded) || a.text("scope") != may[e.id]) {
				t.Errorf("%s says %s", e.id, a.Body)
			}
		}
	}
	t.Run("an account that serves only another realm isn't there", func(t *testing.T) {
		key := g.apiKey(t, "other", "read")
		g.ask(t, key, "POST", "other/resolve", body("appid", appA, "openid", "oNobody")).wantCode(t, identity.CodeOpenidUnknown)
		g.ask(t, key, "POST", "other/resolve", body("appid", appLone, "openid", "oNobody")).wantCode(t, string(apiNoAccount))
	})
	t.Run("a key for a site takes no token of another one", func(t *testing.T) {
		g.member(t, "ming", "m1")
		ming := g.phone("ming")
		for _, site := range []string{"shop", "game", "club"} {
			token, _ := g.tokenAt(t, ming, appA, site)
			for _, own := range []string{"shop", "game"} {
				key := g.apiKey(t, "main", "bind read", own)
				a := g.ask(t, key, "POST", "main/resolve", body("token", token))
				if site == own {
					a.want(t, 200)
					continue
				}
				a.wantCode(t, string(apiNotYourSite))
				g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m9")).wantCode(t, string(apiNotYourSite))
				g.ask(t, key, "POST", "main/unbind", body("token", token)).wantCode(t, string(apiNotYourSite))
			}
		}
	})
}

func TestAPI_idempotency(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key, other := g.apiKey(t, "main", allScopes), g.apiKey(t, "main", allScopes)
	g.member(t, "ming", "m1")
	named := func(name string) []string { return []string{"Idempotency-Key", name} }
	t.Run("the same request is answered alike, and carried out once", func(t *testing.T) {
		first := g.ask(t, key, "POST", "main/users/m1/block", because, named("a")...).want(t, 204)
		g.ask(t, key, "POST", "main/users/m1/unblock", because).want(t, 204)
		again := g.ask(t, key, "POST", "main/users/m1/block", because, named(`"a"`)...).want(t, 204)
		if first.Header.Get("Idempotent-Replayed") != "" || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("first %v, again %v", first.Header, again.Header)
		}
		if a := g.ask(t, key, "GET", "main/users/m1", ""); a.text("blocked_at") != "" {
			t.Error("he was blocked again")
		}
	})
	t.Run("a refusal is answered alike too", func(t *testing.T) {
		first := g.ask(t, key, "POST", "main/users/nobody/block", because, named("b")...).wantCode(t, identity.CodeUserUnknown)
		again := g.ask(t, key, "POST", "main/users/nobody/block", because, named("b")...).wantCode(t, identity.CodeUserUnknown)
		if first.Body != again.Body || again.Header.Get("Idempotent-Replayed") != "true" {
			t.Errorf("first %s, again %s", first.Body, again.Body)
		}
	})
	t.Run("another request under that name is refused, and another key's names are its own", func(t *testing.T) {
		g.ask(t, key, "POST", "main/users/m1/block", `{"evidence": "other"}`, named("a")...).wantCode(t, string(apiReused))
		g.ask(t, key, "POST", "main/users/m2/block", because, named("a")...).wantCode(t, string(apiReused))
		g.ask(t, key, "DELETE", "main/users/m1", because, named("a")...).wantCode(t, string(apiReused))
		g.ask(t, other, "POST", "main/users/m1/unblock", because, named("a")...).want(t, 204)
	})
	t.Run("a day later the name is free", func(t *testing.T) {
		g.advance(identity.RepeatLife + time.Second)
		if a := g.ask(t, key, "POST", "main/users/m1/unblock", because, named("a")...).want(t, 204); a.Header.Get("Idempotent-Replayed") != "" {
			t.Error("it is answered as a day ago")
		}
	})
	t.Run("of many at once one is carried out, and the others hear of it or wait", func(t *testing.T) {
		before := g.ask(t, key, "GET", "main/audit?limit=1000", "").Body
		answers := make([]apiAnswer, 12)
		var all sync.WaitGroup
		for i := range answers {
			all.Go(func() { answers[i] = g.ask(t, key, "POST", "main/users/m1/block", because, named("c")...) })
		}
		all.Wait()
		fresh := 0
		for _, a := range answers {
			switch {
			case a.Status == 204 && a.Header.Get("Idempotent-Replayed") == "":
				fresh++
			case a.Status != 204:
				a.wantCode(t, string(apiInFlight))
			}
		}
		after := g.ask(t, key, "GET", "main/audit?limit=1000", "").Body
		if blocks := strings.Count(after, `"op":"block"`) - strings.Count(before, `"op":"block"`); fresh != 1 || blocks != 1 {
			t.Errorf("%d were carried out, the audit has %d", fresh, blocks)
		}
	})
	t.Run("one that is under way is not begun again", func(t *testing.T) {
		id, _, _ := identity.ParseAPIKey(key)
		r := identity.Repeat{KeyID: id, Idem: "d", At: g.now()}
		req, _ := http.NewRequest("POST", g.url+"/v1/realms/main/users/m1/unblock", nil)
		r.Fingerprint = fingerprint(req, []byte(because))
		if _, begun, err := g.app.facts().apiStore().BeginRepeat(t.Context(), r); !begun || err != nil {
			t.Fatal(begun, err)
		}
		g.ask(t, key, "POST", "main/users/m1/unblock", because, named("d")...).wantCode(t, string(apiInFlight))
	})
	t.Run("what went wrong here can be tried again", func(t *testing.T) {
		g.sql(t, "ALTER TABLE audit RENAME TO mislaid")
		g.ask(t, key, "POST", "main/users/m1/unblock", because, named("e")...).wantCode(t, string(codeFactsDown))
		g.sql(t, "ALTER TABLE mislaid RENAME TO audit")
		if a := g.ask(t, key, "POST", "main/users/m1/unblock", because, named("e")...).want(t, 204); a.Header.Get("Idempotent-Replayed") != "" {
			t.Error("the failure was kept")
		}
	})
	t.Run("a name that can't be one is refused", func(t *testing.T) {
		for _, name := range []string{`""`, "a b", strings.Repeat("x", 129), "ä", `a"b`} {
			g.ask(t, key, "POST", "main/users/m1/unblock", because, named(name)...).wantCode(t, string(apiBadRepeatKey))
		}
	})
}
