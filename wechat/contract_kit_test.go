package wechat_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The accounts of the contract tests: one of the same subject as [appID], and one
// of none.
const (
	appOther = "wx00000000000000bb"
	appLone  = "wx00000000000000cc"
)

const (
	exchangePath = "/sns/oauth2/access_token"
	userInfoPath = "/sns/userinfo"
)

// hasty is the timeout of a client whose WeChat never answers in time. The tests
// wait for it in real time, and a loaded machine must answer everything else
// within it.
const hasty = time.Second

// stage is the simulator with the client in front of it. The API has two hosts,
// so that a call which moves on to the next one is seen.
type stage struct {
	*wechatsim.Server
	client *wechat.Client
	hosts  []string
	site   *callbacks

	mu   sync.Mutex
	got  []string // paths
	edit func(url.Values) (path string)
}

// newStage starts everything. A request is counted when it arrives, so that one
// without an answer counts, too.
func newStage(t testing.TB, opts ...func(*wechatsim.Options)) *stage {
	t.Helper()
	account := func(id, subject string) wechatsim.Account {
		return wechatsim.Account{AppID: id, Secret: secret, Name: id, Subject: subject, Domains: []string{"127.0.0.1"}, Sandbox: true}
	}
	cast := func(o *wechatsim.Options) {
		o.Accounts = []wechatsim.Account{account(appID, "acme"), account(appOther, "acme"), account(appLone, "")}
	}
	s := &stage{site: startCallbacks(t)}
	s.Server = wechatsim.StartT(t, append([]func(*wechatsim.Options){cast}, opts...)...)
	for range 2 {
		host := httptest.NewServer(http.HandlerFunc(s.arrive))
		t.Cleanup(host.Close)
		s.hosts = append(s.hosts, host.URL)
	}
	s.client = s.newClient(t, wechat.Config{})
	return s
}

func (s *stage) arrive(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.got = append(s.got, r.URL.Path)
	edit := s.edit
	s.mu.Unlock()
	if edit != nil {
		q := r.URL.Query()
		if path := edit(q); path != "" {
			r.URL.Path = path
		}
		r.URL.RawQuery = q.Encode()
	}
	s.World().ServeHTTP(w, r)
}

// newClient makes a client of this WeChat whose clock is the simulator's.
func (s *stage) newClient(t testing.TB, cfg wechat.Config) *wechat.Client {
	t.Helper()
	cfg.OpenURL = s.URL
	if cfg.Hosts == nil {
		cfg.Hosts = s.hosts
	}
	if cfg.Now == nil {
		cfg.Now = s.Now
	}
	return newClient(t, cfg)
}

// change lets every request be changed on its way to WeChat, for mistakes that the
// client doesn't make. A path that isn't empty replaces the request's own.
func (s *stage) change(edit func(url.Values) (path string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.edit = edit
}

// calls counts the requests to a path since the last forget.
func (s *stage) calls(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, got := range s.got {
		if got == path {
			n++
		}
	}
	return n
}

func (s *stage) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.got = nil
}

// state is what the tests send to WeChat and want back: all that is permitted.
var state = strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ00", 2)

// loginURL is the address that the client sends a visitor to.
func (s *stage) loginURL(t testing.TB, app string, scope wechat.Scope) string {
	t.Helper()
	to, err := s.client.AuthorizeURL(wechat.Authorize{
		AppID: app, Scope: scope, State: state,
		RedirectURI: s.site.URL + "/cb?r=" + url.QueryEscape(awkward),
	})
	if err != nil {
		t.Fatal(err)
	}
	return to
}

// awkward is a value in the redirect URI that has to survive the journey.
const awkward = "/a b?x=1&scope=y#你"

// code walks a person through a login, consent included, and takes the code off
// the callback.
func (s *stage) code(t testing.TB, person, app string, scope wechat.Scope) string {
	t.Helper()
	s.site.forget()
	s.phone(t, person).login(s.loginURL(t, app, scope), "allow")
	q := s.site.only(t)
	if q.Get("code") == "" || q.Get("state") != state || q.Get("r") != awkward {
		t.Fatalf("the callback came with %v", q)
	}
	return q.Get("code")
}

// login is code and its exchange.
func (s *stage) login(t testing.TB, person, app string, scope wechat.Scope) wechat.Grant {
	t.Helper()
	g, err := s.client.Exchange(t.Context(), app, secret, s.code(t, person, app, scope))
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// outcome is what a call must come to.
type outcome struct {
	class   wechat.Class // "" is success
	errcode int
	calls   int // how many requests arrived
}

// verdict compares a call with what it must come to. The error must show none of
// the words that were sent.
func (s *stage) verdict(t testing.TB, path string, err error, must outcome, words ...string) *wechat.Error {
	t.Helper()
	if n := s.calls(path); n != must.calls {
		t.Errorf("%d requests arrived at %s, want %d", n, path, must.calls)
	}
	if must.class == "" {
		if err != nil {
			t.Fatalf("got %v", err)
		}
		return nil
	}
	e := want(t, err, must.class)
	if e.Code != must.errcode || e.API != strings.TrimPrefix(path, "/") {
		t.Errorf("errcode %d of %s, want %d of %s", e.Code, e.API, must.errcode, path)
	}
	if must.class == wechat.ClassConfig && e.Hint == "" {
		t.Error("the operator must act and isn't told how")
	}
	for _, word := range words {
		if word != "" && strings.Contains(fmt.Sprintf("%v %+v", e, *e), word) {
			t.Errorf("the error shows what was sent: %v", e)
		}
	}
	return e
}
