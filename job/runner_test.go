package job_test

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/job"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

func TestRunner(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, place string) {
		store := openAt(t, place)
		for promise, try := range map[string]func(t *testing.T, store job.Store){
			"a job is worked on to its end":                                              runsToTheEnd,
			"who stops in the middle leaves the rest to the next, at once":               stopsInTheMiddle,
			"a cancelled job ends within a piece":                                        cancelled,
			"a job that has failed goes on from its cursor when it is resumed":           resumed,
			"a job waits as long as its work says":                                       waits,
			"no more jobs are worked on at once than there is room for":                  keepsRoom,
			"a runner that was paused does no harm when it wakes up":                     paused,
			"a runner whose lease is lost is told so while it works":                     leaseLost,
			"a job of a kind that is no more fails, and says why":                        kindGone,
			"what makes no sense is refused before it is queued":                         refused,
			"of a kind, one job is under way for an account":                             busy,
			"a work that fails for good reasons is tried again, less often each time":    backsOff,
			"failures count in a row alone":                                              countsInARow,
			"while WeChat or the facts are away a job waits, however long that may take": neverGivesUp,
		} {
			t.Run(promise, func(t *testing.T) {
				t.Cleanup(func() { endAll(t, store) }) // after its runners have stopped
				try(t, store)
			})
		}
	})
}

