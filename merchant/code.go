package merchant

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Purpose is that of our codes, for [scene.Registry.On].
const Purpose = "merchant"

// Lives that a code usually has.
const (
	Mailed   = 30 * 24 * time.Hour
	OnScreen = 30 * time.Minute
)

// State is where a code stands.
type State string

const (
	Waiting    State = "waiting"
	Scanned    State = "scanned" // the binding is reserved
	Bound      State = "bound"
	Refused    State = "refused"
	Expired    State = "expired"
	Superseded State = "superseded" // by a newer one
	Cancelled  State = "cancelled"
)

// Code is a code that binds who scans it to a merchant.
type Code struct {
	Realm    string
	ID       string // the QR code's, and grows with time
	Merchant string
	AppID    string
	State    State
	Reason   Reason // why it is refused
	By       string // who made it
	Made     time.Time
	Expires  time.Time

	// OpenID is who scanned it first, and Event names that scan. Scanned is when.
	OpenID  string
	Event   string
	Scanned time.Time
	Slot    int       // that he has, or had reserved
	Ended   time.Time // when it got its state; zero while waiting or scanned
	Version int

	// URL is what the QR code says. It is known to who makes the code, this once.
	URL string
}

// At is the code as it stands at a moment: nobody writes that a code has expired.
func (c Code) At(now time.Time) Code {
	if c.State == Waiting && now.After(c.Expires) {
		c.State, c.Ended = Expired, c.Expires
	}
	return c
}

// Order is a code that staff want.
type Order struct {
	Realm    string
	Merchant string
	AppID    string
	// Life is how long the code lives, 1 minute to 30 days; zero is [Mailed].
	Life time.Duration
	By   string
}

var badLife = &Fault{Code: FaultField, Field: "life", Limit: "1 minute to 30 days"}

// lives says whether a code can live so long.
func lives(life time.Duration) bool { return life == 0 || life >= time.Minute && life <= Mailed }

// MakeCode makes a code for a merchant at an account. It supersedes the one that waits.
// The QR code's address is in it this once: [scene.PNG] and [scene.SVG] draw it.
func (d *Desk) MakeCode(ctx context.Context, o Order) (Code, error) {
	m, err := d.Get(ctx, o.Realm, o.Merchant)
	switch {
	case err != nil:
		return Code{}, err
	case m.Status == Disabled:
		return Code{}, &Fault{Code: FaultDisabled}
	case !d.Serves(o.Realm, o.AppID):
		return Code{}, &Fault{Code: FaultAccount}
	case !lives(o.Life):
		return Code{}, badLife
	}
	made, err := d.Codes.Make(ctx, scene.Order{
		AppID: o.AppID, Realm: o.Realm, Purpose: Purpose, Ref: o.AppID + "/" + o.Merchant, Maker: Sender, Life: o.Life, Secret: true, Single: true,
	})
	if err != nil {
		return Code{}, fmt.Errorf("making a code: %w", wechatFault(err))
	}
	c := Code{
		Realm: o.Realm, ID: made.ID, Merchant: o.Merchant, AppID: o.AppID, State: Waiting, By: o.By, Made: made.Made, Expires: made.Expires, Version: 1,
	}
	if err := d.Store.PutMerchantCode(context.WithoutCancel(ctx), c); err != nil {
		return Code{}, fmt.Errorf("making a code: %w", err)
	}
	c.URL = made.URL
	return c, nil
}

// Code says where a code stands.
func (d *Desk) Code(ctx context.Context, realm, id string) (Code, error) {
	if !ids.MatchString(id) {
		return Code{}, &Fault{Code: FaultNotFound}
	}
	c, found, err := d.Store.MerchantCode(ctx, realm, id)
	switch {
	case err != nil:
		return Code{}, fmt.Errorf("reading a code: %w", err)
	case !found:
		return Code{}, &Fault{Code: FaultNotFound}
	}
	return c.At(d.Now()), nil
}

// CodesOf lists the newest codes of a merchant, at most 100.
func (d *Desk) CodesOf(ctx context.Context, realm, merchant string) ([]Code, error) {
	list, err := d.Store.MerchantCodes(ctx, realm, merchant, 100)
	if err != nil {
		return nil, fmt.Errorf("listing codes: %w", err)
	}
	for i, c := range list {
		list[i] = c.At(d.Now())
	}
	return list, nil
}

// Cancel has a code that waits do nothing any more.
func (d *Desk) Cancel(ctx context.Context, realm, id, by string) (Code, error) {
	if !ids.MatchString(id) {
		return Code{}, &Fault{Code: FaultNotFound}
	}
	c, found, err := d.Store.CancelMerchantCode(ctx, realm, id, by, d.Now())
	switch {
	case err != nil:
		return Code{}, fmt.Errorf("cancelling a code: %w", err)
	case !found:
		return Code{}, &Fault{Code: FaultNotFound}
	case c.At(d.Now()).State != Cancelled:
		return Code{}, &Fault{Code: FaultState, Limit: string(c.At(d.Now()).State)}
	}
	return c, nil
}
