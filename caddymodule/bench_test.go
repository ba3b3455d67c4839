package caddymodule

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// mostAdded is how many allocations the gateway may add to a request of somebody it
// knows.
const mostAdded = 12

// hotRequest is a request of a visitor who is signed in, as often as one likes.
type hotRequest struct {
	handler *Handler
	ctx     context.Context
	header  http.Header // as it came in
	r       *http.Request
	w       discarder
}

// discarder is an answer that nobody reads.
type discarder struct{ header http.Header }

func (d discarder) Header() http.Header       { return d.header }
func (discarder) Write(b []byte) (int, error) { return len(b), nil }
func (discarder) WriteHeader(int)             {}

// startQuiet starts a gateway whose server logs nothing: its lines would stand between
// those of the benchmarks.
func startQuiet(tb testing.TB, changes ...string) *gateway {
	return startGateway(tb, append([]string{"admin off", "admin off\n\tlog {\n\t\toutput discard\n\t}"}, changes...)...)
}

// nothing is a next handler that answers without effort.
func nothing(w http.ResponseWriter, _ *http.Request) error {
	w.WriteHeader(http.StatusOK)
	return nil
}

func newHotRequest(g *gateway) *hotRequest {
	ming := g.phone("ming")
	ming.open(g.at(appA, "shop", "/"))
	var cookies []string
	for name, value := range ming.cookies(g.url) {
		cookies = append(cookies, name+"="+value)
	}
	h := &hotRequest{handler: &Handler{app: g.app}, w: discarder{http.Header{}}}
	h.header = http.Header{
		"User-Agent": {uaAndroid}, "Accept": {"text/html,application/xhtml+xml"}, "Accept-Language": {"zh-CN,zh;q=0.9"},
		"X-Requested-With": {"com.tencent.mm"},
		"Cookie":           {"theme=dark; " + strings.Join(cookies, "; ") + "; cart=17f3a2c4"},
	}
	h.r = httptest.NewRequest(http.MethodGet, g.at(appA, "shop", "/items?page=2"), nil)
	h.r.RequestURI = h.r.URL.RequestURI()
	h.ctx = context.WithValue(h.r.Context(), caddyhttp.VarsCtxKey, map[string]any{})
	h.r = h.r.WithContext(h.ctx)
	h.r.Header = http.Header{}
	return h
}

// fresh makes the request what it was before it was served.
func (h *hotRequest) fresh() *http.Request {
	clear(h.r.Header)
	for name, values := range h.header {
		h.r.Header[name] = values
	}
	clear(h.w.header)
	return h.r.WithContext(context.WithValue(h.ctx, caddy.ReplacerCtxKey, caddy.NewEmptyReplacer()))
}

// serve has the gateway serve it.
func (h *hotRequest) serve() error {
	return h.handler.ServeHTTP(h.w, h.fresh(), caddyhttp.HandlerFunc(nothing))
}

// added is how many allocations the gateway adds.
func (h *hotRequest) added(tb testing.TB) float64 {
	tb.Helper()
	if err := h.serve(); err != nil {
		tb.Fatal(err)
	}
	if h.r.Header.Get(headerUser) == "" {
		tb.Fatal("the visitor isn't recognised")
	}
	with := testing.AllocsPerRun(1000, func() { _ = h.serve() })
	without := testing.AllocsPerRun(1000, func() { _ = nothing(h.w, h.fresh()) })
	return with - without
}

func TestHotPath_allocatesLittle(t *testing.T) {
	h := newHotRequest(startGateway(t))
	if n := h.added(t); n > mostAdded {
		t.Errorf("the gateway adds %v allocations to a request, of at most %d", n, mostAdded)
	}
}

// BenchmarkHotPath is a request of somebody the gateway knows, from its arrival to
// the next handler and back.
func BenchmarkHotPath(b *testing.B) {
	h := newHotRequest(startQuiet(b))
	added := h.added(b)
	b.Run("without", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			_ = nothing(h.w, h.fresh())
		}
	})
	b.Run("gateway", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := h.serve(); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(added, "allocs-added/op")
	})
}

