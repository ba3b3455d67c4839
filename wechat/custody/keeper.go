package custody

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// ErrUnknownAccount says that there is no such account, or that it keeps no token.
var ErrUnknownAccount = errors.New("no account with a token in custody")

// Account is whose token is kept.
type Account struct {
	AppID, Secret string
	// Legacy says that the token is shared with other programs through
	// cgi-bin/token. The default, cgi-bin/stable_token, leaves theirs alone.
	Legacy bool
}

// String is the account without its secret.
func (a Account) String() string { return "account " + a.AppID }

// Format is String under every verb, %#v included.
func (a Account) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, a.String()) }

// LogValue is the account for a log.
func (a Account) LogValue() slog.Value { return slog.StringValue(a.String()) }

// Source is where tokens come from: a [wechat.Client].
type Source interface {
	StableToken(ctx context.Context, appID, secret string, force bool) (wechat.Fresh, error)
	AccessToken(ctx context.Context, appID, secret string) (wechat.Fresh, error)
	JSTicket(ctx context.Context, as wechat.Bearer, kind string) (wechat.Fresh, error)
}

// Store keeps the legacy tokens, which must not be lost: one row for each account.
type Store interface {
	// Custody reads an account's sealed token, and the fence of the last
	// reservation; both are zero if there was none.
	Custody(ctx context.Context, appID string) (sealed []byte, fence int64, err error)
	// ReserveCustody makes holder the only one who may write, until until. Each
	// reservation has a greater fence. ok is false while another one lasts.
	ReserveCustody(ctx context.Context, appID, holder string, now, until time.Time) (fence int64, ok bool, err error)
	// PutCustody writes the sealed token if fence is that of the last reservation.
	PutCustody(ctx context.Context, appID string, fence int64, sealed []byte) (put bool, err error)
	// ReleaseCustody ends the reservation of holder, and of nobody else.
	ReleaseCustody(ctx context.Context, appID, holder string) error
}

// Config is what a [Keeper] needs. Source, Shared, Account, Seal, Open and Holder are
// required, Store for legacy accounts too; everything else has a default.
type Config struct {
	Source Source
	Shared cluster.Shared
	Store  Store
	// Account finds an account; ok is false if it keeps no token.
	Account func(appID string) (a Account, ok bool)
	// Accounts are those whose tokens Run gets before anybody asks; nil for none.
	Accounts func() []string
	// Seal seals for a context, with an AEAD, and Open opens that alone: the
	// methods of an identity.Box.
	Seal func(plain []byte, context string) []byte
	Open func(sealed []byte, context string) (plain []byte, stale bool, err error)
	// Holder names this keeper among all that there are and were.
	Holder string

	Now    func() time.Time
	Random func([]byte)
	// Sleep waits while another node gets a token. It ends early with ctx.
	Sleep func(ctx context.Context, d time.Duration) error
	Log   *slog.Logger
	// Alarm hears when an operator must act, and when he need no more. It must not
	// call the keeper.
	Alarm func(Alarm)

	// Force permits killing a stable token at once, where WeChat gives the same one
	// again although it doesn't take it: at most once in 90 minutes, of the 20 times a
	// day that WeChat permits. Whoever else uses the token gets 40001.
	Force bool

	// Look is after how long a token is compared with what other nodes have; default
	// 1m. It must be shorter than the five minutes for which WeChat takes an old token.
	Look time.Duration
	// Lease is how long a node has an account for itself; default 1m. Its work is
	// bounded by half of it.
	Lease time.Duration
	// Idle is after how long an account that nobody asks for is forgotten; default 24h.
	Idle time.Duration
	// Concurrency is how many tokens Run gets at once; default 8.
	Concurrency int
}

// Keeper keeps tokens and tickets. It is safe for concurrent use. Several, on several
// nodes, share what they have through one [cluster.Shared] and one [Store].
type Keeper struct {
	Config
	works                 atomic.Int64 // names the holder of each lease
	sharedDown, factsDown atomic.Bool

	mu      sync.Mutex
	entries map[key]*entry
}

// NewKeeper makes a keeper and fills in defaults. It refuses a configuration without
// what is required.
func NewKeeper(c Config) (*Keeper, error) {
	if c.Source == nil || c.Shared == nil || c.Account == nil || c.Seal == nil || c.Open == nil || c.Holder == "" {
		return nil, errors.New("making a keeper of tokens: Source, Shared, Account, Seal, Open and Holder are required")
	}
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Random == nil {
		c.Random = func(b []byte) { rand.Read(b) }
	}
	if c.Sleep == nil {
		c.Sleep = sleep
	}
	if c.Alarm == nil {
		c.Alarm = func(Alarm) {}
	}
	c.Look, c.Lease, c.Idle = cmp.Or(c.Look, time.Minute), cmp.Or(c.Lease, time.Minute), cmp.Or(c.Idle, 24*time.Hour)
	c.Concurrency = cmp.Or(c.Concurrency, 8)
	return &Keeper{Config: c, entries: map[key]*entry{}}, nil
}

// Token returns an account's access token, and when it ends at the latest. While a new
// one is got the old one is returned. Errors: [ErrUnknownAccount], a [wechat.Error],
// an [*EarlyError], one of the store or the context.
func (k *Keeper) Token(ctx context.Context, appID string) (token string, until time.Time, err error) {
	r, err := k.get(ctx, key{appID, KindToken})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("getting the access token of %s: %w", appID, err)
	}
	return r.Value, r.Until, nil
}

// Ticket returns an account's ticket of a kind, [KindJSAPI] or [KindCard], and when it
// ends at the latest. Errors are as with Token.
func (k *Keeper) Ticket(ctx context.Context, appID, kind string) (ticket string, until time.Time, err error) {
	if Kind(kind) != KindJSAPI && Kind(kind) != KindCard {
		return "", time.Time{}, errors.New("getting a ticket: its kind is neither jsapi nor wx_card")
	}
	r, err := k.get(ctx, key{appID, Kind(kind)})
	if err != nil {
		return "", time.Time{}, fmt.Errorf("getting the %s ticket of %s: %w", kind, appID, err)
	}
	return r.Value, r.Until, nil
}

// Do makes a call with an account's token. If WeChat says that the token is dead, the
// call is made once more, with another one if there is. What call returns is returned
// as it is; the other errors are those of Token.
func (k *Keeper) Do(ctx context.Context, appID string, call func(ctx context.Context, as wechat.Bearer) error) error {
	token, _, err := k.Token(ctx, appID)
	if err != nil {
		return err
	}
	err = call(ctx, wechat.Bearer{AppID: appID, Token: token})
	if !dead(err) {
		k.heard(appID, token, err)
		return err
	}
	if k.replace(ctx, appID, token, true) != nil {
		return err // what WeChat said tells more than why there is no other token
	}
	token, _, again := k.Token(ctx, appID)
	if again != nil {
		return err
	}
	again = call(ctx, wechat.Bearer{AppID: appID, Token: token})
	k.heard(appID, token, again)
	return again
}

// dead says whether WeChat refused a call for its token.
func dead(err error) bool {
	var e *wechat.Error
	return errors.As(err, &e) && e.Class == wechat.ClassRefresh
}

// Report tells that somebody else's call found a token dead. If another one is in
// custody by now nothing happens. Otherwise a new one is got; until it is there the
// old one is still served, since nobody here has seen that it is dead.
func (k *Keeper) Report(ctx context.Context, appID, dead string) error {
	if err := k.replace(ctx, appID, dead, false); err != nil {
		return fmt.Errorf("replacing the access token of %s: %w", appID, err)
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
