package console_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestStaff(t *testing.T) {
	t.Parallel()
	t.Run("the first administrator comes in by the code that was left, once", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		b := k.browser(t)
		if a := b.get("/sign-in"); !strings.Contains(a.body, "no administrator yet") || k.left == "" || strings.Contains(a.body, k.left) {
			t.Fatalf("left %q; the page says %s", k.left, a.body)
		}
		if a := b.post("/setup", "code", "wrong", "name", "boss", "password", password, "again", password); a.status != http.StatusForbidden {
			t.Errorf("a wrong code is answered %d", a.status)
		}
		if a := b.post("/setup", "code", k.left, "name", "boss", "password", "short", "again", "short"); a.status != http.StatusBadRequest {
			t.Errorf("a short password is answered %d", a.status)
		}
		if a := b.post("/setup", "code", k.left, "name", "boss", "password", password, "again", password); a.status != http.StatusSeeOther || !b.signedIn() {
			t.Fatalf("answered %d %s", a.status, a.body)
		}
		if a := k.browser(t).post("/setup", "code", k.left, "name", "second", "password", password, "again", password); a.status != http.StatusForbidden {
			t.Errorf("used again it is answered %d", a.status)
		}
		if s, _, _ := k.store.ConsoleStaff(t.Context(), "boss"); s.Role != console.Administrator || strings.Contains(s.Password, password) {
			t.Errorf("the first is %+v", s)
		}
	})
	t.Run("a code is worth nothing after a day, and after a newer one", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		first, err := k.console.Add(t.Context(), "ming", console.Viewer)
		if err != nil {
			t.Fatal(err)
		}
		second, err := k.console.Reset(t.Context(), "ming")
		if err != nil {
			t.Fatal(err)
		}
		use := func(code string) int {
			return k.browser(t).post("/setup", "code", code, "password", password, "again", password).status
		}
		if got := use(first); got != http.StatusForbidden {
			t.Errorf("the older one is answered %d", got)
		}
		k.ahead.Store(int64(console.Invited))
		if got := use(second); got != http.StatusForbidden {
			t.Errorf("after a day it is answered %d", got)
		}
		k.ahead.Store(0)
		if got := use(second); got != http.StatusSeeOther {
			t.Errorf("it is answered %d", got)
		}
	})
	t.Run("an administrator adds, resets, disables and ends sessions", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		root := k.staff(t, "boss", console.Administrator)
		if a := root.post("/staff", "name", "Li", "role", "operator"); a.status != http.StatusOK || !strings.Contains(a.body, "/setup#") {
			t.Errorf("adding answered %d", a.status)
		}
		if a := root.post("/staff", "name", "li", "role", "operator"); a.status != http.StatusConflict {
			t.Errorf("adding him again answered %d", a.status)
		}
		for _, end := range []string{"/staff/ming/reset", "/staff/ming/disable", "/staff/ming/sessions/end"} {
			if _, err := k.console.Reset(t.Context(), "ming"); err == nil {
				root.post("/staff/ming/enable", "seen", "viewer disabled")
			}
			var ming *browser
			if code, err := k.console.Reset(t.Context(), "ming"); err == nil {
				ming = k.browser(t)
				ming.post("/setup", "code", code, "password", password, "again", password)
			} else {
				ming = k.staff(t, "ming", console.Viewer)
			}
			if !ming.signedIn() {
				t.Fatalf("before %s he isn't signed in", end)
			}
			root.post(end, "seen", "viewer")
			if ming.signedIn() {
				t.Errorf("after %s he is still signed in", end)
			}
		}
		if a := root.get("/journal"); !strings.Contains(a.body, "disabled staff") || !strings.Contains(a.body, "refused: This name is taken") || strings.Contains(a.body, "cut off") {
			t.Errorf("the journal says %s", a.body)
		}
	})
	t.Run("the last administrator stays one", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		root := k.staff(t, "boss", console.Administrator)
		if _, err := k.console.Add(t.Context(), "later", console.Administrator); err != nil { // has no password yet
			t.Fatal(err)
		}
		if a := root.post("/staff/boss/role", "role", "viewer", "seen", "administrator"); a.status != http.StatusConflict {
			t.Errorf("giving it away is answered %d", a.status)
		}
		if a := root.post("/staff/boss/disable", "seen", "administrator"); a.status != http.StatusConflict {
			t.Errorf("disabling is answered %d", a.status)
		}
		k.staff(t, "second", console.Administrator)
		if a := root.post("/staff/boss/role", "role", "viewer", "seen", "administrator"); a.status != http.StatusSeeOther {
			t.Errorf("beside another it is answered %d", a.status)
		}
		if a := root.get("/staff"); a.status != http.StatusForbidden {
			t.Errorf("who is a viewer by now gets %d", a.status)
		}
	})
	t.Run("accounts are shown with what has to be done, and checked", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		b := k.staff(t, "ming", console.Operator)
		if a := b.get("/accounts"); !strings.Contains(a.body, "set the secret") || !strings.Contains(a.body, "needs attention") {
			t.Errorf("the page says %s", a.body)
		}
		if a := b.post("/accounts/of/wx01/check"); a.status != http.StatusOK || !strings.Contains(a.body, "<strong>token") {
			t.Errorf("the check answers %d %s", a.status, a.body)
		}
		if a := b.post("/accounts/of/wx02/check"); a.status != http.StatusNotFound {
			t.Errorf("the check of another answers %d", a.status)
		}
	})
}

