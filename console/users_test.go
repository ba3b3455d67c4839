package console_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// hides fails if a text holds one of these.
func hides(t *testing.T, text string, secrets ...string) {
	t.Helper()
	for _, s := range secrets {
		if strings.Contains(text, s) {
			t.Errorf("%q is in %s", s, text)
		}
	}
}

// form is what a page has in the hidden fields of the form that is sent to a path.
func form(t *testing.T, page, action string) []string {
	t.Helper()
	_, rest, ok := strings.Cut(page, `action="`+action+`"`)
	if !ok {
		t.Fatalf("there is no form for %s in %s", action, page)
	}
	rest, _, _ = strings.Cut(rest, "</form>")
	var pairs []string
	for _, m := range regexp.MustCompile(`type="hidden" name="([a-z_]+)" value="([^"]*)"`).FindAllStringSubmatch(rest, -1) {
		pairs = append(pairs, m[1], m[2])
	}
	return pairs
}

func TestUsers_find(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.met()
	b := k.staff(t, "viewer", console.Viewer)
	for name, fields := range map[string][]string{
		"id": {"by", "id", "id", " m1 "}, "old id": {"by", "id", "id", "vfirst"},
		"openid": {"by", "openid", "appid", "wx01", "id", mingOpenid}, "unionid": {"by", "unionid", "subject", "acme", "id", mingUnionid},
	} {
		t.Run("a user is found by his "+name+", which reaches no address but an id", func(t *testing.T) {
			want := "/users/main/of/m1"
			if name == "old id" {
				want = "/users/main/of/vfirst"
			}
			if a := b.post("/users/main/find", fields...); a.status != http.StatusSeeOther || a.header.Get("Location") != want {
				t.Errorf("answered %d %q", a.status, a.header.Get("Location"))
			}
		})
	}
	t.Run("nobody is said in a sentence, and what was typed goes nowhere", func(t *testing.T) {
		for typed, fields := range map[string][]string{
			"oNobodysOpenid": {"by", "openid", "appid", "wx01"}, "oNobodysUnionid": {"by", "unionid", "subject", "acme"}, "oInTheWrongField": {"by", "id"},
			"' OR 1=1 --": {"by", "openid", "appid", "wx01"}, "<b>": {"by", "unionid"}, strings.Repeat("x", 65): {"by", "id"},
		} {
			a := b.post("/users/main/find", append(fields, "id", typed)...)
			if a.status != http.StatusNotFound && a.status != http.StatusBadRequest || !strings.Contains(a.body, `role="alert"`) || a.header.Get("Location") != "" {
				t.Errorf("%s is answered %d %s", typed, a.status, a.body)
			}
			hides(t, a.body, typed)
		}
	})
	t.Run("the journal says that somebody was looked for, and not whom", func(t *testing.T) {
		a := k.staff(t, "root", console.Administrator).get("/journal")
		if !strings.Contains(a.body, "looked for a user") {
			t.Errorf("the journal is %s", a.body)
		}
		hides(t, a.body, mingOpenid, mingUnionid, "oNobodys", "oInTheWrongField", "/users/")
	})
}

