package merchant_test

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

const (
	account = "wx1a2b3c4d5e6f7081" // of the simulator
	secret  = "shared"
	subject = "open1"
	staff   = "staff:li"
)

type engine func(t testing.TB) (*sqlstore.Store, error)

func sqlite(t testing.TB) (*sqlstore.Store, error) {
	return sqlstore.OpenSQLite(context.Background(), freshtest.SQLite(t), sqlstore.Options{})
}

func postgres(t testing.TB) (*sqlstore.Store, error) {
	return sqlstore.OpenPostgres(context.Background(), freshtest.Postgres(t), sqlstore.Options{})
}

// onBoth runs a test on both engines.
func onBoth(t *testing.T, test func(t *testing.T, on engine)) {
	t.Run("on SQLite", func(t *testing.T) { t.Parallel(); test(t, sqlite) })
	t.Run("on PostgreSQL", func(t *testing.T) { t.Parallel(); test(t, postgres) })
}

// house is a desk with all that it stands on, and the simulator as WeChat.
type house struct {
	*merchant.Desk
	t      testing.TB
	store  *sqlstore.Store
	sim    *wechatsim.Server
	codes  *scene.Registry
	outbox *message.Outbox
	people *people
	config merchant.Config
}

func newHouse(t testing.TB, on engine) *house {
	t.Helper()
	store, err := on(t)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	h := &house{t: t, store: store, sim: wechatsim.StartT(t)}
	client, err := wechat.NewClient(wechat.Config{OpenURL: h.sim.URL, MPURL: h.sim.URL, Hosts: []string{h.sim.URL}, Trip: 1 << 30})
	h.must(err)
	t.Cleanup(client.Close)
	random := func(b []byte) { rand.Read(b) }
	call := func(ctx context.Context, appID string, do func(context.Context, wechat.Bearer) error) error {
		token, err := client.StableToken(ctx, appID, secret, false)
		if err != nil {
			return err
		}
		return do(ctx, wechat.Bearer{AppID: appID, Token: token.Token})
	}
	sealer, err := identity.NewSealer(make([]byte, identity.MasterKeySize))
	h.must(err)
	h.people = &people{store: store, centre: &identity.Centre{
		Store: store, GuestKey: func(string) ([]byte, error) { return make([]byte, 32), nil }, PrevFor: time.Hour, Now: h.sim.Now,
	}}
	h.codes = scene.New(scene.Config{
		Store: store, WeChat: client, Call: call, Now: h.sim.Now, Random: random,
		Refused: func(ctx context.Context, c scene.Code, s scene.Scan, o scene.Outcome) error {
			return h.Refused(ctx, c, s, o)
		},
		Foreign: func(ctx context.Context, s scene.Scan) error { return h.Foreign(ctx, "shop", s) },
	})
	h.outbox = message.New(message.Config{
		Store: store, People: h.people, WeChat: client, Call: call, Sealer: sealer.Box("messages"), Followers: store, Holder: rand.Text(),
		Now: h.sim.Now, Random: random, Limiter: message.NewBuckets(1e6, 1e6, h.sim.Now),
	})
	h.config = merchant.Config{
		Store: store, Codes: h.codes, Messages: h.outbox, People: h.people, Sealer: sealer.Box("notices"), Now: h.sim.Now, Random: random,
		Serves: func(realm, appID string) bool { return realm == "shop" && appID == account },
	}
	h.Desk = merchant.New(h.config)
	h.codes.On(merchant.Purpose, h.Scanned)
	return h
}

// people is the identity centre, as WeChat's pushes speak to it.
type people struct {
	store  *sqlstore.Store
	centre *identity.Centre
	mu     sync.Mutex
	fail   error // of the next calls
}

func (p *people) failing(err error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fail = err
}

func (p *people) claim(realm string, at identity.Openid) identity.Claim {
	return identity.Claim{Realm: realm, Openid: at, Unionid: identity.Unionid{Subject: subject, UnionID: "u-" + at.OpenID}, Via: "push"}
}

func (p *people) Bind(ctx context.Context, realm string, at identity.Openid, as, actor string) (string, error) {
	p.mu.Lock()
	err := p.fail
	p.mu.Unlock()
	if err != nil {
		return "", err
	}
	claim := p.claim(realm, at)
	claim.Actor = actor
	if as != "" {
		claim.User, claim.UserKind, claim.Bind = as, identity.Real, true
	}
	answer, err := p.centre.Resolve(ctx, claim)
	return answer.User.ID, err
}

