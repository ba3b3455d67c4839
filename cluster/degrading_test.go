package cluster_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

// slack is how long a call may take whose Redis is away. The time-out is a second, and
// everything else is the machine's.
const slack = 4 * time.Second

// node is a node whose Redis a test takes away.
type node struct {
	*cluster.Degrading
	testing.TB
	redis *cluster.Redis

	mu     sync.Mutex
	seen   []string // what was observed
	logged bytes.Buffer
}

// Write is for the log.
func (n *node) Write(line []byte) (int, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.logged.Write(line)
}

// observed is what was observed until now.
func (n *node) observed() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return strings.Join(n.seen, " ")
}

func join(t testing.TB, s *redistest.Server, change ...func(*cluster.RedisConfig)) *node {
	t.Helper()
	change = append([]func(*cluster.RedisConfig){func(c *cluster.RedisConfig) { c.Timeout = time.Second }}, change...)
	n := &node{TB: t, redis: open(t, at(s, change...))}
	n.Degrading = cluster.NewDegrading(n.redis, time.Now, slog.New(slog.NewTextHandler(n, nil)), func(up bool, reason string) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.seen = append(n.seen, strings.TrimSpace(fmt.Sprint(map[bool]string{true: "up", false: "down"}[up], " ", reason)))
	})
	t.Cleanup(n.Close)
	return n
}

// back waits until the node uses its Redis again.
func (n *node) back() {
	n.Helper()
	until(n, "the node uses Redis again", n.Up)
}

func (n *node) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// has wants a value, or nothing if it is "-".
func (n *node) has(key, want string) {
	n.Helper()
	value, ok, err := n.Get(n.Context(), key)
	if !ok {
		value = []byte("-")
	}
	if err != nil || string(value) != want {
		n.Errorf("%s: %q, %v; want %q", key, value, err, want)
	}
}

// outages are ways in which a Redis is no use, and what they are called.
var outages = map[string]struct {
	reason     string
	answers    bool // it does answer, and keeps what it has
	take, give func(t testing.TB, s *redistest.Server)
}{
	"gone":   {"unreachable", false, func(_ testing.TB, s *redistest.Server) { s.Kill() }, func(t testing.TB, s *redistest.Server) { s.Restart(t) }},
	"paused": {"slow", false, func(t testing.TB, s *redistest.Server) { s.Pause(t) }, func(t testing.TB, s *redistest.Server) { s.Resume(t) }},
	"slow": {
		"slow", false, func(t testing.TB, s *redistest.Server) { s.Do(t, "client", "pause", 8000, "all") },
		func(testing.TB, *redistest.Server) {},
	},
	"read-only": {
		"read_only", true, func(t testing.TB, s *redistest.Server) { s.Do(t, "replicaof", "127.0.0.1", 1) },
		func(t testing.TB, s *redistest.Server) { s.Do(t, "replicaof", "no", "one") },
	},
	"full": {
		"full", true, func(t testing.TB, s *redistest.Server) { s.Do(t, "config", "set", "maxmemory", 1) },
		func(t testing.TB, s *redistest.Server) { s.Do(t, "config", "set", "maxmemory", 0) },
	},
	"denied": {
		"denied", true, func(t testing.TB, s *redistest.Server) { s.Do(t, "acl", "setuser", "default", "-set") },
		func(t testing.TB, s *redistest.Server) { s.Do(t, "acl", "setuser", "default", "+set") },
	},
}

