package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestGuesses(t *testing.T) {
	t.Parallel()
	// thief is somebody elsewhere who has ming's password, and gives a wrong code.
	thief := func(t *testing.T, k *kit) {
		t.Helper()
		b := k.browser(t)
		b.header.Set("From", "203.0.113.9")
		b.halves("ming")
		if b.gives("000000") {
			t.Fatal("he guessed it")
		}
	}
	const mine, his = "Somebody gave your right password", "Somebody knows the password of ming"
	says := func(t *testing.T, b *browser, what string, want bool) {
		t.Helper()
		if page := b.get("/overview").body; strings.Contains(page, what) != want || want && !strings.Contains(page, "from 203.0.113.9") {
			t.Errorf("the overview says %q: %t", what, !want)
		}
	}
	t.Run("whose password is known is told so, and administrators are, until he has another", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		root, li, ming := k.staff(t, "root", console.Administrator), k.staff(t, "li", console.Operator), k.staff(t, "ming", console.Viewer)
		ming.enrols()
		says(t, ming, mine, false)
		thief(t, k)
		thief(t, k)
		says(t, ming, mine, true)
		says(t, root, his, true)
		says(t, root, mine, false)
		says(t, li, his, false)
		if page := ming.get("/me").body; !strings.Contains(page, `<dd>2</dd>`) || !strings.Contains(page, "203.0.113.9") || !strings.Contains(page, `action="/me/guesses"`) {
			t.Errorf("his account says %s", page)
		}
		if page := root.get("/overview").body; !strings.Contains(page, `href="/staff/ming"`) {
			t.Error("an administrator isn't led to him")
		}
		const other = "staple correct horse"
		if a := ming.post("/me/password", "old", "not the old one", "password", other, "again", other); a.status != http.StatusForbidden {
			t.Fatal(a.status)
		}
		says(t, ming, mine, true)
		if a := ming.post("/me/password", "old", password, "password", other, "again", other); a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		says(t, ming, mine, false)
		says(t, root, his, false)
	})
	t.Run("a slip of his own isn't told, and what he answers for no more", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		secret, codes := k.staff(t, "ming", console.Viewer).enrols()
		ming := k.browser(t)
		ming.halves("ming")
		ming.gives("000000")
		ming.gives(k.code(t, secret, 0))
		says(t, ming, mine, false)
		thief(t, k)
		again := k.browser(t)
		again.halves("ming")
		again.gives(codes[0]) // from another address: that one wasn't his
		says(t, again, mine, true)
		if a := again.post("/me/guesses"); a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		says(t, again, mine, false)
		thief(t, k)
		says(t, again, mine, true)
		k.ahead.Add(int64(console.Guessed))
		late := k.browser(t)
		late.halves("ming")
		late.gives(codes[1])
		says(t, late, mine, false)
	})
	t.Run("too many codes aren't tried, wherever they are given, and the wait is told", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		codes := func(by string) bool { return !k.full.Load() || strings.HasPrefix(by, "browser/") }
		k.console.Within = func(context.Context, string) (time.Duration, bool) { return 0, true }
		k.console.Codes = func(_ context.Context, by string) (time.Duration, bool) { return 350 * time.Second, codes(by) }
		ming := k.staff(t, "ming", console.Operator)
		secret, _ := ming.enrols()
		b := k.browser(t)
		b.halves("ming")
		k.full.Store(true)
		if a := b.post("/sign-in/code", "code", k.code(t, secret, 0)); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "351" || !strings.Contains(a.body, "about 6 minutes") {
			t.Errorf("answered %d %s %s", a.status, a.header.Get("Retry-After"), a.body)
		}
		hijacked := k.browser(t)
		hijacked.header.Set("Cookie", "wsite-console="+ming.cookie())
		if a := hijacked.post("/me/factor/off", "password", password, "code", k.code(t, secret, 0)); a.status != http.StatusTooManyRequests {
			t.Errorf("turning it off is answered %d", a.status)
		}
		// Where he has signed in before he goes on.
		if a := ming.post("/me/factor/off", "password", password, "code", k.code(t, secret, 0)); a.status != http.StatusSeeOther {
			t.Errorf("his own browser is answered %d", a.status)
		}
	})
}
