package directory

import "fmt"

// checkSite refuses a site whose accounts don't go together. It is called once all
// accounts are known.
func (d *Directory) checkSite(s *Site) *Fault {
	fault := func(field, format string, args ...any) *Fault {
		return &Fault{"site", s.PTID, field, fmt.Sprintf(format, args...)}
	}
	var web, mini *Account
	first := d.accounts[s.Accounts[0]]
	for i, id := range s.Accounts {
		switch a := d.accounts[id]; {
		case a.Official() && !first.Official():
			return fault("accounts", "the Official Account %s has to stand before %s: addresses without an account lead to the first, where pages are opened", id, first.AppID)
		case a.Kind == Web && web != nil && web != a:
			return fault("accounts", "%s and %s are both of the kind `web`: a visitor who scans would be another one at each", web.AppID, id)
		case a.Kind == Web:
			web = a
			if i > 0 && first.Official() && a.SubjectOrSelf() != first.SubjectOrSelf() {
				return fault("accounts", "%s and %s need one `subject`, or who scans at a desk is another user than in WeChat", first.AppID, id)
			}
		case a.Kind == Mini:
			mini = a
		}
	}
	switch {
	case s.Outside == OutsideScan && web == nil:
		return fault("outside", "`scan` needs an account of the kind `web` among the site's `accounts`")
	case s.Phone == "on" && mini == nil:
		return fault("phone", "only a mini program tells phone numbers: the site needs an account of the kind `mini`")
	}
	return nil
}

// WebAccount is the account of a site through which visitors at a desk scan, or nil.
func (d *Directory) WebAccount(s *Site) *Account { return d.first(s, (*Account).scans) }

// OfficialAccount is the first Official Account of a site, or nil.
func (d *Directory) OfficialAccount(s *Site) *Account { return d.first(s, (*Account).Official) }

func (a *Account) scans() bool { return a.Kind == Web }

func (d *Directory) first(s *Site, is func(*Account) bool) *Account {
	for _, id := range s.Accounts {
		if a := d.accounts[id]; a != nil && is(a) { // one of the facts may just have gone
			return a
		}
	}
	return nil
}

// Hosts are the further hosts of all sites, and those to which WeChat sends visitors
// back, each once or more.
func (d *Directory) Hosts() []string {
	var hosts []string
	for _, a := range d.Accounts() {
		if a.CallbackHost != "" {
			hosts = append(hosts, a.CallbackHost)
		}
	}
	for _, s := range d.Sites() {
		hosts = append(hosts, s.Hosts...)
	}
	return hosts
}
