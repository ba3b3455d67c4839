package caddymodule

import (
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/maypok86/otter/v2"
)

// visitorKey is a struct, not a joined string, so that no two visitors can meet in
// one key. The policy of a path is not part of it: policies are judged after the
// cache, on every request.
type visitorKey struct {
	cookie string // the sealed value: knowing it is having the session
	appID  string
	ptid   string
	host   string // as in the route
	bearer bool   // it came as a bearer token, which no cookie can stand for
}

// visitors caches recognised visitors, bounded in number, and forgets those of
// whom the facts say something new.
type visitors struct {
	cache *otter.Cache[visitorKey, *visitor]

	mu    sync.Mutex
	index map[string]map[*visitor]struct{}    // by session, and by realm and user
	open  map[string]map[*connection]struct{} // likewise
	moved uint64                              // counts what was forgotten
	last  [256]string                         // forgotten last, each at its number; empty for all
}

func newVisitors(size int) *visitors {
	vs := &visitors{index: map[string]map[*visitor]struct{}{}, open: map[string]map[*connection]struct{}{}}
	vs.cache = otter.Must(&otter.Options[visitorKey, *visitor]{
		MaximumSize:      size,
		OnAtomicDeletion: func(e otter.DeletionEvent[visitorKey, *visitor]) { vs.unlist(e.Value) },
	})
	return vs
}

func (vs *visitors) get(key visitorKey) *visitor {
	v, _ := vs.cache.GetIfPresent(key)
	return v
}

// mark is taken before the facts are read, and given to put.
func (vs *visitors) mark() uint64 {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	return vs.moved
}

// put caches a visitor, unless he was forgotten since mark: he was read a moment too early.
func (vs *visitors) put(key visitorKey, v *visitor, mark uint64) {
	// The value is a piece of the request's Cookie header, all of which it would
	// keep in memory.
	key.cookie = strings.Clone(key.cookie)
	v.key = key
	vs.mu.Lock()
	if vs.forgotten(v, mark) {
		v.gone.Store(true)
		vs.mu.Unlock()
		return
	}
	for _, k := range v.listedAs() {
		if vs.index[k] == nil {
			vs.index[k] = map[*visitor]struct{}{}
		}
		vs.index[k][v] = struct{}{}
	}
	vs.mu.Unlock()
	vs.cache.Set(key, v)
}

func (vs *visitors) note(name string) {
	vs.last[vs.moved%uint64(len(vs.last))] = name
	vs.moved++
}

// forgotten says whether a visitor was, or may have been, forgotten since mark.
func (vs *visitors) forgotten(v *visitor, mark uint64) bool {
	if vs.moved-mark > uint64(len(vs.last)) {
		return true
	}
	for ; mark != vs.moved; mark++ {
		if name := vs.last[mark%uint64(len(vs.last))]; name == "" || slices.Contains(v.listedAs(), name) {
			return true
		}
	}
	return false
}

// listedAs are the names under which something may be said of a visitor.
func (v *visitor) listedAs() []string {
	names := []string{userName(v.site.Realm, v.answer.User.ID)}
	if v.session != nil {
		names = append(names, sessionName(v.session.key()))
	} else if v.seed != nil {
		names = append(names, sessionName(guestSession(*v.seed)))
	}
	return names
}

func userName(realm, id string) string  { return "user " + realm + " " + id }
func sessionName(session string) string { return "session " + session }

func (vs *visitors) unlist(v *visitor) {
	vs.mu.Lock()
	defer vs.mu.Unlock()
	for _, k := range v.listedAs() {
		if delete(vs.index[k], v); len(vs.index[k]) == 0 {
			delete(vs.index, k)
		}
	}
}

// forget drops whoever is listed under a name, and cuts what he has open. Requests that
// hold such a visitor see it too.
func (vs *visitors) forget(name string) {
	vs.mu.Lock()
	vs.note(name)
	var keys []visitorKey
	for v := range vs.index[name] {
		v.gone.Store(true)
		keys = append(keys, v.key)
	}
	held := slices.Collect(maps.Keys(vs.open[name]))
	vs.mu.Unlock()
	for _, c := range held {
		c.cut()
	}
	for _, key := range keys {
		vs.cache.Invalidate(key)
	}
}

// forgetAll empties the cache: when what happened in between can't be known. What is open
// stays so.
func (vs *visitors) forgetAll() {
	vs.mu.Lock()
	vs.note("")
	for _, held := range vs.index {
		for v := range held {
			v.gone.Store(true)
		}
	}
	vs.mu.Unlock()
	vs.cache.InvalidateAll()
}

func (vs *visitors) len() int { return vs.cache.EstimatedSize() }
