package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// PutMerchantCode writes a code, and supersedes the one that waits.
func (s *Store) PutMerchantCode(ctx context.Context, code merchant.Code) error {
	err := s.writer.write(ctx, func(c *session) error {
		old, found, err := oneCode(c, `realm = $1 AND merchant = $2 AND appid = $3 AND state = 'waiting'`, code.Realm, code.Merchant, code.AppID)
		if err != nil {
			return err
		}
		if found {
			// One that had expired stays so.
			if old = old.At(code.Made); old.State == merchant.Waiting {
				old.State, old.Ended = merchant.Superseded, code.Made
			}
			if err := changeCode(c, old); err != nil {
				return err
			}
		}
		_, err = c.exec(`INSERT INTO merchant_code (realm, id, merchant, appid, state, maker, made_at, expires, version) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
			code.Realm, code.ID, code.Merchant, code.AppID, string(code.State), code.By, code.Made.UnixMicro(), code.Expires.UnixMicro(), code.Version)
		if err != nil {
			return err
		}
		return putMerchantEvent(c, code.Realm, codeEvent(code, merchant.EventCode, code.By, code.Made))
	})
	if err != nil {
		return fmt.Errorf("writing a code: %w", err)
	}
	return nil
}

// codeEvent is an entry of the history about a code.
func codeEvent(code merchant.Code, what, by string, at time.Time) merchant.Event {
	return merchant.Event{Merchant: code.Merchant, At: at, Actor: by, What: what, Detail: merchant.Detail{AppID: code.AppID, Code: code.ID, Reason: code.Reason}}
}

// changeCode writes where a code stands, as its next version.
func changeCode(c *session, code merchant.Code) error {
	return swapped(c.exec(`UPDATE merchant_code SET state = $3, reason = $4, openid = $5, event = $6, slot = $7, scanned_at = $8, ended_at = $9, version = version + 1
		WHERE realm = $1 AND id = $2 AND version = $10`,
		code.Realm, code.ID, string(code.State), string(code.Reason), code.OpenID, code.Event, code.Slot, moment(code.Scanned), moment(code.Ended), code.Version))
}

const codeColumns = `SELECT realm, id, merchant, appid, state, reason, maker, made_at, expires, openid, event, slot, scanned_at, ended_at, version FROM merchant_code`

// codeRow is where a row of a code is scanned into.
type codeRow struct {
	merchant.Code
	made, expires  int64
	scanned, ended sql.NullInt64
}

func (r *codeRow) dest() []any {
	k := &r.Code
	return []any{
		&k.Realm, &k.ID, &k.Merchant, &k.AppID, &k.State, &k.Reason, &k.By, &r.made, &r.expires, &k.OpenID, &k.Event, &k.Slot, &r.scanned, &r.ended, &k.Version,
	}
}

func (r *codeRow) code() merchant.Code {
	k := r.Code
	k.Made, k.Expires = time.UnixMicro(r.made).UTC(), time.UnixMicro(r.expires).UTC()
	k.Scanned, k.Ended = timeOf(r.scanned), timeOf(r.ended)
	return k
}

func oneCode(c *session, where string, args ...any) (merchant.Code, bool, error) {
	var r codeRow
	found, err := c.one(codeColumns+` WHERE `+where, args, r.dest())
	if err != nil || !found {
		return merchant.Code{}, false, err
	}
	return r.code(), true, nil
}

// MerchantCode finds a code by its id.
func (s *Store) MerchantCode(ctx context.Context, realm, id string) (k merchant.Code, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		k, found, err = oneCode(c, `realm = $1 AND id = $2`, realm, id)
		return err
	})
	if err != nil {
		return merchant.Code{}, false, fmt.Errorf("reading a code: %w", err)
	}
	return k, found, nil
}

// MerchantCodes lists the codes of a merchant, the newest first.
func (s *Store) MerchantCodes(ctx context.Context, realm, id string, limit int) ([]merchant.Code, error) {
	var list []merchant.Code
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(codeColumns+` WHERE realm = $1 AND merchant = $2 ORDER BY id DESC LIMIT $3`, []any{realm, id, limit}, func(rows *sql.Rows) error {
			var r codeRow
			err := rows.Scan(r.dest()...)
			list = append(list, r.code())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing codes: %w", err)
	}
	return list, nil
}

// CancelMerchantCode cancels a code that waits.
func (s *Store) CancelMerchantCode(ctx context.Context, realm, id, by string, now time.Time) (k merchant.Code, found bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		k, found, err = oneCode(c, `realm = $1 AND id = $2`, realm, id)
		if err != nil || !found || k.At(now).State != merchant.Waiting {
			return err
		}
		k.State, k.Ended = merchant.Cancelled, now
		if err := changeCode(c, k); err != nil {
			return err
		}
		k.Version++
		return putMerchantEvent(c, realm, codeEvent(k, merchant.EventCancelled, by, now))
	})
	if err != nil {
		return merchant.Code{}, false, fmt.Errorf("cancelling a code: %w", err)
	}
	return k, found, nil
}
