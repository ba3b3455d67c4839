package wechat_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// A request that surely never left goes to the next host, code or not.
func TestTheNextHostTakesWhatNeverLeft(t *testing.T) {
	t.Parallel()
	untrusted := httptest.NewUnstartedServer(says(`{"openid":"oWrongHost","access_token":"T"}`))
	untrusted.Config.ErrorLog = nil
	untrusted.StartTLS()
	t.Cleanup(untrusted.Close)
	silent := deaf(t)
	for _, tc := range []struct {
		name, first string
	}{
		{"the connection is refused", refused(t)},
		{"the certificate is not trusted", untrusted.URL},
		{"the name does not exist", "https://no-such-name.invalid"},
		{"the TLS handshake takes too long", "https://" + silent},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			second := serve(t, says(grantJSON))
			c := newClient(t, wechat.Config{Hosts: []string{tc.first, second.URL}, Timeout: 2 * time.Second, HTTP: offline()})
			if g := granted(t, c); g.OpenID != openid {
				t.Errorf("got %v", g)
			}
			alone := newClient(t, wechat.Config{Hosts: []string{tc.first}, Timeout: 2 * time.Second, HTTP: offline()})
			_, err := exchange(alone)
			e := want(t, err, wechat.ClassRetry)
			u, _ := url.Parse(tc.first)
			if e.Err == nil || !strings.Contains(e.Error(), u.Host) || e.Hint == "" {
				t.Errorf("the error does not name the host: %v", e)
			}
		})
	}
}

// offline knows no name server and is impatient with handshakes.
func offline() *http.Client {
	dialer := &net.Dialer{}
	return &http.Client{Transport: &http.Transport{
		TLSHandshakeTimeout: 100 * time.Millisecond,
		DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			if host, _, _ := net.SplitHostPort(addr); strings.HasSuffix(host, ".invalid") {
				return nil, &net.OpError{Op: "dial", Net: network, Err: &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}}
			}
			return dialer.DialContext(ctx, network, addr)
		},
	}}
}

// deaf is an address that takes connections and says nothing.
func deaf(t testing.TB) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().String()
}

// Once the request may have left, a code is not sent again: WeChat may have taken
// it. A query that changes nothing is.
func TestACodeThatMayHaveLeftIsNotSentAgain(t *testing.T) {
	t.Parallel()
	hijack := func(w http.ResponseWriter, answer string) {
		conn, buf, err := w.(http.Hijacker).Hijack()
		if err != nil {
			panic(err)
		}
		_, _ = buf.WriteString(answer)
		_ = buf.Flush()
		conn.Close()
	}
	for _, tc := range []struct {
		name   string
		first  http.HandlerFunc
		reason error
	}{
		{"no answer in time", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, context.DeadlineExceeded},
		{"half an answer, then silence", func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, grantJSON)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, context.DeadlineExceeded},
		{"hung up", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "") }, nil},
		{"half an answer, then hung up", func(w http.ResponseWriter, _ *http.Request) {
			hijack(w, "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"+grantJSON)
		}, nil},
		{"no HTTP", func(w http.ResponseWriter, _ *http.Request) { hijack(w, "SMTP "+code+"\r\n\r\n") }, nil},
		{"a gateway's error", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusBadGateway)
			_, _ = io.WriteString(w, "<html>")
		}, nil},
		{"a gateway's error as JSON", func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "{}")
		}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var broken atomic.Bool
			first := serve(t, func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() {
					tc.first(w, r)
					return
				}
				says(grantJSON)(w, r)
			})
			second := serve(t, says(`{"openid":"`+openid+`","access_token":"T","nickname":"from the second"}`))
			c := newClient(t, wechat.Config{Hosts: []string{first.URL, second.URL}, Timeout: 300 * time.Millisecond})
			g := granted(t, c)
			broken.Store(true)

			_, err := exchange(c)
			e := want(t, err, wechat.ClassRetry)
			if tc.reason != nil && !errors.Is(e, tc.reason) {
				t.Errorf("reason %v", e)
			}
			if n, m := first.calls(), second.calls(); n != 2 || m != 0 {
				t.Fatalf("the code was sent %d times to the first host and %d times to the second", n-1, m)
			}
			u, err := c.UserInfo(t.Context(), g)
			if check(t, err) != nil || u.Nickname != "from the second" {
				t.Errorf("user info: %q, %v", u.Nickname, err)
			}
		})
	}
}

