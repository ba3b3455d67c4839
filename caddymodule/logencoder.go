package caddymodule

import (
	"net/url"
	"strings"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/logging"
	"go.uber.org/zap/zapcore"
)

func init() { caddy.RegisterModule(new(LogEncoder)) }

// LogEncoder writes access logs without what would let a reader be somebody else:
// WeChat's `code` and `state`, our sealed targets, and the `X-User` token. It is
// Caddy's `filter` encoder with these fields set; more can be added to them.
type LogEncoder struct {
	logging.FilterEncoder

	config <-chan struct{} // the one that it belongs to
}

// CaddyModule returns the Caddy module information.
func (LogEncoder) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "caddy.logging.encoders.wsite", New: func() caddy.Module { return new(LogEncoder) }}
}

// hiddenFields are those fields of an access log that may hold a secret.
var hiddenFields = map[string]logging.LogFieldFilter{
	"request>uri":                     hideQuery{},
	"request>headers>Referer":         hideQuery{},
	"resp_headers>Location":           hideQuery{},
	"resp_headers>Www-Authenticate":   hideAll{},
	"request>headers>" + headerUser:   hideAll{},
	"request>headers>" + headerUserID: hideAll{},
	"request>headers>Cookie":          hideAll{},
	"resp_headers>Set-Cookie":         hideAll{},
}

// Provision sets the fields that nobody needs to think of.
func (e *LogEncoder) Provision(ctx caddy.Context) error {
	if err := e.FilterEncoder.Provision(ctx); err != nil {
		return err
	}
	for name, filter := range hiddenFields {
		if e.Fields[name] == nil {
			e.Fields[name] = filter
		}
	}
	e.config = ctx.Done()
	filtered.Store(e.config, true)
	return nil
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

// hideAll keeps a field's name only.
type hideAll struct{}

func (hideAll) Filter(f zapcore.Field) zapcore.Field {
	f.Type, f.String, f.Interface = zapcore.StringType, hidden, nil
	return f
}

// hideQuery hides the values of those query words that are worth stealing.
type hideQuery struct{}

func (hideQuery) Filter(f zapcore.Field) zapcore.Field {
	if list, ok := f.Interface.(caddyhttp.LoggableStringArray); ok {
		clean := make(caddyhttp.LoggableStringArray, len(list))
		for i, s := range list {
			clean[i] = hideWords(s)
		}
		f.Interface = clean
		return f
	}
	f.String = hideWords(f.String)
	return f
}

// hiddenWords are hidden in every address; oursOnly in our own paths and WeChat's,
// since a site may well have an `r` of its own that its operator wants to read.
var (
	hiddenWords = map[string]bool{"code": true, "state": true}
	oursOnly    = map[string]bool{"r": true, "f": true, "return": true, "redirect_uri": true}
)

func hideWords(address string) string {
	address, fragment, hasFragment := strings.Cut(address, "#")
	if path, query, ok := strings.Cut(address, "?"); ok {
		address = path + "?" + hidePairs(query, strings.Contains(path, own) || strings.Contains(path, "/connect/"))
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
func hidePairs(query string, ours bool) string {
	pairs := strings.Split(query, "&")
	for i, pair := range pairs {
		name, _, _ := strings.Cut(pair, "=")
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		if hiddenWords[name] || ours && oursOnly[name] {
			pairs[i] = url.QueryEscape(name) + "=" + hidden
		}
	}
	return strings.Join(pairs, "&")
}

var (
	_ caddy.Provisioner                = (*LogEncoder)(nil)
	_ caddy.CleanerUpper               = (*LogEncoder)(nil)
	_ zapcore.Encoder                  = (*LogEncoder)(nil)
	_ caddy.ConfiguresFormatterDefault = (*LogEncoder)(nil)
)
