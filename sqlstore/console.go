package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

const staffColumns = `s.name, s.role, s.password, s.made_at, s.disabled_at, EXISTS (SELECT 1 FROM console_factor f WHERE f.staff = s.name)`

// staffRow is where a row of staff is scanned into.
type staffRow struct {
	console.Staff
	made, disabled sql.NullInt64
}

func (r *staffRow) dest() []any {
	return []any{&r.Name, &r.Role, &r.Password, &r.made, &r.disabled, &r.Factor}
}

func (r *staffRow) staff() console.Staff {
	r.Made, r.Disabled = timeOf(r.made), timeOf(r.disabled)
	return r.Staff
}

func oneStaff(c *session, name string) (console.Staff, bool, error) {
	var row staffRow
	found, err := c.one(`SELECT `+staffColumns+` FROM console_staff s WHERE s.name = $1`, []any{name}, row.dest())
	return row.staff(), found, err
}

// ConsoleStaff finds somebody by his name.
func (s *Store) ConsoleStaff(ctx context.Context, name string) (staff console.Staff, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		staff, found, err = oneStaff(c, name)
		return err
	})
	if err != nil {
		return console.Staff{}, false, fmt.Errorf("looking up staff: %w", err)
	}
	return staff, found, nil
}

// ConsoleStaffs lists all, by name.
func (s *Store) ConsoleStaffs(ctx context.Context) ([]console.Staff, error) {
	var list []console.Staff
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT `+staffColumns+` FROM console_staff s ORDER BY s.name`, nil, func(rows *sql.Rows) error {
			var row staffRow
			err := rows.Scan(row.dest()...)
			list = append(list, row.staff())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing staff: %w", err)
	}
	return list, nil
}

func putInvitation(c *session, i console.Invitation) error {
	_, err := c.exec(`INSERT INTO console_invitation (hash, staff, expires) VALUES ($1, $2, $3)`, i.Hash, i.Staff, i.Expires.UnixMicro())
	return err
}

func putStaff(c *session, staff console.Staff) (bool, error) {
	n, err := c.exec(`INSERT INTO console_staff (name, role, password, made_at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING`,
		staff.Name, string(staff.Role), staff.Password, staff.Made.UnixMicro())
	return n == 1, err
}

// PutConsoleStaff adds somebody with his invitation.
func (s *Store) PutConsoleStaff(ctx context.Context, staff console.Staff, i console.Invitation) (added bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		if added, err = putStaff(c, staff); err != nil || !added {
			return err
		}
		return putInvitation(c, i)
	})
	if err != nil {
		return false, fmt.Errorf("adding staff: %w", err)
	}
	return added, nil
}

// ResetConsoleStaff takes somebody's password, second factor, sessions and invitations, and
// gives him a new one.
func (s *Store) ResetConsoleStaff(ctx context.Context, i console.Invitation) (found bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`UPDATE console_staff SET password = '' WHERE name = $1`, i.Staff)
		if found = n == 1; err != nil || !found {
			return err
		}
		for _, query := range []string{
			`DELETE FROM console_session WHERE staff = $1`, `DELETE FROM console_invitation WHERE staff = $1`,
			`DELETE FROM console_factor WHERE staff = $1`, `DELETE FROM console_recovery WHERE staff = $1`,
		} {
			if _, err := c.exec(query, i.Staff); err != nil {
				return err
			}
		}
		return putInvitation(c, i)
	})
	if err != nil {
		return false, fmt.Errorf("resetting staff: %w", err)
	}
	return found, nil
}

// nobody says whether there is no staff.
func nobody(c *session) (bool, error) {
	var one int
	some, err := c.one(`SELECT 1 FROM console_staff LIMIT 1`, nil, []any{&one})
	return !some, err
}

// PutFirstInvitation writes one for the first administrator.
func (s *Store) PutFirstInvitation(ctx context.Context, i console.Invitation) (first bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		if first, err = nobody(c); err != nil || !first {
			return err
		}
		return putInvitation(c, i)
	})
	if err != nil {
		return false, fmt.Errorf("inviting the first administrator: %w", err)
	}
	return first, nil
}

// TakeInvitation gives whom a code is for his password.
func (s *Store) TakeInvitation(ctx context.Context, hash []byte, as console.Staff, now time.Time) (staff console.Staff, taken bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		var name string
		taken = false
		found, err := c.one(`SELECT staff FROM console_invitation WHERE hash = $1 AND expires > $2`, []any{hash, now.UnixMicro()}, []any{&name})
		if err != nil || !found {
			return err
		}
		if name == "" {
			if first, err := nobody(c); err != nil || !first || as.Name == "" {
				return err
			}
			if _, err := putStaff(c, as); err != nil {
				return err
			}
		} else if n, err := c.exec(`UPDATE console_staff SET password = $2 WHERE name = $1 AND disabled_at IS NULL`, name, as.Password); err != nil {
			return err
		} else if n == 0 {
			staff, _, err = oneStaff(c, name)
			return err
		}
		if _, err := c.exec(`DELETE FROM console_invitation WHERE staff = $1`, name); err != nil {
			return err
		}
		if name == "" {
			name = as.Name
		}
		staff, taken, err = oneStaff(c, name)
		return err
	})
	if err != nil {
		return console.Staff{}, false, fmt.Errorf("taking an invitation: %w", err)
	}
	return staff, taken, nil
}

// ChangeConsoleStaff writes role and Disabled, unless he isn't as he was any more, or nobody
// could administrate.
func (s *Store) ChangeConsoleStaff(ctx context.Context, was, staff console.Staff) (done bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		done = false
		now, found, err := oneStaff(c, staff.Name)
		switch {
		case err != nil:
			return err
		case !found || now.Seen() != was.Seen():
			return console.ErrStaffChanged
		}
		if staff.Role != console.Administrator || !staff.Disabled.IsZero() {
			var others int
			_, err := c.one(`SELECT COUNT(*) FROM console_staff WHERE role = 'administrator' AND disabled_at IS NULL AND password <> '' AND name <> $1`, []any{staff.Name}, []any{&others})
			if err != nil || others == 0 && now.Role == console.Administrator && now.Disabled.IsZero() {
				return err
			}
		}
		n, err := c.exec(`UPDATE console_staff SET role = $2, disabled_at = $3 WHERE name = $1`, staff.Name, string(staff.Role), moment(staff.Disabled))
		if done = n == 1; err != nil || staff.Disabled.IsZero() {
			return err
		}
		_, err = c.exec(`DELETE FROM console_session WHERE staff = $1`, staff.Name)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("changing staff: %w", err)
	}
	return done, nil
}

// SetConsolePassword writes a password, and ends all sessions but one.
func (s *Store) SetConsolePassword(ctx context.Context, name, password, keep string) error {
	err := s.writer.write(ctx, func(c *session) error {
		if _, err := c.exec(`UPDATE console_staff SET password = $2 WHERE name = $1`, name, password); err != nil {
			return err
		}
		_, err := c.exec(`DELETE FROM console_session WHERE staff = $1 AND id <> $2`, name, keep)
		return err
	})
	if err != nil {
		return fmt.Errorf("changing a password: %w", err)
	}
	return nil
}
