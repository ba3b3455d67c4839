package caddymodule

import (
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityK is what strangers can cost; what goes out of the gateway is tested where it
// does, in identity/outbox, inbox and wechat.
func securityK(t *testing.T) {
	t.Run("T201 an error is one answer, and nothing is done or written behind it", oneAnswer)
	t.Run("T224 a flood of strangers is told to wait, and leaves nothing", flood)
	t.Run("T224 who is signed in can't have WeChat asked without end", signedInFlood)
	t.Run("T226 no path costs the rules of a site much, and they know no regular expressions", cheapRules)
	t.Run("T227 a source of chance that repeats itself is an error, not a loop", noChance)
}

// oneAnswer forces errors of every step and looks at all that comes down the line.
func oneAnswer(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.signedIn(t, "ming", appA, "shop")
	broken := startGateway(t)
	lost := broken.signedIn(t, "ming", appA, "shop")
	broken.app.visitors.forgetAll()
	broken.sql(t, "ALTER TABLE userid RENAME TO mislaid")
	broken.sql(t, "ALTER TABLE revocation RENAME TO mislaid2")
	full := startGateway(t, limited("logins 1/1h")...)
	full.signedIn(t, "ming", appA, "shop")
	for name, c := range map[string]struct {
		g   *gateway
		req request
	}{
		"no account": {g, request{Target: "/wsite/wx00000000000000ff/shop/"}}, "no site": {g, request{Target: "/wsite/" + appA + "/none/"}}, "no pair": {g, request{Target: "/wsite/" + appB + "/game/"}}, "no page": {g, request{Target: shopPath("/-/none")}},
		"a bad path": {g, request{Target: shopPath("/%2f")}}, "a bad method": {g, request{Method: "TRACE", Target: shopPath("/")}}, "a bad callback": {g, request{Target: shopPath("/-/callback?code=a")}},
		"unproved": {g, request{Target: shopPath("/-/callback?code=a&state=b&r=c")}}, "loaded ahead": {g, request{Target: shopPath("/"), Headers: []string{"Sec-Purpose", "prefetch"}}}, "cross-site": {g, request{Method: "POST", Target: shopPath("/-/logout"), Headers: []string{"Sec-Fetch-Site", "cross-site", "Content-Length", "0"}}},
		"outside": {g, request{Target: "/wsite/" + appA + "/inner/", Headers: []string{"User-Agent", uaDesktop}}}, "a script": {g, request{Target: shopPath("/"), Headers: []string{"Sec-Fetch-Mode", "cors"}}}, "consent": {g, request{Target: shopPath("/members/x"), Headers: []string{"Cookie", ming, "Sec-Fetch-Mode", "cors"}}},
		"a push": {g, request{Method: "POST", Target: "/wsite/-/push/" + appA}}, "a relay": {g, request{Target: "/wsite/-/relay?to=a"}}, "too many": {full, request{Target: shopPath("/")}},
		"no facts": {broken, request{Target: shopPath("/"), Headers: []string{"Cookie", lost}}}, "no facts, by a script": {broken, request{Target: shopPath("/"), Headers: []string{"Cookie", lost, "Sec-Fetch-Mode", "cors"}}}, "no facts, signing out": {broken, request{Method: "POST", Target: shopPath("/-/logout"), Headers: []string{"Cookie", lost, "Content-Length", "0"}}},
	} {
		seen := c.g.upstream.count()
		for _, accept := range []string{"text/html", "application/json"} {
			w := c.g.overH1(t, c.req.with("Accept", accept, "User-Agent", uaAndroid))
			if w.Status < 400 {
				t.Errorf("%s is answered %d", name, w.Status)
			}
			body := strings.TrimSpace(w.Body)
			if pages, problems := strings.Count(body, "<!doctype html>"), strings.Count(body, `"code":`); pages+problems != 1 || pages == 1 && !strings.HasSuffix(body, "</html>") || problems == 1 && !strings.HasSuffix(body, "}") {
				t.Errorf("%s has %d pages and %d problems in its answer: %.400s", name, pages, problems, body)
			}
			if len(w.Header["Content-Type"]) != 1 || w.Header.Get("Location") != "" {
				t.Errorf("%s is answered with %v", name, w.Header)
			}
			for _, line := range w.Header["Set-Cookie"] {
				if strings.Contains(line, c.g.app.jar.prefix+appA+"=") && !strings.Contains(line, "Max-Age=0") {
					t.Errorf("%s gives a session: %s", name, line)
				}
			}
		}
		if c.g.upstream.count() != seen {
			t.Errorf("after %s the site was asked all the same", name)
		}
	}
}

// flood asks without cookies, and with some that are long and open nothing.
func flood(t *testing.T) {
	t.Parallel()
	g := startGateway(t, append(limited("logins 1/1h"), h2c...)...)
	before := g.rows(t)
	g.overH1(t, request{Target: shopPath("/"), Headers: inWeChat()})
	started := g.counted(t, "wsite_logins_total", "started")
	rubbish := g.app.jar.prefix + cookieLogin + "=" + strings.Repeat("A", 500) + "; " + g.app.jar.prefix + appA + "=" + strings.Repeat("A", 500) + strings.Repeat("; a=b", 1000)
	for i := range 400 {
		headers := inWeChat("X-Forwarded-For", "192.0.2."+itoa(i%250))
		if i%2 == 1 {
			headers = append(headers, "Cookie", rubbish)
		}
		for _, path := range []string{"/", "/-/login?return=" + shopPath("/x"), "/ask/x"} {
			w := g.overH1(t, request{Target: shopPath(path), Headers: headers})
			if g.wantRefusal(t, w.page(path), codeTooMany); w.Header.Get("Retry-After") == "" || w.Header["Set-Cookie"] != nil || strings.Contains(w.Body, g.sim.URL) {
				t.Fatalf("%s is answered %d %v", path, w.Status, w.Header)
			}
		}
	}
	if n := g.counted(t, "wsite_logins_total", "started"); n != started {
		t.Errorf("%d logins were sealed", n-started)
	}
	if len(g.app.logins.memo) != 0 || g.app.visitors.len() != 0 || g.upstream.count() != 0 || g.sim.Calls("/sns/oauth2/access_token") != 0 {
		t.Errorf("something is kept: %d logins, %d visitors", len(g.app.logins.memo), g.app.visitors.len())
	}
	g.wantRows(t, before)
	guest := g.overH1(t, request{Target: shopPath("/"), Headers: atDesk()})
	g.wantRefusal(t, guest.page("a guest"), codeTooMany)
}

// signedInFlood brings one code after the other beside a state that is the visitor's own,
// and takes one ticket after the other.
func signedInFlood(t *testing.T) {
	t.Parallel()
	g := startGateway(t, limited("exchanges 4/1h")...)
	p, other := g.phone("ming"), g.phone("li")
	g.who(p.open(g.at(appA, "shop", "/")))
	callback := p.toCallback(g.at(appA, "shop", "/-/login"))
	before := g.sim.Calls("/sns/oauth2/access_token")
	for i := range 12 {
		p.step(changed(t, callback, "code", "made-up-"+itoa(i)))
	}
	if n := g.sim.Calls("/sns/oauth2/access_token") - before; n > 4 {
		t.Errorf("WeChat was asked about %d codes", n)
	}
	g.wantRefusal(t, p.step(callback), codeTooMany)
	g.who(p.open(g.at(appA, "shop", "/"))) // he is signed in as before
	g.who(other.open(g.at(appA, "shop", "/")))

	d := startDoors(t, "wechat_timeout 2s", "wechat_timeout 2s\n\t\tlimits {\nexchanges 4/1h\n\t\t}")
	program := d.mini("ming", "shop")
	for i := range 8 {
		page := program.post("/-/ticket", map[string]string{})
		if page.refusal() == string(codeTooMany) != (i >= 4) {
			t.Errorf("ticket %d is answered %d %s", i, page.Status, page.refusal())
		}
	}
}

// cheapRules asks the longest paths of the most rules that a site may have.
func cheapRules(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{"^/a.*$", "/a/(b|c)", "/a*b", "/*/a", "/a/**", "~/a", "/[a-z]+", `/a\d`, "/" + strings.Repeat("a", 5000)} {
		if err := adaptError(strings.Replace(standard, "path /maybe optional", "path "+pattern+" public", 1)); err == nil || !strings.Contains(err.Error(), "path") {
			t.Errorf("the path %.40s is taken: %v", pattern, err)
		}
	}
	site := &directory.Site{PTID: "s", Accounts: []string{appA}}
	for range 1000 {
		site.Paths = append(site.Paths, directory.PathRule{Path: "/" + strings.Repeat("a/", 1000) + "*", Policy: directory.Public})
	}
	cost := testing.Benchmark(func(b *testing.B) {
		for b.Loop() {
			if site.Policy("/"+strings.Repeat("a/", 999)+"b") != directory.Login {
				b.Fatal("it matches")
			}
		}
	})
	if per := cost.NsPerOp(); per > 20_000_000 {
		t.Errorf("a thousand rules take %d ns for one path", per)
	}
}

// noChance makes all that is drawn by lot with a source that always says the same.
func noChance(t *testing.T) {
	t.Parallel()
	g := startChannels(t)
	same := func(b []byte) { clear(b) }
	g.app.random, g.app.codes.Random, g.app.desk.Random, g.app.facts().Centre.Random = same, same, same, same
	one := g.apiKey(t, "main", allScopes)
	twin, _, err := identity.NewAPIKey(identity.APIKey{Realm: "other", Name: "twin", Scopes: []identity.Scope{"read"}, Made: g.now()}, same)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.app.facts().apiStore().PutAPIKey(t.Context(), twin); err == nil {
		t.Error("a second key took the place of the first")
	}
	made := 0
	for range 3 {
		a := g.askAt(t, one, http.MethodPost, "/v1/accounts/"+appA+"/qr-codes", body("ref", "x", "realm", "main"))
		if a.Status < 300 {
			made++
		} else if a.Status < 400 {
			t.Errorf("making a code is answered %d %s", a.Status, a.Body)
		}
	}
	if made > 1 {
		t.Errorf("%d codes are one", made)
	}
	for range 2 {
		p := g.phone("ming")
		g.who(p.open(g.at(appA, "shop", "/")))
		p.ua = uaDesktop
		g.who(p.open(g.at(appSub, "shop", "/")))
	}
}
