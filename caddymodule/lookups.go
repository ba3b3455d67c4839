package caddymodule

import (
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// lookups remembers what was found by a name, what wasn't, and what is being looked up. What
// doesn't exist has a cache of its own, so that no flood of it drives out what does.
type lookups struct {
	now    func() time.Time
	found  *otter.Cache[string, *directory.Site]
	absent *otter.Cache[string, time.Time] // until when it is remembered

	mu       sync.Mutex
	underway map[string]*lookup
}

// lookup is one that is under way.
type lookup struct {
	name string
	done chan struct{}
	site *directory.Site
	err  error
}

func newLookups(now func() time.Time) *lookups {
	return &lookups{
		now:      now,
		found:    otter.Must(&otter.Options[string, *directory.Site]{MaximumSize: siteCacheSize}),
		absent:   otter.Must(&otter.Options[string, time.Time]{MaximumSize: siteCacheSize}),
		underway: map[string]*lookup{},
	}
}

// known says what is remembered of a name; nil if that is that there is none.
func (l *lookups) known(name string) (site *directory.Site, known bool) {
	if site, ok := l.found.GetIfPresent(name); ok {
		return site, true
	}
	until, ok := l.absent.GetIfPresent(name)
	return nil, ok && l.now().Before(until)
}

// join returns the lookup of a name that is under way, or begins the first, which has to
// [lookups.leave] it.
func (l *lookups) join(name string) (f *lookup, first bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if f := l.underway[name]; f != nil {
		return f, false
	}
	if site, known := l.known(name); known { // since somebody looked it up a moment ago
		f = &lookup{done: make(chan struct{}), site: site}
		close(f.done)
		return f, false
	}
	name = strings.Clone(name) // it is a piece of the request
	f = &lookup{name: name, done: make(chan struct{}), err: errors.New("the lookup was broken off")}
	l.underway[name] = f
	return f, true
}

// leave tells all who wait what came of a lookup, and remembers it, unless the name was
// forgotten meanwhile: it may have been read a moment too early.
func (l *lookups) leave(f *lookup) {
	defer close(f.done)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.underway[f.name] != f {
		return
	}
	delete(l.underway, f.name)
	switch {
	case f.err != nil:
	case f.site != nil:
		l.found.Set(f.name, f.site)
	default:
		l.absent.Set(f.name, l.now().Add(absentFor))
	}
}

// forget drops what is known of a name, and nobody is told any more what is being read of it.
func (l *lookups) forget(name string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.underway, name)
	l.found.Invalidate(name)
	l.absent.Invalidate(name)
}

func (l *lookups) forgetAll() {
	l.mu.Lock()
	defer l.mu.Unlock()
	clear(l.underway)
	l.found.InvalidateAll()
	l.absent.InvalidateAll()
}
