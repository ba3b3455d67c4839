package cluster

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// markerLife is how long a prefix stays ours after the last node.
	markerLife = 30 * 24 * time.Hour
	// markerEvery is how often a node says that it is ours.
	markerEvery = time.Hour
	// maxSkew is how far the server's clock may be from ours before we say so.
	maxSkew = 2 * time.Second
	// sampled bounds the steps of a look at the names under our prefix.
	sampled = 20
)

// Check asks all servers whether they will do, and writes: it is also how a node finds
// out that the Redis is there again. An error says what is missing: Redis 6.2, the mode
// that was configured, a user with rights enough, a prefix that no other cluster has
// and no other application writes below. Until a check has passed nothing else is done.
//
// The clocks need not agree, but those of whoever reads the logs do: 2s apart are logged.
func (r *Redis) Check(ctx context.Context) error {
	err := r.masters(ctx, r.checkServer)
	if err == nil {
		err = r.mark(ctx)
	}
	if err != nil && refused(err) {
		r.admitted.Store(false) // another server stands there than before
	}
	if err == nil {
		r.admitted.Store(true)
	}
	return err
}

// renew checks from time to time, so that the marker lives and clocks are compared.
func (r *Redis) renew(ctx context.Context) {
	ticker := time.NewTicker(markerEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if err := r.Check(ctx); err != nil && ctx.Err() == nil {
				r.log.WarnContext(ctx, "checking Redis", "error", err)
			}
		}
	}
}

// masters calls do for each server that takes writes.
func (r *Redis) masters(ctx context.Context, do func(context.Context, *redis.Client) error) error {
	switch client := r.client.(type) {
	case *redis.ClusterClient:
		return client.ForEachMaster(ctx, do)
	case *redis.Client:
		return do(ctx, client)
	}
	return errors.New("an unknown kind of client")
}

func (r *Redis) checkServer(ctx context.Context, server *redis.Client) error {
	info, err := server.Info(ctx, "server").Result()
	if err != nil {
		return err
	}
	if err := checkInfo(info, r.mode); err != nil {
		return refusal{err}
	}
	before := r.now()
	theirs, err := server.Time(ctx).Result()
	if err != nil {
		return err
	}
	after := r.now()
	r.compare(ctx, theirs.Sub(before.Add(after.Sub(before)/2)))
	if r.admitted.Load() {
		return nil
	}
	return r.sample(ctx, server)
}

// checkInfo reads what a server says of itself.
func checkInfo(info string, mode RedisMode) error {
	says := map[string]string{}
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		says[name] = value
	}
	major, minor, _ := strings.Cut(says["redis_version"], ".")
	minor, _, _ = strings.Cut(minor, ".")
	x, errX := strconv.Atoi(major)
	y, errY := strconv.Atoi(minor)
	switch {
	case errX != nil || errY != nil:
		return errors.New("the server doesn't say which version it is; Redis 6.2 or later is needed")
	case x < 6 || x == 6 && y < 2:
		return fmt.Errorf("the server is Redis %s; 6.2 or later is needed", says["redis_version"])
	case says["redis_mode"] == "sentinel":
		return errors.New(`the server is a sentinel; the mode for sentinels is "sentinel"`)
	case says["redis_mode"] == "cluster" && mode != RedisCluster:
		return errors.New(`the server belongs to a Redis Cluster; the mode for that is "cluster"`)
	}
	return nil
}

// compare notes how far the server's clock is ahead, and tells when it is too far.
func (r *Redis) compare(ctx context.Context, ahead time.Duration) {
	before := time.Duration(r.skew.Swap(int64(ahead)))
	if ahead.Abs() > maxSkew && before.Abs() <= maxSkew {
		r.log.WarnContext(ctx, "the clocks of Redis and of this node disagree", "ahead", ahead.Round(time.Millisecond))
	}
}

// sample looks for names under our prefix that we don't give. Streams are the operator's.
func (r *Redis) sample(ctx context.Context, server *redis.Client) error {
	var cursor uint64
	for range sampled {
		names, next, err := server.Scan(ctx, cursor, r.prefix+"*", 1000).Result()
		if err != nil {
			return err
		}
		for _, name := range names {
			if ours.MatchString(strings.TrimPrefix(name, r.prefix)) {
				continue
			}
			kind, err := server.Type(ctx, name).Result()
			if err != nil {
				return err
			}
			if kind != "stream" && kind != "none" {
				return refusal{fmt.Errorf("another application has keys that begin with %q: give the gateway a prefix of its own", r.prefix)}
			}
		}
		if cursor = next; cursor == 0 {
			break
		}
	}
	return nil
}

// mark says that the prefix is ours, unless somebody else has said so.
func (r *Redis) mark(ctx context.Context) error {
	name, mine := r.prefix+"cluster", "1 "+hex.EncodeToString(derive(r.names, "cluster")[:16])
	theirs, err := r.client.Get(ctx, name).Result()
	switch {
	case errors.Is(err, redis.Nil):
		err = r.client.SetArgs(ctx, name, mine, redis.SetArgs{Mode: "NX", TTL: markerLife}).Err()
		if !errors.Is(err, redis.Nil) {
			return err
		}
		if theirs, err = r.client.Get(ctx, name).Result(); err != nil { // another node was faster
			return err
		}
	case wrongType(err):
		theirs = ""
	case err != nil:
		return err
	}
	if theirs != mine {
		return refusal{fmt.Errorf("two clusters on one prefix: %q belongs to a gateway with other facts; give one of them another prefix", r.prefix)}
	}
	return r.client.Set(ctx, name, mine, markerLife).Err()
}
