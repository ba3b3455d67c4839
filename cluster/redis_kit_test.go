package cluster_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/cluster/clustertest"
	"github.com/caddy-wsite/caddy-wsite/cluster/redistest"
)

const (
	// patience is how long a test waits for another process.
	patience = 20 * time.Second
	facts    = "the facts of this test"
)

// key is a key of values.
func key(b byte) []byte { return bytes.Repeat([]byte{b}, 32) }

// at is a config for a server.
func at(s *redistest.Server, change ...func(*cluster.RedisConfig)) cluster.RedisConfig {
	c := cluster.RedisConfig{Addresses: []string{s.Addr}, Cluster: facts, Keys: [][]byte{key(1)}, Timeout: 5 * time.Second}
	for _, do := range change {
		do(&c)
	}
	return c
}

func open(t testing.TB, c cluster.RedisConfig) *cluster.Redis {
	t.Helper()
	r, err := cluster.OpenRedis(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// until waits for another process to do something.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !done(); <-time.After(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// stretch is how much longer everything takes in a Redis under test: the time that passes
// by itself is then nothing to the time that a test lets pass.
const stretch = 10_000

// stretched is a Shared in which lives and rates are stretched.
type stretched struct{ cluster.Shared }

func longer(life time.Duration) time.Duration {
	if life < time.Millisecond {
		return life // which is refused
	}
	return life * stretch
}

func (s stretched) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	return s.Shared.Put(ctx, key, value, longer(life))
}

func (s stretched) PutNew(ctx context.Context, key string, value []byte, life time.Duration) (bool, error) {
	return s.Shared.PutNew(ctx, key, value, longer(life))
}

func (s stretched) PutFenced(ctx context.Context, key string, value []byte, fence int64, life time.Duration) (bool, error) {
	return s.Shared.PutFenced(ctx, key, value, fence, longer(life))
}

func (s stretched) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	return s.Shared.Lease(ctx, name, holder, longer(life))
}

func (s stretched) Limit(ctx context.Context, key string, rate cluster.Rate) (cluster.Verdict, error) {
	if _, err := cluster.NewMemory(time.Now).Limit(ctx, key, rate); err == nil {
		rate.Per *= stretch // or it is refused
	}
	v, err := s.Shared.Limit(ctx, key, rate)
	// Rounded up, for the time that passes by itself is no whole millisecond.
	v.RetryAfter, v.ResetAfter = (v.RetryAfter+stretch-1)/stretch, (v.ResetAfter+stretch-1)/stretch
	return v, err
}

// pass lets time pass for what is under a prefix of a server: it ends that much earlier.
// What limits is a time in seconds.
var pass = redis.NewScript(`
if ARGV[2] == 'limit' then
	redis.call('SET', KEYS[1], string.format('%.17g', redis.call('GET', KEYS[1]) - ARGV[1] / 1000), 'KEEPTTL')
end
local left = redis.call('PTTL', KEYS[1])
if left >= 0 then redis.call('PEXPIRE', KEYS[1], math.max(0, left - ARGV[1])) end
return 1`)

func advance(t testing.TB, prefix string, d time.Duration, servers ...*redistest.Server) {
	t.Helper()
	for _, s := range servers {
		names := s.Client().Scan(t.Context(), 0, prefix+"*", 1000).Iterator()
		for names.Next(t.Context()) {
			kind := "value"
			switch {
			case names.Val() == prefix+"cluster":
				continue
			case strings.HasPrefix(names.Val(), prefix+"r:"):
				kind = "limit"
			}
			if err := pass.Run(t.Context(), s.Client(), []string{names.Val()}, (d * stretch).Milliseconds(), kind).Err(); err != nil {
				t.Fatal(err)
			}
		}
		if err := names.Err(); err != nil {
			t.Fatal(err)
		}
	}
}

var prefixes atomic.Int64

// harness opens two nodes on a prefix of their own. The second goes without its Redis when
// that is away, which it isn't.
func harness(config func(c *cluster.RedisConfig), servers ...*redistest.Server) clustertest.Harness {
	return clustertest.Harness{Open: func(t testing.TB) (a, b cluster.Shared, wait func(time.Duration)) {
		c := at(servers[0], config, func(c *cluster.RedisConfig) {
			c.Prefix, c.Pool = fmt.Sprint("test", prefixes.Add(1), ":"), 8
		})
		degrading := cluster.NewDegrading(open(t, c), time.Now, nil, func(bool, string) { t.Error("it is away") })
		t.Cleanup(degrading.Close)
		return stretched{open(t, c)}, stretched{degrading}, func(d time.Duration) { advance(t, c.Prefix, d, servers...) }
	}}
}
