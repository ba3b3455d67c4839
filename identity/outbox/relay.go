package outbox

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Sender hands an event to a consumer.
type Sender interface {
	// Send returns nil once the consumer has the event for good. An error is a
	// [*Failure], which tells what to do next.
	Send(ctx context.Context, e identity.Event) error
	// Close ends idle connections.
	Close()
}

// Failure says why a consumer didn't take an event.
type Failure struct {
	// Code is a word for operators. It holds neither address nor secret.
	Code string
	// Unreachable says that the consumer, not the event, was the reason: the next
	// event would fare no better.
	Unreachable bool
	// After is how long the consumer wants to be left alone; zero if it didn't say.
	After time.Duration
}

func (f *Failure) Error() string { return f.Code }

// Outcome is what became of one attempt.
type Outcome string

const (
	Delivered Outcome = "delivered"
	Failed    Outcome = "failed"
	Died      Outcome = "dead" // failed, and is a dead letter now
)

// Target is a line of business and the way to it.
type Target struct {
	Line
	Sender Sender
}

// Config is what a [Relay] needs. Store, Targets, Holder, Now and Random are
// required; everything else has a default.
type Config struct {
	Store   Store
	Targets []Target
	// Realms get final events, FinalAfter the first ones: as long as a session can
	// last. None are written if it is zero.
	Realms     []string
	FinalAfter time.Duration
	// Holder names this relay among all that there are and were.
	Holder string
	Now    func() time.Time
	Random func([]byte)
	// Log hears of lines that can't be served; nil discards.
	Log *slog.Logger
	// Observe hears of every attempt; nil for nobody.
	Observe func(Line, Outcome)

	Every       time.Duration // between looks at the store; default 1s
	Batch       int           // events taken at once; default 256
	Concurrency int           // deliveries of a line at once; default 8
	Lease       time.Duration // how long a line is reserved; default 1m. Deliveries begin in its first half
	Backoff     time.Duration // after the first failure, then twice as long each time; default 1s
	MaxBackoff  time.Duration // default 1h
	DeadAfter   time.Duration // after so long an event is a dead letter; default 72h
}

// Relay delivers events.
type Relay struct {
	Config
	wake []chan struct{} // by target
}

// NewRelay makes a relay and fills in defaults.
func NewRelay(c Config) *Relay {
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Observe == nil {
		c.Observe = func(Line, Outcome) {}
	}
	c.Every, c.Lease = cmp.Or(c.Every, time.Second), cmp.Or(c.Lease, time.Minute)
	c.Batch, c.Concurrency = cmp.Or(c.Batch, 256), cmp.Or(c.Concurrency, 8)
	c.Backoff, c.MaxBackoff = cmp.Or(c.Backoff, time.Second), cmp.Or(c.MaxBackoff, time.Hour)
	c.DeadAfter = cmp.Or(c.DeadAfter, 72*time.Hour)
	r := &Relay{Config: c}
	for range c.Targets {
		r.wake = append(r.wake, make(chan struct{}, 1))
	}
	return r
}

// Run delivers until ctx ends, and returns when everything under way is settled.
func (r *Relay) Run(ctx context.Context) {
	var all sync.WaitGroup
	for i, t := range r.Targets {
		all.Go(func() { r.serve(ctx, t, r.wake[i]) })
	}
	if r.FinalAfter > 0 {
		all.Go(func() { r.finalise(ctx) })
	}
	all.Wait()
}

// Wake has all lines looked at now.
func (r *Relay) Wake() {
	for _, w := range r.wake {
		select {
		case w <- struct{}{}:
		default: // woken already
		}
	}
}

