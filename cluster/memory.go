package cluster

import (
	"bytes"
	"container/heap"
	"context"
	"sync"
	"time"
)

const (
	// maxMemory bounds the keys and values of a [Memory], in bytes.
	maxMemory = 64 << 20
	// itemCost is what an entry costs besides its key and value, in bytes.
	itemCost = 256
	// maxLeases bounds the leases of a [Memory]. Their names come from the
	// configuration, never from visitors.
	maxLeases = 100_000
)

// Memory is the [Shared] of a single node. It takes at most 64 MiB: where more comes
// in, what has the least of its life left goes out first. Leases never do.
type Memory struct {
	now   func() time.Time
	limit int

	mu      sync.Mutex
	items   map[string]*item
	byEnd   ends
	size    int
	leases  map[string]lease
	sweepAt int // how many leases there may be until those that have ended are looked for
	fence   int64
}

type item struct {
	key   string
	value []byte
	fence int64
	end   time.Time
	place int // in Memory.byEnd
}

func (i *item) cost() int { return itemCost + len(i.key) + len(i.value) }

type lease struct {
	holder string
	fence  int64
	end    time.Time
}

// NewMemory makes an empty one. now is the clock.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, limit: maxMemory, items: map[string]*item{}, leases: map[string]lease{}, sweepAt: 64}
}

// Get returns the value of a key.
func (m *Memory) Get(ctx context.Context, key string) ([]byte, bool, error) {
	return m.get(ctx, key, false)
}

// Take returns the value of a key and removes it.
func (m *Memory) Take(ctx context.Context, key string) ([]byte, bool, error) {
	return m.get(ctx, key, true)
}

func (m *Memory) get(ctx context.Context, key string, remove bool) ([]byte, bool, error) {
	if err := m.begin(ctx, key, nil, time.Millisecond); err != nil {
		return nil, false, err
	}
	defer m.mu.Unlock()
	i := m.live(key, m.now())
	if i == nil {
		return nil, false, nil
	}
	if remove {
		m.drop(i)
	}
	return bytes.Clone(i.value), true, nil
}

// Put sets the value of a key.
func (m *Memory) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	_, err := m.put(ctx, item{key: key, value: value}, life, func(*item) bool { return true })
	return err
}

// PutNew sets the value of a key that has none.
func (m *Memory) PutNew(ctx context.Context, key string, value []byte, life time.Duration) (bool, error) {
	return m.put(ctx, item{key: key, value: value}, life, func(old *item) bool { return old == nil })
}

// PutFenced sets the value of a key unless a greater fence is at it.
func (m *Memory) PutFenced(ctx context.Context, key string, value []byte, fence int64, life time.Duration) (bool, error) {
	return m.put(ctx, item{key: key, value: value, fence: fence}, life, func(old *item) bool { return old == nil || old.fence <= fence })
}

// put puts an item in the place of the old one, which may be nil, if may says so.
func (m *Memory) put(ctx context.Context, fresh item, life time.Duration, may func(old *item) bool) (bool, error) {
	if err := m.begin(ctx, fresh.key, fresh.value, life); err != nil {
		return false, err
	}
	defer m.mu.Unlock()
	now := m.now()
	old := m.live(fresh.key, now)
	if !may(old) {
		return false, nil
	}
	if old != nil {
		m.drop(old)
	}
	fresh.value, fresh.end = append([]byte{}, fresh.value...), now.Add(life.Truncate(time.Millisecond))
	m.items[fresh.key] = &fresh
	m.size += fresh.cost()
	heap.Push(&m.byEnd, &fresh)
	for len(m.byEnd) > 1 && (m.size > m.limit || !now.Before(m.byEnd[0].end)) {
		m.drop(m.byEnd[0])
	}
	return true, nil
}

// Delete removes a key.
func (m *Memory) Delete(ctx context.Context, key string) error {
	_, _, err := m.Take(ctx, key)
	return err
}

// begin checks a call, and takes the lock if it is fine.
func (m *Memory) begin(ctx context.Context, key string, value []byte, life time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := check(key, value, life); err != nil {
		return err
	}
	m.mu.Lock()
	return nil
}

// live is the item of a key if it has not ended, or nil.
func (m *Memory) live(key string, now time.Time) *item {
	i := m.items[key]
	if i != nil && !now.Before(i.end) {
		m.drop(i)
		return nil
	}
	return i
}

func (m *Memory) drop(i *item) {
	heap.Remove(&m.byEnd, i.place)
	delete(m.items, i.key)
	m.size -= i.cost()
}

// ends is a heap of items, the first to end at the top.
type ends []*item

func (e ends) Len() int           { return len(e) }
func (e ends) Less(i, j int) bool { return e[i].end.Before(e[j].end) }
func (e ends) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].place, e[j].place = i, j
}

// Push is for package heap.
func (e *ends) Push(x any) {
	i := x.(*item)
	i.place = len(*e)
	*e = append(*e, i)
}

// Pop is for package heap.
func (e *ends) Pop() any {
	last := len(*e) - 1
	i := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return i
}

var _ Shared = (*Memory)(nil)
