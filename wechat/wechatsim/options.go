package wechatsim

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Options are what a simulator begins with. The zero value is usable.
type Options struct {
	// Seed decides openids, unionids and everything that is left to chance; 0
	// draws one. See [Sim.Seed].
	Seed uint64
	// Now is the clock below [Sim.Advance]; default [time.Now].
	Now func() time.Time
	// Accounts and People are the cast; each that is nil is [DefaultAccounts] or
	// [DefaultCast]. People may follow accounts that aren't there.
	Accounts []Account
	People   []Person
	// Links are offered on the phone page.
	Links []Link
	// Pushes are where accounts' messages and events go. Unlike [Sim.SetPush] they
	// are taken on trust, for a server may start later.
	Pushes []PushTarget
	// Log gets a line for every request, without secrets; nil logs nothing.
	Log *slog.Logger

	// The rest is where the settings begin; see [Settings].

	AnyBrowser   bool
	Consent      Consent
	RefuseCloses bool
	FromMenu     bool
	QuietUnionID bool
	ExpiredAs    int

	StrangerUnionID bool
	FanPage         int
	FastLogin       bool
}

// Link is something to open on the phone page.
type Link struct {
	Title string `json:"title"`
	URL   string `json:"url"`
	Text  string `json:"text"`
}

// Consent is how a person answers the page that asks for snsapi_userinfo; "" is
// [ConsentAsk]. It is a mere string, so that words of a script fit.
type Consent = string

const (
	ConsentAsk    Consent = "ask"    // show the page and wait for the tap; the default
	ConsentAllow  Consent = "allow"  // tap "allow" at once, without a page
	ConsentRefuse Consent = "refuse" // tap "refuse" at once, without a page
)

// Settings can be changed while the simulator runs; see [Sim.Change].
type Settings struct {
	// AnyBrowser takes every browser for WeChat's. Without it the authorize page
	// wants MicroMessenger in the User-Agent, as WeChat does.
	AnyBrowser bool `json:"any_browser"`
	// Consent is how the next consent pages are answered.
	Consent Consent `json:"consent"`
	// RefuseCloses makes a refusal close the page instead of returning with a
	// state alone, as newer WeChat clients do (wechat-api.md §1.3).
	RefuseCloses bool `json:"refuse_closes"`
	// FromMenu pretends that everybody comes from the account's chat or menu:
	// followers are not asked for consent (wechat-api.md §1.2).
	FromMenu bool `json:"from_menu"`
	// QuietUnionID withholds the unionid from silent logins even after an earlier
	// grant of snsapi_userinfo, as WeChat documents but doesn't do.
	QuietUnionID bool `json:"quiet_unionid"`
	// ExpiredAs is the errcode for an expired code: 42003, the default, or 40029,
	// which has been seen, too (wechat-api.md §1.4).
	ExpiredAs int `json:"expired_as"`
	// StrangerUnionID makes user/info tell the unionid of people who don't follow,
	// too, as some accounts have seen (wechat-api.md §6.1).
	StrangerUnionID bool `json:"stranger_unionid"`
	// FanPage is how many openids user/get tells at once: 1 to 10,000, which is
	// the default.
	FanPage int `json:"fan_page"`
	// FastLogin logs a browser that brings a [Sim.PersonCookie] in on a website
	// without a QR code, as a computer with WeChat does. Consent [ConsentRefuse]
	// refuses.
	FastLogin bool `json:"fast_login"`
}

// settle fills in what settings leave out, and refuses what isn't one.
func (s Settings) settle() (Settings, error) {
	if s.Consent == "" {
		s.Consent = ConsentAsk
	}
	if s.ExpiredAs == 0 {
		s.ExpiredAs = 42003
	}
	if s.FanPage == 0 {
		s.FanPage = maxFanPage
	}
	if !slices.Contains([]Consent{ConsentAsk, ConsentAllow, ConsentRefuse}, s.Consent) {
		return s, fmt.Errorf("checking settings: consent is ask, allow or refuse, not %q", s.Consent)
	}
	if s.ExpiredAs != 42003 && s.ExpiredAs != 40029 {
		return s, fmt.Errorf("checking settings: an expired code is 42003 or 40029, not %d", s.ExpiredAs)
	}
	if s.FanPage < 1 || s.FanPage > maxFanPage {
		return s, fmt.Errorf("checking settings: a page of followers has 1 to %d, not %d", maxFanPage, s.FanPage)
	}
	return s, nil
}

