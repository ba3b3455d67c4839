package job

import (
	"context"
	"encoding/binary"
	"errors"
	"strconv"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// takeOn works on a job, if nobody else does, until it is over, has to wait or ctx ends.
func (r *Runner) takeOn(ctx context.Context, id string) (worked bool, err error) {
	lease := "job/" + id
	_, ok, err := r.Shared.Lease(ctx, lease, r.Holder, r.Lease)
	if err != nil || !ok {
		return false, err
	}
	defer r.giveBack(context.WithoutCancel(ctx), lease)
	j, err := r.Store.TakeJob(ctx, id, r.Node, r.now())
	if err != nil {
		return false, err
	}
	work, known := r.Kinds[j.Kind]
	if !known {
		work.Do = func(context.Context, Job, Save) error {
			return &Refusal{Code: "kind_unknown", Message: "this program has no jobs of this kind"}
		}
	}
	r.Observe(j)
	ctx, stop := context.WithCancelCause(ctx)
	held := make(chan struct{})
	go func() {
		defer close(held)
		r.hold(ctx, lease, stop)
	}()
	s := &saver{r: r, job: j, since: r.now()}
	err = work.Do(ctx, j, s.save)
	lost := context.Cause(ctx)
	stop(nil)
	<-held
	return true, r.settle(ctx, s, err, lost)
}

// hold renews a lease until ctx ends, and ends it if the lease is lost.
func (r *Runner) hold(ctx context.Context, lease string, lost context.CancelCauseFunc) {
	ticker := time.NewTicker(r.Lease / 3)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		// An error is no loss: who can't ask works on, and the fence sees to the rest.
		if _, ok, err := r.Shared.Lease(ctx, lease, r.Holder, r.Lease); err == nil && !ok {
			lost(ErrFenced)
			return
		}
	}
}

func (r *Runner) giveBack(ctx context.Context, lease string) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	if err := r.Shared.Release(ctx, lease, r.Holder); err != nil {
		r.Log.WarnContext(ctx, "giving a job back: another runner waits until the lease is over", "lease", lease, "error", err)
	}
}

// saver writes down the progress of one job, under the fence that it was taken with.
type saver struct {
	r     *Runner
	job   Job
	since time.Time // what came before is counted as worked
}

func (s *saver) save(ctx context.Context, p Progress) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	next := s.job
	next.Cursor, next.Done, next.Total, next.Filled, next.Tries = p.Cursor, p.Done, p.Total, p.Filled, 0
	return s.write(ctx, next, p.Problems)
}

func (s *saver) write(ctx context.Context, next Job, problems []Problem) error {
	next.Updated = s.r.now()
	next.Worked += max(next.Updated.Sub(s.since), 0)
	if next.State.Ended() {
		next.Ended = next.Updated
	}
	next.Problems += int64(len(problems))
	if err := s.r.Store.SaveJob(ctx, next, problems); err != nil {
		return err
	}
	s.job, s.since = next, next.Updated
	return nil
}

// settle writes how a work has ended.
func (r *Runner) settle(ctx context.Context, s *saver, err, lost error) error {
	switch {
	case errors.Is(err, ErrFenced), errors.Is(lost, ErrFenced):
		r.avoid(s.job.ID)
		r.Log.WarnContext(ctx, "a job was taken over or cancelled", "job", s.job.ID, "kind", s.job.Kind, "account", s.job.AppID)
		return nil
	case lost != nil && err != nil:
		return nil // we stop; whoever comes next goes on from the cursor
	}
	next := s.job
	r.outcome(&next, err)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.write(ctx, next, nil); err != nil {
		r.avoid(next.ID) // the facts can't be reached; the job stays as it is
		return err
	}
	log := r.Log.InfoContext
	if err != nil {
		log = r.Log.WarnContext
	}
	log(ctx, "a job was worked on", "job", next.ID, "kind", next.Kind, "account", next.AppID,
		"state", string(next.State), "code", next.Why, "done", next.Done, "total", next.Total, "problems", next.Problems)
	r.Observe(s.job)
	return nil
}

// outcome says what becomes of a job whose work has ended with err.
func (r *Runner) outcome(j *Job, err error) {
	j.State, j.Why, j.Error, j.Until = Done, "", "", time.Time{}
	if err == nil {
		j.Cursor = "" // whoever it names may be erased one day
		return
	}
	j.Error = err.Error()
	var wait *Wait
	var refusal *Refusal
	var said *wechat.Error
	passing := errors.Is(err, identity.ErrUnavailable)
	switch {
	case errors.As(err, &wait):
		j.State, j.Why, j.Until = Waiting, wait.Why, wait.Until
		return
	case errors.As(err, &refusal):
		j.State, j.Why = Failed, refusal.Code
		return
	case errors.As(err, &said):
		passing = passing || said.Class == wechat.ClassRetry
		j.Why = whyWeChat(said)
		if !said.Until.IsZero() {
			j.State, j.Until = Waiting, said.Until
			return
		}
	case passing:
		j.Why = "facts_unavailable"
	default:
		j.Why = "broken"
	}
	if passing {
		// An outage ends by itself, however often we ask: it counts as no failure.
		j.State, j.Until = Waiting, r.now().Add(r.pause(1))
		return
	}
	if j.Tries++; j.Tries >= r.MaxTries {
		j.State = Failed
		return
	}
	j.State, j.Until = Waiting, r.now().Add(r.pause(j.Tries))
}

// pause is how long a job waits after so many failures in a row: up to a quarter less than
// its due, so that not all come back at once.
func (r *Runner) pause(tries int) time.Duration {
	d := r.Backoff
	for i := 1; i < tries && d < r.MaxBackoff; i++ {
		d *= 2
	}
	d = min(d, r.MaxBackoff)
	var b [4]byte
	r.Random(b[:])
	return d - time.Duration(float64(d)/4*float64(binary.BigEndian.Uint32(b[:]))/(1<<32))
}

// whyWeChat is the code of a call that failed.
func whyWeChat(e *wechat.Error) string {
	if e.Code == 0 {
		return "wechat_" + string(e.Class)
	}
	return "wechat_" + strconv.Itoa(e.Code)
}
