package caddymodule

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

// account reads an account of WeChat's. Syntax:
//
//	account <appid> {
//	    name <name>
//	    kind service|subscription|mini|app|web
//	    secret <secret>
//	    subject <name>
//	    verify <code>
//	    callback_host <host>
//	    mini_login_page <path>
//	    access_token stable|legacy|off
//	    share_token on|off
//	    pass_through <path...>
//	    push { … }
//	}
func (p *parser) account(d *caddyfile.Dispenser) error {
	a := new(directory.Account)
	if err := p.named(d, "account", &a.AppID); err != nil {
		return err
	}
	if !directory.ValidAppID(a.AppID) {
		return d.Errf("account %q: an app id is `wx` and 16 of 0-9a-f", a.AppID)
	}
	p.app.Accounts = append(p.app.Accounts, a)
	at := func(field string) place { return place{"account", a.AppID, field} }
	return p.block(d, words{
		"name":            one(&a.Name, at("name"), p),
		"kind":            one((*string)(&a.Kind), at("kind"), p),
		"secret":          one(&a.Secret, at("secret"), p),
		"subject":         one(&a.Subject, at("subject"), p),
		"verify":          one(&a.Verify, at("verify"), p),
		"callback_host":   one(&a.CallbackHost, at("callback_host"), p),
		"mini_login_page": one(&a.MiniLoginPage, at("mini_login_page"), p),
		"access_token":    one(&a.AccessToken, at("access_token"), p),
		"share_token":     switched(&a.ShareToken, at("share_token"), p),
		"pass_through":    many(&a.PassThrough, at("pass_through"), p),
		"push":            func(d *caddyfile.Dispenser) error { return p.push(d, a) },
	})
}

// push reads what WeChat pushes to an account. Syntax:
//
//	push {
//	    token <token>
//	    aes_key <key> [<previous>]
//	    mode safe|compatible|plain
//	    subscriber <name> <url> { … }
//	}
func (p *parser) push(d *caddyfile.Dispenser, a *directory.Account) error {
	at := func(field string) place { return place{"push", a.AppID, field} }
	if err := p.note(d, at("")); err != nil {
		return err
	}
	if d.NextArg() {
		return d.Errf("push takes no arguments, found %q: open a block", d.Val())
	}
	a.Push = new(directory.Push)
	return p.block(d, words{
		"token":      one(&a.Push.Token, at("token"), p),
		"aes_key":    many(&a.Push.AESKeys, at("aes_key"), p),
		"mode":       one(&a.Push.Mode, at("mode"), p),
		"subscriber": func(d *caddyfile.Dispenser) error { return p.subscriber(d, a) },
	})
}

// subscriber reads a backend that hears of the pushes, too. Syntax:
//
//	subscriber <name> <url> {
//	    token <token>
//	    aes_key <key>
//	    mode safe|compatible|plain
//	    types <type...>
//	    reply on|off
//	}
func (p *parser) subscriber(d *caddyfile.Dispenser, a *directory.Account) error {
	args := d.RemainingArgs()
	if len(args) != 2 {
		return d.Err("subscriber is written `subscriber <name> <url> { … }`")
	}
	s := &directory.Subscriber{Name: args[0], URL: args[1]}
	a.Push.Subscribers = append(a.Push.Subscribers, s)
	at := func(field string) place { return place{"subscriber", a.AppID + "/" + s.Name, field} }
	if err := p.note(d, at("")); err != nil {
		return err
	}
	return p.block(d, words{
		"token":   one(&s.Token, at("token"), p),
		"aes_key": one(&s.AESKey, at("aes_key"), p),
		"mode":    one(&s.Mode, at("mode"), p),
		"types":   many(&s.Types, at("types"), p),
		"reply":   switched(&s.Reply, at("reply"), p),
	})
}
