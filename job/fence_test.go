package job_test

import (
	"context"
	"reflect"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/job"
)

// paused: the first runner stands still in the middle of a piece, longer than its lease
// lives. The second takes over. What the first does when it wakes up changes nothing.
func paused(t *testing.T, store job.Store) {
	still, awake, over := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	work := counting(5, func(_ context.Context, i int64) error {
		if i == 2 {
			close(still)
			<-awake
		}
		return nil
	})
	first := newDesk(t, store, map[string]job.Work{"count": {Do: func(ctx context.Context, j job.Job, save job.Save) error {
		err := work.Do(ctx, j, save)
		over <- err
		return err
	}}})
	j := first.start(t, "count", nil)
	<-still
	first.advance(time.Hour)
	var did []int64
	second := stillDesk(store, map[string]job.Work{"count": counting(5, func(_ context.Context, i int64) error {
		did = append(did, i)
		return nil
	})}, first.clock, func(c *job.Config) { c.Holder, c.Shared = "second", first.shared })
	second.run(t)
	done := second.until(t, j.ID, job.Done)
	close(awake)
	wantErr(t, <-over, job.ErrFenced)
	if got := second.get(t, j.ID); !reflect.DeepEqual(got, done) || done.Fence != 2 || done.Done != 5 {
		t.Errorf("got %+v, want %+v", got, done)
	}
	if !reflect.DeepEqual(did, []int64{2, 3, 4}) {
		t.Errorf("the second did %v", did)
	}
}

// leaseLost: somebody else has got the lease, as after the shared state was lost, and the
// first hears of it before it has saved anything.
func leaseLost(t *testing.T, store job.Store) {
	still, over := make(chan struct{}, 2), make(chan error, 2)
	c := newClock()
	shared := cluster.NewMemory(c.Now)
	d := stillDesk(store, map[string]job.Work{"count": counting(5, func(ctx context.Context, _ int64) error {
		still <- struct{}{}
		<-ctx.Done()
		over <- context.Cause(ctx)
		return ctx.Err()
	})}, c, func(cfg *job.Config) { cfg.Shared, cfg.Lease = shared, 30*time.Millisecond })
	look := d.watched()
	d.run(t)
	j := d.start(t, "count", nil)
	<-still
	if err := shared.Release(t.Context(), "job/"+j.ID, "first"); err != nil {
		t.Fatal(err)
	}
	if _, ok, err := shared.Lease(t.Context(), "job/"+j.ID, "thief", time.Hour); err != nil || !ok {
		// The first has renewed in between: it is the holder again, and may go on.
		c.advance(time.Second)
		if _, ok, err := shared.Lease(t.Context(), "job/"+j.ID, "thief", time.Hour); err != nil || !ok {
			t.Fatal(ok, err)
		}
	}
	wantErr(t, <-over, job.ErrFenced)
	if got := d.get(t, j.ID); got.State != job.Running || got.Tries != 0 {
		t.Errorf("left as %+v", got)
	}
	if err := shared.Release(t.Context(), "job/"+j.ID, "thief"); err != nil {
		t.Fatal(err)
	}
	for range 20 { // what is taken on begins a little later
		look()
	}
	for taken := false; !taken; {
		d.wakeAfter(time.Second)
		select {
		case <-still:
			taken = true
		case <-time.After(time.Millisecond):
		}
	}
	if first, again := <-d.taken, <-d.taken; again.Sub(first) < 30*time.Millisecond {
		t.Error("the first takes the job back at once, as the other one would from him")
	}
}
