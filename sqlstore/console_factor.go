package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// ConsoleFactor finds somebody's second factor, with how many recovery codes are left.
func (s *Store) ConsoleFactor(ctx context.Context, staff string) (f console.Factor, recoveries int, found bool, err error) {
	err = s.readers.use(ctx, func(c *session) (err error) {
		f.Staff = staff
		found, err = c.one(`SELECT sealed, step, (SELECT COUNT(*) FROM console_recovery r WHERE r.staff = f.staff) FROM console_factor f WHERE f.staff = $1`,
			[]any{staff}, []any{&f.Sealed, &f.Step, &recoveries})
		return err
	})
	if err != nil {
		return console.Factor{}, 0, false, fmt.Errorf("looking up a second factor: %w", err)
	}
	return f, recoveries, found, nil
}

// ConsoleFactors lists all.
func (s *Store) ConsoleFactors(ctx context.Context) ([]console.Factor, error) {
	var list []console.Factor
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT staff, sealed, step FROM console_factor ORDER BY staff`, nil, func(rows *sql.Rows) error {
			var f console.Factor
			err := rows.Scan(&f.Staff, &f.Sealed, &f.Step)
			list = append(list, f)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing second factors: %w", err)
	}
	return list, nil
}

// PutConsoleFactor gives somebody a second factor, and ends all sessions but one.
func (s *Store) PutConsoleFactor(ctx context.Context, f console.Factor, recoveries [][]byte, keep string) (put bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`INSERT INTO console_factor (staff, sealed, step) VALUES ($1, $2, $3) ON CONFLICT (staff) DO NOTHING`, f.Staff, f.Sealed, f.Step)
		if put = n == 1; err != nil || !put {
			return err
		}
		for _, hash := range recoveries {
			if _, err := c.exec(`INSERT INTO console_recovery (staff, hash) VALUES ($1, $2)`, f.Staff, hash); err != nil {
				return err
			}
		}
		_, err = c.exec(`DELETE FROM console_session WHERE staff = $1 AND id <> $2`, f.Staff, keep)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("writing a second factor: %w", err)
	}
	return put, nil
}

// SpendConsoleStep notes which step's code was used, unless it was before.
func (s *Store) SpendConsoleStep(ctx context.Context, staff string, step int64) (bool, error) {
	return s.spend(ctx, `UPDATE console_factor SET step = $2 WHERE staff = $1 AND step < $2`, staff, step)
}

// SpendConsoleRecovery takes a recovery code away.
func (s *Store) SpendConsoleRecovery(ctx context.Context, staff string, hash []byte) (bool, error) {
	return s.spend(ctx, `DELETE FROM console_recovery WHERE staff = $1 AND hash = $2`, staff, hash)
}

// spend runs a statement that changes one row, or none.
func (s *Store) spend(ctx context.Context, statement string, args ...any) (spent bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(statement, args...)
		spent = n == 1
		return err
	})
	if err != nil {
		return false, fmt.Errorf("spending a code: %w", err)
	}
	return spent, nil
}

// EndConsoleFactor takes a second factor away with its recovery codes.
func (s *Store) EndConsoleFactor(ctx context.Context, staff string) (had bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`DELETE FROM console_factor WHERE staff = $1`, staff)
		if had = n == 1; err != nil {
			return err
		}
		_, err = c.exec(`DELETE FROM console_recovery WHERE staff = $1`, staff)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("taking a second factor away: %w", err)
	}
	return had, nil
}

// ResealConsoleFactor writes what was sealed anew, unless it isn't as it was any more.
func (s *Store) ResealConsoleFactor(ctx context.Context, staff string, was, sealed []byte) error {
	return s.console(ctx, "sealing a second factor", `UPDATE console_factor SET sealed = $3 WHERE staff = $1 AND sealed = $2`, staff, was, sealed)
}
