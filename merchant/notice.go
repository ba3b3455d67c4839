package merchant

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// Notice is a template message to merchants.
type Notice struct {
	Realm    string
	ID       string // grows with time
	AppID    string
	Template string
	Title    string // the template's
	By       string
	// ClientID is the sender's own name for it; empty for none.
	ClientID string
	Made     time.Time
	Due      time.Time // when it is to go
	// All says that who is bound has yet to be listed as its recipients.
	All bool
	// Filled says that its messages are in the outbox, and Cancelled when it was taken
	// back; zero if it wasn't.
	Filled    bool
	Cancelled time.Time
	Sealed    []byte // [Content]
}

// Content is what a notice says.
type Content struct {
	Data map[string]string `json:"data,omitempty"`
	// URL is where a tap leads; of both, WeChat prefers the mini program.
	URL       string `json:"url,omitempty"`
	MiniAppID string `json:"mini_appid,omitempty"`
	MiniPath  string `json:"mini_path,omitempty"`
}

// NoticeOrder is a notice that staff want sent.
type NoticeOrder struct {
	Realm    string
	AppID    string
	Template string
	Content
	// Merchants are who shall get it, at most 1000. All is for everybody who is bound at
	// the account and not disabled.
	Merchants []string
	All       bool
	// NotBefore is when it shall go, at most a year ahead; zero for at once. Who gets it
	// is settled now; who is unbound by then gets nothing.
	NotBefore time.Time
	// ClientID is the caller's own name for it, at most 64 bytes: the same again, by the
	// same caller, sends nothing new.
	ClientID string
	By       string
}

const (
	maxPicked = 1000
	maxAhead  = 366 * 24 * time.Hour
	maxLink   = 2048
)

func (o NoticeOrder) check(now time.Time) *Fault {
	bad := func(field, limit string) *Fault { return &Fault{Code: FaultField, Field: field, Limit: limit} }
	link, err := url.Parse(o.URL)
	switch {
	case slices.ContainsFunc(o.Merchants, func(id string) bool { return !ids.MatchString(id) }):
		return bad("merchants", "ids of merchants")
	case o.All == (len(o.Merchants) > 0):
		return bad("merchants", "either some, or all")
	case len(o.Merchants) > maxPicked:
		return bad("merchants", "at most 1000, or all")
	case o.NotBefore.After(now.Add(maxAhead)):
		return bad("not_before", "at most a year ahead")
	case o.URL != "" && (err != nil || link.Host == "" || link.Scheme != "https" && link.Scheme != "http" || len(o.URL) > maxLink):
		return bad("url", "an http or https address of at most 2048 bytes")
	case o.MiniAppID == "" && o.MiniPath != "" || len(o.MiniPath) > maxLink:
		return bad("mini_path", "at most 2048 bytes, and only with mini_appid")
	case len(o.ClientID) > 64 || !utf8.ValidString(o.ClientID):
		return bad("client_id", "at most 64 bytes of text")
	}
	return nil
}

// Send accepts a notice, and says how many get it. What is wrong with its fields is a
// [*message.Fault]; what else is, a [*Fault].
func (d *Desk) Send(ctx context.Context, o NoticeOrder) (Notice, int64, error) {
	now := d.Now()
	if fault := o.check(now); fault != nil {
		return Notice{}, 0, fault
	}
	form, err := d.Form(ctx, o.AppID, o.Template)
	if err != nil {
		return Notice{}, 0, err
	}
	if fault := form.Template.Check(o.Data); fault != nil {
		return Notice{}, 0, fault
	}
	n := Notice{
		Realm: o.Realm, ID: d.newID(now), AppID: o.AppID, Template: o.Template, Title: form.Template.Title, By: o.By, ClientID: o.ClientID, Made: now, Due: now, All: o.All,
	}
	if o.NotBefore.After(now) {
		n.Due = o.NotBefore
	}
	plain, err := json.Marshal(o.Content)
	if err != nil {
		return Notice{}, 0, fmt.Errorf("sending a notice: %w", err)
	}
	n.Sealed = d.Sealer.Seal(plain, n.Realm+" "+n.ID)
	picked := slices.Clone(o.Merchants)
	slices.Sort(picked)
	had, count, err := d.Store.PutNotice(ctx, n, slices.Compact(picked), d.event("", o.By, EventNotice, Detail{AppID: o.AppID, Notice: n.ID}))
	switch {
	case err != nil:
		return Notice{}, 0, fmt.Errorf("sending a notice: %w", err)
	case had.ID != "":
		return had, count, nil
	case count == 0:
		return Notice{}, 0, &Fault{Code: FaultNobody}
	}
	d.Wake()
	return n, count, nil
}

