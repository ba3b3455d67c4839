package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

// errNobody takes back a notice that nobody would get.
var errNobody = errors.New("nobody would get it")

// PutNotice writes a notice and its recipients.
func (s *Store) PutNotice(ctx context.Context, n merchant.Notice, merchants []string, e merchant.Event) (had merchant.Notice, reached int64, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		had, reached = merchant.Notice{}, 0
		var found bool
		var err error
		if n.ClientID != "" {
			had, found, err = oneNotice(c, `realm = $1 AND maker = $2 AND client_id = $3 AND client_id <> ''`, n.Realm, n.By, n.ClientID)
		}
		if found || err != nil {
			return err
		}
		_, err = c.exec(`INSERT INTO merchant_notice (realm, id, appid, template, title, maker, client_id, made_at, due_at, everybody, sealed)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
			n.Realm, n.ID, n.AppID, n.Template, n.Title, n.By, n.ClientID, n.Made.UnixMicro(), n.Due.UnixMicro(), bit(n.All), n.Sealed)
		if err != nil {
			return err
		}
		if n.All {
			_, err = c.one(`SELECT COUNT(*) FROM merchant_binding b WHERE b.realm = $1 AND b.appid = $2 AND b.userid <> ''
				AND (SELECT m.status FROM merchant m WHERE m.realm = $1 AND m.id = b.merchant) = 'normal'`, []any{n.Realm, n.AppID}, []any{&reached})
		}
		for _, id := range merchants {
			var bound int64
			if bound, err = pick(c, n, id); err != nil {
				return err
			}
			reached += bound
		}
		if err != nil {
			return err
		}
		if reached == 0 {
			return errNobody
		}
		return putMerchantEvent(c, n.Realm, e)
	})
	switch {
	case errors.Is(err, errNobody):
		return merchant.Notice{}, 0, nil
	case err != nil:
		return merchant.Notice{}, 0, fmt.Errorf("writing a notice: %w", err)
	}
	return had, reached, nil
}

// pick writes who is bound to a merchant as recipients, and says how many they are.
func pick(c *session, n merchant.Notice, id string) (bound int64, err error) {
	m, found, err := oneMerchant(c, n.Realm, id)
	if err != nil {
		return 0, err
	}
	why := ""
	switch {
	case !found:
		why = merchant.FaultUnknown
	case m.Status != merchant.Normal:
		why = merchant.FaultDisabled
	default:
		if bound, err = c.exec(takeBound+` AND b.merchant = $4 ON CONFLICT DO NOTHING`, n.Realm, n.AppID, n.ID, id); err != nil || bound > 0 {
			return bound, err
		}
		why = merchant.FaultUnbound
	}
	_, err = c.exec(`INSERT INTO merchant_recipient (notice, merchant, slot, realm, appid, userid, client_id, fault) VALUES ($1, $2, -1, $3, $4, '', '', $5) ON CONFLICT DO NOTHING`,
		n.ID, id, n.Realm, n.AppID, why)
	return 0, err
}

// takeBound makes recipients of who is bound to merchants that are not disabled. The name of
// a message is that of [merchant.Recipient].
const takeBound = `INSERT INTO merchant_recipient (notice, merchant, slot, realm, appid, userid, client_id)
	SELECT CAST($3 AS TEXT), b.merchant, b.slot, b.realm, b.appid, b.userid, CAST($3 AS TEXT) || '/' || b.merchant || '/' || CAST(b.slot AS TEXT)
	FROM merchant_binding b CROSS JOIN merchant m
	WHERE b.realm = $1 AND b.appid = $2 AND m.realm = $1 AND m.id = b.merchant AND b.userid <> '' AND m.status = 'normal'`

// CollectRecipients writes a part of all who are bound as recipients.
func (s *Store) CollectRecipients(ctx context.Context, n merchant.Notice, after string, limit int) (last string, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		found, err := c.one(`SELECT merchant FROM merchant_binding WHERE realm = $1 AND appid = $2 AND merchant > $3 ORDER BY merchant LIMIT 1 OFFSET $4`,
			[]any{n.Realm, n.AppID, after, limit}, []any{&last})
		if err != nil {
			return err
		}
		if found {
			_, err = c.exec(takeBound+` AND b.merchant > $4 AND b.merchant <= $5 ON CONFLICT DO NOTHING`, n.Realm, n.AppID, n.ID, after, last)
			return err
		}
		last = ""
		if _, err = c.exec(takeBound+` AND b.merchant > $4 ON CONFLICT DO NOTHING`, n.Realm, n.AppID, n.ID, after); err != nil {
			return err
		}
		_, err = c.exec(`UPDATE merchant_notice SET everybody = 0 WHERE realm = $1 AND id = $2`, n.Realm, n.ID)
		return err
	})
	if err != nil {
		return "", fmt.Errorf("collecting recipients: %w", err)
	}
	return last, nil
}

const noticeColumns = `SELECT realm, id, appid, template, title, maker, client_id, made_at, due_at, everybody, filled, cancelled, sealed FROM merchant_notice`

// noticeRow is where a row of a notice is scanned into.
type noticeRow struct {
	merchant.Notice
	made, due   int64
	all, filled int
	cancelled   sql.NullInt64
}

func (r *noticeRow) dest() []any {
	n := &r.Notice
	return []any{&n.Realm, &n.ID, &n.AppID, &n.Template, &n.Title, &n.By, &n.ClientID, &r.made, &r.due, &r.all, &r.filled, &r.cancelled, &n.Sealed}
}

func (r *noticeRow) notice() merchant.Notice {
	n := r.Notice
	n.Made, n.Due, n.Cancelled = time.UnixMicro(r.made).UTC(), time.UnixMicro(r.due).UTC(), timeOf(r.cancelled)
	n.All, n.Filled = r.all == 1, r.filled == 1
	return n
}

func oneNotice(c *session, where string, args ...any) (merchant.Notice, bool, error) {
	var r noticeRow
	found, err := c.one(noticeColumns+` WHERE `+where, args, r.dest())
	if err != nil || !found {
		return merchant.Notice{}, false, err
	}
	return r.notice(), true, nil
}

// Notice finds a notice by its id.
func (s *Store) Notice(ctx context.Context, realm, id string) (n merchant.Notice, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		n, found, err = oneNotice(c, `realm = $1 AND id = $2`, realm, id)
		return err
	})
	if err != nil {
		return merchant.Notice{}, false, fmt.Errorf("reading a notice: %w", err)
	}
	return n, found, nil
}

// Notices lists notices, the newest first.
func (s *Store) Notices(ctx context.Context, realm, before string, limit int) ([]merchant.Notice, error) {
	if before == "" {
		before = "g" // ids are of hexadecimal digits
	}
	return s.notices(ctx, noticeColumns+` WHERE realm = $1 AND id < $2 ORDER BY id DESC LIMIT $3`, realm, before, limit)
}

// OpenNotices are those whose messages are not all in the outbox.
func (s *Store) OpenNotices(ctx context.Context, limit int) ([]merchant.Notice, error) {
	return s.notices(ctx, noticeColumns+` WHERE filled = 0 AND cancelled IS NULL AND made_at > 0 ORDER BY made_at LIMIT $1`, limit)
}

func (s *Store) notices(ctx context.Context, query string, args ...any) (list []merchant.Notice, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(query, args, func(rows *sql.Rows) error {
			var r noticeRow
			err := rows.Scan(r.dest()...)
			list = append(list, r.notice())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing notices: %w", err)
	}
	return list, nil
}
