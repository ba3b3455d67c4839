package custody_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// What the gateway puts together.
var (
	_ custody.Source = (*wechat.Client)(nil)
	_ custody.Store  = (*sqlstore.Store)(nil)
)

// wire carries requests to the simulator without a network, of which a bubble of
// package synctest can't tell whether it waits.
type wire struct {
	world http.Handler
	from  string // the caller's address
}

func (w wire) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.RemoteAddr, r.RequestURI, r.Host = w.from+":1234", r.URL.RequestURI(), r.URL.Host
	r.URL.Scheme, r.URL.Host = "", "" // as a server has it
	if r.Body == nil {
		r.Body = http.NoBody
	}
	answer := make(chan *http.Response, 1)
	go func() {
		defer func() { _ = recover() }() // the simulator's way to close a connection
		defer close(answer)
		rec := httptest.NewRecorder()
		w.world.ServeHTTP(rec, r)
		answer <- rec.Result()
	}()
	select {
	case <-r.Context().Done():
		return nil, r.Context().Err()
	case got, ok := <-answer:
		if !ok {
			return nil, http.ErrServerClosed
		}
		return got, nil
	}
}

// simulated has a world whose keepers talk to the simulator through the real client.
func simulated(t *testing.T, test func(w *world, sim *wechatsim.Sim, clients []*wechat.Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := wechatsim.DefaultOptions()
		o.Seed, o.People = 1, []wechatsim.Person{}
		o.Accounts = []wechatsim.Account{}
		for i := range 10 {
			o.Accounts = append(o.Accounts, wechatsim.Account{AppID: chaosID(i), Secret: "0123456789abcdef0123456789abcdef", Name: "a", Kind: wechatsim.KindService})
		}
		sim := wechatsim.New(o)
		defer sim.Close()
		var clients []*wechat.Client
		for i := range 4 {
			c, err := wechat.NewClient(wechat.Config{
				Hosts: []string{"http://localhost:1", "http://127.0.0.1:1"}, OpenURL: "http://127.0.0.1:1", MPURL: "http://127.0.0.1:1",
				HTTP: &http.Client{Transport: wire{sim.World(), fmt.Sprintf("192.0.2.%d", i+1)}},
			})
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, c)
		}
		test(w, sim, clients)
	})
}

func chaosID(i int) string { return fmt.Sprintf("wx%d%015x", 1+i%2, i) }

// nodeOf makes a keeper that talks through a client.
func (w *world) nodeOf(c *wechat.Client, name string) *custody.Keeper {
	w.config = func(cfg *custody.Config) {
		cfg.Source = c
		cfg.Account = func(appID string) (custody.Account, bool) {
			return custody.Account{AppID: appID, Secret: "0123456789abcdef0123456789abcdef", Legacy: isLegacy(appID)}, true
		}
	}
	return w.node(name)
}

func TestSimulator(t *testing.T) {
	t.Parallel()
	t.Run("an address that isn't in the whitelist is told, and heard no more of once it is", func(t *testing.T) {
		t.Parallel()
		simulated(t, func(w *world, sim *wechatsim.Sim, clients []*wechat.Client) {
			appID := chaosID(0)
			list := func(addresses ...string) {
				if err := sim.ChangeAccount(appID, func(a *wechatsim.Account) { a.Whitelist = addresses }); err != nil {
					w.Fatal(err)
				}
			}
			list("192.0.2.200")
			k := w.nodeOf(clients[2], "a")
			if _, _, err := k.Token(w.Context(), appID); err == nil {
				w.Error("there is a token")
			}
			if s := k.States()[0]; s.IP != "192.0.2.3" || s.Alarm != custody.ReasonIP {
				w.Errorf("the state is %+v", s)
			}
			list("192.0.2.200", "192.0.2.3")
			pass(2 * time.Minute)
			w.token(k, appID)
			w.tells("ip+", "ip-")
		})
	})
	for fault, want := range map[string]string{
		"secret_changed": "secret", "ip_unconfirmed": "confirm", "quota_spent": "quota", "account_frozen": "frozen",
	} {
		t.Run("the simulator's "+fault+" is the alarm "+want, func(t *testing.T) {
			t.Parallel()
			simulated(t, func(w *world, sim *wechatsim.Sim, clients []*wechat.Client) {
				sim.Fail(fault, wechatsim.Always())
				k := w.nodeOf(clients[0], "a")
				for range 5 {
					_, _, _ = k.Token(w.Context(), chaosID(0))
					pass(time.Minute)
				}
				w.tells(want + "+")
			})
		})
	}
	t.Run("a stable token that is given dead is told, and replaced where that is permitted", func(t *testing.T) {
		t.Parallel()
		simulated(t, func(w *world, sim *wechatsim.Sim, clients []*wechat.Client) {
			appID, k := chaosID(0), w.nodeOf(clients[0], "a")
			w.token(k, appID)
			sim.KillTokens(appID)
			sim.Fail("token_stale", wechatsim.Always())
			if err := callSimulator(k, w.Context(), clients[0], appID); err == nil {
				w.Error("the dead token works")
			}
			w.tells("dead+")
			k.Force = true
			pass(time.Minute)
			if err := callSimulator(k, w.Context(), clients[0], appID); err != nil {
				w.Error(err)
			}
			w.tells("dead-")
		})
	})
	t.Run("a day of faults before the simulator: hardly a call fails", func(t *testing.T) {
		t.Parallel()
		simulated(t, simulatorDay)
	})
}

