package transfer

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

const (
	// workers is how many rows are under way at once. The store commits together what
	// comes at once, so there are more of them than processors.
	workers = 512
	// window is how many rows may be read ahead of the first that isn't settled.
	window = 4 * workers
)

// Centre is the part of [identity.Centre] that rows are handed to.
type Centre interface {
	Import(ctx context.Context, row identity.Import) (identity.Imported, error)
}

// Importer hands rows to the identity centre, many at once, but those about the same
// openid, unionid or user one after the other: of rows that contradict each other the
// first in the file wins, however often the import is repeated.
type Importer struct {
	Centre Centre
	Realm  string
	// Subjects are the subjects of all accounts by app id: an account without an open
	// platform is its own.
	Subjects map[string]string
	Actor    string // for the audit
	// Settled hears of each row in the order of the file, once it is in the store or
	// refused. An error from it ends the import.
	Settled func(Summary, *Problem) error
}

// Summary counts what became of rows.
type Summary struct {
	Rows      int64            `json:"rows"` // settled, the records of the file in order
	Outcomes  map[string]int64 `json:"outcomes"`
	Problems  map[string]int64 `json:"problems"` // by code
	Subscribe map[string]int64 `json:"subscribe"`
}

// OutcomeLeftOut is a row with nothing to import; the others are [identity.Imported].
const OutcomeLeftOut = "left_out"

// Refused is how many rows were not imported.
func (s Summary) Refused() (n int64) {
	for _, count := range s.Problems {
		n += count
	}
	return n
}

// maxSubscribe bounds the values that are counted apart: more are no state.
const maxSubscribe = 8

func (s *Summary) count(t *task) {
	s.Rows++
	if t.problem != nil {
		s.Problems[t.problem.Code]++
		return
	}
	s.Outcomes[t.outcome]++
	value := t.row.Subscribe
	if _, known := s.Subscribe[value]; value == "" || len(value) > 8 || !known && len(s.Subscribe) >= maxSubscribe {
		return
	}
	s.Subscribe[value]++
}

// task is a row on its way.
type task struct {
	row     Row
	keys    []string
	after   []*task // earlier rows about the same openid, unionid or user
	done    chan struct{}
	outcome string
	problem *Problem
	err     error
}

// run is one pass over a file.
type run struct {
	*Importer
	mu      sync.Mutex
	busy    map[string]*task // the last unsettled row about a key
	stopped atomic.Bool
}

// errStopped is what becomes of rows behind one that failed.
var errStopped = errors.New("stopped")

// Run imports the rows that come behind the first already.Rows, and counts on from
// there. When ctx ends, what is under way is finished and settled; the error is that
// of ctx then. Another error means that the rows that are not settled may or may not
// be in the store; to import them again does no harm.
func (im *Importer) Run(ctx context.Context, rows *Reader, already Summary) (Summary, error) {
	sum := Summary{already.Rows, notNil(already.Outcomes), notNil(already.Problems), notNil(already.Subscribe)}
	if err := skip(ctx, rows, sum.Rows); err != nil {
		return sum, err
	}
	r := &run{Importer: im, busy: map[string]*task{}}
	work, ordered := make(chan *task, window), make(chan *task, window)
	for range workers {
		go func() {
			for t := range work {
				r.do(context.WithoutCancel(ctx), t)
			}
		}()
	}
	var readErr error // read after ordered is closed
	go func() {
		defer close(ordered)
		defer close(work)
		readErr = r.dispatch(ctx, rows, work, ordered)
	}()
	var failed error
	for t := range ordered {
		<-t.done
		if failed != nil {
			continue
		}
		if failed = t.err; failed == nil {
			sum.count(t)
			failed = im.Settled(sum, t.problem)
		}
		if failed != nil {
			r.stopped.Store(true)
		}
	}
	if failed != nil {
		return sum, failed
	}
	return sum, readErr
}

func notNil(m map[string]int64) map[string]int64 {
	if m == nil {
		return map[string]int64{}
	}
	return m
}

// skip passes over the rows that an earlier run has settled.
func skip(ctx context.Context, rows *Reader, n int64) error {
	for range n {
		if _, err := rows.Next(); errors.Is(err, io.EOF) {
			return errors.New("the file ends before the row where the import was interrupted: begin anew with --restart")
		} else if problem := (*Problem)(nil); err != nil && !errors.As(err, &problem) {
			return err
		}
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return nil
}

// dispatch reads rows and puts them on their way, in both channels in the same order.
func (r *run) dispatch(ctx context.Context, rows *Reader, work, ordered chan<- *task) error {
	for !r.stopped.Load() {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		row, err := rows.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		t := &task{row: row, done: make(chan struct{})}
		if err != nil && !errors.As(err, &t.problem) {
			return err
		}
		if t.problem == nil {
			t.problem = r.check(&t.row)
		}
		if t.problem != nil || t.row.LeftOut {
			t.outcome = OutcomeLeftOut
			close(t.done)
			ordered <- t
			continue
		}
		r.follow(t)
		ordered <- t
		work <- t
	}
	return nil
}

// check judges what the identity centre can't know: whether the account is ours.
func (r *run) check(row *Row) *Problem {
	if row.LeftOut {
		return nil
	}
	subject, ok := r.Subjects[row.AppID]
	switch {
	case !ok && row.AppID == "":
		return problem(*row, "account_unknown", "the row names no account", "fill in the account, or leave the row out")
	case !ok:
		return problem(*row, "account_unknown", "the configuration has no such account", "configure the account, or leave the row out")
	case subject != row.AppID:
		return nil
	case row.UnionID != "" && row.UnionID != row.OpenID:
		return problem(*row, "subject_missing", "the row has a unionid, and its account is configured without a subject", "give the account its `subject` first: unionids belong to it")
	}
	row.UnionID = row.OpenID // without an open platform that is what a unionid is
	return nil
}

// follow puts a row behind the unsettled ones that it has to do with.
func (r *run) follow(t *task) {
	subject := r.Subjects[t.row.AppID]
	t.keys = append(t.keys, "o"+t.row.AppID+"\x00"+t.row.OpenID)
	if t.row.UnionID != "" {
		t.keys = append(t.keys, "n"+subject+"\x00"+t.row.UnionID)
	}
	if t.row.User != "" {
		t.keys = append(t.keys, "u"+t.row.User)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range t.keys {
		if earlier := r.busy[key]; earlier != nil {
			t.after = append(t.after, earlier)
		}
		r.busy[key] = t
	}
}

// do imports a row. Those that it waits for were begun before it.
func (r *run) do(ctx context.Context, t *task) {
	defer close(t.done)
	for _, earlier := range t.after {
		<-earlier.done
	}
	t.after = nil // or each row would hold all those before it
	if r.stopped.Load() {
		t.err = errStopped
		return
	}
	outcome, err := r.Centre.Import(ctx, identity.Import{
		Realm: r.Realm, Openid: t.row.Openid, Unionid: identity.Unionid{Subject: r.Subjects[t.row.AppID], UnionID: t.row.UnionID},
		User: t.row.User, Actor: r.Actor,
	})
	t.outcome = string(outcome)
	if err != nil {
		if t.problem = refused(t.row, err); t.problem == nil {
			t.err = fmt.Errorf("line %d: %w", t.row.Line, err)
		}
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, key := range t.keys {
		if r.busy[key] == t {
			delete(r.busy, key)
		}
	}
}
