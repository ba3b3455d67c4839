package cluster

import (
	"context"
	"maps"
	"time"
)

// Lease makes holder the only holder of a name.
func (m *Memory) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	if err := check(holder, nil, life); err != nil {
		return 0, false, err
	}
	if err := m.begin(ctx, name, nil, life); err != nil {
		return 0, false, err
	}
	defer m.mu.Unlock()
	now := m.now()
	held := m.leases[name]
	switch current := now.Before(held.end); {
	case current && held.holder != holder:
		return 0, false, nil
	case !current && !m.room(name, now):
		return 0, false, ErrFull
	case !current:
		// The clock makes fences grow over a restart too.
		m.fence = max(m.fence+1, now.UnixMicro())
		held = lease{holder: holder, fence: m.fence}
	}
	held.end = now.Add(life.Truncate(time.Millisecond))
	m.leases[name] = held
	return held.fence, true, nil
}

// room says whether there is a place for a lease. Those that have ended are cleared
// away each time their number may have doubled.
func (m *Memory) room(name string, now time.Time) bool {
	if _, ok := m.leases[name]; ok || len(m.leases) < m.sweepAt {
		return true
	}
	maps.DeleteFunc(m.leases, func(_ string, l lease) bool { return !now.Before(l.end) })
	m.sweepAt = min(max(64, 2*len(m.leases)), maxLeases)
	return len(m.leases) < maxLeases
}

// Release ends the lease of holder.
func (m *Memory) Release(ctx context.Context, name, holder string) error {
	if err := check(holder, nil, time.Millisecond); err != nil {
		return err
	}
	if err := m.begin(ctx, name, nil, time.Millisecond); err != nil {
		return err
	}
	defer m.mu.Unlock()
	if m.leases[name].holder == holder {
		delete(m.leases, name)
	}
	return nil
}
