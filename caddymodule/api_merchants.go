package caddymodule

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// The list of merchants; merchants.md tells what it is for.

// merchantIn is a merchant as he shall be. Whoever edits one sends all of it.
type merchantIn struct {
	// ID is the platform's own; of one who is edited the address has it.
	ID      string          `json:"id,omitempty"`
	Name    string          `json:"name"`
	Login   string          `json:"login,omitempty"`
	Contact string          `json:"contact,omitempty"`
	Phone   string          `json:"phone,omitempty"`
	Status  merchant.Status `json:"status,omitempty"`
	// Persons is how many may be bound to him at each account; 1 by default.
	Persons int `json:"persons,omitempty"`
	// User is his own id in the realm, with which who is bound first is linked.
	User       string    `json:"user,omitempty"`
	Sites      []string  `json:"sites,omitempty"`
	Registered time.Time `json:"registered,omitzero"`
	LastLogin  time.Time `json:"last_login,omitzero"`
	// Version is that from which he was edited.
	Version int `json:"version,omitempty"`
}

func (in merchantIn) in(realm, id string) merchant.Merchant {
	return merchant.Merchant{
		Realm: realm, ID: id, Name: in.Name, Login: in.Login, Contact: in.Contact, Phone: in.Phone, Status: in.Status, Persons: in.Persons, User: in.User,
		Sites: in.Sites, Registered: in.Registered, LastLogin: in.LastLogin, Version: in.Version,
	}
}

// merchantOut is a merchant as he is.
type merchantOut struct {
	ID         string          `json:"id"`
	Name       string          `json:"name"`
	Login      string          `json:"login,omitempty"`
	Contact    string          `json:"contact,omitempty"`
	Phone      string          `json:"phone,omitempty"`
	Status     merchant.Status `json:"status"`
	Persons    int             `json:"persons"`
	User       string          `json:"user,omitempty"`
	Sites      []string        `json:"sites,omitempty"`
	Registered time.Time       `json:"registered,omitzero"`
	LastLogin  time.Time       `json:"last_login,omitzero"`
	Made       time.Time       `json:"made"`
	Version    int             `json:"version"`
	// Bindings are who is bound to him. The answer to a change doesn't tell.
	Bindings []bindingOut `json:"bindings,omitempty"`
}

// bindingOut is a person who is bound to a merchant.
type bindingOut struct {
	AppID string `json:"appid"`
	Slot  int    `json:"slot"`
	// Person is his openid, shortened.
	Person string `json:"person"`
	// User is empty while the binding is only reserved.
	User  string    `json:"user,omitempty"`
	Code  string    `json:"code"`
	Bound time.Time `json:"bound,omitzero"`
	// Following is yes or no; empty if WeChat hasn't told.
	Following string `json:"following,omitempty"`
}

func merchantOf(m merchant.Merchant) merchantOut {
	return merchantOut{
		ID: m.ID, Name: m.Name, Login: m.Login, Contact: m.Contact, Phone: m.Phone, Status: m.Status, Persons: m.Persons, User: m.User, Sites: m.Sites,
		Registered: m.Registered, LastLogin: m.LastLogin, Made: m.Made, Version: m.Version,
	}
}

func listedOf(l merchant.Listed) merchantOut {
	out := merchantOf(l.Merchant)
	for _, b := range l.Bindings {
		following := ""
		if b.Known {
			following = map[bool]string{true: "yes", false: "no"}[b.Following]
		}
		out.Bindings = append(out.Bindings, bindingOut{b.AppID, b.Slot, identity.Mask(b.OpenID), b.User, b.Code, b.Bound, following})
	}
	return out
}

// merchant is whom the address names.
func (c *apiCall) merchant() string { return c.r.PathValue("id") }

func (c *apiCall) createMerchant(in merchantIn) (merchantOut, error) {
	if in.Version != 0 {
		return merchantOut{}, apiRefuse(apiBadBody).saying("a new merchant has no version")
	}
	m, err := c.desk.Create(c.ctx, in.in(c.realm, in.ID), c.actor())
	return merchantOf(m), err
}

func (c *apiCall) editMerchant(in merchantIn) (merchantOut, error) {
	if in.ID != "" && in.ID != c.merchant() {
		return merchantOut{}, apiRefuse(apiBadBody).saying("the id of a merchant can't be changed")
	}
	m, err := c.desk.Edit(c.ctx, in.in(c.realm, c.merchant()), c.actor())
	return merchantOf(m), err
}

func (c *apiCall) getMerchant(none) (merchantOut, error) {
	m, err := c.desk.Get(c.ctx, c.realm, c.merchant())
	return listedOf(m), err
}

