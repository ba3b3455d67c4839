package caddymodule

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

func TestAPI_resolve(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", "read")
	ming := g.phone("ming")
	token, seen := g.tokenAt(t, ming, appA, "shop")
	openid := g.sim.OpenID("ming", appA)
	t.Run("a token and the openid behind it say the same", func(t *testing.T) {
		for _, in := range []string{body("token", token), body("appid", appA, "openid", openid)} {
			a := g.ask(t, key, "POST", "main/resolve", in).want(t, 200)
			if a.text("user") != seen.Subject || a.text("kind") != "virtual" || a.JSON["linked"] != false {
				t.Errorf("it says %s, and the site saw %s", a.Body, seen.Subject)
			}
		}
		found := g.ask(t, key, "POST", "main/users/find", body("appid", appA, "openid", openid)).want(t, 200)
		one := g.ask(t, key, "GET", "main/users/"+seen.Subject, "").want(t, 200)
		if found.Body != one.Body || !strings.Contains(one.Body, `"openid":"`+openid+`"`) || one.text("user") != seen.Subject {
			t.Errorf("found %s, and the user is %s", found.Body, one.Body)
		}
	})
	t.Run("a stranger is unknown, and nobody is made of him", func(t *testing.T) {
		before := g.rows(t)
		for _, path := range []string{"main/resolve", "main/users/find"} {
			g.ask(t, key, "POST", path, body("appid", appA, "openid", "oNobodyHasThisOpenid123456")).wantCode(t, identity.CodeOpenidUnknown)
			g.ask(t, key, "POST", path, body("appid", appLone, "openid", "oNobodyHasThisOpenid123456")).wantCode(t, identity.CodeOpenidUnknown)
			g.ask(t, key, "POST", path, body("appid", "wx00000000000000ff", "openid", openid)).wantCode(t, string(apiNoAccount))
			g.ask(t, key, "POST", path, body("appid", appA, "openid", "null")).wantCode(t, string(apiBadID))
			g.ask(t, key, "POST", path, body("openid", openid)).wantCode(t, string(apiNoAccount))
		}
		g.ask(t, key, "GET", "main/users/nobody-at-all", "").wantCode(t, identity.CodeUserUnknown)
		g.wantRows(t, before)
	})
	t.Run("who is named twice or not at all is nobody", func(t *testing.T) {
		for _, in := range []string{`{}`, body("token", token, "appid", appA, "openid", openid), body("token", "")} {
			g.ask(t, key, "POST", "main/resolve", in).wantCode(t, string(apiBadBody))
		}
	})
	t.Run("a guest outside of WeChat is known by his token", func(t *testing.T) {
		guest := g.phone("")
		guest.ua = uaDesktop
		token, seen := g.tokenAt(t, guest, appA, "shop")
		if a := g.ask(t, key, "POST", "main/resolve", body("token", token)).want(t, 200); a.text("user") != seen.Subject {
			t.Errorf("it says %s, and the site saw %s", a.Body, seen.Subject)
		}
	})
	t.Run("a person without an open platform is known by his openid", func(t *testing.T) {
		_, seen := g.tokenAt(t, ming, appLone, "shop")
		a := g.ask(t, key, "POST", "main/resolve", body("appid", appLone, "openid", g.sim.OpenID("ming", appLone))).want(t, 200)
		if a.text("user") != seen.Subject || a.JSON["linked"] != true {
			t.Errorf("it says %s, and the site saw %s", a.Body, seen.Subject)
		}
	})
}

