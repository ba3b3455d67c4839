package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// CopySQLite copies the facts in the file at from, as they are at one moment, into a new
// file at to (mode 0600). Nobody who uses them has to wait. A file that is there already
// is not touched: it may be the last good copy.
//
// What it returns without an error has reached the disk; with one, nothing is left at to.
func CopySQLite(ctx context.Context, from, to string) (err error) {
	if _, err := os.Stat(from); err != nil {
		return fmt.Errorf("copying the facts: %w", err)
	}
	file, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("copying the facts: %s is there already: name a new file", to)
	}
	if err != nil {
		return fmt.Errorf("copying the facts: %w", err)
	}
	defer func() {
		if err = errors.Join(err, file.Close()); err != nil {
			err = errors.Join(fmt.Errorf("copying the facts: %w", err), os.Remove(to))
		}
	}()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(from)+"?mode=rw")
	if err != nil {
		return err
	}
	// Closing what was opened to read alone would leave SQLite's log behind, so it isn't.
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.ExecContext(ctx, "VACUUM INTO ?", to); err != nil {
		return err
	}
	return file.Sync()
}