func TestUsers_page(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.met()
	b := k.staff(t, "viewer", console.Viewer)
	t.Run("it says who he is, draws what was merged into him, and shows no id of WeChat whole", func(t *testing.T) {
		a := b.get("/users/main/of/m1")
		for _, want := range []string{
			`role="img"`, `<title id="picture-title">`, `<desc id="picture-desc">`, "merged into vsecond", "vfirst", console.Masked(mingOpenid), console.Masked(mingUnionid),
			"follows", "&lt;b&gt;Tea&lt;/b&gt;",
		} {
			if !strings.Contains(a.body, want) {
				t.Errorf("the page has no %s: %s", want, a.body)
			}
		}
		hides(t, a.body, mingOpenid, mingUnionid, "<b>", "style=", "<form method=\"post\" action=\"/users", "told")
		a = k.staff(t, "operator", console.Operator).get("/users/main/of/m1")
		if !strings.Contains(a.body, "told "+console.Masked(mingOpenid)+" &lt;script&gt;") {
			t.Errorf("the history is %s", a.body)
		}
		hides(t, a.body, mingOpenid, mingUnionid, "<script>", "style=")
	})
	t.Run("an old id leads to who stands for it, and says so", func(t *testing.T) {
		a := b.get("/users/main/of/vfirst")
		if a.status != http.StatusOK || !strings.Contains(a.body, "<strong>vfirst</strong> was merged") || !strings.Contains(a.body, "<h1>m1") {
			t.Errorf("answered %d %s", a.status, a.body)
		}
	})
	t.Run("who isn't there, or is in another realm, isn't shown", func(t *testing.T) {
		for _, path := range []string{"/users/main/of/nobody", "/users/nowhere/of/m1", "/users/nowhere", "/users/nowhere/conflicts"} {
			if a := b.get(path); a.status != http.StatusNotFound {
				t.Errorf("%s answers %d", path, a.status)
			}
		}
	})
	t.Run("of many ids and links it says how many more there are", func(t *testing.T) {
		u := k.users.all["m1"]
		for n := range 10 {
			u.Retired = append(u.Retired, identity.User{ID: fmt.Sprintf("v%d", n), Kind: identity.Virtual, Born: u.Root.Born, Parent: "m1", RetiredAt: u.Root.Born})
		}
		for n := range 50 {
			u.Openids = append(u.Openids, identity.OpenidRow{Openid: identity.Openid{AppID: "wx01", OpenID: fmt.Sprintf("oMany%023d", n)}, Unionid: u.Unions[0].Unionid})
		}
		k.users.all["many"] = u
		u.Root.ID = "many"
		k.users.all["many"] = u
		a := b.get("/users/main/of/many")
		if !strings.Contains(a.body, "and 4 more, as listed") || !strings.Contains(a.body, "and 39 more, as listed") || strings.Count(a.body, "<circle class=\"leaf\"") != 12 || len(a.body) > 100<<10 {
			t.Errorf("the page of %d bytes is %s", len(a.body), a.body)
		}
	})
}

func TestUsers_deeds(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.met()
	b := k.staff(t, "root", console.Administrator)
	deed := func(id, path string, pairs ...string) answer {
		at := "/users/main/of/" + id + path
		return b.post(at, append(form(t, b.get("/users/main/of/"+id).body, at), append([]string{"reason", "ticket 7"}, pairs...)...)...)
	}
	for _, c := range []struct{ id, path, did string }{
		{"m1", "/sign-out", "sign out m1"},
		{"m1", "/block", "block m1"},
		{"m1", "/unbind", "unbind m1 from " + mingUnionid},
		{"m1", "/move", "move m1 to " + liOpenid},
		{"vli", "/give", "move m1 to " + liOpenid},
		{"m1", "/erase", "erase m1"},
	} {
		t.Run(c.path+" is done once a reason is given, in the name of who did it", func(t *testing.T) {
			also := []string{"appid", "wx01", "openid", liOpenid, "to", "m1", "typed", c.id}
			for _, none := range []string{"", " \t", strings.Repeat("字", 501)} {
				if a := deed(c.id, c.path, append(also, "reason", none)...); a.status != http.StatusBadRequest || !strings.Contains(a.body, "Say why") {
					t.Errorf("without a reason it answers %d", a.status)
				}
			}
			before := len(k.users.done())
			if a := deed(c.id, c.path, append(also, "reason", "ticket <7>")...); a.status != http.StatusSeeOther {
				t.Errorf("answered %d %s", a.status, a.body)
			}
			if did := k.users.done(); !slices.Equal(did[before:], []string{c.did + " by staff:root via console: ticket <7>"}) {
				t.Errorf("it did %q", did[before:])
			}
		})
	}
	t.Run("nobody is erased by another id than the one that is typed", func(t *testing.T) {
		before := len(k.users.done())
		if a := deed("m1", "/erase", "typed", "m2"); a.status != http.StatusBadRequest || len(k.users.done()) != before {
			t.Errorf("answered %d", a.status)
		}
	})
	t.Run("who hasn't seen what another has done is told of it, and does nothing", func(t *testing.T) {
		fields := form(t, b.get("/users/main/of/m1").body, "/users/main/of/m1/block")
		u := k.users.all["m1"]
		u.Root.Version, u.Root.BlockedAt = 2, time.Now()
		k.users.all["m1"] = u
		k.users.records = append(k.users.records, identity.AuditRecord{At: k.now().Add(time.Second), Actor: "staff:two", Op: "block", Detail: &identity.AuditDetail{Evidence: "spam <i>"}})
		before := len(k.users.done())
		a := b.post("/users/main/of/m1/block", append(fields, "reason", "ticket 7")...)
		if a.status != http.StatusConflict || !strings.Contains(a.body, "staff:two · blocked · spam &lt;i&gt;") || len(k.users.done()) != before {
			t.Errorf("answered %d %s", a.status, a.body)
		}
		if a := deed("m1", "/unblock"); a.status != http.StatusSeeOther || k.users.done()[before] != "unblock m1 by staff:root via console: ticket 7" {
			t.Errorf("having seen it, answered %d %s", a.status, a.body)
		}
	})
	t.Run("what the rules refuse is said in words, in both languages", func(t *testing.T) {
		defer func() { k.users.refuses, b.header = nil, http.Header{"Accept-Language": {"en"}} }()
		for _, lang := range []string{"zh", "en"} {
			b.header = http.Header{"Accept-Language": {lang}}
			for _, code := range identity.ConflictCodes() {
				k.users.refuses = &identity.Conflict{Code: code, User: "m1", Holder: mingUnionid}
				a := deed("m1", "/sign-out")
				if a.status < 400 || !strings.Contains(a.body, `role="alert"`) || strings.Contains(a.body, "<p>"+code) {
					t.Errorf("%s in %s is answered %d %s", code, lang, a.status, a.body)
				}
				hides(t, a.body, mingUnionid)
			}
		}
	})
	t.Run("a forged word does nothing", func(t *testing.T) {
		before := len(k.users.done())
		for _, path := range []string{"sign-out", "block", "unblock", "unbind", "move", "give", "move/cancel", "merge", "erase"} {
			for _, word := range []string{"", strings.Repeat("0", 64)} {
				if a := b.postWith(word, "/users/main/of/m1/"+path, "reason", "r", "seen", console.StateOf(k.users.all["m1"].UserFacts), "typed", "m1"); a.status != http.StatusForbidden {
					t.Errorf("%s answers %d", path, a.status)
				}
			}
		}
		if len(k.users.done()) != before {
			t.Errorf("it did %q", k.users.done())
		}
	})
}

