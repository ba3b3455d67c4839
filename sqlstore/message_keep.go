package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/message"
)

// SweepMessages takes away what was kept long enough.
func (s *Store) SweepMessages(ctx context.Context, content, rows, results time.Time, limit int) (bool, error) {
	more := false
	err := s.writer.write(ctx, func(c *session) error {
		more = false
		for _, sweep := range []struct {
			query  string
			before time.Time
		}{
			{`UPDATE message SET sealed = NULL WHERE (realm, id) IN (
				SELECT realm, id FROM message WHERE ended_at < $1 AND sealed IS NOT NULL ORDER BY ended_at LIMIT $2)`, content},
			{`DELETE FROM message WHERE (realm, id) IN (SELECT realm, id FROM message WHERE ended_at < $1 ORDER BY ended_at LIMIT $2)`, rows},
			{`DELETE FROM message_result WHERE (appid, msgid) IN (SELECT appid, msgid FROM message_result WHERE at < $1 ORDER BY at LIMIT $2)`, results},
		} {
			n, err := c.exec(sweep.query, sweep.before.UnixMicro(), limit)
			if err != nil {
				return err
			}
			more = more || n == int64(limit)
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("sweeping messages: %w", err)
	}
	return more, nil
}

// EraseMessages takes away all messages to a user.
func (s *Store) EraseMessages(ctx context.Context, realm, user string) (n int64, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`DELETE FROM message WHERE realm = $1 AND userid = $2`, realm, user)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("erasing messages: %w", err)
	}
	return n, nil
}

// EraseMessagesAt takes away the messages to a user at one openid.
func (s *Store) EraseMessagesAt(ctx context.Context, realm, user, appID, openID string) (n int64, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`DELETE FROM message WHERE realm = $1 AND userid = $2 AND appid = $3 AND openid = $4`, realm, user, appID, openID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("erasing messages: %w", err)
	}
	return n, nil
}

// PutTemplates writes the templates of an account, unless a newer list was written.
func (s *Store) PutTemplates(ctx context.Context, appID string, templates []message.Template, at time.Time) error {
	err := s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`INSERT INTO message_sync (appid, at) VALUES ($1, $2)
			ON CONFLICT (appid) DO UPDATE SET at = excluded.at WHERE message_sync.at <= excluded.at`, appID, at.UnixMicro())
		if err != nil || n == 0 {
			return err
		}
		if _, err := c.exec(`UPDATE message_template SET removed_at = $2 WHERE appid = $1 AND removed_at IS NULL`, appID, at.UnixMicro()); err != nil {
			return err
		}
		for _, t := range templates {
			_, err := c.exec(`INSERT INTO message_template (appid, id, title, content, example, industry) VALUES ($1, $2, $3, $4, $5, $6)
				ON CONFLICT (appid, id) DO UPDATE SET title = excluded.title, content = excluded.content, example = excluded.example, industry = excluded.industry, removed_at = NULL`,
				appID, t.ID, t.Title, t.Content, t.Example, t.Industry)
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("writing templates: %w", err)
	}
	return nil
}

// Templates returns the templates of an account, and when they were last listed.
func (s *Store) Templates(ctx context.Context, appID string) ([]message.Template, time.Time, error) {
	var list []message.Template
	var at sql.NullInt64
	err := s.view(ctx, func(c *session) error {
		list, at = nil, sql.NullInt64{}
		if _, err := c.one(`SELECT at FROM message_sync WHERE appid = $1`, []any{appID}, []any{&at}); err != nil {
			return err
		}
		return eachTemplate(c, ` WHERE appid = $1 ORDER BY title, id`, []any{appID}, &list)
	})
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading templates: %w", err)
	}
	return list, timeOf(at), nil
}

// TemplateOf finds a template among some accounts.
func (s *Store) TemplateOf(ctx context.Context, id string, appIDs []string) ([]message.Template, error) {
	var list []message.Template
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		for _, appID := range appIDs {
			if err := eachTemplate(c, ` WHERE appid = $1 AND id = $2`, []any{appID, id}, &list); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("reading a template: %w", err)
	}
	return list, nil
}

func eachTemplate(c *session, where string, args []any, into *[]message.Template) error {
	return c.each(`SELECT appid, id, title, content, example, industry, approved, removed_at FROM message_template`+where, args, func(rows *sql.Rows) error {
		var t message.Template
		var approved string
		var removed sql.NullInt64
		err := rows.Scan(&t.AppID, &t.ID, &t.Title, &t.Content, &t.Example, &t.Industry, &approved, &removed)
		if err != nil {
			return err
		}
		t.Removed = timeOf(removed)
		*into = append(*into, t)
		return json.Unmarshal([]byte(approved), &(*into)[len(*into)-1].Approved)
	})
}

// ApproveValues sets which values a field may have.
func (s *Store) ApproveValues(ctx context.Context, appID, id, field string, values []string) (bool, error) {
	known := false
	err := s.writer.write(ctx, func(c *session) error {
		var list []message.Template
		if err := eachTemplate(c, ` WHERE appid = $1 AND id = $2`, []any{appID, id}, &list); err != nil {
			return err
		}
		if known = len(list) == 1; !known {
			return nil
		}
		approved := list[0].Approved
		if approved[field] = values; values == nil {
			delete(approved, field)
		}
		text, err := json.Marshal(approved)
		if err != nil {
			return err
		}
		_, err = c.exec(`UPDATE message_template SET approved = $3 WHERE appid = $1 AND id = $2`, appID, id, string(text))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("approving values: %w", err)
	}
	return known, nil
}
