package caddymodule

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.opentelemetry.io/otel/attribute"
	otelcodes "go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

// spanRecording stands where Caddy's `tracing` does, and keeps the spans: of that there is
// one provider in a process, which sends them away.
type spanRecording struct {
	Name string `json:"name,omitempty"`
	from *sdktrace.TracerProvider
}

// spanProviders are those of the tests that run, by name.
var spanProviders sync.Map

func init() {
	caddy.RegisterModule(new(spanRecording))
	httpcaddyfile.RegisterHandlerDirective("record_spans", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		s := new(spanRecording)
		if h.Next(); !h.Args(&s.Name) {
			return nil, h.ArgErr()
		}
		return s, nil
	})
}

func (*spanRecording) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.record_spans", New: func() caddy.Module { return new(spanRecording) }}
}

func (s *spanRecording) Provision(caddy.Context) error {
	p, ok := spanProviders.Load(s.Name)
	if !ok {
		return fmt.Errorf("nobody records as %q", s.Name)
	}
	s.from = p.(*sdktrace.TracerProvider)
	return nil
}

func (s *spanRecording) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	ctx, span := s.from.Tracer("test").Start(r.Context(), "request")
	defer span.End()
	return next.ServeHTTP(w, r.WithContext(ctx))
}

// recordSpans is what stands in a Caddyfile to have spans recorded, and the record.
func recordSpans(t *testing.T, sampler sdktrace.Sampler) (line string, spans *tracetest.SpanRecorder) {
	t.Helper()
	spans = tracetest.NewSpanRecorder()
	spanProviders.Store(t.Name(), sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler), sdktrace.WithSpanProcessor(spans)))
	t.Cleanup(func() { spanProviders.Delete(t.Name()) })
	return "\troute {\n\t\trecord_spans " + t.Name() + "\n", spans
}

// directive is what the tests' Caddyfiles have the site's requests go through.
const directive = "\twsite\n\treverse_proxy UPSTREAM\n"

// startTraced starts a gateway that takes pushes and has the API, with a record of its spans.
func startTraced(t *testing.T, sampler sdktrace.Sampler) (*gateway, *tracetest.SpanRecorder) {
	t.Helper()
	record, spans := recordSpans(t, sampler)
	g := startChannels(t, directive, record+directive+"\t}\n",
		"ORIGIN {\n", "http://api.localhost:PORT {\n\tbind 127.0.0.1\n"+record+"\t\twsite_api\n\t}\n}\nORIGIN {\n")
	spans.Reset() // WeChat has tried the address of the pushes
	return g, spans
}

// ours are the names of our spans since the last call, with what became of each. All of
// them have a parent in the trace of their request.
func ours(t *testing.T, spans *tracetest.SpanRecorder) (names []string) {
	t.Helper()
	var requests []string
	ended := spans.Ended()
	spans.Reset()
	for _, s := range ended {
		if s.Name() == "request" {
			requests = append(requests, s.SpanContext().TraceID().String())
			continue
		}
		name := s.Name()
		for _, a := range s.Attributes() {
			if a.Key == "wsite.code" {
				name += " " + a.Value.AsString()
			}
		}
		if s.Status().Code == otelcodes.Error {
			name += " (error)"
		}
		names = append(names, name)
	}
	for _, s := range ended {
		if !slices.Contains(requests, s.SpanContext().TraceID().String()) || s.Name() != "request" && !s.Parent().IsValid() {
			t.Errorf("the span %s is in no request's trace", s.Name())
		}
	}
	return names
}

func wantSpans(t *testing.T, spans *tracetest.SpanRecorder, want ...string) {
	t.Helper()
	if got := ours(t, spans); !slices.Equal(got, want) {
		t.Errorf("the spans are %q, want %q", got, want)
	}
}

