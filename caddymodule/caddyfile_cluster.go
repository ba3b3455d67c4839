package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
)

// cluster reads how several gateways share what they may lose. Syntax:
//
//	cluster redis <url...> {
//	    sentinel <master>
//	    sharded
//	    user <name>
//	    password <password>
//	    sentinel_user <name>
//	    sentinel_password <password>
//	    prefix <text>
//	    ca <file>
//	    certificate <file> <key file>
//	    timeout <duration>
//	}
func (p *parser) cluster(d *caddyfile.Dispenser) error {
	at := func(field string) place { return place{"wsite", "", field} }
	if err := p.note(d, at("cluster")); err != nil {
		return err
	}
	c := &p.app.Cluster
	args := d.RemainingArgs()
	if len(args) < 2 || args[0] != "redis" {
		return d.Err("cluster is written `cluster redis <url…>`, such as `cluster redis redis://127.0.0.1:6379/0`; one gateway alone needs none")
	}
	c.Redis = args[1:]
	return p.block(d, words{
		"sentinel":          one(&c.Sentinel, at("sentinel"), p),
		"sharded":           p.sharded,
		"user":              one(&c.User, at("user"), p),
		"password":          one(&c.Password, at("password"), p),
		"sentinel_user":     one(&c.SentinelUser, at("sentinel_user"), p),
		"sentinel_password": one(&c.SentinelPassword, at("sentinel_password"), p),
		"prefix":            one(&c.Prefix, at("cluster prefix"), p),
		"ca":                one(&c.CA, at("ca"), p),
		"certificate":       p.certificate,
		"timeout":           duration(&c.Timeout, at("cluster timeout"), p),
	})
}

func (p *parser) sharded(d *caddyfile.Dispenser) error {
	if d.NextArg() {
		return d.Errf("sharded takes no value, found %q", d.Val())
	}
	p.app.Cluster.Sharded = true
	return p.note(d, place{"wsite", "", "sharded"})
}

func (p *parser) certificate(d *caddyfile.Dispenser) error {
	args := d.RemainingArgs()
	if len(args) != 2 {
		return d.Err("certificate is written `certificate <file> <key file>`")
	}
	p.app.Cluster.Certificate, p.app.Cluster.Key = args[0], args[1]
	return p.note(d, place{"wsite", "", "certificate"})
}

// limits reads how much one client may do. Syntax, each `<number>/<time>` or `off`:
//
//	limits {
//	    logins <limit>
//	    account_logins <limit>
//	    exchanges <limit>
//	    api_calls <limit>
//	    api_refused <limit>
//	    binds <limit>
//	    console_logins <limit>
//	    console_codes <limit>
//	    pushes <limit>
//	}
func (p *parser) limits(d *caddyfile.Dispenser) error {
	if err := p.note(d, place{"wsite", "", "limits"}); err != nil {
		return err
	}
	if d.NextArg() {
		return d.Errf("limits takes no arguments, found %q: open a block", d.Val())
	}
	known := words{}
	for _, l := range limits {
		known[string(l.name)] = one(l.text(&p.app.Limits), place{"wsite", "", string(l.name)}, p)
	}
	return p.block(d, known)
}
