package caddymodule

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// Messages to users: the endpoints below /v1/messages.

// messageIn is a message that somebody wants sent.
type messageIn struct {
	// Realm is needed only from a key that is for all of them.
	Realm string `json:"realm,omitempty"`
	User  string `json:"user"`
	// Site says whose accounts may send it; AppIDs names them. Without either it is every
	// account that the key reaches.
	Site   string   `json:"site,omitempty"`
	AppIDs []string `json:"appids,omitempty"`
	// Kind is template (the default), subscription or custom.
	Kind     message.Kind      `json:"kind,omitempty"`
	Template string            `json:"template,omitempty"`
	Data     map[string]string `json:"data,omitempty"`
	// URL is where a tap leads; MiniAppID and MiniPath a page of a mini program.
	URL       string `json:"url,omitempty"`
	MiniAppID string `json:"mini_appid,omitempty"`
	MiniPath  string `json:"mini_path,omitempty"`
	// Text is a customer-service message of text; Type and Content are one of any type.
	Text    string          `json:"text,omitempty"`
	Type    string          `json:"type,omitempty"`
	Content json.RawMessage `json:"content,omitempty"`
	Agent   string          `json:"agent,omitempty"`
	// ClientID is the caller's own name for it: the same one again sends nothing new.
	ClientID  string    `json:"client_id,omitempty"`
	NotBefore time.Time `json:"not_before,omitzero"`
}

// messageOut is what became of a message. Neither its content nor an openid is told.
type messageOut struct {
	ID       string         `json:"id"`
	Realm    string         `json:"realm"`
	User     string         `json:"user"`
	AppID    string         `json:"appid,omitempty"`
	Kind     message.Kind   `json:"kind"`
	Template string         `json:"template,omitempty"`
	Batch    string         `json:"batch,omitempty"`
	ClientID string         `json:"client_id,omitempty"`
	State    message.State  `json:"state"`
	Reason   message.Reason `json:"reason,omitempty"`
	Says     string         `json:"says,omitempty"`
	Detail   string         `json:"detail,omitempty"`
	Tries    int            `json:"tries"`
	Made     time.Time      `json:"made"`
	Next     time.Time      `json:"next,omitzero"`
	Sent     time.Time      `json:"sent,omitzero"`
	Ended    time.Time      `json:"ended,omitzero"`
}

func messageOf(m message.Message) messageOut {
	says, _ := m.Reason.Say()
	out := messageOut{
		ID: m.ID, Realm: m.Realm, User: m.User, AppID: m.AppID, Kind: m.Kind, Template: m.Template, Batch: m.Batch, ClientID: m.ClientID,
		State: m.State, Reason: m.Reason, Says: says, Detail: m.Detail, Tries: m.Tries, Made: m.Made, Sent: m.Sent, Ended: m.Ended,
	}
	if m.State == message.Queued {
		out.Next = m.Next
	}
	return out
}

// sendMessage accepts a message: once it is answered the message is kept.
func (c *apiCall) sendMessage(in messageIn) (messageOut, error) {
	order, err := c.order(in)
	if err != nil {
		return messageOut{}, err
	}
	m, err := c.messages.Send(c.ctx, order)
	return messageOf(m), err
}

// order reads what a key wants sent, and through which accounts it may be.
func (c *apiCall) order(in messageIn) (message.Order, error) {
	if err := c.inRealm(in.Realm); err != nil {
		return message.Order{}, err
	}
	o := message.Order{
		Realm: c.realm, User: in.User, Kind: in.Kind, Template: in.Template, Data: in.Data, URL: in.URL, MiniAppID: in.MiniAppID, MiniPath: in.MiniPath,
		Type: in.Type, Content: in.Content, Agent: in.Agent, ClientID: in.ClientID, NotBefore: in.NotBefore, By: c.actor(),
	}
	if o.Kind == "" {
		o.Kind = message.KindTemplate
	}
	if in.Text != "" {
		if in.Type != "" || in.Content != nil {
			return o, apiRefuse(apiBadBody).saying("a customer-service message is either text, or type and content")
		}
		o.Kind, o.Type = message.KindCustom, "text"
		o.Content, _ = json.Marshal(map[string]string{"content": in.Text})
	}
	var err error
	o.PreferAppIDs, err = c.senders(in.Site, in.AppIDs)
	return o, err
}

// senders are the accounts that may send: those that are given, or a site's, or all that
// the key reaches in the realm. An account of one site goes before one that sites share.
func (c *apiCall) senders(ptid string, given []string) ([]string, error) {
	if len(given) > 0 {
		if ptid != "" {
			return nil, apiRefuse(apiBadBody).saying("name either a site or appids")
		}
		for _, appID := range given {
			if _, err := c.account(appID); err != nil {
				return nil, err
			}
		}
		return given, nil
	}
	if ptid != "" {
		site, err := c.site(c.ctx, ptid)
		if err != nil {
			return nil, err
		}
		if site == nil || site.Realm != c.realm || !c.key.Covers(ptid) {
			return nil, apiRefuse(apiNotYourSite).saying("there is no such site for this key")
		}
		return c.ownFirst(slices.Clone(site.Accounts)), nil
	}
	var all []string
	for _, account := range c.directory().Accounts() {
		if _, err := c.account(account.AppID); err == nil {
			all = append(all, account.AppID)
		}
	}
	slices.Sort(all)
	return c.ownFirst(all), nil
}

