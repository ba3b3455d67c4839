package caddymodule

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

const because = `{"evidence": "ticket 7"}`

// member signs a person in and makes him a user.
func (g *gateway) member(t testing.TB, person, user string) *phone {
	t.Helper()
	p := g.phone(person)
	g.consents(t, p, appA)
	token, _ := g.tokenAt(t, p, appA, "shop")
	g.ask(t, g.apiKey(t, "main", "bind"), "POST", "main/bind", body("token", token, "user", user)).want(t, 200)
	return p
}

func TestAPI_operate(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", allScopes)
	ming := g.member(t, "ming", "m1")
	t.Run("a blocked user is turned away at once, and let in again", func(t *testing.T) {
		g.tokenAt(t, ming, appA, "shop")
		g.ask(t, key, "POST", "main/users/m1/block", because).want(t, 204)
		g.wantRefusal(t, ming.open(g.at(appA, "shop", "/")), codeBlocked)
		if a := g.ask(t, key, "GET", "main/users/m1", "").want(t, 200); a.text("blocked_at") == "" {
			t.Errorf("it says %s", a.Body)
		}
		g.ask(t, key, "POST", "main/users/m1/block", because).want(t, 204)
		g.ask(t, key, "POST", "main/users/m1/unblock", because).want(t, 204)
		if _, now := g.tokenAt(t, ming, appA, "shop"); now.Subject != "m1" {
			t.Errorf("he is %s", now.Subject)
		}
	})
	t.Run("without evidence nothing is done", func(t *testing.T) {
		before := g.rows(t)
		for _, call := range [][2]string{
			{"POST", "users/m1/block"}, {"POST", "users/m1/unblock"}, {"DELETE", "users/m1"}, {"POST", "merge"}, {"POST", "rebinds"}, {"DELETE", "rebinds/m1"}, {"POST", "migrate_openid"},
		} {
			for _, in := range []string{`{}`, `{"evidence": " \n"}`} {
				g.ask(t, key, call[0], "main/"+call[1], in).wantCode(t, string(apiNoEvidence))
			}
		}
		g.ask(t, key, "POST", "main/unbind", body("user", "m1")).wantCode(t, string(apiNoEvidence))
		g.wantRows(t, before)
	})
	t.Run("a move to another WeChat account waits, is listed, and can be called off", func(t *testing.T) {
		li := g.phone("li")
		g.consents(t, li, appA)
		token, _ := g.tokenAt(t, li, appA, "shop")
		a := g.ask(t, key, "POST", "main/rebinds", body("user", "m1", "token", token, "evidence", "passport")).want(t, 202)
		due, err := time.Parse(time.RFC3339Nano, a.text("due"))
		if err != nil || due.Before(g.now().Add(identity.RebindDelay-time.Minute)) || a.text("state") != "waiting" || a.text("id") == "" {
			t.Errorf("it says %s", a.Body)
		}
		list := g.ask(t, key, "GET", "main/rebinds", "").want(t, 200)
		if !strings.Contains(list.Body, a.text("id")) {
			t.Errorf("listed are %s", list.Body)
		}
		g.ask(t, key, "POST", "main/rebinds", body("user", "m1", "appid", appA, "openid", g.sim.OpenID("li", appA), "evidence", "e")).wantCode(t, identity.CodeRebindWaiting)
		g.ask(t, key, "DELETE", "main/rebinds/m1", because).want(t, 204)
		g.ask(t, key, "DELETE", "main/rebinds/m1", because).wantCode(t, identity.CodeRebindUnknown)
		if gone := g.ask(t, key, "GET", "main/rebinds?state=cancelled&limit=5", "").want(t, 200); !strings.Contains(gone.Body, a.text("id")) {
			t.Errorf("called off are %s", gone.Body)
		}
	})
	t.Run("an openid that WeChat moved takes along who it was", func(t *testing.T) {
		in := fmt.Sprintf(`{"from": {"appid": %q, "openid": %q}, "to": {"appid": %q, "openid": "oMovedHere1234567890123456"}, "evidence": "e"}`, appA, g.sim.OpenID("ming", appA), appB)
		g.ask(t, key, "POST", "main/migrate_openid", in).want(t, 204)
		if a := g.ask(t, key, "POST", "main/users/find", body("appid", appB, "openid", "oMovedHere1234567890123456")).want(t, 200); a.text("user") != "m1" {
			t.Errorf("it says %s", a.Body)
		}
		g.ask(t, key, "POST", "main/migrate_openid", strings.Replace(in, appB, "wx00000000000000ff", 1)).wantCode(t, string(apiNoAccount))
		g.ask(t, key, "POST", "main/migrate_openid", strings.Replace(in, g.sim.OpenID("ming", appA), "oNobody", 1)).wantCode(t, identity.CodeOpenidUnknown)
	})
	t.Run("two users become one, and the old id forwards", func(t *testing.T) {
		g.ask(t, key, "POST", "main/unbind", body("user", "m1", "evidence", "e")).want(t, 204)
		wang := g.member(t, "wang", "m2")
		g.ask(t, key, "POST", "main/merge", body("from", "m2", "into", "m1", "evidence", "e")).want(t, 204)
		if _, now := g.tokenAt(t, wang, appA, "shop"); now.Subject != "m1" {
			t.Errorf("he is %s", now.Subject)
		}
		if a := g.ask(t, key, "GET", "main/users/m2", "").want(t, 200); a.text("user") != "m1" || a.text("retired_into") != "m1" {
			t.Errorf("it says %s", a.Body)
		}
		g.ask(t, key, "POST", "main/merge", body("from", "m1", "into", "m1", "evidence", "e")).wantCode(t, identity.CodeSameUser)
		g.ask(t, key, "POST", "main/merge", body("from", "m2", "into", "m1", "evidence", "e")).wantCode(t, identity.CodeUserRetired)
	})
	t.Run("the audit names the key, the evidence and the request", func(t *testing.T) {
		a := g.ask(t, key, "GET", "main/audit?limit=1000", "").want(t, 200)
		id, _, _ := identity.ParseAPIKey(key)
		for _, want := range []string{`"actor":"key:` + id + `"`, `"op":"block"`, `"evidence":"passport"`, `"trace":"`} {
			if !strings.Contains(a.Body, want) {
				t.Errorf("the audit holds no %s", want)
			}
		}
	})
	t.Run("an erased user is gone, and nobody takes his id", func(t *testing.T) {
		g.ask(t, key, "DELETE", "main/users/m1", because).want(t, 204)
		g.ask(t, key, "GET", "main/users/m1", "").wantCode(t, identity.CodeUserErased)
		g.ask(t, key, "DELETE", "main/users/m1", because).wantCode(t, identity.CodeUserErased)
		p := g.phone("chen")
		g.consents(t, p, appA)
		token, _ := g.tokenAt(t, p, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", "m1")).wantCode(t, identity.CodeUserErased)
	})
}

func TestAPI_feeds(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", allScopes)
	ming := g.member(t, "ming", "m1")
	for range 3 {
		g.ask(t, key, "POST", "main/users/m1/block", because).want(t, 204)
		g.ask(t, key, "POST", "main/users/m1/unblock", because).want(t, 204)
	}
	for _, other := range []string{"m2", "m3"} {
		token, _ := g.tokenAt(t, ming, appA, "shop")
		g.ask(t, key, "POST", "main/bind", body("token", token, "user", other)).wantCode(t, identity.CodeUnionIDTaken)
	}
	for list, rows := range map[string]string{"events": "events", "conflicts": "conflicts", "audit": "records"} {
		t.Run(list+" come page by page, without a gap, and go on", func(t *testing.T) {
			whole := g.ask(t, key, "GET", "main/"+list+"?limit=1000", "").want(t, 200)
			all, _ := whole.JSON[rows].([]any)
			if len(all) < 2 {
				t.Fatalf("there are only %s", whole.Body)
			}
			after, seen := "", []any{}
			for range len(all) {
				page := g.ask(t, key, "GET", "main/"+list+"?limit=1&after="+after, "").want(t, 200)
				some, _ := page.JSON[rows].([]any)
				seen = append(seen, some...)
				after = page.text("next")
			}
			if a, b := fmt.Sprint(seen), fmt.Sprint(all); a != b {
				t.Errorf("page by page they are\n%s\nat once\n%s", a, b)
			}
			for i, row := range seen {
				if seq := row.(map[string]any)["seq"]; seq != float64(i+1) {
					t.Errorf("row %d has the number %v", i+1, seq)
				}
			}
			if after != whole.text("next") {
				t.Error("the same place has two cursors")
			}
			end := g.ask(t, key, "GET", "main/"+list+"?after="+after, "").want(t, 200)
			if some, ok := end.JSON[rows].([]any); !ok || len(some) != 0 || end.text("next") != after {
				t.Errorf("at the end it says %s", end.Body)
			}
			for _, elsewhere := range []string{"events", "conflicts", "audit"} {
				if elsewhere != list {
					g.ask(t, key, "GET", "main/"+elsewhere+"?after="+after, "").wantCode(t, string(apiBadCursor))
				}
			}
			operators := g.apiKey(t, identity.AllRealms, allScopes)
			g.ask(t, operators, "GET", "other/"+list+"?after="+after, "").wantCode(t, string(apiBadCursor))
			for _, nonsense := range []string{"x", "-1", "+1", "%2B1", "01", "1.0", "1e1", "9223372036854775808", after + "A", after[1:], strings.Repeat("A", 20), after + "%0A", "%20" + after} {
				g.ask(t, key, "GET", "main/"+list+"?after="+nonsense, "").wantCode(t, string(apiBadCursor))
			}
		})
	}
	t.Run("events go on behind a seq, and nothing else does", func(t *testing.T) {
		var all, rest eventsOut
		for at, out := range map[string]*eventsOut{"0": &all, "1": &rest} {
			if err := json.Unmarshal([]byte(g.ask(t, key, "GET", "main/events?after="+at, "").want(t, 200).Body), out); err != nil {
				t.Fatal(err)
			}
		}
		if len(rest.Events) == 0 || !slices.Equal(rest.Events, all.Events[1:]) || rest.Next != all.Next || all.Events[0].Seq != 1 {
			t.Errorf("behind 1 come %+v, of %+v", rest, all)
		}
		for _, other := range []string{"conflicts", "audit"} {
			g.ask(t, key, "GET", "main/"+other+"?after=1", "").wantCode(t, string(apiBadCursor))
		}
	})
	t.Run("an event says who stands for the old id, and a conflict masks both sides", func(t *testing.T) {
		var page eventsOut
		if err := json.Unmarshal([]byte(g.ask(t, key, "GET", "main/events", "").Body), &page); err != nil || page.Events[0].Type != identity.EventReplaced || page.Events[0].New != "m1" {
			t.Errorf("the first event is %+v, %v", page.Events[0], err)
		}
		a := g.ask(t, key, "GET", "main/conflicts", "").want(t, 200)
		if strings.Contains(a.Body, g.sim.UnionID("ming", appA)) || strings.Contains(a.Body, `"m1"`) || !strings.Contains(a.Body, `"user":"m2"`) || !strings.Contains(a.Body, g.sim.OpenID("ming", appA)) {
			t.Errorf("conflicts are %s", a.Body)
		}
		game := g.apiKey(t, "other", "feed")
		if a := g.ask(t, game, "GET", "other/conflicts", "").want(t, 200); !strings.Contains(a.Body, `"conflicts":[]`) {
			t.Errorf("another realm sees %s", a.Body)
		}
	})
	t.Run("the audit can be asked about one user", func(t *testing.T) {
		a := g.ask(t, key, "GET", "main/audit?user=m1&limit=1000", "").want(t, 200)
		if !strings.Contains(a.Body, `"op":"block"`) {
			t.Errorf("of him it says %s", a.Body)
		}
		if a := g.ask(t, key, "GET", "main/audit?user=m9", "").want(t, 200); !strings.Contains(a.Body, `"records":[]`) {
			t.Errorf("of nobody it says %s", a.Body)
		}
	})
}

// TestAPI_conflicts holds what is listed to what the key may know.
func TestAPI_conflicts(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	all := g.apiKey(t, "main", "bind feed")
	ming := g.member(t, "ming", "member-0001")
	g.consents(t, ming, appB)
	for _, appID := range []string{appA, appB} {
		token, _ := g.tokenAt(t, ming, appID, "shop")
		g.ask(t, all, "POST", "main/bind", body("token", token, "user", "member-of-"+appID)).wantCode(t, identity.CodeUnionIDTaken)
	}
	row := func(appID, user string, told bool) conflictOut {
		r := conflictOut{Code: identity.CodeUnionIDTaken, User: user, Have: identity.Mask("member-0001"), Got: identity.Mask("member-of-" + appID)}
		if told {
			r.AppID, r.OpenID = appID, g.sim.OpenID("ming", appID)
		}
		return r
	}
	for sentence, c := range map[string]struct {
		key  string
		want []conflictOut
	}{
		"a key of the realm is told who was named, and where": {all, []conflictOut{row(appA, "member-of-"+appA, true), row(appB, "member-of-"+appB, true)}},
		"a key for a site hears of its accounts only, and of nobody whole": {
			g.apiKey(t, "main", "feed", "game"), []conflictOut{row(appA, identity.Mask("member-of-"+appA), true), row(appB, identity.Mask("member-of-"+appB), false)},
		},
	} {
		t.Run(sentence, func(t *testing.T) {
			a := g.ask(t, c.key, "GET", "main/conflicts", "").want(t, 200)
			var page conflictsOut
			if err := json.Unmarshal([]byte(a.Body), &page); err != nil {
				t.Fatal(err)
			}
			var got []conflictOut
			for _, r := range page.Conflicts {
				got = append(got, conflictOut{Code: r.Code, User: r.User, AppID: r.AppID, OpenID: r.OpenID, Have: r.Have, Got: r.Got})
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("listed are %+v, want %+v", got, c.want)
			}
		})
	}
}

func TestAPI_outage(t *testing.T) {
	t.Parallel()
	g := startAPI(t)
	key := g.apiKey(t, "main", allScopes)
	g.loseFacts(t)
	for _, e := range endpoints {
		a := g.askAt(t, key, e.method, exampleOf(e, "main"), "{}").wantCode(t, string(codeFactsDown))
		if a.Header.Get("Retry-After") == "" || strings.Contains(a.Body, "store") {
			t.Errorf("%s says %s, %v", e.id, a.Body, a.Header)
		}
	}
	if a := g.askAt(t, "", "GET", "/openapi.json", ""); a.Status != http.StatusOK {
		t.Errorf("the document answers %d", a.Status)
	}
}

// exampleOf is the path of an endpoint, with ids filled in.
func exampleOf(e *endpoint, realm string) string {
	return strings.NewReplacer("{realm}", realm, "{appid}", appA, "{id}", "m1", "{user}", "m1", "{batch}", "b1", "{template}", "t1", "{code}", "k1", "{notice}", "n1").Replace(e.pattern())
}
