package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// Recipients lists those of a notice, with what has become of their messages.
func (s *Store) Recipients(ctx context.Context, realm, notice string, after merchant.Recipient, limit int) ([]merchant.Recipient, error) {
	var list []merchant.Recipient
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT r.merchant, COALESCE(n.name, ''), r.slot, r.userid, r.fault, r.field, COALESCE(b.userid, '') <> '', COALESCE(n.status, '') = 'disabled', COALESCE(m.id, ''),
				COALESCE(m.state, ''), COALESCE(m.reason, ''), COALESCE(m.detail, ''), m.sent_at, m.ended_at
			FROM merchant_recipient r
			LEFT JOIN merchant n ON n.realm = $2 AND n.id = r.merchant
			LEFT JOIN merchant_binding b ON b.realm = $2 AND b.merchant = r.merchant AND b.appid = r.appid AND b.slot = r.slot AND b.userid = r.userid
			LEFT JOIN message m ON m.realm = $2 AND m.maker = $3 AND m.client_id = r.client_id AND m.client_id <> ''
			WHERE r.notice = $1 AND r.realm = $2 AND (r.merchant, r.slot) > ($4, $5) ORDER BY r.merchant, r.slot LIMIT $6`,
			[]any{notice, realm, merchant.Sender, after.Merchant, after.Slot, limit}, func(rows *sql.Rows) error {
				var r merchant.Recipient
				var sent, ended sql.NullInt64
				err := rows.Scan(&r.Merchant, &r.Name, &r.Slot, &r.User, &r.Fault, &r.Field, &r.Bound, &r.Disabled, &r.Message, &r.State, &r.Reason, &r.Detail, &sent, &ended)
				r.Sent, r.Ended = timeOf(sent), timeOf(ended)
				list = append(list, r)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("listing recipients: %w", err)
	}
	return list, nil
}

// RefuseRecipients writes why recipients get nothing.
func (s *Store) RefuseRecipients(ctx context.Context, realm, notice string, list []merchant.Recipient) error {
	err := s.writer.write(ctx, func(c *session) error {
		for _, r := range list {
			if _, err := c.exec(`UPDATE merchant_recipient SET fault = $4, field = $5 WHERE notice = $1 AND merchant = $2 AND slot = $3 AND realm = $6 AND fault = ''`,
				notice, r.Merchant, r.Slot, r.Fault, r.Field, realm); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("refusing recipients: %w", err)
	}
	return nil
}

// CloseNotice writes that all messages of a notice are in the outbox.
func (s *Store) CloseNotice(ctx context.Context, realm, id string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE merchant_notice SET filled = 1 WHERE realm = $1 AND id = $2`, realm, id)
		return err
	})
	if err != nil {
		return fmt.Errorf("closing a notice: %w", err)
	}
	return nil
}

// ReopenNotice has those recipients tried again who could not be reached.
func (s *Store) ReopenNotice(ctx context.Context, realm, id string) (n int64, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE merchant_recipient SET fault = '', field = '' WHERE notice = $1 AND realm || '' = $2 AND fault = $3
				AND EXISTS (SELECT 1 FROM merchant_binding b WHERE b.realm = $2 AND b.merchant = merchant_recipient.merchant
					AND b.appid = merchant_recipient.appid AND b.slot = merchant_recipient.slot AND b.userid = merchant_recipient.userid)`, id, realm, message.FaultUnreachable)
		if err != nil || n == 0 {
			return err
		}
		_, err = c.exec(`UPDATE merchant_notice SET filled = 0 WHERE realm = $1 AND id = $2`, realm, id)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("opening a notice again: %w", err)
	}
	return n, nil
}

// CancelNotice cancels a notice.
func (s *Store) CancelNotice(ctx context.Context, realm, id string, at time.Time) (bool, error) {
	var n int64
	err := s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE merchant_notice SET cancelled = COALESCE(cancelled, $3) WHERE realm = $1 AND id = $2`, realm, id, at.UnixMicro())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("cancelling a notice: %w", err)
	}
	return n == 1, nil
}

// WaitingMessages are the ids of the messages that wait for who is bound.
func (s *Store) WaitingMessages(ctx context.Context, realm string, b merchant.Binding) ([]string, error) {
	var list []string
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT m.id FROM merchant_recipient r CROSS JOIN message m
			WHERE r.realm = $1 AND r.merchant = $2 AND r.slot = $3 AND r.appid = $4 AND r.userid = $5
				AND m.realm = $1 AND m.maker = $6 AND m.client_id = r.client_id AND m.client_id <> '' AND m.state || '' = 'queued'`,
			[]any{realm, b.Merchant, b.Slot, b.AppID, b.User, merchant.Sender}, func(rows *sql.Rows) error {
				var id string
				err := rows.Scan(&id)
				list = append(list, id)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("finding waiting notices: %w", err)
	}
	return list, nil
}

// SweepMerchants takes away old codes, and the oldest notice: its recipients, then itself.
func (s *Store) SweepMerchants(ctx context.Context, codes, notices time.Time, limit int) (more bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`DELETE FROM merchant_code WHERE (realm, id) IN (SELECT realm, id FROM merchant_code WHERE made_at < $1 ORDER BY made_at LIMIT $2)`, codes.UnixMicro(), limit)
		if err != nil {
			return err
		}
		more = n == int64(limit)
		var realm, id string
		found, err := c.one(`SELECT realm, id FROM merchant_notice WHERE made_at < $1 ORDER BY made_at LIMIT 1`, []any{notices.UnixMicro()}, []any{&realm, &id})
		if err != nil || !found {
			return err
		}
		more = true
		n, err = c.exec(`DELETE FROM merchant_recipient WHERE (notice, merchant, slot) IN (SELECT notice, merchant, slot FROM merchant_recipient WHERE notice = $1 LIMIT $2)`, id, 10*limit)
		if err != nil || n > 0 {
			return err
		}
		_, err = c.exec(`DELETE FROM merchant_notice WHERE realm = $1 AND id = $2`, realm, id)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sweeping codes and notices: %w", err)
	}
	return more, nil
}