func (o Options) settings() (Settings, error) {
	return Settings{
		AnyBrowser: o.AnyBrowser, Consent: o.Consent, RefuseCloses: o.RefuseCloses,
		FromMenu: o.FromMenu, QuietUnionID: o.QuietUnionID, ExpiredAs: o.ExpiredAs,
		StrangerUnionID: o.StrangerUnionID, FanPage: o.FanPage, FastLogin: o.FastLogin,
	}.settle()
}

// cast fills in what the options leave out.
func (o Options) cast() ([]Account, []Person) {
	accounts, people := o.Accounts, o.People
	if accounts == nil {
		accounts = DefaultAccounts()
	}
	if people == nil {
		people = DefaultCast()
	}
	return accounts, people
}

// Check tells what is wrong with the options, such as a domain that WeChat's
// console would refuse.
func (o Options) Check() error {
	if _, err := o.settings(); err != nil {
		return err
	}
	accounts, people := o.cast()
	known := map[string]bool{}
	for _, a := range accounts {
		if known[a.AppID] {
			return fmt.Errorf("checking account %s: there are two of them", a.AppID)
		}
		known[a.AppID] = true
		if err := a.check(); err != nil {
			return fmt.Errorf("checking account %s: %w", a.AppID, err)
		}
	}
	for _, p := range o.Pushes {
		if _, err := p.settle(); err != nil || !known[p.AppID] {
			return fmt.Errorf("checking the push target of %q: %w", p.AppID, cmp.Or(err, ErrUnknown))
		}
	}
	seen := map[string]bool{}
	for _, p := range people {
		if seen[p.Name] {
			return fmt.Errorf("checking person %s: there are two of them", p.Name)
		}
		seen[p.Name] = true
		if err := p.check(); err != nil {
			return fmt.Errorf("checking person %q: %w", p.Name, err)
		}
	}
	return nil
}

var (
	appidForm  = regexp.MustCompile(`^wx[0-9a-f]{16}$`)
	nameForm   = regexp.MustCompile(`^[a-z0-9_-]{1,32}$`)
	phoneForm  = regexp.MustCompile(`^[0-9]{0,20}$`)
	colourForm = regexp.MustCompile(`^(#[0-9a-fA-F]{6})?$`)
)

func (a Account) check() error {
	switch {
	case !appidForm.MatchString(a.AppID):
		return errors.New("an appid is wx and 16 lower-case hex digits")
	case a.Secret == "":
		return errors.New("the secret is missing")
	case a.Kind != "" && !slices.Contains(kinds, a.Kind):
		return fmt.Errorf("the kind is one of %s, not %q", strings.Join(kinds, ", "), a.Kind)
	}
	if _, err := a.whitelist(); err != nil {
		return err
	}
	for _, d := range a.Domains {
		if err := checkDomain(d, a.Sandbox); err != nil {
			return err
		}
	}
	return nil
}

func checkDomain(d string, sandbox bool) error {
	host, _, err := net.SplitHostPort(d)
	hasPort := err == nil
	if !hasPort {
		host = d
	}
	_, err = netip.ParseAddr(host)
	isIP := err == nil
	switch {
	case host == "" || strings.ContainsAny(d, "/?#@ "):
		return fmt.Errorf("domain %q: a domain is a bare host", d)
	case (hasPort || isIP) && !sandbox:
		return fmt.Errorf("domain %q: only a sandbox account takes a port or an IP address", d)
	}
	return nil
}

func (p Person) check() error {
	if !nameForm.MatchString(p.Name) {
		return errors.New("a name is 1 to 32 of [a-z0-9_-]")
	}
	if !colourForm.MatchString(p.Colour) {
		return fmt.Errorf("a colour is #rrggbb, not %q", p.Colour)
	}
	if !phoneForm.MatchString(p.Phone) {
		return fmt.Errorf("a phone number is digits, not %q", p.Phone)
	}
	for _, appid := range slices.Concat(p.Follows, p.Granted) {
		if !appidForm.MatchString(appid) {
			return fmt.Errorf("%q is no appid", appid)
		}
	}
	return nil
}
