package clustertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// Harness makes the state under test.
type Harness struct {
	// Open makes an empty state and gives two ways to it, as two nodes have them, and
	// a way to let time pass for both.
	Open func(t testing.TB) (a, b cluster.Shared, advance func(time.Duration))
}

// Run tests an implementation.
func Run(t *testing.T, h Harness) {
	h.values(t)
	h.ends(t)
	h.errs(t)
	h.leases(t)
	h.races(t)
	h.limits(t)
	h.topics(t)
	h.model(t)
	h.limitModel(t)
}

// nodes are two nodes on one state.
type nodes struct {
	testing.TB
	ctx     context.Context
	a, b    cluster.Shared
	advance func(time.Duration)
}

// promise is one sub-test on an empty state.
func (h Harness) promise(t *testing.T, name string, test func(n nodes)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		a, b, advance := h.Open(t)
		test(nodes{t, t.Context(), a, b, advance})
	})
}

func (n nodes) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

// has wants a value at a key, or nothing if it is "-".
func (n nodes) has(s cluster.Shared, key, want string) {
	n.Helper()
	value, ok, err := s.Get(n.ctx, key)
	n.must(err)
	if got := show(value, ok); got != want {
		n.Errorf("at %.20q is %.40q, want %.40q", key, got, want)
	}
}

func show(value []byte, ok bool) string {
	if !ok {
		return "-"
	}
	return string(value)
}

// did wants a certain answer to whether something was done.
func (n nodes) did(want bool) func(did bool, err error) {
	return func(did bool, err error) {
		n.Helper()
		n.must(err)
		if did != want {
			n.Errorf("done: %t, want %t", did, want)
		}
	}
}

// values: what is put, got and taken.
func (h Harness) values(t *testing.T) {
	h.promise(t, "a value is seen by all nodes until its life ends", func(n nodes) {
		n.has(n.a, "k", "-")
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Second))
		n.has(n.b, "k", "one")
		n.advance(999 * time.Millisecond)
		n.has(n.b, "k", "one")
		n.advance(time.Millisecond)
		n.has(n.b, "k", "-")
	})
	h.promise(t, "Put replaces a value and its life", func(n nodes) {
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Second))
		n.must(n.b.Put(n.ctx, "k", []byte("two"), time.Hour))
		n.advance(time.Minute)
		n.has(n.a, "k", "two")
		n.must(n.b.Put(n.ctx, "k", []byte("three"), time.Second))
		n.advance(time.Minute)
		n.has(n.a, "k", "-")
	})
	h.promise(t, "PutNew puts where nothing is, or no longer", func(n nodes) {
		n.did(true)(n.a.PutNew(n.ctx, "k", []byte("one"), time.Second))
		n.did(false)(n.b.PutNew(n.ctx, "k", []byte("two"), time.Hour))
		n.has(n.b, "k", "one")
		n.advance(time.Second)
		n.did(true)(n.b.PutNew(n.ctx, "k", []byte("three"), time.Second))
		n.has(n.a, "k", "three")
		n.must(n.a.Delete(n.ctx, "k"))
		n.did(true)(n.a.PutNew(n.ctx, "k", nil, time.Second))
		n.did(false)(n.a.PutNew(n.ctx, "k", nil, time.Second))
	})
	h.promise(t, "PutFenced overwrites no greater fence while that one's life lasts", func(n nodes) {
		n.did(true)(n.a.PutFenced(n.ctx, "k", []byte("7"), 7, time.Minute))
		n.did(false)(n.b.PutFenced(n.ctx, "k", []byte("6"), 6, time.Hour))
		n.has(n.a, "k", "7")
		n.did(true)(n.b.PutFenced(n.ctx, "k", []byte("7b"), 7, time.Minute))
		n.did(true)(n.b.PutFenced(n.ctx, "k", []byte("8"), 8, time.Minute))
		n.did(false)(n.a.PutFenced(n.ctx, "k", []byte("7"), 7, time.Minute))
		n.has(n.a, "k", "8")
		n.did(true)(n.a.PutFenced(n.ctx, "other", []byte("1"), 1, time.Minute))
		n.advance(time.Minute)
		n.did(true)(n.a.PutFenced(n.ctx, "k", []byte("6"), 6, time.Minute))
		n.must(n.a.Put(n.ctx, "k", []byte("plain"), time.Minute))
		n.did(true)(n.a.PutFenced(n.ctx, "k", []byte("1"), 1, time.Minute))
		big := int64(1)<<62 + 1 // which is no float
		n.did(true)(n.a.PutFenced(n.ctx, "k", []byte("big"), big, time.Minute))
		n.did(false)(n.a.PutFenced(n.ctx, "k", []byte("small"), big-1, time.Minute))
		n.did(true)(n.a.PutFenced(n.ctx, "k", []byte("bigger"), big+1, time.Minute))
	})
}