func TestAPI_bind(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key, ops := g.apiKey(t, "main", "bind read", "shop"), g.apiKey(t, identity.AllRealms, "operate read")
	ming := g.phone("ming")
	g.consents(t, ming, appA)
	token, guest := g.tokenAt(t, ming, appA, "shop")
	t.Run("a visitor is the user from his next request on", func(t *testing.T) {
		a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "member-1")).want(t, 200)
		prev, _ := a.JSON["prev"].([]any)
		if a.text("user") != "member-1" || a.text("kind") != "real" || !slices.Contains(prev, any(guest.Subject)) || a.JSON["in_session"] != false || a.text("next") != "" {
			t.Errorf("it says %s", a.Body)
		}
		_, now := g.tokenAt(t, ming, appA, "shop")
		if now.Subject != "member-1" || now.Kind != identity.Real {
			t.Errorf("the site sees %+v", now)
		}
		again := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "member-1")).want(t, 200)
		if again.text("user") != "member-1" {
			t.Errorf("again it says %s", again.Body)
		}
	})
	t.Run("the user's accounts are told, and where his old id went", func(t *testing.T) {
		for _, id := range []string{"member-1", guest.Subject} {
			a := g.ask(t, key, "GET", "main/users/"+id, "").want(t, 200)
			if !strings.Contains(a.Body, `"appid":"`+appA+`","openid":"`+g.sim.OpenID("ming", appA)+`","subject":"acme","unionid":"`+g.sim.UnionID("ming", appA)) || a.text("user") != "member-1" {
				t.Errorf("of %s it says %s", id, a.Body)
			}
			if (a.text("retired_into") == "member-1") != (id == guest.Subject) {
				t.Errorf("of %s it says %s", id, a.Body)
			}
		}
	})
	t.Run("a contradiction is a problem with advice, and the other side is masked", func(t *testing.T) {
		a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "member-2")).wantCode(t, identity.CodeUnionIDTaken)
		if a.text("holder") != identity.Mask("member-1") || strings.Contains(a.Body, "member-1") {
			t.Errorf("it says %s", a.Body)
		}
		li := g.phone("li")
		g.consents(t, li, appA)
		other, _ := g.tokenAt(t, li, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", other, "user", "member-1")).wantCode(t, identity.CodeUserTaken)
		g.ask(t, key, "POST", "main/bind", body("token", other, "user", guest.Subject)).wantCode(t, identity.CodeUserVirtual)
		g.ask(t, key, "POST", "main/bind", body("token", other, "user", "has a blank")).wantCode(t, string(apiBadID))
	})
	t.Run("without a unionid he is the user in this session, and is told what would make it last", func(t *testing.T) {
		wang := g.phone("wang")
		token, _ := g.tokenAt(t, wang, appA, "shop")
		a := g.ask(t, key, "POST", "main/bind", body("token", token, "user", "member-3")).want(t, 200)
		if a.JSON["in_session"] != true || a.text("next") != "authorize_userinfo" || a.JSON["linked"] != false {
			t.Errorf("it says %s", a.Body)
		}
		fresh, now := g.tokenAt(t, wang, appA, "shop")
		who := g.ask(t, key, "POST", "main/resolve", body("token", fresh)).want(t, 200)
		if now.Subject != "member-3" || who.text("user") != "member-3" || who.JSON["in_session"] != true {
			t.Errorf("the site sees %s, the API says %s", now.Subject, who.Body)
		}
		// Another WeChat account leads to him, and that isn't this visitor's to part.
		owner, _ := g.tokenAt(t, g.phone("li"), appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", owner, "user", "member-3")).want(t, 200)
		g.ask(t, key, "POST", "main/unbind", body("token", fresh)).wantCode(t, identity.CodeNotBound)
		if a := g.ask(t, key, "GET", "main/users/member-3", ""); !strings.Contains(a.Body, g.sim.OpenID("li", appA)) {
			t.Errorf("of him it says %s", a.Body)
		}
	})
	t.Run("by ids alone only an operator binds, and says why", func(t *testing.T) {
		chen := g.phone("chen")
		g.tokenAt(t, chen, appA, "shop")
		in := []string{"appid", appA, "openid", g.sim.OpenID("chen", appA), "user", "member-4"}
		g.ask(t, key, "POST", "main/bind", body(append(in, "evidence", "x")...)).wantCode(t, string(apiScopeNeeded))
		g.ask(t, ops, "POST", "main/bind", body(in...)).wantCode(t, string(apiNoEvidence))
		g.ask(t, ops, "POST", "main/bind", body(append(in, "evidence", " ")...)).wantCode(t, string(apiNoEvidence))
		in = append(in, "evidence", "ticket 7")
		g.ask(t, ops, "POST", "main/bind", body(in...)).wantCode(t, identity.CodeUnionIDNeeded)
		a := g.ask(t, ops, "POST", "main/bind", body(append(in, "unionid", g.sim.UnionID("chen", appA))...)).want(t, 200)
		if _, now := g.tokenAt(t, chen, appA, "shop"); a.text("user") != "member-4" || now.Subject != "member-4" {
			t.Errorf("it says %s, and the site sees %s", a.Body, now.Subject)
		}
		g.ask(t, ops, "POST", "main/bind", body(append(in, "unionid", "anotherUnionid123456789012")...)).wantCode(t, identity.CodeUnionIDMismatch)
		g.ask(t, ops, "POST", "main/bind", body("token", token, "user", "member-1")).wantCode(t, string(apiScopeNeeded))
	})
	t.Run("unbound by his token he is nobody's any more, and the user lives on", func(t *testing.T) {
		g.ask(t, key, "POST", "main/unbind", body("token", token)).want(t, 204)
		_, now := g.tokenAt(t, ming, appA, "shop")
		if now.Subject == "member-1" || now.Subject == guest.Subject || now.Kind != identity.Virtual {
			t.Errorf("the site sees %+v", now)
		}
		g.ask(t, key, "POST", "main/unbind", body("token", token)).wantCode(t, string(apiBadToken))
		if a := g.ask(t, key, "GET", "main/users/member-1", "").want(t, 200); !strings.Contains(a.Body, `"openids":[]`) {
			t.Errorf("of the user it says %s", a.Body)
		}
	})
	t.Run("only the accounts of the key's sites are told", func(t *testing.T) {
		g.ask(t, ops, "POST", "main/bind", body("appid", appB, "openid", "oAtTheOtherAccount123456789", "unionid", g.sim.UnionID("chen", appA), "user", "member-4", "evidence", "e")).want(t, 200)
		narrow := g.apiKey(t, "main", "read", "game")
		all, some := g.ask(t, key, "GET", "main/users/member-4", ""), g.ask(t, narrow, "GET", "main/users/member-4", "")
		if !strings.Contains(all.Body, appB) || strings.Contains(some.Body, appB) || !strings.Contains(some.Body, appA) {
			t.Errorf("the shop is told %s, the game %s", all.Body, some.Body)
		}
		g.ask(t, narrow, "POST", "main/users/find", body("appid", appB, "openid", "oAtTheOtherAccount123456789")).wantCode(t, string(apiNoAccount))
	})
}

