package cluster

import (
	"context"
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"
)

// rateKeys takes away what redis_rate puts before every key: ours are all under our
// prefix, so that a user needs the right to nothing else.
type rateKeys struct{ redis.UniversalClient }

// Eval is for package redis_rate.
func (r rateKeys) Eval(ctx context.Context, script string, keys []string, args ...any) *redis.Cmd {
	return r.UniversalClient.Eval(ctx, script, []string{strings.TrimPrefix(keys[0], "rate:")}, args...)
}

// EvalSha is for package redis_rate.
func (r rateKeys) EvalSha(ctx context.Context, sha1 string, keys []string, args ...any) *redis.Cmd {
	return r.UniversalClient.EvalSha(ctx, sha1, []string{strings.TrimPrefix(keys[0], "rate:")}, args...)
}

// Limit lets one more through, or not.
func (r *Redis) Limit(ctx context.Context, key string, rate Rate) (Verdict, error) {
	if err := rate.check(); err != nil {
		return Verdict{}, err
	}
	if err := r.begin(ctx, key, nil, time.Millisecond); err != nil {
		return Verdict{}, err
	}
	name := r.name(kindLimit, key)
	limit := redis_rate.Limit{Rate: rate.Count, Period: rate.Per, Burst: rate.Burst}
	result, err := r.limiter.Allow(ctx, name, limit)
	if strange(result, err) && ctx.Err() == nil {
		// Something stands there that redis_rate can't reckon with.
		r.unopened.Add(1)
		if err := r.client.Del(ctx, name).Err(); err != nil {
			return Verdict{}, err
		}
		result, err = r.limiter.Allow(ctx, name, limit)
	}
	if err != nil {
		return Verdict{}, err
	}
	// It reckons in numbers that aren't exact, and counts one less than remain now and
	// then. The server's clock has microseconds.
	v := Verdict{Allowed: result.Allowed > 0, Limit: rate.Burst, ResetAfter: result.ResetAfter.Round(time.Microsecond)}
	if v.Allowed {
		room := time.Duration(rate.Burst)*rate.every() - v.ResetAfter
		v.Remaining = max(0, int((room+time.Microsecond)/rate.every()))
	} else {
		v.RetryAfter = max(result.RetryAfter.Round(time.Microsecond), time.Microsecond)
	}
	return v, nil
}

// strange says whether an answer can't be one to what we have put there.
func strange(result *redis_rate.Result, err error) bool {
	if err != nil {
		word := trouble(err)
		return word == "" || word == "unreachable" && errors.Is(err, strconv.ErrSyntax)
	}
	return result.ResetAfter < 0 || result.ResetAfter > maxReset || result.RetryAfter > maxReset
}
