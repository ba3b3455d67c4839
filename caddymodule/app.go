package caddymodule

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/custody"
)

func init() { caddy.RegisterModule(new(App)) }

// App holds what all gateways of a server share: which accounts, realms and sites
// there are, how WeChat is reached, and where the facts lie. It refuses a set of
// them that can't work together, and facts that its master key doesn't open.
type App struct {
	// The address that visitors use, `https://www.example.com`. What is told to
	// WeChat and to upstreams comes from here, never from a request's Host. Plain
	// http is for loopback only. Default: none; required.
	// Placeholders: yes, at start.
	Origin string `json:"origin,omitempty"`

	// The first segment of all our paths. Default: `/wsite`.
	Prefix string `json:"prefix,omitempty"`

	// Where users, links, events and keys are kept.
	Facts FactsConfig `json:"facts,omitempty"`

	// One or two master keys, the one in force first: 32 random bytes each, as
	// hexadecimal digits or in base64. They seal cookies and secrets. Default: a
	// key in a file beside the database, made at the first start.
	// Placeholders: yes, at start; use one, so that the key stands in no file.
	MasterKey []string `json:"master_key,omitempty"`

	// How WeChat is reached.
	Wechat WechatConfig `json:"wechat,omitempty"`

	// How long a visitor is remembered.
	Session SessionConfig `json:"session,omitempty"`

	// What upstreams are told, and for how long.
	Token TokenConfig `json:"token,omitempty"`

	// Through what several gateways share what they may lose. Default: one gateway,
	// which keeps it in memory.
	Cluster ClusterConfig `json:"cluster,omitempty"`

	// How much one client, account, key or openid may do.
	Limits LimitsConfig `json:"limits,omitempty"`

	// Networks in which the upstreams of sites may be, as CIDR. Default: loopback
	// and private networks.
	UpstreamNetworks []string `json:"upstream_networks,omitempty"`

	// Networks in which lines of business may be, as CIDR, besides public addresses;
	// `private` stands for loopback and private networks. Default: none.
	WebhookNetworks []string `json:"webhook_networks,omitempty"`

	// How many visitors are kept in memory, each with about 2 KiB.
	// Default: 100000.
	CacheSize int `json:"cache_size,omitempty"`

	// The time zone in which the console tells the time and divides days, as in the
	// IANA database. Default: `Asia/Shanghai`.
	TimeZone string `json:"time_zone,omitempty"`

	// Take every browser for WeChat's. Only for an origin on loopback, where the
	// simulator plays WeChat. Default: false.
	AnyBrowser bool `json:"any_browser,omitempty"`

	Accounts []*directory.Account `json:"accounts,omitempty"`
	Realms   []*directory.Realm   `json:"realms,omitempty"`
	Sites    []*directory.Site    `json:"sites,omitempty"`

	origin      string // without a slash at the end
	host        string // as browsers write it in Host
	issuer      string
	masters     [][]byte
	networks    []netip.Prefix
	webhooks    outbox.Networks
	zone        *time.Location
	rates       map[limit]cluster.Rate
	lines       []line
	configured  *catalogue // what the Caddyfile has
	catalogue   atomic.Pointer[catalogue]
	learning    sync.Mutex
	proofs      *identity.Box // seals what proves the accounts of the facts
	sites       *sites
	store       pooledStore
	wechat      *wechat.Client
	proxy       *url.URL // to WeChat; nil for none
	jar         jar
	visitors    *visitors
	logins      *logins
	shared      cluster.Shared // what nodes share and may lose
	redisConfig cluster.RedisConfig
	fallbacks   func() uint64 // of the shared state, what this node did alone
	look        chan struct{} // another node says that something has changed in the facts
	nudged      chan struct{} // something has changed in the facts that other nodes should see
	metrics     *metrics
	log         *zap.Logger
	slog        *slog.Logger
	now         func() time.Time
	random      func([]byte)

	// Set by Start, before ready is closed.
	ready      chan struct{}
	current    *facts
	box        cookieBox
	tickets    tickets
	realmKeys  map[string][]byte
	factors    *identity.Box // the second factors of staff
	factsSeen  atomic.Int64  // when the facts were last followed, in Unix nanoseconds
	factsDown  atomic.Bool   // they could not be followed the last time
	keysFailed atomic.Bool   // the signing keys could not be rotated the last time
	redis      *cluster.Redis
	redisDown  atomic.Bool

	// The channels to WeChat besides logins, set by Start as well.
	keeper   *custody.Keeper
	inbox    *inbox.Inbox
	messages *message.Outbox
	codes    *scene.Registry
	kinds    *job.Kinds
	jobs     *job.Runner
	desk     *merchant.Desk

	ctx     caddy.Context
	stop    context.CancelFunc
	workers sync.WaitGroup
	took    []func() error // what Cleanup has to give back
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "wsite", New: func() caddy.Module { return new(App) }}
}

