package caddymodule

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
)

// offline are the facts of a config, for a command that works on them directly. A
// gateway may run beside it: several processes may use one database.
//
// Whether the subjects of accounts are those on record is not checked: a command is
// what sets that right.
type offline struct {
	app    *App
	store  identity.Store
	centre *identity.Centre
	temp   string // folder of a copy, "" if these are the facts themselves
}

// configFlags are how a command is told of the config.
func configFlags(cmd *cobra.Command) {
	cmd.Flags().StringP("config", "c", "", "the config file; default: the Caddyfile in this folder")
	cmd.Flags().StringP("adapter", "a", "", "the adapter of the config file")
}

// readApp reads our part of a config, without loading any other.
func readApp(fl caddycmd.Flags) (*App, error) {
	body, file, _, err := caddycmd.LoadConfig(fl.String("config"), fl.String("adapter"))
	if err != nil {
		return nil, fmt.Errorf("reading the config: %w", err)
	}
	if len(body) == 0 || file == "" {
		return nil, errors.New("there is no Caddyfile in this folder: name the config with --config")
	}
	var config struct {
		Apps struct {
			Wsite json.RawMessage `json:"wsite"`
		} `json:"apps"`
	}
	if err := json.Unmarshal(body, &config); err != nil {
		return nil, fmt.Errorf("reading the config %s: %w", file, err)
	}
	if config.Apps.Wsite == nil {
		return nil, fmt.Errorf("reading the config %s: there is no `wsite` in it", file)
	}
	a := &App{log: zap.NewNop(), slog: slog.New(slog.DiscardHandler), now: time.Now, random: func(b []byte) { rand.Read(b) }}
	if err := caddy.StrictUnmarshalJSON(config.Apps.Wsite, a); err != nil {
		return nil, fmt.Errorf("reading the config %s: %w", file, err)
	}
	a.fillDefaults()
	repl := caddy.NewReplacer()
	if err := a.settle(func(text, _ string) (string, error) { return repl.ReplaceOrErr(text, true, true) }); err != nil {
		return nil, fmt.Errorf("reading the config %s: %w", file, err)
	}
	return a, nil
}

// openOffline opens the facts of a config. With a copy, everything written goes into
// one that close takes away. realm is the one that the command is about; empty if it
// is about none.
func openOffline(ctx context.Context, fl caddycmd.Flags, realm string, copied bool) (o *offline, err error) {
	a, err := readApp(fl)
	if err != nil {
		return nil, err
	}
	if realm != "" && a.directory().Realm(realm) == nil {
		return nil, fmt.Errorf("the config has no realm %q; it has %s", realm, strings.Join(realmNames(a), ", "))
	}
	o = &offline{app: a}
	defer func() {
		if err != nil {
			err = errors.Join(err, o.close())
		}
	}()
	key := ""
	if copied {
		if key, err = o.copy(ctx); err != nil {
			return o, err
		}
	}
	store, path, err := a.openStore(ctx)
	if err != nil {
		return o, fmt.Errorf("opening facts: %w", err)
	}
	if key == "" {
		key = path
	}
	sealer, err := a.openMaster(ctx, store, key)
	if err == nil {
		err = identity.CheckMaster(ctx, store, sealer)
	}
	if err == nil {
		err = a.openDirectory(ctx, store, sealer)
	}
	a.realmKeys = map[string][]byte{}
	for _, name := range realmNames(a) {
		if err == nil {
			a.realmKeys[name], err = identity.RealmKey(ctx, store, sealer, name, a.random)
		}
	}
	if err != nil {
		return o, fmt.Errorf("opening facts: %w", err)
	}
	o.store = store
	o.centre = &identity.Centre{Store: store, GuestKey: a.guestKey, Policies: a.policies, PrevFor: a.Session.life(), Now: a.now}
	return o, nil
}

// copy makes a copy of the database, and says where the original is if there is one:
// its master key lies beside it.
func (o *offline) copy(ctx context.Context) (original string, err error) {
	facts := &o.app.Facts
	if facts.Postgres != "" {
		return "", errors.New("a dry run works on a copy of the facts, and of PostgreSQL it makes none: restore a backup into another database, and import there")
	}
	if original, err = filepath.Abs(facts.SQLite); err != nil {
		return "", err
	}
	if o.temp, err = os.MkdirTemp("", "wsite-dry-run-*"); err != nil {
		return "", fmt.Errorf("making a folder for the copy: %w", err)
	}
	facts.SQLite = filepath.Join(o.temp, "facts.db")
	if _, err := os.Stat(original); errors.Is(err, os.ErrNotExist) {
		return "", nil
	}
	return original, sqlstore.CopySQLite(ctx, original, facts.SQLite)
}

// close gives everything back.
func (o *offline) close() error {
	err := o.app.Cleanup()
	if o.temp != "" {
		err = errors.Join(err, os.RemoveAll(o.temp))
	}
	return err
}

func realmNames(a *App) []string {
	var names []string
	for _, realm := range a.directory().Realms() {
		names = append(names, realm.Name)
	}
	return names
}

// subjects are the subjects of all accounts by app id.
func (o *offline) subjects() map[string]string {
	subjects := map[string]string{}
	for _, account := range o.app.directory().Accounts() {
		subjects[account.AppID] = account.SubjectOrSelf()
	}
	return subjects
}
