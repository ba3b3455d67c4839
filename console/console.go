package console

import (
	"context"
	"html/template"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// Accounts are the WeChat accounts, as the gateway knows them.
type Accounts interface {
	// Name is what people call an account; empty if that isn't known.
	Name(appID string) string
	// Accounts tells how all of them stand.
	Accounts(ctx context.Context) ([]Account, error)
	// Check tries what the gateway does with one, for real.
	Check(ctx context.Context, appID string) ([]Finding, error)
	// SyncTemplates has WeChat list the templates of one.
	SyncTemplates(ctx context.Context, appID string) error
}

// Account is how a WeChat account stands.
type Account struct {
	AppID     string
	Kind      directory.AccountKind
	Subject   string
	Realms    []string
	Followers int64 // as far as pushes and jobs have told
	Tokens    []Token
	Paused    []Pause
	// PushURL is the address for the pushes in WeChat's console; empty if none are taken.
	PushURL string
	// Waiting and Dead count the pushes that were not handled yet, and not in a day.
	Waiting, Dead int64
	// Today is how many calls of WeChat's API it took on this gateway since midnight in
	// China, Failed how many of them failed.
	Today, Failed int64
	// Templates counts those for messages; Synced is when WeChat has last listed them. Sends
	// says whether it has any.
	Sends     bool
	Templates int
	Synced    time.Time
}

// Token is how an access token or a ticket stands.
type Token struct {
	Kind      string
	Until     time.Time // zero if there is none
	Refreshed time.Time
	Error     string
	RetryAt   time.Time
	Alarm     string // empty if nobody need act
	Do        Text   // what he shall do
	IP        string // of the gateway, if WeChat has told
}

// Pause is a kind of messages that an account can't send for now.
type Pause struct {
	Kind, Reason Text
	Until        time.Time
	AppID        string
	Detail       string // WeChat's own words
}

// Finding is what a check says of one thing.
type Finding struct {
	What     string
	OK, Warn bool
	Said, Do Text
}

// Text is said in two languages.
type Text struct{ ZH, EN string }

// Config is what a [Console] needs; all of it but Factor, Zone and Log.
type Config struct {
	Store    Store
	Overview Overview
	Accounts Accounts
	// AppIDs are those of all accounts.
	AppIDs   func() []string
	Messages Messages
	Events   Events
	Pushes   PushLog
	Jobs     Jobs
	Audit    Audit
	// Directory is which accounts and sites exist.
	Directory Directory
	// Realms are those whose merchants are kept here.
	Realms    func() []Realm
	Merchants Merchants
	Notices   Notices
	Users     Users
	// Templates are those of an account, as WeChat has last listed them.
	Templates func(ctx context.Context, appID string) ([]Template, error)
	// Draw draws what a code says.
	Draw   func(url string) (svg, png []byte, err error)
	Now    func() time.Time
	Random func([]byte)
	// Within counts a try to sign in, by whom, and says whether it may be made.
	Within func(ctx context.Context, by string) (after time.Duration, ok bool)
	// Codes does the same for a code of a second factor, of which far fewer may be given: who
	// gives one had the password.
	Codes func(ctx context.Context, by string) (after time.Duration, ok bool)
	// Client names the address that a request comes from.
	Client func(*http.Request) string
	// Secure says that browsers reach the console by https.
	Secure bool
	// Leave puts the code for the first administrator where only who runs the gateway can
	// read it.
	Leave func(code string) error
	// Sealer seals second factors, and cookies.
	Sealer Sealer
	// Factor is the least role that has to have a second factor; empty for none.
	Factor Role
	// Zone is where staff read the time; China's if there is none.
	Zone *time.Location
	Log  *slog.Logger
}

// Console answers the requests of staff. It is safe for concurrent use.
type Console struct {
	Config
	mux   *http.ServeMux
	takes map[string]Action                        // by the pattern of an address
	pages map[string]map[string]*template.Template // by language and name
	// cross refuses what another site has a browser send.
	cross *http.CrossOriginProtection
	// entries are what the journal may hold.
	entries map[string]bool

	mu   sync.Mutex
	left time.Time // when the code for the first administrator was left
	// open is how many conflicts of each realm were open when they were last judged.
	open map[string]judgement
}

// route is an address, with the action that it takes a right for.
type route struct {
	method, path string
	// action is empty where nobody need be signed in.
	action Action
	// what is written into the journal; empty for nothing.
	what  string
	serve func(*Console, *visit) error
}

// merchantImport is what the journal calls an import, whose request may be long.
const merchantImport = "merchant_import"

// routes are all of them; each subject has its own in the file that answers them.
func routes() []route {
	return slices.Concat(
		signInRoutes,
		halfRoutes,
		guessRoutes,
		factorRoutes,
		overviewRoutes,
		staffRoutes,
		merchantRoutes,
		codeRoutes,
		noticeRoutes,
		userRoutes,
		conflictRoutes,
		accountRoutes,
		accountEditRoutes,
		siteRoutes,
		messageRoutes,
		eventRoutes,
		pushRoutes,
		jobRoutes,
		auditRoutes,
		journalRoutes,
	)
}

// New makes a console.
func New(c Config) *Console {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Zone == nil {
		c.Zone = time.FixedZone("Asia/Shanghai", 8*60*60)
	}
	k := &Console{Config: c, mux: http.NewServeMux(), takes: map[string]Action{}, pages: pagesIn(c.Zone, c.Accounts.Name), cross: http.NewCrossOriginProtection(), open: map[string]judgement{}, entries: map[string]bool{"sign_in": true, "sign_in_half": true, "sign_in_code": true, "setup": true}}
	for _, r := range routes() {
		k.entries[r.what] = r.what != ""
		k.takes[r.method+" "+r.path] = r.action
		k.mux.HandleFunc(r.method+" "+r.path, func(w http.ResponseWriter, req *http.Request) { k.serve(w, req, r) })
	}
	k.mux.HandleFunc("GET /assets/{file}", serveAsset)
	k.mux.HandleFunc("/", func(w http.ResponseWriter, req *http.Request) {
		k.serve(w, req, route{serve: func(*Console, *visit) error { return notFound }})
	})
	return k
}

// ServeHTTP answers a request.
func (c *Console) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	guard(w.Header())
	c.mux.ServeHTTP(w, r)
}

// Sweep takes away sessions and codes that are over.
func (c *Console) Sweep(ctx context.Context) error {
	now := c.Now()
	return c.Store.SweepConsole(ctx, now.Add(-Idle), now.Add(-Longest), now)
}

// guard sets what holds for every answer. None is kept, framed or given away as a
// referrer, and nothing runs in it that we didn't write.
func guard(h http.Header) {
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	h.Set("Vary", "Cookie, Accept-Language, Sec-Fetch-Dest")
}
