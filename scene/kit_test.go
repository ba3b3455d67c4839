package scene_test

import (
	"context"
	"crypto/rand"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	account = "wx1a2b3c4d5e6f7081" // of the simulator
	secret  = "shared"
)

type engine func(t testing.TB) (*sqlstore.Store, error)

func sqlite(t testing.TB) (*sqlstore.Store, error) {
	return sqlstore.OpenSQLite(t.Context(), freshtest.SQLite(t), sqlstore.Options{})
}

func postgres(t testing.TB) (*sqlstore.Store, error) {
	return sqlstore.OpenPostgres(t.Context(), freshtest.Postgres(t), sqlstore.Options{})
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(t *testing.T, on engine)) {
	t.Run("on SQLite", func(t *testing.T) { t.Parallel(); test(t, sqlite) })
	t.Run("on PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, postgres) })
}

// desk is a registry, the simulator behind it, and what its purpose has heard.
type desk struct {
	*scene.Registry
	t      testing.TB
	store  *sqlstore.Store
	sim    *wechatsim.Server
	client *wechat.Client

	mu      sync.Mutex
	acted   []scene.Scan
	refused []scene.Outcome
	foreign []scene.Scan
	fail    error // of the next acts
}

func newDesk(t testing.TB, on engine, options ...func(*scene.Config)) *desk {
	t.Helper()
	store, err := on(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	d := &desk{t: t, store: store, sim: wechatsim.StartT(t)}
	d.client, err = wechat.NewClient(wechat.Config{OpenURL: d.sim.URL, MPURL: d.sim.URL, Hosts: []string{d.sim.URL}, Trip: 1 << 30})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(d.client.Close)
	config := scene.Config{
		Store: store, WeChat: d.client, Now: d.sim.Now, Random: func(b []byte) { rand.Read(b) },
		Call: func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
			token, err := d.client.StableToken(ctx, appID, secret, false)
			if err != nil {
				return err
			}
			return do(ctx, wechat.Bearer{AppID: appID, Token: token.Token})
		},
		Refused: func(_ context.Context, _ scene.Code, _ scene.Scan, o scene.Outcome) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.refused = append(d.refused, o)
			return nil
		},
		Foreign: func(_ context.Context, s scene.Scan) error {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.foreign = append(d.foreign, s)
			return nil
		},
	}
	for _, o := range options {
		o(&config)
	}
	d.Registry = scene.New(config)
	d.On("bind", func(_ context.Context, _ scene.Code, s scene.Scan) error {
		d.mu.Lock()
		defer d.mu.Unlock()
		if d.fail != nil {
			return d.fail
		}
		d.acted = append(d.acted, s)
		return nil
	})
	return d
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) make(change func(*scene.Order)) scene.Code {
	d.t.Helper()
	o := scene.Order{AppID: account, Realm: "shop", Purpose: "bind", Ref: "m1", Maker: "staff"}
	if change != nil {
		change(&o)
	}
	c, err := d.Make(d.t.Context(), o)
	d.must(err)
	return c
}

// scan is a scan of a code now.
func (d *desk) scan(c scene.Code, key string) scene.Scan {
	return scene.Scan{AppID: c.AppID, OpenID: "o-ming", Scene: c.Scene, Ticket: c.Ticket, At: d.sim.Now(), Key: key}
}

// wantFault checks an error, and that it says something in both languages.
func wantFault(t testing.TB, err error, code, field string) {
	t.Helper()
	var f *scene.Fault
	if !errors.As(err, &f) || f.Code != code || f.Field != field {
		t.Fatalf("got error %v, want the fault %s of %q", err, code, field)
	}
	if en, zh := f.Say(); en == "" || zh == "" {
		t.Errorf("the fault says %q, %q", en, zh)
	}
}

func (d *desk) want(acted, refused, foreign int) {
	d.t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.acted) != acted || len(d.refused) != refused || len(d.foreign) != foreign {
		d.t.Fatalf("acted on %+v, refused %v, handed on %+v; want %d, %d and %d", d.acted, d.refused, d.foreign, acted, refused, foreign)
	}
}

const month = 30 * 24 * time.Hour
