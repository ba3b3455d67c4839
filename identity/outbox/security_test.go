package outbox_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"

	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// TestSecurity are the threats of the catalogue that webhooks could open.
func TestSecurity(t *testing.T) {
	var reached atomic.Int64
	inner := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached.Add(1) }))
	defer inner.Close()
	_, port, _ := net.SplitHostPort(inner.Listener.Addr().String())
	unreached := func(t *testing.T) {
		t.Helper()
		if reached.Load() != 0 {
			t.Error("an inner address was reached")
		}
	}
	// The environment is read once in a process, so this has to be the first.
	t.Run("T221 the environment names no proxy", func(t *testing.T) {
		proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the proxy was asked") }))
		defer proxy.Close()
		for _, name := range []string{"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"} {
			t.Setenv(name, proxy.URL)
		}
		w := webhook(t, "http://orders.example.com:"+port+"/", time.Now, func(c *outbox.WebhookConfig) {
			c.Resolver = answering(t, func(int64) string { return "127.0.0.1" })
		})
		if err := w.Send(t.Context(), anEvent); err != nil || reached.Load() != 1 {
			t.Errorf("it is %v", err)
		}
		reached.Store(0)
	})
	t.Run("T220 a name that leads to a private address reaches nothing", func(t *testing.T) {
		for _, ip := range []string{"127.0.0.1", "10.0.0.1", "169.254.169.254", "100.100.100.200", "0.0.0.0"} {
			w := webhook(t, "https://orders.example.com:"+port+"/", time.Now, func(c *outbox.WebhookConfig) {
				c.Networks, c.Resolver = nil, answering(t, func(int64) string { return ip })
			})
			if got := codeOf(t, w.Send(t.Context(), anEvent)); got != "private_address" {
				t.Errorf("%s is %q", ip, got)
			}
		}
		unreached(t)
	})
	t.Run("T220 a name that turns to a private address later reaches nothing", func(t *testing.T) {
		outer := netNetworks(t, "127.0.0.2/32")
		w := webhook(t, "http://orders.example.com:"+port+"/", time.Now, func(c *outbox.WebhookConfig) {
			c.Networks, c.Resolver = outer, answering(t, func(n int64) string {
				if n == 1 {
					return "127.0.0.2" // an outer address, as it seems
				}
				return "127.0.0.1"
			})
			c.Timeout = time.Minute
		})
		if got := codeOf(t, w.Send(t.Context(), anEvent)); got != "unreachable" {
			t.Errorf("the outer address is %q", got) // nothing listens there
		}
		if got := codeOf(t, w.Send(t.Context(), anEvent)); got != "private_address" {
			t.Errorf("after the turn it is %q", got)
		}
		unreached(t)
	})
	t.Run("T220 plain http never leaves the networks", func(t *testing.T) {
		w := webhook(t, "http://orders.example.com/", time.Now, func(c *outbox.WebhookConfig) {
			c.Resolver = answering(t, func(int64) string { return "93.184.216.34" })
		})
		if got := codeOf(t, w.Send(t.Context(), anEvent)); got != "private_address" {
			t.Errorf("it is %q", got)
		}
	})
	t.Run("T220 a redirect is not followed", func(t *testing.T) {
		for _, status := range []int{301, 302, 303, 307, 308} {
			front := httptest.NewServer(http.RedirectHandler(inner.URL, status))
			if got := codeOf(t, webhook(t, front.URL, time.Now).Send(t.Context(), anEvent)); got != "redirect" {
				t.Errorf("a %d is %q", status, got)
			}
			front.Close()
		}
		unreached(t)
	})
	t.Run("T220 no failure tells the address", func(t *testing.T) {
		w := webhook(t, "https://orders.example.com/hook-of-hunter2", time.Now, func(c *outbox.WebhookConfig) {
			c.Networks, c.Resolver = nil, answering(t, func(int64) string { return "10.0.0.1" })
		})
		if err := w.Send(t.Context(), anEvent); err == nil || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), "orders") {
			t.Errorf("it says %v", err)
		}
	})
}

func netNetworks(t *testing.T, words ...string) outbox.Networks {
	t.Helper()
	n, err := outbox.ParseNetworks(words)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// answering is a resolver whose name server, a real one, gives an address for every
// name; n counts the questions for one.
func answering(t *testing.T, address func(n int64) string) *net.Resolver {
	t.Helper()
	server, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	go func() {
		var asked int64
		buf := make([]byte, 1500)
		for {
			n, from, err := server.ReadFrom(buf)
			if err != nil {
				return
			}
			var m dnsmessage.Message
			if m.Unpack(buf[:n]) != nil || len(m.Questions) != 1 {
				continue
			}
			m.Response, m.Authoritative, m.RecursionAvailable, m.Additionals = true, true, true, nil
			if m.Questions[0].Type == dnsmessage.TypeA {
				asked++
				var ip [4]byte
				copy(ip[:], net.ParseIP(address(asked)).To4())
				m.Answers = []dnsmessage.Resource{{
					Header: dnsmessage.ResourceHeader{Name: m.Questions[0].Name, Type: dnsmessage.TypeA, Class: dnsmessage.ClassINET},
					Body:   &dnsmessage.AResource{A: ip},
				}}
			}
			if answer, err := m.Pack(); err == nil {
				_, _ = server.WriteTo(answer, from)
			}
		}
	}()
	return &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "udp", server.LocalAddr().String())
	}}
}
