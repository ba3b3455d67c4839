package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// tally counts tries by whom they are made, and allows so many of each.
type tally struct {
	mu   sync.Mutex
	most int
	n    map[string]int
}

func (c *tally) within(_ context.Context, by string) (time.Duration, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[by]++
	return time.Minute, c.n[by] <= c.most || strings.HasPrefix(by, "address/")
}

// allow begins to count anew.
func (c *tally) allow(most int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.most, c.n = most, map[string]int{}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	counted := func(t *testing.T) (*kit, *tally) {
		k, c := startStill(t), &tally{}
		c.allow(1000)
		k.console.Within = c.within
		return k, c
	}
	known := func(b *browser) (list []*http.Cookie) {
		at, _ := url.Parse(b.url)
		for _, c := range b.Jar.Cookies(at) {
			if strings.HasPrefix(c.Name, "wsite-console-known-") {
				list = append(list, c)
			}
		}
		return list
	}
	t.Run("strangers keep nobody out of the browser that he has signed in from", func(t *testing.T) {
		t.Parallel()
		k, c := counted(t)
		ming := k.staff(t, "ming", console.Viewer)
		ming.post("/sign-out")
		c.allow(3)
		for range 4 {
			k.browser(t).signIn("ming", "wrong password!")
		}
		if a := k.browser(t).signIn("ming", password); a.status != http.StatusTooManyRequests {
			t.Errorf("another stranger is answered %d", a.status)
		}
		if a := ming.signIn("ming", password); a.status != http.StatusSeeOther {
			t.Errorf("he is answered %d", a.status)
		}
	})
	t.Run("a browser is known for a name of its own, and its tries are counted, too", func(t *testing.T) {
		t.Parallel()
		k, c := counted(t)
		k.staff(t, "ming", console.Viewer)
		evil := k.staff(t, "evil", console.Viewer)
		evil.post("/sign-out")
		c.allow(3)
		for range 3 {
			evil.signIn("ming", "wrong password!")
		}
		if a := k.browser(t).signIn("ming", password); a.status != http.StatusTooManyRequests {
			t.Errorf("that of one makes another no stranger: %d", a.status)
		}
		at, _ := url.Parse(k.url)
		victim := k.browser(t)
		victim.signIn("evil", password)
		mine := known(victim)[0]
		forged := k.browser(t)
		forged.Jar.SetCookies(at, []*http.Cookie{{Name: known(k.staff(t, "li", console.Viewer))[0].Name, Value: mine.Value, Path: "/"}})
		c.allow(3)
		for range 3 {
			forged.signIn("li", "wrong password!")
		}
		if a := k.browser(t).signIn("li", password); a.status != http.StatusTooManyRequests {
			t.Errorf("under another name it makes no stranger less: %d", a.status)
		}
		c.allow(3)
		for range 3 {
			victim.signIn("evil", "wrong password!")
		}
		if a := victim.signIn("evil", password); a.status != http.StatusTooManyRequests {
			t.Errorf("a browser that is known is answered %d", a.status)
		}
	})
	t.Run("half a session has none known; it ends, and holds through another password", func(t *testing.T) {
		t.Parallel()
		k, c := counted(t)
		ming := k.staff(t, "ming", console.Operator)
		secret, _ := ming.enrols()
		b := k.browser(t)
		b.halves("ming")
		if len(known(b)) != 0 {
			t.Error("with the password alone it is known")
		}
		if !b.gives(k.code(t, secret, 0)) || len(known(b)) != 1 {
			t.Fatal("with the code it isn't")
		}
		const other = "staple correct horse"
		if a := b.post("/me/password", "old", password, "password", other, "again", other); a.status != http.StatusSeeOther {
			t.Fatal(a.status)
		}
		b.post("/sign-out")
		tries := func() int {
			c.allow(3)
			for range 3 {
				k.browser(t).signIn("ming", "wrong password!")
			}
			return b.signIn("ming", other).status
		}
		if got := tries(); got != http.StatusSeeOther {
			t.Errorf("with another password it is answered %d", got)
		}
		k.ahead.Add(int64(console.Known))
		if got := tries(); got != http.StatusTooManyRequests {
			t.Errorf("after its time it is answered %d", got)
		}
	})
}
