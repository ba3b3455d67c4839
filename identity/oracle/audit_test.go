package oracle

import (
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// lives gives somebody a life, and returns all his ids, such as can be found in a dump.
func lives(t *testing.T, w *world, suffix, user string) []string {
	t.Helper()
	names := []string{"openid-a-" + suffix, "openid-b-" + suffix, "unionid-" + suffix, "unionid-t-" + suffix, user}
	at := func(app, o, subject, n, brings string) string {
		t.Helper()
		c := identity.Claim{Realm: w.realm, Openid: openid{AppID: app, OpenID: o}, Unionid: unionid{Subject: subject, UnionID: n}, Via: "audit", Session: "s-" + suffix}
		if brings != "" {
			c.User, c.UserKind, c.Bind = brings, identity.Real, true
		}
		w.now = w.now.Add(time.Minute)
		a, err := w.centre.Resolve(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		return a.User.ID
	}
	names = append(names, at("wx1", names[0], "S", "", ""))
	names = append(names, at("wx2", names[1], "S", names[2], ""))
	at("wx1", names[0], "S", names[2], "")
	at("wx1", names[0], "S", names[2], user)
	at("wx3", "openid-c-"+suffix, "T", "", "")
	at("wx3", "openid-c-"+suffix, "T", "", user) // in a session only
	at("wx3", "openid-c-"+suffix, "T", names[3], "")
	return append(names, "openid-c-"+suffix)
}

// TestEraseLeavesNoName: after an erasure nothing in the database names the person,
// but what the lines of business have been told of his ids.
func TestEraseLeavesNoName(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		s := open(t, place)
		w := newWorld("shop", s, identity.Policies{})
		names := lives(t, w, "mine", "user-mine")
		others := lives(t, w, "other", "user-other")
		try := func(o openid, n unionid, user string) {
			w.now = w.now.Add(time.Minute)
			c := identity.Claim{Realm: "shop", Openid: o, Unionid: n, User: user, UserKind: identity.Real, Bind: true, Via: "audit"}
			_, err := w.centre.Resolve(t.Context(), c)
			if conflict := (*identity.Conflict)(nil); err != nil && !errors.As(err, &conflict) {
				t.Fatal(err)
			}
		}
		// Others meet him in every way that is written down.
		try(openid{AppID: "wx1", OpenID: "openid-a-other"}, unionid{Subject: "S", UnionID: "unionid-other"}, "user-mine")
		try(openid{AppID: "wx1", OpenID: "openid-a-mine"}, unionid{Subject: "S", UnionID: "unionid-mine"}, "user-other")
		try(openid{AppID: "wx1", OpenID: "openid-z-other"}, unionid{Subject: "S", UnionID: "unionid-mine"}, "user-other")
		try(openid{AppID: "wx1", OpenID: "openid-a-other"}, unionid{Subject: "S", UnionID: "unionid-mine"}, "user-third")
		_, err := w.centre.Import(t.Context(), identity.Import{Realm: "shop", Openid: openid{AppID: "wx1", OpenID: "openid-y-other"}, Unionid: unionid{Subject: "S"}, User: "user-mine"})
		if err != nil {
			t.Fatal(err)
		}
		try(openid{AppID: "wx2", OpenID: "openid-x-other"}, unionid{Subject: "S", UnionID: "unionid-x"}, "")
		if _, err := w.centre.Rebind(t.Context(), "shop", "user-mine", openid{AppID: "wx2", OpenID: "openid-x-other"}, by); err != nil {
			t.Fatal(err)
		}
		if err := w.centre.Erase(t.Context(), "shop", "user-mine", by); err != nil {
			t.Fatal(err)
		}
		if err := s.Sweep(t.Context(), time.Now().Add(2*time.Hour)); err != nil {
			t.Fatal(err)
		}
		wantNoName(t, dump(t, place), names)
		if !strings.Contains(dump(t, place)["openid_key"], others[0]) {
			t.Error("another person is gone too")
		}
		if _, _, err := identity.VerifyAudit(t.Context(), s, "shop", func(int64) {}); err != nil {
			t.Error(err)
		}
		records, err := w.centre.Audit(t.Context(), "shop", "", 0, 1000)
		if err != nil {
			t.Fatal(err)
		}
		text, err := json.Marshal(records)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			if strings.Contains(string(text), name) {
				t.Errorf("the audit names %s", name)
			}
		}
		if !strings.Contains(string(text), "user-other") {
			t.Error("the audit has forgotten others")
		}
	})
}

