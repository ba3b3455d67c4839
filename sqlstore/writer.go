package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"sync"
	"sync/atomic"
)

// maxBatch bounds how many writes share a transaction, and so how long another
// process has to wait for its turn.
const maxBatch = 256

// writer commits the writes of all callers in turn. Whatever has queued up while
// the disk was busy goes into the next transaction together, and one that is refused
// takes back nothing but itself.
//
// A caller hears of success only when the whole transaction is on the disk. If
// that fails, all of its callers hear so.
type writer struct {
	db    *sql.DB
	begin []string
	queue chan *job
	done  chan struct{}

	mu     sync.RWMutex // guards closed, and the queue against being closed in use
	closed bool

	session *session // used by run alone, and by close after it
	end     sync.Once
}

// job is one write.
type job struct {
	do    func(*session) error
	state atomic.Int32
	done  chan error
}

// A job is either begun by the writer or given up by its caller, never both.
const (
	queued int32 = iota
	begun
	givenUp
)

func newWriter(db *sql.DB, d *dialect) *writer {
	w := &writer{db: db, begin: d.beginWrite, queue: make(chan *job, maxBatch), done: make(chan struct{})}
	go w.run()
	return w
}

// write runs do in a transaction, and returns after the commit. If ctx ends
// before do has begun, do never runs; after that the outcome is awaited.
func (w *writer) write(ctx context.Context, do func(*session) error) error {
	j := &job{do: do, done: make(chan error, 1)}
	if err := w.enqueue(ctx, j); err != nil {
		return err
	}
	select {
	case err := <-j.done:
		return err
	case <-ctx.Done():
		if j.state.CompareAndSwap(queued, givenUp) {
			return unavailable(context.Cause(ctx))
		}
		return <-j.done
	}
}

func (w *writer) enqueue(ctx context.Context, j *job) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return unavailable(errClosed)
	}
	if ctx.Err() != nil {
		return unavailable(context.Cause(ctx))
	}
	select {
	case w.queue <- j:
		return nil
	case <-ctx.Done():
		return unavailable(context.Cause(ctx))
	}
}

// stop waits until everything queued is written.
func (w *writer) stop() {
	w.mu.Lock()
	if !w.closed {
		w.closed = true
		close(w.queue)
	}
	w.mu.Unlock()
	<-w.done
}

func (w *writer) run() {
	defer close(w.done)
	for first := range w.queue {
		w.commit(w.batch(first))
	}
}

// close ends the connection of a writer that was stopped.
func (w *writer) close() {
	w.end.Do(func() {
		if w.session != nil {
			w.session.close()
		}
	})
}

// batch takes what has queued up behind the first job.
func (w *writer) batch(first *job) []*job {
	jobs := []*job{first}
	for len(jobs) < maxBatch {
		select {
		case j, ok := <-w.queue:
			if !ok {
				return jobs
			}
			jobs = append(jobs, j)
		default:
			return jobs
		}
	}
	return jobs
}

// commit writes a batch and tells everybody.
func (w *writer) commit(jobs []*job) {
	errs := make([]error, len(jobs))
	err := w.transaction(jobs, errs)
	if err != nil && w.session != nil {
		// Closing the connection takes back whatever is left of the transaction.
		w.session.close()
		w.session = nil
	}
	for i, j := range jobs {
		if err != nil {
			errs[i] = err
		}
		j.done <- errs[i]
	}
}

// transaction fills in what became of each job. An error of its own means that
// nothing of all this was written, or that a server went away while it committed and
// nobody knows.
//
// Nearly always all jobs of a batch can be written, so that is tried first. If one is
// refused, all of it is taken back and done again with a savepoint before each: a job
// may be run twice.
func (w *writer) transaction(jobs []*job, errs []error) (err error) {
	if w.session == nil {
		if w.session, err = newSession(context.Background(), w.db); err != nil {
			return err
		}
	}
	wanted := make([]bool, len(jobs))
	for i, j := range jobs {
		wanted[i] = j.state.CompareAndSwap(queued, begun)
	}
	if err := w.session.begin(w.begin); err != nil {
		return err
	}
	if !w.together(jobs, wanted) {
		if _, err := w.session.exec("ROLLBACK"); err != nil {
			return err
		}
		if err := w.session.begin(w.begin); err != nil {
			return err
		}
		for i, j := range jobs {
			if !wanted[i] {
				continue
			}
			if errs[i], err = w.attempt(j); err != nil {
				return err
			}
		}
	}
	if _, err := w.session.exec("COMMIT"); err != nil {
		return unavailable(err)
	}
	w.session.rested = true
	return nil
}

// together runs jobs one after the other, and says whether all went well. One that has
// kept an error to itself hasn't: PostgreSQL would commit nothing, and say so to nobody.
func (w *writer) together(jobs []*job, wanted []bool) bool {
	for i, j := range jobs {
		if wanted[i] && (j.do(w.session) != nil || w.session.failed) {
			return false
		}
	}
	return true
}

// attempt runs one job behind a savepoint. failed is the job's own error; err
// means that the transaction is lost, as SQLite takes it back by itself when the
// disk is full or broken, and as PostgreSQL refuses to go on, and the savepoint to be
// released, when a job has kept an error to itself.
func (w *writer) attempt(j *job) (failed, err error) {
	if _, err := w.session.exec("SAVEPOINT job"); err != nil {
		return nil, err
	}
	failed = j.do(w.session)
	if failed != nil {
		w.session.heads = nil
		if _, err := w.session.exec("ROLLBACK TO job"); err != nil {
			return nil, fmt.Errorf("%w, after %w", err, failed)
		}
	}
	_, err = w.session.exec("RELEASE job")
	return failed, err
}
