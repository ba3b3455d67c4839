package message_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const (
	own    = "wx00000000000000a1" // the site's account
	shared = "wx00000000000000a2"
	mini   = "wx00000000000000a3" // a mini program
	notice = "tmpl-notice"
)

// clock is the time of a test.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)} }

func (c *clock) time() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// people are the addresses of users.
type people struct {
	mu  sync.Mutex
	all map[string][]message.Address
}

func (p *people) Addresses(_ context.Context, realm, user string) ([]message.Address, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if realm != "shop" {
		return nil, errors.New("another realm was asked for")
	}
	return slices.Clone(p.all[user]), nil
}

func (p *people) set(user string, addresses ...message.Address) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.all[user] = addresses
}

func (p *people) SetFollower(_ context.Context, f follower.Follower) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range p.all {
		for i, a := range list {
			if a.AppID == f.AppID && a.OpenID == f.OpenID {
				list[i].Known, list[i].Following = true, f.Following
			}
		}
	}
	return nil
}

func follows(appID, openID string) message.Address {
	return message.Address{AppID: appID, OpenID: openID, Following: true, Known: true}
}

// arrival is a message that reached a phone.
type arrival struct {
	appID, openID, clientID, what string
	at                            time.Time
}

// phones are what WeChat's other side sees. As WeChat does they take a client id once
// in ten minutes.
type phones struct {
	clock *clock
	mu    sync.Mutex
	seen  map[string]arrival
	ids   map[string]int64
	got   []arrival
	calls int
	// next says what the next calls end with; nil entries are successes.
	next []func() error
	// always is asked when next is empty; nil for success.
	always func() error
	// before is called, without the lock, before a call arrives.
	before func(clientID string)
	listed []wechat.Template
}

// after says that the message arrived, but its sender hears err.
type after struct{ err error }

func (a after) Error() string { return a.err.Error() }

func (p *phones) take(as wechat.Bearer, to, clientID, what string) (int64, error) {
	if p.before != nil {
		p.before(clientID)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.calls++
	plan := p.always
	if len(p.next) > 0 {
		plan, p.next = p.next[0], p.next[1:]
	}
	var err error
	if plan != nil {
		err = plan()
	}
	var late after
	if err != nil && !errors.As(err, &late) {
		return 0, err
	}
	key, now := as.AppID+" "+to+" "+clientID, p.clock.time()
	was, known := p.seen[key]
	if !known || clientID == "" || now.Sub(was.at) >= 10*time.Minute {
		a := arrival{as.AppID, to, clientID, what, now}
		p.seen[key], p.got = a, append(p.got, a)
		p.ids[key] = int64(1<<60 + len(p.got))
	}
	return p.ids[key], late.err
}

func (p *phones) SendTemplate(_ context.Context, as wechat.Bearer, m wechat.TemplateMessage) (int64, error) {
	id, err := p.take(as, m.To, m.ClientID, m.Data["thing1"])
	if err != nil {
		return 0, err
	}
	return id, nil
}

func (p *phones) SendSubscription(_ context.Context, as wechat.Bearer, m wechat.SubscriptionMessage) error {
	_, err := p.take(as, m.To, "", m.Data["thing1"])
	return err
}

func (p *phones) SendCustom(_ context.Context, as wechat.Bearer, m wechat.CustomMessage) error {
	_, err := p.take(as, m.To, "", string(m.Content))
	return err
}

func (p *phones) Templates(context.Context, wechat.Bearer) ([]wechat.Template, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.listed), nil
}

// arrived are the messages that reached phones.
func (p *phones) arrived() []arrival {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

func code(n int) func() error {
	return func() error {
		return &wechat.Error{API: "test", Code: n, Class: classOf(n), Message: fmt.Sprint("message of ", n)}
	}
}

func classOf(n int) wechat.Class {
	switch n {
	case -1, 45009, 45011, 89503:
		return wechat.ClassRetry
	case 40001:
		return wechat.ClassRefresh
	case 40164:
		return wechat.ClassConfig
	}
	return wechat.ClassFault
}

// lost is an attempt whose answer never came; the message arrives or not.
func lost(arrives bool) func() error {
	err := &wechat.Error{API: "test", Class: wechat.ClassRetry, Message: "no answer", Err: context.DeadlineExceeded}
	return func() error {
		if arrives {
			return after{err}
		}
		return err
	}
}

// engine opens new facts, and again with the function it returns.
type engine func(t testing.TB) (*sqlstore.Store, func() *sqlstore.Store)

func opening(t testing.TB, open func() (*sqlstore.Store, error)) (*sqlstore.Store, func() *sqlstore.Store) {
	again := func() *sqlstore.Store {
		s, err := open()
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { s.Close() })
		return s
	}
	return again(), again
}

