// Command caddy is Caddy with the modules of caddy-wsite in it, for `go run`,
// tests and the demo. Operators build theirs with xcaddy.
package main

import (
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-wsite/caddy-wsite/caddymodule"
)

func main() { caddycmd.Main() }
