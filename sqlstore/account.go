package sqlstore

import (
	"context"
	"fmt"
)

// Subject records that an account belongs to a subject, if nothing is recorded of
// it yet, and returns what is recorded.
func (s *Store) Subject(ctx context.Context, appID, subject string) (string, error) {
	recorded := func(c *session) (found bool, err error) {
		var on string
		found, err = c.one(`SELECT subject FROM account WHERE appid = $1`, []any{appID}, []any{&on})
		if found {
			subject = on
		}
		return found, err
	}
	// Asked at every start for every account, answered without a write but once.
	var known bool
	err := s.readers.use(ctx, func(c *session) (err error) {
		known, err = recorded(c)
		return err
	})
	if err == nil && !known {
		err = s.writer.write(ctx, func(c *session) error {
			_, err := c.exec(`INSERT INTO account (appid, subject) VALUES ($1, $2) ON CONFLICT (appid) DO NOTHING`, appID, subject)
			if err == nil {
				_, err = recorded(c)
			}
			return err
		})
	}
	if err != nil {
		return "", fmt.Errorf("recording the subject of account %s: %w", appID, err)
	}
	return subject, nil
}

// Resubject changes what is recorded of an account from one subject to another;
// [identity.ErrConflict] if it isn't the former.
func (s *Store) Resubject(ctx context.Context, appID, from, to string) error {
	err := s.writer.write(ctx, func(c *session) error {
		return swapped(c.exec(`UPDATE account SET subject = $3 WHERE appid = $1 AND subject = $2`, appID, from, to))
	})
	if err != nil {
		return fmt.Errorf("changing the subject of account %s: %w", appID, err)
	}
	return nil
}
