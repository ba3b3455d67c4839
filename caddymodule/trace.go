package caddymodule

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// Spans are children of the one that Caddy's `tracing` has begun for a request, and go
// where that goes. Of somebody who is known there are none. They say which account and
// site it was and what became of it, never who it was: others read them than may read
// the facts.

// tracerName is what our spans come from.
const tracerName = "github.com/caddy-wsite/caddy-wsite/caddymodule"

// codeOK stands in a span for what went well.
const codeOK code = "ok"

// traced begins a part of a request, to be ended by [ended]. Where nobody records it is a
// look at the context.
func traced(ctx context.Context, part string, of ...attribute.KeyValue) (context.Context, trace.Span) {
	parent := trace.SpanFromContext(ctx)
	if !parent.IsRecording() {
		return ctx, noop.Span{}
	}
	return parent.TracerProvider().Tracer(tracerName).Start(ctx, "wsite."+part, trace.WithAttributes(of...))
}

// tell notes what became of a part: `ok`, or the code of a refusal. The text of an error
// stays in the log.
func tell(part trace.Span, code string, status int) {
	part.SetAttributes(attribute.String("wsite.code", code))
	if status >= 500 {
		part.SetStatus(codes.Error, code)
	}
}

// ended ends a part.
func ended(part trace.Span, c code) {
	tell(part, string(c), refusals[c].status)
	part.End()
}

// endedBy is ended with the code of an error, as judge finds it.
func endedBy(part trace.Span, err error, judge func(error) *refusal) {
	if err == nil {
		ended(part, codeOK)
		return
	}
	ended(part, judge(err).code)
}

// alongside is ctx in the trace of another context, for what outlives a request.
func alongside(ctx, other context.Context) context.Context {
	return trace.ContextWithSpan(ctx, trace.SpanFromContext(other))
}

// labels of a route, for a span.
func (rt route) labels() []attribute.KeyValue {
	return []attribute.KeyValue{ofAccount(rt.account.AppID), ofSite(rt.site.PTID)}
}

func ofAccount(appID string) attribute.KeyValue { return attribute.String("wsite.appid", appID) }
func ofSite(ptid string) attribute.KeyValue     { return attribute.String("wsite.ptid", ptid) }
func ofEndpoint(id string) attribute.KeyValue   { return attribute.String("wsite.endpoint", id) }
