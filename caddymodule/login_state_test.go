package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// changed is an address with query words set anew.
func changed(t testing.TB, address string, words ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for i := 0; i+1 < len(words); i += 2 {
		q.Set(words[i], words[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

// word is a query word of an address.
func word(address, name string) string {
	u, _ := url.Parse(address)
	return u.Query().Get(name)
}

func TestLogin_stateIsBound(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	state := func(appID, ptid, rest string) (*phone, string) {
		p := g.phone("ming")
		return p, p.toCallback(g.at(appID, ptid, rest))
	}
	_, foreign := state(appA, "shop", "/")
	_, otherSite := state(appA, "game", "/")
	_, otherAccount := state(appB, "shop", "/")
	for name, change := range map[string]func(string) string{
		"of another browser":         func(own string) string { return changed(t, own, "state", word(foreign, "state")) },
		"of another site":            func(own string) string { return changed(t, own, "state", word(otherSite, "state")) },
		"of another account":         func(own string) string { return changed(t, own, "state", word(otherAccount, "state")) },
		"for another target":         func(own string) string { return changed(t, own, "r", word(foreign, "r")) },
		"that is a constant":         func(own string) string { return changed(t, own, "state", "STATE") },
		"with its last letter gone":  func(own string) string { s := word(own, "state"); return changed(t, own, "state", s[:len(s)-1]) },
		"with another first letter":  func(own string) string { s := word(own, "state"); return changed(t, own, "state", flip(s)) },
		"in small letters":           func(own string) string { return changed(t, own, "state", strings.ToLower(word(own, "state"))) },
		"as long as WeChat lets be":  func(own string) string { return changed(t, own, "state", strings.Repeat("A", 128)) },
		"that is empty":              func(own string) string { return changed(t, own, "state", "") },
		"with another browser's own": func(string) string { return foreign },
	} {
		t.Run("a state "+name+" signs nobody in", func(t *testing.T) {
			p, own := state(appA, "shop", "/mine")
			calls := g.sim.Calls("/sns/oauth2/access_token")
			page := p.step(change(own))
			if p.cookie(g, appA) != "" || g.sim.Calls("/sns/oauth2/access_token") != calls {
				t.Errorf("signed in, or used the code: %d %s", page.Status, page.Body)
			}
			if page.next() == "" {
				t.Errorf("he can't go on: %d %s", page.Status, page.Body)
			}
		})
	}
	t.Run("a state is at most 64 letters and digits", func(t *testing.T) {
		if s := word(foreign, "state"); len(s) > 64 || strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789") != "" {
			t.Errorf("the state is %q", s)
		}
	})
	t.Run("a state dies after ten minutes, and the login begins again", func(t *testing.T) {
		p, own := state(appA, "shop", "/late")
		l := g.app.box
		login, err := l.openLogin(p.cookie(g, cookieLogin))
		if err != nil {
			t.Fatal(err)
		}
		rt, _, _ := g.app.route(context.Background(), "/wsite/"+appA+"/shop/late")
		holds := func(at time.Time) bool {
			return g.app.tickets.stateHolds(rt, word(own, "state"), login.ID, word(own, "r"), at)
		}
		if now := g.now(); !holds(now) || !holds(now.Add(stateLife-2*time.Second)) || holds(now.Add(stateLife+2*time.Second)) {
			t.Error("the state doesn't hold for ten minutes")
		}
	})
}

// flip changes the first letter.
func flip(s string) string {
	if s[0] == 'A' {
		return "B" + s[1:]
	}
	return "A" + s[1:]
}

func TestLogin_restartInTheMiddle(t *testing.T) {
	t.Parallel()
	sim, data := simulated(t), t.TempDir()
	first := startGatewayOn(t, sim, standard, data)
	second := startGatewayOn(t, sim, standard, data)
	ming := first.phone("ming")
	callback := ming.toCallback(first.at(appA, "shop", "/half?way=1"))
	// Cookies know no ports: the second gateway is the first one, started anew.
	page := ming.open(strings.Replace(callback, first.url, second.url, 1))
	if page.URL != second.at(appA, "shop", "/half?way=1") {
		t.Errorf("the login ended at %s", page.URL)
	}
	if user := second.who(page); user.OpenID != sim.OpenID("ming", appA) {
		t.Errorf("the site saw %+v", user)
	}
	if n := sim.Calls("/sns/oauth2/access_token"); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

func TestLogin_codeArrivesTwice(t *testing.T) {
	t.Parallel()
	t.Run("at once, from WeChat's servers without cookies", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		g.sim.Fail("callback_twice", wechatsim.Always())
		page := g.phone("ming").open(g.at(appA, "shop", "/page"))
		if g.who(page).OpenID != g.sim.OpenID("ming", appA) || g.sim.Calls("/sns/oauth2/access_token") != 1 {
			t.Errorf("ended at %s after %d exchanges", page.URL, g.sim.Calls("/sns/oauth2/access_token"))
		}
	})
	t.Run("ten times in parallel from the same browser: one exchange, all answered alike", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		ming := g.phone("ming")
		callback := ming.toCallback(g.at(appA, "shop", "/page"))
		sessions := make([]string, 10)
		var wg sync.WaitGroup
		for i, p := range g.phones(len(sessions), "") {
			p.plant(g, cookieLogin, ming.cookie(g, cookieLogin))
			wg.Go(func() {
				page := p.step(callback)
				s, err := g.app.box.openSession(p.cookie(g, appA), appA)
				if err != nil {
					t.Errorf("answered %d without a session: %s", page.Status, page.Body)
					return
				}
				sessions[i] = fmt.Sprintf("%d %s %x %s", page.Status, page.Header.Get("Location"), s.ID, s.OpenID)
			})
		}
		wg.Wait()
		for _, s := range sessions[1:] {
			if s != sessions[0] {
				t.Errorf("answered %q and %q", sessions[0], s)
			}
		}
		if n := g.sim.Calls("/sns/oauth2/access_token"); n != 1 {
			t.Errorf("%d exchanges", n)
		}
	})
	t.Run("again after some seconds", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		ming := g.phone("ming")
		callback := ming.toCallback(g.at(appA, "shop", "/page"))
		once := g.who(ming.open(callback))
		g.advance(50 * time.Second)
		if again := g.who(ming.open(callback)); again.Subject != once.Subject || g.sim.Calls("/sns/oauth2/access_token") != 1 {
			t.Errorf("%s, then %s after %d exchanges", once.Subject, again.Subject, g.sim.Calls("/sns/oauth2/access_token"))
		}
	})
	t.Run("with two codes for one state: both are his", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		ming := g.phone("ming")
		authorize := ming.toWeChat(g.at(appA, "shop", "/page"))
		first, second := ming.fromWeChat(authorize), ming.fromWeChat(authorize)
		if word(first, "code") == word(second, "code") || word(first, "state") != word(second, "state") {
			t.Fatalf("the simulator gave %s and %s", first, second)
		}
		one, two := g.who(ming.open(second)), g.who(ming.open(first))
		if one.Subject != two.Subject {
			t.Errorf("he is %s and then %s", one.Subject, two.Subject)
		}
	})
}

