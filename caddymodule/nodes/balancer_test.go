package nodes

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// balancer sends requests for the origin to a node that is in rotation, at random, and
// judges every answer. Everything else it lets pass.
type balancer struct {
	host  string
	all   []*node
	other http.RoundTripper
	weather

	mu       sync.Mutex
	rotation []*node
	requests atomic.Int64
	retries  atomic.Int64
}

// Kinds of errors that aren't one of the gateway's own codes.
const (
	kindCut  = "connection refused or cut"
	kindLate = "no answer in time"
)

func newBalancer(t testing.TB, w *world) *balancer {
	b := &balancer{host: strings.TrimPrefix(w.origin, "http://"), all: w.nodes, other: &http.Transport{MaxIdleConnsPerHost: 256}, rotation: slices.Clone(w.nodes)}
	b.errors = map[string]int{}
	for _, n := range w.nodes {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan struct{})
		go func() {
			defer close(done)
			b.watch(ctx, n)
		}()
		t.Cleanup(func() { cancel(); <-done })
	}
	return b
}

// watch takes a node into rotation, and out of it, as it says whether it is ready.
func (b *balancer) watch(ctx context.Context, n *node) {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			b.rotate(n, n.ready(ctx) == nil)
		}
	}
}

// rotate takes a node into rotation or out of it.
func (b *balancer) rotate(n *node, in bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch is := slices.Contains(b.rotation, n); {
	case in && !is:
		b.rotation = append(b.rotation, n)
	case !in && is:
		b.rotation = slices.DeleteFunc(slices.Clone(b.rotation), func(o *node) bool { return o == n })
	}
}

// inRotation says whether visitors are sent to a node.
func (b *balancer) inRotation(n *node) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Contains(b.rotation, n)
}

// pick is a node in rotation; any, if none is.
func (b *balancer) pick() *node {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.rotation) == 0 {
		return b.all[rand.IntN(len(b.all))]
	}
	return b.rotation[rand.IntN(len(b.rotation))]
}

type nodeKey struct{}

// at has the requests of a context go to one node.
func at(ctx context.Context, n *node) context.Context { return context.WithValue(ctx, nodeKey{}, n) }

// RoundTrip sends a request to a node. A GET whose connection was refused or cut before any
// answer goes to another one, as every balancer does it; those are counted apart.
func (b *balancer) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != b.host {
		return b.other.RoundTrip(r)
	}
	chosen, fixed := r.Context().Value(nodeKey{}).(*node)
	for try := 0; ; try++ {
		n := chosen
		if !fixed {
			n = b.pick()
		}
		began := time.Now()
		resp, err := n.transport.RoundTrip(r)
		b.requests.Add(1)
		if err == nil {
			return b.judge(n, r, began, resp)
		}
		if errors.Is(err, syscall.ECONNREFUSED) {
			b.rotate(n, false)
		}
		kind := kindCut
		if r.Context().Err() != nil || gaveUp(err) {
			kind = kindLate
		}
		if kind == kindCut && r.Method == http.MethodGet && !fixed && try < 3 {
			b.retries.Add(1)
			continue
		}
		b.blame(n, kind, began, r.Method+" "+r.URL.Path+": "+err.Error())
		return nil, err
	}
}

// gaveUp says that the visitor's patience was over. A client may hear of that before its
// request's context says so; sent again to a node that is well, the request would be held
// against that one.
func gaveUp(err error) bool {
	var late net.Error
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &late) && late.Timeout() || strings.Contains(err.Error(), "request canceled")
}

var refusalCode = regexp.MustCompile(`<p class="code">([a-z_]*)</p>|"code":"([a-z_]*)"`)

// judge reads an answer. What no visitor should see is held against the weather.
func (b *balancer) judge(n *node, r *http.Request, began time.Time, resp *http.Response) (*http.Response, error) {
	body, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	if err != nil {
		b.blame(n, kindCut, began, r.Method+" "+r.URL.Path+": "+err.Error())
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	code := resp.Header.Get("X-User-Bind-Error")
	if resp.StatusCode >= 400 && resp.StatusCode != http.StatusUnauthorized {
		code = fmt.Sprint("status ", resp.StatusCode)
		if m := refusalCode.FindSubmatch(body); m != nil {
			code = string(m[1]) + string(m[2])
		}
		if resp.StatusCode == http.StatusServiceUnavailable && resp.Header.Get("Retry-After") == "" {
			code += " without Retry-After"
		}
	}
	if code != "" && code != "session_ended" {
		b.blame(n, code, began, fmt.Sprintf("%s %s: %d %.300s", r.Method, r.URL.Path, resp.StatusCode, body))
	}
	return resp, nil
}