func TestUsers_merge(t *testing.T) {
	t.Parallel()
	k := start(t)
	k.met()
	u := k.users.all["vli"]
	u.Root.ID, u.Root.Kind = "m2", identity.Real
	k.users.all["m2"] = u
	b := k.staff(t, "root", console.Administrator)
	fields := form(t, b.get("/users/main/of/m2").body, "/users/main/of/m2/merge")
	page := b.post("/users/main/of/m2/merge", append(fields, "into", "m1", "reason", `"><script>`)...)
	if page.status != http.StatusOK || !strings.Contains(page.body, "Stays: m1") || !strings.Contains(page.body, "Goes: m2") || len(k.users.done()) != 0 {
		t.Fatalf("the first step answers %d %s, did %q", page.status, page.body, k.users.done())
	}
	hides(t, page.body, liOpenid, mingOpenid, `"><script>`)
	sure := form(t, page.body, "/users/main/of/m2/merge")
	for i := range sure {
		sure[i] = strings.NewReplacer("&#34;", `"`, "&gt;", ">", "&lt;", "<").Replace(sure[i])
	}
	one := k.users.all["m1"]
	one.Root.Version++
	k.users.all["m1"] = one
	if a := b.post("/users/main/of/m2/merge", sure...); a.status != http.StatusConflict || len(k.users.done()) != 0 {
		t.Errorf("after the other one has changed it answers %d, did %q", a.status, k.users.done())
	}
	one.Root.Version--
	k.users.all["m1"] = one
	if a := b.post("/users/main/of/m2/merge", sure...); a.status != http.StatusSeeOther || !slices.Equal(k.users.done(), []string{`merge m2 into m1 by staff:root via console: "><script>`}) {
		t.Errorf("answered %d %s, did %q", a.status, a.body, k.users.done())
	}
	for _, into := range []string{"m2", "vfirst", "nobody", "", mingOpenid} {
		if a := b.post("/users/main/of/m2/merge", append(fields, "into", into, "reason", "r")...); a.status < 400 || !strings.Contains(a.body, `role="alert"`) {
			t.Errorf("into %q it answers %d", into, a.status)
		}
	}
}
