package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// EraseBoundOpenid takes away what is known of an openid.
func (s *Store) EraseBoundOpenid(ctx context.Context, appID, openID string, now time.Time) (n int64, err error) {
	return s.erasePersons(ctx, `SELECT realm, merchant, appid, slot, openid, userid, code FROM merchant_binding WHERE appid = $1 AND openid = $2`, []any{appID, openID}, now,
		func(c *session) error { return forgetScanner(c, appID, openID) })
}

// EraseBoundUser takes away what is known of a user.
func (s *Store) EraseBoundUser(ctx context.Context, realm, user string, now time.Time) (n int64, err error) {
	return s.erasePersons(ctx, `SELECT realm, merchant, appid, slot, openid, userid, code FROM merchant_binding WHERE realm = $1 AND userid = $2 AND userid <> ''`, []any{realm, user}, now,
		func(c *session) error { return forgetRecipient(c, realm, user) })
}

// forgetScanner takes an openid off the codes that it has scanned.
func forgetScanner(c *session, appID, openID string) error {
	_, err := c.exec(`UPDATE merchant_code SET openid = '', version = version + 1 WHERE appid = $1 AND openid = $2 AND openid <> ''`, appID, openID)
	return err
}

// forgetRecipient takes a user off notices.
func forgetRecipient(c *session, realm, user string) error {
	_, err := c.exec(`UPDATE merchant_recipient SET userid = '' WHERE realm = $1 AND userid = $2 AND userid <> ''`, realm, user)
	return err
}

// erasePersons ends the bindings that a query finds, and takes who was bound off codes and
// notices; then it does what else there is to do.
func (s *Store) erasePersons(ctx context.Context, query string, args []any, now time.Time, also func(c *session) error) (n int64, err error) {
	type person struct {
		realm string
		merchant.Binding
	}
	err = s.writer.write(ctx, func(c *session) error {
		var list []person
		if err := c.each(query, args, func(rows *sql.Rows) error {
			var p person
			err := rows.Scan(&p.realm, &p.Merchant, &p.AppID, &p.Slot, &p.OpenID, &p.User, &p.Code)
			list = append(list, p)
			return err
		}); err != nil {
			return err
		}
		n = int64(len(list))
		for _, p := range list {
			if _, err := dropBinding(c, p.realm, p.Binding); err != nil {
				return err
			}
			if err := forgetScanner(c, p.AppID, p.OpenID); err != nil {
				return err
			}
			if err := forgetRecipient(c, p.realm, p.User); err != nil {
				return err
			}
			if err := putMerchantEvent(c, p.realm, merchant.Event{
				Merchant: p.Merchant, At: now, Actor: "gateway", What: merchant.EventErased, Detail: merchant.Detail{AppID: p.AppID},
			}); err != nil {
				return err
			}
		}
		return also(c)
	})
	if err != nil {
		return 0, fmt.Errorf("erasing who is bound: %w", err)
	}
	return n, nil
}
