package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

func TestSignIn(t *testing.T) {
	t.Parallel()
	t.Run("a wrong password, an unknown name and a disabled name get the same page", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		k.staff(t, "ming", console.Administrator)
		admin := k.staff(t, "root", console.Administrator)
		k.staff(t, "gone", console.Viewer)
		if a := admin.post("/staff/gone/disable", "seen", "viewer"); a.status != http.StatusSeeOther {
			t.Fatalf("disabling answered %d %s", a.status, a.body)
		}
		pages := map[string]bool{}
		for name, secret := range map[string]string{"ming": "wrong password!", "nobody": password, "gone": password} {
			a := k.browser(t).signIn(name, secret)
			if a.status != http.StatusUnauthorized || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s got in: %d", name, a.status)
			}
			pages[strings.ReplaceAll(a.body, name, "")] = true
		}
		if len(pages) != 1 {
			t.Errorf("they get %d different pages", len(pages))
		}
	})
	t.Run("a name that nobody has is as much work as one that somebody has", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		root := k.staff(t, "root", console.Administrator)
		k.staff(t, "gone", console.Viewer)
		root.post("/staff/gone/disable", "seen", "viewer")
		if _, err := k.console.Add(t.Context(), "new", console.Viewer); err != nil {
			t.Fatal(err)
		}
		work := &worked{Store: k.store}
		k.console.Store = work
		for _, name := range []string{"root", "gone", "new", "nobody", "this can't be a name"} {
			work.calls = nil
			b := k.browser(t)
			if a := b.postWith("", "/sign-in", "name", name, "password", "wrong password!"); a.status != http.StatusUnauthorized || !strings.Contains(a.body, `name="name" value="`+strings.ReplaceAll(name, "'", "&#39;")) {
				t.Errorf("%s is answered %d %s", name, a.status, a.body)
			}
			if got := strings.Join(work.calls, ", "); got != "look up, commit" {
				t.Errorf("for %s the store does: %s", name, got)
			}
		}
		list, err := k.store.ConsoleEntries(t.Context(), console.EntryFilter{What: "sign_in", Limit: 99})
		if err != nil || len(list) != 3 {
			t.Errorf("the journal has %d entries, %v", len(list), err)
		}
	})
	t.Run("a token that somebody else has put there is not taken on", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		k.staff(t, "ming", console.Viewer)
		evil := k.staff(t, "evil", console.Viewer)
		victim := k.browser(t)
		at, _ := url.Parse(k.url)
		victim.Jar.SetCookies(at, []*http.Cookie{{Name: "wsite-console", Value: evil.cookie(), Path: "/"}})
		if a := victim.signIn("ming", password); a.status != http.StatusSeeOther || victim.cookie() == evil.cookie() {
			t.Errorf("the token stays: %d", a.status)
		}
		if evil.signedIn() {
			t.Error("the token that was put there still holds")
		}
		if !strings.Contains(victim.get("/me").body, "<h1>ming") {
			t.Error("the victim isn't ming")
		}
	})
	t.Run("of two cookies none is believed", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		b := k.staff(t, "ming", console.Viewer)
		cookie := "wsite-console=" + b.cookie()
		other := k.browser(t)
		other.header.Set("Cookie", cookie)
		if !other.signedIn() {
			t.Fatal("one cookie is not believed")
		}
		other.header.Set("Cookie", cookie+"; wsite-console=another")
		if other.signedIn() {
			t.Error("two are")
		}
	})
	t.Run("a session ends when it isn't used, and in any case", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		b := k.staff(t, "ming", console.Viewer)
		for used := time.Duration(0); used < console.Longest-11*time.Hour; used += 11 * time.Hour {
			if !b.signedIn() {
				t.Fatalf("after %s of use it has ended", used)
			}
			k.ahead.Add(int64(11 * time.Hour))
		}
		if !b.signedIn() {
			t.Error("a session that is used ends too early")
		}
		k.ahead.Add(int64(4 * time.Hour))
		if b.signedIn() {
			t.Error("it is older than a session gets")
		}
		if a := b.signIn("ming", password); a.status != http.StatusSeeOther {
			t.Fatalf("signing in again answered %d", a.status)
		}
		k.ahead.Add(int64(console.Idle - time.Minute))
		if !b.signedIn() {
			t.Error("it ends too early")
		}
		k.ahead.Add(int64(console.Idle + time.Minute))
		if b.signedIn() {
			t.Error("it holds although nobody uses it")
		}
	})
	t.Run("who is over the limit waits, and who is within it doesn't", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		k.staff(t, "ming", console.Viewer)
		k.full.Store(true)
		if a := k.browser(t).signIn("ming", password); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
			t.Errorf("answered %d %v", a.status, a.header)
		}
		k.full.Store(false)
		if a := k.browser(t).signIn("ming", password); a.status != http.StatusSeeOther {
			t.Errorf("answered %d", a.status)
		}
	})
	t.Run("another password ends the other sessions, and signing out this one", func(t *testing.T) {
		t.Parallel()
		k := start(t)
		here, there := k.staff(t, "ming", console.Viewer), k.browser(t)
		there.signIn("ming", password)
		const other = "staple correct horse"
		if a := here.post("/me/password", "old", "not the old one", "password", other, "again", other); a.status != http.StatusForbidden || !there.signedIn() {
			t.Errorf("without the old one it answers %d", a.status)
		}
		if a := here.post("/me/password", "old", password, "password", other, "again", other); a.status != http.StatusSeeOther || !here.signedIn() || there.signedIn() {
			t.Errorf("answered %d; here %t, there %t", a.status, here.signedIn(), there.signedIn())
		}
		token := here.cookie()
		here.post("/sign-out")
		thief := k.browser(t)
		thief.header.Set("Cookie", "wsite-console="+token)
		if thief.signedIn() {
			t.Error("a token is good after signing out")
		}
	})
}

