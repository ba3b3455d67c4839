package identity

import (
	"context"
	"time"
)

// Dismiss decides that nothing need be done about a conflict, or takes that back. Nothing
// else changes, and what is claimed again stays dismissed. It is recorded with the user whom
// it is about, if there is one. Of two at once the second changes nothing.
func (c *Centre) Dismiss(ctx context.Context, realm string, seq int64, dismissed bool, user string, by By) error {
	return c.commit(ctx, func(now time.Time) (Change, error) {
		rows, err := c.Store.Conflicts(ctx, realm, seq-1, 1)
		switch {
		case err != nil:
			return Change{}, err
		case len(rows) == 0 || rows[0].Seq != seq: // nothing else takes one off the list
			return Change{}, &Conflict{Code: CodeUserErased, User: user}
		case dismissed != rows[0].Dismissed.IsZero():
			return Change{}, nil
		}
		row, op := rows[0], "dismiss"
		if row.Dismissed, row.DismissedBy, row.DismissedWhy = now, by.Actor, by.Evidence; !dismissed {
			row.Dismissed, row.DismissedBy, row.DismissedWhy, op = time.Time{}, "", "", "reopen"
		}
		change := Change{Realm: realm, At: now, Dismissal: &row}
		detail := by.detail(user)
		detail.Cause, detail.AppID, detail.OpenID, detail.Subject = row.Code, row.AppID, row.OpenID, row.Subject
		return change, c.record(&change, by.Actor, op, detail)
	})
}
