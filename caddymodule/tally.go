package caddymodule

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
	"github.com/caddy-wsite/caddy-wsite/inbox"
	"github.com/caddy-wsite/caddy-wsite/message"
)

// tallyEvery is how often what was counted is written. A process that is killed loses as
// much.
const tallyEvery = 10 * time.Second

// tally counts for the console what happens in an hour. A request costs it an atomic
// addition or two.
type tally struct {
	hour atomic.Int64 // in which is counted, since 1970
	sums [console.EveryCounted]atomic.Int64

	mu      sync.Mutex
	waiting map[tallied]int64 // what isn't written yet; there are few names, and 24 hours a day
}

// tallied is something in an hour.
type tallied struct {
	hour int64
	what console.Counted
}

func hourOf(at time.Time) int64 { return at.Unix() / 3600 }

func (t *tally) add(what console.Counted) { t.sums[what].Add(1) }

// visit counts a request that is handed on. A visitor is counted once an hour.
func (t *tally) visit(r *http.Request, v *visitor) {
	if navigates(r) && !prefetches(r) {
		t.add(console.Visits)
	}
	if v == nil {
		return
	}
	if hour := t.hour.Load(); v.counted.Load() != hour && v.counted.Swap(hour) != hour {
		t.add(console.Visitors)
	}
}

// answered counts what a site, or the way to it, has failed to do.
func (t *tally) answered(status int) {
	if status >= http.StatusInternalServerError {
		t.add(console.Failed)
	}
}

// broke counts a request that was not answered.
func (t *tally) broke(err error) {
	if fault := (caddyhttp.HandlerError{}); errors.As(err, &fault) {
		t.answered(cmp.Or(fault.StatusCode, http.StatusInternalServerError))
	} else if err != nil {
		t.add(console.Failed)
	}
}

func (t *tally) refused(status int) {
	if status < http.StatusInternalServerError {
		t.add(console.Refused)
	}
	t.answered(status)
}

// login counts what became of a login, and nothing of those under way.
func (t *tally) login(outcome string) {
	_, failed := refusals[code(outcome)]
	switch {
	case outcome == "guest":
		t.add(console.LoginsGuest)
	case outcome == "declined":
		t.add(console.LoginsDeclined)
	case failed || outcome == "state_mismatch" || outcome == "ticket_spent":
		t.add(console.LoginsFailed)
	case outcome == "":
	case outcome == "entered" || slices.Contains(grantWords[:], outcome) && outcome != grantedSnapshot.word():
		t.add(console.LoginsDone)
	}
}

func (t *tally) message(s message.State) {
	switch s {
	case message.Sent:
		t.add(console.MessagesSent)
	case message.Delivered:
		t.add(console.MessagesDelivered)
	case message.Failed, message.Blocked, message.Dropped:
		t.add(console.MessagesFailed)
	}
}

func (t *tally) pushed(o inbox.Observation) {
	if o.Target == "" && (o.What == inbox.Accepted || o.What == inbox.Unwanted) {
		t.add(console.Pushes)
	}
}

// changed counts users who are new, and those who turned out to be somebody else.
func (t *tally) changed(c identity.Change) {
	var minted []string
	for _, o := range c.Openids {
		if o.Guest != "" && o.Issued.Equal(c.At) {
			minted = append(minted, o.Guest)
		}
	}
	for _, u := range c.Users {
		if u.Version == 0 && u.Born.Equal(c.At) && !slices.Contains(minted, u.ID) {
			minted = append(minted, u.ID)
		}
	}
	t.sums[console.UsersMinted].Add(int64(len(minted)))
	for _, e := range c.Events {
		if e.Type == identity.EventReplaced && e.Phase == identity.PhaseFirst {
			t.add(console.UsersMerged)
		}
	}
}

// counting counts the changes that the identity centre makes.
type counting struct {
	identity.Store
	tally *tally
}

func (c counting) Apply(ctx context.Context, change identity.Change) error {
	err := c.Store.Apply(ctx, change)
	if err == nil {
		c.tally.changed(change)
	}
	return err
}

// tallies are where sums are written.
type tallies interface {
	AddCounts(ctx context.Context, counts []console.Count) error
	SweepCounts(ctx context.Context, before time.Time) error
}

// write writes what was counted. What can't be written waits for the next time. A commit
// whose answer was lost on the way is made again: at worst it counts twice.
func (t *tally) write(ctx context.Context, store tallies, now time.Time) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting == nil {
		t.waiting = map[tallied]int64{}
	}
	hour := t.hour.Swap(hourOf(now))
	for i := range t.sums {
		if n := t.sums[i].Swap(0); n > 0 {
			t.waiting[tallied{hour, console.Counted(i)}] += n
		}
	}
	if len(t.waiting) == 0 {
		return nil
	}
	var counts []console.Count
	for of, n := range t.waiting {
		counts = append(counts, console.Count{Hour: time.Unix(of.hour*3600, 0), Name: of.what.String(), N: n})
	}
	err := store.AddCounts(ctx, counts)
	if err == nil {
		clear(t.waiting)
	}
	return err
}

// watchTally writes what is counted until ctx ends, the last of an hour as it ends.
func (a *App) watchTally(ctx context.Context) {
	sweep := time.NewTicker(time.Hour)
	defer sweep.Stop()
	for {
		now := a.now()
		timer := time.NewTimer(min(tallyEvery, now.Truncate(time.Hour).Add(time.Hour).Sub(now)))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-sweep.C:
			if err := a.tallies().SweepCounts(ctx, a.now().Add(-console.KeepCounts)); err != nil && ctx.Err() == nil {
				a.log.Warn("forgetting old counts", zap.Error(err))
			}
		case <-timer.C:
			a.writeTally(ctx)
		}
		timer.Stop()
	}
}

func (a *App) tallies() tallies { return a.facts().Store.(pooledStore).Store }

// writeTally writes what was counted; it takes seconds at most.
func (a *App) writeTally(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	if err := a.metrics.tally.write(ctx, a.tallies(), a.now()); err != nil {
		a.log.Debug("writing what was counted", zap.Error(err))
	}
}
