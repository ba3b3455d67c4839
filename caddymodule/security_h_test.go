package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// securityH is what many requests at once, caches and outages must not mix up.
func securityH(t *testing.T) {
	t.Run("T170 logins whose parts add up to the same text don't meet", func(t *testing.T) {
		t.Parallel()
		l := newLogins(time.Now)
		keys := []loginKey{
			{appID: "wx1", ptid: "2ab"},
			{appID: "wx12", ptid: "ab"},
			{appID: "wx12a", ptid: "b"},
			{appID: "wx12ab"},
			{ptid: "wx12ab"},
			{appID: "wx1", ptid: "2ab", login: [16]byte{1}},
			{appID: "wx1", ptid: "2ab", code: [32]byte{1}},
			{appID: "wx1", ptid: "2ab", host: "h"},
		}
		var wg sync.WaitGroup
		for i, key := range keys {
			wg.Go(func() {
				name := fmt.Sprint(i)
				if got := l.do(key, func(context.Context) finished { return finished{session: &session{OpenID: name}} }); got.session.OpenID != name {
					t.Errorf("login %s got the session of %s", name, got.session.OpenID)
				}
			})
		}
		wg.Wait()
		names := map[string]int{}
		for i, key := range keys {
			if j, taken := names[key.name()]; taken {
				t.Errorf("logins %d and %d meet at another node", i, j)
			}
			names[key.name()] = i
		}
	})
	t.Run("T171 a session is judged anew at every site and on every path", func(t *testing.T) {
		t.Parallel()
		g := startGateway(t)
		p := g.phone("ming")
		for range 2 { // the second time all of it is cached
			shop := g.who(p.open(g.at(appA, "shop", "/")))
			game := g.whoami(p.open(g.at(appA, "game", "/")), "game")
			club := g.whoami(p.open(g.at(appA, "club", "/")), "club")
			if shop.Subject != game.Subject || shop.Subject == club.Subject || club.Realm != "other" || shop.PTID != "shop" || game.PTID != "game" {
				t.Errorf("he is %+v, %+v and %+v", shop, game, club)
			}
			if game.UnionID != "" || shop.OpenID == "" {
				t.Errorf("a site was told what another is told: %+v", game)
			}
			g.wantRefusal(t, p.fetch("GET", g.at(appA, "shop", "/members/x")), codeUnionRequired)
			if p.fetch("GET", g.at(appA, "shop", "/pay/notify")); g.upstream.last().Header["X-User"] != nil {
				t.Error("a public path was told who he is")
			}
		}
	})
	t.Run("T173 who shares a login doesn't share its session", func(t *testing.T) {
		t.Parallel()
		l := newLogins(time.Now)
		finish := func(context.Context) finished { return finished{session: &session{OpenID: "o"}} }
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				s := l.do(loginKey{}, finish).session
				if s.OpenID != "o" || !s.Refused.IsZero() {
					t.Errorf("somebody has changed it to %+v", s)
				}
				s.OpenID, s.Refused = "changed", time.Now()
			})
		}
		wg.Wait()
	})
	t.Run("T174 a visitor who is forgotten while he is looked up is looked up again", securityForgotten)
	t.Run("T176 requests that are given up leave nothing to the next one", securityGivenUp)
	t.Run("T177 a login goes on without the one who began it", TestLogin_leaderGoesAway)
	t.Run("T177 a login that crashes is an error for all who wait for it", func(t *testing.T) {
		t.Parallel()
		l := newLogins(time.Now)
		var wg sync.WaitGroup
		for range 10 {
			wg.Go(func() {
				if got := l.do(loginKey{}, func(context.Context) finished { panic("boom") }); got.err == nil || got.session != nil {
					t.Errorf("it gave %+v", got)
				}
			})
		}
		wg.Wait()
	})
	t.Run("T180 twenty consents of one person at once make one user", securityUpgrades)
	t.Run("T182 when the facts are gone", TestOutage_factsGone)
	t.Run("T186 the cache is bounded, and so is what is kept beside it", func(t *testing.T) {
		t.Parallel()
		vs := newVisitors(100)
		site := &directory.Site{Realm: "main"}
		for i := range 20_000 {
			v := &visitor{site: site, session: &session{ID: [16]byte{byte(i), byte(i >> 8)}}}
			v.answer.User.ID = fmt.Sprint(i)
			vs.put(visitorKey{cookie: fmt.Sprint(i)}, v, vs.mark())
		}
		waitFor(t, "the cache to shrink", func() bool {
			vs.cache.CleanUp()
			vs.mu.Lock()
			defer vs.mu.Unlock()
			return vs.cache.EstimatedSize() <= 100 && len(vs.index) <= 200
		})
	})
}

