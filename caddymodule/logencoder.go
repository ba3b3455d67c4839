package caddymodule

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/logging"
	"go.uber.org/zap/buffer"
	"go.uber.org/zap/zapcore"
	"golang.org/x/term"
)

func init() { caddy.RegisterModule(new(LogEncoder)) }

// LogEncoder writes access logs without what would let a reader be somebody else:
// WeChat's `code` and `state`, the openids and signatures of its pushes, our sealed
// targets, the `X-User` token, cookies and credentials. It looks at requests and headers as a whole before they are written,
// which costs less than Caddy's `filter` with the same fields.
type LogEncoder struct {
	// The encoder that writes. Default: `json`, on a terminal `console`.
	WrappedRaw json.RawMessage `json:"wrap,omitempty" caddy:"namespace=caddy.logging.encoders inline_key=format"`

	// Further fields to filter, as in Caddy's `filter` encoder.
	FieldsRaw map[string]json.RawMessage `json:"fields,omitempty" caddy:"namespace=caddy.logging.encoders.filter inline_key=filter"`

	zapcore.Encoder `json:"-"`

	ctx    caddy.Context
	config <-chan struct{} // the one that it belongs to
}

// CaddyModule returns the Caddy module information.
func (*LogEncoder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.encoders.wsite", New: func() caddy.Module { return new(LogEncoder) }}
}

// Provision sets up the encoder that writes.
func (e *LogEncoder) Provision(ctx caddy.Context) error {
	e.ctx = ctx
	e.config = ctx.Done()
	filtered.Store(e.config, true)
	switch {
	case len(e.FieldsRaw) > 0:
		filter := &logging.FilterEncoder{WrappedRaw: e.WrappedRaw, FieldsRaw: e.FieldsRaw}
		e.Encoder = filter
		return filter.Provision(ctx)
	case e.WrappedRaw == nil:
		plain := new(logging.JSONEncoder)
		e.Encoder = plain
		return plain.Provision(ctx)
	}
	wrapped, err := ctx.LoadModule(e, "WrappedRaw")
	if err != nil {
		return fmt.Errorf("loading the encoder that writes: %w", err)
	}
	e.Encoder = wrapped.(zapcore.Encoder)
	return nil
}

// UnmarshalCaddyfile reads the format. Syntax:
//
//	wsite {
//	    wrap <encoder>
//	    fields {
//	        <field> <filter> …
//	    }
//	}
func (e *LogEncoder) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	var filter logging.FilterEncoder
	err := filter.UnmarshalCaddyfile(d)
	e.WrappedRaw, e.FieldsRaw = filter.WrappedRaw, filter.FieldsRaw
	return err
}

// ConfigureDefaultFormat writes for people where a terminal shows it.
func (e *LogEncoder) ConfigureDefaultFormat(wo caddy.WriterOpener) error {
	if inner, ok := e.Encoder.(caddy.ConfiguresFormatterDefault); ok {
		return inner.ConfigureDefaultFormat(wo)
	}
	if e.WrappedRaw != nil || !caddy.IsWriterStandardStream(wo) || !term.IsTerminal(int(os.Stderr.Fd())) {
		return nil
	}
	console := new(logging.ConsoleEncoder)
	e.Encoder = console
	return console.Provision(e.ctx)
}

// Clone is called for each entry that has fields of its own.
func (e *LogEncoder) Clone() zapcore.Encoder { return &LogEncoder{Encoder: e.Encoder.Clone()} }

// AddObject hides what has to be hidden in a request or in headers.
func (e *LogEncoder) AddObject(key string, m zapcore.ObjectMarshaler) error {
	return e.Encoder.AddObject(key, hide(m))
}

// EncodeEntry does the same to the fields of an entry.
func (e *LogEncoder) EncodeEntry(entry zapcore.Entry, fields []zapcore.Field) (*buffer.Buffer, error) {
	clean := make([]zapcore.Field, len(fields))
	for i, f := range fields {
		if m, ok := f.Interface.(zapcore.ObjectMarshaler); ok && f.Type == zapcore.ObjectMarshalerType {
			f.Interface = hide(m)
		}
		clean[i] = f
	}
	return e.Encoder.EncodeEntry(entry, clean)
}

// Cleanup forgets the config.
func (e *LogEncoder) Cleanup() error {
	filtered.Delete(e.config)
	return nil
}

