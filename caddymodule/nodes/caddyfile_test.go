package nodes

import (
	"strings"

	"github.com/caddy-wsite/caddy-wsite/wechat/wechatsim"
)

// The accounts of the tests, both of one open platform. At the first everybody has told
// his unionid before; at the second nobody has.
const (
	appA = "wx00000000000000aa"
	appB = "wx00000000000000bb"
)

const (
	audience   = "https://shop.example.com"
	hookSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
)

// caddyfile is the one that all nodes have. Only their ports differ.
const caddyfile = `
{
	admin 127.0.0.1:{$ADMIN}
	persist_config off
	shutdown_delay 2s
	grace_period 10s
	log {
		level INFO
	}
	wsite {
		origin ORIGIN
		facts postgres DSN
		master_key 0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c0f1e2d3c
		cluster redis redis://REDIS
		open SIM
		api_hosts SIM
		webhook_networks private
		limits {
			logins 600000/1m
			exchanges 600000/1m
			api_refused off
			binds off
		}
		account wx00000000000000aa {
			secret secret-of-a-0123456789abcdef
			subject acme
		}
		account wx00000000000000bb {
			secret secret-of-b-0123456789abcdef
			subject acme
		}
		realm main {
			broadcast orders webhook HOOK/{env.NODE} {
				secret whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=
			}
		}
		site shop {
			accounts wx00000000000000aa wx00000000000000bb
			audience https://shop.example.com
			path /ask/* ask unionid
			bind_header on
		}
	}
}
http://api.localhost:{$PORT} {
	bind 127.0.0.1
	wsite_api
}
http://:{$PORT} {
	bind 127.0.0.1
	wsite
	reverse_proxy SITE
}
`

// accounts are those of the Caddyfile, as WeChat knows them.
func accounts() []wechatsim.Account {
	return []wechatsim.Account{
		{AppID: appA, Secret: "secret-of-a-0123456789abcdef", Name: "A", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true},
		{AppID: appB, Secret: "secret-of-b-0123456789abcdef", Name: "B", Subject: "acme", Domains: []string{"127.0.0.1"}, Sandbox: true},
	}
}

// config is the Caddyfile for servers at these addresses.
func (w *world) config(changes ...string) string {
	text := strings.NewReplacer(changes...).Replace(caddyfile)
	return strings.NewReplacer("ORIGIN", w.origin, "DSN", `"`+w.dsn+`"`, "REDIS", w.redis.Addr, "SIM", w.sim.URL, "HOOK", w.lines.URL, "SITE", w.site.Listener.Addr().String()).Replace(text)
}
