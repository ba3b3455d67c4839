// Package caddymodule is everything that knows Caddy.
//
// A request passes six steps, and handler.go tells them in order:
//
//	1 route      which micro-site, through which account?       route.go, enter.go
//	2 session    do we already know this browser?               session.go, visitor.go
//	3 login      if not: ask WeChat, silently                   login.go, callback.go
//	4 identity   who is that, for us?                           visitor.go, package identity
//	5 token      say so: signed, short-lived, cached            visitor.go, package identity
//	6 forward    let the site see it, and nobody forge it       strip.go, forward.go, answer.go
//
// The same six words label the metrics, the `step` of log lines and the chapters
// of docs/architecture.md. Before them comes step 0, on every path: what the client
// says of its own identity is taken away.
//
// The rest is what Caddy people expect by these names: app.go and facts.go (life
// cycle), config.go and settle.go (what is configured, and what of it can't work),
// caddyfile.go (grammar), admin.go, command.go, metrics.go.
package caddymodule