// endAll leaves nothing to the next one.
func endAll(t *testing.T, store job.Store) {
	t.Helper()
	ctx := context.Background()
	left, err := store.DueJobs(ctx, time.Unix(1<<33, 0), 100)
	for _, j := range left {
		if err == nil {
			err = store.CancelJob(ctx, j.ID, j.Started)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

func runsToTheEnd(t *testing.T, store job.Store) {
	var did []int64
	var d *desk
	d = newDesk(t, store, map[string]job.Work{"count": counting(5, func(_ context.Context, i int64) error {
		did = append(did, i)
		d.advance(2 * time.Second)
		return nil
	})})
	started := d.start(t, "count", map[string]string{"a": "b"})
	j := d.until(t, started.ID, job.Done)
	if !reflect.DeepEqual(did, []int64{0, 1, 2, 3, 4}) || j.Done != 5 || j.Total != 5 || j.Worked != 10*time.Second || j.Ended.IsZero() || j.By != "command:test" || j.Params["a"] != "b" || j.Cursor != "" {
		t.Errorf("did %v, got %+v", did, j)
	}
	if left, ok := j.Remaining(); j.Rate() != 0.5 || left != 0 || !ok {
		t.Errorf("rate %v, remaining %v, %v", j.Rate(), left, ok)
	}
	list, err := d.List(t.Context(), appID, job.Job{}, 100)
	if err != nil || !slices.ContainsFunc(list, func(l job.Job) bool { return reflect.DeepEqual(l, j) }) {
		t.Errorf("listed %+v, %v", list, err)
	}
}

func stopsInTheMiddle(t *testing.T, store job.Store) {
	reached := make(chan struct{})
	first := stillDesk(store, map[string]job.Work{"count": counting(5, func(ctx context.Context, i int64) error {
		if i < 3 {
			return nil
		}
		close(reached)
		<-ctx.Done()
		return ctx.Err()
	})}, newClock())
	stop := first.run(t)
	j := first.start(t, "count", nil)
	<-reached
	stop()
	if got := first.get(t, j.ID); got.State != job.Running || got.Cursor != "3" || got.Tries != 0 {
		t.Errorf("left as %+v", got)
	}
	var did []int64
	second := stillDesk(store, map[string]job.Work{"count": counting(5, func(_ context.Context, i int64) error {
		did = append(did, i)
		return nil
	})}, first.clock, func(c *job.Config) { c.Holder, c.Shared = "second", first.shared })
	second.run(t)
	second.until(t, j.ID, job.Done)
	if !reflect.DeepEqual(did, []int64{3, 4}) {
		t.Errorf("the next did %v, want 3 and 4", did)
	}
}

func cancelled(t *testing.T, store job.Store) {
	at, on := make(chan int64), make(chan struct{})
	ended := make(chan error, 1)
	work := counting(5, func(_ context.Context, i int64) error { at <- i; <-on; return nil })
	d := newDesk(t, store, map[string]job.Work{"count": {Do: func(ctx context.Context, j job.Job, save job.Save) error {
		err := work.Do(ctx, j, save)
		ended <- err
		return err
	}}})
	j := d.start(t, "count", nil)
	<-at
	on <- struct{}{}
	<-at
	if err := d.Cancel(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	on <- struct{}{}
	wantErr(t, <-ended, job.ErrFenced)
	if got := d.get(t, j.ID); got.State != job.Cancelled || got.Done != 1 {
		t.Errorf("got %+v", got)
	}
	wantErr(t, d.Cancel(t.Context(), j.ID), job.ErrUnknown)
}

func resumed(t *testing.T, store job.Store) {
	broken := true
	var did []int64
	d := newDesk(t, store, map[string]job.Work{"count": counting(4, func(_ context.Context, i int64) error {
		did = append(did, i)
		if i == 2 && broken {
			return &job.Refusal{Code: "no", Message: "can't"}
		}
		return nil
	})})
	j := d.start(t, "count", nil)
	if got := d.until(t, j.ID, job.Failed); got.Why != "no" || got.Error != "can't" || got.Ended.IsZero() {
		t.Errorf("got %+v", got)
	}
	broken = false
	d.advance(job.NewRunner(job.Config{}).Lease) // longer than it is left alone
	if err := d.Resume(t.Context(), j.ID); err != nil {
		t.Fatal(err)
	}
	if got := d.until(t, j.ID, job.Done); got.Why != "" || got.Error != "" || got.Fence != 2 {
		t.Errorf("got %+v", got)
	}
	if !reflect.DeepEqual(did, []int64{0, 1, 2, 2, 3}) {
		t.Errorf("did %v", did)
	}
}

func waits(t *testing.T, store job.Store) {
	var d *desk
	pauses := []error{
		&job.Wait{Until: newClock().Now().Add(time.Hour), Why: "pause", Message: "a pause"},
		&wechat.Error{API: "cgi-bin/user/get", Code: 45009, Class: wechat.ClassRetry, Until: newClock().Now().Add(4 * time.Hour)},
	}
	d = newDesk(t, store, map[string]job.Work{"count": counting(3, func(_ context.Context, i int64) error {
		if i == 1 && len(pauses) > 0 {
			err := pauses[0]
			pauses = pauses[1:]
			return err
		}
		return nil
	})})
	j := d.start(t, "count", nil)
	if got := d.until(t, j.ID, job.Waiting); got.Why != "pause" || !got.Until.Equal(d.Now().Add(time.Hour)) || got.Tries != 0 {
		t.Errorf("got %+v", got)
	}
	d.wakeAfter(time.Hour)
	if got := d.until(t, j.ID, job.Waiting); got.Why != "wechat_45009" || !got.Until.Equal(d.Now().Add(3*time.Hour)) || got.Cursor != "1" {
		t.Errorf("got %+v", got)
	}
	d.wakeAfter(3 * time.Hour)
	d.until(t, j.ID, job.Done)
}

func keepsRoom(t *testing.T, store job.Store) {
	at, on := make(chan string, 9), make(chan struct{})
	d := stillDesk(store, map[string]job.Work{"count": {Do: func(_ context.Context, j job.Job, _ job.Save) error {
		at <- j.AppID
		<-on
		return nil
	}}}, newClock(), func(c *job.Config) { c.Parallel = 2 })
	for _, app := range []string{"wxa", "wxb", "wxc"} {
		if _, err := d.Start(t.Context(), "count", app, nil, "x"); err != nil {
			t.Fatal(err)
		}
	}
	look := d.watched()
	d.run(t)
	<-at
	<-at
	look()
	if len(at) > 0 {
		t.Errorf("a third is worked on")
	}
	on <- struct{}{}
	<-at // there is room again, and nobody had to say so
	on <- struct{}{}
	on <- struct{}{}
}

func kindGone(t *testing.T, store job.Store) {
	d := newDesk(t, store, nil)
	if err := store.AddJob(t.Context(), job.Job{ID: "old", Kind: "old", AppID: appID, Started: d.Now(), Updated: d.Now()}, time.Unix(0, 0)); err != nil {
		t.Fatal(err)
	}
	d.Wake()
	if got := d.until(t, "old", job.Failed); got.Why != "kind_unknown" {
		t.Errorf("got %+v", got)
	}
}

func refused(t *testing.T, store job.Store) {
	no := &job.Refusal{Code: "senseless", Message: "no"}
	d := newDesk(t, store, map[string]job.Work{"count": {Check: func(job.Job) error { return no }}})
	for kind, want := range map[string]string{"count": "senseless", "other": "kind_unknown"} {
		_, err := d.Start(t.Context(), kind, appID, nil, "x")
		var refusal *job.Refusal
		if !errors.As(err, &refusal) || refusal.Code != want {
			t.Errorf("%s: got error %v, want %s", kind, err, want)
		}
	}
	if due, err := store.DueJobs(t.Context(), d.Now(), 1); err != nil || len(due) != 0 {
		t.Errorf("queued %v, %v", due, err)
	}
}

func busy(t *testing.T, store job.Store) {
	d := stillDesk(store, map[string]job.Work{"count": {}, "other": {}}, newClock())
	d.start(t, "count", nil)
	_, err := d.Start(t.Context(), "count", appID, nil, "x")
	wantErr(t, err, job.ErrBusy)
	d.start(t, "other", nil)
}

func backsOff(t *testing.T, store job.Store) {
	d := newDesk(t, store, map[string]job.Work{"count": counting(1, func(context.Context, int64) error {
		return &wechat.Error{API: "cgi-bin/user/get", Code: 48001, Class: wechat.ClassConfig, Message: "api unauthorized"}
	})}, func(c *job.Config) { c.Backoff, c.MaxBackoff, c.MaxTries = time.Minute, 5*time.Minute, 6 })
	j := d.start(t, "count", nil)
	for i, want := range []time.Duration{1, 2, 4, 5, 5} {
		got := d.until(t, j.ID, job.Waiting)
		pause := got.Until.Sub(d.Now())
		if pause > want*time.Minute || pause < want*time.Minute*3/4 || got.Tries != i+1 || got.Why != "wechat_48001" {
			t.Errorf("after %d failures: a pause of %v, want %d minutes less a quarter: %+v", i+1, pause, want, got)
		}
		d.wakeAfter(pause)
	}
	if got := d.until(t, j.ID, job.Failed); !strings.Contains(got.Error, "api unauthorized") {
		t.Errorf("got %+v", got)
	}
}

func countsInARow(t *testing.T, store job.Store) {
	failures := map[int64]int{}
	d := newDesk(t, store, map[string]job.Work{"count": counting(3, func(_ context.Context, i int64) error {
		if failures[i]++; failures[i] <= 4 {
			return errors.New("broken")
		}
		return nil
	})}, func(c *job.Config) { c.MaxTries = 5 })
	j := d.start(t, "count", nil)
	for range 12 {
		got := d.until(t, j.ID, job.Waiting)
		if got.Why != "broken" {
			t.Errorf("got %+v", got)
		}
		d.wakeAfter(got.Until.Sub(d.Now()))
	}
	d.until(t, j.ID, job.Done)
}

func neverGivesUp(t *testing.T, store job.Store) {
	away := []error{
		&wechat.Error{API: "cgi-bin/user/get", Class: wechat.ClassRetry, Message: "no answer"},
		identity.ErrUnavailable,
	}
	tries := 0
	d := newDesk(t, store, map[string]job.Work{"count": counting(1, func(context.Context, int64) error {
		if tries++; tries > 20 {
			return nil
		}
		return away[tries%2]
	})})
	j := d.start(t, "count", nil)
	for range 20 {
		got := d.until(t, j.ID, job.Waiting)
		d.wakeAfter(got.Until.Sub(d.Now()))
	}
	if got := d.until(t, j.ID, job.Done); got.Tries != 0 {
		t.Errorf("got %+v", got)
	}
}