func TestLogin_tabsFinishInReverse(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	const tabs = 20
	callbacks := make([]string, tabs)
	var wg sync.WaitGroup
	for i := range callbacks {
		wg.Go(func() {
			tab := *ming // one jar, its own history
			callbacks[i] = tab.toCallback(g.at(appA, "shop", fmt.Sprintf("/tab/%d?n=%d", i, i)))
		})
	}
	wg.Wait()
	for i := tabs - 1; i >= 0; i-- {
		page := ming.open(callbacks[i])
		if want := g.at(appA, "shop", fmt.Sprintf("/tab/%d?n=%d", i, i)); page.URL != want {
			t.Errorf("tab %d landed on %s", i, page.URL)
		}
		if g.who(page).OpenID != g.sim.OpenID("ming", appA) {
			t.Errorf("tab %d is somebody else", i)
		}
	}
}

func TestLogin_leaderGoesAway(t *testing.T) {
	t.Parallel()
	g := startGateway(t, "wechat_timeout 2s", "wechat_timeout 10s")
	ming := g.phone("ming")
	callback := ming.toCallback(g.at(appA, "shop", "/page"))
	g.sim.Fail("slow", wechatsim.On("/sns/oauth2/access_token"))
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, "GET", callback, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("User-Agent", uaAndroid)
	req.Header.Set("Accept", "text/html")
	left := make(chan error)
	go func() { _, err := ming.client.Do(req); left <- err }()
	waitFor(t, "the exchange to begin", func() bool {
		g.app.logins.mu.Lock()
		defer g.app.logins.mu.Unlock()
		return len(g.app.logins.memo) == 1
	})
	cancel()
	if err := <-left; err == nil {
		t.Fatal("the first request was answered: it never went away")
	}
	if page := ming.open(callback); g.who(page).OpenID != g.sim.OpenID("ming", appA) {
		t.Error("the second request is somebody else")
	}
	if n := g.sim.Calls("/sns/oauth2/access_token"); n != 1 {
		t.Errorf("%d exchanges", n)
	}
}

// waitFor waits until something has come true, at most ten seconds.
func waitFor(t testing.TB, what string, come func() bool) {
	t.Helper()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !come(); <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}
