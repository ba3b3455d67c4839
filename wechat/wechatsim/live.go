package wechatsim

import "sync"

// live tells phone pages that something changed.
type live struct {
	mu      sync.Mutex
	version uint64
	changed chan struct{} // closed and replaced by every change
}

func newLive() *live { return &live{changed: make(chan struct{})} }

// now is the present version, and what is closed when there is a newer one.
func (l *live) now() (uint64, <-chan struct{}) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version, l.changed
}

// touch tells phone pages that they are out of date. It may be called with
// [Sim.mu] held.
func (s *Sim) touch() {
	s.live.mu.Lock()
	defer s.live.mu.Unlock()
	s.live.version++
	close(s.live.changed)
	s.live.changed = make(chan struct{})
}
