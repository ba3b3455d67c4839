package cluster

import (
	"context"
	"time"
)

// Get returns the value of a key.
func (d *Degrading) Get(ctx context.Context, key string) (value []byte, ok bool, err error) {
	o, err := d.on(ctx, func(ctx context.Context) error {
		value, ok, err = d.redis.Get(ctx, key)
		return err
	})
	if o != nil {
		return o.Get(ctx, key)
	}
	return value, ok, err
}

// Put sets the value of a key.
func (d *Degrading) Put(ctx context.Context, key string, value []byte, life time.Duration) error {
	o, err := d.on(ctx, func(ctx context.Context) error { return d.redis.Put(ctx, key, value, life) })
	switch {
	case o == nil:
		return err
	case !o.owe(key):
		return d.redis.Put(ctx, key, value, life)
	}
	return o.Put(ctx, key, value, life)
}

// PutNew sets the value of a key that has none.
func (d *Degrading) PutNew(ctx context.Context, key string, value []byte, life time.Duration) (put bool, err error) {
	o, err := d.on(ctx, func(ctx context.Context) error {
		put, err = d.redis.PutNew(ctx, key, value, life)
		return err
	})
	if o != nil {
		return o.PutNew(ctx, key, value, life)
	}
	return put, err
}

// PutFenced sets the value of a key unless a greater fence is at it.
func (d *Degrading) PutFenced(ctx context.Context, key string, value []byte, fence int64, life time.Duration) (put bool, err error) {
	o, err := d.on(ctx, func(ctx context.Context) error {
		put, err = d.redis.PutFenced(ctx, key, value, fence, life)
		return err
	})
	if o != nil {
		return false, ErrAway
	}
	return put, err
}

// Take returns the value of a key and removes it. Whether the Redis has heard a call that
// it didn't answer doesn't matter: the value isn't given out twice.
func (d *Degrading) Take(ctx context.Context, key string) (value []byte, ok bool, err error) {
	o, err := d.on(ctx, func(ctx context.Context) error {
		value, ok, err = d.redis.Take(ctx, key)
		return err
	})
	if o != nil {
		return o.Take(ctx, key)
	}
	return value, ok, err
}

// Delete removes a key.
func (d *Degrading) Delete(ctx context.Context, key string) error {
	o, err := d.on(ctx, func(ctx context.Context) error { return d.redis.Delete(ctx, key) })
	switch {
	case o == nil:
		return err
	case !o.owe(key):
		return d.redis.Delete(ctx, key)
	}
	return o.Delete(ctx, key)
}

// Lease makes holder the only holder of a name.
func (d *Degrading) Lease(ctx context.Context, name, holder string, life time.Duration) (fence int64, ok bool, err error) {
	o, err := d.on(ctx, func(ctx context.Context) error {
		fence, ok, err = d.redis.Lease(ctx, name, holder, life)
		return err
	})
	if o != nil {
		return 0, false, ErrAway
	}
	return fence, ok, err
}

// Release ends the lease of holder.
func (d *Degrading) Release(ctx context.Context, name, holder string) error {
	o, err := d.on(ctx, func(ctx context.Context) error { return d.redis.Release(ctx, name, holder) })
	if o != nil {
		return ErrAway
	}
	return err
}

// Limit lets one more through, or not.
func (d *Degrading) Limit(ctx context.Context, key string, rate Rate) (verdict Verdict, err error) {
	o, err := d.on(ctx, func(ctx context.Context) error {
		verdict, err = d.redis.Limit(ctx, key, rate)
		return err
	})
	if o != nil {
		return o.Limit(ctx, key, rate)
	}
	return verdict, err
}

// Publish gives a text to all who listen.
func (d *Degrading) Publish(ctx context.Context, topic string, text []byte) error {
	o, err := d.on(ctx, func(ctx context.Context) error { return d.redis.Publish(ctx, topic, text) })
	if o != nil {
		return ErrAway
	}
	return err
}

// Subscribe listens until ctx ends. A listener is the first to notice that the Redis is
// away while nobody calls, so he has it looked at.
func (d *Degrading) Subscribe(ctx context.Context, topic string, hear func(text []byte)) {
	d.redis.subscribe(ctx, topic, hear, func() {
		if d.Up() {
			_, _ = d.on(ctx, d.redis.Check) // what is wrong is told there
		}
	})
}
