package console_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
	"github.com/caddy-wsite/caddy-wsite/sqlstore"
	"github.com/caddy-wsite/caddy-wsite/sqlstore/freshtest"
)

// kit is a console on a server of its own.
type kit struct {
	console *console.Console
	store   *sqlstore.Store
	url     string
	did     *operations
	left    string // the code for the first administrator
	users   *people
	full    atomic.Bool
	ahead   atomic.Int64
	still   atomic.Pointer[time.Time] // where the clock stands still, if it does
}

func (k *kit) now() time.Time {
	now := time.Now()
	if at := k.still.Load(); at != nil {
		now = *at
	}
	return now.Add(time.Duration(k.ahead.Load()))
}

// accounts are those of a gateway that has one, with a name that may not get by as HTML.
type accounts struct{}

func (accounts) Name(appID string) string {
	if appID == "wx01" {
		return "<门店> 服务号"
	}
	return ""
}

func (accounts) Accounts(context.Context) ([]console.Account, error) {
	return []console.Account{{AppID: "wx01", Tokens: []console.Token{{Kind: "token", Alarm: "wrong_secret", Do: console.Text{ZH: "改密钥", EN: "set the secret"}}}}}, nil
}

func (accounts) SyncTemplates(context.Context, string) error { return nil }

func (accounts) Check(_ context.Context, appID string) ([]console.Finding, error) {
	if appID != "wx01" {
		return nil, nil
	}
	return []console.Finding{{What: "token", OK: true}}, nil
}

// codes makes codes without WeChat.
type codes struct{ *kit }

func (c codes) Make(_ context.Context, o scene.Order) (scene.Code, error) {
	id := strings.ToLower(rand.Text())
	return scene.Code{ID: id, Realm: o.Realm, AppID: o.AppID, URL: "http://we.example/q/" + id, Made: c.now(), Expires: c.now().Add(time.Hour)}, nil
}

func start(t *testing.T) *kit {
	t.Helper()
	store, err := sqlstore.OpenSQLite(t.Context(), freshtest.SQLite(t), sqlstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { store.Close() })
	k := &kit{store: store, did: &operations{}, users: &people{all: map[string]console.User{}}}
	k.console = console.New(console.Config{
		AppIDs: func() []string { return []string{"wx01"} }, Messages: k.did, Events: k.did, Pushes: pushes{k.did}, Jobs: jobs{k.did}, Audit: k.did,
		Store: store, Overview: overview{store}, Accounts: accounts{}, Directory: newListed(store), Realms: func() []console.Realm { return []console.Realm{{Name: "main", Accounts: []string{"wx01"}}} },
		Sealer: box(),
		Draw: func(url string) (svg, png []byte, err error) {
			return []byte("<svg></svg>"), []byte("picture of " + url), nil
		},
		Merchants: merchant.New(merchant.Config{Store: store, Codes: codes{k}, Now: k.now, Random: func(b []byte) { rand.Read(b) }}), Now: k.now, Random: func(b []byte) { rand.Read(b) },
		Users:  k.users,
		Within: func(context.Context, string) (time.Duration, bool) { return time.Minute, !k.full.Load() },
		Codes:  func(context.Context, string) (time.Duration, bool) { return 6 * time.Minute, true },
		Client: func(r *http.Request) string { return cmp.Or(r.Header.Get("From"), "192.0.2.1") },
		Leave:  func(code string) error { k.left = code; return nil },
	})
	server := httptest.NewServer(k.console)
	t.Cleanup(server.Close)
	k.url = server.URL
	return k
}

// browser is somebody's.
type browser struct {
	*kit
	http.Client
	t      *testing.T
	header http.Header
}

func (k *kit) browser(t *testing.T) *browser {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	b := &browser{kit: k, t: t, header: http.Header{"Accept-Language": {"en"}}}
	b.Jar = jar
	b.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return b
}

// password is everybody's.
const password = "correct horse battery"

// staff has somebody of a role who has chosen his password and signed in.
func (k *kit) staff(t *testing.T, name string, role console.Role) *browser {
	t.Helper()
	code, err := k.console.Add(t.Context(), name, role)
	if err != nil {
		t.Fatal(err)
	}
	b := k.browser(t)
	if a := b.post("/setup", "code", code, "password", password, "again", password); a.status != http.StatusSeeOther {
		t.Fatalf("choosing a password answered %d: %s", a.status, a.body)
	}
	return b
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (b *browser) do(r *http.Request, err error) answer {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	for name, values := range b.header {
		r.Header[name] = values
	}
	resp, err := b.Client.Do(r)
	if err != nil {
		b.t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

func (b *browser) get(path string) answer {
	b.t.Helper()
	return b.do(http.NewRequestWithContext(b.t.Context(), http.MethodGet, b.url+path, nil))
}

// post sends a form of fields, given in pairs, as a page of ours would: with its word.
func (b *browser) post(path string, pairs ...string) answer {
	b.t.Helper()
	return b.postWith(b.word(), path, pairs...)
}

func (b *browser) postWith(word, path string, pairs ...string) answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		form.Set(pairs[i], pairs[i+1])
	}
	if word != "" {
		form.Set("word", word)
	}
	r, err := http.NewRequestWithContext(b.t.Context(), http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err == nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	return b.do(r, err)
}

var words = regexp.MustCompile(`name="word" value="([0-9a-f]{64})"`)

// word is that of the pages of who is signed in; empty for nobody.
func (b *browser) word() string {
	b.t.Helper()
	if m := words.FindStringSubmatch(b.get("/me").body); m != nil {
		return m[1]
	}
	return ""
}

// cookie is the session's.
func (b *browser) cookie() string {
	at, _ := url.Parse(b.url)
	for _, c := range b.Jar.Cookies(at) {
		if c.Name == "wsite-console" {
			return c.Value
		}
	}
	return ""
}

func (b *browser) signIn(name, secret string) answer {
	b.t.Helper()
	return b.post("/sign-in", "name", name, "password", secret)
}

func (b *browser) signedIn() bool {
	b.t.Helper()
	return b.get("/me").status == http.StatusOK
}
