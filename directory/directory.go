package directory

import (
	"fmt"
	"slices"
)

// Fault is something wrong in a directory: what, where, and what would be right.
type Fault struct {
	Kind    string // "account", "realm", "broadcast" or "site"
	ID      string
	Field   string // as in the Caddyfile; empty for the whole
	Message string
}

func (f *Fault) Error() string {
	if f.Field == "" {
		return fmt.Sprintf("%s %s: %s", f.Kind, f.ID, f.Message)
	}
	return fmt.Sprintf("%s %s: %s: %s", f.Kind, f.ID, f.Field, f.Message)
}

// Directory holds accounts, realms and sites. It doesn't change once made.
type Directory struct {
	accounts map[string]*Account
	realms   map[string]*Realm
	sites    map[string]*Site
	opened   map[string][]*Site // by the account through which
	verify   map[string]bool
}

// New makes a directory, fills in defaults, and refuses with a [Fault] what can't
// work. The values given are not changed.
func New(accounts []*Account, realms []*Realm, sites []*Site) (*Directory, error) {
	d := &Directory{map[string]*Account{}, map[string]*Realm{}, map[string]*Site{}, map[string][]*Site{}, map[string]bool{}}
	for _, given := range accounts {
		if given == nil {
			return nil, &Fault{"account", "null", "", "there is nothing here"}
		}
		a := *given
		a.fill()
		if f := a.check(); f != nil {
			return nil, f
		}
		if d.accounts[a.AppID] != nil {
			return nil, &Fault{"account", a.AppID, "", "this account is there twice"}
		}
		d.accounts[a.AppID] = &a
		if a.Verify != "" {
			d.verify[a.Verify] = true
		}
	}
	for _, given := range realms {
		if given == nil {
			return nil, &Fault{"realm", "null", "", "there is nothing here"}
		}
		r := *given
		if !nameForm.MatchString(r.Name) {
			return nil, &Fault{"realm", r.Name, "", "a realm is named with 1 to 64 of A-Za-z0-9._-"}
		}
		r.fill()
		if f := r.check(); f != nil {
			return nil, f
		}
		if d.realms[r.Name] != nil {
			return nil, &Fault{"realm", r.Name, "", "this realm is there twice"}
		}
		if f := r.checkLines(); f != nil {
			return nil, f
		}
		d.realms[r.Name] = &r
	}
	if len(d.realms) == 0 {
		r := &Realm{Name: "main"}
		r.fill()
		d.realms["main"] = r
	}
	return d, d.addSites(sites)
}

func (d *Directory) addSites(sites []*Site) error {
	audiences := map[string]string{}
	for _, given := range sites {
		if given == nil {
			return &Fault{"site", "null", "", "there is nothing here"}
		}
		s := *given
		s.fill()
		if f := s.check(); f != nil {
			return f
		}
		if d.sites[s.PTID] != nil {
			return &Fault{"site", s.PTID, "", "this site is there twice"}
		}
		if f := d.fits(&s); f != nil {
			return f
		}
		if other, taken := audiences[s.Audience]; taken {
			return sameAudience(&s, other)
		}
		audiences[s.Audience] = s.PTID
		d.sites[s.PTID] = &s
	}
	for _, s := range d.Sites() {
		for _, id := range s.Accounts {
			if of := d.opened[id]; len(of) == 0 || of[len(of)-1] != s { // it may be named twice
				d.opened[id] = append(of, s)
			}
		}
	}
	return nil
}

// meant names the nearest of what is there.
func meant[T any](word string, there map[string]T) string {
	names := make([]string, 0, len(there))
	for n := range there {
		names = append(names, n)
	}
	if near := Nearest(word, names); near != "" {
		return fmt.Sprintf("; did you mean %q?", near)
	}
	return ""
}

// Account returns an account, or nil.
func (d *Directory) Account(appID string) *Account { return d.accounts[appID] }

// Site returns a site, or nil.
func (d *Directory) Site(ptid string) *Site { return d.sites[ptid] }

// Realm returns a realm, or nil.
func (d *Directory) Realm(name string) *Realm { return d.realms[name] }

// Verifies says whether a code of WeChat's domain check belongs to an account.
func (d *Directory) Verifies(code string) bool { return d.verify[code] }

// Accounts returns all accounts, by app id.
func (d *Directory) Accounts() []*Account { return sorted(d.accounts) }

// Realms returns all realms, by name.
func (d *Directory) Realms() []*Realm { return sorted(d.realms) }

// Sites returns all sites, by ptid.
func (d *Directory) Sites() []*Site { return sorted(d.sites) }

// SitesOf returns the sites that are opened through an account, by ptid. The list is the
// directory's own: it is not to be changed.
func (d *Directory) SitesOf(appID string) []*Site { return d.opened[appID] }

func sorted[T any](m map[string]*T) []*T {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	out := make([]*T, len(keys))
	for i, k := range keys {
		out[i] = m[k]
	}
	return out
}