// testOutages plays every outage from its beginning to its end.
func testOutages(t *testing.T) {
	for name, outage := range outages {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := redistest.Single(t)
			n := join(t, s)
			use(t, n)
			n.must(n.Put(t.Context(), "before", []byte("one"), time.Hour))
			outage.take(t, s)
			began := time.Now()
			n.must(n.Put(t.Context(), "during", []byte("two"), time.Hour))
			if took := time.Since(began); took > slack {
				t.Errorf("the first call took %v", took)
			}
			n.alone(outage.reason)
			probes := uint64(1)
			if outage.answers {
				probes = 5 // of which the last is in the second look
			}
			sent := n.redis.Commands()
			until(t, "it is tried", func() bool { return n.redis.Commands() >= sent+probes })
			if n.Up() {
				t.Error("what doesn't do is used again")
			}
			outage.give(t, s)
			n.back()
			n.has("during", "-")
			if outage.answers {
				n.has("before", "one")
			}
			use(t, n)
			if got, want := n.observed(), "down "+outage.reason+" up"; got != want {
				t.Errorf("observed %s, want %s", got, want)
			}
			n.mu.Lock()
			defer n.mu.Unlock()
			if lines := n.logged.String(); strings.Count(lines, "\n") != 2 || !strings.Contains(lines, "reason="+outage.reason) {
				t.Error(lines)
			}
		})
	}
}

// alone wants a node to answer by itself, without asking the Redis, as far as it may.
func (n *node) alone(reason string) {
	n.Helper()
	ctx := n.Context()
	if n.Up() || n.observed() != "down "+reason {
		n.Errorf("observed %q, want %s", n.observed(), reason)
	}
	began, fallbacks := time.Now(), n.Fallbacks()
	n.has("before", "-")
	n.has("during", "two")
	for i := range 1000 {
		if put, err := n.PutNew(ctx, fmt.Sprint(i), nil, time.Minute); !put || err != nil {
			n.Fatalf("%d: %t, %v", i, put, err)
		}
	}
	put, err := n.PutNew(ctx, "new", []byte("one"), time.Minute)
	again, err2 := n.PutNew(ctx, "new", []byte("two"), time.Minute)
	if !put || again || err != nil || err2 != nil {
		n.Errorf("put %t, %v, again %t, %v", put, err, again, err2)
	}
	if value, ok, err := n.Take(ctx, "new"); string(value) != "one" || !ok || err != nil {
		n.Errorf("took %q, %t, %v", value, ok, err)
	}
	for _, allowed := range []bool{true, false} {
		if v, err := n.Limit(ctx, "l", cluster.Rate{Count: 1, Per: time.Hour, Burst: 1}); v.Allowed != allowed || err != nil {
			n.Errorf("%+v, %v", v, err)
		}
	}
	n.must(n.Delete(ctx, "during"))
	_, _, lease := n.Lease(ctx, "l", "x", time.Minute)
	_, fenced := n.PutFenced(ctx, "k", nil, 1, time.Minute)
	for what, err := range map[string]error{"Lease": lease, "PutFenced": fenced, "Release": n.Release(ctx, "l", "x"), "Publish": n.Publish(ctx, "t", nil)} {
		if !errors.Is(err, cluster.ErrAway) {
			n.Errorf("%s: %v", what, err)
		}
	}
	if took := time.Since(began); took > slack {
		n.Errorf("its calls took %v", took)
	}
	if got := n.Fallbacks() - fallbacks; got != 1012 {
		n.Errorf("%d fallbacks", got)
	}
}

