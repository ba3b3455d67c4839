package directory

import (
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
)

// Policy says what a path of a site asks of its visitors.
type Policy string

const (
	Login          Policy = "login"           // everybody has a name
	Optional       Policy = "optional"        // a name if it is known
	Public         Policy = "public"          // no name, never a login
	AskUnionID     Policy = "ask unionid"     // ask once, after a tap; a refusal is fine
	RequireUnionID Policy = "require unionid" // a refusal leads back
)

// Policies are all policies, in the order of the documentation.
var Policies = []Policy{Login, Optional, Public, AskUnionID, RequireUnionID}

// Outside says how a site meets a browser that isn't WeChat's.
type Outside string

const (
	OutsideGuest Outside = "guest" // give it a guest id
	OutsideAsk   Outside = "ask"   // ask to open the page in WeChat
	OutsideScan  Outside = "scan"  // lead to the site's `web` account, where he scans
	OutsideDeny  Outside = "deny"  // refuse
)

// Outsides are all ways to meet other browsers.
var Outsides = []Outside{OutsideGuest, OutsideAsk, OutsideScan, OutsideDeny}

// PathRule is a path of a site and the policy that holds there.
type PathRule struct {
	// A path inside the site, such as `/pay/notify`, or all below one:
	// `/checkout/*`. It is compared with the canonical path.
	Path string `json:"path,omitempty"`
	// `login`, `optional`, `public`, `ask unionid` or `require unionid`.
	Policy Policy `json:"policy,omitempty"`
}

func (p PathRule) matches(path string) bool {
	if prefix, ok := strings.CutSuffix(p.Path, "*"); ok {
		// All below /checkout/ includes /checkout itself: nobody means to leave
		// the page open and guard only what is under it.
		return strings.HasPrefix(path, prefix) || path+"/" == prefix
	}
	return path == p.Path
}

// Site is a micro-site.
type Site struct {
	// The site's id in its address: 1 to 64 of A-Za-z0-9_-
	PTID string `json:"ptid,omitempty"`

	// The user-id space of the site. Default: `main`.
	Realm string `json:"realm,omitempty"`

	// App ids of the accounts that the site is opened through; the first one is
	// the default for addresses without an account. Official Accounts stand before
	// mini programs and applications.
	Accounts []string `json:"accounts,omitempty"`

	// Further hosts that serve the site, such as `shop.example.com`. A session there
	// is that host's own. Default: none.
	Hosts []string `json:"hosts,omitempty"`

	// Whether the origin serves the site, `on` or `off`. Pages of one host can read
	// each other, so sites that distrust the others keep to hosts of their own.
	// Default: `on`.
	OnOrigin string `json:"on_origin,omitempty"`

	// What the site's tokens are made out to: the `aud` claim. No two sites have
	// the same. Default: the ptid.
	Audience string `json:"audience,omitempty"`

	// Policies of paths; the first match wins. Default, and where none matches:
	// `login`.
	Paths []PathRule `json:"paths,omitempty"`

	// How browsers other than WeChat's are met: `guest` gives them a guest id,
	// `ask` shows a page that asks to open the address in WeChat, `scan` leads to the
	// same path under the site's `web` account, where visitors scan a code with their
	// phones, `deny` refuses. Default: `guest`.
	Outside Outside `json:"outside,omitempty"`

	// Whether the part of an address behind `#` survives a login, for
	// hash-routed apps. It takes a small page; `off` redirects at once.
	// Default: `on`.
	Fragment string `json:"fragment,omitempty"`

	// Where the site runs, as `host:port`, for `dynamic wsite` in a
	// reverse_proxy. Default: none.
	Upstream string `json:"upstream,omitempty"`

	// How the site's tokens are signed: `ES256`, `RS256` or `EdDSA`.
	// Default: that of the app.
	Algorithm string `json:"algorithm,omitempty"`

	// Personal claims that the site's tokens carry: `openid`, `unionid`, or
	// `none`. Default: `openid`, which WeChat Pay needs.
	Claims []string `json:"claims,omitempty"`

	// Further ways to tell the site who the visitor is: `bearer` sends the token
	// as `Authorization: Bearer` too, where the client sent no Authorization;
	// `plain` sends `X-User-Id` and `X-User-Kind` unsigned, for networks in
	// which nobody else can reach the site. Default: none.
	Send []string `json:"send,omitempty"`

	// Whether the site may tell a login with the header `X-User-Bind: <user id>` of any
	// answer. The header never reaches the browser. Default: `off`.
	BindHeader string `json:"bind_header,omitempty"`

	// Whether a mini program of the site may have the phone number behind a code, with
	// `POST /-/phone`. Default: `off`.
	Phone string `json:"phone,omitempty"`

	// Whether HTML without a `Cache-Control` is marked `private, no-cache`, since
	// WeChat caches pages hard. Default: `on`.
	NoCache string `json:"no_cache,omitempty"`
}