type merchantsQuery struct {
	// Shown is unbound, bound or unfollowed; empty for all.
	Shown  merchant.Shown  `json:"shown,omitempty"`
	Status merchant.Status `json:"status,omitempty"`
	// Search is a part of the name, login, phone, contact or id.
	Search string `json:"search,omitempty"`
	After  string `json:"after,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

type merchantsOut struct {
	Merchants []merchantOut `json:"merchants"`
	// After asks for the next page; empty at the end.
	After string `json:"after,omitempty"`
}

// listMerchants lists those first whom nobody is bound to, then by id.
func (c *apiCall) listMerchants(in merchantsQuery) (merchantsOut, error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return merchantsOut{}, err
	}
	if !slices.Contains([]merchant.Shown{merchant.ShowAll, merchant.ShowUnbound, merchant.ShowBound, merchant.ShowUnfollowed}, in.Shown) ||
		!slices.Contains([]merchant.Status{"", merchant.Normal, merchant.Disabled}, in.Status) {
		return merchantsOut{}, apiRefuse(apiBadQuery).saying("shown is unbound, bound or unfollowed, and status normal or disabled")
	}
	f := merchant.Filter{Realm: c.realm, Shown: in.Shown, Status: in.Status, Search: in.Search, Limit: limit}
	if in.After != "" {
		group, id, ok := strings.Cut(in.After, ".")
		if !ok || group != "bound" && group != "unbound" {
			return merchantsOut{}, apiRefuse(apiBadCursor)
		}
		f.From = merchant.Place{Bound: group == "bound", ID: strings.ToValidUTF8(strings.ReplaceAll(id, "\x00", ""), "")}
	}
	page, _, more, err := c.desk.List(c.ctx, f)
	out := merchantsOut{Merchants: []merchantOut{}}
	for _, l := range page {
		out.Merchants = append(out.Merchants, listedOf(l))
	}
	if more && len(page) > 0 {
		last := page[len(page)-1].Place()
		out.After = map[bool]string{true: "bound.", false: "unbound."}[last.Bound] + last.ID
	}
	return out, err
}

// versionIn is the version from which somebody decides.
type versionIn struct {
	Version int `json:"version"`
}

func (c *apiCall) disableMerchant(in versionIn) (merchantOut, error) {
	m, err := c.desk.Disable(c.ctx, c.realm, c.merchant(), in.Version, c.actor())
	return merchantOf(m), err
}

func (c *apiCall) enableMerchant(in versionIn) (merchantOut, error) {
	m, err := c.desk.Enable(c.ctx, c.realm, c.merchant(), in.Version, c.actor())
	return merchantOf(m), err
}

type loginNotedIn struct {
	// At is when he logged in; now by default.
	At time.Time `json:"at,omitzero"`
}

func (c *apiCall) noteMerchantLogin(in loginNotedIn) (none, error) {
	if in.At.IsZero() {
		in.At = c.now()
	}
	return none{}, c.desk.LoggedIn(c.ctx, c.realm, c.merchant(), in.At)
}

// unboundIn is a binding as it was shown.
type unboundIn struct {
	AppID string `json:"appid"`
	Slot  int    `json:"slot,omitempty"`
	Code  string `json:"code"`
}

func (c *apiCall) unbindMerchant(in unboundIn) (none, error) {
	return none{}, c.desk.Unbind(c.ctx, c.realm, merchant.Binding{Merchant: c.merchant(), AppID: in.AppID, Slot: in.Slot, Code: in.Code}, c.actor())
}

type historyQuery struct {
	Before int `json:"before,omitempty"`
	Limit  int `json:"limit,omitempty"`
}

// merchantEventOut is an entry of the history.
type merchantEventOut struct {
	Seq    int64     `json:"seq"`
	At     time.Time `json:"at"`
	Actor  string    `json:"actor"`
	What   string    `json:"what"`
	AppID  string    `json:"appid,omitempty"`
	Code   string    `json:"code,omitempty"`
	Person string    `json:"person,omitempty"`
	Reason string    `json:"reason,omitempty"`
	// Changes are the fields that were changed; what is personal has no values.
	Changes []changeOut `json:"changes,omitempty"`
}

type changeOut struct {
	Field string `json:"field"`
	Was   string `json:"was,omitempty"`
	Is    string `json:"is,omitempty"`
}

type historyOut struct {
	Events []merchantEventOut `json:"events"`
}

// merchantHistory lists what happened to a merchant, the newest first.
func (c *apiCall) merchantHistory(in historyQuery) (historyOut, error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return historyOut{}, err
	}
	m, err := c.desk.Get(c.ctx, c.realm, c.merchant())
	if err != nil {
		return historyOut{}, err
	}
	list, err := c.desk.History(c.ctx, c.realm, m.ID, int64(in.Before), limit)
	out := historyOut{Events: []merchantEventOut{}}
	for _, e := range list {
		row := merchantEventOut{Seq: e.Seq, At: e.At, Actor: e.Actor, What: e.What, AppID: e.Detail.AppID, Code: e.Detail.Code, Person: e.Detail.Person, Reason: string(e.Detail.Reason)}
		for _, d := range e.Detail.Changes {
			row.Changes = append(row.Changes, changeOut(d))
		}
		out.Events = append(out.Events, row)
	}
	return out, err
}
