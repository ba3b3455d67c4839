package caddymodule

import (
	"fmt"
	"net/http"
	"runtime"
	"runtime/debug"

	"go.uber.org/zap"
)

// survive, deferred, has a panic of ours answered as any other bug: the visitor sees a page,
// and where it was stands in the log alone. What panics may hold anything, so that but for
// the runtime's own words only its type is told.
func (a *App) survive(r *http.Request, answer func()) {
	p := recover()
	if p == nil {
		return
	}
	if p == http.ErrAbortHandler {
		panic(p) // somebody wants the connection to end
	}
	what := fmt.Sprintf("%T", p)
	if said, ok := p.(runtime.Error); ok {
		what = said.Error()
	}
	a.log.Error("a request met a bug", zap.String("code", string(codeBug)), zap.String("panic", what), zap.String("request", requestID(r)), zap.ByteString("stack", debug.Stack()))
	answer()
}

// begun is an answer of which it is known whether it has begun.
type begun struct {
	http.ResponseWriter
	yes bool
}

func (b *begun) WriteHeader(status int) {
	b.yes = true
	b.ResponseWriter.WriteHeader(status)
}

func (b *begun) Write(p []byte) (int, error) {
	b.yes = true
	return b.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach what is beneath.
func (b *begun) Unwrap() http.ResponseWriter { return b.ResponseWriter }