// filtered are the configs that have such an encoder. Log encoders are provisioned
// before apps, and nothing else tells an app of them. A config is known by what says
// that it is over: its modules are provisioned with contexts of their own, which have
// only that in common.
var filtered sync.Map

// logsFiltered says whether a config has a log encoder of ours.
func logsFiltered(ctx caddy.Context) bool {
	_, ok := filtered.Load(ctx.Done())
	return ok
}

const hidden = "REDACTED"

// hiddenHeaders may hold a secret as a whole, addressHeaders in a query. Cookies and
// credentials are hidden by Caddy, unless it is told not to; here it can't be.
var (
	hiddenHeaders  = []string{headerUser, headerUserID, "Www-Authenticate"}
	addressHeaders = []string{"Referer", "Location"}
)

// hide gives a request or headers without their secrets; other things as they are. Most
// have none, and nothing is copied then: this runs twice for each line.
func hide(m zapcore.ObjectMarshaler) zapcore.ObjectMarshaler {
	switch logged := m.(type) {
	case caddyhttp.LoggableHTTPRequest:
		address := hideWords(logged.RequestURI)
		header, hid := hideHeaders(logged.Header)
		if hid || address != logged.RequestURI || logged.ShouldLogCredentials {
			r := *logged.Request
			r.RequestURI, r.Header = address, header
			return caddyhttp.LoggableHTTPRequest{Request: &r}
		}
	case caddyhttp.LoggableHTTPHeader:
		if header, hid := hideHeaders(logged.Header); hid || logged.ShouldLogCredentials {
			return caddyhttp.LoggableHTTPHeader{Header: header}
		}
	}
	return m
}

// hideHeaders gives h itself if it holds nothing to hide, and a copy if it does.
func hideHeaders(h http.Header) (clean http.Header, hid bool) {
	clean = h
	set := func(name string, values []string) {
		if !hid {
			clean, hid = maps.Clone(h), true
		}
		clean[name] = values
	}
	for _, name := range hiddenHeaders {
		if _, there := h[name]; there {
			set(name, []string{hidden})
		}
	}
	for _, name := range addressHeaders {
		for i, v := range h[name] {
			if plain := hideWords(v); plain != v {
				values := slices.Clone(clean[name])
				values[i] = plain
				set(name, values)
			}
		}
	}
	return clean, hid
}

// hiddenWords are hidden in every address; oursOnly in our own paths and WeChat's,
// since a site may well have an `r` of its own that its operator wants to read.
var (
	hiddenWords = map[string]bool{"code": true, "state": true, "openid": true, "next_openid": true, "unionid": true}
	oursOnly    = map[string]bool{
		"r": true, "f": true, "to": true, "return": true, "redirect_uri": true, "url": true, "signature": true, "msg_signature": true,
	}
)

func hideWords(address string) string {
	address, fragment, hasFragment := strings.Cut(address, "#")
	if path, query, ok := strings.Cut(address, "?"); ok {
		if plain := hidePairs(query, strings.Contains(path, own) || strings.Contains(path, "/connect/"), strings.HasPrefix(path, "/v1/")); plain != query {
			address = path + "?" + plain
		}
	}
	// Only the end of a login tells a server of a fragment: nobody expects one in a log.
	if fragment != "" && fragment != "wechat_redirect" {
		fragment = hidden
	}
	if hasFragment {
		address += "#" + fragment
	}
	return address
}

// hidePairs is hideWords for a query; ours says that it is one of ours or WeChat's.
// api that it is one of the HTTP API, where merchants are searched for by phone.
func hidePairs(query string, ours, api bool) string {
	var plain strings.Builder
	done := 0 // how much of the query is in plain already
	for at := 0; at <= len(query); {
		pair, _, _ := strings.Cut(query[at:], "&")
		name, _, _ := strings.Cut(pair, "=")
		if unescaped, err := url.QueryUnescape(name); err == nil {
			name = unescaped
		}
		end := at + len(pair)
		if hiddenWords[name] || ours && oursOnly[name] || name == "search" && api {
			plain.WriteString(query[done:at] + url.QueryEscape(name) + "=" + hidden)
			done = end
		}
		at = end + 1
	}
	if done == 0 {
		return query
	}
	return plain.String() + query[done:]
}

var (
	_ caddy.Provisioner                = (*LogEncoder)(nil)
	_ caddy.CleanerUpper               = (*LogEncoder)(nil)
	_ zapcore.Encoder                  = (*LogEncoder)(nil)
	_ caddy.ConfiguresFormatterDefault = (*LogEncoder)(nil)
)
