package cluster

import (
	"context"
	"crypto/sha1"
	"encoding/hex"
	"errors"
	"time"

	"github.com/redis/go-redis/v9"
)

// take reads and deletes. GETDEL would read a value of any size.
var take = redis.NewScript(`
local record = redis.call('GETRANGE', KEYS[1], 0, ARGV[1])
redis.call('DEL', KEYS[1])
return record`)

// replace sets a record in the place of one that isn't ours, if that is still there, or
// of none. Nothing of ours has that much, or another type.
//
// KEYS[1] the name; ARGV: the record, its life in ms, the most bytes of a record, the
// SHA-1 of what isn't ours.
var replace = redis.NewScript(`
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'number' and size > 0 and size <= tonumber(ARGV[3]) then
	if redis.sha1hex(redis.call('GET', KEYS[1])) ~= ARGV[4] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1`)

// putFenced sets a record unless one of a greater fence is there, which it returns.
//
// KEYS[1] the name; ARGV: the record, its life in ms, the most bytes of a record.
var putFenced = redis.NewScript(`
local size = redis.pcall('STRLEN', KEYS[1])
if type(size) == 'number' and size > 0 and size <= tonumber(ARGV[3]) then
	local old = redis.call('GET', KEYS[1])
	if old:sub(1, 1) == ARGV[1]:sub(1, 1) and old:sub(2, 17) > ARGV[1]:sub(2, 17) then return old end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ''`)

// Get returns the value of a key.
func (r *Redis) Get(ctx context.Context, key string) ([]byte, bool, error) {
	if err := r.begin(ctx, key, nil, time.Millisecond); err != nil {
		return nil, false, err
	}
	name := r.name(kindValue, key)
	return r.read(name, key, r.client.GetRange(ctx, name, 0, maxRecord).Result)
}

// Take returns the value of a key and removes it.
func (r *Redis) Take(ctx context.Context, key string) ([]byte, bool, error) {
	if err := r.begin(ctx, key, nil, time.Millisecond); err != nil {
		return nil, false, err
	}
	name := r.name(kindValue, key)
	return r.read(name, key, take.Run(ctx, r.client, []string{name}, maxRecord).Text)
}

// read opens what a command returns. Something of another type than ours is nothing.
func (r *Redis) read(name, key string, get func() (string, error)) ([]byte, bool, error) {
	record, err := get()
	if wrongType(err) {
		r.unopened.Add(1)
		return nil, false, nil
	}
	if err != nil {
		return nil, false, err
	}
	value, ok := r.open(name, key, record)
	return value, ok, nil
}

// Put sets the value of a key.
func (r *Redis) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	if err := r.begin(ctx, key, value, life); err != nil {
		return err
	}
	name := r.name(kindValue, key)
	return r.client.Set(ctx, name, r.seal(name, key, 0, value), life.Truncate(time.Millisecond)).Err()
}

// PutNew sets the value of a key that has none.
func (r *Redis) PutNew(ctx context.Context, key string, value []byte, life time.Duration) (bool, error) {
	if err := r.begin(ctx, key, value, life); err != nil {
		return false, err
	}
	name := r.name(kindValue, key)
	record := r.seal(name, key, 0, value)
	args := redis.SetArgs{Mode: "NX", TTL: life.Truncate(time.Millisecond)}
	if err := r.client.SetArgs(ctx, name, record, args).Err(); !errors.Is(err, redis.Nil) {
		return err == nil, err
	}
	old, err := r.client.GetRange(ctx, name, 0, maxRecord).Result()
	if err != nil && !wrongType(err) {
		return false, err
	}
	return r.usurp(ctx, name, key, old, record, life)
}

// PutFenced sets the value of a key unless a greater fence is at it.
func (r *Redis) PutFenced(ctx context.Context, key string, value []byte, fence int64, life time.Duration) (bool, error) {
	if err := r.begin(ctx, key, value, life); err != nil {
		return false, err
	}
	name := r.name(kindValue, key)
	record := r.seal(name, key, fence, value)
	old, err := putFenced.Run(ctx, r.client, []string{name}, record, life.Milliseconds(), maxRecord).Text()
	if err != nil || old == "" {
		return err == nil, err
	}
	return r.usurp(ctx, name, key, old, record, life)
}

// usurp puts a record in the place of an old one that isn't ours: what can't be read
// must not keep anybody from writing.
func (r *Redis) usurp(ctx context.Context, name, key, old, record string, life time.Duration) (bool, error) {
	if _, ok := r.open(name, key, old); ok {
		return false, nil
	}
	sum := sha1.Sum([]byte(old))
	return replace.Run(ctx, r.client, []string{name}, record, life.Milliseconds(), maxRecord, hex.EncodeToString(sum[:])).Bool()
}

// Delete removes a key.
func (r *Redis) Delete(ctx context.Context, key string) error {
	if err := r.begin(ctx, key, nil, time.Millisecond); err != nil {
		return err
	}
	return r.client.Del(ctx, r.name(kindValue, key)).Err()
}
