package wechat_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"syscall"
	"testing"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// A transport may say anything, and be silent about how far it got.
func TestErrorsOfTransportsAreRebuilt(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		err   error
		again bool // the second host is asked
		is    error
	}{
		{"an unknown error may have left", errors.New("odd: " + secret + " " + code), false, nil},
		{"a URL inside a URL", &url.Error{Op: "Get", URL: "https://x/?secret=" + secret, Err: errors.New("proxy: https://x/?secret=" + secret)}, false, nil},
		{"a code in several lines", errors.New("odd\r\n" + code[:9] + "\n" + code[9:]), false, nil},
		{"a wrapped URL", fmt.Errorf("trying: %w", &url.Error{Op: "Get", URL: "https://x/?secret=" + secret, Err: io.EOF}), false, nil},
		{"a reset", &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}, false, syscall.ECONNRESET},
		{"a dial", &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}, true, syscall.ECONNREFUSED},
		{"a name that leads nowhere", &net.DNSError{Err: "no such host " + code, Name: "api.weixin.qq.com"}, true, nil},
		{"a certificate", &tls.CertificateVerificationError{Err: errors.New("bad " + code)}, false, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var asked int
			c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(*http.Request) (*http.Response, error) {
				asked++
				return nil, tc.err
			})}})
			_, err := exchange(c)
			e := want(t, err, wechat.ClassRetry)
			if tc.is != nil && !errors.Is(e, tc.is) {
				t.Errorf("%v is not %v", e, tc.is)
			}
			if s := e.Error(); strings.Contains(s, `Get "`) || strings.ContainsAny(s, "\r\n") {
				t.Errorf("the error repeats a URL or has lines: %q", s)
			}
			if (asked == 2) != tc.again {
				t.Errorf("asked %d hosts", asked)
			}
		})
	}
}

// A transport that tells how far it got is believed.
func TestTracesTellWhetherARequestLeft(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		got   func(*httptrace.ClientTrace)
		again bool
	}{
		{"no connection", func(h *httptrace.ClientTrace) { h.GetConn("") }, true},
		{"the head was written", func(h *httptrace.ClientTrace) { h.GetConn(""); h.WroteHeaders() }, false},
		{"the request was written", func(h *httptrace.ClientTrace) {
			h.GetConn("")
			h.WroteRequest(httptrace.WroteRequestInfo{Err: io.ErrShortWrite})
		}, false},
		{"a dial, but of the second connection", func(h *httptrace.ClientTrace) { h.GetConn(""); h.WroteHeaders(); h.GetConn("") }, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			asked := 0
			c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
				asked++
				tc.got(httptrace.ContextClientTrace(r.Context()))
				return nil, &net.OpError{Op: "dial", Err: syscall.ECONNREFUSED}
			})}})
			_, err := exchange(c)
			if want(t, err, wechat.ClassRetry); (asked == 2) != tc.again {
				t.Errorf("asked %d hosts", asked)
			}
		})
	}
}

// Values too short to look like credentials, and in the form that URLs give them.
func TestShortAndEncodedSecretsAreRedacted(t *testing.T) {
	t.Parallel()
	answer := `{"openid":"o-1","access_token":"t/k+="}`
	c := newClient(t, wechat.Config{HTTP: &http.Client{Transport: tripper(func(r *http.Request) (*http.Response, error) {
		if answer == "" {
			return nil, errors.New("odd: " + r.URL.RawQuery)
		}
		return reply(http.StatusOK, answer), nil
	})}})
	g, err := c.Exchange(t.Context(), appID, "hushhush", "c0de")
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, answer string }{
		{"in an errmsg", refusal(40029, "secret hushhush, code c0de, token t/k+= or t%2Fk%2B%3D, openid o-1")},
		{"in an error of the transport", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			answer = tc.answer
			_, err := c.Exchange(t.Context(), appID, "hushhush", "c0de")
			_, err2 := c.UserInfo(t.Context(), g)
			if check(t, err) == nil || check(t, err2) == nil {
				t.Fatal("no error")
			}
			for _, secret := range []string{"hushhush", "c0de"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("shows %q: %v", secret, err)
				}
			}
			for _, secret := range []string{"t/k", "t%2Fk", "o-1"} {
				if strings.Contains(err2.Error(), secret) {
					t.Errorf("shows %q: %v", secret, err2)
				}
			}
		})
	}
}
