package cluster

import (
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// RedisMode is what the addresses of a [RedisConfig] are those of.
type RedisMode string

const (
	// RedisSingle is one server, which has all of it.
	RedisSingle RedisMode = "single"
	// RedisSentinel is a master and its replicas; the addresses are those of sentinels.
	RedisSentinel RedisMode = "sentinel"
	// RedisCluster is a Redis Cluster; the addresses are those of some of its servers.
	RedisCluster RedisMode = "cluster"
)

// RedisConfig is what [OpenRedis] needs. Addresses, Cluster and Keys are required;
// everything else has a default.
type RedisConfig struct {
	// Mode is never guessed; default [RedisSingle].
	Mode RedisMode
	// Addresses are host:port, redis://host:port, rediss://host:port (with TLS) or
	// unix:///path. Those of servers may say user, password and database, too:
	// redis://user:password@host:port/0, unix://user:password@/path?db=0. There is one
	// of a single server; of sentinels and of a Redis Cluster, as many as are known.
	Addresses []string
	// MasterName is what the sentinels call the master.
	MasterName string
	// User and Password are for the server, the other two for the sentinels.
	User, Password                 string
	SentinelUser, SentinelPassword string
	// DB is the number of the database. A Redis Cluster has no other than 0.
	DB int
	// TLS says whom to trust and which certificate to show. nil is no TLS, unless an
	// address says rediss.
	TLS *tls.Config

	// Prefix is what our keys and channels begin with: at most 64 letters, digits and
	// any of : . _ - /. Default "wsite:".
	Prefix string
	// Cluster is the id of the facts: random, of at least 16 bytes, the same on all
	// nodes, and never another. The names of keys are derived from it, so it isn't
	// told to whoever may read the Redis.
	Cluster string
	// Keys seal values, 32 random bytes each. The first seals, all open.
	Keys [][]byte

	// Timeout is how long a connection, a write, a read or the wait for a free
	// connection may take, and all of them together in a [Degrading]; default 300ms. A
	// login must not wait for a slow Redis.
	Timeout time.Duration
	// Pool is the most connections to each server, besides one for each topic that is
	// listened to; default 32.
	Pool int
	// Now is the clock, to compare the server's with; default time.Now.
	Now func() time.Time
	// Log hears what an operator should know; nil discards.
	Log *slog.Logger
}

// prefixes are fine in a pattern and keep the hash slots of keys apart.
var prefixes = regexp.MustCompile(`^[A-Za-z0-9:._/-]{1,64}$`)

// filled is the config with its defaults. Its errors, like those below, never quote an
// address: a password may be in it, in the wrong place too.
func (c RedisConfig) filled() (RedisConfig, error) {
	if c.Mode == "" {
		c.Mode = RedisSingle
	}
	if c.Prefix == "" {
		c.Prefix = "wsite:"
	}
	if c.Timeout == 0 {
		c.Timeout = 300 * time.Millisecond
	}
	if c.Pool == 0 {
		c.Pool = 32
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	switch {
	case c.Mode != RedisSingle && c.Mode != RedisSentinel && c.Mode != RedisCluster:
		return c, fmt.Errorf("mode %q: there are single, sentinel and cluster", c.Mode)
	case len(c.Addresses) == 0:
		return c, errors.New("an address is needed")
	case c.Mode == RedisSingle && len(c.Addresses) > 1:
		return c, errors.New("a single server has one address; name the mode if they are of sentinels or of a cluster")
	case (c.Mode == RedisSentinel) != (c.MasterName != ""):
		return c, errors.New("the name of the master is for sentinels, and they need it")
	case c.DB < 0 || c.Mode == RedisCluster && c.DB != 0:
		return c, errors.New("a database is a number from 0, and a cluster has no other")
	case !prefixes.MatchString(c.Prefix):
		return c, errors.New("a prefix is at most 64 letters, digits and any of : . _ - /")
	case len(c.Cluster) < 16:
		return c, errors.New("the id of the cluster has fewer than 16 bytes")
	case len(c.Keys) == 0:
		return c, errors.New("a key is needed")
	case c.Timeout < time.Millisecond || c.Pool < 1:
		return c, errors.New("the time-out is at least 1ms, the pool at least 1")
	}
	return c, nil
}

// address is one of RedisConfig.Addresses.
type address struct {
	network, at    string
	user, password string
	db             int
	tls            bool
}

// readAddress takes an address apart. port is that of an address without one.
func readAddress(text, port string) (address, error) {
	if !strings.Contains(text, "://") {
		text = "redis://" + text
	}
	u, err := url.Parse(text)
	if err != nil {
		return address{}, errors.New("it is neither host:port nor a URL; a password in a URL is escaped")
	}
	a := address{network: "tcp", user: u.User.Username(), tls: u.Scheme == "rediss"}
	a.password, _ = u.User.Password()
	db := strings.Trim(u.Path, "/")
	switch u.Scheme {
	case "redis", "rediss":
		if u.Hostname() == "" || u.RawQuery != "" || u.Fragment != "" {
			return address{}, errors.New("it is host:port, redis://host:port/0 or rediss://host:port/0")
		}
		if n, err := strconv.ParseUint(cmp.Or(u.Port(), port), 10, 16); err != nil || n == 0 {
			return address{}, errors.New("a port is a number from 1 to 65535")
		}
		port = cmp.Or(u.Port(), port)
		a.at = net.JoinHostPort(u.Hostname(), port)
	case "unix":
		db = u.Query().Get("db")
		if u.Host != "" || u.Path == "" || u.Fragment != "" || u.RawQuery != "" && u.RawQuery != "db="+db {
			return address{}, errors.New("it is unix:///path or unix:///path?db=0")
		}
		a.network, a.at = "unix", u.Path
	default:
		return address{}, errors.New("there are redis://, rediss:// and unix://")
	}
	if db != "" {
		if a.db, err = strconv.Atoi(db); err != nil || a.db < 0 {
			return address{}, errors.New("a database is a number from 0")
		}
	}
	return a, nil
}

// client makes the client that a filled config describes. It connects when it is used.
func (c RedisConfig) client() (redis.UniversalClient, error) {
	port := "6379"
	if c.Mode == RedisSentinel {
		port = "26379"
	}
	network := "tcp"
	var at []string
	for i, text := range c.Addresses {
		a, err := readAddress(text, port)
		bare := a.user == "" && a.password == "" && a.db == 0 && a.network == "tcp"
		if err == nil && c.Mode != RedisSingle && !bare {
			err = errors.New("of several addresses none says user, password, database or a socket; there are settings for them")
		}
		if err != nil {
			return nil, fmt.Errorf("reading address %d: %w", i+1, err)
		}
		if a.tls && c.TLS == nil {
			c.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		}
		if a.user != "" || a.password != "" {
			c.User, c.Password = a.user, a.password
		}
		if a.db != 0 {
			c.DB = a.db
		}
		network, at = a.network, append(at, a.at)
	}
	o := c.universal(at)
	switch c.Mode {
	case RedisSentinel:
		return redis.NewFailoverClient(o.Failover()), nil
	case RedisCluster:
		cluster := o.Cluster()
		cluster.DisableRoutingPolicies = true // they need the right to COMMAND, and none of ours is special
		return redis.NewClusterClient(cluster), nil
	}
	single := o.Simple()
	single.Network = network
	return redis.NewClient(single), nil
}

// universal are the settings that all modes have. What fails is not tried again: the
// caller has something better to do, and whether a call was done at all is then open.
func (c RedisConfig) universal(at []string) *redis.UniversalOptions {
	return &redis.UniversalOptions{
		Addrs: at, MasterName: c.MasterName, DB: c.DB, Protocol: 2,
		Username: c.User, Password: c.Password, SentinelUsername: c.SentinelUser, SentinelPassword: c.SentinelPassword,
		MaxRetries: -1, DialerRetries: 1, ContextTimeoutEnabled: true,
		DialTimeout: c.Timeout, ReadTimeout: c.Timeout, WriteTimeout: c.Timeout, PoolTimeout: c.Timeout,
		PoolSize: c.Pool, MaxActiveConns: c.Pool, PipelinePoolSize: -1, ConnMaxIdleTime: 5 * time.Minute,
		TLSConfig: c.TLS, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}
}

// Validate finds what is wrong with a config before anything is opened. What only a node
// has, Cluster and Keys, may be missing.
func (c RedisConfig) Validate() error {
	c.Cluster, c.Keys = strings.Repeat("-", 16), [][]byte{nil}
	c, err := c.filled()
	if err != nil {
		return err
	}
	client, err := c.client()
	if err != nil {
		return err
	}
	return client.Close()
}
