package nodes

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestStory_rolling stops and starts all nodes, one after the other, and reloads their
// configuration, under visitors who notice nothing.
func TestStory_rolling(t *testing.T) {
	const people = 60
	w := startWorld(t, 3, people)
	crowd, visitors := w.newCrowd(t, people)
	t.Cleanup(func() { crowd.report(t) })
	over := make(chan struct{})
	var wg sync.WaitGroup
	for _, v := range visitors {
		wg.Go(func() { v.hurry(t.Context(), over) })
	}
	steady := func(n *node) {
		await(t, n.name+" to be in rotation", func() error {
			if !w.inRotation(n) {
				return errors.New("it isn't")
			}
			return nil
		})
	}
	rounds := 1
	if soak() {
		rounds = 5
	}
	for range rounds {
		for _, n := range w.nodes {
			steady(n)
			n.stop()
			n.start(t)
		}
		before := crowd.requests.Load()
		for i, n := range w.nodes {
			steady(n)
			n.write(t, w.config("limits {", fmt.Sprintf("cache_size %d\n\t\tlimits {", 1000+i)))
			n.reload(t)
		}
		t.Logf("%d requests while the configurations were loaded", crowd.requests.Load()-before)
	}
	pause(t.Context(), time.Second)
	close(over)
	wg.Wait()
	for what, n := range crowd.errors {
		if !strings.HasSuffix(what, "for no reason") {
			t.Errorf("%d errors: %s", n, what)
		}
	}
}

// hurry acts until the day is over, with hardly a pause.
func (v *visitor) hurry(ctx context.Context, over <-chan struct{}) {
	for {
		select {
		case <-over:
			return
		case <-time.After(time.Duration(200+v.dice.IntN(800)) * time.Millisecond):
			v.act(ctx)
		}
	}
}
