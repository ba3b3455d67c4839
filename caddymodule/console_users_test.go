package caddymodule

import (
	"io"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// clerk is somebody on the staff who is signed in.
type clerk struct {
	*gateway
	t      *testing.T
	cookie *http.Cookie
}

// clerk adds somebody of a role.
func (g *gateway) clerk(t *testing.T, name string, role console.Role) *clerk {
	t.Helper()
	code, err := g.app.newConsole().Add(t.Context(), name, role)
	if err != nil {
		t.Fatal(err)
	}
	c := &clerk{gateway: g, t: t}
	c.ask("POST", "/setup", url.Values{"code": {code}, "password": {"correct horse battery"}, "again": {"correct horse battery"}})
	if c.cookie == nil {
		t.Fatal("the code didn't sign him in")
	}
	return c
}

type pageAnswer struct {
	consoleAnswer
	To string // where it sends the browser
}

func (c *clerk) ask(method, path string, form url.Values) pageAnswer {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		c.t.Fatal(err)
	}
	at, _ := url.Parse(c.consoleAt(""))
	req.Host = at.Host
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept-Language", "en")
	if c.cookie != nil {
		req.AddCookie(c.cookie)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	for _, set := range resp.Cookies() {
		if strings.HasSuffix(set.Name, "wsite-console") {
			c.cookie = set
		}
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return pageAnswer{consoleAnswer{resp.StatusCode, string(text)}, resp.Header.Get("Location")}
}

func (c *clerk) get(path string) pageAnswer { c.t.Helper(); return c.ask("GET", path, nil) }

var hiddenFields = regexp.MustCompile(`type="hidden" name="([a-z_]+)" value="([^"]*)"`)

// word is that of his pages.
func (c *clerk) word() string {
	c.t.Helper()
	m := regexp.MustCompile(`name="word" value="([^"]*)"`).FindStringSubmatch(c.get("/me").Body)
	if m == nil {
		c.t.Fatal("he isn't signed in")
	}
	return m[1]
}

// fills sends a form of a page, with what its hidden fields hold and what is given in pairs.
func (c *clerk) fills(page, action string, pairs ...string) pageAnswer {
	c.t.Helper()
	_, rest, ok := strings.Cut(page, `action="`+action+`"`)
	if !ok {
		c.t.Fatalf("there is no form for %s in %s", action, page)
	}
	rest, _, _ = strings.Cut(rest, "</form>")
	form := url.Values{}
	for _, m := range hiddenFields.FindAllStringSubmatch(rest, -1) {
		form.Set(m[1], m[2])
	}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	return c.ask("POST", action, form)
}

// does opens the page of a user and fills the form for what is done to him.
func (c *clerk) does(user, what string, pairs ...string) pageAnswer {
	c.t.Helper()
	at := "/users/main/of/" + user
	return c.fills(c.get(at).Body, at+"/"+what, append([]string{"reason", "ticket 7"}, pairs...)...)
}

// went fails unless something was done.
func (a pageAnswer) went(t *testing.T) {
	t.Helper()
	if a.Status != http.StatusSeeOther {
		t.Errorf("answered %d %s", a.Status, a.Body)
	}
}

// refused fails unless something was refused, and says why.
func (a pageAnswer) refused(t *testing.T, status int, why string) {
	t.Helper()
	if a.Status != status || !strings.Contains(a.Body, why) {
		t.Errorf("answered %d, want %d and %q: %s", a.Status, status, why, a.Body)
	}
}

func TestConsole_users(t *testing.T) {
	t.Parallel()
	g := startConsole(t)
	root, two := g.clerk(t, "root", console.Administrator), g.clerk(t, "two", console.Operator)
	ming := g.member(t, "ming", "m1")
	openid, unionid := g.sim.OpenID("ming", appA), g.known(t, "ming", appA).Openid.UnionID
	find := func(c *clerk, pairs ...string) pageAnswer {
		form := url.Values{"word": {c.word()}}
		for i := 0; i+1 < len(pairs); i += 2 {
			form.Set(pairs[i], pairs[i+1])
		}
		return c.ask("POST", "/users/main/find", form)
	}
	t.Run("he is found by what leads to him", func(t *testing.T) {
		for _, fields := range [][]string{{"by", "openid", "appid", appA, "id", openid}, {"by", "unionid", "subject", "acme", "id", unionid}, {"by", "id", "id", "m1"}} {
			if a := find(root, fields...); a.To != "/users/main/of/m1" {
				t.Errorf("%s leads to %d %q", fields[1], a.Status, a.To)
			}
		}
		find(root, "by", "openid", "appid", appB, "id", openid).refused(t, 404, "nothing is known of this openid")
		find(root, "by", "openid", "appid", "wx00000000000000ff", "id", openid).refused(t, 404, "nothing is known of this openid")
		find(root, "by", "openid", "appid", appA, "id", "o' OR 1=1").refused(t, 400, "be an id")
		if a := g.rows(t); a["userid"] != 2 {
			t.Errorf("looking made users: %v", a)
		}
	})
	t.Run("nobody of another realm is shown or dealt with", func(t *testing.T) {
		root.get("/users/other/of/m1").refused(t, 404, "nobody has this id")
		page := root.get("/users/main/of/m1").Body
		before := g.rows(t)
		for _, what := range []string{"sign-out", "block", "erase"} {
			page := strings.ReplaceAll(page, "/users/main/", "/users/other/")
			root.fills(page, "/users/other/of/m1/"+what, "reason", "r", "typed", "m1").refused(t, 404, "nobody has this id")
		}
		g.wantRows(t, before)
	})
	t.Run("his sessions end, he is blocked and let in again, by name", func(t *testing.T) {
		g.tokenAt(t, ming, appA, "shop")
		two.does("m1", "sign-out").went(t)
		ming.toWeChat(g.at(appA, "shop", "/"))
		two.does("m1", "block").went(t)
		g.wantRefusal(t, ming.open(g.at(appA, "shop", "/")), codeBlocked)
		two.does("m1", "unblock").went(t)
		records, err := g.app.facts().Centre.Audit(t.Context(), "main", "m1", 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		var did []string
		for _, r := range records {
			if r.Actor == "staff:two" && r.Detail.Evidence == "ticket 7" && r.Detail.Via == "console" {
				did = append(did, r.Op)
			}
		}
		if !slices.Equal(did, []string{"revoke", "block", "unblock"}) {
			t.Errorf("the audit has %q", did)
		}
	})
	t.Run("of two at once the second one is told what the first has done, and does nothing", func(t *testing.T) {
		seen := root.get("/users/main/of/m1").Body
		two.does("m1", "block", "reason", "spam").went(t)
		for _, what := range []string{"sign-out", "block", "unbind", "erase"} {
			root.fills(seen, "/users/main/of/m1/"+what, "reason", "r", "typed", "m1").refused(t, 409, "staff:two · blocked · spam")
		}
		if u, err := g.app.facts().Centre.User(t.Context(), "main", "m1"); err != nil || len(u.Unions) != 1 {
			t.Errorf("he is %+v, %v", u, err)
		}
		two.does("m1", "unblock").went(t)
	})
	t.Run("of many in one moment one does it, and the others are told", func(t *testing.T) {
		page, status := root.get("/users/main/of/m1").Body, make(chan int)
		for range 4 {
			go func() { status <- root.fills(page, "/users/main/of/m1/sign-out", "reason", "r").Status }()
		}
		got := map[int]int{}
		for range 4 {
			got[<-status]++
		}
		if got[http.StatusSeeOther] != 1 || got[http.StatusConflict] != 3 {
			t.Errorf("answered %v", got)
		}
	})
	t.Run("an operator may not merge, erase or resolve, and a viewer nothing", func(t *testing.T) {
		page, before := root.get("/users/main/of/m1").Body, g.rows(t)
		viewer := g.clerk(t, "viewer", console.Viewer)
		for c, all := range map[*clerk][]string{two: {"merge", "erase"}, viewer: {"sign-out", "block", "unbind", "move", "merge", "erase"}} {
			word := c.word()
			for _, what := range all {
				c.fills(page, "/users/main/of/m1/"+what, "word", word, "reason", "r", "typed", "m1", "into", "m2", "sure", "yes").refused(t, 403, "Your role may not do this")
				if strings.Contains(c.get("/users/main/of/m1").Body, "/of/m1/"+what) {
					t.Errorf("his page offers %s", what)
				}
			}
			c.fills(strings.ReplaceAll(page, "/of/m1/block", "/conflicts/1"), "/users/main/conflicts/1", "word", word, "reason", "r").refused(t, 403, "Your role may not do this")
		}
		g.wantRows(t, before)
	})
	t.Run("a WeChat account is parted, and given to another user after a day", func(t *testing.T) {
		two.does("m1", "unbind").went(t)
		fresh := g.known(t, "ming", appA).UnionUser
		if fresh.Kind != identity.Virtual {
			t.Fatalf("it leads to %+v", fresh)
		}
		two.does(fresh.ID, "give", "to", "nobody").refused(t, 404, "nobody has this id")
		two.does(fresh.ID, "give", "to", "m1").went(t)
		if a := two.get("/users/main/of/m1"); !strings.Contains(a.Body, "A move to another WeChat account waits") {
			t.Errorf("the page says %s", a.Body)
		}
		two.does("m1", "move/cancel").went(t)
		two.does("m1", "move", "appid", appA, "openid", openid).went(t)
		g.advance(identity.RebindDelay)
		for name, c := range map[string]*clerk{"root": root, "two": two} { // whose sessions are over by then
			c.ask("POST", "/sign-in", url.Values{"name": {name}, "password": {"correct horse battery"}})
		}
		if n, err := g.app.facts().RunRebinds(t.Context(), "main"); err != nil || n != 1 {
			t.Errorf("moved %d, %v", n, err)
		}
		if now := g.known(t, "ming", appA).UnionUser; now.ID != "m1" {
			t.Errorf("it leads to %+v", now)
		}
		root.get("/users/main/of/"+fresh.ID).refused(t, 200, "<strong>"+fresh.ID+"</strong> was merged")
	})
	g.contradict(t, root)
	t.Run("who is erased is gone, and his ids are nowhere", func(t *testing.T) {
		root.does("m1", "erase", "typed", "m1").went(t)
		root.get("/users/main/of/m1").refused(t, 410, "this user was erased")
		find(root, "by", "id", "id", "m1").refused(t, 410, "this user was erased")
	})
	hides(t, root.get("/journal").Body, openid, unionid)
	for _, e := range g.logs.All() {
		for _, v := range e.ContextMap() {
			if s, ok := v.(string); ok {
				hides(t, s, openid, unionid, "ticket 7")
			}
		}
	}
}