// TestStaff_two has two administrators decide from what both saw.
func TestStaff_two(t *testing.T) {
	t.Parallel()
	k := start(t)
	one, other := k.staff(t, "one", console.Administrator), k.staff(t, "other", console.Administrator)
	code, err := k.console.Add(t.Context(), "ming", console.Viewer)
	if err != nil {
		t.Fatal(err)
	}
	seen := regexp.MustCompile(`name="seen" value="([^"]*)"`)
	saw := seen.FindStringSubmatch(other.get("/staff/ming").body)[1]
	if a := one.post("/staff/ming/disable", "seen", saw); a.status != http.StatusSeeOther {
		t.Fatalf("the first is answered %d", a.status)
	}
	a := other.post("/staff/ming/role", "seen", saw, "role", "administrator")
	if a.status != http.StatusConflict || !strings.Contains(a.body, `"You saw">normal<`) || !strings.Contains(a.body, `"It is now">disabled<`) || strings.Contains(a.body, `"You saw">Viewer`) {
		t.Errorf("the second is answered %d %s", a.status, a.body)
	}
	// What he holds by an invitation waits until he is enabled.
	take := func() answer {
		return k.browser(t).post("/setup", "code", code, "password", password, "again", password)
	}
	if a := take(); a.status != http.StatusForbidden || !strings.Contains(a.body, "Your account is disabled") {
		t.Errorf("his code is answered %d %s", a.status, a.body)
	}
	if a := other.post("/staff/ming/enable", "seen", seen.FindStringSubmatch(a.body)[1]); a.status != http.StatusSeeOther {
		t.Errorf("having seen it he is answered %d", a.status)
	}
	if a := take(); a.status != http.StatusSeeOther {
		t.Errorf("once he is enabled his code is answered %d", a.status)
	}
	if s, _, _ := k.store.ConsoleStaff(t.Context(), "ming"); s.Role != console.Viewer {
		t.Errorf("he is %+v", s)
	}
	one.get("/staff/ming")
	if a := one.post("/staff/ming/role", "role", "operator"); a.status != http.StatusConflict {
		t.Errorf("who hasn't seen him is answered %d", a.status)
	}
	if page := one.get("/journal?what=staff_role").body; strings.Count(page, "somebody else has changed him meanwhile") != 2 {
		t.Errorf("the journal says %s", page)
	}
}

// TestStaff_self holds that nobody resets himself: who finds an open browser could stay.
func TestStaff_self(t *testing.T) {
	t.Parallel()
	k := start(t)
	root := k.staff(t, "boss", console.Administrator)
	if a := root.post("/staff/boss/reset"); a.status != http.StatusForbidden || strings.Contains(a.body, "/setup#") {
		t.Errorf("answered %d %s", a.status, a.body)
	}
	if !root.signedIn() {
		t.Error("he is out")
	}
	t.Run("T040 a choice of language leads nowhere else", func(t *testing.T) {
		for _, back := range []string{"/\t/evil.example", "//evil.example", "/\\evil.example", "https://evil.example", "/users/main/find", "/nosuch", "http:evil.example/", "https:evil.example", "HTTP:evil.example/staff/boss", "javascript:alert(1)", "data:text/html,x", "mailto:a@evil.example", "/\tevil.example", "?a=b", "#x"} {
			if a := root.post("/language", "to", "zh", "back", back); a.header.Get("Location") != "/" {
				t.Errorf("%q leads to %q", back, a.header.Get("Location"))
			}
		}
	})
	if a := root.post("/language", "to", "zh", "back", "/staff/boss"); a.header.Get("Location") != "/staff/boss" {
		t.Errorf("it leads to %q", a.header.Get("Location"))
	}
}
