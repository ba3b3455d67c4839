package merchant

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Sender is who sends our messages, to the outbox.
const Sender = "merchant"

// gateway is the actor of what a scan does.
const gateway = "wechat"

// Scanning is a scan and what it has met.
type Scanning struct {
	Verdict
	Code     Code
	Merchant Merchant
}

// Scanned acts on a scan: it is the act of [Purpose]. Called again for the same scan it goes
// on where it was cut off.
func (d *Desk) Scanned(ctx context.Context, c scene.Code, s scene.Scan) error {
	r, found, err := d.Store.ScanMerchantCode(ctx, c.Realm, c.ID, s, d.Now())
	switch {
	case err != nil:
		return fmt.Errorf("binding a merchant: %w", err)
	case !found:
		return d.tell(ctx, c.Realm, s, "", ReasonUnknown, "")
	case r.State == Scanned:
		return d.settle(ctx, r, s)
	}
	d.Observe(s.AppID, r.State, r.Reason)
	return d.tell(ctx, c.Realm, s, "", r.Reason, welcomed(r))
}

// welcomed is the name of the merchant to whom the scanner is bound.
func welcomed(r Scanning) string {
	if r.State == Bound || r.Reason == ReasonUsed && r.Again {
		return r.Merchant.Name
	}
	return ""
}

// settle has the identity centre link whose place is reserved, and then has the binding
// count, or be given up.
func (d *Desk) settle(ctx context.Context, r Scanning, s scene.Scan) error {
	as := ""
	if r.Slot == 0 {
		as = r.Merchant.User
	}
	user, err := d.People.Bind(ctx, r.Code.Realm, identity.Openid{AppID: s.AppID, OpenID: s.OpenID}, as, gateway)
	reason := ReasonNone
	if _, refused := refusal(err); refused {
		reason = ReasonIdentity
	} else if err != nil {
		return fmt.Errorf("binding a merchant: %w", err)
	}
	c, err := d.Store.SettleBinding(context.WithoutCancel(ctx), r.Code.Realm, r.Code.ID, user, reason, d.Now())
	if err != nil {
		return fmt.Errorf("binding a merchant: %w", err)
	}
	if c.State != Bound && as != "" && reason == ReasonNone && !r.Again {
		// Somebody has unbound him meanwhile, before he was linked.
		if err := d.People.Unbind(context.WithoutCancel(ctx), r.Code.Realm, identity.Openid{AppID: s.AppID, OpenID: s.OpenID}, as, gateway); err != nil {
			return fmt.Errorf("binding a merchant: %w", err)
		}
		user = ""
	}
	d.Observe(s.AppID, c.State, c.Reason)
	name := ""
	if c.State == Bound {
		name = r.Merchant.Name
	}
	return d.tell(ctx, c.Realm, s, user, c.Reason, name)
}

// Refused tells who has scanned a code of ours that does nothing any more why it doesn't:
// for [scene.Config.Refused], of our [Purpose].
func (d *Desk) Refused(ctx context.Context, c scene.Code, s scene.Scan, o scene.Outcome) error {
	switch o {
	case scene.Expired:
		return d.tell(ctx, c.Realm, s, "", ReasonExpired, "")
	case scene.Revoked:
		return d.tell(ctx, c.Realm, s, "", ReasonCancelled, "")
	}
	code, found, err := d.Store.MerchantCode(ctx, c.Realm, c.ID)
	if err != nil {
		return fmt.Errorf("answering a scan: %w", err)
	}
	m, there, err := d.Store.Merchant(ctx, c.Realm, code.Merchant)
	switch {
	case err != nil:
		return fmt.Errorf("answering a scan: %w", err)
	case !found || !there:
		return d.tell(ctx, c.Realm, s, "", ReasonUnknown, "")
	case code.State == Waiting:
		code.State = Scanned // by somebody whose scan was cut off, and who comes again
	}
	r := Scanning{Code: code, Merchant: m.Merchant, Verdict: Judge(code, m.Merchant, m.of(c.AppID), false, s)}
	return d.tell(ctx, c.Realm, s, "", r.Reason, welcomed(r))
}

// Foreign tells who has scanned a code that looks like ours and isn't on record: for
// [scene.Config.Foreign]. Others are none of our business.
func (d *Desk) Foreign(ctx context.Context, realm string, s scene.Scan) error {
	if !strings.HasPrefix(s.Scene, Purpose+".") {
		return nil
	}
	return d.tell(ctx, realm, s, "", ReasonUnknown, "")
}

// tell answers who has scanned. Somebody whom WeChat doesn't let us answer isn't told: it
// stands on the code for the staff.
func (d *Desk) tell(ctx context.Context, realm string, s scene.Scan, user string, r Reason, name string) error {
	at := identity.Openid{AppID: s.AppID, OpenID: s.OpenID}
	if user == "" {
		var err error
		if user, err = d.People.Bind(ctx, realm, at, "", gateway); err != nil {
			if _, refused := refusal(err); refused {
				return nil
			}
			return fmt.Errorf("answering a scan: %w", err)
		}
	}
	content, err := json.Marshal(map[string]string{"content": scannerText(r, name)})
	if err != nil {
		return fmt.Errorf("answering a scan: %w", err)
	}
	key := sha256.Sum256([]byte(s.AppID + "\x00" + s.Key))
	_, err = d.Messages.Send(ctx, message.Order{
		Realm: realm, User: user, PreferAppIDs: []string{s.AppID}, Kind: message.KindCustom, Type: "text", Content: content,
		ClientID: "scan/" + hex.EncodeToString(key[:16]), By: Sender,
	})
	if fault := (*message.Fault)(nil); err != nil && !errors.As(err, &fault) {
		return fmt.Errorf("answering a scan: %w", err)
	}
	return nil
}
