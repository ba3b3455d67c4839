package identity

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// memSecrets is a [SecretStore] in memory. Of two writers of one version, the first
// wins, as in every real store.
type memSecrets struct {
	mu      sync.Mutex
	secrets map[string]Secret
	puts    int
	fail    error  // of every PutSecret
	before  func() // runs once, before the next PutSecret: somebody else is faster
}

func (m *memSecrets) Secrets(_ context.Context, prefix string) ([]Secret, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var found []Secret
	for name, s := range m.secrets {
		if strings.HasPrefix(name, prefix) {
			s.Sealed = bytes.Clone(s.Sealed)
			found = append(found, s)
		}
	}
	slices.SortFunc(found, func(a, b Secret) int { return cmp.Compare(a.Name, b.Name) })
	return found, nil
}

func (m *memSecrets) PutSecret(_ context.Context, s Secret) error {
	m.mu.Lock()
	if before := m.before; before != nil {
		m.before = nil
		m.mu.Unlock()
		before()
		m.mu.Lock()
	}
	defer m.mu.Unlock()
	if m.fail != nil {
		return m.fail
	}
	if m.secrets[s.Name].Version != s.Version {
		return ErrConflict
	}
	if m.secrets == nil {
		m.secrets = map[string]Secret{}
	}
	s.Version++
	s.Sealed = bytes.Clone(s.Sealed)
	m.secrets[s.Name] = s
	m.puts++
	return nil
}

// clock is a hand-driven clock, safe for concurrent use.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 1, 12, 0, 0, 500e6, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// master is a master key that consists of one byte.
func master(b byte) []byte { return bytes.Repeat([]byte{b}, MasterKeySize) }

func sealerOf(t *testing.T, masters ...[]byte) *Sealer {
	t.Helper()
	s, err := NewSealer(masters...)
	if err != nil {
		t.Fatal(err)
	}
	return s
}
