package cluster

import (
	"context"
	"errors"
	"time"
)

const (
	// MaxKey is how long a key, a topic, or the name of a lease or its holder, may be, in
	// bytes.
	MaxKey = 512
	// MaxValue is how long a value, or a text that is published, may be, in bytes.
	MaxValue = 1 << 20
)

var (
	// ErrInvalid says that a call can't be meant: a key that is empty or longer than
	// [MaxKey], a value longer than [MaxValue], a life below a millisecond, or a [Rate]
	// that is none.
	ErrInvalid = errors.New("invalid key, value, life or rate")
	// ErrFull says that there is no room for another lease.
	ErrFull = errors.New("too many leases")
)

// Shared is the state that nodes share. It is safe for concurrent use by all of them.
//
// Anything in it may be lost at any time, before the end of its life too: whoever
// keeps something here knows what to do without it. Values are copied on their way
// in and out. They may be read by whoever reaches the server, so a secret is sealed
// before it comes here, and what comes from here is not believed unless it opens.
//
// An error means that nobody knows what happened, except for [ErrInvalid], [ErrFull]
// and that of a context that was over before: then nothing did. A life is kept to the
// millisecond.
type Shared interface {
	// Get returns the value of a key; ok is false if there is none, or no longer.
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Put sets the value of a key for a life. What was there, fenced or not, is gone.
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	// PutNew is Put for a key without a value; put is false, and nothing changes, if it
	// has one. Of many who call it at once one succeeds.
	PutNew(ctx context.Context, key string, value []byte, life time.Duration) (put bool, err error)
	// PutFenced is Put unless the key has a value that was put with a greater fence: a
	// holder of a lease that has lost it without noticing doesn't overwrite what the
	// next one has written.
	PutFenced(ctx context.Context, key string, value []byte, fence int64, life time.Duration) (put bool, err error)
	// Take is Get and Delete in one. Of many who call it at once one gets the value.
	Take(ctx context.Context, key string) (value []byte, ok bool, err error)
	// Delete removes a key, which need not be there.
	Delete(ctx context.Context, key string) error

	// Lease makes holder the only holder of a name for a life, or prolongs his lease,
	// which keeps its fence. ok is false while somebody else is the holder. Each new
	// holder gets a greater fence than all before, also of other names, and, as far as
	// the clock never goes back, after all was lost.
	//
	// A lease may end while its holder still works: what he writes then must be
	// fenced. Each piece of work takes a holder of its own, so that two of one process
	// don't take each other for themselves.
	Lease(ctx context.Context, name, holder string, life time.Duration) (fence int64, ok bool, err error)
	// Release ends the lease of holder. That of anybody else stays.
	Release(ctx context.Context, name, holder string) error

	// Limit lets one more through for a key, or not, as a rate says. Limits and values
	// of one key have nothing to do with each other. Nobody is limited by what was lost.
	Limit(ctx context.Context, key string, rate Rate) (Verdict, error)

	// Publish gives a text to all who listen to a topic, this node among them. It may
	// get lost.
	Publish(ctx context.Context, topic string, text []byte) error
	// Subscribe listens to a topic until ctx ends, and calls hear with each text, one
	// after the other, those of one node in the order in which it has published them. It
	// calls hear with nil, which no text is, when it has begun to listen and whenever
	// something may have been missed. A topic that is [ErrInvalid] is not listened to.
	Subscribe(ctx context.Context, topic string, hear func(text []byte))
}

// check refuses what no implementation takes.
func check(key string, value []byte, life time.Duration) error {
	if key == "" || len(key) > MaxKey || len(value) > MaxValue || life < time.Millisecond {
		return ErrInvalid
	}
	return nil
}
