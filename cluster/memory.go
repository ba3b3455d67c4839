package cluster

import (
	"bytes"
	"context"
	"sync"
	"time"
)

const (
	// maxValues bounds the keys and values of a [Memory], in bytes.
	maxValues = 64 << 20
	// maxLimits bounds the keys that are limited, in bytes, apart from the values: a
	// flood from many addresses costs nobody his ticket.
	maxLimits = 32 << 20
	// maxLeases bounds the leases of a [Memory]. Their names come from the
	// configuration, never from visitors.
	maxLeases = 100_000
)

// Memory is the [Shared] of a single node. It takes at most 64 MiB of values and 32 MiB
// of keys that are limited: where more comes in, what has the least of its life left
// goes out first. Leases never do.
type Memory struct {
	now    func() time.Time
	topics topics

	mu      sync.Mutex
	values  *shelf
	limits  *shelf
	leases  map[string]lease
	sweepAt int // how many leases there may be until those that have ended are looked for
	fence   int64
}

type lease struct {
	holder string
	fence  int64
	end    time.Time
}

// NewMemory makes an empty one. now is the clock.
func NewMemory(now func() time.Time) *Memory {
	return &Memory{now: now, values: newShelf(maxValues), limits: newShelf(maxLimits), leases: map[string]lease{}, sweepAt: 64}
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
	i := m.values.live(key, m.now())
	if i == nil {
		return nil, false, nil
	}
	if remove {
		m.values.drop(i)
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
	if !may(m.values.live(fresh.key, now)) {
		return false, nil
	}
	fresh.value, fresh.end = append([]byte{}, fresh.value...), now.Add(life.Truncate(time.Millisecond))
	m.values.put(&fresh, now)
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

var _ Shared = (*Memory)(nil)
