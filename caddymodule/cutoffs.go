package caddymodule

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// cutoffs are the moments before which nothing counts, as every node keeps them in
// memory: no visitor costs a read for them.
type cutoffs struct {
	mu sync.Mutex // one reads the facts at a time, so that an older reading never takes the place of a newer one
	at atomic.Pointer[map[cutoffKey]time.Time]
}

type cutoffKey struct {
	kind        identity.CutoffKind
	realm, name string
}

// loadCutoffs reads them from the facts.
func (f *facts) loadCutoffs(ctx context.Context) error {
	f.cutoffs.mu.Lock()
	defer f.cutoffs.mu.Unlock()
	kept, err := f.Kept(ctx)
	if err != nil {
		return err
	}
	at := map[cutoffKey]time.Time{}
	for _, c := range kept {
		at[cutoffKey{c.Kind, c.Realm, c.Name}] = c.Before
	}
	f.cutoffs.at.Store(&at)
	return nil
}

// obeyCutoff takes a new cutoff into account, and forgets whom it may concern. Which of the
// visitors began too early nobody has listed, so that a wide one makes all known anew;
// those of a guest are few, and are told by his id.
func (a *App) obeyCutoff(ctx context.Context, kind identity.CutoffKind) error {
	if err := a.facts().loadCutoffs(ctx); err != nil {
		return err
	}
	if kind.Wide() {
		a.visitors.forgetAll()
		a.visitors.cut(a.facts().cutOff)
	}
	return nil
}

// since is the moment before which no session and no guest is taken at a site; zero if
// there is none.
func (f *facts) since(site *directory.Site) time.Time {
	latest := time.Time{}
	at := *f.cutoffs.at.Load()
	for _, key := range []cutoffKey{{identity.CutoffAll, "", ""}, {identity.CutoffRealm, site.Realm, ""}, {identity.CutoffSite, site.Realm, site.PTID}} {
		if t := at[key]; t.After(latest) {
			latest = t
		}
	}
	return latest
}

// guestEnded says whether a browser's guest, whose id this is, is taken at a site no more.
func (f *facts) guestEnded(site *directory.Site, id string, born time.Time) bool {
	return born.Before(f.since(site)) || born.Before((*f.cutoffs.at.Load())[cutoffKey{identity.CutoffGuest, site.Realm, id}])
}

// cutOff says whether a visitor began too early.
func (f *facts) cutOff(v *visitor) bool {
	if v.session == nil {
		return f.guestEnded(v.site, v.answer.User.ID, v.began())
	}
	return v.began().Before(f.since(v.site))
}

// beginning is when something begins at a site that begins now: never before its cutoff,
// which may have been made by a node whose clock is ahead.
func (a *App) beginning(site *directory.Site) time.Time {
	now, cut := a.now().Truncate(time.Millisecond), a.facts().since(site)
	if now.Before(cut) {
		return after(cut)
	}
	return now
}

// after is the first moment after t that a session or a guest can begin at.
func after(t time.Time) time.Time { return t.Add(time.Millisecond).Truncate(time.Millisecond) }

// ended says whether a session, or a guest, that began at a moment was signed out, replaced
// or cut off.
func (a *App) ended(ctx context.Context, site *directory.Site, claim identity.Claim, began time.Time) (bool, error) {
	from, err := a.facts().Revoked(ctx, claim.Session)
	return !from.IsZero() || a.facts().guestEnded(site, claim.Browser.ID, began), err
}

// began is when WeChat vouched for a visitor, or when a guest came first.
func (v *visitor) began() time.Time {
	if v.session != nil {
		return v.session.At
	}
	return v.seed.Born()
}
