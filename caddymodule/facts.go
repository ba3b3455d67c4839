package caddymodule

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// facts is the system of record as one config uses it.
type facts struct {
	identity.Store
	*identity.Centre
	keys    *identity.Keys
	cutoffs cutoffs
	seen    int64 // the newest entry for caches that was acted on
}

// stores are open databases by their path or DSN. The old and the new config overlap
// during a reload, and must not open one file twice.
var stores = caddy.NewUsagePool()

type pooledStore struct{ *sqlstore.Store }

func (p pooledStore) Destruct() error { return p.Close() }

const (
	pollEvery   = time.Second
	rotateEvery = time.Hour
	sweepEvery  = 10 * time.Minute
	moveEvery   = time.Minute // users who wait to be moved to another WeChat account
	// factsGrace is how long visitors in the cache go on without the facts.
	factsGrace = 15 * time.Minute
)

// openFacts opens the facts and makes in them what a first start needs. What it
// took is given back by Cleanup.
func (a *App) openFacts(ctx context.Context) error {
	store, path, err := a.openStore(ctx)
	if err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	sealer, err := a.openMaster(ctx, store, path)
	if err != nil {
		return err
	}
	if err := identity.CheckMaster(ctx, store, sealer); err != nil && path != "" {
		return fmt.Errorf("opening facts: %w; where none was configured at first, it lies in %s: put that one second", err, keyFile(path))
	} else if err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	if err := a.openShared(ctx, store, sealer); err != nil {
		return err
	}
	a.box, a.tickets, a.factors = newCookieBox(sealer), newTickets(sealer), sealer.Box("second factors")
	if err := a.openDirectory(ctx, store, sealer); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	keys := &identity.Keys{Store: store, Sealer: sealer, Algorithms: a.algorithms(), Life: time.Duration(a.Token.Lifetime), Now: a.now}
	if err := keys.Rotate(ctx); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	a.realmKeys = map[string][]byte{}
	for _, realm := range a.directory().Realms() {
		if a.realmKeys[realm.Name], err = identity.RealmKey(ctx, store, sealer, realm.Name, a.random); err != nil {
			return fmt.Errorf("opening facts: %w", err)
		}
	}
	if err := a.checkSubjects(ctx, store); err != nil {
		return err
	}
	centre := &identity.Centre{Store: counting{store, &a.metrics.tally}, GuestKey: a.guestKey, Policies: a.policies, PrevFor: a.Session.life(), Now: a.now, Random: a.random}
	f := &facts{Store: store, Centre: centre, keys: keys}
	if _, f.seen, err = store.Stale(ctx, -1, 1); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	if err := f.loadCutoffs(ctx); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	a.current = f
	a.resealFactors(ctx)
	if err := a.openChannels(sealer); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	a.factsSeen.Store(a.now().UnixNano())
	return nil
}

// openStore opens the database, and says where the file of it is, if it is one.
func (a *App) openStore(ctx context.Context) (store pooledStore, path string, err error) {
	open, where := sqlstore.OpenPostgres, a.Facts.Postgres
	if where == "" {
		if path, err = filepath.Abs(a.Facts.SQLite); err != nil {
			return store, "", err
		}
		if strings.HasPrefix(path, caddy.AppDataDir()) {
			// Caddy makes its own folder when it needs it, which may be later.
			if err := os.MkdirAll(caddy.AppDataDir(), 0o700); err != nil {
				return store, "", err
			}
		}
		open, where = sqlstore.OpenSQLite, path
	}
	pooled, _, err := stores.LoadOrNew(where, func() (caddy.Destructor, error) {
		s, err := open(ctx, where, sqlstore.Options{Log: a.slog, Now: time.Now})
		return pooledStore{s}, err
	})
	if err != nil {
		return store, "", err
	}
	a.took = append(a.took, func() error { _, err := stores.Delete(where); return err })
	return pooled.(pooledStore), path, nil
}

// checkSubjects refuses an account that has moved to another open platform: its
// unionids would all be others, and every visitor would seem to contradict what
// is on record.
func (a *App) checkSubjects(ctx context.Context, store identity.Store) error {
	for _, account := range a.directory().Accounts() {
		recorded, err := store.Subject(ctx, account.AppID, account.SubjectOrSelf())
		if err != nil {
			return fmt.Errorf("opening facts: %w", err)
		}
		if recorded != account.SubjectOrSelf() {
			name := recorded
			if name == account.AppID {
				name = "none"
			}
			return fmt.Errorf("opening facts: account %s is on record with the subject %q, not %q: set it back, since the unionids on record belong to that subject; or, if the account has moved to another open platform, run `caddy wsite resubject %s %s`", account.AppID, name, account.Subject, account.AppID, account.SubjectOrSelf())
		}
	}
	return nil
}

