package caddymodule

import (
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
	index map[string]map[*visitor]struct{} // by session, and by realm and user
	moved uint64                           // counts what was forgotten
}

func newVisitors(size int) *visitors {
	vs := &visitors{index: map[string]map[*visitor]struct{}{}}
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

// put caches a visitor, unless something was forgotten since mark: it might have
// been him, read a moment too early.
func (vs *visitors) put(key visitorKey, v *visitor, mark uint64) {
	// The value is a piece of the request's Cookie header, all of which it would
	// keep in memory.
	key.cookie = strings.Clone(key.cookie)
	v.key = key
	vs.mu.Lock()
	if vs.moved != mark {
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

// forget drops whoever is listed under a name. Requests that hold such a visitor
// see it too.
func (vs *visitors) forget(name string) {
	vs.mu.Lock()
	vs.moved++
	var keys []visitorKey
	for v := range vs.index[name] {
		v.gone.Store(true)
		keys = append(keys, v.key)
	}
	vs.mu.Unlock()
	for _, key := range keys {
		vs.cache.Invalidate(key)
	}
}

// forgetAll empties the cache: when what happened in between can't be known.
func (vs *visitors) forgetAll() {
	vs.mu.Lock()
	vs.moved++
	for _, held := range vs.index {
		for v := range held {
			v.gone.Store(true)
		}
	}
	vs.mu.Unlock()
	vs.cache.InvalidateAll()
}

func (vs *visitors) len() int { return vs.cache.EstimatedSize() }
