package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/scene"
)

// byScan is the actor of what a scan does.
const byScan = "wechat"

// ScanMerchantCode writes what merchant.Judge says of a scan.
func (s *Store) ScanMerchantCode(ctx context.Context, realm, code string, scan scene.Scan, now time.Time) (r merchant.Scanning, found bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		r, found, err = judgeScan(c, realm, code, scan, now)
		return err
	})
	if err != nil {
		return merchant.Scanning{}, false, fmt.Errorf("recording a scan for a merchant: %w", err)
	}
	return r, found, nil
}

func judgeScan(c *session, realm, id string, scan scene.Scan, now time.Time) (r merchant.Scanning, found bool, err error) {
	if r.Code, found, err = oneCode(c, `realm = $1 AND id = $2`, realm, id); err != nil || !found {
		return r, false, err
	}
	code := &r.Code
	if r.Merchant, found, err = oneMerchant(c, realm, code.Merchant); err != nil || !found {
		return r, false, err
	}
	if code.Event == scan.Key && code.Event != "" {
		r.Verdict = merchant.Verdict{State: code.State, Reason: code.Reason, Slot: code.Slot}
		return r, true, nil
	}
	var held []merchant.Binding
	if err := eachBinding(c, `SELECT `+bindingColumns+` WHERE b.realm = $1 AND b.merchant = $2 AND b.appid = $3 ORDER BY b.slot`,
		[]any{realm, code.Merchant, code.AppID}, func(b merchant.Binding) { held = append(held, b) }); err != nil {
		return r, false, err
	}
	var one int
	elsewhere, err := c.one(`SELECT 1 FROM merchant_binding WHERE appid = $1 AND openid = $2 AND realm = $3 AND merchant <> $4`,
		[]any{code.AppID, scan.OpenID, realm, code.Merchant}, []any{&one})
	if err != nil {
		return r, false, err
	}
	r.Verdict = merchant.Judge(*code, r.Merchant, held, elsewhere, scan)
	if r.State == "" {
		return r, true, nil
	}
	code.State, code.Reason, code.Slot = r.State, r.Reason, r.Slot
	code.OpenID, code.Event, code.Scanned = scan.OpenID, scan.Key, scan.At
	if r.State == merchant.Refused {
		code.Ended = now
		return r, true, end(c, code, merchant.EventRefused, byScan, now)
	}
	if !r.Again {
		b := merchant.Binding{Merchant: code.Merchant, AppID: code.AppID, Slot: r.Slot, OpenID: scan.OpenID, Code: code.ID, Bound: now}
		if err := putBinding(c, realm, b); err != nil {
			return r, false, err
		}
	}
	err = changeCode(c, *code)
	code.Version++
	return r, true, err
}

// end writes how a code has ended, with an entry of the history.
func end(c *session, code *merchant.Code, what, by string, now time.Time) error {
	if err := changeCode(c, *code); err != nil {
		return err
	}
	code.Version++
	e := codeEvent(*code, what, by, now)
	e.Detail.Person = identity.Mask(code.OpenID)
	return putMerchantEvent(c, code.Realm, e)
}