func (p *people) Unbind(ctx context.Context, realm string, at identity.Openid, user, actor string) error {
	answer, err := p.centre.Resolve(ctx, p.claim(realm, at))
	if err != nil || answer.User.ID != user {
		return err
	}
	err = p.centre.Unbind(ctx, realm, user, identity.Unionid{Subject: subject, UnionID: answer.UnionID}, identity.By{Actor: actor, Via: "console"})
	if conflict := (*identity.Conflict)(nil); errors.As(err, &conflict) && conflict.Code == identity.CodeNotBound {
		return nil
	}
	return err
}

func (p *people) Addresses(ctx context.Context, realm, user string) ([]message.Address, error) {
	facts, err := p.centre.User(ctx, realm, user)
	var list []message.Address
	for _, o := range facts.Openids {
		known, err := p.store.Followers(ctx, o.AppID, []string{o.OpenID})
		if err != nil {
			return nil, err
		}
		f, ok := known[o.OpenID]
		list = append(list, message.Address{AppID: o.AppID, OpenID: o.OpenID, Following: f.Following, Known: ok})
	}
	return list, err
}

// who is the user to whom an openid leads.
func (h *house) who(openID string) string {
	h.t.Helper()
	user, err := h.people.Bind(h.t.Context(), "shop", identity.Openid{AppID: account, OpenID: openID}, "", "")
	h.must(err)
	return user
}

func (h *house) must(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

// merchant puts one on the list.
func (h *house) merchant(id string, change ...func(*merchant.Merchant)) merchant.Merchant {
	h.t.Helper()
	m := merchant.Merchant{Realm: "shop", ID: id, Name: "商户 " + id, Login: id + "@example.com", Contact: "王小明", Phone: "13800001234"}
	for _, c := range change {
		c(&m)
	}
	m, err := h.Create(h.t.Context(), m, staff)
	h.must(err)
	return m
}

func (h *house) code(id string) merchant.Code {
	h.t.Helper()
	c, err := h.MakeCode(h.t.Context(), merchant.Order{Realm: "shop", Merchant: id, AppID: account, By: staff})
	h.must(err)
	return c
}

// scanned hands a scan of a code on as it is pushed.
func (h *house) scanned(c merchant.Code, openID, key string) error {
	return h.codes.Scanned(h.t.Context(), scene.Scan{AppID: account, OpenID: openID, Scene: h.sceneOf(c), At: h.sim.Now(), Key: key})
}

// sceneOf is the scene of a code that was just made, which only WeChat still knows.
func (h *house) sceneOf(c merchant.Code) string {
	h.t.Helper()
	for _, s := range h.sim.Scenes(account) {
		if s.URL == c.URL {
			return s.Scene
		}
	}
	h.t.Fatal("WeChat has no such code")
	return ""
}

// bound has somebody scan a new code of a merchant.
func (h *house) bound(id, openID string) merchant.Binding {
	h.t.Helper()
	c := h.code(id)
	h.must(h.scanned(c, openID, "bound "+c.ID))
	h.want(c, merchant.Bound, merchant.ReasonNone)
	for _, b := range h.get(id).Bindings {
		if b.OpenID == openID {
			return b
		}
	}
	h.t.Fatalf("%s isn't bound to %s", openID, id)
	return merchant.Binding{}
}

func (h *house) get(id string) merchant.Listed {
	h.t.Helper()
	m, err := h.Get(h.t.Context(), "shop", id)
	h.must(err)
	return m
}

// want checks where a code stands.
func (h *house) want(c merchant.Code, state merchant.State, reason merchant.Reason) merchant.Code {
	h.t.Helper()
	got, err := h.Code(h.t.Context(), "shop", c.ID)
	h.must(err)
	if got.State != state || got.Reason != reason {
		h.t.Fatalf("the code is %s because of %q, want %s because of %q", got.State, got.Reason, state, reason)
	}
	return got
}

// wantBound checks who is bound to a merchant.
func (h *house) wantBound(id string, openIDs ...string) {
	h.t.Helper()
	var got []string
	for _, b := range h.get(id).Bindings {
		got = append(got, b.OpenID)
	}
	if strings.Join(got, " ") != strings.Join(openIDs, " ") {
		h.t.Fatalf("bound to %s are %v, want %v", id, got, openIDs)
	}
}

// told is what the outbox has for an openid, the newest first.
func (h *house) told(openID string) []message.Message {
	h.t.Helper()
	list, err := h.outbox.List(h.t.Context(), message.Filter{Realm: "shop", User: h.who(openID), Limit: 100})
	h.must(err)
	return list
}

// wantFault checks an error, and that it says something in both languages.
func wantFault(t testing.TB, err error, code, field string) {
	t.Helper()
	var f *merchant.Fault
	if !errors.As(err, &f) || f.Code != code || f.Field != field {
		t.Fatalf("got error %v, want the fault %s of %q", err, code, field)
	}
	if en, zh := f.Say(); en == "" || zh == "" {
		t.Errorf("the fault says %q, %q", en, zh)
	}
}