// wantNoName looks for names in what lies in a database.
func wantNoName(t *testing.T, tables map[string]string, names []string) {
	t.Helper()
	allowed := regexp.MustCompile(`\b(id|old_id|new_id)=\S*`)
	for table, text := range tables {
		if table == "event" {
			text = allowed.ReplaceAllString(text, "")
		}
		for _, name := range names {
			if i := strings.Index(text, name); i >= 0 {
				t.Errorf("table %s names %s: …%s…", table, name, text[max(0, i-200):min(len(text), i+100)])
			}
		}
	}
}

// TestAuditIsSealed: nothing that happened to a record goes unseen.
func TestAuditIsSealed(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, fresh func(t testing.TB) string) {
		place := fresh(t)
		s := open(t, place)
		w := newWorld("shop", s, identity.Policies{})
		lives(t, w, "mine", "user-mine")
		count, head, err := identity.VerifyAudit(t.Context(), s, "shop", func(int64) {})
		if err != nil || count < 5 {
			t.Fatal(count, err)
		}
		db := raw(t, place)
		if _, err := db.Exec("CREATE TABLE kept AS SELECT * FROM audit"); err != nil {
			t.Fatal(err)
		}
		for name, statements := range map[string][]string{
			"another actor":     {"UPDATE audit SET actor = 'somebody' WHERE seq = 3"},
			"another deed":      {"UPDATE audit SET op = 'nothing' WHERE seq = 3"},
			"about another":     {"UPDATE audit SET about = 'x' WHERE seq = 3"},
			"another time":      {"UPDATE audit SET at = at + 1 WHERE seq = 3"},
			"another text":      {"UPDATE audit SET sealed = (SELECT sealed FROM kept WHERE seq = 4) WHERE seq = 3"},
			"another hash":      {"UPDATE audit SET hash = (SELECT hash FROM kept WHERE seq = 4) WHERE seq = 3"},
			"another last hash": {"UPDATE audit SET hash = (SELECT hash FROM kept WHERE seq = 1) WHERE seq = (SELECT MAX(seq) FROM kept)"},
			"the first is gone": {"DELETE FROM audit WHERE seq = 1"},
			"one is gone":       {"DELETE FROM audit WHERE seq = 3"},
			"one is gone, and the others have closed ranks": {"DELETE FROM audit WHERE seq = 3", "UPDATE audit SET seq = -seq WHERE seq > 3", "UPDATE audit SET seq = -seq - 1 WHERE seq < 0"},
			"two have changed places":                       {"UPDATE audit SET seq = 0 WHERE seq = 3", "UPDATE audit SET seq = 3 WHERE seq = 4", "UPDATE audit SET seq = 4 WHERE seq = 0"},
			"one was added at the end":                      {"INSERT INTO audit SELECT realm, seq + 1, at, actor, op, about, sealed, hash FROM kept WHERE seq = (SELECT MAX(seq) FROM kept)"},
			"another realm's":                               {"UPDATE audit SET realm = 'other'"},
		} {
			edit(t, db, statements...)
			realm := "shop"
			if name == "another realm's" {
				realm = "other"
			}
			if _, _, err := identity.VerifyAudit(t.Context(), s, realm, func(int64) {}); !errors.Is(err, identity.ErrAuditBroken) {
				t.Errorf("%s: %v", name, err)
			}
			edit(t, db, "DELETE FROM audit", "INSERT INTO audit SELECT * FROM kept")
		}
		edit(t, db, "DELETE FROM audit WHERE seq = (SELECT MAX(seq) FROM kept)")
		short, other, err := identity.VerifyAudit(t.Context(), s, "shop", func(int64) {})
		if err != nil || short != count-1 || string(other) == string(head) {
			t.Errorf("cut at its end: %d of %d records, %v", short, count, err)
		}
		// A record that was swapped in from elsewhere doesn't open either.
		edit(t, db, "DELETE FROM audit", "INSERT INTO audit SELECT * FROM kept",
			"UPDATE audit SET sealed = (SELECT sealed FROM kept WHERE seq = 4), about = (SELECT about FROM kept WHERE seq = 4) WHERE seq = 3")
		records, err := w.centre.Audit(t.Context(), "shop", "", 0, 1000)
		if err != nil || records[2].Detail != nil || records[3].Detail == nil {
			t.Errorf("%+v, %v", records[2].Detail, err)
		}
	})
}
