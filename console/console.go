package console

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// Accounts are the WeChat accounts, as the gateway knows them.
type Accounts interface {
	// Accounts tells how all of them stand.
	Accounts(ctx context.Context) ([]Account, error)
	// Check tries what the gateway does with one, for real.
	Check(ctx context.Context, appID string) ([]Finding, error)
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
	Kind, Reason string
	Until        time.Time
}

// Finding is what a check says of one thing.
type Finding struct {
	What     string
	OK, Warn bool
	Said, Do Text
}

// Text is said in two languages.
type Text struct{ ZH, EN string }

// Config is what a [Console] needs; all of it but Log.
type Config struct {
	Store    Store
	Accounts Accounts
	// Realms are those whose merchants are kept here.
	Realms    []Realm
	Merchants Merchants
	Notices   Notices
	// Templates are those of an account, as WeChat has last listed them.
	Templates func(ctx context.Context, appID string) ([]Template, error)
	// Draw draws what a code says.
	Draw   func(url string) (svg, png []byte, err error)
	Now    func() time.Time
	Random func([]byte)
	// Within counts a try to sign in, by whom, and says whether it may be made.
	Within func(ctx context.Context, by string) (after time.Duration, ok bool)
	// Client names the address that a request comes from.
	Client func(*http.Request) string
	// Secure says that browsers reach the console by https.
	Secure bool
	// Leave puts the code for the first administrator where only who runs the gateway can
	// read it.
	Leave func(code string) error
	Log   *slog.Logger
}

// Console answers the requests of staff. It is safe for concurrent use.
type Console struct {
	Config
	mux *http.ServeMux
	// cross refuses what another site has a browser send.
	cross *http.CrossOriginProtection

	mu   sync.Mutex
	left time.Time // when the code for the first administrator was left
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

// routes are all of them.
func routes() []route {
	return []route{
		{"GET", "/{$}", keepSelf, "", (*Console).home},
		{"GET", "/sign-in", "", "", (*Console).signInPage},
		{"POST", "/sign-in", "", "", (*Console).signIn},
		{"POST", "/sign-out", keepSelf, "sign_out", (*Console).signOut},
		{"GET", "/setup", "", "", (*Console).setupPage},
		{"POST", "/setup", "", "", (*Console).setup},
		{"POST", "/language", "", "", (*Console).language},
		{"GET", "/me", keepSelf, "", (*Console).mePage},
		{"POST", "/me/password", keepSelf, "password", (*Console).changePassword},
		{"POST", "/me/sessions/end", keepSelf, "session_end", (*Console).endMine},
		{"GET", "/staff", keepStaff, "", (*Console).staffPage},
		{"POST", "/staff", keepStaff, "staff_add", (*Console).addStaff},
		{"GET", "/staff/{name}", keepStaff, "", (*Console).personPage},
		{"POST", "/staff/{name}/role", keepStaff, "staff_role", (*Console).changeRole},
		{"POST", "/staff/{name}/disable", keepStaff, "staff_disable", (*Console).disableStaff},
		{"POST", "/staff/{name}/enable", keepStaff, "staff_enable", (*Console).enableStaff},
		{"POST", "/staff/{name}/reset", keepStaff, "staff_reset", (*Console).resetStaff},
		{"POST", "/staff/{name}/sessions/end", keepStaff, "staff_sessions_end", (*Console).endTheirs},
		{"GET", "/journal", seeJournal, "", (*Console).journalPage},
		{"GET", "/merchants", seeMerchants, "", (*Console).merchantsHome},
		{"GET", "/merchants/{realm}", seeMerchants, "", (*Console).merchantsPage},
		{"POST", "/merchants/{realm}", editMerchants, "merchant_add", (*Console).createMerchant},
		{"GET", "/merchants/{realm}/new", editMerchants, "", (*Console).newMerchantPage},
		{"GET", "/merchants/{realm}/import", editMerchants, "", (*Console).importPage},
		{"POST", "/merchants/{realm}/import", editMerchants, merchantImport, (*Console).importMerchants},
		{"GET", "/merchants/{realm}/of/{id}", seeMerchants, "", (*Console).merchantPage},
		{"GET", "/merchants/{realm}/of/{id}/edit", editMerchants, "", (*Console).editPage},
		{"POST", "/merchants/{realm}/of/{id}/edit", editMerchants, "merchant_edit", (*Console).editMerchant},
		{"POST", "/merchants/{realm}/of/{id}/disable", editMerchants, "merchant_disable", (*Console).disableMerchant},
		{"POST", "/merchants/{realm}/of/{id}/enable", editMerchants, "merchant_enable", (*Console).enableMerchant},
		{"POST", "/merchants/{realm}/of/{id}/unbind", bindMerchants, "unbind", (*Console).unbind},
		{"POST", "/merchants/{realm}/of/{id}/codes", bindMerchants, "code_make", (*Console).makeCode},
		{"GET", "/merchants/{realm}/of/{id}/codes/{code}", seeMerchants, "", (*Console).codePage},
		{"GET", "/merchants/{realm}/of/{id}/codes/{code}/events", seeMerchants, "", (*Console).codeEvents},
		{"POST", "/merchants/{realm}/of/{id}/codes/{code}/cancel", bindMerchants, "code_cancel", (*Console).cancelCode},
		{"POST", "/merchants/{realm}/of/{id}/codes/{code}/replace", bindMerchants, "replace", (*Console).replace},
		{"GET", "/merchants/{realm}/notices", seeMerchants, "", (*Console).noticesPage},
		{"POST", "/merchants/{realm}/notices", notifyMerchants, "notice_send", (*Console).sendNotice},
		{"GET", "/merchants/{realm}/notices/new", notifyMerchants, "", (*Console).composePage},
		{"GET", "/merchants/{realm}/notices/{notice}", seeMerchants, "", (*Console).noticePage},
		{"GET", "/merchants/{realm}/notices/{notice}/recipients.csv", seeMerchants, "", (*Console).noticeTable},
		{"POST", "/merchants/{realm}/notices/{notice}/resend", notifyMerchants, "notice_resend", (*Console).resendNotice},
		{"POST", "/merchants/{realm}/notices/{notice}/cancel", notifyMerchants, "notice_cancel", (*Console).cancelNotice},
		{"GET", "/accounts", seeAccounts, "", (*Console).accountsPage},
		{"POST", "/accounts/{appid}/check", checkAccount, "account_check", (*Console).check},
	}
}

// New makes a console.
func New(c Config) *Console {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	k := &Console{Config: c, mux: http.NewServeMux(), cross: http.NewCrossOriginProtection()}
	for _, r := range routes() {
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
