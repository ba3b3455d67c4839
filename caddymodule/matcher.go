package caddymodule

import (
	"net/http"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-wsite/caddy-wsite/directory"
)

func init() { caddy.RegisterModule(new(MatchVisitor)) }

// MatchVisitor matches requests by who sent them and where they go. It matches
// only behind the `wsite` directive, which is what knows; every condition given
// has to hold, and of several values of one any.
type MatchVisitor struct {
	// What is known of the visitor: `virtual`, `real`, `linked` (the unionid is
	// known), `guest` (WeChat doesn't vouch for him), `known` (anybody with a
	// token) or `unknown`.
	Visitor []string `json:"visitor,omitempty"`
	// Ids of sites.
	Site []string `json:"site,omitempty"`
	// App ids of accounts.
	Account []string `json:"account,omitempty"`
	// Names of realms.
	Realm []string `json:"realm,omitempty"`
}

// visitorWords are what `visitor` can be asked for.
var visitorWords = map[string]func(v *visitor) bool{
	"virtual": func(v *visitor) bool { return v != nil && v.answer.User.Kind == "virtual" },
	"real":    func(v *visitor) bool { return v != nil && v.answer.User.Kind == "real" },
	"linked":  func(v *visitor) bool { return v != nil && v.answer.Linked() },
	"guest":   func(v *visitor) bool { return v != nil && v.session == nil },
	"known":   func(v *visitor) bool { return v != nil },
	"unknown": func(v *visitor) bool { return v == nil },
}

// CaddyModule returns the Caddy module information.
func (*MatchVisitor) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.matchers.wsite", New: func() caddy.Module { return new(MatchVisitor) }}
}

// Validate refuses words that nobody would ever match.
func (m *MatchVisitor) Validate() error {
	for _, word := range m.Visitor {
		if visitorWords[word] == nil {
			return unknownVisitorWord(word)
		}
	}
	return nil
}

// UnmarshalCaddyfile reads the matcher. Syntax:
//
//	wsite {
//	    visitor virtual|real|linked|guest|known|unknown
//	    site <ptid...>
//	    account <appid...>
//	    realm <name...>
//	}
//
// or `wsite <visitor...>` in one line.
func (m *MatchVisitor) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	for d.Next() {
		m.Visitor = append(m.Visitor, d.RemainingArgs()...)
		p := &parser{where: map[place]string{}}
		at := func(field string) place { return place{"matcher", "", field} }
		if err := p.block(d, words{
			"visitor": many(&m.Visitor, at("visitor"), p),
			"site":    many(&m.Site, at("site"), p),
			"account": many(&m.Account, at("account"), p),
			"realm":   many(&m.Realm, at("realm"), p),
		}); err != nil {
			return err
		}
	}
	for _, word := range m.Visitor {
		if visitorWords[word] == nil {
			return d.WrapErr(unknownVisitorWord(word))
		}
	}
	return nil
}

func unknownVisitorWord(word string) error {
	names := make([]string, 0, len(visitorWords))
	for name := range visitorWords {
		names = append(names, name)
	}
	return unknownWord("visitor", word, directory.Nearest(word, names))
}

// MatchWithError says whether the request matches. It never fails.
func (m *MatchVisitor) MatchWithError(r *http.Request) (bool, error) {
	p := passageOf(r)
	if p == nil {
		return false, nil
	}
	among := func(values []string, value string) bool { return len(values) == 0 || slices.Contains(values, value) }
	return among(m.Site, p.route.site.PTID) && among(m.Account, p.route.account.AppID) && among(m.Realm, p.route.site.Realm) &&
		(len(m.Visitor) == 0 || slices.ContainsFunc(m.Visitor, func(word string) bool { return visitorWords[word](p.visitor) })), nil
}

var (
	_ caddy.Validator                   = (*MatchVisitor)(nil)
	_ caddyfile.Unmarshaler             = (*MatchVisitor)(nil)
	_ caddyhttp.RequestMatcherWithError = (*MatchVisitor)(nil)
)