// The standard library repeats a GET by itself when a kept connection dies after
// the request was written. It must not do so with a code.
func TestAKeptConnectionThatDiesDoesNotSpendACodeTwice(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int32
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			// One answer for each connection, then it reads and hangs up.
			r := bufio.NewReader(conn)
			for n := 0; n < 2; n++ {
				if _, err := http.ReadRequest(r); err != nil {
					break
				}
				requests.Add(1)
				if n == 0 {
					fmt.Fprintf(conn, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s", len(grantJSON), grantJSON)
				}
			}
			conn.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	c := newClient(t, wechat.Config{Hosts: []string{"http://" + l.Addr().String()}, HTTP: &http.Client{Transport: transport}})
	granted(t, c)
	_, err = exchange(c)
	want(t, err, wechat.ClassRetry)
	if n := requests.Load(); n != 2 {
		t.Errorf("the second code arrived %d times", n-1)
	}
}

func TestErrcodesStayAtTheirHost(t *testing.T) {
	t.Parallel()
	for _, code := range []int{40029, 40163, 45011, 40164, 12345} {
		t.Run(strconv.Itoa(code), func(t *testing.T) {
			t.Parallel()
			first := serve(t, says(refusal(code, "no")))
			second := serve(t, says(grantJSON))
			_, err := exchange(newClient(t, wechat.Config{Hosts: []string{first.URL, second.URL}}))
			if e := check(t, err); e == nil || e.Code != code {
				t.Errorf("got %v", e)
			}
			if first.calls() != 1 || second.calls() != 0 {
				t.Errorf("%d and %d requests", first.calls(), second.calls())
			}
		})
	}
	t.Run("an errcode with status 500 is an errcode", func(t *testing.T) {
		t.Parallel()
		first := serve(t, func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			says(refusal(40029, "invalid code"))(w, r)
		})
		_, err := exchange(newClient(t, wechat.Config{Hosts: []string{first.URL}}))
		want(t, err, wechat.ClassRestart)
	})
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	trap := serve(t, says(grantJSON))
	for _, status := range []int{301, 302, 303, 307, 308} {
		t.Run(strconv.Itoa(status), func(t *testing.T) {
			t.Parallel()
			host := serve(t, func(w http.ResponseWriter, r *http.Request) {
				http.Redirect(w, r, trap.URL+"/?"+r.URL.RawQuery, status)
			})
			for _, given := range []*http.Client{nil, {}, {CheckRedirect: func(*http.Request, []*http.Request) error { return nil }}} {
				_, err := exchange(newClient(t, wechat.Config{Hosts: []string{host.URL}, HTTP: given}))
				want(t, err, wechat.ClassFault)
			}
			if n := trap.calls(); n != 0 {
				t.Errorf("the target got %d requests", n)
			}
		})
	}
}

func TestTheCallerMayGoAway(t *testing.T) {
	t.Parallel()
	t.Run("before the call nothing is sent", func(t *testing.T) {
		t.Parallel()
		host := serve(t, says(grantJSON))
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		_, err := newClient(t, wechat.Config{Hosts: []string{host.URL}}).Exchange(ctx, appID, secret, code)
		if want(t, err, wechat.ClassRetry); !errors.Is(err, context.Canceled) || host.calls() != 0 {
			t.Errorf("%v, %d requests", err, host.calls())
		}
	})
	t.Run("during the call no other host is asked", func(t *testing.T) {
		t.Parallel()
		g := newScene(t, grantJSON).grant
		ctx, cancel := context.WithCancel(t.Context())
		first := serve(t, func(_ http.ResponseWriter, r *http.Request) { cancel(); <-r.Context().Done() })
		second := serve(t, says(grantJSON))
		c := newClient(t, wechat.Config{Hosts: []string{first.URL, second.URL}})
		_, err := c.UserInfo(ctx, g)
		if want(t, err, wechat.ClassRetry); !errors.Is(err, context.Canceled) || second.calls() != 0 {
			t.Errorf("%v, %d requests at the second host", err, second.calls())
		}
	})
}
