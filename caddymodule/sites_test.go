package caddymodule

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// looker counts what it has to read.
type looker struct {
	*sites
	reads atomic.Int64
	none  bool // there is no site
}

func (k *looker) find(t *testing.T, l *lookups, name string) *directory.Site {
	t.Helper()
	if site, known := l.known(name); known {
		return site
	}
	site, err := k.read(t.Context(), l, name, func(context.Context) (*directory.Site, error) {
		k.reads.Add(1)
		if k.none {
			return nil, nil
		}
		return &directory.Site{PTID: name}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return site
}

func (k *looker) wantReads(t *testing.T, n int64) {
	t.Helper()
	if got := k.reads.Swap(0); got != n {
		t.Errorf("read %d times, want %d", got, n)
	}
}

func TestSites(t *testing.T) {
	t.Parallel()
	now := time.Unix(1, 0)
	k := &looker{sites: newSites(1, func() time.Time { return now })}
	t.Run("what was read a moment before it changed is not kept", func(t *testing.T) {
		_, err := k.read(t.Context(), k.byPTID, "shop", func(context.Context) (*directory.Site, error) { k.forget("shop"); return nil, nil })
		if err != nil {
			t.Fatal(err)
		}
		if k.find(t, k.byPTID, "shop") == nil {
			t.Error("the site that wasn't there is kept as none")
		}
		k.wantReads(t, 1)
	})
	t.Run("what is kept isn't read again until it is forgotten, and a host isn't a site", func(t *testing.T) {
		all := func() {
			k.find(t, k.byPTID, "shop")
			k.find(t, k.byHost, "shop")
		}
		for range 3 {
			all()
		}
		k.wantReads(t, 1) // the site is kept already
		k.forget("other") // all hosts go with it
		all()
		k.wantReads(t, 1)
		k.forgetAll()
		all()
		k.wantReads(t, 2)
	})
	t.Run("what isn't there is remembered for a while, and known as soon as it is made", func(t *testing.T) {
		absent := &looker{sites: k.sites, none: true}
		for range 3 {
			if absent.find(t, k.byPTID, "none") != nil {
				t.Error("there is one")
			}
		}
		absent.wantReads(t, 1)
		now = now.Add(absentFor)
		absent.find(t, k.byPTID, "none")
		absent.wantReads(t, 1)
		k.forget("none")
		if k.find(t, k.byPTID, "none") == nil {
			t.Error("it isn't found once it is there")
		}
		k.wantReads(t, 1)
	})
	t.Run("a flood of what isn't there takes no memory, and drives out nothing", func(t *testing.T) {
		absent := &looker{sites: k.sites, none: true}
		k.find(t, k.byPTID, "shop")
		k.reads.Store(0)
		for i := range 2 * siteCacheSize {
			absent.find(t, k.byPTID, fmt.Sprint("none", i))
		}
		k.byPTID.absent.CleanUp()
		if n := k.byPTID.absent.EstimatedSize(); n > siteCacheSize {
			t.Errorf("%d are remembered", n)
		}
		k.find(t, k.byPTID, "shop")
		k.wantReads(t, 0)
	})
}

// TestSites_flood has more asked for than is read at once.
func TestSites_flood(t *testing.T) {
	t.Parallel()
	s := newSites(2, time.Now)
	s.patience = 20 * time.Millisecond
	began, finish := make(chan struct{}, 100), make(chan struct{})
	var all sync.WaitGroup
	var told atomic.Int64
	ask := func(name string) {
		all.Go(func() {
			site, err := s.read(t.Context(), s.byPTID, name, func(context.Context) (*directory.Site, error) {
				began <- struct{}{}
				<-finish
				return &directory.Site{PTID: name}, nil
			})
			if err == nil && site.PTID == name {
				told.Add(1)
			}
		})
	}
	for range 10 {
		ask("one")
		ask("two")
	}
	<-began
	<-began
	if _, err := s.read(t.Context(), s.byPTID, "three", func(context.Context) (*directory.Site, error) { return nil, nil }); !errors.Is(err, errSitesBusy) || !errors.Is(err, identity.ErrUnavailable) {
		t.Errorf("the third is told %v", err)
	}
	close(finish)
	all.Wait()
	if len(began) > 0 || told.Load() != 20 {
		t.Errorf("read %d times more than two, and %d of 20 were told", len(began), told.Load())
	}
	if _, err := s.read(t.Context(), s.byPTID, "three", func(context.Context) (*directory.Site, error) { return nil, nil }); err != nil {
		t.Errorf("afterwards it is told %v", err)
	}
}

// TestSites_strangers has strangers ask for what isn't there while the facts are busy.
func TestSites_strangers(t *testing.T) {
	t.Parallel()
	g := startGateway(t)
	ming := g.phone("ming")
	g.tokenAt(t, ming, appA, "shop")
	g.app.sites.patience = 10 * time.Millisecond
	for range cap(g.app.sites.turns) {
		g.app.sites.turns <- struct{}{}
	}
	g.wantRefusal(t, g.phone("li").open(g.at(appA, "none", "/")), codeTooMany)
	if _, token := g.tokenAt(t, ming, appA, "shop"); token.PTID != "shop" {
		t.Errorf("who is known is told %+v", token)
	}
	<-g.app.sites.turns
	g.wantRefusal(t, g.phone("li").open(g.at(appA, "none", "/")), codeNoSite)
	g.app.sites.turns <- struct{}{}
	g.wantRefusal(t, g.phone("li").open(g.at(appA, "none", "/")), codeNoSite) // it is remembered
}
