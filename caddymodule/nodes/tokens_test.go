package nodes

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// What an account's token is got at, by the kind of it.
const (
	stablePath = "/cgi-bin/stable_token"
	legacyPath = "/cgi-bin/token"
)

// overlap is how long WeChat takes the token before (wechat-api.md §4.1).
const overlap = 5 * time.Minute

// TestNodes_tokens has four nodes give away the tokens of two accounts, of which one is of the
// stable kind and one of the legacy kind, while the node that gets the next one stands still
// and another is killed.
func TestNodes_tokens(t *testing.T) {
	t.Parallel()
	w := startWorld(t, 4, 0, "subject acme\n\t\t}\n\t\trealm", "subject acme\n\t\t\taccess_token legacy\n\t\t}\n\t\trealm")
	key := w.nodes[0].apiKey(t, "token")
	// The stable kind first: a Redis that is lost loses it, and it is asked for again.
	for _, account := range [][2]string{{appA, stablePath}, {appB, legacyPath}} {
		appID, path := account[0], account[1]
		first := w.agreed(t, key, appID, w.nodes)
		if n := w.refreshes(appID, path); n != 1 {
			t.Errorf("%s: four nodes ask %d times", path, n)
		}
		w.loseToken(t, key, appID, path, first)
	}
}

// loseToken kills a token at WeChat, freezes the node that is about to get the next one,
// kills another, and wants the other two to have a good one.
func (w *world) loseToken(t *testing.T, key, appID, path, first string) {
	t.Helper()
	before := w.refreshes(appID, path)
	holder, victim, rest := w.nodes[0], w.nodes[1], w.nodes[2:]
	w.sim.Fail("slow", wechatsim.On(path), wechatsim.For(appID), wechatsim.Delay(3*time.Second), wechatsim.Times(2))
	w.sim.KillTokens(appID)
	began := time.Now()
	reported := make(chan error, 1)
	go func() { reported <- holder.report(t, key, appID, first) }()
	await(t, "the node to ask WeChat", func() error {
		if armed := w.sim.Armed(); len(armed) > 0 && armed[0].Left > 1 {
			return errors.New("it hasn't")
		}
		return nil
	})
	holder.pause()
	victim.kill()
	if !soak() {
		// Or a minute goes by until its lease ends.
		w.redis.Kill()
		awaitCluster(t, key, rest, "away")
		w.redis.Restart(t)
		awaitCluster(t, key, rest, "ok") // without it each of them asks by itself
	}
	next := w.agreed(t, key, appID, rest)
	took := time.Since(began)
	// One of the node that stands still, and one of the two others, slow as it is.
	if n := w.refreshes(appID, path) - before; n > 2 {
		t.Errorf("%s: it took %d questions to WeChat while a node stood still", path, n)
	}
	holder.resume()
	victim.start(t)
	if err := <-reported; err != nil {
		t.Logf("who reported it to the node that stood still heard: %v", err)
	}
	last := w.agreed(t, key, appID, w.nodes)
	t.Logf("%s: the dead token was replaced after %s, with %d questions to WeChat", path, took.Round(time.Millisecond), w.refreshes(appID, path)-before)
	for _, k := range w.sim.Tokens(appID) {
		if k.Word == last && !k.Retired.IsZero() {
			t.Logf("%s: who woke up has asked for one more, which ends the one that all have after %s", path, k.Retired.Sub(w.sim.Now()).Round(time.Second))
		}
	}
	if last != next {
		t.Errorf("%s: who woke up has put an older token in its place", path)
	}
	if took > overlap {
		t.Errorf("%s: a dead token was given away for %s", path, took)
	}
	// Who wakes up may ask once more.
	if n := w.refreshes(appID, path) - before; n > 3 {
		t.Errorf("%s: it took %d questions to WeChat", path, n)
	}
}

// awaitCluster waits until these nodes say that of what they share.
func awaitCluster(t *testing.T, key string, nodes []*node, state string) {
	t.Helper()
	for _, n := range nodes {
		await(t, n.name+" to find the Redis "+state, func() error {
			var out struct {
				Checks map[string]string `json:"checks"`
			}
			if err := n.ask(t.Context(), key, "GET", "/ready", "", &out); err != nil {
				return err
			}
			if got := out.Checks["cluster"]; got != state {
				return errors.New("it says " + got)
			}
			return nil
		})
	}
}

// agreed waits until these nodes give away one token, which WeChat takes. Whoever gets a dead
// one says so, as who uses it does.
func (w *world) agreed(t *testing.T, key, appID string, nodes []*node) string {
	t.Helper()
	var token string
	await(t, "one good token", func() error {
		given := make([]string, len(nodes))
		errs := make([]error, len(nodes))
		var wg sync.WaitGroup
		for i, n := range nodes {
			wg.Go(func() {
				var out struct {
					AccessToken string `json:"access_token"`
				}
				errs[i] = n.ask(t.Context(), key, "GET", "/v1/accounts/"+appID+"/access-token", "", &out)
				given[i] = out.AccessToken
			})
		}
		wg.Wait()
		if err := errors.Join(errs...); err != nil {
			return err
		}
		dead := false
		for i, n := range nodes {
			if !w.takes(appID, given[i]) {
				dead = true
				wg.Go(func() { errs[i] = n.report(t, key, appID, given[i]) })
			}
		}
		if wg.Wait(); dead {
			return errors.Join(append(errs, errors.New("it is dead"))...)
		}
		token = given[0]
		if i := slices.IndexFunc(given, func(g string) bool { return g != token }); i >= 0 {
			return fmt.Errorf("%s has another one", nodes[i].name)
		}
		return nil
	})
	return token
}

// takes says whether WeChat takes a token now.
func (w *world) takes(appID, word string) bool {
	now := w.sim.Now()
	return slices.ContainsFunc(w.sim.Tokens(appID), func(k wechatsim.Token) bool {
		return k.Word == word && now.Before(k.Until) && (k.Retired.IsZero() || now.Before(k.Retired))
	})
}

// report tells a node that a token is dead.
func (n *node) report(t *testing.T, key, appID, token string) error {
	body, err := json.Marshal(map[string]string{"access_token": token})
	if err != nil {
		return err
	}
	return n.ask(t.Context(), key, "POST", "/v1/accounts/"+appID+"/access-token/report", string(body), new(map[string]any))
}

// refreshes counts how often WeChat was asked for an account's token.
func (w *world) refreshes(appID, path string) (n int) {
	for _, r := range w.sim.Requests() {
		if r.Path == path && (r.AppID == appID || strings.Contains(r.Posted, appID)) {
			n++
		}
	}
	return n
}
