package custody_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

// watch sees who owns what, and in what order it is written.
type watch struct {
	mu      sync.Mutex
	down    error             // what everything ends with, if set
	written map[string]int64  // the last fence that was written
	owners  map[string]tenure // of leases and reservations
	grants  int
	late    int      // writes that were refused for their fence
	broken  []string // what must never happen
	kept    map[string]kept
	lost    map[string]time.Time // when it was lost last
	open    func(sealed []byte, context string) (plain []byte, stale bool, err error)
}

// kept is the token that all nodes can find, and since when.
type kept struct {
	value string
	since time.Time
}

// tenure is a time for which there may be one owner.
type tenure struct {
	holder string
	fence  int64
	until  time.Time
}

func newWatch(box *identity.Box) *watch {
	return &watch{written: map[string]int64{}, owners: map[string]tenure{}, kept: map[string]kept{}, lost: map[string]time.Time{}, open: box.Open}
}

// fail has everything end with an error from now on, or nothing.
func (w *watch) fail(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.down = err
}

func (w *watch) failing() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.down
}

// granted notes a new owner. The caller has w.mu, so that grants are seen in order.
func (w *watch) granted(name string, next tenure, ok bool, err error) {
	if !ok || err != nil {
		return
	}
	w.grants++
	last := w.owners[name]
	if time.Now().Before(last.until) && last.holder != next.holder {
		w.broken = append(w.broken, fmt.Sprintf("%s has two owners, %s and %s", name, last.holder, next.holder))
	}
	if next.fence <= last.fence {
		w.broken = append(w.broken, fmt.Sprintf("%s: fence %d after %d", name, next.fence, last.fence))
	}
	w.owners[name] = next
}

// released notes that an owner has gone. The caller has w.mu.
func (w *watch) released(name, holder string) {
	if last := w.owners[name]; last.holder == holder {
		last.until = time.Time{}
		w.owners[name] = last
	}
}

// wrote notes a write. The caller has w.mu.
func (w *watch) wrote(name string, sealed []byte, fence int64, put bool, err error) {
	var r struct{ Value string }
	if plain, _, err := w.open(sealed, name); err != nil || json.Unmarshal(plain[1:], &r) != nil {
		w.broken = append(w.broken, name+" was written so that nobody can read it")
	}
	if put && err == nil && w.kept[name].value != r.Value {
		w.kept[name] = kept{r.Value, time.Now()}
	}
	switch {
	case err != nil:
	case !put:
		w.late++
	case fence <= w.written[name]:
		w.broken = append(w.broken, fmt.Sprintf("%s was written with fence %d after %d", name, fence, w.written[name]))
	default:
		w.written[name] = fence
	}
}

// watchedShared is the shared state under watch.
type watchedShared struct {
	cluster.Shared
	*watch
}

func (s *watchedShared) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := s.failing(); err != nil {
		return nil, false, err
	}
	return s.Shared.Get(ctx, key)
}

func (s *watchedShared) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, false, s.down
	}
	fence, ok, err := s.Shared.Lease(ctx, name, holder, life)
	s.granted(name, tenure{holder, fence, time.Now().Add(life)}, ok, err)
	return fence, ok, err
}

func (s *watchedShared) Release(ctx context.Context, name, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released(name, holder)
	return s.Shared.Release(ctx, name, holder)
}

func (s *watchedShared) PutFenced(ctx context.Context, key string, value []byte, fence int64, life time.Duration) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return false, s.down
	}
	put, err := s.Shared.PutFenced(ctx, key, value, fence, life)
	s.wrote(key, value, fence, put, err)
	return put, err
}

func (s *watchedShared) Delete(ctx context.Context, key string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.written, key) // what is lost guards nothing any more, and nobody finds it
	delete(s.kept, key)
	s.lost[key] = time.Now()
	return s.Shared.Delete(ctx, key)
}

// watchedStore is the store under watch.
type watchedStore struct {
	custody.Store
	*watch
}

func (s *watchedStore) Custody(ctx context.Context, appID string) ([]byte, int64, error) {
	if err := s.failing(); err != nil {
		return nil, 0, err
	}
	return s.Store.Custody(ctx, appID)
}

func (s *watchedStore) ReserveCustody(ctx context.Context, appID, holder string, now, until time.Time) (int64, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.down != nil {
		return 0, false, s.down
	}
	fence, ok, err := s.Store.ReserveCustody(ctx, appID, holder, now, until)
	s.granted(appID, tenure{holder, fence, until}, ok, err)
	return fence, ok, err
}

func (s *watchedStore) ReleaseCustody(ctx context.Context, appID, holder string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.released(appID, holder)
	return s.Store.ReleaseCustody(ctx, appID, holder)
}

func (s *watchedStore) PutCustody(ctx context.Context, appID string, fence int64, sealed []byte) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	put, err := s.Store.PutCustody(ctx, appID, fence, sealed)
	s.wrote("custody/"+appID+"/token", sealed, fence, put, err)
	return put, err
}