func TestTraces(t *testing.T) {
	t.Parallel()
	g, spans := startTraced(t, sdktrace.AlwaysSample())
	p := g.phone("ming")
	t.Run("a login asks WeChat, then the facts, and its page is signed", func(t *testing.T) {
		g.who(p.open(g.at(appA, "shop", "/page")))
		wantSpans(t, spans, "wsite.exchange ok", "wsite.resolve ok", "wsite.resolve ok", "wsite.recognise ok", "wsite.sign ok")
	})
	t.Run("somebody who is known leaves none", func(t *testing.T) {
		for range 10 {
			g.who(p.fetch("GET", g.at(appA, "shop", "/page")))
		}
		wantSpans(t, spans)
	})
	t.Run("somebody who was forgotten is looked up", func(t *testing.T) {
		g.app.visitors.forgetAll()
		g.who(p.fetch("GET", g.at(appA, "shop", "/page")))
		wantSpans(t, spans, "wsite.resolve ok", "wsite.recognise ok", "wsite.sign ok")
	})
	t.Run("a call of the API says which, and how it ended", func(t *testing.T) {
		key := g.apiKey(t, "main", allScopes)
		g.ask(t, key, "GET", "main/events", "").want(t, 200)
		g.ask(t, "", "GET", "main/events", "").want(t, 401)
		g.askAt(t, key, "GET", "/v1/accounts/"+appA+"/wechat/cgi-bin/tags/get", "").want(t, 403)
		wantSpans(t, spans, "wsite.api ok", "wsite.api key_needed", "wsite.api path_not_passed")
	})
	t.Run("a push says whether it was WeChat's", func(t *testing.T) {
		p.send("POST", g.url+"/wsite/-/push/"+appA, nil)
		wantSpans(t, spans, "wsite.push push_refused")
	})
	t.Run("a failure is one", func(t *testing.T) {
		g.loseFacts(t)
		spans.Reset()
		g.app.visitors.forgetAll()
		g.wantRefusal(t, p.fetch("GET", g.at(appA, "shop", "/page")), codeFactsDown)
		wantSpans(t, spans, "wsite.recognise facts_down (error)")
	})
}

func TestTraces_tellNobody(t *testing.T) {
	t.Parallel()
	g, spans := startTraced(t, sdktrace.AlwaysSample())
	p := g.phone("ming")
	g.who(p.open(g.at(appA, "shop", "/")))
	g.consents(t, p, appA)
	user := g.who(p.fetch("GET", g.at(appA, "shop", "/")))
	key := g.apiKey(t, "main", allScopes)
	g.ask(t, key, "GET", "main/users/"+user.Subject, "").want(t, 200)
	ended := spans.Ended()
	if len(ended) < 5 {
		t.Fatalf("there are %d spans", len(ended))
	}
	allowed := []attribute.Key{"wsite.appid", "wsite.ptid", "wsite.code", "wsite.endpoint"}
	for _, s := range ended {
		set := attribute.NewSet(s.Attributes()...)
		if app, _ := set.Value("wsite.appid"); s.Name() == "wsite.exchange" && app.AsString() != appA {
			t.Errorf("%s doesn't say of which account: %v", s.Name(), s.Attributes())
		}
		for _, a := range s.Attributes() {
			if !slices.Contains(allowed, a.Key) {
				t.Errorf("%s tells %s", s.Name(), a.Key)
			}
		}
		hides(t, fmt.Sprint(s.Name(), s.Attributes(), s.Events(), s.Status(), s.Links()),
			user.Subject, user.OpenID, user.UnionID, key, p.cookie(g, appA))
	}
}

func TestTraces_unsampled(t *testing.T) {
	t.Parallel()
	g, spans := startTraced(t, sdktrace.NeverSample())
	g.who(g.phone("ming").open(g.at(appA, "shop", "/")))
	if n := len(spans.Ended()); n != 0 {
		t.Errorf("%d spans were recorded", n)
	}
}

func TestTraces_doors(t *testing.T) {
	t.Parallel()
	record, spans := recordSpans(t, sdktrace.AlwaysSample())
	g := startDoors(t, directive, record+directive+"\t}\n")
	g.mini("ming", "shop")
	wantSpans(t, spans, "wsite.exchange ok", "wsite.resolve ok")
	p := g.program(appMini, "shop")
	p.post("/-/login", codeIn{Code: "a-code-that-is-nobody's"})
	wantSpans(t, spans, "wsite.exchange bad_code")
}
