package caddymodule

import (
	"database/sql"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// withAPI adds the API to the standard Caddyfile, on a host of its own.
var withAPI = []string{"ORIGIN {\n", "http://api.localhost:PORT {\n\tbind 127.0.0.1\n\twsite_api\n}\nORIGIN {\n"}

// startAPI starts a gateway with the API.
func startAPI(t testing.TB, changes ...string) *gateway {
	t.Helper()
	return startGateway(t, append(changes, withAPI...)...)
}

// apiKey makes a key with scopes separated by blanks.
func (g *gateway) apiKey(t testing.TB, realm, scopes string, sites ...string) string {
	t.Helper()
	k := identity.APIKey{Realm: realm, Name: "test", Sites: sites, Made: g.now()}
	for _, s := range strings.Fields(scopes) {
		k.Scopes = append(k.Scopes, identity.Scope(s))
	}
	k, text, err := identity.NewAPIKey(k, g.app.random)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.app.facts().apiStore().PutAPIKey(t.Context(), k); err != nil {
		t.Fatal(err)
	}
	return text
}

// allScopes are those of a key that may do everything.
const allScopes = "read bind feed operate audit message qr token wechat merchant"

// apiAnswer is what the API answered.
type apiAnswer struct {
	Status int
	Header http.Header
	Body   string
	JSON   map[string]any
}

// text is a member of the answer, if it is a string.
func (a apiAnswer) text(name string) string {
	s, _ := a.JSON[name].(string)
	return s
}

// ask calls an endpoint of a realm. Header names and values come in pairs.
func (g *gateway) ask(t testing.TB, key, method, path, body string, headers ...string) apiAnswer {
	t.Helper()
	return g.askAt(t, key, method, "/v1/realms/"+path, body, headers...)
}

func (g *gateway) askAt(t testing.TB, key, method, path, body string, headers ...string) apiAnswer {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, g.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Host = strings.Replace(strings.TrimPrefix(g.url, "http://"), "127.0.0.1", "api.localhost", 1)
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	if method != http.MethodGet && method != http.MethodHead {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header[headers[i]] = []string{headers[i+1]}
		}
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	a := apiAnswer{Status: resp.StatusCode, Header: resp.Header, Body: string(text)}
	if len(text) > 0 && json.Unmarshal(text, &a.JSON) != nil && method != http.MethodHead {
		t.Fatalf("%s %s answered %d and no JSON: %s", method, path, resp.StatusCode, text)
	}
	return a
}

// want fails unless the call went well, and gives what it answered.
func (a apiAnswer) want(t testing.TB, status int) apiAnswer {
	t.Helper()
	if a.Status != status {
		t.Fatalf("answered %d %s, want %d", a.Status, a.Body, status)
	}
	return a
}

// wantCode fails unless the call was refused so, and as it is documented.
func (a apiAnswer) wantCode(t testing.TB, c string) apiAnswer {
	t.Helper()
	status := apiTexts[code(c)].status
	if status == 0 {
		status = http.StatusConflict
	}
	if s := conflictStatus[c]; s != 0 {
		status = s
	}
	switch {
	case a.Status != status || a.text("code") != c:
		t.Errorf("answered %d %s, want %d %s", a.Status, a.Body, status, c)
	case a.Header.Get("Content-Type") != "application/problem+json" || a.Header.Get("Cache-Control") != "no-store":
		t.Errorf("the problem comes with the headers %v", a.Header)
	case a.text("type") != problemType+c || a.JSON["status"] != float64(status) || a.text("title") == "" || a.text("detail") == "" || a.text("advice") == "":
		t.Errorf("the problem is %s", a.Body)
	case !strings.HasPrefix(a.text("instance"), "urn:uuid:"):
		t.Errorf("nobody can find this call again: %s", a.Body)
	}
	return a
}

// tokenAt lets a person open a site, and gives the token that the site got.
func (g *gateway) tokenAt(t testing.TB, p *phone, appID, ptid string) (string, identity.Token) {
	t.Helper()
	page := p.open(g.at(appID, ptid, "/"))
	if page.Status != http.StatusOK {
		t.Fatalf("opening the site: %d %.200s", page.Status, page.Body)
	}
	token := g.upstream.last().Header.Get(headerUser)
	site, err := g.app.site(t.Context(), ptid)
	if err != nil || site == nil {
		t.Fatalf("there is no site %s: %v", ptid, err)
	}
	return token, g.verify(token, site.Audience)
}

// body is a JSON object of members given in pairs.
func body(pairs ...string) string {
	object := map[string]string{}
	for i := 0; i+1 < len(pairs); i += 2 {
		object[pairs[i]] = pairs[i+1]
	}
	text, _ := json.Marshal(object)
	return string(text)
}

// consents lets a person give his unionid at an account.
func (g *gateway) consents(t testing.TB, p *phone, appID string) {
	t.Helper()
	g.sim.Answer("allow")
	if page := p.press(g, p.open(g.at(appID, "shop", "/ask/x")), "allow"); page.Status != http.StatusOK {
		t.Fatalf("giving consent: %d %.200s", page.Status, page.Body)
	}
}

// sql does something to the facts past our own code.
func (g *gateway) sql(t testing.TB, statement string) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+g.app.Facts.SQLite+"?_pragma=busy_timeout(10000)")
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(statement); err != nil {
		t.Fatal(err)
	}
}