// ends: how values go, and what they may be.
func (h Harness) ends(t *testing.T) {
	h.promise(t, "Take gives a value once", func(n nodes) {
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Minute))
		for _, want := range []string{"one", "-"} {
			value, ok, err := n.b.Take(n.ctx, "k")
			n.must(err)
			if got := show(value, ok); got != want {
				n.Errorf("took %q, want %q", got, want)
			}
		}
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Second))
		n.advance(time.Second)
		if _, ok, err := n.a.Take(n.ctx, "k"); ok || err != nil {
			n.Errorf("took what had ended, %v", err)
		}
	})
	h.promise(t, "Delete removes a value, or does nothing", func(n nodes) {
		n.must(n.a.Delete(n.ctx, "k"))
		n.must(n.a.Put(n.ctx, "k", []byte("one"), time.Minute))
		n.must(n.b.Delete(n.ctx, "k"))
		n.has(n.a, "k", "-")
	})
	h.promise(t, "an empty value is a value", func(n nodes) {
		n.must(n.a.Put(n.ctx, "k", nil, time.Minute))
		n.has(n.b, "k", "")
	})
	h.promise(t, "keys and values are any bytes, up to their lengths", func(n nodes) {
		for _, key := range []string{"a b", "a\x00b", "a:b{c}*?", "\xff\xfe", "名", strings.Repeat("k", cluster.MaxKey)} {
			n.must(n.a.Put(n.ctx, key, []byte("of "+key), time.Minute))
			n.has(n.b, key, "of "+key)
		}
		large := bytes.Repeat([]byte{0, 255, '\r', '\n'}, cluster.MaxValue/4)
		n.must(n.a.Put(n.ctx, "large", large, time.Minute))
		n.has(n.b, "large", string(large))
	})
	h.promise(t, "values are copied in and out", func(n nodes) {
		mine := []byte("one")
		n.must(n.a.Put(n.ctx, "k", mine, time.Minute))
		mine[0] = 'X'
		n.has(n.a, "k", "one")
		got, _, err := n.a.Get(n.ctx, "k")
		n.must(err)
		got[0] = 'X'
		n.has(n.a, "k", "one")
	})
}

// errs: what is refused.
func (h Harness) errs(t *testing.T) {
	h.promise(t, "what can't be meant is refused, and does nothing", func(n nodes) { refusals(n) })
	h.promise(t, "a call whose context is over does nothing", func(n nodes) {
		over, cancel := context.WithCancel(n.ctx)
		cancel()
		if err := n.a.Put(over, "k", []byte("one"), time.Minute); !errors.Is(err, context.Canceled) {
			n.Errorf("got error %v", err)
		}
		if _, _, err := n.a.Lease(over, "l", "x", time.Minute); !errors.Is(err, context.Canceled) {
			n.Errorf("got error %v", err)
		}
		n.has(n.a, "k", "-")
		if _, ok, err := n.a.Lease(n.ctx, "l", "y", time.Minute); !ok || err != nil {
			n.Errorf("the lease is held, %v", err)
		}
	})
}

// refusals calls everything with something wrong.
func refusals(n nodes) {
	long, large := strings.Repeat("k", cluster.MaxKey+1), make([]byte, cluster.MaxValue+1)
	for what, call := range map[string]func(key string) error{
		"Get":       func(key string) error { _, _, err := n.a.Get(n.ctx, key); return err },
		"Put":       func(key string) error { return n.a.Put(n.ctx, key, nil, time.Minute) },
		"PutNew":    func(key string) error { _, err := n.a.PutNew(n.ctx, key, nil, time.Minute); return err },
		"PutFenced": func(key string) error { _, err := n.a.PutFenced(n.ctx, key, nil, 1, time.Minute); return err },
		"Take":      func(key string) error { _, _, err := n.a.Take(n.ctx, key); return err },
		"Delete":    func(key string) error { return n.a.Delete(n.ctx, key) },
		"Lease":     func(key string) error { _, _, err := n.a.Lease(n.ctx, key, "x", time.Minute); return err },
		"holder":    func(key string) error { _, _, err := n.a.Lease(n.ctx, "l", key, time.Minute); return err },
		"Release":   func(key string) error { return n.a.Release(n.ctx, key, "x") },
		"Publish":   func(key string) error { return n.a.Publish(n.ctx, key, nil) },
		"Limit": func(key string) error {
			_, err := n.a.Limit(n.ctx, key, cluster.Rate{Count: 1, Per: time.Second, Burst: 1})
			return err
		},
	} {
		for _, key := range []string{"", long} {
			if err := call(key); !errors.Is(err, cluster.ErrInvalid) {
				n.Errorf("%s with a key of %d bytes: %v", what, len(key), err)
			}
		}
	}
	for what, err := range map[string]error{
		"a large value": n.a.Put(n.ctx, "k", large, time.Minute),
		"no life":       n.a.Put(n.ctx, "k", nil, 0),
		"a short life":  n.a.Put(n.ctx, "k", nil, time.Millisecond-1),
		"a large text":  n.a.Publish(n.ctx, "k", large),
	} {
		if !errors.Is(err, cluster.ErrInvalid) {
			n.Errorf("%s: %v", what, err)
		}
	}
	if _, _, err := n.a.Lease(n.ctx, "l", "x", -time.Second); !errors.Is(err, cluster.ErrInvalid) {
		n.Errorf("a lease for no time: %v", err)
	}
	n.has(n.a, "k", "-")
	if _, ok, err := n.a.Lease(n.ctx, "l", "y", time.Minute); !ok || err != nil {
		n.Error(fmt.Errorf("the lease is held, %w", err))
	}
}
