package directory

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Entry is what the facts keep beside an account or a site.
type Entry struct {
	// Version is the number of the last change to it, which never comes again, not even
	// after it was taken away and made anew; 0 for one that isn't kept yet.
	Version int64
	At      time.Time
	By      string // who changed it last
}

// KeptAccount is an account that is kept in the facts, not in the Caddyfile. What proves
// it stands in Sealed, and nowhere else.
type KeptAccount struct {
	Entry
	Account Account
	Sealed  []byte
}

// KeptSite is a site that is kept in the facts.
type KeptSite struct {
	Entry
	Site Site
}

// Use says that sites of the facts in a realm are opened through an account.
type Use struct {
	AppID, Realm string
	First        string // the first of them, by ptid
	More         bool   // there are others
}

// SiteFilter says which sites of the facts are listed: those behind After, by ptid.
type SiteFilter struct {
	After  string
	Realm  string // empty for all
	AppID  string // empty for all
	Search string // a part of the ptid, a host or the audience, in any case; empty for all
	Limit  int
}

// Store keeps accounts and sites. Every change tells the caches of all nodes. One that
// meets another change is refused with identity.ErrConflict, one that can't be reached
// answers with identity.ErrUnavailable.
type Store interface {
	// KeptAccounts are all accounts, by app id, and how often they were changed: what is
	// judged among them is written only while that is so, else it is refused with [ErrMoved].
	KeptAccounts(ctx context.Context) (list []KeptAccount, changes int64, err error)
	// PutKeptAccount adds an account at Version 0, or replaces it at its version.
	PutKeptAccount(ctx context.Context, a KeptAccount, judged int64) error
	// ResealKeptAccount puts the same secrets, sealed anew, in the place of was, if that is
	// what is there. Caches needn't hear of it.
	ResealKeptAccount(ctx context.Context, appID string, was, sealed []byte) error
	// DropKeptAccount takes an account away; [ErrUsed] while a site is opened through it.
	DropKeptAccount(ctx context.Context, appID string, version int64) error

	// KeptSite finds a site.
	KeptSite(ctx context.Context, ptid string) (KeptSite, bool, error)
	// KeptSites lists sites, by ptid.
	KeptSites(ctx context.Context, f SiteFilter) ([]KeptSite, error)
	// KeptHost says whether a site has a host.
	KeptHost(ctx context.Context, host string) (bool, error)
	// KeptAudience finds the site with an audience; empty if there is none.
	KeptAudience(ctx context.Context, audience string) (ptid string, err error)
	// KeptUses tells through which accounts, in which realms, sites are opened, and how
	// their tokens are signed.
	KeptUses(ctx context.Context) (uses []Use, algorithms []string, err error)
	// PutKeptSite adds a site at Version 0, or replaces it at its version; [ErrAudience]
	// if another one has its audience.
	PutKeptSite(ctx context.Context, s KeptSite, judged int64) error
	// DropKeptSite takes a site away.
	DropKeptSite(ctx context.Context, ptid string, version int64) error
}

// What a [Store] refuses.
var (
	ErrUsed     = errors.New("sites are opened through the account")
	ErrMoved    = errors.New("accounts have changed since it was judged")
	ErrAudience = errors.New("another site has this audience: one could use the other's tokens")
)

// With is the directory with further accounts, whose sites aren't in it. An account that
// is there already stays as it is; a fault of another leaves that one out.
func (d *Directory) With(accounts []Account) (*Directory, []error) {
	with := *d
	with.accounts, with.verify = map[string]*Account{}, map[string]bool{}
	for id, a := range d.accounts {
		with.accounts[id] = a
	}
	for code := range d.verify {
		with.verify[code] = true
	}
	var faults []error
	for _, a := range accounts {
		if d.accounts[a.AppID] != nil {
			continue
		}
		fit, err := FitAccount(a)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		with.accounts[a.AppID] = fit
		if fit.Verify != "" {
			with.verify[fit.Verify] = true
		}
	}
	return &with, faults
}

// FitAccount fills in the defaults of an account, and refuses with a [Fault] what can't
// work.
func FitAccount(a Account) (*Account, error) {
	a.fill()
	if f := a.check(); f != nil {
		return nil, f
	}
	return &a, nil
}

// Filled is a site with the defaults of what is left out.
func (s Site) Filled() Site {
	s.fill()
	return s
}

// FitSite fills in the defaults of a site that isn't in the directory, and refuses with a
// [Fault] what can't work among those that are.
func (d *Directory) FitSite(s Site) (*Site, error) {
	s.fill()
	if f := s.check(); f != nil {
		return nil, f
	}
	if f := d.fits(&s); f != nil {
		return nil, f
	}
	for _, other := range d.sites {
		if other.Audience == s.Audience {
			return nil, sameAudience(&s, other.PTID)
		}
	}
	return &s, nil
}

// fits refuses a site whose realm or accounts don't exist or don't go together.
func (d *Directory) fits(s *Site) *Fault {
	if d.realms[s.Realm] == nil {
		return &Fault{"site", s.PTID, "realm", fmt.Sprintf("there is no realm %q%s", s.Realm, meant(s.Realm, d.realms))}
	}
	for _, id := range s.Accounts {
		if d.accounts[id] == nil {
			return &Fault{"site", s.PTID, "accounts", fmt.Sprintf("there is no account %q%s", id, meant(id, d.accounts))}
		}
	}
	return d.checkSite(s)
}

func sameAudience(s *Site, other string) *Fault {
	return &Fault{"site", s.PTID, "audience", fmt.Sprintf("site %s has the audience %q already: one could use the other's tokens", other, s.Audience)}
}
