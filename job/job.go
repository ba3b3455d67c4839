package job

import (
	"context"
	"errors"
	"time"
)

var (
	// ErrBusy says that a job of this kind is under way for this account already.
	ErrBusy = errors.New("a job of this kind is under way for this account already")
	// ErrUnknown says that there is no such job, or not in a state for what was asked.
	ErrUnknown = errors.New("there is no such job, or it is over")
	// ErrFenced says that the job is no longer ours: somebody else has taken it, or
	// it was cancelled.
	ErrFenced = errors.New("the job was taken over or cancelled")
)

// State is how far a job is.
type State string

const (
	Queued    State = "queued"
	Running   State = "running"
	Waiting   State = "waiting" // until Job.Until, because of Job.Why
	Done      State = "done"
	Failed    State = "failed"
	Cancelled State = "cancelled"
)

// Ended says whether a job in this state is over.
func (s State) Ended() bool { return s == Done || s == Failed || s == Cancelled }

// Job is one job, as it is kept.
type Job struct {
	ID    string
	Kind  string
	AppID string
	// Params are what the kind wants to know beside the account.
	Params map[string]string
	State  State
	// Until is how long a waiting job is left alone.
	Until time.Time
	// Why is a code that says why the job waits or has failed, Error the sentence to it.
	// Neither holds a secret or a whole openid.
	Why, Error string
	// Cursor is how far the work is, in the words of its kind; empty at the beginning and
	// when it is done. It holds openids, and is nothing to show.
	Cursor string
	// Done and Total count rows; Total is an estimate, and 0 before there is one. Filled
	// counts those of Done about which something new was learnt.
	Done, Total, Filled int64
	// Problems counts the rows that can't be done. The first [MaxProblems] are kept.
	Problems int64
	// Tries counts the failures since something was done.
	Tries int
	// Worked is how long was worked on it, without waiting.
	Worked                  time.Duration
	Started, Updated, Ended time.Time
	// By is who started it: key:<id> or command:<name>.
	By string
	// Node is where it is worked on, or was last; empty before that.
	Node string
	// Fence grows whenever somebody takes the job.
	Fence int64
}

// Rate is how many rows are done in a second of work; 0 if nobody knows.
func (j Job) Rate() float64 {
	if j.Worked <= 0 {
		return 0
	}
	return float64(j.Done) / j.Worked.Seconds()
}

// Remaining is how long the rest will take, waiting aside. ok is false if nobody knows.
func (j Job) Remaining() (left time.Duration, ok bool) {
	rate := j.Rate()
	switch {
	case j.State.Ended():
		return 0, true
	case rate == 0 || j.Total == 0:
		return 0, false
	}
	return time.Duration(float64(max(j.Total-j.Done, 0)) / rate * float64(time.Second)), true
}

// MaxProblems is how many problems are kept of a job.
const MaxProblems = 1000

// Problem is a row that a job could not do.
type Problem struct {
	Seq int64 // from 1, in the order in which they were met
	// Row names it, shortened as [identity.Mask] does.
	Row string
	// Code is stable, Message a sentence.
	Code, Message string
}

// Progress is what a piece of work has come to.
type Progress struct {
	Cursor              string
	Done, Total, Filled int64
	// Problems are those met since the last save.
	Problems []Problem
}

// Save writes down how far a work is. After an error, which is [ErrFenced] if the job is
// no longer ours, the work ends with that error.
type Save func(context.Context, Progress) error

// Work is what a kind of jobs does.
type Work struct {
	// Check refuses a job that makes no sense, before it is queued; nil takes all.
	Check func(Job) error
	// Do works from j.Cursor on, and saves after each piece, which bears repetition. An
	// error ends it for now, and [Wait] says for how long; nil means that it is done.
	Do func(ctx context.Context, j Job, save Save) error
}

// Wait is the error of a [Work] that has to pause.
type Wait struct {
	Until   time.Time
	Why     string // a code
	Message string
}

func (w *Wait) Error() string { return w.Message }
