package sqlstore

import (
	"context"
	"database/sql"
	"log/slog"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// Options are what a [Store] needs from outside. The zero value is fit for use.
type Options struct {
	// Log hears of migrations, and of a server whose clock isn't ours; nil discards.
	Log *slog.Logger
	// Now dates the entries for caches; nil is the clock of this machine.
	Now func() time.Time
}

// Store keeps the facts in a database. It is safe for concurrent use, also by
// several processes on one database.
//
// A context counts while a call waits for its turn. What has begun is finished and
// its outcome awaited. Only where the connection to a server breaks in the middle of
// a commit nobody knows the outcome: the caller hears [identity.ErrUnavailable], and
// the versions of the rows see to it that trying again does nothing twice.
type Store struct {
	dialect *dialect
	write   *sql.DB
	read    *sql.DB
	readers *readers
	writer  *writer
	now     func() time.Time
}

// start begins to work on the two databases.
func (s *Store) start(opts Options, readers int) {
	s.now = opts.Now
	if s.now == nil {
		s.now = time.Now
	}
	s.writer = newWriter(s.write, s.dialect)
	s.readers = newReaders(s.read, readers)
}

// Close waits for the calls that were accepted, then closes the database. Calls
// that come later get [identity.ErrUnavailable]. Closing twice is allowed.
func (s *Store) Close() error {
	s.writer.stop()
	s.readers.close()
	err := s.read.Close()
	// The writer's connection goes last: the last one folds SQLite's log into the
	// file, which a reader may not.
	s.writer.close()
	if e := s.write.Close(); err == nil {
		err = e
	}
	return err
}

// view runs several statements that all see the same moment.
func (s *Store) view(ctx context.Context, do func(*session) error) error {
	return s.readers.use(ctx, func(c *session) error {
		if err := c.begin(s.dialect.beginView); err != nil {
			return err
		}
		if err := do(c); err != nil {
			return err // the reader is thrown away, and its transaction with it
		}
		_, err := c.exec("COMMIT")
		return err
	})
}

var (
	_ identity.Store = (*Store)(nil)
	_ follower.Store = (*Store)(nil)
	_ inbox.Store    = (*Store)(nil)
)
