package caddymodule

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// ClusterConfig says through which Redis several gateways share what they may lose:
// limits, codes that came twice, tickets, leases, access tokens. The facts are elsewhere,
// and have to be the same for all of them.
type ClusterConfig struct {
	// Where the Redis is: `redis://user:password@host:6379/0`, `rediss://…` with TLS, or
	// `unix:///path`. Several addresses are those of sentinels or of a Redis Cluster.
	// Default: none, which is one gateway alone. Placeholders: yes, at start.
	Redis []string `json:"redis,omitempty"`

	// What the sentinels call the master; the addresses are theirs then. Default: none.
	Sentinel string `json:"sentinel,omitempty"`

	// The addresses are those of servers of a Redis Cluster. Default: false.
	Sharded bool `json:"sharded,omitempty"`

	// The user and the password, where the addresses don't say them: of the servers, not
	// of the sentinels. Default: none. Placeholders: yes, at start.
	User     string `json:"user,omitempty"`
	Password string `json:"password,omitempty"`

	// The same of the sentinels. Default: none. Placeholders: yes, at start.
	SentinelUser     string `json:"sentinel_user,omitempty"`
	SentinelPassword string `json:"sentinel_password,omitempty"`

	// What our keys in the Redis begin with. Default: `wsite:`.
	Prefix string `json:"prefix,omitempty"`

	// A file of certificates that may sign the servers' own, in PEM; it makes the
	// connections use TLS. Default: those of the system.
	CA string `json:"ca,omitempty"`

	// The files of the certificate and its key that the gateway shows. Default: none.
	Certificate string `json:"certificate,omitempty"`
	Key         string `json:"key,omitempty"`

	// How long a connection or a call may take. Default: 300ms.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// settleCluster reads how nodes share what they may lose.
func (a *App) settleCluster(expand func(text, standIn string) (string, error)) error {
	c := &a.Cluster
	if len(c.Redis) == 0 {
		if c.Sentinel != "" || c.Sharded || c.Prefix != "" || c.Password != "" {
			return errors.New("cluster: the address of a Redis is missing")
		}
		return nil
	}
	if len(a.MasterKey) == 0 {
		return errors.New("cluster: gateways that share a Redis need a `master_key`, the same on each: make one with `openssl rand -hex 32`")
	}
	config := cluster.RedisConfig{MasterName: c.Sentinel, Prefix: c.Prefix, Timeout: time.Duration(c.Timeout), Log: a.slog}
	switch {
	case c.Sentinel != "" && c.Sharded:
		return errors.New("cluster: it is `sentinel` or `sharded`, not both")
	case len(c.Redis) > 1 && c.Sentinel == "" && !c.Sharded:
		return errors.New("cluster: several addresses are those of sentinels, with `sentinel <master>`, or of a Redis Cluster, with `sharded`")
	case c.Sentinel != "":
		config.Mode = cluster.RedisSentinel
	case c.Sharded:
		config.Mode = cluster.RedisCluster
	}
	for _, text := range c.Redis {
		address, err := expand(text, "redis://placeholder.example:6379")
		if err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
		config.Addresses = append(config.Addresses, address)
	}
	for into, text := range map[*string]string{
		&config.User: c.User, &config.Password: c.Password, &config.SentinelUser: c.SentinelUser, &config.SentinelPassword: c.SentinelPassword,
	} {
		var err error
		if *into, err = expand(text, "placeholder"); err != nil {
			return fmt.Errorf("cluster: %w", err)
		}
	}
	if err := config.Validate(); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	a.redisConfig = config
	return nil
}

// tlsConfig reads the files of certificates; nil if there are none.
func (c *ClusterConfig) tlsConfig() (*tls.Config, error) {
	if c.CA == "" && c.Certificate == "" {
		return nil, nil
	}
	config := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CA != "" {
		text, err := os.ReadFile(c.CA)
		if err != nil {
			return nil, fmt.Errorf("ca: %w", err)
		}
		if config.RootCAs = x509.NewCertPool(); !config.RootCAs.AppendCertsFromPEM(text) {
			return nil, fmt.Errorf("ca: %s holds no certificate in PEM", c.CA)
		}
	}
	if c.Certificate != "" {
		pair, err := tls.LoadX509KeyPair(c.Certificate, c.Key)
		if err != nil {
			return nil, fmt.Errorf("certificate: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}

// shares are what configs of this process with the same facts share and may lose: a
// config that takes another's place finds its tokens and leases.
var shares = caddy.NewUsagePool()

type pooledMemory struct{ *cluster.Memory }

func (pooledMemory) Destruct() error { return nil }

// openShared takes what nodes share: of a single node, its own memory.
func (a *App) openShared(ctx context.Context, store identity.SecretStore, sealer *identity.Sealer) error {
	if len(a.redisConfig.Addresses) > 0 {
		return a.openRedis(ctx, store, sealer)
	}
	memory, _, err := shares.LoadOrNew(a.place(), func() (caddy.Destructor, error) { return pooledMemory{cluster.NewMemory(time.Now)}, nil })
	if err != nil {
		return fmt.Errorf("sharing state: %w", err)
	}
	a.shared = memory.(pooledMemory).Memory
	a.took = append(a.took, func() error { _, err := shares.Delete(a.place()); return err })
	return nil
}

// openRedis opens the Redis. That it can't be reached is no reason not to start.
func (a *App) openRedis(ctx context.Context, store identity.SecretStore, sealer *identity.Sealer) error {
	config := a.redisConfig
	id, err := identity.FactsID(ctx, store, sealer, a.random)
	if err != nil {
		return err
	}
	config.Cluster, config.Keys = string(id), sealer.Keys("shared state")
	if config.TLS, err = a.Cluster.tlsConfig(); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	if a.redis, err = cluster.OpenRedis(ctx, config); err != nil {
		return fmt.Errorf("cluster: %w", err)
	}
	shared := cluster.NewDegrading(a.redis, time.Now, a.slog, func(up bool, _ string) {
		a.redisDown.Store(!up)
		a.metrics.clusterUp(up)
	})
	if !shared.Up() {
		a.redisDown.Store(true)
		a.metrics.clusterUp(false)
	}
	a.took = append(a.took, func() error { shared.Close(); return a.redis.Close() })
	a.shared, a.fallbacks = shared, shared.Fallbacks
	return nil
}

const (
	// nudgeTopic is where nodes tell each other that the facts have changed. What has
	// changed they read there: nobody believes a message.
	nudgeTopic = "facts"
	// nudgeEvery bounds how often a node says so.
	nudgeEvery = 20 * time.Millisecond
)

// nudge has other nodes look at the facts now, instead of within a second.
func (a *App) nudge() {
	select {
	case a.nudged <- struct{}{}:
	default: // said already
	}
}

// startNudges tells other nodes of changes, and hears of theirs.
func (a *App) startNudges(ctx context.Context) {
	shared := a.shared
	a.workers.Go(func() {
		shared.Subscribe(ctx, nudgeTopic, func([]byte) {
			select {
			case a.look <- struct{}{}:
			default: // it will look
			}
		})
	})
	a.workers.Go(func() {
		pause := time.NewTicker(nudgeEvery)
		defer pause.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-a.nudged:
			}
			_ = shared.Publish(ctx, nudgeTopic, []byte("changed")) // they look every second anyway
			select {
			case <-ctx.Done():
				return
			case <-pause.C:
			}
		}
	})
}
