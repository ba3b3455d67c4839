package inbox

import (
	"context"
	"encoding/binary"
	"errors"
	"sync"
	"sync/atomic"
	"time"
)

// Run hands pushes on until ctx ends, and returns when everything under way is settled.
func (b *Inbox) Run(ctx context.Context) {
	ticker := time.NewTicker(b.Every)
	defer ticker.Stop()
	var lines sync.WaitGroup
	lines.Go(func() { b.sweep(ctx) })
	defer lines.Wait()
	failing := false
	for {
		err := b.look(ctx, &lines)
		if bad := err != nil; bad != failing && ctx.Err() == nil {
			if failing = bad; bad {
				b.Log.ErrorContext(ctx, "looking for pushes to hand on", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-b.wake:
		}
	}
}

// Wake has the queue looked at now.
func (b *Inbox) Wake() {
	select {
	case b.wake <- struct{}{}:
	default: // woken already
	}
}

// look begins to work on every line that is due. A line shares nothing with others: a slow
// one delays nobody else.
func (b *Inbox) look(ctx context.Context, lines *sync.WaitGroup) error {
	due, err := b.Store.DueLines(ctx, b.Now(), 1000)
	if err != nil {
		return err
	}
	for _, line := range due {
		b.mu.Lock()
		taken := b.running[line]
		b.running[line] = true
		b.mu.Unlock()
		if taken {
			continue
		}
		lines.Go(func() { b.work(ctx, line) })
	}
	return nil
}

// work hands on what is due on a line.
func (b *Inbox) work(ctx context.Context, line Line) {
	again, err := true, error(nil)
	for again && err == nil {
		again, err = b.Step(ctx, line)
	}
	b.mu.Lock()
	delete(b.running, line)
	b.mu.Unlock()
	if err != nil && ctx.Err() == nil && !errors.Is(err, ErrLeaseLost) {
		b.Log.ErrorContext(ctx, "handing pushes on", "appid", line.AppID, "target", line.Target, "error", err)
	}
	if err == nil && ctx.Err() == nil {
		b.Wake() // what came just before was looked for while the line was ours
	}
}

// Step takes one batch of a line, hands it on and gives the line back. It says whether more
// is due.
func (b *Inbox) Step(ctx context.Context, line Line) (again bool, err error) {
	now := b.Now()
	due, ok, err := b.Store.TakePushes(ctx, line, b.Holder, now, now.Add(b.Lease), b.Batch)
	if err != nil || !ok {
		return false, err
	}
	tried := b.try(ctx, line, due)
	s := b.settle(tried)
	// What was handed on is settled even if everything ends now.
	next, err := b.Store.SettlePushes(context.WithoutCancel(ctx), line, b.Holder, s)
	if err != nil {
		return false, err
	}
	b.observe(ctx, line, tried, s)
	return len(due) > 0 && ctx.Err() == nil && !next.IsZero() && !next.After(b.Now()), nil
}

// attempt is a task in the course of a batch.
type attempt struct {
	Task
	tried bool
	err   error
}

// try hands tasks on, a few at a time. It begins nothing new when half of the lease is
// over, or when it is plain that the target can't be reached.
func (b *Inbox) try(ctx context.Context, line Line, due []Task) []*attempt {
	all := make([]*attempt, len(due))
	next := make(chan *attempt, len(due))
	for i, t := range due {
		all[i] = &attempt{Task: t}
		next <- all[i]
	}
	close(next)
	deadline := b.Now().Add(b.Lease / 2)
	ctx, cancel := context.WithTimeout(ctx, b.Lease*3/4)
	defer cancel()
	var unreachable, arrived atomic.Int64
	var workers sync.WaitGroup
	for range min(b.Concurrency, len(due)) {
		workers.Go(func() {
			for a := range next {
				if ctx.Err() != nil || !b.Now().Before(deadline) || arrived.Load() == 0 && unreachable.Load() >= int64(b.Concurrency) {
					return
				}
				a.err = b.hand(ctx, line, a.Task)
				// What ends because everything ends was no try.
				a.tried = a.err == nil || ctx.Err() == nil
				switch f := (*Failure)(nil); {
				case a.err == nil:
					arrived.Add(1)
				case errors.As(a.err, &f) && f.Unreachable:
					unreachable.Add(1)
				}
			}
		})
	}
	workers.Wait()
	return all
}

// settle decides what to write of a batch. If nothing got through for the target's sake
// the line rests as a whole; otherwise each task that failed waits for itself.
func (b *Inbox) settle(all []*attempt) Settlement {
	now := b.Now()
	var s Settlement
	down := true
	for _, a := range all {
		if !a.tried {
			continue
		}
		f := (*Failure)(nil)
		down = down && errors.As(a.err, &f) && f.Unreachable
		if a.err == nil {
			s.Done = append(s.Done, a.Seq)
		}
		s.Tries = max(s.Tries, a.LineTries+1)
	}
	if len(all) == 0 || s.Tries == 0 {
		down = false
	}
	if !down {
		s.Tries = 0
	} else {
		s.Next = now.Add(b.pause(s.Tries))
	}
	for _, a := range all {
		if !a.tried || a.err == nil {
			continue
		}
		t := b.failed(a, now)
		if s.Error = t.Error; down && !t.Dead {
			t.Next = a.Next // the line waits for it
		}
		s.Failed = append(s.Failed, t)
	}
	return s
}

// failed is a task that failed, with the next time to try it.
func (b *Inbox) failed(a *attempt, now time.Time) Task {
	t, f := a.Task, (*Failure)(nil)
	t.Error = "handler"
	if errors.As(a.err, &f) {
		t.Error = f.Code
	}
	if t.Tries++; t.Since.IsZero() {
		t.Since = now
	}
	t.Next = now.Add(b.pause(t.Tries))
	t.Dead = now.Sub(t.Since) >= b.DeadAfter || f != nil && f.Final
	return t
}

// observe tells what became of a batch that is settled.
func (b *Inbox) observe(ctx context.Context, line Line, tried []*attempt, s Settlement) {
	seen := Observation{AppID: line.AppID, Target: line.Target}
	for range s.Done {
		seen.What = Delivered
		b.Observe(seen)
	}
	for _, t := range s.Failed {
		seen.What, seen.Code = Failed, t.Error
		b.Observe(seen)
		if t.Dead {
			seen.What = Died
			b.Observe(seen)
			b.Log.ErrorContext(ctx, "a push is a dead letter now", "appid", line.AppID, "target", line.Target, "kind", t.Kind, "seq", t.Seq, "code", t.Error)
		}
	}
	for _, a := range tried {
		if f := (*Failure)(nil); a.tried && a.err != nil && !errors.As(a.err, &f) && a.Tries == 0 {
			b.Log.WarnContext(ctx, "handling a push: it is tried again", "appid", line.AppID, "kind", a.Kind, "seq", a.Seq, "error", a.err)
		}
	}
	if s.Tries == 1 {
		b.Log.WarnContext(ctx, "a subscriber takes no pushes: they wait", "appid", line.AppID, "target", line.Target, "code", s.Error)
	}
}

// sweep forgets what is over, little by little, so that pushes that come in meanwhile
// don't wait for it.
func (b *Inbox) sweep(ctx context.Context) {
	const every, limit = 10 * time.Minute, 100
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		from, now := time.Time{}, b.Now()
		for more := true; more && ctx.Err() == nil; more = !from.IsZero() {
			var err error
			if from, err = b.Store.SweepPushes(ctx, from, now.Add(-b.Keep), now.Add(-b.KeepAll), limit); err != nil && ctx.Err() == nil {
				b.Log.ErrorContext(ctx, "sweeping pushes", "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// pause is how long to wait after so many failures in a row: twice as long each time, up
// to MaxBackoff. A random half of it keeps many from coming back at once.
func (b *Inbox) pause(tries int) time.Duration {
	d := b.MaxBackoff
	if shift := tries - 1; shift < 30 && b.Backoff<<shift < d {
		d = b.Backoff << max(shift, 0)
	}
	var r [8]byte
	b.Random(r[:])
	return d/2 + time.Duration(float64(d/2)*float64(binary.LittleEndian.Uint64(r[:])>>11)/(1<<53))
}
