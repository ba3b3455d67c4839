package inbox

import (
	"cmp"
	"context"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// Sealer seals what lies in the store, as *identity.Box does.
type Sealer interface {
	Seal(plain []byte, context string) []byte
	Open(sealed []byte, context string) (plain []byte, stale bool, err error)
}

// Shared is what nodes share and may lose, as cluster.Shared is.
type Shared interface {
	Get(ctx context.Context, key string) (value []byte, ok bool, err error)
	Put(ctx context.Context, key string, value []byte, life time.Duration) error
	PutNew(ctx context.Context, key string, value []byte, life time.Duration) (put bool, err error)
}

// Subscriber is another backend of an account, which hears of pushes as if WeChat had
// sent them.
type Subscriber struct {
	Name string // of its kind in the account; never empty
	URL  string // https, or http to an address in Config.Networks
	// Keys are the backend's own token, AES key and mode. The AppID is the account's.
	Keys push.Keys
	// Types are the kinds that it wants, such as text, event:scan, or event for all
	// events; none stands for everything.
	Types []string
	// Reply says that what it answers is what the visitor gets. Of several that want
	// a push the first one's answer counts.
	Reply bool
}

// Observation is something that happened, to be counted.
type Observation struct {
	AppID  string // "unknown" where somebody else made it up
	Target string // of what is handed on
	What   string // one of the words below
	Code   string // of a refusal or a failure
}

// What an [Observation] tells.
const (
	Accepted  = "accepted"  // queued
	Unwanted  = "unwanted"  // verified, and nobody wants it
	Duplicate = "duplicate" // came before
	Refused   = "refused"
	Lost      = "lost" // couldn't be queued; WeChat tries again
	Delivered = "delivered"
	Failed    = "failed"
	Died      = "dead" // failed, and is a dead letter now
	Replied   = "replied"
	Unreplied = "unreplied" // the backend's answer came too late, or was none that WeChat takes
)

// Config is what an [Inbox] needs. Store, Keys, Sealer, Holder, Now and Random are
// required; everything else has a default.
type Config struct {
	Store  Store
	Sealer Sealer
	// Keys are those of an account; false if it is unknown or takes no pushes.
	Keys func(appID string) (push.Keys, bool)
	// Subscribers are those of an account; nil for none.
	Subscribers func(appID string) []Subscriber
	Handlers    Handlers
	// Followers are kept by the inbox itself, if not nil.
	Followers follower.Store
	// Shared lets WeChat's retry find on another node what the first try has got, and
	// a plain push's signature be used for one body only. Nil: this node alone.
	Shared Shared
	// Networks may be reached besides public addresses.
	Networks outbox.Networks
	Resolver *net.Resolver // nil is the one of this machine
	// Holder names this inbox among all that there are and were.
	Holder  string
	Now     func() time.Time
	Random  func([]byte)
	Log     *slog.Logger      // nil discards
	Observe func(Observation) // nil for nobody

	Every       time.Duration // between looks at the store; default 1s
	Batch       int           // pushes of a line taken at once; default 64
	Concurrency int           // of a line; default 8
	Lease       time.Duration // how long a line is reserved; default 1m. Nothing begins in its second half
	Timeout     time.Duration // of one delivery to a subscriber; default 10s
	ReplyWithin time.Duration // for everything until a backend's answer is passed on; default 4s
	Backoff     time.Duration // after the first failure, then twice as long each time; default 2s
	MaxBackoff  time.Duration // default 10m
	DeadAfter   time.Duration // failing for so long makes a dead letter; default 24h
	Keep        time.Duration // of what was handed on, and so how long a retry is known; default 72h
	KeepAll     time.Duration // of dead letters and whatever else waits; default 14 days
}

// Inbox takes pushes in and hands them on. It is safe for concurrent use.
type Inbox struct {
	Config
	wake          chan struct{}
	plain, secure *http.Client

	mu      sync.Mutex // guards what follows
	flights map[string]*flight
	running map[Line]bool
}

// New makes an inbox and fills in defaults.
func New(c Config) *Inbox {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Observe == nil {
		c.Observe = func(Observation) {}
	}
	if c.Subscribers == nil {
		c.Subscribers = func(string) []Subscriber { return nil }
	}
	c.Every, c.Lease, c.Timeout = cmp.Or(c.Every, time.Second), cmp.Or(c.Lease, time.Minute), cmp.Or(c.Timeout, 10*time.Second)
	c.Batch, c.Concurrency = cmp.Or(c.Batch, 64), cmp.Or(c.Concurrency, 8)
	c.ReplyWithin = cmp.Or(c.ReplyWithin, 4*time.Second)
	c.Backoff, c.MaxBackoff = cmp.Or(c.Backoff, 2*time.Second), cmp.Or(c.MaxBackoff, 10*time.Minute)
	c.DeadAfter, c.Keep, c.KeepAll = cmp.Or(c.DeadAfter, 24*time.Hour), cmp.Or(c.Keep, 72*time.Hour), cmp.Or(c.KeepAll, 14*24*time.Hour)
	return &Inbox{
		Config: c, wake: make(chan struct{}, 1),
		plain: c.Networks.Client(true, c.Resolver), secure: c.Networks.Client(false, c.Resolver),
		flights: map[string]*flight{}, running: map[Line]bool{},
	}
}
