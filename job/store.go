package job

import (
	"context"
	"time"
)

// Store keeps jobs. It is safe for concurrent use by any number of processes, and what it
// has acknowledged survives the loss of power. One that can't be reached answers with
// [identity.ErrUnavailable].
type Store interface {
	// AddJob queues a job; [ErrBusy] if one of its kind is under way for its account.
	// It forgets jobs of the same kind and account that ended before the given time.
	AddJob(ctx context.Context, j Job, forget time.Time) error

	// Job returns a job; [ErrUnknown] if there is none.
	Job(ctx context.Context, id string) (Job, error)

	// Jobs returns at most limit jobs, the youngest first, from before the given start
	// and id, if any; those of all accounts if appID is empty.
	Jobs(ctx context.Context, appID string, before Job, limit int) ([]Job, error)

	// DueJobs returns at most limit jobs to work on: queued and running ones, and those
	// that have waited long enough. The one that is due for the longest time comes first.
	DueJobs(ctx context.Context, now time.Time, limit int) ([]Job, error)

	// TakeJob raises the fence of a job that is due and makes it running at a node;
	// [ErrUnknown] if it isn't due.
	TakeJob(ctx context.Context, id, node string, now time.Time) (Job, error)

	// SaveJob writes the state and the progress of a running job, and adds problems,
	// whose Seq it sets; [ErrFenced] if the job is not running under j.Fence.
	SaveJob(ctx context.Context, j Job, problems []Problem) error

	// CancelJob ends a job that isn't over; [ErrUnknown] if there is none.
	CancelJob(ctx context.Context, id string, now time.Time) error

	// ResumeJob queues a job again that has failed or was cancelled, to go on from its
	// cursor; [ErrUnknown] if there is none, [ErrBusy] as AddJob.
	ResumeJob(ctx context.Context, id string, now time.Time) error

	// JobProblems returns at most limit problems of a job with Seq > after, in order.
	JobProblems(ctx context.Context, id string, after int64, limit int) ([]Problem, error)
}