// BenchmarkLogin is the end of a login, from the callback's arrival to its answer,
// with the simulator's work in it.
func BenchmarkLogin(b *testing.B) {
	for _, kind := range []string{"returning", "new"} {
		b.Run(kind, func(b *testing.B) {
			g := startQuiet(b)
			people := map[string][]string{"returning": {"ming"}}[kind]
			for i := 0; kind == "new" && i < b.N; i++ {
				people = append(people, fmt.Sprintf("visitor-%d", i))
				if err := g.sim.Add(wechatsim.Person{Name: people[i]}); err != nil {
					b.Fatal(err)
				}
			}
			requests := make([]*http.Request, b.N)
			for i := range requests {
				requests[i] = g.callbackOf(people[i%len(people)])
			}
			handler := &Handler{app: g.app}
			var next atomic.Int64
			b.ReportAllocs()
			b.SetParallelism(16)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					w := httptest.NewRecorder()
					if err := handler.ServeHTTP(w, requests[next.Add(1)-1], caddyhttp.HandlerFunc(nothing)); err != nil || w.Code != http.StatusSeeOther {
						b.Errorf("a callback is answered %d, %v", w.Code, err)
						return
					}
				}
			})
		})
	}
}

// callbackOf does a person's login up to its last request, and returns that.
func (g *gateway) callbackOf(person string) *http.Request {
	g.t.Helper()
	p := g.phone(person)
	page := p.step(g.at(appA, "game", "/")) // whose login begins with a redirect
	location := p.step(page.Header.Get("Location")).Header.Get("Location")
	u, err := url.Parse(location)
	if err != nil || !strings.HasPrefix(location, g.url) {
		g.t.Fatal("WeChat doesn't lead back")
	}
	r := httptest.NewRequest(http.MethodGet, location, nil)
	r.RequestURI = u.RequestURI()
	r.Header = http.Header{"User-Agent": {uaAndroid}, "Accept": {"text/html"}}
	for name, value := range p.cookies(g.url) {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

// BenchmarkMemory100k says how much memory 100,000 visitors take who are signed in
// and whose tokens are signed, each in a request with other cookies too.
func BenchmarkMemory100k(b *testing.B) {
	const visitors, workers = 100_000, 256
	for b.Loop() {
		g := startQuiet(b, "origin ORIGIN", "origin ORIGIN\n\t\tcache_size 200000")
		rt, _, ref := g.app.route(context.Background(), "/wsite/"+appA+"/shop/")
		if ref != nil {
			b.Fatal(ref)
		}
		before := heap()
		var next atomic.Int64
		var all sync.WaitGroup
		for range workers {
			all.Go(func() {
				for i := next.Add(1); i <= visitors; i = next.Add(1) {
					if err := g.firstVisit(b.Context(), rt, int(i)); err != nil {
						b.Error(err)
						return
					}
				}
			})
		}
		all.Wait()
		if n := g.app.visitors.len(); n != visitors {
			b.Fatalf("%d visitors are in memory", n)
		}
		b.ReportMetric(float64(heap()-before)/visitors, "B/session")
		runtime.KeepAlive(g)
	}
}

// firstVisit is the first request of a visitor whose login has ended.
func (g *gateway) firstVisit(ctx context.Context, rt route, i int) error {
	s := &session{AppID: appA, OpenID: fmt.Sprintf("o%027d", i), Granted: grantedBase, At: time.Now().Truncate(time.Second)}
	g.app.random(s.ID[:])
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, g.url, nil)
	if err != nil {
		return err
	}
	// As the server makes it: one string for the whole header.
	r.Header["Cookie"] = []string{strings.Clone(g.app.jar.prefix + appA + "=" + g.app.box.sealSession(s) + "; analytics=" + strings.Repeat("0123456789", 50))}
	v, err := g.app.recognise(r, rt)
	if err != nil {
		return err
	}
	_, err = g.app.speak(ctx, v, g.app.now())
	return err
}

// heap is how much memory is in use.
func heap() uint64 {
	var mem runtime.MemStats
	runtime.GC()
	runtime.GC()
	runtime.ReadMemStats(&mem)
	return mem.HeapAlloc
}