// Policy is what the site asks for at a path. The path is canonical and begins
// behind the site's own part: `/`, `/pay/notify`.
func (s *Site) Policy(path string) Policy {
	for _, rule := range s.Paths {
		if rule.matches(path) {
			return rule.Policy
		}
	}
	return Login
}

// ServedOn says whether one of the site's further hosts has this name, written as a
// [Site] holds it.
func (s *Site) ServedOn(host string) bool { return slices.Contains(s.Hosts, host) }

// ServedBy says whether the site is opened through an account.
func (s *Site) ServedBy(appID string) bool { return slices.Contains(s.Accounts, appID) }

// Tells says whether the site's tokens carry a personal claim.
func (s *Site) Tells(claim string) bool { return slices.Contains(s.Claims, claim) }

// Sends says whether the site wants to be told in a further way.
func (s *Site) Sends(way string) bool { return slices.Contains(s.Send, way) }

// Algorithms are the ways to sign a token.
var Algorithms = []string{"ES256", "RS256", "EdDSA"}

// fill sets what the operator left out.
func (s *Site) fill() {
	for field, value := range map[*string]string{
		&s.Realm: "main", &s.Audience: s.PTID, (*string)(&s.Outside): string(OutsideGuest), &s.Fragment: "on", &s.NoCache: "on", &s.BindHeader: "off", &s.OnOrigin: "on", &s.Phone: "off",
	} {
		if *field == "" {
			*field = value
		}
	}
	if len(s.Claims) == 0 {
		s.Claims = []string{"openid"}
	}
}

func (s *Site) check() *Fault {
	fault := func(field, format string, args ...any) *Fault {
		return &Fault{"site", s.PTID, field, fmt.Sprintf(format, args...)}
	}
	switch {
	case !ValidPTID(s.PTID):
		return fault("", "a site's id begins with a letter or digit and is 1 to 64 of A-Za-z0-9_-")
	case ValidAppID(s.PTID):
		return fault("", "a site's id may not look like an app id")
	case len(s.Accounts) == 0:
		return fault("accounts", "a site needs at least one of `accounts`")
	case len(s.Audience) > 256 || strings.ContainsFunc(s.Audience, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fault("audience", "an audience is up to 256 visible ASCII characters")
	case !slices.Contains(Outsides, s.Outside):
		return fault("outside", "outside WeChat is met by `guest`, `ask`, `scan` or `deny`")
	case s.OnOrigin == "off" && len(s.Hosts) == 0:
		return fault("on_origin", "a site that the origin doesn't serve needs `hosts`")
	case s.Algorithm != "" && !slices.Contains(Algorithms, s.Algorithm):
		return fault("algorithm", "an algorithm is `ES256`, `RS256` or `EdDSA`")
	}
	for _, word := range []struct{ name, value string }{{"fragment", s.Fragment}, {"bind_header", s.BindHeader}, {"no_cache", s.NoCache}, {"phone", s.Phone}, {"on_origin", s.OnOrigin}} {
		if word.value != "on" && word.value != "off" {
			return fault(word.name, "%s is `on` or `off`", word.name)
		}
	}
	for i, h := range s.Hosts {
		if !ValidHost(h) {
			return fault("hosts", "%s", hostFault(h))
		}
		if slices.Contains(s.Hosts[:i], h) {
			return fault("hosts", "the host %s is there twice", h)
		}
	}
	for _, c := range s.Claims {
		if c != "openid" && c != "unionid" && (c != "none" || len(s.Claims) > 1) {
			return fault("claims", "claims are `openid` and `unionid`, or `none`")
		}
	}
	for _, w := range s.Send {
		if w != "bearer" && w != "plain" {
			return fault("send", "a site can be sent `bearer` and `plain`")
		}
	}
	for _, p := range s.Paths {
		if err := checkPattern(p.Path); err != nil {
			return fault("path", "%v", err)
		}
		if !slices.Contains(Policies, p.Policy) {
			return fault("path", "a policy is `login`, `optional`, `public`, `ask unionid` or `require unionid`, not %q", p.Policy)
		}
	}
	if s.Upstream != "" {
		if err := checkUpstream(s.Upstream); err != nil {
			return fault("upstream", "%v", err)
		}
	}
	return nil
}

// checkUpstream refuses placeholders: an address that a request can choose would
// let anybody send the gateway anywhere.
func checkUpstream(address string) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || host == "" || strings.ContainsAny(address, "{}/@ ") {
		return fmt.Errorf("an upstream is `host:port`, without placeholders")
	}
	if n, err := strconv.Atoi(port); err != nil || n < 1 || n > 65535 {
		return fmt.Errorf("an upstream's port is 1 to 65535")
	}
	return nil
}
