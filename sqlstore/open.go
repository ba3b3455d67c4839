package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// busyTimeout is how long a write waits for another process that is writing.
const busyTimeout = 5 * time.Second

// OpenSQLite opens the facts in the file at path, makes the file (mode 0600) and
// the folder around it (mode 0700) if they don't exist, and brings its tables up
// to date.
//
// It refuses, before it has changed anything, what it can't work with: each
// refusal says what is wrong and what to do. A database in memory is among them:
// facts that end with the process are no facts.
func OpenSQLite(ctx context.Context, path string, opts Options) (*Store, error) {
	s, err := open(ctx, path, opts, busyTimeout)
	if err != nil {
		return nil, fmt.Errorf("opening the facts: %w", err)
	}
	return s, nil
}

func open(ctx context.Context, path string, opts Options, busy time.Duration) (*Store, error) {
	path, isNew, err := place(path)
	if err != nil {
		return nil, err
	}
	s := &Store{dialect: sqliteDialect, write: connect(path, "rwc", busy, false), read: connect(path, "rw", busy, true)}
	if err := s.prepare(ctx, path, isNew, busy, cmp.Or(opts.Log, slog.New(slog.DiscardHandler))); err != nil {
		s.read.Close()
		s.write.Close()
		return nil, refusal(path, err)
	}
	// A reader waits for nobody, so there is no point in more than the processors have
	// work for.
	s.start(opts, min(max(2, runtime.GOMAXPROCS(0)), 8))
	return s, nil
}

// place says where the file is, or will be, and makes the folder for it.
//
// It only looks at names. Opening and closing the file here would take away the
// locks that another store of this process has on it: a POSIX lock ends when any
// descriptor of its file is closed.
func place(path string) (string, bool, error) {
	if path == "" || strings.Contains(path, ":memory:") || strings.HasPrefix(path, "file:") {
		return "", false, fmt.Errorf("%q is not the name of a file: give the path of one, such as /var/lib/wsite/facts.db", path)
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return "", false, err
	}
	info, err := os.Stat(path)
	switch {
	case err == nil && info.IsDir():
		return "", false, fmt.Errorf("%s is a directory: name a file in it, such as %s", path, filepath.Join(path, "facts.db"))
	case err == nil && !info.Mode().IsRegular():
		return "", false, fmt.Errorf("%s is not a regular file: name another one", path)
	case err == nil:
		// An empty file is treated as a new one: whoever made it may have come no
		// further.
		return path, info.Size() == 0, nil
	case !errors.Is(err, fs.ErrNotExist):
		return "", false, refusal(path, err)
	}
	dir := filepath.Dir(path)
	if err := os.Mkdir(dir, 0o700); errors.Is(err, fs.ErrNotExist) {
		return "", false, fmt.Errorf("neither the directory %s nor the one around it exists: make it, or name a file elsewhere", dir)
	} else if err != nil && !errors.Is(err, fs.ErrExist) {
		return "", false, refusal(path, err)
	}
	return path, true, nil
}

// connect describes how to reach the file; nothing is opened yet.
func connect(path, mode string, busy time.Duration, readOnly bool) *sql.DB {
	q := url.Values{"mode": {mode}, "_error_rc": {"1"}, "_dqs": {"0"}, "_txlock": {"immediate"}, "_pragma": {
		fmt.Sprintf("busy_timeout(%d)", busy.Milliseconds()),
		"foreign_keys(1)",
		// NORMAL would lose the last commits when the power fails.
		"synchronous(FULL)",
	}}
	if readOnly {
		q.Add("_pragma", "query_only(1)")
		// Reading a page through the map of the file, as far as SQLite's limit of 2 GiB, costs
		// no call of the system: with ten million people that halves the time. The price is
		// that a disk which can't be read ends the process, where it would be an error else.
		q.Add("_pragma", "mmap_size(2147418112)")
	} else {
		// The one connection that writes keeps the upper pages of all indexes in memory,
		// up to 64 MiB of them, and folds the log into the file less often: each time it waits
		// for the disk.
		q.Add("_pragma", "cache_size(-65536)")
		q.Add("_pragma", "wal_autocheckpoint(16000)")
	}
	name := filepath.ToSlash(path)
	if !strings.HasPrefix(name, "/") {
		name = "/" + name // a drive letter
	}
	dsn := url.URL{Scheme: "file", Path: name, RawQuery: q.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		panic(err) // the driver is registered by this package's own import
	}
	return db
}

// prepare checks the file, then makes it ours.
func (s *Store) prepare(ctx context.Context, path string, isNew bool, busy time.Duration, log *slog.Logger) error {
	conn, err := s.write.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := inspect(ctx, conn, s.dialect); err != nil {
		return err
	}
	if isNew {
		// The companions of the file, which hold facts too, inherit its mode.
		if err := os.Chmod(path, 0o600); err != nil {
			return err
		}
	}
	if err := writeAhead(ctx, conn, busy); err != nil {
		return err
	}
	if err := conn.Close(); err != nil {
		return err
	}
	return migrate(ctx, s.write, s.dialect, log)
}

// writeAhead switches the file to a write-ahead log, which it then keeps for good.
// SQLite doesn't wait for the others who open a new file at the same moment, but
// gives up at once, so the waiting is done here.
func writeAhead(ctx context.Context, conn *sql.Conn, busy time.Duration) error {
	const pause = 5 * time.Millisecond
	patience, cancel := context.WithTimeout(ctx, busy)
	defer cancel()
	for {
		var mode string
		err := conn.QueryRowContext(ctx, "PRAGMA journal_mode = WAL").Scan(&mode)
		if err == nil && mode != "wal" {
			return fmt.Errorf("SQLite can't keep a write-ahead log there (journal mode %q): use a local file system", mode)
		}
		if e := (*sqlite.Error)(nil); err == nil || !errors.As(err, &e) || primary(e) != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-patience.Done():
			return err
		case <-time.After(pause):
		}
	}
}

// refusal says in one sentence what is wrong with the file and what to do.
func refusal(path string, err error) error {
	if errors.Is(err, errNewer) || errors.Is(err, errForeign) {
		return fmt.Errorf("%s %w", path, err)
	}
	code := 0
	if e := (*sqlite.Error)(nil); errors.As(err, &e) {
		code = primary(e)
	}
	switch {
	case code == sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%s is not a database: name another file, or restore it from a backup (%w)", path, err)
	case code == sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%s is damaged: restore it from a backup (%w)", path, err)
	case code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED:
		return fmt.Errorf("%s is locked by another program: stop that one, or name another file (%w)", path, err)
	case code == sqlite3.SQLITE_READONLY || code == sqlite3.SQLITE_PERM || code == sqlite3.SQLITE_CANTOPEN || errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("%s can't be written: give the user of this program the right to write the file and its directory (%w)", path, err)
	case code == sqlite3.SQLITE_FULL:
		return fmt.Errorf("the disk of %s is full: make room (%w)", path, err)
	}
	return fmt.Errorf("%s can't be opened: %w", path, err)
}
