package wechat

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
)

// maxAnswer bounds what is read of an answer, in bytes after decompression. The
// largest honest one is a page of 10,000 openids, of some 320 kB.
const maxAnswer = 1 << 20

// ErrNoHost says that every host failed so often that it is left alone for now.
var ErrNoHost = errors.New("every host is left alone after repeated failures")

// host is one address of WeChat's API with its circuit breaker.
type host struct {
	base    string
	breaker *gobreaker.CircuitBreaker[response]
}

// response is what a host answered, whatever it means.
type response struct {
	status      int
	contentType string
	body        []byte
}

func newHost(base string, trip uint32, cool time.Duration) *host {
	if trip == 0 {
		trip = 5
	}
	if cool <= 0 {
		cool = 10 * time.Second
	}
	return &host{base: base, breaker: gobreaker.NewCircuitBreaker[response](gobreaker.Settings{
		Name:        base,
		Timeout:     cool,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= trip },
		// A visitor who went away says nothing about the host.
		IsExcluded: func(err error) bool {
			var f *failure
			return errors.As(err, &f) && f.gaveUp
		},
	})}
}

// name is the host without the scheme, for errors.
func (h *host) name() string {
	_, name, _ := strings.Cut(h.base, "://")
	return name
}

// Reachable says whether one of the hosts at least isn't left alone after repeated
// failures. Before the first call all are taken to be there.
func (c *Client) Reachable() bool {
	for _, h := range c.hosts {
		if h.breaker.State() != gobreaker.StateOpen {
			return true
		}
	}
	return false
}

// failure is an attempt that brought no answer.
type failure struct {
	host   string
	cause  error
	left   bool // the request may have reached WeChat
	gaveUp bool // the caller went away, which is not the host's fault
}

func (f *failure) Error() string { return fmt.Sprintf("%s: %v", f.host, f.cause) }
func (f *failure) Unwrap() error { return f.cause }

// fetch asks the hosts in order until one answers. Once the request may have
// left, only an idempotent call goes on to the next host: WeChat may have
// taken the code although its answer got lost (wechat-api.md §5).
func (c *Client) fetch(ctx context.Context, q query) (response, error) {
	if err := ctx.Err(); err != nil {
		return response{}, q.clean(err)
	}
	last := ErrNoHost
	for _, h := range c.hosts {
		r, err := h.breaker.Execute(func() (response, error) { return c.attempt(ctx, h, q) })
		if err == nil {
			return r, nil
		}
		var f *failure
		if !errors.As(err, &f) {
			continue // the breaker refused
		}
		last = err
		if ctx.Err() != nil || f.left && !q.idempotent {
			break
		}
	}
	return response{}, last
}

// attempt asks one host once. Its errors are of type [*failure].
func (c *Client) attempt(ctx context.Context, h *host, q query) (response, error) {
	own, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	var t trace
	req, err := q.request(httptrace.WithClientTrace(own, t.hooks()), h.base)
	if err != nil {
		return response{}, &failure{host: h.name(), cause: q.clean(err)}
	}

	fail := func(err error, left bool) (response, error) {
		if left {
			c.usage.sent(q, c.now())
		}
		return response{}, &failure{host: h.name(), cause: q.clean(err), left: left, gaveUp: errors.Is(ctx.Err(), context.Canceled)}
	}
	res, err := c.http.Do(req)
	if err != nil {
		return fail(err, t.left(err))
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, q.most()+1))
	if err != nil {
		return fail(err, true)
	}
	if res.StatusCode >= http.StatusInternalServerError {
		// A gateway in front of WeChat speaks, unless the body has a code.
		var head head
		if err := readAnswer(body, &head); err != nil || head.ErrCode == 0 {
			return fail(fmt.Errorf("HTTP status %d", res.StatusCode), true)
		}
	}
	c.usage.sent(q, c.now())
	return response{status: res.StatusCode, contentType: res.Header.Get("Content-Type"), body: body}, nil
}

// request is the query as HTTP, to one host.
func (q query) request(ctx context.Context, base string) (*http.Request, error) {
	to := base + "/" + q.api
	if len(q.params) > 0 {
		to += "?" + q.params.Encode()
	}
	var body io.Reader
	if q.payload != nil {
		// The transport can rewind it, which it does only if nothing was written.
		body = bytes.NewReader(q.payload)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, to, body)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "application/json")
	req.Header.Set("User-Agent", "caddy-wsite")
	switch {
	case q.payload != nil:
		req.Header.Set("Content-Type", q.contentType)
	case !q.idempotent:
		// The transport repeats a GET by itself when a kept connection dies
		// under it, but not one with a body that it can't rewind. Nothing of
		// this empty body gets onto the wire.
		req.Body = io.NopCloser(strings.NewReader(""))
	}
	return req, nil
}

// trace notes how far a request got.
type trace struct{ asked, wrote atomic.Bool }

func (t *trace) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		GetConn:      func(string) { t.asked.Store(true) },
		WroteHeaders: func() { t.wrote.Store(true) },
		WroteRequest: func(httptrace.WroteRequestInfo) { t.wrote.Store(true) },
	}
}

// left says whether a failed request may have reached the host. A transport that
// tells no traces is believed only where the error can't come from later.
func (t *trace) left(err error) bool {
	if t.wrote.Load() {
		return true
	}
	return !t.asked.Load() && !dialError(err)
}
