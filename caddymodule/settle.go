package caddymodule

import (
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"time"
	_ "time/tzdata" // for machines that have no time zones

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// settle reads the configuration: what of it is wrong by itself or doesn't fit
// together is found here, by Provision and by the Caddyfile's parser alike. expand
// gives the value of a text with placeholders, or, where that isn't known yet, a
// stand-in. An error begins with the field that it is about.
func (a *App) settle(expand func(text, standIn string) (string, error)) error {
	var err error
	if a.origin, err = expand(a.Origin, "https://placeholder.example"); err != nil {
		return fmt.Errorf("origin: %w", err)
	}
	if a.Facts.SQLite, err = expand(a.Facts.SQLite, a.Facts.SQLite); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if a.Facts.Postgres, err = expand(a.Facts.Postgres, "placeholder"); err != nil {
		return fmt.Errorf("facts: %w", err)
	}
	if a.Facts.Postgres != "" && a.Facts.SQLite != "" {
		return errors.New("facts: they lie in sqlite or in postgres, not in both")
	}
	if a.Facts.Postgres != "" && len(a.MasterKey) == 0 {
		return errors.New("facts: in PostgreSQL they need a `master_key`, the same on every gateway: make one with `openssl rand -hex 32`, and keep it elsewhere than the database")
	}
	if err := a.readOrigin(); err != nil {
		return err
	}
	exists, err := directory.New(a.Accounts, a.Realms, a.Sites)
	if err != nil {
		return err
	}
	a.configured, a.sites = &catalogue{Directory: exists, proofs: map[string]credentials{}, hosts: map[string]string{}}, newSites(a.siteTurns(), func() time.Time { return a.now() })
	a.catalogue.Store(a.configured)
	if err := a.readHosts(); err != nil {
		return err
	}
	if a.webhooks, err = outbox.ParseNetworks(a.WebhookNetworks); err != nil {
		return fmt.Errorf("webhook_networks: %w", err)
	}
	if err := a.settleAccounts(expand); err != nil {
		return err
	}
	for _, cidr := range a.UpstreamNetworks {
		prefix, err := netip.ParsePrefix(cidr)
		if err != nil {
			return fmt.Errorf("upstream_networks: %q is no network such as 10.0.0.0/8", cidr)
		}
		a.networks = append(a.networks, prefix)
	}
	if err := a.settleLimits(); err != nil {
		return err
	}
	for _, settle := range []func(expand func(text, standIn string) (string, error)) error{a.settleMaster, a.settleZone, a.settleWechat, a.settleCluster, a.settleLines} {
		if err := settle(expand); err != nil {
			return err
		}
	}
	return nil
}

// settleZone reads where the staff are.
func (a *App) settleZone(func(text, standIn string) (string, error)) (err error) {
	if a.zone, err = time.LoadLocation(a.TimeZone); err != nil || a.TimeZone == "Local" {
		return fmt.Errorf("time_zone: %q is no time zone such as Asia/Shanghai or UTC", a.TimeZone)
	}
	return nil
}

// settleMaster reads the master keys.
func (a *App) settleMaster(expand func(text, standIn string) (string, error)) error {
	for _, text := range a.MasterKey {
		text, err := expand(text, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f")
		if err != nil {
			return fmt.Errorf("master_key: %w", err)
		}
		key, err := parseMaster(text)
		if err != nil {
			return fmt.Errorf("master_key: %w", err)
		}
		a.masters = append(a.masters, key)
	}
	return nil
}

// settleWechat reads how WeChat is reached.
func (a *App) settleWechat(expand func(text, standIn string) (string, error)) (err error) {
	if _, err = wechat.NewClient(wechat.Config{OpenURL: a.Wechat.Open}); err != nil {
		return fmt.Errorf("open: %w", err)
	}
	if _, err = wechat.NewClient(wechat.Config{MPURL: a.Wechat.MP}); err != nil {
		return fmt.Errorf("mp: %w", err)
	}
	proxy, err := expand(a.Wechat.Proxy, "http://placeholder.example:3128")
	if err != nil {
		return fmt.Errorf("wechat_proxy: %w", err)
	}
	if _, err = wechat.NewClient(wechat.Config{Proxy: proxy}); err != nil {
		return fmt.Errorf("wechat_proxy: %w", err)
	}
	if proxy != "" {
		if a.proxy, err = url.Parse(proxy); err != nil {
			return errors.New("wechat_proxy: the address can't be read as a URL") // it may hold credentials
		}
	}
	a.wechat, err = wechat.NewClient(wechat.Config{
		OpenURL: a.Wechat.Open, MPURL: a.Wechat.MP, Hosts: a.Wechat.APIHosts, Proxy: proxy, Timeout: time.Duration(a.Wechat.Timeout), Now: time.Now,
	})
	if err != nil {
		return fmt.Errorf("api_hosts: %w", err)
	}
	return nil
}

// fillDefaults is the one place of defaults, so that JSON and Caddyfile agree; those of
// accounts and sites are the directory's.
func (a *App) fillDefaults() {
	if a.Prefix == "" {
		a.Prefix = "/wsite"
	}
	if a.Facts == (FactsConfig{}) {
		a.Facts.SQLite = caddy.AppDataDir() + "/wsite/wsite.db"
	}
	if a.Session.Lifetime == 0 {
		a.Session.Lifetime = caddy.Duration(12 * time.Hour)
	}
	if a.Token.Algorithm == "" {
		a.Token.Algorithm = directory.Algorithms[0]
	}
	if a.Token.Lifetime == 0 {
		a.Token.Lifetime = caddy.Duration(5 * time.Minute)
	}
	if a.CacheSize == 0 {
		a.CacheSize = 100_000
	}
	if a.TimeZone == "" {
		a.TimeZone = "Asia/Shanghai"
	}
	if len(a.UpstreamNetworks) == 0 {
		a.UpstreamNetworks = []string{"127.0.0.0/8", "::1/128", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7"}
	}
}
