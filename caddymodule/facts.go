package caddymodule

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"

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
	// What is written from here on is acted on later, even if it is read below already.
	_, seen, err := store.Stale(ctx, -1, 1)
	if err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
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
	f := &facts{Store: store, Centre: centre, keys: keys, seen: seen}
	if err := f.loadCutoffs(ctx); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
	a.current = f
	a.resealFactors(ctx)
	if err := a.resealAccounts(ctx); err != nil {
		return fmt.Errorf("opening facts: %w", err)
	}
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
	for _, account := range a.configured.Accounts() {
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