func putBinding(c *session, realm string, b merchant.Binding) error {
	if _, err := c.exec(`INSERT INTO merchant_binding (realm, merchant, appid, slot, openid, userid, code, bound_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		realm, b.Merchant, b.AppID, b.Slot, b.OpenID, b.User, b.Code, b.Bound.UnixMicro()); err != nil {
		return err
	}
	_, err := c.exec(`UPDATE merchant SET bound = 1 WHERE realm = $1 AND id = $2 AND bound = 0`, realm, b.Merchant)
	return err
}

// dropBinding takes a binding away if it is the same by its code, and says whether it was
// there. Notices whose messages have yet to be made don't reach who was bound.
func dropBinding(c *session, realm string, b merchant.Binding) (bool, error) {
	n, err := c.exec(`DELETE FROM merchant_binding WHERE realm = $1 AND merchant = $2 AND appid = $3 AND slot = $4 AND code = $5`,
		realm, b.Merchant, b.AppID, b.Slot, b.Code)
	if err != nil || n == 0 {
		return false, err
	}
	if _, err := c.exec(`UPDATE merchant_recipient SET fault = $4 WHERE realm = $1 AND merchant = $2 AND slot = $3 AND appid = $5 AND fault = ''
			AND EXISTS (SELECT 1 FROM merchant_notice n WHERE n.realm = $1 AND n.id = merchant_recipient.notice AND n.filled = 0)`,
		realm, b.Merchant, b.Slot, merchant.FaultUnbound, b.AppID); err != nil {
		return false, err
	}
	var one int
	left, err := c.one(`SELECT 1 FROM merchant_binding WHERE realm = $1 AND merchant = $2 LIMIT 1`, []any{realm, b.Merchant}, []any{&one})
	if err != nil || left {
		return true, err
	}
	_, err = c.exec(`UPDATE merchant SET bound = 0 WHERE realm = $1 AND id = $2`, realm, b.Merchant)
	return true, err
}

// SettleBinding has a reserved binding count, or takes it away.
func (s *Store) SettleBinding(ctx context.Context, realm, id, user string, why merchant.Reason, now time.Time) (code merchant.Code, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		var found bool
		if code, found, err = oneCode(c, `realm = $1 AND id = $2`, realm, id); err != nil || !found || code.State != merchant.Scanned {
			return err
		}
		code.Ended = now
		if why == merchant.ReasonNone {
			n, err := c.exec(`UPDATE merchant_binding SET userid = $5 WHERE realm = $1 AND merchant = $2 AND appid = $3 AND slot = $4 AND openid = $6`,
				realm, code.Merchant, code.AppID, code.Slot, user, code.OpenID)
			if err != nil {
				return err
			}
			if n == 1 {
				code.State = merchant.Bound
				return end(c, &code, merchant.EventBound, byScan, now)
			}
			why = merchant.ReasonCancelled
		}
		if _, err := dropBinding(c, realm, merchant.Binding{Merchant: code.Merchant, AppID: code.AppID, Slot: code.Slot, Code: code.ID}); err != nil {
			return err
		}
		code.State, code.Reason = merchant.Refused, why
		return end(c, &code, merchant.EventRefused, byScan, now)
	})
	if err != nil {
		return merchant.Code{}, fmt.Errorf("settling a binding: %w", err)
	}
	return code, nil
}

// BindingOf finds the merchant of an openid.
func (s *Store) BindingOf(ctx context.Context, realm, appID, openID string) (b merchant.Binding, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		found = false
		return eachBinding(c, `SELECT `+bindingColumns+` WHERE b.appid = $1 AND b.openid = $2 AND b.realm = $3`, []any{appID, openID, realm}, func(is merchant.Binding) {
			b, found = is, true
		})
	})
	if err != nil {
		return merchant.Binding{}, false, fmt.Errorf("finding a binding: %w", err)
	}
	return b, found, nil
}

// DropBinding takes a binding away.
func (s *Store) DropBinding(ctx context.Context, realm string, b merchant.Binding, e merchant.Event) (there bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		if there, err = dropBinding(c, realm, b); err != nil || !there {
			return err
		}
		return putMerchantEvent(c, realm, e)
	})
	if err != nil {
		return false, fmt.Errorf("unbinding: %w", err)
	}
	return there, nil
}

// ReplaceBindings takes bindings away and puts one in, or does nothing.
func (s *Store) ReplaceBindings(ctx context.Context, was merchant.Code, gone []merchant.Binding, b merchant.Binding, by string, now time.Time) (code merchant.Code, done bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		var found bool
		var err error
		if code, found, err = oneCode(c, `realm = $1 AND id = $2`, was.Realm, was.ID); err != nil {
			return err
		}
		m, _, err := oneMerchant(c, was.Realm, was.Merchant)
		if err != nil {
			return err
		}
		if !found || code.Version != was.Version || code.State != merchant.Refused || code.OpenID != b.OpenID || m.Status != merchant.Normal {
			return identity.ErrConflict
		}
		for _, old := range gone {
			there, err := dropBinding(c, was.Realm, old)
			if err != nil {
				return err
			}
			if !there {
				return identity.ErrConflict
			}
			if err := putMerchantEvent(c, was.Realm, merchant.Event{Merchant: old.Merchant, At: now, Actor: by, What: merchant.EventReplaced, Detail: merchant.Detail{
				AppID: old.AppID, Code: code.ID, Person: identity.Mask(old.OpenID),
			}}); err != nil {
				return err
			}
		}
		if b.Bound = now; b.Slot >= m.Persons {
			return identity.ErrConflict
		}
		if err := putBinding(c, was.Realm, b); err != nil {
			return err
		}
		code.State, code.Reason, code.Slot, code.Ended = merchant.Bound, merchant.ReasonNone, b.Slot, now
		return end(c, &code, merchant.EventBound, by, now)
	})
	switch {
	case errors.Is(err, identity.ErrConflict):
		return merchant.Code{}, false, nil
	case err != nil:
		return merchant.Code{}, false, fmt.Errorf("replacing a binding: %w", err)
	}
	return code, true, nil
}
