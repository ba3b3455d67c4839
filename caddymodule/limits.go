package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/cluster"
)

// LimitsConfig bounds what one address, account, key or openid may do, over all nodes.
// Whoever is signed in is not counted, but for the codes that WeChat is asked about. Each
// limit is `<number>/<time>`, such as `600/1m`: so many at once, and as many more within
// that time; or `off`.
//
// The address is the one that Caddy takes for the client's, see `trusted_proxies`; of
// IPv6 a /64 network. Many phones share one: the defaults leave room for that.
type LimitsConfig struct {
	// Logins begun from one address, guests among them. Default: `600/1m`.
	Logins string `json:"logins,omitempty"`

	// Logins begun through one account. Default: `60000/1m`.
	AccountLogins string `json:"account_logins,omitempty"`

	// Codes that WeChat is asked about, and tickets of programs: from one address, or of
	// one visitor who is signed in. Default: `600/1m`.
	Exchanges string `json:"exchanges,omitempty"`

	// Calls of the API with one key. Default: `6000/1m`.
	APICalls string `json:"api_calls,omitempty"`

	// Calls of the API from one address with a key that isn't one. Default: `60/1m`.
	APIRefused string `json:"api_refused,omitempty"`

	// Changes of who a visitor is, by openid, or by guest. Default: `60/1h`.
	Binds string `json:"binds,omitempty"`

	// Tries to sign in to the console, from one address or by one name; those in a browser in
	// which somebody has signed in before are counted by themselves. Default: `10/1m`.
	ConsoleLogins string `json:"console_logins,omitempty"`

	// Codes of a second factor for the console, by name or by such a browser. Default: `10/1h`.
	ConsoleCodes string `json:"console_codes,omitempty"`

	// Pushes from one address. WeChat's own come from a few. Default: `120000/1m`.
	Pushes string `json:"pushes,omitempty"`
}

// limit names one, as the Caddyfile, the metric and the log do.
type limit string

const (
	limitLogins        limit = "logins"
	limitAccountLogins limit = "account_logins"
	limitExchanges     limit = "exchanges"
	limitAPICalls      limit = "api_calls"
	limitAPIRefused    limit = "api_refused"
	limitBinds         limit = "binds"
	limitConsoleLogins limit = "console_logins"
	limitConsoleCodes  limit = "console_codes"
	limitPushes        limit = "pushes"
)

// limits is the one table of them.
var limits = []struct {
	name     limit
	text     func(*LimitsConfig) *string
	standard string
}{
	{limitLogins, func(c *LimitsConfig) *string { return &c.Logins }, "600/1m"},
	{limitAccountLogins, func(c *LimitsConfig) *string { return &c.AccountLogins }, "60000/1m"},
	{limitExchanges, func(c *LimitsConfig) *string { return &c.Exchanges }, "600/1m"},
	{limitAPICalls, func(c *LimitsConfig) *string { return &c.APICalls }, "6000/1m"},
	{limitAPIRefused, func(c *LimitsConfig) *string { return &c.APIRefused }, "60/1m"},
	{limitBinds, func(c *LimitsConfig) *string { return &c.Binds }, "60/1h"},
	{limitConsoleLogins, func(c *LimitsConfig) *string { return &c.ConsoleLogins }, "10/1m"},
	{limitConsoleCodes, func(c *LimitsConfig) *string { return &c.ConsoleCodes }, "10/1h"},
	{limitPushes, func(c *LimitsConfig) *string { return &c.Pushes }, "120000/1m"},
}

// settleLimits reads the limits. One that is off has no rate.
func (a *App) settleLimits() error {
	a.rates = map[limit]cluster.Rate{}
	for _, l := range limits {
		text := cmp.Or(*l.text(&a.Limits), l.standard)
		if text == "off" {
			continue
		}
		rate, err := parseRate(text)
		if err != nil {
			return fmt.Errorf("limits: %s: %w", l.name, err)
		}
		a.rates[l.name] = rate
	}
	return nil
}

