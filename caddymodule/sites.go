package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

const (
	// siteCacheSize is how many sites, and how many hosts, of the facts are kept in memory;
	// as many are remembered not to exist.
	siteCacheSize = 20_000
	// absentFor is how long a site is remembered not to exist, unless it is made before.
	absentFor = time.Minute
	// So many sites are read from the facts at once. Strangers can ask for as
	// many as they like that don't exist: the other readers of the facts are for those who
	// are known. SQLite has two at least, PostgreSQL eight.
	siteTurnsSQLite, siteTurnsPostgres = 1, 4
	// sitePatience is how long a request waits for its turn.
	sitePatience = time.Second
)

// errSitesBusy says that more sites are asked for than the facts are asked for at once.
var errSitesBusy = fmt.Errorf("%w: more sites are asked for at once than are read", identity.ErrUnavailable)

// sites finds the sites and hosts of the facts.
type sites struct {
	byPTID, byHost *lookups
	turns          chan struct{}
	patience       time.Duration
}

func newSites(turns int, now func() time.Time) *sites {
	return &sites{newLookups(now), newLookups(now), make(chan struct{}, turns), sitePatience}
}

// siteTurns is how many sites are read from the facts at once.
func (a *App) siteTurns() int {
	if a.Facts.Postgres == "" {
		return siteTurnsSQLite
	}
	return siteTurnsPostgres
}

// some stands for a host of a site: which one doesn't matter.
var some = &directory.Site{}

// read has load find what isn't known of name; nil if there is none. Whoever asks for the
// same meanwhile is told the same.
func (s *sites) read(ctx context.Context, l *lookups, name string, load func(context.Context) (*directory.Site, error)) (*directory.Site, error) {
	f, first := l.join(name)
	if !first {
		select {
		case <-f.done:
			return f.site, f.err
		case <-ctx.Done():
			return nil, fmt.Errorf("%w: %w", identity.ErrUnavailable, context.Cause(ctx))
		}
	}
	defer l.leave(f)
	f.site, f.err = s.inTurn(context.WithoutCancel(ctx), load) // others may wait for it
	return f.site, f.err
}

func (s *sites) inTurn(ctx context.Context, load func(context.Context) (*directory.Site, error)) (*directory.Site, error) {
	patience := time.NewTimer(s.patience)
	defer patience.Stop()
	select {
	case s.turns <- struct{}{}:
	case <-patience.C:
		return nil, errSitesBusy
	}
	defer func() { <-s.turns }()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	return load(ctx)
}

// forget drops a site; hosts, of which nobody knows whose they were, are all dropped.
func (s *sites) forget(ptid string) {
	s.byPTID.forget(ptid)
	s.byHost.forgetAll()
}

func (s *sites) forgetAll() {
	s.byPTID.forgetAll()
	s.byHost.forgetAll()
}

// site finds a site in the Caddyfile or else in the facts; nil if there is none. An error
// means that the facts can't be reached.
func (a *App) site(ctx context.Context, ptid string) (*directory.Site, error) {
	if s := a.directory().Site(ptid); s != nil {
		return s, nil
	}
	if s, known := a.sites.byPTID.known(ptid); known {
		return s, nil
	}
	if !directory.ValidPTID(ptid) || directory.ValidAppID(ptid) {
		return nil, nil
	}
	return a.sites.read(ctx, a.sites.byPTID, ptid, func(ctx context.Context) (*directory.Site, error) {
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
	if s, known := a.sites.byHost.known(host); known {
		return s != nil, nil
	}
	if len(host) > 200 || !directory.ValidHost(host) {
		return false, nil
	}
	site, err := a.sites.read(ctx, a.sites.byHost, host, func(ctx context.Context) (*directory.Site, error) {
		found, err := a.directoryStore().KeptHost(ctx, host)
		if err != nil || !found {
			return nil, err
		}
		return some, nil
	})
	return site != nil, err
}

// unknown is the refusal of a request for a site or a host that couldn't be looked up.
func (a *App) unknown(err error) *refusal {
	if errors.Is(err, errSitesBusy) {
		a.metrics.limited.WithLabelValues("sites").Inc()
		return refuse(codeTooMany).because(err)
	}
	return refuse(codeFactsDown).because(err)
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
