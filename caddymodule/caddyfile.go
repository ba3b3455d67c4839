package caddymodule

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func init() {
	httpcaddyfile.RegisterGlobalOption("wsite", parseGlobal)
	httpcaddyfile.RegisterDirective("wsite", parseDirective)
	// Before every other authenticator, so that nobody behind sees a forged header.
	httpcaddyfile.RegisterDirectiveOrder("wsite", httpcaddyfile.Before, "basic_auth")
	httpcaddyfile.RegisterDirective("wsite_api", parseAPI)
	httpcaddyfile.RegisterDirectiveOrder("wsite_api", httpcaddyfile.Before, "basic_auth")
}

const directiveArgs = "wsite takes no arguments here, found %q; accounts and sites stand in the global option `wsite { … }`"

// parseDirective reads the directive of a site block. It takes no matcher: what a
// matcher skipped would carry a forged X-User on. Syntax:
//
//	wsite
func parseDirective(h httpcaddyfile.Helper) ([]httpcaddyfile.ConfigValue, error) {
	h.Next()
	if h.NextArg() {
		if v := h.Val(); v != "" && strings.ContainsRune("/@*", rune(v[0])) {
			return nil, h.Err("wsite takes no matcher: requests that it skipped would carry a forged X-User on; say which paths need no login with `path … public` in the site")
		}
		return nil, h.Errf(directiveArgs, h.Val())
	}
	if h.NextBlock(0) {
		return nil, h.Errf(directiveArgs, h.Val())
	}
	return h.NewRoute(nil, new(Handler)), nil
}

// parseGlobal reads the global option. Syntax:
//
//	wsite {
//	    origin <url>
//	    prefix <path>
//	    facts sqlite <file> | postgres <dsn>
//	    master_key <key> [<previous key>]
//	    api_hosts <host...>
//	    open <url>
//	    mp <url>
//	    wechat_proxy <url>
//	    wechat_timeout <duration>
//	    session_lifetime <duration>
//	    token_lifetime <duration>
//	    token_algorithm ES256|RS256|EdDSA
//	    cache_size <visitors>
//	    cluster redis <url...> [{ … }]
//	    limits { … }
//	    upstream_networks <cidr...>
//	    webhook_networks <cidr|private...>
//	    time_zone <zone>
//	    any_browser
//	    account <appid> { … }
//	    realm <name> { … }
//	    site <ptid> { … }
//	}
func parseGlobal(d *caddyfile.Dispenser, existing any) (any, error) {
	d.Next()
	if existing != nil {
		return nil, d.Err("the global option wsite is there twice: put both into one block")
	}
	if d.NextArg() {
		return nil, d.Errf("wsite takes no arguments, found %q: open a block", d.Val())
	}
	p := &parser{app: new(App), where: map[place]string{}}
	if err := p.block(d, p.globalWords()); err != nil {
		return nil, err
	}
	if p.app.Origin == "" {
		return nil, d.Err("wsite needs an `origin`: the address that visitors use, such as `origin https://www.example.com`")
	}
	body := caddyconfig.JSON(p.app, nil)
	if err := p.check(body); err != nil {
		return nil, p.locate(err)
	}
	return httpcaddyfile.App{Name: "wsite", Value: body}, nil
}

// check finds now, while it is known where everything stands, what Provision and
// Validate would find later. What a placeholder will give isn't known yet.
func (p *parser) check(body []byte) error {
	app := new(App)
	if err := json.Unmarshal(body, app); err != nil {
		return err
	}
	app.fillDefaults()
	err := app.settle(func(text, standIn string) (string, error) {
		if strings.Contains(text, "{") {
			return standIn, nil
		}
		return text, nil
	})
	if err != nil {
		return err
	}
	return app.Validate()
}

// parser reads the global option and remembers where everything stood, since what
// doesn't fit together is found only at the end.
type parser struct {
	app   *App
	where map[place]string
}

// place is a field of an account, a realm or a site; the whole of it without a field.
type place struct{ kind, id, field string }

// words are what may stand in a block: each reads its own arguments.
type words map[string]func(d *caddyfile.Dispenser) error

// block reads a block of words.
func (p *parser) block(d *caddyfile.Dispenser, known words) error {
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		word := d.Val()
		read := known[word]
		if read == nil {
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			return d.WrapErr(unknownWord("word", word, directory.Nearest(word, names)))
		}
		if err := read(d); err != nil {
			return err
		}
	}
	return nil
}

// unknownWord names the nearest right word beside a wrong one.
func unknownWord(what, word, near string) error {
	if near != "" {
		return fmt.Errorf("unknown %s %q; did you mean %q?", what, word, near)
	}
	return fmt.Errorf("unknown %s %q; docs/configuration.md lists what may stand here", what, word)
}

// note remembers where something stands, and refuses it a second time.
func (p *parser) note(d *caddyfile.Dispenser, at place) error {
	if before, twice := p.where[at]; twice {
		what := at.field
		if what == "" {
			what = at.kind + " " + at.id
		}
		return d.Errf("%s is there twice, first at %s", what, before)
	}
	p.where[at] = fmt.Sprintf("%s:%d", d.File(), d.Line())
	return nil
}

// locate puts file and line to a fault of the directory.
func (p *parser) locate(err error) error {
	var f *directory.Fault
	if !errors.As(err, &f) {
		// Other errors begin with their field, or with an account.
		name, _, _ := strings.Cut(err.Error(), ":")
		f = &directory.Fault{Kind: "wsite", Field: name}
		if id, ok := strings.CutPrefix(name, "account "); ok {
			f = &directory.Fault{Kind: "account", ID: id, Field: "secret"}
		}
	}
	for _, at := range []place{{f.Kind, f.ID, f.Field}, {f.Kind, f.ID, ""}} {
		if where := p.where[at]; where != "" {
			return fmt.Errorf("%w, at %s", err, where)
		}
	}
	return err
}

// one reads exactly one argument into a field.
func one(into *string, at place, p *parser) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if err := p.note(d, at); err != nil {
			return err
		}
		word := d.Val()
		if !d.NextArg() {
			return d.Errf("%s needs a value", word)
		}
		*into = d.Val()
		if d.NextArg() {
			return d.Errf("%s takes one value, found %q too", word, d.Val())
		}
		return nil
	}
}

// many reads one or more arguments into a field.
func many(into *[]string, at place, p *parser) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		if err := p.note(d, at); err != nil {
			return err
		}
		word := d.Val()
		if *into = d.RemainingArgs(); len(*into) == 0 {
			return d.Errf("%s needs at least one value", word)
		}
		return nil
	}
}

// duration reads a length of time.
func duration(into *caddy.Duration, at place, p *parser) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		var text string
		if err := one(&text, at, p)(d); err != nil {
			return err
		}
		v, err := caddy.ParseDuration(text)
		if err != nil || v <= 0 {
			return d.Errf("%q is no length of time such as 12h or 5m", text)
		}
		*into = caddy.Duration(v)
		return nil
	}
}

// switched reads `on` or `off`.
func switched(into *string, at place, p *parser) func(*caddyfile.Dispenser) error {
	return func(d *caddyfile.Dispenser) error {
		word := d.Val()
		if err := one(into, at, p)(d); err != nil {
			return err
		}
		if *into = strings.ToLower(*into); *into != "on" && *into != "off" {
			return d.Errf("%s is `on` or `off`, not %q", word, *into)
		}
		return nil
	}
}