// parseRate reads `<number>/<time>`.
func parseRate(text string) (cluster.Rate, error) {
	number, span, ok := strings.Cut(text, "/")
	n, err := strconv.Atoi(number)
	per, perr := caddy.ParseDuration(span)
	switch {
	case !ok || err != nil || perr != nil:
		return cluster.Rate{}, fmt.Errorf("%q is no limit such as 600/1m, and not `off`", text)
	case n < 1:
		return cluster.Rate{}, fmt.Errorf("%q: the number is at least 1; `off` is no limit", text)
	case time.Duration(n) > per/(100*time.Microsecond):
		return cluster.Rate{}, fmt.Errorf("%q: there may be at most 10000 in a second", text)
	case per < time.Second || per > 24*time.Hour:
		return cluster.Rate{}, fmt.Errorf("%q: the time may be 1s to 24h", text)
	}
	return cluster.Rate{Count: n, Per: per, Burst: n}, nil
}

// count counts one of what a limit is for, by whom. Where it can't be counted it is
// allowed: a limit protects the gateway, and nobody is kept out because it is ill.
func (a *App) count(ctx context.Context, name limit, by string) (v cluster.Verdict, within bool) {
	rate, on := a.rates[name]
	if !on {
		return v, true
	}
	v, err := a.shared.Limit(ctx, "limit/"+string(name)+"/"+by, rate)
	if err != nil {
		if ctx.Err() == nil && !errors.Is(err, cluster.ErrInvalid) {
			a.log.Warn("counting", zap.String("step", "limit"), zap.String("limit", string(name)), zap.Error(err))
		}
		return cluster.Verdict{}, true
	}
	if !v.Allowed {
		a.metrics.limited.WithLabelValues(string(name)).Inc()
	}
	return v, v.Allowed
}

// tooMany is the refusal of what is over a limit; nil if it is within it.
func (a *App) tooMany(ctx context.Context, name limit, by string) *refusal {
	v, within := a.count(ctx, name, by)
	if within {
		return nil
	}
	ref := refuse(codeTooMany).because(fmt.Errorf("over the limit %s", name))
	ref.limit = &v
	return ref
}

// tooManyLogins counts the begin of a login, unless the browser has a session.
func (a *App) tooManyLogins(r *http.Request, rt route) *refusal {
	if a.session(r, rt) != nil {
		return nil
	}
	if ref := a.tooMany(r.Context(), limitLogins, clientOf(r)); ref != nil {
		return ref
	}
	return a.tooMany(r.Context(), limitAccountLogins, rt.account.AppID)
}

// tooManyCodes counts what makes work at WeChat or room in what nodes share: of a visitor
// who is signed in by his openid, since any code may stand beside a state of his own.
func (a *App) tooManyCodes(r *http.Request, s *session) *refusal {
	by := clientOf(r)
	if s != nil {
		by = s.AppID + " " + s.OpenID
	}
	return a.tooMany(r.Context(), limitExchanges, by)
}

// clientOf names the client for a limit: its address, of IPv6 the network that one
// household or phone has. What has no address, a unix socket, is this machine.
func clientOf(r *http.Request) string {
	text, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return "local"
	}
	if addr = addr.Unmap().WithZone(""); addr.Is4() {
		return addr.String()
	}
	network, _ := addr.Prefix(64)
	return network.String()
}

// writeLimit tells a client how it stands (draft-ietf-httpapi-ratelimit-headers-07).
func writeLimit(h http.Header, v cluster.Verdict) {
	h.Set("RateLimit-Limit", strconv.Itoa(v.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(v.Remaining))
	h.Set("RateLimit-Reset", seconds(v.ResetAfter))
	if !v.Allowed {
		h.Set("Retry-After", seconds(v.RetryAfter))
	}
}

// seconds rounds up, so that who waits as long has waited long enough.
func seconds(d time.Duration) string { return strconv.Itoa(int(math.Ceil(d.Seconds()))) }
