package message

import (
	"cmp"
	"context"
	"crypto/subtle"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// WeChat is what of a [wechat.Client] is needed.
type WeChat interface {
	SendTemplate(ctx context.Context, as wechat.Bearer, m wechat.TemplateMessage) (msgID int64, err error)
	SendSubscription(ctx context.Context, as wechat.Bearer, m wechat.SubscriptionMessage) error
	SendCustom(ctx context.Context, as wechat.Bearer, m wechat.CustomMessage) error
	Templates(ctx context.Context, as wechat.Bearer) ([]wechat.Template, error)
}

// Followers hears of users who turn out not to follow an account.
type Followers interface {
	SetFollower(ctx context.Context, f follower.Follower) error
}

// Sealer seals what is personal; an identity.Box does.
type Sealer interface {
	Seal(plain []byte, context string) []byte
	Open(sealed []byte, context string) (plain []byte, stale bool, err error)
}

// Config is what an [Outbox] needs. Store, People, WeChat, Call, Sealer, Holder, Now
// and Random are required; everything else has a default.
type Config struct {
	Store  Store
	People People
	WeChat WeChat
	// Call runs a call with an account's access token, and once more where the token
	// was dead.
	Call   func(ctx context.Context, appID string, call func(ctx context.Context, as wechat.Bearer) error) error
	Sealer Sealer
	// Followers hears of users who don't follow; nil for nobody.
	Followers Followers
	// Holder names this outbox among all that there are and were.
	Holder string
	Now    func() time.Time
	Random func([]byte)
	// Log hears of accounts that can't send; nil discards.
	Log *slog.Logger
	// Observe hears of every message whose state was written; nil for nobody.
	Observe func(Message)
	// Limiter bounds what an account sends; default is 50 a second on this node.
	Limiter Limiter
	// Accounts are those whose templates are kept up to date; nil for none.
	Accounts func() []string

	Every       time.Duration // between looks at the store; default 1s
	Take        int           // messages of an account and kind taken at once; default 64
	Concurrency int           // calls for an account and kind at once; default 16
	Lanes       int           // accounts and kinds served at once; default 16
	Lease       time.Duration // how long messages are reserved; default 2m. Attempts begin in its first half
	SyncEvery   time.Duration // between two lists of an account's templates; default 24h
	KeepContent time.Duration // after the end of a message; default 7 days
	KeepRows    time.Duration // default 90 days
}

// Outbox accepts messages and sends them. It is safe for concurrent use; several of
// them, on several nodes, may run on one store.
type Outbox struct {
	Config
	wake chan struct{}
}

// New makes an outbox and fills in defaults.
func New(c Config) *Outbox {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Observe == nil {
		c.Observe = func(Message) {}
	}
	if c.Limiter == nil {
		c.Limiter = NewBuckets(50, 50, c.Now)
	}
	c.Every, c.Lease, c.SyncEvery = cmp.Or(c.Every, time.Second), cmp.Or(c.Lease, 2*time.Minute), cmp.Or(c.SyncEvery, 24*time.Hour)
	c.Take, c.Concurrency, c.Lanes = cmp.Or(c.Take, 64), cmp.Or(c.Concurrency, 16), cmp.Or(c.Lanes, 16)
	c.KeepContent, c.KeepRows = cmp.Or(c.KeepContent, 7*24*time.Hour), cmp.Or(c.KeepRows, 90*24*time.Hour)
	return &Outbox{Config: c, wake: make(chan struct{}, 1)}
}

// Send accepts a message. It is in the store when Send returns, and will be sent. An
// order that is refused is a [*Fault]; the same order again, by its ClientID, returns
// the message that is there already.
func (o *Outbox) Send(ctx context.Context, order Order) (Message, error) {
	if order.ClientID != "" {
		m, found, err := o.Store.MessageOf(ctx, order.Realm, order.By, order.ClientID)
		if err != nil {
			return Message{}, fmt.Errorf("sending a message: %w", err)
		}
		if found {
			return m, o.same(m, order)
		}
	}
	m, err := o.prepare(ctx, order, "", o.Store.TemplateOf)
	if err != nil {
		return Message{}, err
	}
	before, err := o.Store.PutMessages(ctx, []Message{m})
	switch {
	case err != nil:
		return Message{}, fmt.Errorf("sending a message: %w", err)
	case before[0].ID != "":
		return before[0], o.same(before[0], order)
	}
	o.Observe(m)
	o.Wake()
	return m, nil
}

// same refuses an order that is another one than a message was made of. Where the
// content is swept there is nothing left to compare.
func (o *Outbox) same(m Message, order Order) error {
	if m.User != order.User || m.Kind != order.Kind || m.Template != order.Template {
		return &Fault{Code: FaultReused}
	}
	had, err := o.open(m)
	if err != nil {
		return nil
	}
	// Sites may come and go meanwhile: that doesn't make it another message.
	want := order.content()
	had.Prefer, want.Prefer = nil, nil
	a, errA := json.Marshal(had)
	b, errB := json.Marshal(want)
	if errA != nil || errB != nil || subtle.ConstantTimeCompare(a, b) != 1 {
		return &Fault{Code: FaultReused}
	}
	return nil
}

// prepare makes a message of an order, or says what is wrong with it.
func (o *Outbox) prepare(ctx context.Context, order Order, batch string,
	templates func(ctx context.Context, id string, appIDs []string) ([]Template, error),
) (Message, error) {
	now := o.Now()
	if fault := order.check(now); fault != nil {
		return Message{}, fault
	}
	prefer := order.PreferAppIDs
	if order.Kind == KindTemplate {
		known, err := templates(ctx, order.Template, prefer)
		if err != nil {
			return Message{}, fmt.Errorf("sending a message: %w", err)
		}
		if prefer, err = fitting(known, order); err != nil {
			return Message{}, err
		}
		order.PreferAppIDs = prefer
	}
	addresses, err := o.People.Addresses(ctx, order.Realm, order.User)
	if err != nil {
		return Message{}, fmt.Errorf("sending a message: %w", err)
	}
	at, reachable := choose(addresses, prefer, order.Kind)
	if !reachable {
		return Message{}, &Fault{Code: FaultUnreachable}
	}
	m := Message{
		ID: o.newID(now), Realm: order.Realm, User: order.User, AppID: at.AppID, OpenID: at.OpenID,
		Kind: order.Kind, Template: order.Template, Batch: batch, By: order.By, ClientID: order.ClientID,
		State: Queued, Made: now, Due: now,
	}
	if order.NotBefore.After(now) {
		m.Due = order.NotBefore
	}
	m.Next = m.Due
	plain, err := json.Marshal(order.content())
	if err != nil {
		return Message{}, fmt.Errorf("sending a message: %w", err)
	}
	m.Sealed = o.Sealer.Seal(plain, sealContext(m))
	return m, nil
}

// fitting are the accounts, of those preferred, that have the order's template with
// the fields that it fills in.
func fitting(known []Template, order Order) ([]string, error) {
	var prefer []string
	var first *Fault
	for _, appID := range order.PreferAppIDs {
		for _, t := range known {
			if t.AppID != appID || !t.Removed.IsZero() {
				continue
			}
			if fault := t.Check(order.Data); fault == nil {
				prefer = append(prefer, appID)
			} else if first == nil {
				first = fault
			}
		}
	}
	switch {
	case len(prefer) > 0:
		return prefer, nil
	case first != nil:
		return nil, first
	}
	return nil, &Fault{Code: FaultTemplate}
}

// newID makes an id that grows with time.
func (o *Outbox) newID(now time.Time) string {
	var b [14]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[5-i] = byte(ms >> (8 * i))
	}
	o.Random(b[6:])
	return hex.EncodeToString(b[:])
}

// sealContext binds sealed content to its message.
func sealContext(m Message) string { return m.Realm + " " + m.ID }

// open gives back the content of a message.
func (o *Outbox) open(m Message) (content, error) {
	if m.Sealed == nil {
		return content{}, errors.New("opening a message: its content was swept")
	}
	plain, _, err := o.Sealer.Open(m.Sealed, sealContext(m))
	if err != nil {
		return content{}, fmt.Errorf("opening a message: %w", err)
	}
	var c content
	if err := json.Unmarshal(plain, &c); err != nil {
		return content{}, errors.New("opening a message: the content can't be read")
	}
	return c, nil
}

// Wake has the outbox looked at now.
func (o *Outbox) Wake() {
	select {
	case o.wake <- struct{}{}:
	default: // woken already
	}
}