// serve delivers to one line, which shares nothing with others: a slow one delays
// nobody else.
func (r *Relay) serve(ctx context.Context, t Target, wake <-chan struct{}) {
	ticker := time.NewTicker(r.Every)
	defer ticker.Stop()
	defer t.Sender.Close()
	defer r.giveBack(context.WithoutCancel(ctx), t.Line)
	failing := false
	for {
		more, err := true, error(nil)
		for more && err == nil && ctx.Err() == nil {
			more, err = r.Step(ctx, t)
		}
		if bad := err != nil && !errors.Is(err, ErrLeaseLost); bad != failing && ctx.Err() == nil {
			if failing = bad; bad {
				r.Log.ErrorContext(ctx, "broadcasting", "realm", t.Realm, "line", t.Name, "error", err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		case <-wake:
		}
	}
}

// giveBack lets another relay, such as that of the next config, go on at once.
func (r *Relay) giveBack(ctx context.Context, line Line) {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	now := r.Now()
	batch, err := r.Store.Pending(ctx, line, now, 0)
	if err == nil && batch.Holder == r.Holder {
		_, err = r.Store.Lease(ctx, line, r.Holder, now, now)
	}
	if err != nil {
		r.Log.WarnContext(ctx, "giving a line back: another relay waits until the lease is over", "realm", line.Realm, "line", line.Name, "error", err)
	}
}

// Step delivers one batch to a line, and says whether to look again at once.
func (r *Relay) Step(ctx context.Context, t Target) (bool, error) {
	now := r.Now()
	batch, err := r.Store.Pending(ctx, t.Line, now, r.Batch)
	if err != nil || len(batch.Parcels) == 0 || now.Before(batch.Next) {
		return false, err
	}
	if ours := batch.Holder == r.Holder; !ours || batch.Until.Sub(now) < r.Lease*3/4 {
		if !ours && now.Before(batch.Until) {
			return false, nil
		}
		got, err := r.Store.Lease(ctx, t.Line, r.Holder, now, now.Add(r.Lease))
		if err != nil || !got {
			return false, err
		}
		if !ours { // the one before may have settled something meanwhile
			return true, nil
		}
	}
	sent := r.deliver(ctx, t, batch.Parcels)
	settlement := r.settle(batch, sent)
	// What was delivered is settled even if everything ends now.
	if err := r.Store.Settle(context.WithoutCancel(ctx), t.Line, r.Holder, settlement); err != nil {
		return false, err
	}
	r.observe(ctx, t.Line, batch, sent, settlement)
	return settlement.Cursor > batch.Cursor || len(settlement.Delivered) > 0, nil
}

// observe tells what became of a batch that is settled.
func (r *Relay) observe(ctx context.Context, line Line, before Batch, sent []*attempt, s Settlement) {
	for _, a := range sent {
		switch {
		case a.state == delivered:
			r.Observe(line, Delivered)
		case a.state == failed:
			r.Observe(line, Failed)
		}
	}
	for _, p := range s.Parked {
		if p.Dead {
			r.Observe(line, Died)
			r.Log.ErrorContext(ctx, "an event is a dead letter now", "realm", line.Realm, "line", line.Name, "seq", p.Seq, "code", p.Error)
		}
	}
	switch {
	case before.Tries == 0 && s.Tries > 0:
		r.Log.WarnContext(ctx, "a line of business takes no events: they wait", "realm", line.Realm, "line", line.Name, "code", s.Error)
	case before.Tries > 0 && s.Tries == 0:
		r.Log.InfoContext(ctx, "a line of business takes events again", "realm", line.Realm, "line", line.Name)
	}
}

// finalise writes final events when their time has come.
func (r *Relay) finalise(ctx context.Context) {
	const every, limit = time.Minute, 1000
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		for _, realm := range r.Realms {
			for more := true; more && ctx.Err() == nil; {
				now := r.Now()
				var err error
				if more, err = r.Store.Finalise(ctx, realm, now.Add(-r.FinalAfter), now, limit); err != nil {
					more = false
					r.Log.ErrorContext(ctx, "writing final events", "realm", realm, "error", err)
				}
			}
		}
		r.Wake()
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// pause is how long to wait after so many failures in a row: twice as long each
// time, up to MaxBackoff. A random half of it keeps many from coming back at once.
func (r *Relay) pause(tries int, asked time.Duration) time.Duration {
	d := r.MaxBackoff
	if shift := tries - 1; shift < 30 && r.Backoff<<shift < d {
		d = r.Backoff << max(shift, 0)
	}
	var b [8]byte
	r.Random(b[:])
	d = d/2 + time.Duration(float64(d/2)*float64(binary.LittleEndian.Uint64(b[:])>>11)/(1<<53))
	return min(max(d, asked), r.MaxBackoff)
}
