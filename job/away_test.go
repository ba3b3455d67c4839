package job_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/cluster"
	"github.com/caddy-wsite/caddy-wsite/job"
)

// awayShared is a shared state that is away until it is told to be back.
type awayShared struct {
	job.Leases
	back  chan struct{}
	asked chan struct{}
}

func (s awayShared) Lease(ctx context.Context, name, holder string, life time.Duration) (int64, bool, error) {
	select {
	case <-s.back:
		return s.Leases.Lease(ctx, name, holder, life)
	default:
		select {
		case s.asked <- struct{}{}:
		case <-s.back:
		}
		return 0, false, cluster.ErrAway
	}
}

// Jobs wait for a shared state that is away, which says so itself: they don't each time.
func TestJobsWaitForTheSharedState(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, place string) {
		var log bytes.Buffer
		away := awayShared{back: make(chan struct{}), asked: make(chan struct{})}
		d := stillDesk(openAt(t, place), map[string]job.Work{"count": counting(3, func(context.Context, int64) error { return nil })}, newClock(), func(c *job.Config) {
			c.Every = time.Millisecond
			away.Leases, c.Shared, c.Log = c.Shared, &away, slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelWarn}))
		})
		stop := d.run(t)
		j := d.start(t, "count", nil)
		for range 5 {
			<-away.asked
		}
		close(away.back)
		if j = d.until(t, j.ID, job.Done); j.Done != 3 {
			t.Errorf("it has done %d", j.Done)
		}
		if stop(); log.Len() != 0 {
			t.Errorf("the log says:\n%s", strings.TrimSpace(log.String()))
		}
	})
}
