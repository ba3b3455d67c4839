package main

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
)

// smallGateway is a gateway as small as it gets; its reverse_proxy has Caddy's
// own settings.
const smallGateway = `
{
	admin off
	persist_config off
	wsite {
		origin http://127.0.0.1:PORT
		facts sqlite DATA/wsite.db
		open SIM
		api_hosts SIM
		account wx0123456789abcdef {
			secret SECRET
			subject acme
		}
		realm main
		site shop01 {
			realm main
			accounts wx0123456789abcdef
			audience https://shop01.example.com
			path /pay/notify public
		}
	}
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	wsite
	reverse_proxy SITE1
}
`

// plainProxy is the same Caddy without the gateway. What the gateway sends on, it
// sends on too, to the byte.
const plainProxy = `
{
	admin off
	persist_config off
	LOG
}
http://127.0.0.1:PORT {
	bind 127.0.0.1
	ROUTES
}
`

// plainSites routes to three sites as Caddyfile.example does; what Caddy itself takes
// for that is not the gateway's.
const plainSites = `
	log
	@survey path /wsite/*/survey03/*
	handle @survey {
		reverse_proxy SITE1
	}
	@game path /wsite/*/game02/*
	handle @game {
		reverse_proxy SITE1
	}
	@shop path /wsite/*/shop01/*
	handle @shop {
		reverse_proxy SITE1 SITE2 {
			HEADERS
			lb_policy least_conn
			transport http {
				keepalive_idle_conns_per_host 512
				keepalive 2m
			}
		}
	}
	handle {
		respond "Not found" 404
	}
`

// proxy is how a plain proxy is set up.
type proxy struct {
	sets    bool   // sets the gateway's headers itself; if not, the client sends them
	example bool   // has the sites, the keep-alive pool and the access log of Caddyfile.example
	format  string // of that log
}

// kept are the cookies that a visitor has of the site itself.
const kept = "theme=dark; cart=17f3a2c4"

// config is a Caddyfile with its port.
type config struct {
	text    string
	address string
}

func (c config) origin() string { return "http://" + c.address }

// gatewayConfig is smallGateway, or Caddyfile.example with the changes that let it
// run on this machine.
func (s *stage) gatewayConfig(name string, example bool) (config, error) {
	data := filepath.Join(s.dir, name)
	if err := os.Mkdir(data, 0o700); err != nil {
		return config{}, err
	}
	if !example {
		return s.fill(smallGateway, "DATA", data, "SECRET", secret)
	}
	path, err := examplePath()
	if err != nil {
		return config{}, err
	}
	shipped, err := os.ReadFile(path)
	if err != nil {
		return config{}, err
	}
	text := string(shipped)
	for _, change := range [][2]string{
		{"\twsite {\n\t\t#", "\tadmin off\n\tpersist_config off\n\twsite {\n\t\t#"},
		{"origin https://www.example.com", "origin http://127.0.0.1:PORT\nopen SIM"},
		{"/var/lib/caddy/wsite/wsite.db", data + "/wsite.db"},
		{"api_hosts api.weixin.qq.com api2.weixin.qq.com", "api_hosts SIM"},
		{"{env.WSITE_MASTER_KEY}", strings.Repeat("0f1e2d3c", 8)},
		{"{env.WX_SECRET_SHOP}", secret},
		{"{env.WX_SECRET_SERVICE}", otherSecret},
		{"{env.WX_PUSH_TOKEN}", "TokenOfTheBench"},
		{"{env.WX_PUSH_KEY}", strings.Repeat("k", 43)},
		{"\nwww.example.com {", "\nhttp://127.0.0.1:PORT {\nbind 127.0.0.1"},
		{"127.0.0.1:3000", "SITE1"},
		{"127.0.0.1:3001", "SITE2"},
	} {
		if !strings.Contains(text, change[0]) {
			return config{}, fmt.Errorf("reading Caddyfile.example: it has no %q any more", change[0])
		}
		text = strings.ReplaceAll(text, change[0], change[1])
	}
	return s.fill(text)
}

// plainConfig is a proxy without a gateway, to stand beside one.
func (s *stage) plainConfig(token string, p proxy) (config, error) {
	headers, log, routes := "", "", "reverse_proxy SITE1 {\n\t\tHEADERS\n\t}"
	if p.sets {
		headers = "header_up X-User " + token + "\n\t\theader_up X-Forwarded-Prefix " + base + "\n\t\theader_up Cookie \"" + kept + "\""
	}
	if p.example {
		log, routes = "log {\n\t\tformat "+p.format+"\n\t}", plainSites
	}
	text := strings.NewReplacer("LOG", log, "ROUTES", routes).Replace(plainProxy)
	return s.fill(strings.ReplaceAll(text, "HEADERS", headers))
}

// fill puts in what differs from run to run.
func (s *stage) fill(text string, more ...string) (config, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return config{}, err
	}
	address := l.Addr().String()
	if err := l.Close(); err != nil {
		return config{}, err
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return config{}, err
	}
	pairs := append([]string{"PORT", port, "SIM", s.simURL, "SITE1", s.site.addresses[0], "SITE2", s.site.addresses[1]}, more...)
	return config{strings.NewReplacer(pairs...).Replace(text), address}, nil
}

// examplePath finds Caddyfile.example here or in a folder above.
func examplePath() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, "Caddyfile.example")
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		if filepath.Dir(dir) == dir {
			return "", errors.New("reading Caddyfile.example: there is none here or above; run it inside the repository")
		}
		dir = filepath.Dir(dir)
	}
}
