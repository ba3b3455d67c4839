package sqlstore

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	inboxtest "github.com/caddy-wsite/caddy-wsite/inbox/storetest"
)

func TestInbox(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		inboxtest.Run(t,
			func(t *testing.T) inbox.Store { return openAt(t, fresh(t)) },
			func(t *testing.T, s inbox.Store) inbox.Store { return openAt(t, placeOf(s.(*Store))) })
		t.Run("every statement finds its rows by an index", func(t *testing.T) {
			t.Parallel()
			inboxIndexed(t, openAt(t, fresh(t)))
		})
	})
}

// inboxIndexed makes the store prepare all that it asks for pushes and followers, and looks
// how the engine would answer.
func inboxIndexed(t *testing.T, s *Store) {
	ctx, now, line := t.Context(), time.Unix(1700000000, 0), inbox.Line{AppID: "wx1", Target: "crm"}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, key := range []string{"a", "b"} {
		_, err := s.PutPush(ctx, inbox.Push{AppID: "wx1", Key: key, OpenID: "o1", At: now, Came: now, Sealed: []byte{}}, []inbox.Delivery{{Target: "crm", Next: now}})
		must(err)
	}
	_, err := s.DueLines(ctx, now, 10)
	must(err)
	due, _, err := s.TakePushes(ctx, line, "me", now, now, 10)
	must(err)
	due[0].Next = now
	_, err = s.SettlePushes(ctx, line, "me", inbox.Settlement{Done: []int64{9}, Failed: due})
	must(err)
	_, _, err = s.TakePushes(ctx, line, "me", now, now, 10)
	must(err)
	due[0].Dead = true
	_, err = s.SettlePushes(ctx, line, "me", inbox.Settlement{Failed: due})
	must(err)
	_, err = s.PushLines(ctx, "wx1")
	must(err)
	_, err = s.DeadPushes(ctx, line, 0, 10)
	must(err)
	_, err = s.ReplayPushes(ctx, line, []string{"a"}, now)
	must(err)
	_, err = s.ReplayPushes(ctx, line, nil, now)
	must(err)
	for _, f := range []inbox.LogFilter{{}, {Kind: "text"}, {Standing: inbox.StandsDead}, {Standing: inbox.StandsWaiting, Kind: "text"}, {Standing: inbox.StandsDone}} {
		f.AppID, f.Limit, f.Look = "wx1", 2, 5
		_, _, err = s.PushLog(ctx, f)
		must(err)
	}
	must(s.FinishPush(ctx, line, "a"))
	_, err = s.SweepPushes(ctx, now, now, now, 10)
	must(err)
	must(s.ForgetPushes(ctx, "wx1", "o1"))
	must(s.SetFollower(ctx, follower.Follower{AppID: "wx1", OpenID: "o1", At: now}))
	_, err = s.Followers(ctx, "wx1", []string{"o1"})
	must(err)
	_, err = s.CountFollowers(ctx, "wx1")
	must(err)
	must(s.ForgetFollower(ctx, "wx1", "o1"))
	if isPostgres(placeOf(s)) {
		run(t, placeOf(s), inboxCrowd...)
	}
	inboxPlanned(t, s)
}

// inboxPlanned looks at the plans of what the store has prepared for pushes and followers.
func inboxPlanned(t *testing.T, s *Store) {
	t.Helper()
	statements := map[string]bool{}
	for range cap(s.readers.idle) {
		r := <-s.readers.idle
		if r != nil {
			for q := range r.statements {
				statements[q] = true
			}
		}
		defer func() { s.readers.idle <- r }()
	}
	err := s.writer.write(t.Context(), func(c *session) error {
		for q := range c.statements {
			statements[q] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for q := range statements {
		if strings.Contains(q, "inbox_") || strings.Contains(q, "follower") {
			seen++
			wantPlan(t, s, q)
		}
	}
	if seen < 25 {
		t.Errorf("only %d statements were seen", seen)
	}
}

// inboxCrowd fills the tables: of those that are almost empty PostgreSQL doesn't care how
// it reads them.
var inboxCrowd = []string{
	`INSERT INTO inbox_push (seq, appid, push, openid, kind, at, came_at, sealed) SELECT 10 + i, 'wx1', 'x' || i, 'x' || i, 'text', 1, i, '' FROM generate_series(1, 5000) AS i`,
	`INSERT INTO inbox_task (seq, target, appid, openid, next_at) SELECT 10 + i, 'crm', 'wx1', 'x' || i, i FROM generate_series(1, 5000) AS i`,
	`INSERT INTO inbox_line (appid, target, due_at) SELECT 'x' || i, 'crm', i FROM generate_series(1, 5000) AS i`,
	`INSERT INTO follower (appid, openid, following, at, scene) SELECT 'wx1', 'x' || i, 1, 1, '' FROM generate_series(1, 5000) AS i`,
	`ANALYZE`,
}

// BenchmarkPutPush is how many pushes are written down when many come at once.
func BenchmarkPutPush(b *testing.B) {
	onEach(b, func(b *testing.B, s *Store) {
		var n atomic.Int64
		now, sealed := time.Now(), make([]byte, 600)
		b.SetParallelism(32)
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				i := n.Add(1)
				p := inbox.Push{AppID: fmt.Sprint("wx", i%20), Key: fmt.Sprint("key", i), OpenID: fmt.Sprint("o", i%5000), Kind: "text", At: now, Came: now, Sealed: sealed}
				if _, err := s.PutPush(b.Context(), p, []inbox.Delivery{{Target: "", Next: now}, {Target: "crm", Next: now}}); err != nil {
					b.Error(err)
				}
			}
		})
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "pushes/s")
	})
}
