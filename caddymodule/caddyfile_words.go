package caddymodule

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// The words of the grammar, block by block.

func (p *parser) globalWords() words {
	a := p.app
	at := func(field string) place { return place{"wsite", "", field} }
	return words{
		"origin":            one(&a.Origin, at("origin"), p),
		"prefix":            one(&a.Prefix, at("prefix"), p),
		"facts":             p.facts,
		"master_key":        many(&a.MasterKey, at("master_key"), p),
		"api_hosts":         many(&a.Wechat.APIHosts, at("api_hosts"), p),
		"open":              one(&a.Wechat.Open, at("open"), p),
		"mp":                one(&a.Wechat.MP, at("mp"), p),
		"wechat_proxy":      one(&a.Wechat.Proxy, at("wechat_proxy"), p),
		"wechat_timeout":    duration(&a.Wechat.Timeout, at("wechat_timeout"), p),
		"session_lifetime":  duration(&a.Session.Lifetime, at("session_lifetime"), p),
		"token_lifetime":    duration(&a.Token.Lifetime, at("token_lifetime"), p),
		"token_algorithm":   p.algorithm(&a.Token.Algorithm, at("token_algorithm")),
		"cache_size":        p.cacheSize,
		"cluster":           p.cluster,
		"limits":            p.limits,
		"upstream_networks": many(&a.UpstreamNetworks, at("upstream_networks"), p),
		"webhook_networks":  many(&a.WebhookNetworks, at("webhook_networks"), p),
		"time_zone":         one(&a.TimeZone, at("time_zone"), p),
		"any_browser":       p.anyBrowser,
		"account":           p.account,
		"realm":             p.realm,
		"site":              p.site,
	}
}

// facts reads where the facts lie. Syntax:
//
//	facts sqlite <file>
//	facts postgres <dsn>
func (p *parser) facts(d *caddyfile.Dispenser) error {
	if err := p.note(d, place{"wsite", "", "facts"}); err != nil {
		return err
	}
	args := d.RemainingArgs()
	if len(args) > 0 && args[0] == "redis" {
		return d.Err("facts can't lie in Redis: it can lose a write that it has acknowledged, and one lost link lets a stranger in as somebody else; use `facts sqlite <file>` or `facts postgres <dsn>`")
	}
	if len(args) == 2 {
		switch args[0] {
		case "sqlite":
			p.app.Facts.SQLite = args[1]
			return nil
		case "postgres":
			p.app.Facts.Postgres = args[1]
			return nil
		}
	}
	return d.Err("facts is written `facts sqlite <file>` or `facts postgres <dsn>`")
}

func (p *parser) algorithm(into *string, at place) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if err := one(into, at, p)(d); err != nil {
			return err
		}
		for _, alg := range directory.Algorithms {
			if *into == alg {
				return nil
			}
		}
		return d.Errf("%q is no algorithm for tokens; use ES256, RS256 or EdDSA", *into)
	}
}

func (p *parser) cacheSize(d *caddyfile.Dispenser) error {
	var text string
	if err := one(&text, place{"wsite", "", "cache_size"}, p)(d); err != nil {
		return err
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 100 {
		return d.Errf("cache_size is a number of visitors from 100 upwards, not %q", text)
	}
	p.app.CacheSize = n
	return nil
}

// number reads a number from 1 upwards.
func number(into *int, at place, p *parser) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		word, text := d.Val(), ""
		if err := one(&text, at, p)(d); err != nil {
			return err
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return d.Errf("%s is a number from 1 upwards, not %q", word, text)
		}
		*into = n
		return nil
	}
}

func (p *parser) anyBrowser(d *caddyfile.Dispenser) error {
	if err := p.note(d, place{"wsite", "", "any_browser"}); err != nil {
		return err
	}
	if d.NextArg() {
		return d.Errf("any_browser takes no value, found %q", d.Val())
	}
	p.app.AnyBrowser = true
	return nil
}

// realm reads a user-id space. Syntax:
//
//	realm <name> {
//	    survivor oldest|attached
//	    unionids_per_user <n>
//	    register login|silent
//	    legacy_hints on|off
//	    broadcast <line> webhook <url> { … }
//	}
func (p *parser) realm(d *caddyfile.Dispenser) error {
	r := new(directory.Realm)
	if err := p.named(d, "realm", &r.Name); err != nil {
		return err
	}
	p.app.Realms = append(p.app.Realms, r)
	at := func(field string) place { return place{"realm", r.Name, field} }
	return p.block(d, words{
		"survivor":          one(&r.Survivor, at("survivor"), p),
		"unionids_per_user": number(&r.UnionidsPerUser, at("unionids_per_user"), p),
		"register":          one(&r.Register, at("register"), p),
		"legacy_hints":      switched(&r.LegacyHints, at("legacy_hints"), p),
		"broadcast":         func(d *caddyfile.Dispenser) error { return p.broadcast(d, r) },
	})
}