func securityForgotten(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	vs := g.app.visitors
	site := &directory.Site{Realm: "main"}
	v := &visitor{site: site, session: &session{ID: [16]byte{1}}, answer: identity.Answer{User: identity.User{ID: "u"}}, ends: time.Now().Add(time.Hour)}
	mark := vs.mark()
	vs.forget(userName("main", "u"))
	if vs.put(visitorKey{cookie: "c"}, v, mark); vs.get(visitorKey{cookie: "c"}) != nil {
		t.Error("what was read before the news is kept after it")
	}
	p := g.phone("ming")
	user := g.who(p.open(g.at(appA, "shop", "/")))
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	for _, forget := range []func(){func() { vs.forget(userName("main", user.Subject)) }, vs.forgetAll} {
		wg.Go(func() {
			for ctx.Err() == nil {
				forget()
			}
		})
	}
	var readers sync.WaitGroup
	for range 4 {
		readers.Go(func() {
			mine := *p
			mine.visited = nil // a history of its own
			for range 25 {
				if got := g.who(mine.fetch("GET", g.at(appA, "shop", "/"))); got.Subject != user.Subject {
					t.Errorf("he is %s", got.Subject)
				}
			}
		})
	}
	readers.Wait()
	cancel()
	wg.Wait()
}

func securityGivenUp(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming, li := g.phone("ming"), g.phone("li")
	users := map[*phone]string{ming: g.who(ming.open(g.at(appA, "shop", "/"))).Subject, li: g.who(li.open(g.at(appA, "shop", "/"))).Subject}
	var wg sync.WaitGroup
	for p := range users {
		wg.Go(func() {
			for i := range 60 {
				g.app.visitors.forgetAll() // so that each request reads the facts
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(i)*100*time.Microsecond)
				req, err := http.NewRequestWithContext(ctx, "GET", g.at(appA, "shop", "/"), nil)
				if err != nil {
					t.Error(err)
				}
				if resp, err := p.client.Do(req); err == nil {
					resp.Body.Close()
				}
				cancel()
			}
		})
	}
	wg.Wait()
	for p, id := range users {
		for range 10 {
			g.app.visitors.forgetAll()
			if got := g.who(p.fetch("GET", g.at(appA, "shop", "/"))); got.Subject != id {
				t.Errorf("he is %s, not %s", got.Subject, id)
			}
		}
	}
}

func securityUpgrades(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	g.sim.Answer("allow")
	phones := g.phones(20, "ming")
	ids := make([]string, len(phones))
	asked := make([]seenPage, len(phones))
	var wg sync.WaitGroup
	for i, p := range phones {
		wg.Go(func() {
			app := []string{appA, appB}[i%2]
			g.who(p.open(g.at(app, "shop", "/")))
			asked[i] = p.open(g.at(app, "shop", "/ask/x"))
		})
	}
	wg.Wait() // once one has consented, the others are known and aren't asked
	for i, p := range phones {
		wg.Go(func() { p.press(g, asked[i], "allow") })
	}
	wg.Wait()
	for i, p := range phones {
		app := []string{appA, appB}[i%2]
		g.app.visitors.forgetAll()
		user := g.who(p.fetch("GET", g.at(app, "shop", "/")))
		if ids[i] = user.Subject; ids[i] != ids[0] || !user.Linked {
			t.Errorf("on phone %d he is %+v", i, user)
		}
	}
	if rows := g.rows(t); rows["conflict"] != 0 || rows["union_key"] != 1 || rows["openid_key"] != 2 {
		t.Errorf("the facts hold %v", rows)
	}
}