// Provision expands placeholders and fills in defaults. It reaches no network and
// changes nothing, so that `caddy validate` is harmless.
func (a *App) Provision(ctx caddy.Context) error {
	a.ctx, a.log, a.slog = ctx, ctx.Logger(), ctx.Slogger()
	a.now, a.random = time.Now, func(b []byte) { rand.Read(b) }
	a.ready, a.look, a.nudged = make(chan struct{}), make(chan struct{}, 1), make(chan struct{}, 1)
	a.fallbacks = func() uint64 { return 0 }
	a.fillDefaults()

	repl := caddy.NewReplacer()
	if err := a.settle(func(text, _ string) (string, error) { return repl.ReplaceOrErr(text, true, true) }); err != nil {
		return err
	}
	var err error
	if a.metrics, err = newMetrics(ctx.GetMetricsRegistry(), a); err != nil {
		return err
	}
	a.visitors, a.logins = newVisitors(max(a.CacheSize, 1)), newLogins(a.now)
	return nil
}

// Validate judges what Provision has read.
func (a *App) Validate() error {
	switch {
	case a.Session.life() < 10*time.Minute || a.Session.life() > 30*24*time.Hour:
		return fmt.Errorf("session_lifetime: %s; it may be 10m to 30d", time.Duration(a.Session.Lifetime))
	case time.Duration(a.Token.Lifetime) < time.Minute || time.Duration(a.Token.Lifetime) > time.Hour:
		return fmt.Errorf("token_lifetime: %s; it may be 1m to 1h", time.Duration(a.Token.Lifetime))
	case time.Duration(a.Token.Lifetime) > a.Session.life():
		return errors.New("token_lifetime: a token may not outlive a session")
	case a.algorithms() == nil:
		return fmt.Errorf("token_algorithm: %q; use ES256, RS256 or EdDSA", a.Token.Algorithm)
	case a.CacheSize < 100:
		return fmt.Errorf("cache_size: %d; it has to be at least 100", a.CacheSize)
	case len(a.masters) > 2:
		return errors.New("master_key: at most two are valid at a time, the one in force first")
	}
	seen := map[string]string{}
	for _, account := range a.directory().Accounts() {
		secret := a.secret(account)
		if other, ok := seen[secret]; ok && secret != "" {
			return fmt.Errorf("account %s: secret: account %s has the same; each account has its own", account.AppID, other)
		}
		seen[secret] = account.AppID
	}
	return nil
}

// Start opens the facts and begins to follow them.
func (a *App) Start() error {
	ctx, cancel := context.WithCancel(context.Background())
	a.stop = cancel
	if err := a.openFacts(ctx); err != nil {
		cancel()
		return err
	}
	if err := a.startBroadcast(ctx); err != nil {
		cancel()
		return err
	}
	a.metrics.tally.hour.Store(hourOf(a.now()))
	a.startChannels(ctx)
	a.startNudges(ctx)
	a.warn()
	a.workers.Go(func() { a.watchFacts(ctx) })
	close(a.ready)
	return nil
}

// Stop ends the workers. Requests under way still need the facts: Cleanup closes
// them, after all apps have stopped.
func (a *App) Stop() error {
	a.stop()
	a.workers.Wait()
	return nil
}

// Cleanup gives back what this config took.
func (a *App) Cleanup() error {
	if a.stop != nil {
		a.stop()
	}
	if a.current != nil {
		a.writeTally(context.Background()) // by now all requests have been counted
	}
	if a.wechat != nil {
		a.wechat.Close()
	}
	var errs []error
	for _, give := range a.took {
		errs = append(errs, give())
	}
	a.took = nil
	return errors.Join(errs...)
}

// facts may be used once ready is closed.
func (a *App) facts() *facts { return a.current }

func (a *App) secret(account *directory.Account) string {
	return a.directory().proofs[account.AppID].secret
}

// algorithms are those in use, the default first; nil if one is unknown.
func (a *App) algorithms() []string {
	known := map[string]bool{}
	for _, alg := range directory.Algorithms {
		known[alg] = true
	}
	if !known[a.Token.Algorithm] {
		return nil
	}
	algs := []string{a.Token.Algorithm}
	known[a.Token.Algorithm] = false
	use := func(alg string) {
		if known[alg] {
			algs = append(algs, alg)
			known[alg] = false
		}
	}
	for _, s := range a.directory().Sites() {
		use(s.Algorithm)
	}
	for _, alg := range a.directory().algorithms {
		use(alg)
	}
	return algs
}

var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.Validator    = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
