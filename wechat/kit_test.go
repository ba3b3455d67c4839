package wechat_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// The canaries stand for what must never be seen in an error. They have the form
// of the real things.
const (
	appID  = "wx0123456789abcdef"
	secret = "5ec4e7ca7a4d1e5ec4e7ca7a4d1e5ec4"
	code   = "0c0deCanary0c0deCanary0c0deCana1"
	token  = "59_t0kenCanary-t0kenCanary_t0kenCanary"
	openid = "oABCD1v9VKtd2r7BrUqRSGnymyH_Q"
	union  = "oUnionCanaryUnionCanary_12345"
)

const grantJSON = `{"access_token":"` + token + `","expires_in":7200,"refresh_token":"59_refreshCanaryrefreshCanary","openid":"` + openid + `","scope":"snsapi_userinfo"}`

// check fails if any way of printing an error shows a canary, and returns the
// error as what every call promises.
func check(t testing.TB, err error) *wechat.Error {
	t.Helper()
	for e := err; e != nil; e = errors.Unwrap(e) {
		j, _ := json.Marshal(e)
		for _, s := range []string{e.Error(), fmt.Sprintf("%v %+v %#v %q", e, e, e, e), string(j)} {
			for _, canary := range []string{secret, code, token, openid, union, "Canary", secret[:12]} {
				if strings.Contains(s, canary) {
					t.Errorf("the error shows %q: %s", canary, s)
				}
			}
		}
	}
	var e *wechat.Error
	if err != nil && !errors.As(err, &e) {
		t.Fatalf("the error is a %T: %v", err, err)
	}
	return e
}

// want fails unless err is of a class.
func want(t testing.TB, err error, class wechat.Class) *wechat.Error {
	t.Helper()
	e := check(t, err)
	if e == nil {
		t.Fatalf("no error, want class %s", class)
	}
	if e.Class != class {
		t.Fatalf("class %s, want %s: %v", e.Class, class, err)
	}
	return e
}

// newClient makes a client that waits for nothing and has no luck.
func newClient(t testing.TB, cfg wechat.Config) *wechat.Client {
	t.Helper()
	if cfg.Sleep == nil {
		cfg.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
	}
	if cfg.Rand == nil {
		cfg.Rand = func(int) int { return 0 }
	}
	c, err := wechat.NewClient(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// weixin is a host that counts its requests.
type weixin struct {
	URL string
	mu  sync.Mutex
	got []string // paths
}

func (w *weixin) calls() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got)
}

func serve(t testing.TB, h http.HandlerFunc) *weixin {
	t.Helper()
	w := new(weixin)
	s := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.got = append(w.got, r.URL.Path)
		w.mu.Unlock()
		h(rw, r)
	}))
	t.Cleanup(s.Close)
	w.URL = s.URL
	return w
}

// says answers everything with a body, as WeChat does: as plain text.
func says(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = io.WriteString(w, body)
	}
}

// refused is the address of a port where nobody listens.
func refused(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return "http://" + l.Addr().String()
}

// tripper plays the transport without a network.
type tripper func(*http.Request) (*http.Response, error)

func (f tripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func reply(status int, body string) *http.Response {
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
}

// exchange is Exchange with the canaries.
func exchange(c *wechat.Client) (wechat.Grant, error) {
	return c.Exchange(context.Background(), appID, secret, code)
}

// granted exchanges at a server that answers the exchange properly.
func granted(t testing.TB, c *wechat.Client) wechat.Grant {
	t.Helper()
	g, err := exchange(c)
	if err != nil {
		t.Fatal(err)
	}
	return g
}
