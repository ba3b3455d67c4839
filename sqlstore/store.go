package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Options are what a [Store] needs from outside. The zero value is fit for use.
type Options struct {
	// Log hears of migrations; nil discards.
	Log *slog.Logger
	// Now dates the entries for caches; nil is the clock of this machine.
	Now func() time.Time
}

// Store keeps the facts in a database. It is safe for concurrent use, also by
// several processes on one file.
//
// A context counts while a call waits for its turn. What has begun is finished
// and its outcome awaited, so that no caller is ever left with "maybe".
type Store struct {
	path    string // absolute
	write   *sql.DB
	read    *sql.DB
	readers *readers
	writer  *writer
	now     func() time.Time
}

// Close waits for the calls that were accepted, then closes the database. Calls
// that come later get [identity.ErrUnavailable]. Closing twice is allowed.
func (s *Store) Close() error {
	s.writer.stop()
	s.readers.close()
	err := s.read.Close()
	// The writer's connection goes last: the last one folds the log into the file,
	// which a reader may not.
	s.writer.close()
	if e := s.write.Close(); err == nil {
		err = e
	}
	return err
}

// view runs several statements that all see the same moment.
func (s *Store) view(ctx context.Context, do func(*session) error) error {
	return s.readers.use(ctx, func(c *session) error {
		if _, err := c.exec("BEGIN"); err != nil {
			return err
		}
		if err := do(c); err != nil {
			return err // the reader is thrown away, and its transaction with it
		}
		_, err := c.exec("COMMIT")
		return err
	})
}

var _ identity.Store = (*Store)(nil)