func sqlite(t testing.TB) (*sqlstore.Store, func() *sqlstore.Store) {
	path := freshtest.SQLite(t)
	return opening(t, func() (*sqlstore.Store, error) {
		return sqlstore.OpenSQLite(context.Background(), path, sqlstore.Options{})
	})
}

func postgres(t testing.TB) (*sqlstore.Store, func() *sqlstore.Store) {
	dsn := freshtest.Postgres(t)
	return opening(t, func() (*sqlstore.Store, error) {
		return sqlstore.OpenPostgres(context.Background(), dsn, sqlstore.Options{})
	})
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(t *testing.T, on engine)) {
	t.Run("on SQLite", func(t *testing.T) { t.Parallel(); test(t, sqlite) })
	t.Run("on PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, postgres) })
}

// house is an outbox with all around it.
type house struct {
	*message.Outbox
	t      testing.TB
	store  *sqlstore.Store
	again  func() *sqlstore.Store
	clock  *clock
	people *people
	phones *phones
	config message.Config
}

func newHouse(t testing.TB, on engine, options ...func(*message.Config)) *house {
	t.Helper()
	h := &house{t: t, clock: newClock(), people: &people{all: map[string][]message.Address{}}}
	h.store, h.again = on(t)
	h.phones = &phones{clock: h.clock, seen: map[string]arrival{}, ids: map[string]int64{}}
	h.config = message.Config{
		Store: h.store, People: h.people, WeChat: h.phones, Call: call, Sealer: box(t), Followers: h.people,
		Holder: "a", Now: h.clock.time, Random: func(b []byte) { rand.Read(b) },
		Limiter: message.NewBuckets(1e6, 1e6, h.clock.time),
	}
	for _, o := range options {
		o(&h.config)
	}
	h.Outbox = message.New(h.config)
	for _, appID := range []string{own, shared} {
		h.must(h.store.PutTemplates(t.Context(), appID, []message.Template{
			{ID: notice + "-" + appID, Title: "Notice", Content: "商品：{{thing1.DATA}}\n金额：{{amount2.DATA}}"},
		}, h.clock.time()))
	}
	h.people.set("ming", follows(own, "o-ming-own"), follows(shared, "o-ming-shared"), message.Address{AppID: mini, OpenID: "o-ming-mini"})
	return h
}

func call(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
	return do(ctx, wechat.Bearer{AppID: appID, Token: "token"})
}

func box(t testing.TB) *identity.Box {
	t.Helper()
	sealer, err := identity.NewSealer(make([]byte, identity.MasterKeySize))
	if err != nil {
		t.Fatal(err)
	}
	return sealer.Box("message")
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// order is a good order for a template message of the site's own account.
func order(clientID string) message.Order {
	return message.Order{
		Realm: "shop", User: "ming", PreferAppIDs: []string{own, shared}, Kind: message.KindTemplate, Template: notice + "-" + own,
		Data: map[string]string{"thing1": "巧克力 " + clientID, "amount2": "39.8元"}, ClientID: clientID, By: "key1",
	}
}

func custom(clientID string) message.Order {
	return message.Order{
		Realm: "shop", User: "ming", PreferAppIDs: []string{own}, Kind: message.KindCustom, Type: "text",
		Content: []byte(`{"content":"` + clientID + `"}`), ClientID: clientID, By: "key1",
	}
}

func (h *house) send(o message.Order) message.Message {
	h.t.Helper()
	m, err := h.Send(h.t.Context(), o)
	h.must(err)
	return m
}

// drain sends everything that is due.
func (h *house) drain() {
	h.t.Helper()
	for more := true; more; {
		var err error
		more, err = h.Step(h.t.Context())
		h.must(err)
	}
}

func (h *house) get(id string) message.Message {
	h.t.Helper()
	m, err := h.Get(h.t.Context(), "shop", id)
	h.must(err)
	return m
}

// want checks where a message stands.
func (h *house) want(id string, state message.State, reason message.Reason) message.Message {
	h.t.Helper()
	m := h.get(id)
	if m.State != state || m.Reason != reason {
		h.t.Fatalf("the message is %s because of %q, want %s because of %q: %+v", m.State, m.Reason, state, reason, m)
	}
	return m
}

func (h *house) wantArrivals(n int) {
	h.t.Helper()
	if got := h.phones.arrived(); len(got) != n {
		h.t.Fatalf("%d messages arrived, want %d: %+v", len(got), n, got)
	}
}

// wantFault checks an error, and that it says something in both languages.
func wantFault(t testing.TB, err error, code, field string) {
	t.Helper()
	var f *message.Fault
	if !errors.As(err, &f) || f.Code != code || f.Field != field {
		t.Fatalf("got error %v, want the fault %s of field %q", err, code, field)
	}
	if en, zh := f.Say(); en == "" || zh == "" {
		t.Errorf("the fault %s says %q, %q", code, en, zh)
	}
}

func bearer(appID string) wechat.Bearer { return wechat.Bearer{AppID: appID, Token: "token"} }
