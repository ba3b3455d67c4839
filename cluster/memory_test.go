package cluster

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"
)

// clock is a clock in the hands of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)} }

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("what has the least of its life left goes out first, leases never", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		m := NewMemory(c.time)
		if _, ok, err := m.Lease(t.Context(), "l", "x", time.Minute); !ok || err != nil {
			t.Fatal(err)
		}
		put(t, m, "long", 10, time.Hour)
		for i := range 200 {
			put(t, m, fmt.Sprint("flood", i), MaxValue, time.Minute)
		}
		if m.values.size > maxValues || len(m.values.items) != len(m.values.byEnd) {
			t.Errorf("%d bytes, %d items, %d in order", m.values.size, len(m.values.items), len(m.values.byEnd))
		}
		if _, ok, _ := m.Get(t.Context(), "long"); !ok {
			t.Error("what lives longest is gone")
		}
		if _, ok, _ := m.Lease(t.Context(), "l", "y", time.Minute); ok {
			t.Error("a lease has got lost")
		}
	})
	t.Run("what has ended makes room", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		m := NewMemory(c.time)
		for i := range 1000 {
			put(t, m, fmt.Sprint(i), 10, time.Second)
		}
		c.advance(time.Second)
		put(t, m, "new", 10, time.Second)
		if len(m.values.items) != 1 || m.values.size != itemCost+13 {
			t.Errorf("%d items of %d bytes are left", len(m.values.items), m.values.size)
		}
	})
	t.Run("keys that are put again and again cost once", func(t *testing.T) {
		t.Parallel()
		m := NewMemory(newClock().time)
		for range 1000 {
			put(t, m, "k", 10, time.Second)
		}
		if len(m.values.byEnd) != 1 || m.values.size != itemCost+11 {
			t.Errorf("%d items of %d bytes", len(m.values.byEnd), m.values.size)
		}
	})
	t.Run("leases that have ended make room, and others are refused one", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		m := NewMemory(c.time)
		for i := range maxLeases {
			if _, ok, err := m.Lease(t.Context(), fmt.Sprint(i), "x", time.Minute); !ok || err != nil {
				t.Fatal(i, err)
			}
		}
		if _, ok, err := m.Lease(t.Context(), "more", "x", time.Minute); ok || !errors.Is(err, ErrFull) {
			t.Errorf("got %t, %v", ok, err)
		}
		c.advance(time.Minute)
		if _, ok, err := m.Lease(t.Context(), "more", "x", time.Minute); !ok || err != nil {
			t.Errorf("got %t, %v", ok, err)
		}
		if len(m.leases) > 1 {
			t.Errorf("%d leases are left", len(m.leases))
		}
	})
	t.Run("fences grow over a restart", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		var last int64
		for range 3 {
			m := NewMemory(c.time)
			fence, _, err := m.Lease(t.Context(), "l", "x", time.Minute)
			if err != nil || fence <= last {
				t.Errorf("fence %d after %d, %v", fence, last, err)
			}
			last = fence
			c.advance(time.Millisecond)
		}
	})
}

func TestMemoryLimits(t *testing.T) {
	t.Parallel()
	rate := Rate{Count: 1, Per: time.Minute, Burst: 1}
	t.Run("a flood of keys to limit is bounded, and costs no value its place", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		m := NewMemory(c.time)
		put(t, m, "ticket", 10, time.Second)
		for i := range maxLimits/itemCost + 1000 {
			if v, err := m.Limit(t.Context(), fmt.Sprint("flood", i), rate); !v.Allowed || err != nil {
				t.Fatal(i, v, err)
			}
		}
		if m.limits.size > maxLimits || len(m.limits.items) != len(m.limits.byEnd) {
			t.Errorf("%d bytes, %d items, %d in order", m.limits.size, len(m.limits.items), len(m.limits.byEnd))
		}
		if _, ok, _ := m.Get(t.Context(), "ticket"); !ok {
			t.Error("the value is gone")
		}
	})
	t.Run("a key that has its burst again costs nothing", func(t *testing.T) {
		t.Parallel()
		c := newClock()
		m := NewMemory(c.time)
		for i := range 1000 {
			if _, err := m.Limit(t.Context(), fmt.Sprint(i), rate); err != nil {
				t.Fatal(err)
			}
		}
		c.advance(time.Minute)
		if _, err := m.Limit(t.Context(), "new", rate); err != nil || len(m.limits.items) != 1 {
			t.Errorf("%d items are left, %v", len(m.limits.items), err)
		}
	})
}

func TestMemoryTopics(t *testing.T) {
	t.Parallel()
	t.Run("who is slow hears that he has missed something, and then what is new", func(t *testing.T) {
		t.Parallel()
		m := NewMemory(newClock().time)
		ctx, cancel := context.WithCancel(t.Context())
		heard, ended := make(chan string), make(chan struct{})
		go func() {
			m.Subscribe(ctx, "t", func(text []byte) {
				if text == nil {
					text = []byte("missed")
				}
				heard <- string(text)
			})
			close(ended)
		}()
		until := func(want string) {
			for got := <-heard; got != want; got = <-heard {
			}
		}
		until("missed")
		// As many as it may have taken already, and more than can wait.
		const last = 2*maxUnheard + 1
		for i := range last + 1 {
			if err := m.Publish(t.Context(), "t", fmt.Append(nil, i)); err != nil {
				t.Fatal(err)
			}
		}
		until("missed")
		until(fmt.Sprint(last))
		cancel()
		<-ended
		if len(m.topics.listeners) != 0 {
			t.Error("it still listens")
		}
	})
}

func put(t *testing.T, m *Memory, key string, size int, life time.Duration) {
	t.Helper()
	if err := m.Put(t.Context(), key, bytes.Repeat([]byte{1}, size), life); err != nil {
		t.Fatal(err)
	}
}

func BenchmarkMemory(b *testing.B) {
	m := NewMemory(time.Now)
	value := make([]byte, 500)
	b.ReportAllocs()
	for i := range b.N {
		key := fmt.Sprint(i % 100_000)
		if err := m.Put(b.Context(), key, value, time.Hour); err != nil {
			b.Fatal(err)
		}
		if _, ok, err := m.Get(b.Context(), key); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
