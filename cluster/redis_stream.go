package cluster

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"
)

// Append adds an entry to a stream, of which about the last maxLen are kept. Streams are
// for other programs to read: their names and entries are those that are given, under no
// prefix and sealed by nobody.
func (r *Redis) Append(ctx context.Context, stream string, maxLen int64, fields map[string]string) error {
	if err := r.begin(ctx, stream, nil, time.Millisecond); err != nil {
		return err
	}
	if maxLen < 1 || len(fields) == 0 {
		return ErrInvalid
	}
	var values []string
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		values = append(values, name, fields[name])
	}
	return r.client.XAdd(ctx, &redis.XAddArgs{Stream: stream, MaxLen: maxLen, Approx: true, Values: values}).Err()
}
