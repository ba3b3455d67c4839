package wechatsim

import (
	"context"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Sim is a simulated WeChat. It is safe for concurrent use.
type Sim struct {
	seed     uint64
	clock    *clock
	dice     *dice
	log      *slog.Logger
	links    []Link
	console  console
	api      map[string]endpoint // by path
	agenda   *agenda
	errands  *http.Client
	pusher   *http.Client
	live     *live
	received history
	sent     history

	ctx  context.Context // ends with Close
	stop context.CancelFunc

	mu        sync.Mutex
	settings  Settings
	people    []Person
	began     time.Time
	places    map[string]int               // of the people, by name
	faces     map[string]map[string]string // names by appid and openid; see [Sim.whose]
	follows   map[fan]Following
	webLogins map[string]*webLogin // by the ticket of a QR code
	armed     []*Armed
	armings   int
	codes     map[string]*code
	access    map[string]*userToken // by access token
	refresh   map[string]*userToken // by refresh token
	pending   map[string]pending    // by the ticket of a consent page
	states    map[string]*accountState
	globals   map[string]*Token // by the word
	sweepAt   int
	scenes    map[string]*Scene // by ticket and by what the image says
	made      counts
}

// New makes a simulator. It panics if [Options.Check] finds fault with the
// options. Call [Sim.Close] at the end; [StartT] does all of that.
func New(o Options) *Sim {
	if err := o.Check(); err != nil {
		panic("wechatsim: " + err.Error())
	}
	for o.Seed == 0 {
		o.Seed = rand.Uint64()
	}
	s := &Sim{
		seed: o.Seed, clock: newClock(o.Now), dice: newDice(o.Seed), log: o.Log,
		links: slices.Clone(o.Links),
		codes: map[string]*code{}, access: map[string]*userToken{}, refresh: map[string]*userToken{},
		pending: map[string]pending{}, states: map[string]*accountState{}, globals: map[string]*Token{},
		places: map[string]int{}, faces: map[string]map[string]string{}, follows: map[fan]Following{},
		webLogins: map[string]*webLogin{},
		api: gather(
			loginEndpoints, tokenEndpoints, fanEndpoints, migrationEndpoints, quotaEndpoints, supportEndpoints,
			ticketEndpoints, miniEndpoints, qrEndpoints, templateEndpoints, sendEndpoints,
		),
	}
	s.ctx, s.stop = context.WithCancel(context.Background())
	s.agenda, s.errands = newAgenda(s.clock), newErrandClient()
	s.settings, _ = o.settings() // checked above
	s.began = s.Now()
	accounts, people := o.cast()
	for _, a := range accounts {
		s.console.add(a)
	}
	for _, p := range people {
		s.place(p)
	}
	s.startPost(o.Pushes)
	return s
}

// Seed is what decided the ids and the dice; give it to [Options.Seed] to see the
// same again.
func (s *Sim) Seed() uint64 { return s.seed }

// Close lets go of every client that is kept waiting, and returns when the
// simulator's own requests are over.
func (s *Sim) Close() {
	s.stop()
	s.agenda.close()
}

// World is what WeChat shows to the internet, open.weixin.qq.com,
// api.weixin.qq.com and mp.weixin.qq.com in one, and the phone page under /phone/.
// It is a proxy for requests to these, too.
func (s *Sim) World() http.Handler {
	phone := s.phone()
	return s.asProxy(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Simulated-By", "wechatsim")
		if r.URL.Path == "/phone" || strings.HasPrefix(r.URL.Path, "/phone/") || r.URL.Path == "/" {
			phone.ServeHTTP(w, r)
			return
		}
		s.record(w, r, s.route)
	}))
}

// route is WeChat's side of [Sim.World]. It is no ServeMux: that would redirect
// what it finds untidy, which WeChat doesn't.
func (s *Sim) route(rec *recorder, r *http.Request) {
	switch r.URL.Path {
	case authorizePath:
		s.authorize(rec, r)
	case consentPath:
		s.consent(rec, r)
	case showQRPath:
		s.showQR(rec, r)
	case webLoginPath:
		s.websiteLogin(rec, r)
	case webWaitPath:
		s.waitWeb(rec, r)
	case webCodePath:
		s.webCode(rec, r)
	case confirmPath:
		s.confirmWeb(rec, r)
	default:
		s.call(rec, r)
	}
}

// Settings are the present ones.
func (s *Sim) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings
}

// Change changes settings while the simulator runs. It changes nothing if the
// result makes no sense.
func (s *Sim) Change(f func(*Settings)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	changed := s.settings
	f(&changed)
	changed, err := changed.settle()
	if err == nil {
		s.settings = changed
	}
	return err
}

// Answer settles how the next consent pages are answered; it panics if that is no
// [Consent].
func (s *Sim) Answer(how Consent) {
	if err := s.Change(func(set *Settings) { set.Consent = how }); err != nil {
		panic("wechatsim: " + err.Error())
	}
}

// life is a context that ends with the request or with the simulator.
func (s *Sim) life(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(s.ctx, cancel)
	return ctx, func() { unhook(); cancel() }
}
