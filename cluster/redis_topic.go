package cluster

import (
	"context"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// heartbeatEvery is how long a listener hears nothing until it asks whether anybody
	// is there. After two of them it listens anew.
	heartbeatEvery = 5 * time.Second
	// relisten is how long a listener waits until it tries again.
	relisten = 250 * time.Millisecond
)

// publish publishes on a channel that is named like a key: in a cluster all texts of a
// topic then take the same way, and none overtakes another.
var publish = redis.NewScript(`return redis.call('PUBLISH', KEYS[1], ARGV[1])`)

// Publish gives a text to all who listen.
func (r *Redis) Publish(ctx context.Context, topic string, text []byte) error {
	if err := r.begin(ctx, topic, text, time.Millisecond); err != nil {
		return err
	}
	name := r.name(kindTopic, topic)
	return publish.Run(ctx, r.client, []string{name}, r.seal(name, topic, 0, text)).Err()
}

// Subscribe listens until ctx ends, over any outage: when it listens again hear is called
// with nil.
func (r *Redis) Subscribe(ctx context.Context, topic string, hear func(text []byte)) {
	r.subscribe(ctx, topic, hear, func() {})
}

// subscribe calls broken whenever it hears nothing any more.
func (r *Redis) subscribe(ctx context.Context, topic string, hear func(text []byte), broken func()) {
	if check(topic, nil, time.Millisecond) != nil {
		return
	}
	for ctx.Err() == nil {
		if r.begin(ctx, topic, nil, time.Millisecond) == nil {
			if r.listen(ctx, topic, hear); ctx.Err() == nil {
				broken()
			}
		}
		select {
		case <-ctx.Done():
		case <-time.After(relisten):
		}
	}
}

// listen listens until something breaks.
func (r *Redis) listen(ctx context.Context, topic string, hear func(text []byte)) {
	name := r.name(kindTopic, topic)
	sub := r.client.Subscribe(ctx, name)
	defer sub.Close()
	// Reading doesn't end by itself when ctx does.
	defer context.AfterFunc(ctx, func() { _ = sub.Close() })()
	for quiet := 0; ; {
		message, err := sub.ReceiveTimeout(ctx, r.heartbeat)
		if ctx.Err() != nil {
			return
		}
		switch m := message.(type) {
		case *redis.Subscription:
			hear(nil)
		case *redis.Message:
			if text, ok := r.open(name, topic, m.Payload); ok {
				hear(text)
			}
		}
		if err == nil {
			quiet = 0
			continue
		}
		if quiet++; trouble(err) != "slow" || quiet > 1 || sub.Ping(ctx) != nil {
			return
		}
	}
}