// guestKey is the key that a realm's guest ids are derived from.
func (a *App) guestKey(realm string) ([]byte, error) {
	if key := a.realmKeys[realm]; key != nil {
		return key, nil
	}
	return nil, fmt.Errorf("there is no realm %q", realm)
}

// policies are what a realm decides for itself.
func (a *App) policies(realm string) identity.Policies {
	r := a.directory().Realm(realm)
	if r == nil {
		return identity.Policies{}
	}
	return identity.Policies{
		Attached: r.Survivor == "attached", Unionids: r.UnionidsPerUser, Silent: r.Register == "silent", Hints: r.LegacyHints == "on",
	}
}

// revoke ends a session in the facts, and at once in this process.
func (a *App) revoke(ctx context.Context, r identity.Revocation) error {
	if err := a.facts().Revoke(ctx, r); err != nil {
		return err
	}
	a.visitors.forget(sessionName(r.Session))
	a.nudge()
	return nil
}

// factsTrusted says whether what is cached may still be used: the facts were
// reached lately, so that nothing new can have escaped us.
func (a *App) factsTrusted(now time.Time) bool {
	return now.UnixNano()-a.factsSeen.Load() < int64(factsGrace)
}

// watchFacts follows what the facts tell caches, and keeps the keys turning.
func (a *App) watchFacts(ctx context.Context) {
	poll, rotate, sweep, move := time.NewTicker(pollEvery), time.NewTicker(rotateEvery), time.NewTicker(sweepEvery), time.NewTicker(moveEvery)
	defer move.Stop()
	defer poll.Stop()
	defer rotate.Stop()
	defer sweep.Stop()
	down := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-a.look: // another node has changed something
			_ = a.follow(ctx) // whether the facts are there is told by the clock
			continue
		case <-poll.C:
			err = a.follow(ctx)
			if up := err == nil; up == down && ctx.Err() == nil {
				down = !up
				a.logFacts(err)
			}
			continue
		case <-rotate.C:
			err = a.facts().keys.Rotate(ctx)
			a.keysFailed.Store(err != nil)
			a.resealFactors(ctx)
		case <-sweep.C:
			err = a.facts().Sweep(ctx, a.now())
		case <-move.C:
			err = a.moveUsers(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("keeping the facts in order", zap.String("step", "identity"), zap.Error(err))
		}
	}
}

// moveUsers makes the moves to other WeChat accounts that are due.
func (a *App) moveUsers(ctx context.Context) error {
	for _, realm := range a.directory().Realms() {
		if _, err := a.facts().RunRebinds(ctx, realm.Name); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) logFacts(err error) {
	a.metrics.factsUp(err == nil)
	a.factsDown.Store(err != nil)
	if err != nil {
		a.log.Error("the facts can't be reached: visitors in the cache go on for 15 minutes, others get 503", zap.String("step", "identity"), zap.Error(err))
		return
	}
	a.log.Info("the facts can be reached again", zap.String("step", "identity"))
}

// obey acts on what is new. Doing it twice does no harm.
func (a *App) obey(ctx context.Context, entries []identity.Stale) error {
	read := map[identity.StaleKind]bool{} // what is read anew as a whole, once
	for _, e := range entries {
		switch e.Kind {
		case identity.StaleUser:
			a.visitors.forget(userName(e.Realm, e.Key))
		case identity.StaleSession:
			a.visitors.forget(sessionName(e.Key))
		case identity.StaleCutoff:
			if err := a.obeyCutoff(ctx, identity.CutoffKind(e.Key)); err != nil {
				return err
			}
		case identity.StaleSite:
			a.sites.forget(e.Key)
			read[e.Kind] = true
		case identity.StaleAccount, identity.StaleSecret:
			read[e.Kind] = true
		}
	}
	if read[identity.StaleSecret] {
		if err := a.facts().keys.Load(ctx); err != nil {
			return err
		}
	}
	switch {
	case read[identity.StaleAccount]:
		return a.relearn(ctx)
	case read[identity.StaleSite]:
		return a.learnUses(ctx)
	}
	return nil
}

// follow acts on what is new since the last time.
func (a *App) follow(ctx context.Context) error {
	const batch = 1000
	began := a.now()
	f := a.facts()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		entries, newest, err := f.Stale(ctx, f.seen, batch)
		if err != nil {
			return err
		}
		if err := a.obey(ctx, entries); err != nil {
			return err
		}
		if len(entries) > 0 {
			f.seen = entries[len(entries)-1].Seq
		}
		if len(entries) < batch {
			f.seen = max(f.seen, newest)
			break
		}
	}
	if !a.factsTrusted(began) { // away for so long that entries may have been swept
		if err := a.relearn(ctx); err != nil {
			return err
		}
		if err := a.obeyCutoff(ctx, identity.CutoffAll); err != nil {
			return err
		}
	}
	a.factsSeen.Store(began.UnixNano())
	return nil
}
