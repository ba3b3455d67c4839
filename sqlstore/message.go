package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// PutMessages accepts messages, unless they are there.
func (s *Store) PutMessages(ctx context.Context, messages []message.Message) ([]message.Message, error) {
	var before []message.Message
	err := s.writer.write(ctx, func(c *session) error {
		before = make([]message.Message, len(messages))
		open := map[message.Lane]bool{}
		for i, m := range messages {
			if l := (message.Lane{AppID: m.AppID, Kind: m.Kind}); !open[l] {
				open[l] = true
				if err := openLane(c, l); err != nil {
					return err
				}
			}
			fresh, err := putMessage(c, m)
			if err != nil {
				return err
			}
			if fresh {
				continue
			}
			had, found, err := messageOf(c, m.Realm, m.By, m.ClientID)
			if err != nil {
				return err
			}
			if !found {
				return fmt.Errorf("there are two messages with the id %s", m.ID)
			}
			before[i] = had
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("accepting messages: %w", err)
	}
	return before, nil
}

// openLane makes a lane known.
func openLane(c *session, l message.Lane) error {
	var one int
	if known, err := c.one(`SELECT 1 FROM message_lane WHERE appid = $1 AND kind = $2`, []any{l.AppID, string(l.Kind)}, []any{&one}); known || err != nil {
		return err
	}
	_, err := c.exec(`INSERT INTO message_lane (appid, kind) VALUES ($1, $2) ON CONFLICT (appid, kind) DO NOTHING`, l.AppID, string(l.Kind))
	return err
}

func putMessage(c *session, m message.Message) (bool, error) {
	bulk := 0
	if m.Batch != "" {
		bulk = 1
	}
	n, err := c.exec(`INSERT INTO message (realm, id, userid, appid, openid, kind, template, batch, maker, client_id, state, bulk, made_at, due_at, next_at, sealed)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16) ON CONFLICT DO NOTHING`,
		m.Realm, m.ID, m.User, m.AppID, m.OpenID, string(m.Kind), m.Template, m.Batch, m.By, m.ClientID, string(m.State), bulk,
		m.Made.UnixMicro(), m.Due.UnixMicro(), m.Next.UnixMicro(), m.Sealed)
	return n == 1, err
}

const messageColumns = `SELECT realm, id, userid, appid, openid, kind, template, batch, maker, client_id, state, reason, detail, msgid, tries, round,
	made_at, due_at, next_at, sent_at, ended_at, unsure_at, holder, sealed FROM message`

// messageRow is where a row of a message is scanned into.
type messageRow struct {
	message.Message
	holder              string
	made, due, next     int64
	sent, ended, unsure sql.NullInt64
}

func (r *messageRow) dest() []any {
	m := &r.Message
	return []any{
		&m.Realm, &m.ID, &m.User, &m.AppID, &m.OpenID, &m.Kind, &m.Template, &m.Batch, &m.By, &m.ClientID, &m.State, &m.Reason, &m.Detail, &m.MsgID, &m.Tries, &m.Round,
		&r.made, &r.due, &r.next, &r.sent, &r.ended, &r.unsure, &r.holder, &m.Sealed,
	}
}

func (r *messageRow) message() message.Message {
	m := r.Message
	m.Made, m.Due, m.Next = time.UnixMicro(r.made).UTC(), time.UnixMicro(r.due).UTC(), time.UnixMicro(r.next).UTC()
	m.Sent, m.Ended, m.Unsure = timeOf(r.sent), timeOf(r.ended), timeOf(r.unsure)
	return m
}

// oneMessage reads the message that a condition finds, and who holds it.
func oneMessage(c *session, where string, args ...any) (m message.Message, holder string, found bool, err error) {
	var r messageRow
	found, err = c.one(messageColumns+` WHERE `+where, args, r.dest())
	if !found || err != nil {
		return message.Message{}, "", false, err
	}
	return r.message(), r.holder, true, nil
}

func eachMessage(c *session, query string, args []any, into *[]message.Message) error {
	return c.each(query, args, func(rows *sql.Rows) error {
		var r messageRow
		err := rows.Scan(r.dest()...)
		*into = append(*into, r.message())
		return err
	})
}

func messageOf(c *session, realm, by, clientID string) (message.Message, bool, error) {
	m, _, found, err := oneMessage(c, `realm = $1 AND maker = $2 AND client_id = $3 AND client_id <> ''`, realm, by, clientID)
	return m, found, err
}

// MessageOf finds a message by the name that its sender gave it.
func (s *Store) MessageOf(ctx context.Context, realm, by, clientID string) (m message.Message, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		m, found, err = messageOf(c, realm, by, clientID)
		return err
	})
	if err != nil {
		return message.Message{}, false, fmt.Errorf("finding a message: %w", err)
	}
	return m, found, nil
}

// Message finds a message by its id.
func (s *Store) Message(ctx context.Context, realm, id string) (m message.Message, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		m, _, found, err = oneMessage(c, `realm = $1 AND id = $2`, realm, id)
		return err
	})
	if err != nil {
		return message.Message{}, false, fmt.Errorf("finding a message: %w", err)
	}
	return m, found, nil
}

// Messages lists messages, the newest first.
func (s *Store) Messages(ctx context.Context, f message.Filter) ([]message.Message, error) {
	before := f.Before
	if before == "" {
		before = "g" // ids are of hexadecimal digits
	}
	query, args := messageColumns+` WHERE realm = $1 AND id < $2`, []any{f.Realm, before}
	for _, x := range []struct{ column, want string }{{"state", string(f.State)}, {"appid", f.AppID}, {"kind", string(f.Kind)}, {"userid", f.User}, {"batch", f.Batch}} {
		if x.want == "" {
			continue
		}
		args = append(args, x.want)
		query += fmt.Sprintf(` AND %s = $%d`, x.column, len(args))
		if x.column == "batch" {
			query += ` AND batch <> ''`
		}
	}
	args = append(args, f.Limit)
	query += fmt.Sprintf(` ORDER BY id DESC LIMIT $%d`, len(args))
	var list []message.Message
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return eachMessage(c, query, args, &list)
	})
	if err != nil {
		return nil, fmt.Errorf("listing messages: %w", err)
	}
	return list, nil
}

// CountMessages counts the messages of a batch by their states: those of one sender, or of
// all if by is empty.
func (s *Store) CountMessages(ctx context.Context, realm, batch, by string) (map[message.State]int64, error) {
	counts := map[message.State]int64{}
	err := s.readers.use(ctx, func(c *session) error {
		clear(counts)
		// By the bare column the engines would go through the realm in the order of states.
		return c.each(`SELECT state || '', COUNT(*) FROM message WHERE realm = $1 AND batch = $2 AND batch <> '' AND (maker = $3 OR $4) GROUP BY state || ''`,
			[]any{realm, batch, by, by == ""}, func(rows *sql.Rows) error {
				var state message.State
				var n int64
				err := rows.Scan(&state, &n)
				counts[state] = n
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("counting messages: %w", err)
	}
	return counts, nil
}
