package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

const revocations = "/v1/revocations"

func TestAPI_revocations(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key, operators := g.apiKey(t, "main", allScopes), g.apiKey(t, identity.AllRealms, "operate")
	ming := g.member(t, "ming", "m1")
	t.Run("it says what is ended and since when, and records who did it and why", func(t *testing.T) {
		now := g.now()
		a := g.askAt(t, key, "POST", revocations, body("user", "m1", "reason", "phone was stolen")).want(t, 200)
		before, err := time.Parse(time.RFC3339Nano, a.text("before"))
		if err != nil || before.Before(now.Truncate(time.Microsecond)) || before.After(g.now()) || a.text("kind") != "user" || a.text("user") != "m1" || a.text("realm") != "main" {
			t.Errorf("it says %s", a.Body)
		}
		g.wantRefusal(t, ming.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
		audit := g.ask(t, key, "GET", "main/audit?user=m1&limit=1000", "").want(t, 200)
		if !strings.Contains(audit.Body, `"op":"revoke"`) || !strings.Contains(audit.Body, "phone was stolen") || !strings.Contains(audit.Body, `"actor":"key:`) {
			t.Errorf("of him it is recorded %s", audit.Body)
		}
		if _, now := g.tokenAt(t, ming, appA, "shop"); now.Subject != "m1" {
			t.Errorf("he comes back as %s", now.Subject)
		}
	})
	t.Run("repeating it, or an earlier moment, changes nothing and tells the one in force", func(t *testing.T) {
		for _, whose := range [][2]string{{"user", "m1"}, {"site", "game"}, {"realm", "main"}} {
			first := g.askAt(t, key, "POST", revocations, body(whose[0], whose[1], "reason", "ticket 8")).want(t, 200)
			audit := g.ask(t, key, "GET", "main/audit?limit=1000", "").want(t, 200)
			before, _ := time.Parse(time.RFC3339Nano, first.text("before"))
			for _, earlier := range []time.Duration{0, time.Hour} {
				again := g.askAt(t, key, "POST", revocations, body(whose[0], whose[1], "reason", "ticket 9", "before", before.Add(-earlier).Format(time.RFC3339Nano))).want(t, 200)
				if again.Body != first.Body {
					t.Errorf("at first it says %s, then %s", first.Body, again.Body)
				}
			}
			if now := g.ask(t, key, "GET", "main/audit?limit=1000", ""); now.Body != audit.Body {
				t.Error("what changed nothing is recorded")
			}
		}
	})
	t.Run("what began after an earlier moment goes on", func(t *testing.T) {
		li := g.phone("li")
		_, user := g.tokenAt(t, li, appA, "shop")
		hour := g.now().Add(-time.Hour).Format(time.RFC3339)
		for _, in := range []string{body("user", user.Subject, "reason", "x", "before", hour), body("site", "shop", "reason", "x", "before", hour)} {
			g.askAt(t, key, "POST", revocations, in).want(t, 200)
		}
		g.who(li.fetch("GET", g.at(appA, "shop", "/")))
	})
	t.Run("a session is ended by the token of its visitor, and by its id", func(t *testing.T) {
		for name, in := range map[string]func(id, token string) string{
			"token": func(_, token string) string { return body("token", token, "realm", "main", "reason", "x") },
			"id":    func(id, _ string) string { return body("session", id, "reason", "x") },
		} {
			p := g.crowd("chen" + name)[0]
			token, _ := g.tokenAt(t, p, appA, "shop")
			s, err := g.app.box.openSession(p.cookie(g, appA), appA)
			if err != nil {
				t.Fatal(err)
			}
			a := g.askAt(t, operators, "POST", revocations, in(s.key(), token)).want(t, 200)
			if a.text("kind") != "session" || a.text("session") != s.key() {
				t.Errorf("%s: it says %s", name, a.Body)
			}
			g.wantRefusal(t, p.fetch("GET", g.at(appA, "shop", "/")), codeLoginRequired)
		}
	})
	t.Run("what makes no sense is refused, and changes nothing", func(t *testing.T) { refusedRevocations(t, g) })
	t.Run("they are listed page by page, each realm to itself", func(t *testing.T) { listedRevocations(t, g) })
}

func refusedRevocations(t *testing.T, g *gateway) {
	key, other, operators := g.apiKey(t, "main", "operate"), g.apiKey(t, "other", "operate"), g.apiKey(t, identity.AllRealms, "operate")
	before := g.askAt(t, operators, "GET", revocations+"?limit=1000", "").want(t, 200)
	soon := g.now().Add(2 * time.Minute).Format(time.RFC3339)
	for _, tt := range []struct {
		key, in, code string
	}{
		{key, `{}`, string(apiBadBody)},
		{key, `{"reason": "x"}`, string(apiBadBody)},
		{key, `{"all": false, "reason": "x"}`, string(apiBadBody)},
		{key, body("user", "m1", "site", "shop", "reason", "x"), string(apiBadBody)},
		{operators, `{"all": true, "realm": "main", "reason": "x"}`, string(apiBadBody)},
		{operators, `{"all": true, "user": "m1", "reason": "x"}`, string(apiBadBody)},
		{key, body("user", "m1", "reason", "x", "before", "yesterday"), string(apiBadBody)},
		{key, body("user", "m1", "reason", "x", "before", soon), string(apiBadBody)},
		{key, body("realm", "main", "reason", "x", "before", soon), string(apiBadBody)},
		{key, body("user", "m1", "reason", strings.Repeat("x", maxReason+1)), string(apiBadBody)},
		{key, body("user", "m1", "reason", "x", "why", "y"), string(apiBadBody)},
		{key, body("user", "m1"), string(apiNoReason)},
		{key, body("user", "m1", "reason", " \n"), string(apiNoReason)},
		{key, body("user", "nobody", "reason", "x"), identity.CodeUserUnknown},
		{key, body("user", "a b", "reason", "x"), string(apiBadID)},
		{key, body("site", "nosuch", "reason", "x"), string(apiNoSite)},
		{key, body("site", "club", "reason", "x"), string(apiNoSite)},
		{other, body("site", "shop", "reason", "x"), string(apiNoSite)},
		{operators, body("site", "club", "realm", "main", "reason", "x"), string(apiNoSite)},
		{other, body("realm", "main", "reason", "x"), string(apiNoRealm)},
		{other, body("user", "m1", "realm", "main", "reason", "x"), string(apiNoRealm)},
		{other, body("user", "m1", "reason", "x"), identity.CodeUserUnknown},
		{operators, body("user", "m1", "reason", "x"), string(apiNoRealm)},
		{key, `{"all": true, "reason": "x"}`, string(apiTooWide)},
		{key, body("session", strings.Repeat("0", 32), "reason", "x"), string(apiTooWide)},
		{operators, body("session", "0", "reason", "x"), string(apiBadBody)},
		{operators, body("session", strings.Repeat("A", 32), "reason", "x"), string(apiBadBody)},
		{operators, body("session", strings.Repeat("0", 32), "before", "2026-01-01T00:00:00Z", "reason", "x"), string(apiBadBody)},
		{key, body("token", "x.y.z", "reason", "x"), string(apiBadToken)},
		{g.apiKey(t, "main", "bind read feed"), body("user", "m1", "reason", "x"), string(apiScopeNeeded)},
	} {
		if a := g.askAt(t, tt.key, "POST", revocations, tt.in); a.text("code") != tt.code {
			t.Errorf("%s is answered with %d %s, want %s", tt.in, a.Status, a.Body, tt.code)
		} else {
			a.wantCode(t, tt.code)
		}
	}
	ming := g.phone("ming")
	token, _ := g.tokenAt(t, ming, appA, "club")
	g.askAt(t, key, "POST", revocations, body("token", token, "reason", "x")).wantCode(t, string(apiNotYourSite))
	if after := g.askAt(t, operators, "GET", revocations+"?limit=1000", ""); after.Body != before.Body {
		t.Errorf("something was ended: %s", after.Body)
	}
	if page := ming.fetch("GET", g.at(appA, "club", "/")); page.Status != http.StatusOK {
		t.Errorf("somebody is signed out: %d", page.Status)
	}
}

func listedRevocations(t *testing.T, g *gateway) {
	key, other, operators := g.apiKey(t, "main", "operate"), g.apiKey(t, "other", "operate"), g.apiKey(t, identity.AllRealms, "operate")
	g.askAt(t, other, "POST", revocations, body("site", "club", "reason", "ticket 11")).want(t, 200)
	g.askAt(t, operators, "POST", revocations, `{"all": true, "reason": "ticket 12"}`).want(t, 200)
	list := func(key, query string) (page revocationsOut) {
		t.Helper()
		a := g.askAt(t, key, "GET", revocations+query, "").want(t, 200)
		if err := json.Unmarshal([]byte(a.Body), &page); err != nil {
			t.Fatal(err)
		}
		return page
	}
	all, mine, theirs := list(operators, "?limit=1000"), list(key, ""), list(other, "")
	if len(theirs.Revocations) != 1 || theirs.Revocations[0].Site != "club" || theirs.Revocations[0].Reason != "ticket 11" {
		t.Errorf("the other realm sees %+v", theirs)
	}
	last := all.Revocations[len(all.Revocations)-1]
	if last.Kind != identity.CutoffAll || last.Reason != "ticket 12" || !strings.HasPrefix(last.Actor, "key:") || !last.Until.After(last.At) {
		t.Errorf("the last is %+v", last)
	}
	for _, r := range mine.Revocations {
		if r.Realm != "main" {
			t.Errorf("it sees %+v", r)
		}
	}
	if one := list(operators, "?realm=main"); fmt.Sprint(one) != fmt.Sprint(mine) {
		t.Errorf("operators see of the realm %+v, its own key %+v", one, mine)
	}
	after, seen := "", []revocationOut{}
	for range all.Revocations {
		page := list(operators, "?limit=1&after="+after)
		seen, after = append(seen, page.Revocations...), page.Next
	}
	if fmt.Sprint(seen) != fmt.Sprint(all.Revocations) || after != all.Next {
		t.Errorf("page by page they are %+v, at once %+v", seen, all)
	}
	g.askAt(t, key, "GET", revocations+"?after="+after, "").wantCode(t, string(apiBadCursor))
	g.askAt(t, other, "GET", revocations+"?realm=main", "").wantCode(t, string(apiNoRealm))
	g.askAt(t, operators, "GET", revocations+"?limit=0x", "").wantCode(t, string(apiBadQuery))
}
