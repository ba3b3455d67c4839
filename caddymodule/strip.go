package caddymodule

import (
	"io"
	"net/http"
	"strings"
)

// Names of headers that only the gateway may speak. Upstreams read them as truth.
const (
	headerUser     = "X-User"
	headerUserID   = "X-User-Id"
	headerUserKind = "X-User-Kind"
	headerPrefix   = "X-Forwarded-Prefix"
)

// guarded are, folded, the names that a client may not send: ours, and those that
// careless upstreams take for WeChat's word (`X-Openid`, and the headers that
// WeChat's own cloud hosting adds: see guardedPrefix).
var guarded = map[string]bool{
	"x-user": true, "x-user-id": true, "x-user-kind": true, "x-user-bind": true, "x-user-bind-error": true,
	"x-forwarded-prefix": true, "x-openid": true, "x-unionid": true, "x-open-id": true, "x-union-id": true,
	"proxy": true, // becomes HTTP_PROXY in CGI programs
}

const guardedPrefix = "x-wx-"

// fold brings a header name into the form in which all upstreams agree: CGI, WSGI
// and Rack make the same variable of `X-User`, `X_User` and `x.user`, and some servers
// of whatever is no letter and no digit (`X+User`).
func fold(name string) string {
	return strings.Trim(strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z' || '0' <= r && r <= '9':
			return r
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		}
		return '-'
	}, name), "-")
}

// mayBeGuarded is the quick test: guarded names begin with x or p, but for what
// folding trims.
func mayBeGuarded(name string) bool {
	if name == "" {
		return false
	}
	switch c := name[0]; {
	case c == 'x', c == 'X', c == 'p', c == 'P':
		return true
	default:
		return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9')
	}
}

func isGuarded(name string) bool {
	if !mayBeGuarded(name) || len(name) > 64 {
		return false
	}
	// The names that every browser and proxy sends, spared the folding.
	switch name {
	case "X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Requested-With", "X-Real-Ip", "Pragma", "Priority":
		return false
	}
	n := fold(name)
	return guarded[n] || strings.HasPrefix(n, guardedPrefix)
}

// strip is step 0, on every path and before anything else: it takes away whatever
// identity the client brought, so that only we can speak it, and keeps the client
// from having our headers taken away again on the way.
func strip(r *http.Request) {
	for name := range r.Header {
		// By the map's own key: Header.Del would look for the canonical spelling
		// only and leave `x_user` in place.
		if isGuarded(name) {
			delete(r.Header, name)
		}
	}
	if v := r.Header["Connection"]; v != nil {
		stripConnection(r.Header, v)
	}
	if v := r.Header["Trailer"]; v != nil {
		stripTrailer(r.Header, v)
	}
	if r.Trailer != nil {
		r.Body = &trailed{r.Body, r.Trailer}
		stripTrailers(r.Trailer)
	}
}

// trailed is a body with trailers behind it. Once one is announced the server
// takes in others too, and puts them where the proxy finds them when it has read
// the body.
type trailed struct {
	io.ReadCloser
	trailer http.Header
}

func (b *trailed) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		stripTrailers(b.trailer)
	}
	return n, err
}

func stripTrailers(trailer http.Header) {
	for name := range trailer {
		if isGuarded(name) {
			delete(trailer, name)
		}
	}
}

// hopByHop are what a client may name in Connection. Any other name there asks a
// proxy to drop that header (RFC 9110 §7.6.1), which would undo what we add and
// change how a request is classified.
var hopByHop = map[string]bool{"close": true, "keep-alive": true, "upgrade": true, "te": true, "http2-settings": true}

func stripConnection(h http.Header, values []string) {
	keep := onlyTokens(values, func(token string) bool { return hopByHop[strings.ToLower(token)] })
	setOrDelete(h, "Connection", keep)
}

func stripTrailer(h http.Header, values []string) {
	keep := onlyTokens(values, func(token string) bool { return !isGuarded(token) })
	setOrDelete(h, "Trailer", keep)
}

// onlyTokens keeps those of comma-separated lists that pass; it returns values
// itself, unchanged to the byte, if all do.
func onlyTokens(values []string, pass func(string) bool) []string {
	kept, all := []string{}, true
	for _, v := range values {
		for token := range strings.SplitSeq(v, ",") {
			token = strings.TrimSpace(token)
			switch {
			case token == "":
			case pass(token):
				kept = append(kept, token)
			default:
				all = false
			}
		}
	}
	if all {
		return values
	}
	if len(kept) == 0 {
		return nil
	}
	return []string{strings.Join(kept, ", ")}
}

func setOrDelete(h http.Header, name string, values []string) {
	if len(values) == 0 {
		delete(h, name)
		return
	}
	h[name] = values
}
