package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// DueLanes returns lanes with messages that are due.
func (s *Store) DueLanes(ctx context.Context, now time.Time, limit int) ([]message.Lane, error) {
	var lanes []message.Lane
	err := s.readers.use(ctx, func(c *session) error {
		lanes = nil
		return c.each(`SELECT l.appid, l.kind FROM message_lane l WHERE l.until_at <= $1 AND (
				EXISTS (SELECT 1 FROM message m WHERE m.appid = l.appid AND m.kind = l.kind AND m.state = 'queued' AND m.bulk = 0 AND m.next_at <= $1)
				OR EXISTS (SELECT 1 FROM message m WHERE m.appid = l.appid AND m.kind = l.kind AND m.state = 'queued' AND m.bulk = 1 AND m.next_at <= $1))
			LIMIT $2`, []any{now.UnixMicro(), limit}, func(rows *sql.Rows) error {
			var l message.Lane
			err := rows.Scan(&l.AppID, &l.Kind)
			lanes = append(lanes, l)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("looking for messages that are due: %w", err)
	}
	return lanes, nil
}

// DueMessages counts the due messages of a lane.
func (s *Store) DueMessages(ctx context.Context, l message.Lane, now time.Time, limit int) (n int, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		n = 0
		for bulk := range 2 {
			err := c.each(`SELECT 1 FROM message WHERE appid = $1 AND kind = $2 AND bulk = $3 AND next_at <= $4 AND state = 'queued' LIMIT $5`,
				[]any{l.AppID, string(l.Kind), bulk, now.UnixMicro(), limit - n}, func(*sql.Rows) error { n++; return nil })
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("counting messages that are due: %w", err)
	}
	return n, nil
}

// QueuedMessages counts the messages that aren't sent yet.
func (s *Store) QueuedMessages(ctx context.Context, appID string) (map[message.Lane]int64, error) {
	var queued map[message.Lane]int64
	err := s.readers.use(ctx, func(c *session) error {
		queued = map[message.Lane]int64{}
		return c.each(`SELECT l.appid, l.kind, (SELECT COUNT(*) FROM message m WHERE m.appid = l.appid AND m.kind = l.kind AND m.state = 'queued')
			FROM message_lane l WHERE l.appid = $1`, []any{appID}, func(rows *sql.Rows) error {
			var l message.Lane
			var n int64
			err := rows.Scan(&l.AppID, &l.Kind, &n)
			queued[l] = n
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("counting messages that aren't sent yet: %w", err)
	}
	return queued, nil
}

// TakeMessages reserves due messages of a lane.
func (s *Store) TakeMessages(ctx context.Context, l message.Lane, holder string, now, until time.Time, limit int) ([]message.Message, error) {
	const query = messageColumns + ` WHERE appid = $1 AND kind = $2 AND bulk = $3 AND next_at <= $4 AND state = 'queued' ORDER BY next_at LIMIT $5`
	var taken []message.Message
	err := s.writer.write(ctx, func(c *session) error {
		taken = nil
		var paused int64
		_, err := c.one(`SELECT until_at FROM message_lane WHERE appid = $1 AND kind = $2`, []any{l.AppID, string(l.Kind)}, []any{&paused})
		if err != nil || paused > now.UnixMicro() {
			return err
		}
		for bulk := range 2 {
			if err := eachMessage(c, query, []any{l.AppID, string(l.Kind), bulk, now.UnixMicro(), limit - len(taken)}, &taken); err != nil {
				return err
			}
		}
		for _, m := range taken {
			_, err := c.exec(`UPDATE message SET holder = $3, next_at = $4, unsure_at = COALESCE(unsure_at, $5) WHERE realm = $1 AND id = $2`,
				m.Realm, m.ID, holder, until.UnixMicro(), now.UnixMicro())
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("taking messages: %w", err)
	}
	return taken, nil
}

// SettleMessage writes how a message stands that holder had taken.
func (s *Store) SettleMessage(ctx context.Context, m message.Message, holder string) (message.Message, bool, error) {
	settled, ours := m, false
	err := s.writer.write(ctx, func(c *session) error {
		settled, ours = m, false
		early := false
		if m.State == message.Sent && m.MsgID != 0 {
			var err error
			if settled, early, err = withResult(c, m); err != nil {
				return err
			}
		}
		n, err := c.exec(writeMessage+` AND holder = $16`, append(messageArgs(settled), holder)...)
		if ours = n == 1; err != nil || !ours {
			return err
		}
		if early {
			_, err = c.exec(`DELETE FROM message_result WHERE appid = $1 AND msgid = $2`, m.AppID, m.MsgID)
		}
		if err == nil && m.State == message.Queued { // another account may have to send it
			err = openLane(c, message.Lane{AppID: m.AppID, Kind: m.Kind})
		}
		return err
	})
	if err != nil {
		return message.Message{}, false, fmt.Errorf("settling a message: %w", err)
	}
	return settled, ours, nil
}

// withResult is a sent message with its result, if that came before.
func withResult(c *session, m message.Message) (message.Message, bool, error) {
	var status string
	var at int64
	found, err := c.one(`SELECT status, at FROM message_result WHERE appid = $1 AND msgid = $2`, []any{m.AppID, m.MsgID}, []any{&status, &at})
	if err != nil || !found {
		return m, false, err
	}
	return message.Finish(m, status, time.UnixMicro(at).UTC()), true, nil
}

// writeMessage writes what may change of a message, which nobody holds any longer.
const writeMessage = `UPDATE message SET appid = $3, openid = $4, state = $5, reason = $6, detail = $7, msgid = $8, tries = $9, round = $10,
	due_at = $11, next_at = $12, sent_at = $13, ended_at = $14, unsure_at = $15, holder = '' WHERE realm = $1 AND id = $2`

func messageArgs(m message.Message) []any {
	return []any{
		m.Realm, m.ID, m.AppID, m.OpenID, string(m.State), string(m.Reason), m.Detail, m.MsgID, m.Tries, m.Round,
		m.Due.UnixMicro(), m.Next.UnixMicro(), moment(m.Sent), moment(m.Ended), moment(m.Unsure),
	}
}

// FinishMessage writes the result of a message, or keeps it for later.
func (s *Store) FinishMessage(ctx context.Context, appID string, msgID int64, status string, at time.Time) (message.Message, bool, error) {
	var m message.Message
	finished := false
	err := s.writer.write(ctx, func(c *session) (err error) {
		finished = false
		found := false
		m, _, found, err = oneMessage(c, `appid = $1 AND msgid = $2 AND msgid <> 0`, appID, msgID)
		switch {
		case err != nil:
			return err
		case !found:
			_, err := c.exec(`INSERT INTO message_result (appid, msgid, status, at) VALUES ($1, $2, $3, $4) ON CONFLICT (appid, msgid) DO NOTHING`,
				appID, msgID, status, at.UnixMicro())
			return err
		case m.State != message.Sent: // it came before
			return nil
		}
		m, finished = message.Finish(m, status, at), true
		_, err = c.exec(writeMessage, messageArgs(m)...)
		return err
	})
	if err != nil {
		return message.Message{}, false, fmt.Errorf("finishing a message: %w", err)
	}
	return m, finished, nil
}

// ChangeMessage has a message changed.
func (s *Store) ChangeMessage(ctx context.Context, realm, id string, now time.Time, change func(m *message.Message, under bool) error) (m message.Message, found bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		var holder string
		m, holder, found, err = oneMessage(c, `realm = $1 AND id = $2`, realm, id)
		if err != nil || !found {
			return err
		}
		if err := change(&m, holder != "" && m.Next.After(now)); err != nil {
			return err
		}
		_, err = c.exec(writeMessage, messageArgs(m)...)
		return err
	})
	if err != nil {
		return message.Message{}, false, err
	}
	return m, found, nil
}
