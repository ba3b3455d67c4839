package nodes

import (
	"context"
	"testing"
	"time"
)

// storm takes things away, one after the other, in an order that the seed decides.
func (c *crowd) storm(t *testing.T) {
	t.Helper()
	dice := c.dice(1 << 32)
	short, rounds := 2*time.Second, 1
	if soak() {
		short, rounds = 4*time.Second, 3
	}
	pause(t.Context(), short) // everybody comes first
	for range rounds {
		trouble := []func(){
			func() { // a node dies
				n := c.nodes[dice.IntN(len(c.nodes))]
				end := c.begin(killed, n)
				n.kill()
				pause(t.Context(), short)
				n.start(t)
				end()
			},
			func() { // a node stands still, and its leases are lost meanwhile: with the Redis, or in time
				n := c.nodes[dice.IntN(len(c.nodes))]
				end := c.begin(paused, n)
				n.pause()
				gone := c.begin(redisAway, nil)
				c.redis.Kill()
				pause(t.Context(), short)
				c.redis.Restart(t)
				gone()
				if soak() {
					pause(t.Context(), 70*time.Second)
				}
				n.resume()
				end()
			},
			func() {
				end := c.begin(redisAway, nil)
				c.redis.Pause(t)
				pause(t.Context(), short)
				c.redis.Resume(t)
				end()
			},
			func() {
				end := c.begin(factsAway, nil)
				c.facts.Stop()
				pause(t.Context(), short)
				if err := c.facts.Again(); err != nil {
					t.Error(err)
				}
				end()
			},
			func() {
				end := c.begin(factsSilent, nil)
				c.line.silence()
				pause(t.Context(), short)
				c.line.speak()
				end()
			},
		}
		dice.Shuffle(len(trouble), func(i, j int) { trouble[i], trouble[j] = trouble[j], trouble[i] })
		for _, do := range trouble {
			do()
			pause(t.Context(), short)
		}
	}
	pause(t.Context(), grace)
}

// pause lets a time pass that the story is about.
func pause(ctx context.Context, long time.Duration) {
	timer := time.NewTimer(long)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