func callSimulator(k *custody.Keeper, ctx context.Context, c *wechat.Client, appID string) error {
	return k.Do(ctx, appID, func(ctx context.Context, as wechat.Bearer) error {
		_, err := c.CallbackIPs(ctx, as)
		return err
	})
}

// simulatorDay is the day of TestChaos with the faults of the simulator.
func simulatorDay(w *world, sim *wechatsim.Sim, clients []*wechat.Client) {
	for _, path := range []string{"/cgi-bin/token", "/cgi-bin/stable_token", "/cgi-bin/ticket/getticket"} {
		for _, fault := range []string{"busy", "slow", "host_down", "http_500", "not_json", "numbers_as_strings", "unknown_fields"} {
			sim.Fail(fault, wechatsim.Always(), wechatsim.Chance(0.04), wechatsim.On(path))
		}
	}
	sim.Fail("token_dead", wechatsim.Always(), wechatsim.Chance(0.002), wechatsim.On("/cgi-bin/getcallbackip"))
	ctx, cancel := context.WithCancel(w.Context())
	var keepers, callers sync.WaitGroup
	var nodes []*custody.Keeper
	for i, c := range clients {
		k := w.nodeOf(c, fmt.Sprint("n", i))
		nodes = append(nodes, k)
		keepers.Go(func() { k.Run(ctx) })
	}
	var calls, failed atomic.Int64
	end := time.Now().Add(24 * time.Hour)
	for i := range 10 {
		random := rand.New(rand.NewPCG(1, uint64(i)))
		callers.Go(func() {
			for time.Now().Before(end) {
				pass(time.Duration(30+random.IntN(120)) * time.Second)
				n := random.IntN(4)
				calls.Add(1)
				if err := callSimulator(nodes[n], w.Context(), clients[n], chaosID(i)); err != nil {
					failed.Add(1)
					w.Log(err)
				}
				if random.IntN(10) == 0 {
					_, _, _ = nodes[n].Ticket(w.Context(), chaosID(i), "jsapi")
				}
			}
		})
	}
	callers.Wait()
	cancel()
	keepers.Wait()
	judgeDay(w, sim, calls.Load(), failed.Load())
}

// judgeDay compares the day with what it must have been.
func judgeDay(w *world, sim *wechatsim.Sim, calls, failed int64) {
	tokens, dead := 0, 0
	for i := range 10 {
		list := sim.Tokens(chaosID(i))
		tokens += len(list)
		for _, t := range list {
			if !t.Retired.IsZero() && t.Retired.Before(t.Issued.Add(90*time.Minute)) {
				dead++
			}
		}
	}
	w.Logf("10 accounts, 4 nodes, 24h: %d calls, %d failed; %d tokens, %d of them dead early, %d calls for tokens", calls, failed, tokens, dead, sim.Calls("/cgi-bin/token")+sim.Calls("/cgi-bin/stable_token"))
	if failed*200 > calls {
		w.Errorf("of %d calls %d failed", calls, failed)
	}
	// A token lives 96 to 115 minutes, unless it is killed.
	if tokens > 10*16+2*dead {
		w.Errorf("there were %d tokens, of which %d died early", tokens, dead)
	}
	for _, watch := range []*watch{w.shared.watch, w.store.watch} {
		for _, b := range watch.broken {
			w.Error(b)
		}
	}
}