// TestAPI_bindHinted is about a visitor who was taken for somebody by an old table:
// nothing of him is retired, and he is cached under a name that stays.
func TestAPI_bindHinted(t *testing.T) {
	t.Parallel()
	g := startAPI(t, "\t\trealm main\n\t\trealm other", "\t\trealm main {\n\t\t\tlegacy_hints on\n\t\t}\n\t\trealm other")
	key := g.apiKey(t, "main", "bind read")
	_, err := g.app.facts().Import(t.Context(), identity.Import{
		Realm: "main", Openid: identity.Openid{AppID: appA, OpenID: g.sim.OpenID("ming", appA)}, Unionid: identity.Unionid{Subject: "acme"}, User: "old-1", Actor: "test",
	})
	if err != nil {
		t.Fatal(err)
	}
	ming := g.phone("ming")
	token, seen := g.tokenAt(t, ming, appA, "shop")
	who := g.ask(t, key, "POST", "main/resolve", body("token", token)).want(t, 200)
	if seen.Subject != "old-1" || who.text("user") != "old-1" || who.JSON["hinted"] != true {
		t.Fatalf("the site sees %+v, the API says %s", seen, who.Body)
	}
	g.ask(t, key, "POST", "main/bind", body("token", token, "user", "new-1")).want(t, 200)
	if _, now := g.tokenAt(t, ming, appA, "shop"); now.Subject != "new-1" {
		t.Errorf("the site still sees %s", now.Subject)
	}
}