// newID makes an id that grows with time.
func (d *Desk) newID(now time.Time) string {
	var b [14]byte
	ms := now.UnixMilli()
	for i := range 6 {
		b[5-i] = byte(ms >> (8 * i))
	}
	d.Random(b[6:])
	return hex.EncodeToString(b[:])
}

// Notice returns a notice.
func (d *Desk) Notice(ctx context.Context, realm, id string) (Notice, error) {
	if !ids.MatchString(id) {
		return Notice{}, &Fault{Code: FaultNotFound}
	}
	n, found, err := d.Store.Notice(ctx, realm, id)
	switch {
	case err != nil:
		return Notice{}, fmt.Errorf("reading a notice: %w", err)
	case !found:
		return Notice{}, &Fault{Code: FaultNotFound}
	}
	return n, nil
}

// Notices lists notices, the newest first. The id of the last one is what the next page is
// before.
func (d *Desk) Notices(ctx context.Context, realm, before string, limit int) ([]Notice, error) {
	list, err := d.Store.Notices(ctx, realm, before, min(max(limit, 1), maxPage))
	if err != nil {
		return nil, fmt.Errorf("listing notices: %w", err)
	}
	return list, nil
}

// Read gives back what a notice says.
func (d *Desk) Read(n Notice) (Content, error) {
	plain, _, err := d.Sealer.Open(n.Sealed, n.Realm+" "+n.ID)
	if err != nil {
		return Content{}, fmt.Errorf("opening a notice: %w", err)
	}
	var c Content
	if json.Unmarshal(plain, &c) != nil {
		return Content{}, errors.New("opening a notice: the content can't be read")
	}
	return c, nil
}

// Standing counts the recipients of a notice by the states of their messages.
func (d *Desk) Standing(ctx context.Context, realm, id string) (map[message.State]int64, error) {
	counts, err := d.Messages.Count(ctx, realm, id, Sender)
	if err != nil {
		return nil, fmt.Errorf("counting a notice: %w", err)
	}
	return counts, nil
}

// CancelNotice takes back what of a notice has not gone yet.
func (d *Desk) CancelNotice(ctx context.Context, realm, id string) error {
	if _, err := d.Notice(ctx, realm, id); err != nil {
		return err
	}
	found, err := d.Store.CancelNotice(ctx, realm, id, d.Now())
	switch {
	case err != nil:
		return fmt.Errorf("cancelling a notice: %w", err)
	case !found:
		return &Fault{Code: FaultNotFound}
	}
	return d.takeBack(ctx, realm, id, true)
}

// takeBack cancels the messages of a notice that wait: all, or those to who isn't bound any
// more, or whose merchant is disabled.
func (d *Desk) takeBack(ctx context.Context, realm, id string, all bool) error {
	for r, err := range d.Recipients(ctx, realm, id) {
		if err != nil {
			return err
		}
		if r.State != message.Queued || r.Message == "" || !all && r.Bound && !r.Disabled {
			continue
		}
		fault := (*message.Fault)(nil) // it is under way, or has just gone
		if _, err := d.Messages.Cancel(ctx, realm, r.Message); err != nil && !errors.As(err, &fault) {
			return fmt.Errorf("cancelling a notice: %w", err)
		}
	}
	return nil
}
