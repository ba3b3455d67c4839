package caddymodule

import (
	"time"

	"github.com/caddyserver/caddy/v2"
)

// The parts of an [App]'s configuration.

// FactsConfig says where the facts lie: in one of these.
type FactsConfig struct {
	// The file of a SQLite database; it and its folder are made if they don't
	// exist. Default: `wsite/wsite.db` in Caddy's data directory.
	// Placeholders: yes, at start.
	SQLite string `json:"sqlite,omitempty"`

	// The address of a PostgreSQL database, 14 or newer, such as
	// `postgres://user:password@host:5432/database`; several gateways may share it.
	// It needs a `master_key`. Placeholders: yes, at start.
	Postgres string `json:"postgres,omitempty"`
}

// WechatConfig says how WeChat is reached.
type WechatConfig struct {
	// Addresses of WeChat's API, tried in this order. Default:
	// `api.weixin.qq.com`, `api2.weixin.qq.com` (wechat-api.md §5).
	APIHosts []string `json:"api_hosts,omitempty"`

	// The address of WeChat's login page. Default: `https://open.weixin.qq.com`.
	Open string `json:"open,omitempty"`

	// The address of the images of QR codes. Default: `https://mp.weixin.qq.com`.
	MP string `json:"mp,omitempty"`

	// The proxy that calls to WeChat's API go through, `http://host:port`; one in the
	// environment is not looked at. Default: none. Placeholders: yes, at start.
	Proxy string `json:"proxy,omitempty"`

	// How long one call may take. Default: 5s.
	Timeout caddy.Duration `json:"timeout,omitempty"`
}

// SessionConfig says how long a visitor is remembered.
type SessionConfig struct {
	// How long WeChat's word holds. After half of it a navigation renews the
	// session silently: a browser's cookies belong to the phone, not to the
	// WeChat account that is signed in there. Default: 12h.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
}

func (s SessionConfig) life() time.Duration { return time.Duration(s.Lifetime) }

// TokenConfig says what upstreams are told, and for how long.
type TokenConfig struct {
	// `ES256`, `RS256` or `EdDSA`; a site may choose otherwise. Default: `ES256`.
	Algorithm string `json:"algorithm,omitempty"`

	// How long a token holds. An upstream always gets one that is good for at
	// least half of this. Default: 5m.
	Lifetime caddy.Duration `json:"lifetime,omitempty"`
}
