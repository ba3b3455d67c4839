package nodes

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"
)

// TestStory has visitors come and go while nodes are killed and paused, and what they share
// is taken away.
func TestStory(t *testing.T) {
	const people = 200
	w := startWorld(t, 3, people)
	crowd, visitors := w.newCrowd(t, people)
	t.Cleanup(func() { crowd.report(t) })

	slowest := crowd.calm(t, visitors[:5])
	over := make(chan struct{})
	var wg sync.WaitGroup
	for _, v := range visitors {
		wg.Go(func() { v.live(t.Context(), over) })
	}
	crowd.storm(t)
	close(over)
	wg.Wait()
	if crowd.hopeless() {
		t.FailNow() // all the rest would only take long
	}
	began := time.Now()
	crowd.each(visitors, func(v *visitor) { v.become(t.Context()) })
	crowd.each(visitors, func(v *visitor) { v.isMemberEverywhere(t.Context()) })
	slowest = max(slowest, crowd.calm(t, visitors[len(visitors)-5:]))
	t.Logf("the slowest sign-out was heard of after %s; everybody was asked within %s", slowest.Round(time.Millisecond), time.Since(began).Round(time.Second))
	crowd.told(t, visitors)
	t.Logf("all was told after %s", time.Since(began).Round(time.Second))
}

// each has visitors do something, not all at once.
func (c *crowd) each(visitors []*visitor, do func(*visitor)) {
	turn := make(chan struct{}, 8)
	var wg sync.WaitGroup
	for _, v := range visitors {
		if turn <- struct{}{}; c.hopeless() {
			break
		}
		wg.Go(func() {
			defer func() { <-turn }()
			do(v)
		})
	}
	wg.Wait()
}

// isMemberEverywhere wants every node to know him as the member that he was bound to, and
// none to take a session that he has ended.
func (v *visitor) isMemberEverywhere(ctx context.Context) {
	for _, n := range v.crowd.nodes {
		if err := within(ctx, 5*time.Second, func() error {
			if user, ok := v.fetch(at(ctx, n), appA); !ok || user.Subject != v.member {
				return fmt.Errorf("he is %+v", user)
			}
			return nil
		}); err != nil {
			v.crowd.wrong("%s was bound, and at %s: %v", v.name, n.name, err)
		}
		for _, cookies := range v.ended {
			if shown, err := v.stolen(ctx, n, cookies); err != nil || shown.status != http.StatusUnauthorized {
				v.crowd.wrong("%s has signed out, and %s answers %d (%v)", v.name, n.name, shown.status, err)
			}
		}
	}
}

// calm has some visitors sign in, be known at all nodes, and sign out at one. It returns how
// long it took until the slowest of the others took their sessions no more.
func (c *crowd) calm(t *testing.T, visitors []*visitor) (slowest time.Duration) {
	t.Helper()
	for i, v := range visitors {
		// On a phone of its own: several logins within half a minute on one are a loop.
		v.phone, v.signedIn, v.signedOut = c.newPhone(t, v.name), nil, false
		if user, ok := v.signIn(t.Context()); !ok || user.OpenID == "" {
			t.Fatalf("%s can't sign in: %+v", v.name, user)
		}
		for _, n := range c.nodes {
			if _, ok := v.fetch(at(t.Context(), n), appA); !ok {
				t.Errorf("%s doesn't know %s", n.name, v.name)
			}
		}
		cookies := v.session()
		if !v.signOut(at(t.Context(), c.nodes[i%len(c.nodes)])) {
			t.Fatalf("%s can't sign out", v.name)
		}
		began := time.Now()
		for _, n := range c.nodes {
			if err := within(t.Context(), 10*time.Second, func() error {
				shown, err := v.stolen(t.Context(), n, cookies)
				if err == nil && shown.status != http.StatusUnauthorized {
					err = errors.New("it takes the session")
				}
				return err
			}); err != nil {
				t.Errorf("%s: %v", n.name, err)
			}
		}
		slowest = max(slowest, time.Since(began))
	}
	if slowest > time.Second {
		t.Errorf("a sign-out was heard of after %s", slowest)
	}
	return slowest
}

// hopeless says whether enough is wrong.
func (c *crowd) hopeless() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.wrongs) >= 20
}

// told wants the line of business to know who stands for everybody whom it has met.
func (c *crowd) told(t *testing.T, visitors []*visitor) {
	t.Helper()
	err := within(t.Context(), patience, func() error {
		lost := 0
		one := ""
		for _, v := range visitors {
			for id := range v.ids {
				if heir := c.lines.survivor(id); heir != v.member {
					lost, one = lost+1, fmt.Sprintf("%s of %s leads to %s", id, v.name, heir)
				}
			}
		}
		if lost > 0 {
			return fmt.Errorf("%d ids lead nowhere, so %s", lost, one)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// report prints figures, and fails for what must never happen.
func (c *crowd) report(t *testing.T) {
	t.Helper()
	events, repeated, forged := c.lines.count()
	t.Logf("%d visits in %d requests, %d of them sent again; %d logins, %d binds, %d sign-outs, %d ids; %d events, %d of them more than once",
		c.visits.Load(), c.requests.Load(), c.retries.Load(), c.logins.Load(), c.binds.Load(), c.signOuts.Load(), len(c.owners), events, repeated)
	for _, what := range slices.Sorted(maps.Keys(c.errors)) {
		t.Logf("%d errors: %s", c.errors[what], what)
	}
	for _, r := range c.recovery() {
		t.Log(r)
	}
	for _, e := range c.unlooked {
		t.Errorf("an error for no reason: %s", e)
	}
	for _, e := range c.wrongs {
		t.Error(e)
	}
	if n := c.site.wrong.Load(); n > 0 || forged > 0 {
		t.Errorf("%d tokens and %d events were none", n, forged)
	}
}
