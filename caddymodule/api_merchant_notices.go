package caddymodule

import (
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// Notices to merchants.

type formQuery struct {
	AppID    string `json:"appid,omitempty"`
	Template string `json:"template,omitempty"`
}

// formOut is what of a template has to be filled in.
type formOut struct {
	Template string     `json:"template"`
	Title    string     `json:"title"`
	Blanks   []blankOut `json:"blanks"`
}

type blankOut struct {
	Field string `json:"field"`
	// Label is what WeChat shows before it, Example WeChat's.
	Label    string   `json:"label,omitempty"`
	Example  string   `json:"example,omitempty"`
	Max      int      `json:"max,omitempty"`
	What     string   `json:"what"`
	Required bool     `json:"required"`
	Approved []string `json:"approved,omitempty"`
}

// notifies refuses an account that isn't the realm's, or sends no notices.
func (c *apiCall) notifies(appID string) error {
	if !c.desk.Serves(c.realm, appID) {
		return &merchant.Fault{Code: merchant.FaultAccount}
	}
	return nil
}

func (c *apiCall) noticeForm(in formQuery) (formOut, error) {
	if err := c.notifies(in.AppID); err != nil {
		return formOut{}, err
	}
	f, err := c.desk.Form(c.ctx, in.AppID, in.Template)
	out := formOut{f.Template.ID, f.Template.Title, []blankOut{}}
	for _, b := range f.Blanks {
		out.Blanks = append(out.Blanks, blankOut{b.Key, b.Label, b.Example, b.Max, b.What, b.Required, b.Approved})
	}
	return out, err
}

// noticeIn is a notice that somebody wants sent.
type noticeIn struct {
	AppID     string            `json:"appid"`
	Template  string            `json:"template"`
	Data      map[string]string `json:"data"`
	URL       string            `json:"url,omitempty"`
	MiniAppID string            `json:"mini_appid,omitempty"`
	MiniPath  string            `json:"mini_path,omitempty"`
	// Merchants are who shall get it, at most 1000; All is for everybody who is bound.
	Merchants []string `json:"merchants,omitempty"`
	All       bool     `json:"all,omitempty"`
	// NotBefore is when it shall go, at most a year ahead.
	NotBefore time.Time `json:"not_before,omitzero"`
	// ClientID is the caller's own name for it: the same one again sends nothing new.
	ClientID string `json:"client_id,omitempty"`
}

// noticeOut is a notice, and how far it is.
type noticeOut struct {
	ID       string    `json:"id"`
	AppID    string    `json:"appid"`
	Template string    `json:"template"`
	Title    string    `json:"title"`
	By       string    `json:"by"`
	ClientID string    `json:"client_id,omitempty"`
	Made     time.Time `json:"made"`
	Due      time.Time `json:"due"`
	// Filled says that all its messages are on their way.
	Filled    bool      `json:"filled"`
	Cancelled time.Time `json:"cancelled,omitzero"`
	// Persons is how many get it, in the answer to who sends it.
	Persons int64 `json:"persons,omitempty"`
	// What it says, and its messages by their states; not in a list.
	Data      map[string]string `json:"data,omitempty"`
	URL       string            `json:"url,omitempty"`
	MiniAppID string            `json:"mini_appid,omitempty"`
	MiniPath  string            `json:"mini_path,omitempty"`
	States    *progressOut      `json:"states,omitempty"`
}

func noticeOf(n merchant.Notice) noticeOut {
	return noticeOut{
		ID: n.ID, AppID: n.AppID, Template: n.Template, Title: n.Title, By: n.By, ClientID: n.ClientID, Made: n.Made, Due: n.Due, Filled: n.Filled, Cancelled: n.Cancelled,
	}
}

func (c *apiCall) sendNotice(in noticeIn) (noticeOut, error) {
	if err := c.notifies(in.AppID); err != nil {
		return noticeOut{}, err
	}
	n, persons, err := c.desk.Send(c.ctx, merchant.NoticeOrder{
		Realm: c.realm, AppID: in.AppID, Template: in.Template, Merchants: in.Merchants, All: in.All, NotBefore: in.NotBefore, ClientID: in.ClientID, By: c.actor(),
		Content: merchant.Content{Data: in.Data, URL: in.URL, MiniAppID: in.MiniAppID, MiniPath: in.MiniPath},
	})
	out := noticeOf(n)
	out.Persons = persons
	return out, err
}

// sendNoticeTo sends one to the merchant whom the address names.
func (c *apiCall) sendNoticeTo(in noticeIn) (noticeOut, error) {
	if len(in.Merchants) > 0 || in.All {
		return noticeOut{}, apiRefuse(apiBadBody).saying("the address names the merchant")
	}
	m, err := c.desk.Get(c.ctx, c.realm, c.merchant())
	if err != nil {
		return noticeOut{}, err
	}
	in.Merchants = []string{m.ID}
	return c.sendNotice(in)
}

type noticesQuery struct {
	Before string `json:"before,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

type noticesOut struct {
	Notices []noticeOut `json:"notices"`
	// Before asks for the next page; empty at the end.
	Before string `json:"before,omitempty"`
}

// listNotices lists notices, the newest first.
func (c *apiCall) listNotices(in noticesQuery) (noticesOut, error) {
	limit, err := pageSize(in.Limit)
	if err != nil {
		return noticesOut{}, err
	}
	list, err := c.desk.Notices(c.ctx, c.realm, in.Before, limit)
	out := noticesOut{Notices: []noticeOut{}}
	for _, n := range list {
		out.Notices = append(out.Notices, noticeOf(n))
	}
	if len(list) == min(limit, 200) { // no page is longer
		out.Before = list[len(list)-1].ID
	}
	return out, err
}

// notice is the one that the address names.
func (c *apiCall) notice() (merchant.Notice, error) {
	return c.desk.Notice(c.ctx, c.realm, c.r.PathValue("notice"))
}

func (c *apiCall) getNotice(none) (noticeOut, error) {
	n, err := c.notice()
	if err != nil {
		return noticeOut{}, err
	}
	says, err := c.desk.Read(n)
	if err != nil {
		return noticeOut{}, err
	}
	states, err := c.desk.Standing(c.ctx, c.realm, n.ID)
	out, count := noticeOf(n), progressOf(states)
	out.Data, out.URL, out.MiniAppID, out.MiniPath, out.States = says.Data, says.URL, says.MiniAppID, says.MiniPath, &count
	return out, err
}

type resentOut struct {
	// Persons is to how many it is sent again.
	Persons int64 `json:"persons"`
}

func (c *apiCall) resendNotice(none) (resentOut, error) {
	n, err := c.desk.Resend(c.ctx, c.realm, c.r.PathValue("notice"))
	return resentOut{n}, err
}

func (c *apiCall) cancelNotice(none) (none, error) {
	return none{}, c.desk.CancelNotice(c.ctx, c.realm, c.r.PathValue("notice"))
}
