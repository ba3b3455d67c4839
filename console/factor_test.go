package console_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

var (
	shownSecret = regexp.MustCompile(`class="secret">([A-Z2-7 ]+)<`)
	sealedForm  = regexp.MustCompile(`name="sealed" value="([^"]+)"`)
	recoveries  = regexp.MustCompile(`<code>([a-z2-7]{4}(?:-[a-z2-7]{4}){3})</code>`)
)

// box seals as a gateway does.
func box() console.Sealer {
	s, err := identity.NewSealer([]byte(strings.Repeat("k", identity.MasterKeySize)))
	if err != nil {
		panic(err)
	}
	return s.Box("second factors")
}

// startStill starts a console whose clock stands still: codes are good for so many seconds.
func startStill(t *testing.T) *kit {
	t.Helper()
	k, now := start(t), time.Now()
	k.still.Store(&now)
	return k
}

// code is what a phone shows, some steps from now.
func (k *kit) code(t *testing.T, secret string, steps int) string {
	t.Helper()
	code, err := totp.GenerateCode(secret, k.now().Add(time.Duration(steps)*30*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	return code
}

// enrols turns a second factor on, and returns its secret and recovery codes.
func (b *browser) enrols() (secret string, codes []string) {
	b.t.Helper()
	page := b.get("/me/factor").body
	shown, sealed := shownSecret.FindStringSubmatch(page), sealedForm.FindStringSubmatch(page)
	if shown == nil || sealed == nil {
		b.t.Fatalf("the page is %s", page)
	}
	secret = strings.ReplaceAll(shown[1], " ", "")
	a := b.post("/me/factor", "sealed", sealed[1], "code", b.code(b.t, secret, 0), "password", password)
	for _, m := range recoveries.FindAllStringSubmatch(a.body, -1) {
		codes = append(codes, m[1])
	}
	if a.status != http.StatusOK || len(codes) != console.Recoveries {
		b.t.Fatalf("turning it on answered %d %s", a.status, a.body)
	}
	b.ahead.Add(int64(5 * time.Minute)) // so that no test depends on the code of its beginning
	return secret, codes
}

// halves gives the password, and has to get half of a session.
func (b *browser) halves(name string) {
	b.t.Helper()
	if a := b.signIn(name, password); a.status != http.StatusSeeOther || a.header.Get("Location") != "/sign-in/code" || b.cookie() != "" {
		b.t.Fatalf("the password is answered %d, to %s", a.status, a.header.Get("Location"))
	}
}

// gives gives a code, and says whether he is signed in.
func (b *browser) gives(code string) bool {
	b.t.Helper()
	a := b.post("/sign-in/code", "code", code)
	return a.status == http.StatusSeeOther && a.header.Get("Location") == "/" && b.signedIn()
}

func TestFactor_codes(t *testing.T) {
	t.Parallel()
	k := startStill(t)
	secret, codes := k.staff(t, "ming", console.Operator).enrols()
	other, _ := k.staff(t, "li", console.Operator).enrols()
	used := k.code(t, secret, 0)
	for _, c := range []struct {
		name, code string
		good       bool
	}{
		{"nothing", "", false},
		{"no code", "abcdef", false},
		{"somebody else's", k.code(t, other, 0), false},
		{"that of two steps ago", k.code(t, secret, -2), false},
		{"that of two steps from now", k.code(t, secret, 2), false},
		{"that of the step before", k.code(t, secret, -1), true},
		{"the same again", k.code(t, secret, -1), false},
		{"this step's, as an app shows it", used[:3] + " " + used[3:], true},
		{"the same again", used, false},
		{"an older one that wasn't used, after it", k.code(t, secret, -1), false},
		{"the next step's", k.code(t, secret, 1), true},
		{"this step's after it", used, false},
		{"a recovery code", codes[0], true},
		{"the same again", codes[0], false},
		{"another one, without dashes and in capitals", strings.ToUpper(strings.ReplaceAll(codes[1], "-", "")), true},
		{"one that is cut", codes[2][:18], false},
	} {
		b := k.browser(t)
		b.halves("ming")
		if got := b.gives(c.code); got != c.good {
			t.Errorf("%s: he is in: %t", c.name, got)
		}
	}
	b := k.browser(t)
	b.halves("ming")
	b.gives(codes[3])
	if page := b.get("/me").body; !strings.Contains(page, "Recovery codes left: 7") {
		t.Errorf("the page says %s", page)
	}
	for _, f := range list(t, k) {
		if strings.Contains(string(f.Sealed), secret) {
			t.Error("the secret is kept as it is")
		}
	}
}

func list(t *testing.T, k *kit) []console.Factor {
	t.Helper()
	all, err := k.store.ConsoleFactors(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestFactor_half(t *testing.T) {
	t.Parallel()
	half := func(b *browser) *http.Cookie {
		at, _ := url.Parse(b.url)
		for _, c := range b.Jar.Cookies(at) {
			if c.Name == "wsite-console-half" {
				return c
			}
		}
		return nil
	}
	t.Run("half of a session opens nothing", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		k.staff(t, "ming", console.Administrator).enrols()
		for i, r := range console.Routes() {
			if r.Action == "" {
				continue
			}
			b := k.browser(t)
			b.halves("ming")
			name := r.Method + " " + r.Path
			var a answer
			if r.Method == http.MethodGet {
				a = b.get(filled.Replace(r.Path))
			} else {
				a = b.post(filled.Replace(r.Path))
			}
			if a.status != http.StatusUnauthorized && a.header.Get("Location") != "/sign-in" {
				t.Errorf("%d: %s answers %d", i, name, a.status)
			}
			// Nor as the cookie of a session.
			b.header.Set("Cookie", "wsite-console="+half(b).Value)
			if b.signedIn() {
				t.Fatal("it is one")
			}
		}
	})
	t.Run("it ends after five minutes, with another password, and when it was used", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		ming := k.staff(t, "ming", console.Operator)
		secret, _ := ming.enrols()
		late := k.browser(t)
		late.halves("ming")
		k.ahead.Add(int64(console.Halved))
		if late.gives(k.code(t, secret, 0)) {
			t.Error("after five minutes it is good")
		}
		b := k.browser(t)
		b.halves("ming")
		kept := half(b).Value
		if !b.gives(k.code(t, secret, 0)) || half(b) != nil {
			t.Error("it is not good, or stays")
		}
		again := k.browser(t)
		again.header.Set("Cookie", "wsite-console-half="+kept)
		if again.gives(k.code(t, secret, 0)) {
			t.Error("with the code it was used with it is good again")
		}
		b = k.browser(t)
		b.halves("ming")
		const other = "staple correct horse"
		if a := ming.post("/me/password", "old", password, "password", other, "again", other); a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		if b.gives(k.code(t, secret, 1)) {
			t.Error("it outlives the password")
		}
	})
	t.Run("made up, changed or without one nobody is asked for a code", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		secret, _ := k.staff(t, "ming", console.Operator).enrols()
		b := k.browser(t)
		b.halves("ming")
		for _, cookie := range []string{"", "wsite-console-half=", "wsite-console-half=AAAA", "wsite-console-half=" + half(b).Value[:60] + "A" + half(b).Value[61:], "wsite-console-half=" + half(b).Value + "; wsite-console-half=" + half(b).Value} {
			evil := k.browser(t)
			evil.header.Set("Cookie", cookie)
			if a := evil.get("/sign-in/code"); a.header.Get("Location") != "/sign-in" {
				t.Errorf("with %q it answers %d", cookie, a.status)
			}
			if evil.gives(k.code(t, secret, 0)) {
				t.Errorf("with %q he is in", cookie)
			}
		}
		if !b.gives(k.code(t, secret, 0)) {
			t.Error("with his own he isn't")
		}
	})
	for _, limit := range []string{"address/", "code/"} {
		t.Run("who is over the limit of his "+limit+" waits, and the code isn't tried", func(t *testing.T) {
			t.Parallel()
			k := startStill(t)
			count := func(of string) func(context.Context, string) (time.Duration, bool) {
				return func(_ context.Context, by string) (time.Duration, bool) {
					return time.Minute, !k.full.Load() || !strings.HasPrefix(of+by, limit)
				}
			}
			k.console.Within, k.console.Codes = count(""), count("code/")
			secret, _ := k.staff(t, "ming", console.Operator).enrols()
			b := k.browser(t)
			b.halves("ming")
			k.full.Store(true)
			if a := b.post("/sign-in/code", "code", k.code(t, secret, 0)); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" || b.cookie() != "" {
				t.Errorf("answered %d", a.status)
			}
			k.full.Store(false)
			if !b.gives(k.code(t, secret, 0)) {
				t.Error("afterwards he isn't in")
			}
		})
	}
	t.Run("a wrong password tells as much of a name with a second factor as of none", func(t *testing.T) {
		t.Parallel()
		k := startStill(t)
		k.staff(t, "ming", console.Operator).enrols()
		pages := map[string]bool{}
		for _, name := range []string{"ming", "nobody"} {
			b := k.browser(t)
			a := b.signIn(name, "wrong password!")
			if a.status != http.StatusUnauthorized || a.header.Get("Set-Cookie") != "" {
				t.Errorf("%s is answered %d", name, a.status)
			}
			pages[strings.ReplaceAll(a.body, name, "")] = true
		}
		if len(pages) != 1 {
			t.Error("they differ")
		}
	})
}
