package caddymodule

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// startNodes starts two gateways with the same facts and the same Redis. Cookies know no
// ports, so that to a browser they are one.
func startNodes(t *testing.T, server *redistest.Server, changes ...string) (first, second *gateway) {
	t.Helper()
	sim, data := simulated(t), t.TempDir()
	changes = append(changes, "facts sqlite", "master_key "+strings.Repeat("0f1e2d3c", 8)+"\n\t\tcluster redis redis://"+server.Addr+"\n\t\tfacts sqlite")
	return startGatewayOn(t, sim, standard, data, changes...), startGatewayOn(t, sim, standard, data, changes...)
}

// moved is an address of another gateway, opened here.
func (g *gateway) moved(address string, other *gateway) string {
	return strings.Replace(address, other.url, g.url, 1)
}

func TestNodes(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t)
	first, second := startNodes(t, server)

	t.Run("a code that comes to two nodes at once is asked about once", func(t *testing.T) {
		before := first.sim.Calls("/sns/oauth2/access_token")
		ming := first.phone("ming")
		callback := ming.toCallback(first.at(appA, "shop", "/page"))
		ended := make([]string, 10)
		var wg sync.WaitGroup
		for i, p := range first.phones(len(ended), "") {
			p.plant(first, cookieLogin, ming.cookie(first, cookieLogin))
			at := []*gateway{first, second}[i%2]
			wg.Go(func() {
				page := p.step(at.moved(callback, first))
				s, err := first.app.box.openSession(p.cookie(first, appA), appA)
				if err != nil {
					t.Errorf("answered %d without a session: %s", page.Status, page.Body)
					return
				}
				ended[i] = fmt.Sprintf("%d %s %x %s", page.Status, page.Header.Get("Location"), s.ID, s.OpenID)
			})
		}
		wg.Wait()
		for _, e := range ended[1:] {
			if e != ended[0] {
				t.Errorf("answered %q and %q", ended[0], e)
			}
		}
		if n := first.sim.Calls("/sns/oauth2/access_token") - before; n != 1 {
			t.Errorf("%d exchanges", n)
		}
	})
	t.Run("a code of another browser gets nothing at another node", func(t *testing.T) {
		ming, li := first.phone("ming"), first.phone("li")
		callback := ming.toCallback(first.at(appA, "shop", "/page"))
		first.who(ming.open(callback))
		second.who(li.open(second.at(appA, "shop", "/")))
		if user := second.who(li.open(second.moved(callback, first))); user.OpenID != first.sim.OpenID("li", appA) {
			t.Errorf("he is %+v", user)
		}
	})
	t.Run("a sign-out holds at the other node before it looks by itself", func(t *testing.T) {
		p := first.phone("ming")
		first.who(p.open(first.at(appA, "shop", "/")))
		cookie := p.cookie(first, appA)
		thief := first.phone("")
		thief.plant(second, appA, cookie)
		second.who(thief.fetch("GET", second.at(appA, "shop", "/"))) // it is in its cache
		p.send("POST", first.at(appA, "shop", "/-/logout"), nil, "Sec-Fetch-Site", "same-origin", "Accept", "text/html")
		began := time.Now()
		waitFor(t, "the other node to hear of it", func() bool { return thief.fetch("GET", second.at(appA, "shop", "/")).Status == 401 })
		if took := time.Since(began); took > time.Second {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("limits are counted over both", func(t *testing.T) {
		first, second := startNodes(t, redistest.Single(t), limited("logins 2/1h")...)
		first.who(first.phone("ming").open(first.at(appA, "shop", "/")))
		second.who(second.phone("ming").open(second.at(appA, "shop", "/")))
		first.wantRefusal(t, first.phone("li").open(first.at(appA, "shop", "/")), codeTooMany)
		second.wantRefusal(t, second.phone("li").open(second.at(appA, "shop", "/")), codeTooMany)
	})
	t.Run("what is known needs no Redis", func(t *testing.T) {
		p := first.phone("ming")
		first.who(p.open(first.at(appA, "shop", "/")))
		before := first.app.redis.Commands()
		for range 50 {
			first.who(p.fetch("GET", first.at(appA, "shop", "/")))
		}
		if n := first.app.redis.Commands() - before; n > 5 { // a lease may be renewed meanwhile
			t.Errorf("%d commands for 50 requests", n)
		}
	})
}

func TestNodes_redisGone(t *testing.T) {
	t.Parallel()
	server := redistest.Single(t)
	first, second := startNodes(t, server)
	p := first.phone("ming")
	user := first.who(p.open(first.at(appA, "shop", "/")))
	server.Kill()
	began := time.Now()
	t.Run("who is known and who signs in notice nothing", func(t *testing.T) {
		if second.who(p.open(second.at(appA, "shop", "/"))).Subject != user.Subject {
			t.Error("he is somebody else")
		}
		if first.who(first.phone("ming").open(first.at(appA, "shop", "/"))).Subject != user.Subject || second.who(second.phone("li").open(second.at(appA, "shop", "/"))).OpenID == "" {
			t.Error("nobody can sign in")
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %s", took)
		}
	})
	t.Run("the node says so, and stays ready", func(t *testing.T) {
		waitFor(t, "the outage to be noticed", first.app.redisDown.Load)
		if h := first.app.health(); !h.Ready || h.Checks["cluster"] != "away" {
			t.Errorf("it says %+v", h)
		}
	})
	t.Run("once it is back it is used again", func(t *testing.T) {
		server.Restart(t)
		waitFor(t, "it to be found again", func() bool { return !first.app.redisDown.Load() && !second.app.redisDown.Load() })
		first.who(first.phone("li").open(first.at(appA, "shop", "/")))
		if first.app.health().Checks["cluster"] != "ok" {
			t.Errorf("it says %+v", first.app.health())
		}
	})
}

// TestNudge leaves out the look at the facts that each node takes by itself every second.
func TestNudge(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	shared := cluster.NewMemory(time.Now)
	var nodes []*App
	for range 2 {
		a := &App{shared: shared, nudged: make(chan struct{}, 1), look: make(chan struct{}, 1)}
		a.startNudges(ctx)
		nodes = append(nodes, a)
	}
	defer func() {
		cancel()
		for _, a := range nodes {
			a.workers.Wait()
		}
	}()
	<-nodes[1].look // it has begun to listen
	for range 3 {
		nodes[0].nudge()
		select {
		case <-nodes[1].look:
		case <-time.After(10 * time.Second):
			t.Fatal("the other node hears nothing")
		}
	}
}