func TestAPI_strict(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", allScopes)
	token, _ := g.tokenAt(t, g.phone("ming"), appA, "shop")
	before := g.rows(t)
	for sentence, c := range map[string]struct {
		body, header, value string
		code                code
	}{
		"a field that there isn't":    {`{"token": "x", "user": "u", "admin": true}`, "", "", apiBadBody},
		"two objects":                 {body("token", token, "user", "u") + `{}`, "", "", apiBadBody},
		"something behind it":         {body("token", token, "user", "u") + `x`, "", "", apiBadBody},
		"a field of the wrong type":   {`{"token": 1}`, "", "", apiBadBody},
		"a list":                      {`[]`, "", "", apiBadBody},
		"null":                        {`null`, "", "", apiBadBody},
		"nothing":                     {``, "", "", apiBadBody},
		"half of it":                  {`{"token": "`, "", "", apiBadBody},
		"a field twice":               {`{"user": "a", "user": "b", "token": "x"}`, "", "", apiBadBody},
		"a field in another spelling": {`{"USER": "a", "Token": "x"}`, "", "", apiBadBody},
		"a form":                      {"token=x&user=u", "Content-Type", "application/x-www-form-urlencoded", apiBadType},
		"plain text":                  {body("token", token, "user", "u"), "Content-Type", "text/plain", apiBadType},
		"no type":                     {body("token", token, "user", "u"), "Content-Type", "", apiBadType},
		"more than 64 KiB":            {body("token", token, "user", "u", "evidence", strings.Repeat("x", 65<<10)), "", "", apiTooLarge},
	} {
		t.Run(sentence+" is refused", func(t *testing.T) {
			g.ask(t, key, "POST", "main/bind", c.body, c.header, c.value).wantCode(t, string(c.code))
		})
	}
	t.Run("a query beside the body is refused: it would stand in logs", func(t *testing.T) {
		g.ask(t, key, "POST", "main/resolve?token="+token, body("token", token)).wantCode(t, string(apiBadQuery))
	})
	t.Run("a query that isn't known is refused", func(t *testing.T) {
		for _, query := range []string{"openid=x", "limit=1&limit=2", "limit=x", "limit=0x1", "limit=-1", "limit=1001", "after=%zz", "Limit=1"} {
			g.ask(t, key, "GET", "main/events?"+query, "").wantCode(t, string(apiBadQuery))
		}
		g.ask(t, key, "GET", "main/rebinds?state=gone", "").wantCode(t, string(apiBadQuery))
		g.ask(t, key, "GET", "main/audit?user=a%20b", "").wantCode(t, string(apiBadID))
	})
	t.Run("what there isn't is not found, and by another method refused", func(t *testing.T) {
		for _, path := range []string{"/", "/v1", "/v1/realms/main", "/v1/realms/main/users", "/v1/realms/main/nothing", "/v2/realms/main/bind", "/v1/realms/main/bind/", "//v1/realms/main/bind", "/v1/realms/main/users/a/b/c", "/v1/%2E%2E/openapi.json", "/wsite/-/nothing"} {
			g.askAt(t, key, "POST", path, body("token", token, "user", "u")).wantCode(t, string(apiNoEndpoint))
		}
		if a := g.ask(t, key, "PUT", "main/users/u", "").wantCode(t, string(codeBadMethod)); a.Header.Get("Allow") != "DELETE, GET, HEAD" {
			t.Errorf("allowed is %q", a.Header.Get("Allow"))
		}
		if a := g.ask(t, key, "OPTIONS", "main/bind", "", "Origin", "https://evil.example", "Access-Control-Request-Method", "POST").wantCode(t, string(codeBadMethod)); a.Header.Get("Access-Control-Allow-Origin") != "" || a.Header.Get("Allow") != "POST" {
			t.Errorf("another origin is told %v", a.Header)
		}
	})
	t.Run("an id with a slash or a percent is one id", func(t *testing.T) {
		for _, id := range []string{"a/b", "a%2Fb", "..", ".", "a?b#c", "a+b"} {
			escaped := strings.NewReplacer("%", "%25", "/", "%2F", ".", "%2E", "?", "%3F", "#", "%23").Replace(id)
			g.ask(t, key, "GET", "main/users/"+escaped, "").wantCode(t, identity.CodeUserUnknown)
		}
	})
	g.wantRows(t, before)
	t.Run("the key set and its discovery are those of the origin", func(t *testing.T) {
		for _, path := range []string{"/wsite/-/jwks.json", "/wsite/-/.well-known/openid-configuration"} {
			here := g.askAt(t, "", "GET", path, "").want(t, 200)
			there, err := http.Get(g.url + path)
			if err != nil {
				t.Fatal(err)
			}
			if w := readWire(t, there); w.Body != here.Body || len(here.Body) < 50 {
				t.Errorf("here %s, there %s", here.Body, w.Body)
			}
		}
	})
	t.Run("who has the document gets it once", func(t *testing.T) {
		a := g.askAt(t, "", "GET", "/openapi.json", "").want(t, 200)
		if a.Header.Get("Content-Type") != "application/json" || a.text("openapi") != "3.1.0" {
			t.Errorf("the document is %.100s", a.Body)
		}
		if b := g.askAt(t, "", "GET", "/openapi.json", "", "If-None-Match", a.Header.Get("ETag")).want(t, 304); b.Body != "" {
			t.Errorf("again it is %.100s", b.Body)
		}
	})
}