// worked is a store that notes what a try to sign in has it do.
type worked struct {
	console.Store
	calls []string
}

func (w *worked) ConsoleStaff(ctx context.Context, name string) (console.Staff, bool, error) {
	w.calls = append(w.calls, "look up")
	return w.Store.ConsoleStaff(ctx, name)
}

func (w *worked) PutConsoleEntry(ctx context.Context, e console.Entry) (int64, error) {
	w.calls = append(w.calls, "commit")
	return w.Store.PutConsoleEntry(ctx, e)
}

func (w *worked) PassConsoleEntry(ctx context.Context) error {
	w.calls = append(w.calls, "commit")
	return w.Store.PassConsoleEntry(ctx)
}

func TestOtherSites(t *testing.T) {
	t.Parallel()
	k := start(t)
	b := k.staff(t, "root", console.Administrator)
	k.staff(t, "ming", console.Viewer)
	good := b.word()
	refused := func(what string, a answer) {
		t.Helper()
		if a.status != http.StatusForbidden {
			t.Errorf("%s is answered %d", what, a.status)
		}
		if s, _, _ := k.store.ConsoleStaff(t.Context(), "ming"); !s.Disabled.IsZero() {
			t.Errorf("%s does it", what)
		}
	}
	refused("a form without a word", b.postWith("", "/staff/ming/disable"))
	refused("a form with another word", b.postWith(strings.Repeat("0", 64), "/staff/ming/disable"))
	refused("a form with somebody else's word", b.postWith(k.staff(t, "other", console.Administrator).word(), "/staff/ming/disable"))
	b.header.Set("Sec-Fetch-Site", "cross-site")
	refused("another site's form", b.postWith(good, "/staff/ming/disable", "seen", "viewer"))
	refused("another site's sign-in", b.postWith("", "/sign-in", "name", "ming", "password", password))
	b.header.Del("Sec-Fetch-Site")
	b.header.Set("Origin", "https://evil.example")
	refused("another origin's form", b.postWith(good, "/staff/ming/disable", "seen", "viewer"))
	b.header.Del("Origin")
	if a := b.postWith(good, "/staff/ming/disable", "seen", "viewer"); a.status != http.StatusSeeOther {
		t.Errorf("our own is answered %d", a.status)
	}
}

func TestHeaders(t *testing.T) {
	t.Parallel()
	k := start(t)
	b := k.staff(t, "root", console.Administrator)
	for _, path := range []string{"/sign-in", "/me", "/staff", "/nothing", "/assets/console.js", "/assets/nothing"} {
		h := b.get(path).header
		if csp := h.Get("Content-Security-Policy"); !strings.HasPrefix(csp, "default-src 'none';") || strings.Contains(csp, "unsafe") || h.Get("Cache-Control") != "no-store" || h.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s has the headers %v", path, h)
		}
	}
	for lang, want := range map[string]string{"zh-CN,zh;q=0.9": "登录管理台", "en-GB": "Sign in to the console", "fr": "登录管理台"} {
		v := k.browser(t)
		v.header.Set("Accept-Language", lang)
		if a := v.get("/sign-in"); !strings.Contains(a.body, want) {
			t.Errorf("with %s the page says %s", lang, a.body)
		}
	}
	if a := b.post("/language", "to", "zh", "back", "//evil.example/"); a.header.Get("Location") != "/" {
		t.Errorf("it sends elsewhere: %s", a.header.Get("Location"))
	}
	if a := b.get("/me"); !strings.Contains(a.body, "修改密码") {
		t.Error("the language is not remembered")
	}
	if a := b.get(`/nothing"><script>`); strings.Contains(a.body, "<script>") {
		t.Error("the address is written as it comes")
	}
}
