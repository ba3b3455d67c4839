package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// errClosed is the cause of every refusal after Close.
var errClosed = errors.New("the store is closed")

// readers are a few connections for reading.
type readers struct {
	db     *sql.DB
	idle   chan *session // nil stands for one that has to be opened first
	closed chan struct{}
	once   sync.Once
}

func newReaders(db *sql.DB, n int) *readers {
	r := &readers{db: db, idle: make(chan *session, n), closed: make(chan struct{})}
	for range n {
		r.idle <- nil
	}
	return r
}

// use lends a connection to do. One on which anything went wrong is thrown away:
// the next caller gets a fresh one.
func (r *readers) use(ctx context.Context, do func(*session) error) error {
	select {
	case <-r.closed:
		return unavailable(errClosed)
	default:
	}
	var s *session
	select {
	case <-r.closed:
		return unavailable(errClosed)
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	case s = <-r.idle:
	}
	var err error
	if s == nil {
		s, err = newSession(context.WithoutCancel(ctx), r.db)
	}
	if err == nil {
		err = do(s)
	}
	switch {
	case s == nil:
	case err == nil:
		s.rested = true
	default:
		s.close()
		s = nil
	}
	r.idle <- s
	return err
}

// close waits for the readers that are lent out.
func (r *readers) close() {
	r.once.Do(func() {
		close(r.closed)
		for range cap(r.idle) {
			if s := <-r.idle; s != nil {
				s.close()
			}
		}
	})
}

func unavailable(cause error) error {
	return fmt.Errorf("%w: %w", identity.ErrUnavailable, cause)
}
