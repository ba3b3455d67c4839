package caddymodule

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"github.com/maypok86/otter/v2"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// siteCacheSize is how many sites and hosts of the facts are kept in memory, those that
// don't exist among them.
const siteCacheSize = 20_000

// siteKey is a site by its ptid, or a host.
type siteKey struct {
	host bool
	name string
}

// sites caches the sites and hosts of the facts, and which there aren't.
type sites struct {
	cache *otter.Cache[siteKey, *directory.Site]

	mu    sync.Mutex
	moved uint64 // counts what was forgotten
}

func newSites() *sites {
	return &sites{cache: otter.Must(&otter.Options[siteKey, *directory.Site]{MaximumSize: siteCacheSize})}
}

// some stands for a host of a site: which one doesn't matter.
var some = &directory.Site{}

// find takes what is asked for from the cache or else by load; nil if there is none.
func (s *sites) find(key siteKey, load func() (*directory.Site, error)) (*directory.Site, error) {
	if site, ok := s.cache.GetIfPresent(key); ok {
		return site, nil
	}
	s.mu.Lock()
	mark := s.moved
	s.mu.Unlock()
	site, err := load()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.moved == mark { // else it may have been read a moment too early
		key.name = strings.Clone(key.name) // it is a piece of the request
		s.cache.Set(key, site)
	}
	return site, nil
}

// forget drops a site; hosts, of which nobody knows whose they were, are all dropped.
func (s *sites) forget(ptid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved++
	s.cache.Invalidate(siteKey{name: ptid})
	for key := range s.cache.Keys() {
		if key.host {
			s.cache.Invalidate(key)
		}
	}
}

func (s *sites) forgetAll() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.moved++
	s.cache.InvalidateAll()
}

// site finds a site in the Caddyfile or else in the facts; nil if there is none. An error
// means that the facts can't be reached.
func (a *App) site(ctx context.Context, ptid string) (*directory.Site, error) {
	if s := a.directory().Site(ptid); s != nil {
		return s, nil
	}
	if !directory.ValidPTID(ptid) || directory.ValidAppID(ptid) {
		return nil, nil
	}
	return a.sites.find(siteKey{name: ptid}, func() (*directory.Site, error) {
		kept, found, err := a.directoryStore().KeptSite(ctx, ptid)
		if err != nil || !found {
			return nil, err
		}
		site, err := a.fitSite(kept.Site)
		if err != nil {
			a.log.Error("a site of the facts can't be served", zap.String("step", "route"), zap.String("site", ptid), zap.Error(err))
			return nil, nil
		}
		return site, a.facts().keys.Use(ctx, site.Algorithm)
	})
}

// servedHost says whether a host is one of a site of the facts.
func (a *App) servedHost(ctx context.Context, host string) (bool, error) {
	if len(host) > 200 || !directory.ValidHost(host) {
		return false, nil
	}
	site, err := a.sites.find(siteKey{true, host}, func() (*directory.Site, error) {
		found, err := a.directoryStore().KeptHost(ctx, host)
		if err != nil || !found {
			return nil, err
		}
		return some, nil
	})
	return site != nil, err
}

// fitSite judges a site of the facts among what exists now.
func (a *App) fitSite(s directory.Site) (*directory.Site, error) {
	site, err := a.directory().FitSite(s)
	if err != nil {
		return nil, err
	}
	if fault := a.hostFault(site); fault != nil {
		return nil, fault
	}
	return site, nil
}

// hostFault refuses hosts that a site can't have beside the origin.
func (a *App) hostFault(site *directory.Site) error {
	for _, h := range site.Hosts {
		fault := directory.Fault{Kind: "site", ID: site.PTID, Field: "hosts"}
		switch {
		case h == a.host:
			fault.Message = fmt.Sprintf("%s is the origin's host, which serves every site but those with `on_origin off`", h)
			return &fault
		case !a.jar.secure && !isLoopback(nameOf(h)):
			fault.Message = fmt.Sprintf("the origin is http, which is for loopback only, and %s is not on loopback", h)
			return &fault
		}
	}
	return nil
}
