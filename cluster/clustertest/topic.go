package clustertest

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// patience is how long something may take that happens by itself.
const patience = 20 * time.Second

// listen listens to a topic in a goroutine. "nil" is heard where something may have been
// missed; stop ends it and returns when it has ended.
func (n nodes) listen(s cluster.Shared, topic string) (hear func() string, stop func()) {
	n.Helper()
	ctx, cancel := context.WithCancel(n.ctx)
	heard, ended := make(chan string, 1000), make(chan struct{})
	go func() {
		s.Subscribe(ctx, topic, func(text []byte) {
			if text == nil {
				heard <- "nil"
				return
			}
			heard <- fmt.Sprintf("%q", text)
		})
		close(ended)
	}()
	hear = func() string {
		n.Helper()
		select {
		case text := <-heard:
			return text
		case <-time.After(patience):
			n.Fatal("nothing was heard")
			return ""
		}
	}
	stop = func() {
		n.Helper()
		cancel()
		select {
		case <-ended:
		case <-time.After(patience):
			n.Error("it goes on listening")
		}
	}
	return hear, stop
}

// topics: what nodes tell each other.
func (h Harness) topics(t *testing.T) {
	h.promise(t, "what is published is heard by all who listen to it, in order", func(n nodes) {
		hearA, stopA := n.listen(n.a, "t")
		hearB, stopB := n.listen(n.b, "t")
		hears := []func() string{hearA, hearB}
		for i, hear := range hears {
			if got := hear(); got != "nil" {
				n.Fatalf("listener %d hears %s first", i, got)
			}
		}
		n.must(n.a.Publish(n.ctx, "other", []byte("nobody's")))
		n.must(n.a.Publish(n.ctx, "t", []byte("one")))
		n.must(n.a.Publish(n.ctx, "t", nil))
		n.must(n.a.Publish(n.ctx, "t", []byte("a\x00\xff")))
		for i, hear := range hears {
			for _, want := range []string{`"one"`, `""`, `"a\x00\xff"`} {
				if got := hear(); got != want {
					n.Errorf("listener %d hears %s, want %s", i, got, want)
				}
			}
		}
		stopA()
		n.must(n.b.Publish(n.ctx, "t", []byte("two")))
		if got := hearB(); got != `"two"` {
			n.Errorf("heard %s", got)
		}
		stopB()
		n.must(n.b.Publish(n.ctx, "t", []byte("to nobody")))
	})
	h.promise(t, "a text is copied, and a topic is no key", func(n nodes) {
		hear, stop := n.listen(n.b, "k")
		defer stop()
		hear()
		text := []byte("one")
		n.must(n.a.Publish(n.ctx, "k", text))
		text[0] = 'X'
		if got := hear(); got != `"one"` {
			n.Errorf("heard %s", got)
		}
		n.has(n.a, "k", "-")
	})
	h.promise(t, "nobody listens to what is no topic, or after his context", func(n nodes) {
		_, stop := n.listen(n.a, "")
		stop()
		over, cancel := context.WithCancel(n.ctx)
		cancel()
		n.a.Subscribe(over, "t", func([]byte) { n.Error("heard something") })
		if err := n.a.Publish(over, "t", nil); err == nil {
			n.Error("published after its context")
		}
	})
}