// broadcast reads a line of business. Syntax:
//
//	broadcast <line> webhook <url>|redis_stream <name> {
//	    secret <secret> [<previous>]
//	    from start
//	    max_length <events>
//	}
func (p *parser) broadcast(d *caddyfile.Dispenser, r *directory.Realm) error {
	args := d.RemainingArgs()
	switch {
	case len(args) > 1 && args[1] != "webhook" && args[1] != "redis_stream":
		return d.WrapErr(unknownWord("way to broadcast", args[1], directory.Nearest(args[1], []string{"webhook", "redis_stream"})))
	case len(args) != 3:
		return d.Err("broadcast is written `broadcast <line> webhook <url>`, or `broadcast <line> redis_stream <name>`")
	}
	l := &directory.Line{Name: args[0]}
	if args[1] == "webhook" {
		l.Webhook = args[2]
	} else {
		l.RedisStream = args[2]
	}
	r.Broadcast = append(r.Broadcast, l)
	at := func(field string) place { return place{"broadcast", r.Name + "/" + l.Name, field} }
	if err := p.note(d, at("")); err != nil {
		return err
	}
	return p.block(d, words{
		"secret":     many(&l.Secret, at("secret"), p),
		"from":       one(&l.From, at("from"), p),
		"max_length": p.maxLength(&l.MaxLength, at("max_length")),
	})
}

func (p *parser) maxLength(into *int64, at place) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		var text string
		if err := one(&text, at, p)(d); err != nil {
			return err
		}
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < 1 {
			return d.Errf("%q is no number of events", text)
		}
		*into = n
		return nil
	}
}

// site reads a micro-site. Syntax:
//
//	site <ptid> {
//	    realm <name>
//	    accounts <appid...>
//	    hosts <host...>
//	    on_origin on|off
//	    audience <text>
//	    path <path> login|optional|public|ask unionid|require unionid
//	    outside guest|ask|scan|deny
//	    fragment on|off
//	    upstream <host:port>
//	    algorithm ES256|RS256|EdDSA
//	    claims openid|unionid|none
//	    send bearer|plain
//	    no_cache on|off
//	    bind_header on|off
//	    phone on|off
//	}
func (p *parser) site(d *caddyfile.Dispenser) error {
	s := new(directory.Site)
	if err := p.named(d, "site", &s.PTID); err != nil {
		return err
	}
	p.app.Sites = append(p.app.Sites, s)
	at := func(field string) place { return place{"site", s.PTID, field} }
	return p.block(d, words{
		"realm":       one(&s.Realm, at("realm"), p),
		"accounts":    many(&s.Accounts, at("accounts"), p),
		"hosts":       many(&s.Hosts, at("hosts"), p),
		"on_origin":   switched(&s.OnOrigin, at("on_origin"), p),
		"audience":    one(&s.Audience, at("audience"), p),
		"path":        func(d *caddyfile.Dispenser) error { return p.path(d, s) },
		"outside":     one((*string)(&s.Outside), at("outside"), p),
		"fragment":    switched(&s.Fragment, at("fragment"), p),
		"upstream":    one(&s.Upstream, at("upstream"), p),
		"algorithm":   p.algorithm(&s.Algorithm, at("algorithm")),
		"claims":      many(&s.Claims, at("claims"), p),
		"send":        many(&s.Send, at("send"), p),
		"no_cache":    switched(&s.NoCache, at("no_cache"), p),
		"bind_header": switched(&s.BindHeader, at("bind_header"), p),
		"phone":       switched(&s.Phone, at("phone"), p),
	})
}

// path reads a path of a site and its policy, which may be two words.
func (p *parser) path(d *caddyfile.Dispenser, s *directory.Site) error {
	args := d.RemainingArgs()
	if len(args) < 2 {
		return d.Err("path is written `path <path> <policy>`, such as `path /pay/notify public`")
	}
	policy := args[1]
	for _, word := range args[2:] {
		policy += " " + word
	}
	var names []string
	for _, known := range directory.Policies {
		if string(known) == policy {
			s.Paths = append(s.Paths, directory.PathRule{Path: args[0], Policy: known})
			p.where[place{"site", s.PTID, "path"}] = d.File() + ":" + strconv.Itoa(d.Line())
			return nil
		}
		names = append(names, string(known))
	}
	if near := directory.Nearest(policy, names); near != "" {
		return d.Errf("unknown policy %q; did you mean %q?", policy, near)
	}
	return d.Errf("unknown policy %q; use login, optional, public, ask unionid or require unionid", policy)
}

// named reads the name of an account, a realm or a site.
func (p *parser) named(d *caddyfile.Dispenser, kind string, into *string) error {
	if !d.NextArg() {
		return d.Errf("%s needs a name", kind)
	}
	*into = d.Val()
	if err := p.note(d, place{kind, *into, ""}); err != nil {
		return err
	}
	if d.NextArg() {
		return d.Errf("%s takes one name, found %q too", kind, d.Val())
	}
	return nil
}
