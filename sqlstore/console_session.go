package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"math"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
)

const consoleSessionColumns = `n.id, n.hash, n.staff, n.made_at, n.used_at, n.address, n.browser`

// consoleSessionRow is where a row of a session is scanned into.
type consoleSessionRow struct {
	console.Session
	made, used sql.NullInt64
}

func (r *consoleSessionRow) dest() []any {
	return []any{&r.ID, &r.Hash, &r.Staff, &r.made, &r.used, &r.Address, &r.Browser}
}

func (r *consoleSessionRow) session() console.Session {
	r.Made, r.Used = timeOf(r.made), timeOf(r.used)
	return r.Session
}

// PutConsoleSession writes a session of somebody who has this password.
func (s *Store) PutConsoleSession(ctx context.Context, n console.Session, password string) (begun bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		staff, found, err := oneStaff(c, n.Staff)
		if begun = found && staff.Password == password && password != "" && staff.Disabled.IsZero(); err != nil || !begun {
			return err
		}
		_, err = c.exec(`INSERT INTO console_session (id, hash, staff, made_at, used_at, address, browser) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
			n.ID, n.Hash, n.Staff, n.Made.UnixMicro(), n.Used.UnixMicro(), n.Address, n.Browser)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("writing a session of staff: %w", err)
	}
	return begun, nil
}

// ConsoleSession finds a session with whose it is.
func (s *Store) ConsoleSession(ctx context.Context, hash []byte) (console.Session, console.Staff, bool, error) {
	var row consoleSessionRow
	var staff staffRow
	var found bool
	err := s.readers.use(ctx, func(c *session) (err error) {
		found, err = c.one(`SELECT `+consoleSessionColumns+`, `+staffColumns+` FROM console_session n JOIN console_staff s ON s.name = n.staff WHERE n.hash = $1`,
			[]any{hash}, append(row.dest(), staff.dest()...))
		return err
	})
	if err != nil {
		return console.Session{}, console.Staff{}, false, fmt.Errorf("looking up a session of staff: %w", err)
	}
	return row.session(), staff.staff(), found, nil
}

// UseConsoleSession notes that a session is used.
func (s *Store) UseConsoleSession(ctx context.Context, id string, at time.Time) error {
	return s.console(ctx, "using a session of staff", `UPDATE console_session SET used_at = $2 WHERE id = $1 AND used_at < $2`, id, at.UnixMicro())
}

// console runs one statement that writes.
func (s *Store) console(ctx context.Context, doing, statement string, args ...any) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(statement, args...)
		return err
	})
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}

// ConsoleSessions lists somebody's sessions, the newest first.
func (s *Store) ConsoleSessions(ctx context.Context, staff string) ([]console.Session, error) {
	var list []console.Session
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT `+consoleSessionColumns+` FROM console_session n WHERE n.staff = $1 ORDER BY n.made_at DESC LIMIT 100`, []any{staff}, func(rows *sql.Rows) error {
			var row consoleSessionRow
			err := rows.Scan(row.dest()...)
			list = append(list, row.session())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing sessions of staff: %w", err)
	}
	return list, nil
}

// EndConsoleSessions ends one of somebody's sessions, or all.
func (s *Store) EndConsoleSessions(ctx context.Context, staff, id string) error {
	return s.console(ctx, "ending sessions of staff", `DELETE FROM console_session WHERE staff = $1 AND (id = $2 OR $2 = '')`, staff, id)
}

// SweepConsole takes away sessions and invitations that are over.
func (s *Store) SweepConsole(ctx context.Context, used, made, now time.Time) error {
	if err := s.console(ctx, "sweeping sessions of staff", `DELETE FROM console_session WHERE used_at < $1 OR made_at < $2`, used.UnixMicro(), made.UnixMicro()); err != nil {
		return err
	}
	return s.console(ctx, "sweeping invitations", `DELETE FROM console_invitation WHERE expires < $1`, now.UnixMicro())
}

// PutConsoleEntry adds to the journal.
func (s *Store) PutConsoleEntry(ctx context.Context, e console.Entry) (seq int64, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		if seq, err = count(c, "console/journal", 1); err != nil {
			return err
		}
		_, err = c.exec(`INSERT INTO console_journal (seq, at, staff, what, about, address, result, said_zh) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
			seq, e.At.UnixMicro(), e.Staff, e.What, e.About, e.Address, e.Result, e.ZH)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("writing the journal: %w", err)
	}
	return seq, nil
}

// PassConsoleEntry is as much work as PutConsoleEntry: a number is spent and committed.
func (s *Store) PassConsoleEntry(ctx context.Context) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := count(c, "console/journal", 1)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing the journal: %w", err)
	}
	return nil
}

// SettleConsoleEntry writes what came of an entry that has no result yet, and what it was about.
func (s *Store) SettleConsoleEntry(ctx context.Context, e console.Entry) error {
	return s.console(ctx, "writing the journal", `UPDATE console_journal SET about = $2, result = $3, said_zh = $4 WHERE seq = $1 AND result = ''`, e.Seq, e.About, e.Result, e.ZH)
}

// ConsoleEntries lists the journal, the newest first.
func (s *Store) ConsoleEntries(ctx context.Context, f console.EntryFilter) ([]console.Entry, error) {
	before := f.Before
	if before <= 0 {
		before = math.MaxInt64
	}
	query, args := `SELECT seq, at, staff, what, about, address, result, said_zh FROM console_journal WHERE seq < $1`, []any{before}
	for _, x := range []struct{ column, want string }{{"staff", f.Staff}, {"what", f.What}} {
		if x.want != "" {
			args = append(args, x.want)
			query += fmt.Sprintf(` AND %s = $%d`, x.column, len(args))
		}
	}
	args = append(args, max(f.Limit, 0))
	query += fmt.Sprintf(` ORDER BY seq DESC LIMIT $%d`, len(args))
	var list []console.Entry
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(query, args, func(rows *sql.Rows) error {
			var e console.Entry
			var at sql.NullInt64
			err := rows.Scan(&e.Seq, &at, &e.Staff, &e.What, &e.About, &e.Address, &e.Result, &e.ZH)
			e.At = timeOf(at)
			list = append(list, e)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return list, nil
}