func TestDegrading(t *testing.T) {
	t.Parallel()
	t.Run("what was put or deleted meanwhile isn't there in its old form afterwards", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		n := join(t, s)
		for _, key := range []string{"put", "deleted", "other"} {
			n.must(n.Put(t.Context(), key, []byte("old"), time.Hour))
		}
		s.Do(t, "config", "set", "maxmemory", 1)
		n.must(n.Put(t.Context(), "put", []byte("new"), time.Hour))
		n.must(n.Delete(t.Context(), "deleted"))
		n.has("put", "new")
		s.Do(t, "config", "set", "maxmemory", 0)
		n.back()
		n.has("put", "-")
		n.has("deleted", "-")
		n.has("other", "old")
	})
	t.Run("a ticket is taken at most once, whoever is away", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		n, other := join(t, s), join(t, s)
		taken := 0
		take := func(n *node) {
			_, ok, err := n.Take(t.Context(), "ticket/1")
			if n.must(err); ok {
				taken++
			}
		}
		n.must(n.Put(t.Context(), "ticket/1", nil, time.Hour))
		s.Pause(t)
		take(n)
		take(n)
		if taken != 0 {
			t.Error("it was taken from nowhere")
		}
		s.Resume(t)
		take(other)
		n.back()
		other.back()
		take(n)
		take(other)
		if taken > 1 {
			t.Errorf("it was taken %d times", taken)
		}
	})
	t.Run("calls that wait when it goes away wait for the time-out once", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		n := join(t, s, func(c *cluster.RedisConfig) { c.Pool = 4 })
		s.Pause(t)
		defer s.Resume(t)
		began := time.Now()
		var all sync.WaitGroup
		for i := range 200 {
			all.Go(func() {
				if err := n.Put(t.Context(), fmt.Sprint(i), nil, time.Minute); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if took := time.Since(began); took > 2*slack {
			t.Errorf("they took %v", took)
		}
	})
	t.Run("whoever gives up says nothing about the Redis", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		n := join(t, s)
		s.Pause(t)
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		defer cancel()
		if err := n.Put(ctx, "k", nil, time.Minute); !errors.Is(err, context.DeadlineExceeded) || !n.Up() {
			t.Errorf("%v, up %t", err, n.Up())
		}
		s.Resume(t)
		if err := n.Put(t.Context(), "k", nil, 0); !errors.Is(err, cluster.ErrInvalid) || !n.Up() {
			t.Errorf("%v, up %t", err, n.Up())
		}
	})
	t.Run("a node starts without its Redis, which is checked when it comes", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		s.Kill()
		n := join(t, s)
		n.mu.Lock()
		if line := n.logged.String(); !strings.Contains(line, "connection refused") || !strings.Contains(line, "reason=unreachable") {
			t.Errorf("why it is away isn't said: %s", line)
		}
		n.mu.Unlock()
		n.must(n.Put(t.Context(), "k", []byte("one"), time.Hour))
		n.has("k", "one")
		s.Restart(t)
		n.back()
		n.has("k", "-")
		use(t, n)

		s.Kill()
		n.must(n.Put(t.Context(), "k", []byte("one"), time.Hour))
		s.Restart(t)
		s.Do(t, "set", "wsite:cluster", "1 another")
		until(t, "the other cluster is noticed", func() bool { return strings.HasSuffix(n.observed(), "down refused") })
		n.has("k", "one")
		s.Do(t, "del", "wsite:cluster")
		n.back()
	})
	t.Run("a node that nobody calls notices that its Redis is gone", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		n := join(t, s)
		heard := make(chan []byte, 2)
		go n.Subscribe(t.Context(), "t", func(text []byte) { heard <- text })
		<-heard
		s.Kill()
		until(t, "it is noticed", func() bool { return !n.Up() })
		if n.observed() != "down unreachable" {
			t.Errorf("observed %s", n.observed())
		}
		s.Restart(t)
		n.back()
		<-heard
	})
	t.Run("a listener hears that it has missed something", func(t *testing.T) {
		t.Parallel()
		s := redistest.Single(t)
		n := join(t, s)
		heard := make(chan []byte)
		go n.Subscribe(t.Context(), "t", func(text []byte) {
			select {
			case heard <- text:
			case <-t.Context().Done():
			}
		})
		for range 2 {
			if text := <-heard; text != nil {
				t.Fatalf("heard %q", text)
			}
			n.must(n.Publish(t.Context(), "t", []byte("one")))
			if text := <-heard; string(text) != "one" {
				t.Errorf("heard %q", text)
			}
			s.Kill()
			n.must(n.Put(t.Context(), "k", nil, time.Minute))
			s.Restart(t)
			n.back()
		}
	})
}
