package nodes

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const fansPath = "/cgi-bin/user/info/batchget"

// TestNodes_work has three nodes share what one of them does at a time: a job, and the events of a
// line of business. The one that is at it stands still, and wakes up when it is done.
func TestNodes_work(t *testing.T) {
	t.Parallel()
	const people = 120
	w := startWorld(t, 3, people)
	crowd, visitors := w.newCrowd(t, people)
	t.Cleanup(func() { crowd.report(t) })
	for i := range people {
		if err := w.sim.Follow(personName(i), appB, true); err != nil {
			t.Fatal(err)
		}
	}
	crowd.each(visitors, func(v *visitor) {
		if user, ok := v.look(t.Context(), appB); !ok || user.Linked {
			crowd.wrong("%s is %+v", v.name, user)
		}
	})
	t.Run("a job runs once, also when the node that is at it stands still", func(t *testing.T) { crowd.backfill(t, visitors) })
	t.Run("events come, also when the node that sends them stands still", func(t *testing.T) { crowd.sent(t, visitors) })
}

// backfill completes the unionids of everybody, with the node frozen that begins to.
func (c *crowd) backfill(t *testing.T, visitors []*visitor) {
	t.Helper()
	key := c.nodes[0].apiKey(t, "operate")
	c.sim.Fail("slow", wechatsim.On(fansPath), wechatsim.Delay(3*time.Second))
	var j struct {
		ID, State           string
		Done, Total, Filled int
	}
	// Only the first node looks at once; the others every two seconds.
	if err := c.nodes[0].ask(t.Context(), key, "POST", "/v1/accounts/"+appB+"/jobs", `{"kind": "backfill"}`, &j); err != nil {
		t.Fatal(err)
	}
	await(t, "the job to begin", func() error {
		if len(c.sim.Armed()) > 0 {
			return errors.New("nobody has asked WeChat")
		}
		return nil
	})
	end := c.begin(paused, c.nodes[0])
	c.nodes[0].pause()
	c.redis.Kill() // and with it the lease
	c.redis.Restart(t)
	watch := func(n *node) {
		await(t, "the job to be done", func() error {
			if err := n.ask(t.Context(), key, "GET", "/v1/jobs/"+j.ID, "", &j); err != nil {
				return err
			}
			if j.State != "done" {
				return fmt.Errorf("it is %+v", j)
			}
			return nil
		})
	}
	watch(c.nodes[1])
	before := j
	c.nodes[0].resume()
	end()
	await(t, "the node to be back", func() error { return c.nodes[0].ready(t.Context()) })
	pause(t.Context(), 5*time.Second) // for WeChat's slow answer, and what it might do with that
	watch(c.nodes[0])
	if j != before || j.Done != len(visitors) || j.Filled != len(visitors) {
		t.Errorf("the job was %+v, and is %+v", before, j)
	}
	// Twice for all, and once by who didn't hear the answer in time.
	asked := c.sim.Calls(fansPath)
	if asked > 3 {
		t.Errorf("WeChat was asked %d times", asked)
	}
	t.Logf("%d openids, %d questions to WeChat", j.Done, asked)
	c.each(visitors, func(v *visitor) {
		if user, ok := v.look(t.Context(), appB); !ok || !user.Linked {
			c.wrong("%s is %+v", v.name, user)
		}
	})
}

// sent makes everybody a member, with the node frozen that sends the events of that, for
// longer than it has the line for itself.
func (c *crowd) sent(t *testing.T, visitors []*visitor) {
	t.Helper()
	arrived := make(chan string)
	c.lines.hold(arrived)
	c.each(visitors, func(v *visitor) {
		if _, ok := v.look(t.Context(), appA); !ok || !v.bind(t.Context()) {
			c.wrong("%s can't become a member", v.name)
		}
	})
	name := <-arrived
	for _, n := range c.nodes {
		if n.name != name {
			continue
		}
		end := c.begin(paused, n)
		n.pause()
		c.lines.hold(nil)
		began := time.Now()
		go func() {
			for range arrived { // what has come already
			}
		}()
		c.told(t, visitors)
		t.Logf("without %s all events were there after %s", name, time.Since(began).Round(time.Millisecond))
		n.resume()
		end()
		await(t, "the node to be back", func() error { return n.ready(t.Context()) })
	}
	pause(t.Context(), 3*time.Second) // for what it might do
	c.told(t, visitors)
}
