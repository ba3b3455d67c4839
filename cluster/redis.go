package cluster

import (
	"context"
	"crypto/cipher"
	"fmt"
	"log/slog"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/logging"
)

// Redis is the [Shared] of several nodes. It needs Redis 6.2 or later, or what speaks as
// that does.
//
// It says what happened: while the server is away, its calls fail, after the time-out if
// need be. See [Degrading] for what a node does then.
type Redis struct {
	mode      RedisMode
	prefix    string
	timeout   time.Duration
	now       func() time.Time
	log       *slog.Logger
	client    redis.UniversalClient
	limiter   *redis_rate.Limiter
	seals     []cipher.AEAD
	names     []byte        // key of the names of keys
	heartbeat time.Duration // of listeners

	admitted atomic.Bool // the server has been checked, see Check
	missed   error       // why it wasn't when it was opened
	skew     atomic.Int64
	commands atomic.Uint64
	unopened atomic.Uint64

	stop context.CancelFunc
	work sync.WaitGroup
}

// quiet keeps the client from writing to the standard error by itself: its errors come
// back from its calls.
var quiet = sync.OnceFunc(logging.Disable)

// OpenRedis opens a shared state in Redis. A server that can't be reached, or that isn't
// ready, is no error: every call looks for it again. A server that answers is checked
// (see [Redis.Check]), and what it lacks is an error, as is a config that can't be meant.
func OpenRedis(ctx context.Context, c RedisConfig) (*Redis, error) {
	quiet()
	c, err := c.filled()
	if err != nil {
		return nil, fmt.Errorf("configuring Redis: %w", err)
	}
	r := &Redis{
		mode: c.Mode, prefix: c.Prefix, timeout: c.Timeout, now: c.Now, log: c.Log,
		names: derive([]byte(c.Cluster), "names"), heartbeat: heartbeatEvery,
	}
	if r.seals, err = seals(c.Keys); err != nil {
		return nil, fmt.Errorf("configuring Redis: %w", err)
	}
	if r.client, err = c.client(); err != nil {
		return nil, fmt.Errorf("configuring Redis: %w", err)
	}
	r.client.AddHook(counter{&r.commands})
	r.limiter = redis_rate.NewLimiter(rateKeys{r.client})
	if r.missed = r.Check(ctx); refused(r.missed) {
		_ = r.client.Close()
		return nil, fmt.Errorf("opening Redis: %w", advised(r.missed))
	}
	life, stop := context.WithCancel(context.Background())
	r.stop = stop
	r.work.Go(func() { r.renew(life) })
	return r, nil
}

// Close closes its connections. Listeners go on until their contexts end, and hear
// nothing more.
func (r *Redis) Close() error {
	r.stop()
	r.work.Wait()
	return r.client.Close()
}

// Commands is how many commands were sent until now, those of all calls together.
func (r *Redis) Commands() uint64 { return r.commands.Load() }

// Unopened is how many values were found until now that none of the keys opens, or that
// were no values of ours at all. Each was a miss.
func (r *Redis) Unopened() uint64 { return r.unopened.Load() }

// Skew is how far the server's clock was ahead of ours when it was last compared.
func (r *Redis) Skew() time.Duration { return time.Duration(r.skew.Load()) }

// begin checks a call, and the server if nobody has yet.
func (r *Redis) begin(ctx context.Context, key string, value []byte, life time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := check(key, value, life); err != nil {
		return err
	}
	if r.admitted.Load() {
		return nil
	}
	return r.Check(ctx)
}

// counter counts commands.
type counter struct{ commands *atomic.Uint64 }

// DialHook is for package redis.
func (c counter) DialHook(next redis.DialHook) redis.DialHook {
	return func(ctx context.Context, network, addr string) (net.Conn, error) { return next(ctx, network, addr) }
}

// ProcessHook is for package redis.
func (c counter) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		c.commands.Add(1)
		return next(ctx, cmd)
	}
}

// ProcessPipelineHook is for package redis.
func (c counter) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		c.commands.Add(uint64(len(cmds)))
		return next(ctx, cmds)
	}
}

var (
	_ Shared     = (*Redis)(nil)
	_ redis.Hook = counter{}
)
