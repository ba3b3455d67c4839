package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityAPI is the HTTP API: whose word it takes, and for what.
func securityAPI(t *testing.T) {
	t.Run("T123 a key is no cookie and no token, and neither is a key", securityKeyPurposes)
	t.Run("T139 a key is made of exactly its parts, and a realm of one", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key := g.apiKey(t, "main", "read")
		for _, other := range []string{key + "_", key + "_x", "x_" + key, strings.Replace(key, "_", "__", 1), key[:20] + "_" + key, strings.ReplaceAll(key, "_", ":")} {
			g.ask(t, other, "GET", "main/users/m1", "").wantCode(t, string(apiKeyRefused))
		}
		for _, realm := range []string{"main%2Fusers", "main%00", "other%2F..%2Fmain", "%2A", "main,other", "main%20", "mai"} {
			g.ask(t, key, "GET", realm+"/users/m1", "").wantCode(t, string(apiNoRealm))
		}
		g.ask(t, key, "POST", "main/users/find", body("appid", appA+":o1", "openid", "o2")).wantCode(t, string(apiNoAccount))
		g.ask(t, key, "POST", "main/users/find", body("appid", appA, "openid", "o1/"+appB)).wantCode(t, string(apiBadID))
	})
	t.Run("T144 a token is taken from the site that it was made for, and for nothing else", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key := g.apiKey(t, "main", "bind read", "game")
		token, _ := g.tokenAt(t, g.phone("ming"), appA, "shop")
		before := g.rows(t)
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).wantCode(t, string(apiNotYourSite))
		for _, path := range []string{"main/users/m1", "main/events"} {
			g.ask(t, token, "GET", path, "").wantCode(t, string(apiKeyRefused))
		}
		// Another gateway's token is nobody's here.
		other := startAPI(t)
		foreign, _ := other.tokenAt(t, other.phone("ming"), appA, "shop")
		g.ask(t, g.apiKey(t, "main", "bind"), "POST", "main/bind", body("token", foreign, "user", "m1")).wantCode(t, string(apiBadToken))
		g.wantRows(t, before)
	})
	t.Run("T152 tokens of unheard-of keys cost nothing but their own answer", func(t *testing.T) {
		t.Parallel()
		g := startAPI(t)
		key := g.apiKey(t, "main", "bind read")
		logins := func() (n int) {
			for _, r := range g.sim.Requests() { // besides what the gateway asks by itself about its accounts
				if !strings.HasPrefix(r.Path, "/cgi-bin/") {
					n++
				}
			}
			return n
		}
		f, before, asked := newForger(t), g.rows(t), logins()
		for i := range 200 {
			forged := f.sign(t, jwt.SigningMethodES256, f.key, map[string]any{"kid": fmt.Sprint("kid-", i)}, jwt.MapClaims{"iss": g.app.issuer, "aud": shopAudience})
			g.ask(t, key, "POST", "main/resolve", body("token", forged)).wantCode(t, string(apiBadToken))
		}
		g.wantRows(t, before)
		if now := logins(); now != asked {
			t.Errorf("%d requests went out", now-asked)
		}
	})
	t.Run("T130 T207 what a log may hold of the API is no secret", securityAPILogs)
}

func securityKeyPurposes(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", allScopes)
	p := g.phone("ming")
	token, _ := g.tokenAt(t, p, appA, "shop")
	session := p.cookie(g, appA)
	for name, value := range map[string]string{"a session": session, "a token": token, "a login cookie": p.cookie(g, cookieLogin)} {
		if value == "" {
			t.Fatalf("there is no %s to try", name)
		}
		g.ask(t, value, "GET", "main/users/m1", "").wantCode(t, string(apiKeyRefused))
	}
	thief := g.phone("")
	thief.plant(g, appA, key)
	if page := thief.fetch("GET", g.at(appA, "shop", "/")); page.Status != http.StatusUnauthorized {
		t.Errorf("a key as a session: answered %d", page.Status)
	}
	page := g.phone("").send("GET", g.at(appA, "shop", "/"), nil, "Authorization", "Bearer "+key, "X-User", key, "Accept", "application/json")
	if page.Status != http.StatusUnauthorized {
		t.Errorf("a key as a visitor's word: answered %d", page.Status)
	}
	for _, headers := range [][]string{{"X-User", token}, {"Cookie", p.cookieLine(g)}, {"X-User-Id", "m1", "Cookie", "wsk=" + key}} {
		g.ask(t, "", "GET", "main/users/m1", "", headers...).wantCode(t, string(apiKeyNeeded))
	}
	g.ask(t, key, "POST", "main/resolve", body("token", key)).wantCode(t, string(apiBadToken))
	g.ask(t, key, "POST", "main/resolve", body("token", session)).wantCode(t, string(apiBadToken))
}

func securityAPILogs(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", allScopes)
	p := g.member(t, "ming", "m1")
	token, _ := g.tokenAt(t, p, appA, "shop")
	openid := g.sim.OpenID("ming", appA)
	g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m2"))
	g.ask(t, key, "POST", "main/users/find", body("appid", appA, "openid", openid))
	g.sql(t, "ALTER TABLE userid RENAME TO mislaid")
	for _, in := range []string{body("token", token, "user", "m3"), body("appid", appA, "openid", openid, "unionid", "uTheSecretOne1234567890", "user", "m3", "evidence", "the evidence")} {
		a := g.ask(t, key, "POST", "main/bind", in).wantCode(t, string(codeFactsDown))
		if strings.Contains(a.Body, "userid") {
			t.Errorf("the answer tells of tables: %s", a.Body)
		}
	}
	text := g.logText()
	if !strings.Contains(text, `"step":"api"`) {
		t.Fatal("nothing was logged: the test sees nothing")
	}
	_, secret, _ := strings.Cut(key[4:], "_")
	for _, canary := range []string{key, secret, token, openid, g.sim.UnionID("ming", appA), "uTheSecretOne1234567890", "the evidence"} {
		if strings.Contains(text, canary) {
			t.Errorf("the log holds %.20s…", canary)
		}
	}
}

