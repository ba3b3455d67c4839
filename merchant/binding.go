package merchant

import (
	"context"
	"errors"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/message"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// Unbind parts a merchant from a person, and takes back the notices to him that wait. b is
// as [Desk.Get] has shown it: if it is another one by now the error is [ErrChanged].
func (d *Desk) Unbind(ctx context.Context, realm string, b Binding, by string) error {
	m, err := d.Get(ctx, realm, b.Merchant)
	if err != nil {
		return err
	}
	held, there := m.at(b.AppID, b.Slot)
	if !there || held.Code != b.Code {
		return &Changed{Current: m.Merchant}
	}
	if err := d.part(ctx, realm, m.Merchant, held, by); err != nil {
		return fmt.Errorf("unbinding: %w", err)
	}
	there, err = d.Store.DropBinding(context.WithoutCancel(ctx), realm, held, d.event(b.Merchant, by, EventUnbound, Detail{
		AppID: b.AppID, Code: b.Code, Person: identity.Mask(held.OpenID),
	}))
	switch {
	case err != nil:
		return fmt.Errorf("unbinding: %w", err)
	case !there:
		return &Changed{Current: m.Merchant}
	}
	return d.forgo(ctx, realm, held)
}

// forgo takes back the notices that wait for who was bound.
func (d *Desk) forgo(ctx context.Context, realm string, b Binding) error {
	waiting, err := d.Store.WaitingMessages(ctx, realm, b)
	for _, id := range waiting {
		if err != nil {
			break
		}
		_, err = d.Messages.Cancel(ctx, realm, id)
		if fault := (*message.Fault)(nil); errors.As(err, &fault) {
			err = nil // it is under way, or has just gone
		}
	}
	if err != nil {
		return fmt.Errorf("taking back notices: %w", err)
	}
	return nil
}

// part has the identity centre part the merchant's user from who is bound, if he is linked
// with him.
func (d *Desk) part(ctx context.Context, realm string, m Merchant, b Binding, by string) error {
	if m.User == "" || b.Slot != 0 {
		return nil
	}
	return d.People.Unbind(ctx, realm, identity.Openid{AppID: b.AppID, OpenID: b.OpenID}, m.User, by)
}

func (l Listed) at(appID string, slot int) (Binding, bool) {
	for _, b := range l.Bindings {
		if b.AppID == appID && b.Slot == slot {
			return b, true
		}
	}
	return Binding{}, false
}

// of are those at one account.
func (l Listed) of(appID string) []Binding {
	var held []Binding
	for _, b := range l.Bindings {
		if b.AppID == appID {
			held = append(held, b)
		}
	}
	return held
}

// Replacement is what staff decide about a code whose scan was refused for a conflict: that
// who scanned it is bound all the same.
type Replacement struct {
	Realm string
	Code  string
	// Version is that of the code, as it was when they decided.
	Version int
	// Slot is whose place he takes, if the merchant has no free one.
	Slot int
	By   string
}

// Replace binds who scanned a code although somebody else was bound, or he to another
// merchant. Both of these end, and he is told. If the identity centre refuses, all is as before.
func (d *Desk) Replace(ctx context.Context, r Replacement) (Code, error) {
	c, err := d.Code(ctx, r.Realm, r.Code)
	switch {
	case err != nil:
		return Code{}, err
	case c.Version != r.Version:
		return Code{}, &Fault{Code: FaultState, Limit: string(c.State)}
	case c.State != Refused || !c.Reason.Conflict() || c.OpenID == "":
		return Code{}, &Fault{Code: FaultState, Limit: string(c.State)}
	}
	m, err := d.Get(ctx, r.Realm, c.Merchant)
	if err != nil {
		return Code{}, err
	}
	if m.Status != Normal {
		return Code{}, &Fault{Code: FaultDisabled}
	}
	gone, slot, err := d.leaving(ctx, m, c, r.Slot)
	if err != nil {
		return Code{}, err
	}
	user, undo, err := d.relink(ctx, r, m.Merchant, c, gone, slot)
	if err != nil {
		return Code{}, err
	}
	by := Binding{Merchant: c.Merchant, AppID: c.AppID, Slot: slot, OpenID: c.OpenID, User: user, Code: c.ID}
	c, done, err := d.Store.ReplaceBindings(context.WithoutCancel(ctx), c, gone, by, r.By, d.Now())
	if err == nil && done {
		for _, b := range gone {
			err = errors.Join(err, d.forgo(ctx, r.Realm, b))
		}
		s := scene.Scan{AppID: c.AppID, OpenID: c.OpenID, Key: "replaced " + c.ID}
		return c, errors.Join(err, d.tell(ctx, r.Realm, s, user, ReasonNone, m.Name))
	}
	undo()
	if err != nil {
		return Code{}, fmt.Errorf("replacing: %w", err)
	}
	return Code{}, &Changed{Current: m.Merchant}
}

// leaving are the bindings that end, and the slot that is free then.
func (d *Desk) leaving(ctx context.Context, m Listed, c Code, instead int) (gone []Binding, slot int, err error) {
	held := m.of(c.AppID)
	slot, again := place(held, c.OpenID)
	if again {
		return nil, 0, &Fault{Code: FaultState, Limit: string(Bound)}
	}
	other, elsewhere, err := d.Store.BindingOf(ctx, c.Realm, c.AppID, c.OpenID)
	if err != nil {
		return nil, 0, fmt.Errorf("replacing: %w", err)
	}
	if elsewhere {
		gone = append(gone, other)
	}
	if slot < m.Persons && len(held) < m.Persons {
		return gone, slot, nil
	}
	old, there := m.at(c.AppID, instead)
	if !there {
		return nil, 0, &Fault{Code: FaultField, Field: "slot", Limit: "one that somebody has"}
	}
	return append(gone, old), instead, nil
}

// relink has the identity centre part those who leave, and link who comes. undo takes it
// back.
func (d *Desk) relink(ctx context.Context, r Replacement, m Merchant, c Code, gone []Binding, slot int) (user string, undo func(), err error) {
	var back []func() error
	undo = func() {
		for _, b := range back {
			if err := b(); err != nil {
				d.Log.ErrorContext(ctx, "linking again who was to be replaced", "merchant", m.ID, "error", err)
			}
		}
	}
	whole := context.WithoutCancel(ctx)
	for _, b := range gone {
		of, found, err := d.Store.Merchant(ctx, r.Realm, b.Merchant)
		if err == nil && found {
			err = d.part(ctx, r.Realm, of.Merchant, b, r.By)
		}
		if err != nil {
			undo()
			return "", nil, fmt.Errorf("replacing: %w", err)
		}
		if found && of.User != "" && b.Slot == 0 {
			back = append(back, func() error {
				_, err := d.People.Bind(whole, r.Realm, identity.Openid{AppID: b.AppID, OpenID: b.OpenID}, of.User, r.By)
				return err
			})
		}
	}
	at, as := identity.Openid{AppID: c.AppID, OpenID: c.OpenID}, ""
	if slot == 0 {
		as = m.User
	}
	user, err = d.People.Bind(ctx, r.Realm, at, as, r.By)
	if err != nil {
		undo()
		if why, refused := refusal(err); refused {
			return "", nil, errors.Join(&Fault{Code: FaultIdentity, Limit: why}, err)
		}
		return "", nil, fmt.Errorf("replacing: %w", err)
	}
	if as != "" {
		back = append([]func() error{func() error { return d.People.Unbind(whole, r.Realm, at, as, r.By) }}, back...)
	}
	return user, undo, nil
}

// EraseOpenid forgets a person at an account, in every realm, and says how many bindings
// that ended.
func (d *Desk) EraseOpenid(ctx context.Context, appID, openID string) (int64, error) {
	n, err := d.Store.EraseBoundOpenid(ctx, appID, openID, d.Now())
	if err != nil {
		return 0, fmt.Errorf("erasing bindings: %w", err)
	}
	return n, nil
}

// EraseUser forgets a user of a realm. Ids that he had before have to be named by
// themselves, as his openids have: see [Desk.EraseOpenid].
func (d *Desk) EraseUser(ctx context.Context, realm, user string) (int64, error) {
	n, err := d.Store.EraseBoundUser(ctx, realm, user, d.Now())
	if err != nil {
		return 0, fmt.Errorf("erasing bindings: %w", err)
	}
	return n, nil
}
