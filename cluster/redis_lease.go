package cluster

import (
	"context"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// leaseScript gives or prolongs a lease: "fence holder". A fence is the server's time in
// microseconds, or one more than the last: greater than all before, even after all was
// lost. Both are below 2^53, as far as numbers of Lua are exact. What isn't ours is
// nothing.
//
// KEYS: the lease, the last fence; ARGV: the holder, the life in ms.
var leaseScript = redis.NewScript(`
local held = redis.pcall('GET', KEYS[1])
local fence, holder
if type(held) == 'string' then fence, holder = held:match('^(%d+) (%x+)$') end
if holder and holder ~= ARGV[1] then return '' end
if not holder then
	local time = redis.call('TIME')
	fence = time[1] * 1000000 + time[2]
	local last = redis.pcall('GET', KEYS[2])
	last = type(last) == 'string' and last:match('^%d+$') and tonumber(last) or 0
	if last >= fence and last < 9007199254740991 then fence = last + 1 end
	fence = string.format('%.0f', fence)
	redis.call('SET', KEYS[2], fence)
end
redis.call('SET', KEYS[1], fence .. ' ' .. ARGV[1], 'PX', ARGV[2])
return fence`)

// releaseScript deletes a lease of a holder.
//
// KEYS: the lease; ARGV: the holder.
var releaseScript = redis.NewScript(`
local held = redis.pcall('GET', KEYS[1])
if type(held) == 'string' and held:match('^%d+ (%x+)$') == ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

// Lease makes holder the only holder of a name.
func (r *Redis) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	if err := check(holder, nil, life); err != nil {
		return 0, false, err
	}
	if err := r.begin(ctx, name, nil, life); err != nil {
		return 0, false, err
	}
	keys := []string{r.name(kindLease, name), r.prefix + kindLease + ":fence"}
	given, err := leaseScript.Run(ctx, r.client, keys, r.holder(name, holder), life.Milliseconds()).Text()
	if err != nil || given == "" {
		return 0, false, err
	}
	var fence int64
	if _, err := fmt.Sscanf(given, "%d", &fence); err != nil {
		return 0, false, fmt.Errorf("reading a fence: %w", err)
	}
	return fence, true, nil
}

// Release ends the lease of holder.
func (r *Redis) Release(ctx context.Context, name, holder string) error {
	if err := check(holder, nil, time.Millisecond); err != nil {
		return err
	}
	if err := r.begin(ctx, name, nil, time.Millisecond); err != nil {
		return err
	}
	return releaseScript.Run(ctx, r.client, []string{r.name(kindLease, name)}, r.holder(name, holder)).Err()
}

// holder is what a holder of a name is called in Redis.
func (r *Redis) holder(name, holder string) string {
	return hex.EncodeToString(derive(r.names, "holder", name, holder)[:16])
}