// apiKeysOf are the keys as the admin API lists them.
func (g *wholeCaddy) apiKeysOf(t *testing.T) []apiKeyLine {
	t.Helper()
	status, text := g.ask(t, http.MethodGet, adminAPIKeys, "", "")
	var list []apiKeyLine
	if err := json.Unmarshal([]byte(text), &list); err != nil || status != http.StatusOK {
		t.Fatalf("listing keys: %d %s, %v", status, text, err)
	}
	return list
}

// TestSecurity_adminAPIKeys is T200: no page of a site can make or revoke a key.
func TestSecurity_adminAPIKeys(t *testing.T) {
	g := runGateway(t)
	good := `{"realm": "main", "name": "orders", "scopes": ["read"]}`
	status, made := g.ask(t, http.MethodPost, adminAPIKeysCreate, "application/json", good)
	var first struct{ ID, Key string }
	if err := json.Unmarshal([]byte(made), &first); err != nil || status != http.StatusOK {
		t.Fatalf("making a key: %d %s", status, made)
	}
	if id, _, ok := identity.ParseAPIKey(first.Key); !ok || id != first.ID {
		t.Fatalf("the key is %s", made)
	}
	for sentence, c := range map[string]struct {
		method, path, kind, body, header, value string
		status                                  int
	}{
		"making is a POST":                {"GET", adminAPIKeysCreate, "", "", "", "", 405},
		"listing is a GET":                {"POST", adminAPIKeys, "application/json", good, "", "", 405},
		"revoking is a POST":              {"GET", adminAPIKeysRevoke, "", "", "", "", 405},
		"a form makes no key":             {"POST", adminAPIKeysCreate, "application/x-www-form-urlencoded", "realm=main", "", "", 415},
		"plain text makes no key":         {"POST", adminAPIKeysCreate, "text/plain", good, "", "", 415},
		"plain text revokes no key":       {"POST", adminAPIKeysRevoke, "text/plain", `{"id": "` + first.ID + `"}`, "", "", 415},
		"a page of a site makes no key":   {"POST", adminAPIKeysCreate, "application/json", good, "Sec-Fetch-Site", "cross-site", 403},
		"a page of a site revokes no key": {"POST", adminAPIKeysRevoke, "application/json", `{"id": "` + first.ID + `"}`, "Sec-Fetch-Site", "same-site", 403},
		"a realm that isn't there":        {"POST", adminAPIKeysCreate, "application/json", strings.Replace(good, "main", "nosuch", 1), "", "", 400},
		"a site of another realm":         {"POST", adminAPIKeysCreate, "application/json", strings.Replace(good, `"name"`, `"sites": ["club"], "name"`, 1), "", "", 400},
		"a site that isn't there":         {"POST", adminAPIKeysCreate, "application/json", strings.Replace(good, `"name"`, `"sites": ["nosuch"], "name"`, 1), "", "", 400},
		"a scope that isn't there":        {"POST", adminAPIKeysCreate, "application/json", strings.Replace(good, "read", "write", 1), "", "", 400},
		"operating on one site":           {"POST", adminAPIKeysCreate, "application/json", `{"realm": "main", "name": "a", "scopes": ["operate"], "sites": ["shop"]}`, "", "", 400},
		"a word that isn't known":         {"POST", adminAPIKeysCreate, "application/json", strings.Replace(good, `"name"`, `"admin": true, "name"`, 1), "", "", 400},
		"a key that isn't there":          {"POST", adminAPIKeysRevoke, "application/json", `{"id": "nosuch"}`, "", "", 404},
	} {
		t.Run("T200 "+sentence, func(t *testing.T) {
			req, err := http.NewRequest(c.method, "http://127.0.0.1"+c.path, strings.NewReader(c.body))
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Content-Type", c.kind)
			if c.header != "" {
				req.Header.Set(c.header, c.value)
			}
			resp, err := g.client.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			if w := readWire(t, resp); w.Status != c.status {
				t.Errorf("it answers %d %s, want %d", w.Status, w.Body, c.status)
			}
			if now := g.apiKeysOf(t); len(now) != 1 || !now[0].Revoked.IsZero() {
				t.Errorf("the keys are %+v", now)
			}
		})
	}
	t.Run("the list tells no secret", func(t *testing.T) {
		_, list := g.ask(t, http.MethodGet, adminAPIKeys, "", "")
		if secret := first.Key[21:]; strings.Contains(list, secret) || strings.Contains(list, "hash") || !strings.Contains(list, first.ID) {
			t.Errorf("it says %s", list)
		}
	})
	t.Run("a revoked key stays on the list as such", func(t *testing.T) {
		if status, text := g.ask(t, http.MethodPost, adminAPIKeysRevoke, "application/json", `{"id": "`+first.ID+`"}`); status != http.StatusNoContent {
			t.Fatalf("revoking: %d %s", status, text)
		}
		if now := g.apiKeysOf(t); len(now) != 1 || now[0].Revoked.IsZero() {
			t.Errorf("the keys are %+v", now)
		}
	})
}