// ownFirst puts accounts of few sites before those of many, and leaves the order else.
func (c *apiCall) ownFirst(appIDs []string) []string {
	count := func(appID string) int {
		switch one, more := c.sitesOf(appID); {
		case more:
			return 2
		case one != "":
			return 1
		}
		return 0
	}
	slices.SortStableFunc(appIDs, func(a, b string) int { return cmp.Compare(count(a), count(b)) })
	return appIDs
}

// seen is a message that the key may see: one that it sent, or for operators any of the
// realm.
func (c *apiCall) seen(realm string) (message.Message, error) {
	if err := c.inRealm(realm); err != nil {
		return message.Message{}, err
	}
	m, err := c.messages.Get(c.ctx, c.realm, c.r.PathValue("id"))
	if err == nil && m.By != c.actor() && !c.key.May(identity.ScopeOperate) {
		err = &message.Fault{Code: message.FaultNotFound}
	}
	return m, err
}

// realmQuery names the realm, which only keys for all of them have to.
type realmQuery struct {
	Realm string `json:"realm,omitempty"`
}

func (c *apiCall) getMessage(in realmQuery) (messageOut, error) {
	m, err := c.seen(in.Realm)
	return messageOf(m), err
}

func (c *apiCall) cancelMessage(in realmQuery) (messageOut, error) {
	return c.changeMessage(in, c.messages.Cancel)
}

func (c *apiCall) replayMessage(in realmQuery) (messageOut, error) {
	return c.changeMessage(in, c.messages.Replay)
}

func (c *apiCall) changeMessage(in realmQuery, change func(ctx context.Context, realm, id string) (message.Message, error)) (messageOut, error) {
	m, err := c.seen(in.Realm)
	if err == nil {
		m, err = change(c.ctx, c.realm, m.ID)
	}
	return messageOf(m), err
}

type messagesQuery struct {
	Realm  string        `json:"realm,omitempty"`
	State  message.State `json:"state,omitempty"`
	AppID  string        `json:"appid,omitempty"`
	User   string        `json:"user,omitempty"`
	Batch  string        `json:"batch,omitempty"`
	Before string        `json:"before,omitempty"`
	Limit  int           `json:"limit,omitempty"`
}

type messagesOut struct {
	Messages []messageOut `json:"messages"`
	// Before asks for the next page; empty at the end.
	Before string `json:"before,omitempty"`
}

// listMessages lists messages of a realm, the newest first.
func (c *apiCall) listMessages(in messagesQuery) (messagesOut, error) {
	if err := c.inRealm(in.Realm); err != nil {
		return messagesOut{}, err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return messagesOut{}, err
	}
	list, err := c.messages.List(c.ctx, message.Filter{Realm: c.realm, State: in.State, AppID: in.AppID, User: in.User, Batch: in.Batch, Before: in.Before, Limit: limit})
	out := messagesOut{Messages: []messageOut{}}
	for _, m := range list {
		if m.By == c.actor() || c.key.May(identity.ScopeOperate) {
			out.Messages = append(out.Messages, messageOf(m))
		}
	}
	if len(list) == limit {
		out.Before = list[limit-1].ID
	}
	return out, err
}

// batchIn is one message to many users; its progress is asked for by the name of the batch.
type batchIn struct {
	Batch string `json:"batch"`
	// Message is what all have in common; it names no user.
	Message messageIn `json:"message"`
	Rows    []rowIn   `json:"rows"`
}

// rowIn is one user of a batch.
type rowIn struct {
	Line int               `json:"line"`
	User string            `json:"user"`
	Data map[string]string `json:"data,omitempty"`
	URL  string            `json:"url,omitempty"`
}

// refusedOut is a row that was not accepted.
type refusedOut struct {
	Line  int    `json:"line"`
	Code  string `json:"code"`
	Says  string `json:"says"`
	Field string `json:"field,omitempty"`
}

type batchOut struct {
	Queued   int          `json:"queued"`
	Repeated int          `json:"repeated"` // were accepted before
	Refused  []refusedOut `json:"refused"`
}

// sendBatch accepts messages, each for itself: the others of one that is refused are sent.
func (c *apiCall) sendBatch(in batchIn) (batchOut, error) {
	out := batchOut{Refused: []refusedOut{}}
	if in.Message.User != "" || in.Message.ClientID != "" || len(in.Rows) == 0 || len(in.Rows) > 200 {
		return out, apiRefuse(apiBadBody).saying("a batch has 1 to 200 rows, which name the users; send more under the same name")
	}
	order, err := c.order(in.Message)
	if err != nil {
		return out, err
	}
	bulk := message.Bulk{Name: in.Batch, Order: order, Refused: func(row message.Row, fault *message.Fault) {
		says, _ := fault.Say()
		out.Refused = append(out.Refused, refusedOut{row.Line, fault.Code, says, fault.Field})
	}}
	counts, err := c.messages.Batch(c.ctx, bulk, func(yield func(message.Row, error) bool) {
		for _, r := range in.Rows {
			if !yield(message.Row{Line: r.Line, User: r.User, Data: r.Data, URL: r.URL}, nil) {
				return
			}
		}
	})
	out.Queued, out.Repeated = counts.Queued, counts.Repeated
	return out, err
}
