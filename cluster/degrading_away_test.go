package cluster

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// TestDegradingPause has a Redis that goes away again and again.
func TestDegradingPause(t *testing.T) {
	t.Parallel()
	c := newClock()
	// Closed, so that nobody looks for a Redis.
	d := &Degrading{now: c.time, log: slog.New(slog.DiscardHandler), observe: func(bool, string) {}, every: time.Second, closed: true}
	for i, want := range []time.Duration{1, 2, 4, 8, 16, 16} {
		d.leave(errors.New("gone"), "unreachable")
		if d.pause != want*time.Second {
			t.Errorf("outage %d: it is tried every %v, want %ds", i+1, d.pause, want)
		}
		c.advance(time.Minute)
		d.enter()
		c.advance(maxProbe)
	}
	c.advance(time.Millisecond)
	if d.leave(errors.New("gone"), "unreachable"); d.pause != time.Second {
		t.Errorf("after a while that was good it is tried every %v", d.pause)
	}
}

// TestOutageEnds has a call that knows of an outage only, which has ended just now.
func TestOutageEnds(t *testing.T) {
	t.Parallel()
	o := &outage{owed: map[string]struct{}{}}
	if !o.owe("k") {
		t.Error("nothing can be owed")
	}
	for i := range 2 * maxOwed {
		o.owe(string(rune(i)))
	}
	if len(o.owed) != maxOwed {
		t.Errorf("%d keys are owed", len(o.owed))
	}
	clear(o.owed)
	if err := o.settle(t.Context(), nil); err != nil || o.owe("k") {
		t.Errorf("it goes on: %v", err)
	}
}

// TestListenerHeartbeat has a server that keeps a connection and says nothing.
func TestListenerHeartbeat(t *testing.T) {
	t.Parallel()
	s := redistest.Single(t)
	r, err := OpenRedis(t.Context(), RedisConfig{Addresses: []string{s.Addr}, Cluster: "the facts of this test", Keys: [][]byte{bytes.Repeat([]byte{1}, 32)}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	r.heartbeat = 20 * time.Millisecond
	ctx, cancel := context.WithCancel(t.Context())
	heard, ended := make(chan []byte), make(chan struct{})
	go func() {
		defer close(ended)
		r.Subscribe(ctx, "t", func(text []byte) {
			select {
			case heard <- text:
			case <-ctx.Done():
			}
		})
	}()
	<-heard
	for end, again := time.Now().Add(20*time.Second), false; !again; {
		s.Pause(t)
		<-time.After(5 * r.heartbeat)
		s.Resume(t)
		select {
		case text := <-heard:
			again = text == nil
		case <-time.After(time.Second):
			if time.Now().After(end) {
				t.Fatal("it doesn't notice")
			}
		}
	}
	cancel()
	<-ended
}
