package caddymodule

import (
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// contradict has a business name two users for one WeChat account, which is resolved.
func (g *gateway) contradict(t *testing.T, root *clerk) {
	t.Run("a conflict is open until it is resolved", func(t *testing.T) {
		token, _ := g.tokenAt(t, g.phone("ming"), appA, "shop")
		g.ask(t, g.apiKey(t, "main", "bind"), "POST", "main/bind", body("token", token, "user", "m2")).wantCode(t, identity.CodeUnionIDTaken)
		page := root.get("/users/main/conflicts")
		if !strings.Contains(page.Body, "over") || strings.Contains(page.Body, "Resolve…") {
			t.Errorf("nobody is called m2 yet: %s", page.Body)
		}
		g.member(t, "wang", "m2")
		page = root.get("/users/main/conflicts")
		hides(t, page.Body, g.sim.OpenID("ming", appA))
		root.fills(page.Body, "/users/main/conflicts/1", "how", "keep_holder", "reason", "").refused(t, 400, "Say why")
		root.fills(page.Body, "/users/main/conflicts/1", "how", "let_in", "reason", "r").refused(t, 409, "has changed")
		root.fills(page.Body, "/users/main/conflicts/1", "how", "keep_holder", "reason", "r").refused(t, 409, "another WeChat account already leads to this user")
		root.fills(page.Body, "/users/main/conflicts/1/dismiss", "reason", "ticket 8").went(t)
		root.fills(page.Body, "/users/main/conflicts/1/dismiss", "reason", "ticket 8").refused(t, 409, "has changed")
		if page = root.get("/users/main/conflicts"); strings.Contains(page.Body, "Resolve…") || !strings.Contains(page.Body, "staff:root · ticket 8") {
			t.Errorf("dismissed it stands as %s", page.Body)
		}
		if r, err := g.app.facts().Centre.Audit(t.Context(), "main", "m2", 0, 100); err != nil || len(r) == 0 || r[len(r)-1].Op != "dismiss" || r[len(r)-1].Actor != "staff:root" || r[len(r)-1].Detail.Evidence != "ticket 8" {
			t.Errorf("the audit says %+v, %v", r, err)
		}
		if a := g.ask(t, g.apiKey(t, "main", "feed"), "GET", "main/conflicts", "").want(t, 200); !strings.Contains(a.Body, `"dismissed":"`) {
			t.Errorf("the API lists %s", a.Body)
		}
		root.fills(page.Body, "/users/main/conflicts/1/reopen", "reason", "he called").went(t)
		page = root.get("/users/main/conflicts")
		root.does("m2", "unbind").went(t)
		root.fills(page.Body, "/users/main/conflicts/1", "how", "keep_holder", "reason", "r").refused(t, 409, "has changed")
		page = root.get("/users/main/conflicts")
		root.fills(page.Body, "/users/main/conflicts/1", "how", "keep_holder", "reason", "one person").went(t)
		if u, err := g.app.facts().Centre.User(t.Context(), "main", "m2"); err != nil || u.Root.ID != "m1" {
			t.Errorf("m2 is %+v, %v", u.Root, err)
		}
		if page = root.get("/users/main/conflicts"); strings.Contains(page.Body, "Resolve…") {
			t.Errorf("it is still open: %s", page.Body)
		}
	})
}
