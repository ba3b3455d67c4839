package custody

import (
	"context"
	"encoding/binary"
	"sync"
	"time"
)

// entry is what a keeper knows of one token or ticket.
type entry struct {
	key key

	mu     sync.Mutex
	cur    record    // the newest that is known
	due    time.Time // when the next one is got
	looked time.Time // when the vault was last read
	used   time.Time // when somebody last asked
	// expected says that the first one is got at due, though nobody has asked for it.
	expected bool
	flight   *flight // the work under way, or nil

	// A call was refused with the token of this record. It isn't served any more,
	// unless WeChat gives it again.
	bad record

	failures  int // in a row
	retryAt   time.Time
	lastErr   error
	refreshes int64 // by this keeper

	alarms sync.Mutex // lets them be heard in their order; taken before mu
	alarm  Alarm
}

// entry finds or makes an entry of an account that has one.
func (k *Keeper) entry(of key) (*entry, error) {
	if _, ok := k.Account(of.appID); !ok {
		return nil, ErrUnknownAccount
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	e := k.entries[of]
	if e == nil {
		e = &entry{key: of, used: k.Now()}
		k.entries[of] = e
	}
	return e, nil
}

// good says whether there is a token to serve.
func (e *entry) good(now time.Time) bool { return e.cur.live(now) && e.cur.Value != e.bad.Value }

// adopt takes a record, from the vault or from WeChat, unless there is a newer one.
func (k *Keeper) adopt(e *entry, r record) {
	now := k.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	if !r.live(now) || e.good(now) && !r.newer(e.cur) {
		return
	}
	e.cur = r
	e.due = k.dueOf(r, e.alarm.On)
	if r.Value != e.bad.Value || r.newer(e.bad) {
		e.bad = record{}
	}
}

// dueOf is a moment between 80 and 90 % of a life. A node with an alarm comes before
// the others, for nobody else finds out that its alarm is over.
func (k *Keeper) dueOf(r record, alarmed bool) time.Time {
	life := r.Until.Sub(r.Start)
	due := r.Start.Add(life*8/10 + k.spread(life/10))
	if alarmed {
		due = due.Add(-life / 10)
	}
	return due
}

// spread is a duration in [0, d), so that what was begun together comes apart.
func (k *Keeper) spread(d time.Duration) time.Duration {
	var b [8]byte
	k.Random(b[:])
	return time.Duration(binary.BigEndian.Uint64(b[:]) % uint64(max(d, 1)))
}

// look adopts what is in the vault, if it is newer.
func (k *Keeper) look(ctx context.Context, e *entry) error {
	a, ok := k.Account(e.key.appID)
	if !ok {
		return ErrUnknownAccount
	}
	e.mu.Lock()
	before := e.looked
	e.looked = k.Now()
	e.mu.Unlock()
	v := k.vaultOf(e.key, a.Legacy)
	sealed, err := v.read(ctx)
	k.reached(ctx, v, err)
	if err != nil {
		if ctx.Err() != nil { // a caller who went away has looked for nobody
			e.mu.Lock()
			e.looked = before
			e.mu.Unlock()
		}
		return err
	}
	if sealed == nil {
		return nil
	}
	r, err := k.open(sealed, e.key, k.Now())
	if err != nil {
		// As good as nothing: the next one will take its place.
		k.Log.WarnContext(ctx, "what is kept of an account can't be read", "step", "custody", "appid", e.key.appID, "kind", e.key.kind)
		return nil
	}
	k.adopt(e, r)
	return nil
}

// patience is how long a token is trusted without a look at the vault. Where there is
// none to serve, another node may have it at any moment.
func (k *Keeper) patience(e *entry, now time.Time) time.Duration {
	if e.good(now) {
		return k.Look
	}
	return min(k.Look, time.Second)
}

// get returns what there is to serve. It waits only if there is nothing.
func (k *Keeper) get(ctx context.Context, of key) (record, error) {
	e, err := k.entry(of)
	if err != nil {
		return record{}, err
	}
	now := k.Now()
	e.mu.Lock()
	e.used = now
	since := now.Sub(e.looked)
	stale := since < 0 || since >= k.patience(e, now)
	known := e.cur.Value != ""
	e.mu.Unlock()
	if stale && known {
		_ = k.look(ctx, e) // where the vault can't be reached, what is here must do
	}
	now = k.Now()
	e.mu.Lock()
	cur, good, bad := e.cur, e.good(now), e.bad.Value
	wanted := !good || !now.Before(e.due)
	waiting, lastErr := now.Before(e.retryAt), e.lastErr
	e.mu.Unlock()
	switch {
	case good && wanted && !waiting:
		k.fly(ctx, e, "")
		return cur, nil
	case good:
		return cur, nil
	case waiting && lastErr != nil:
		return record{}, lastErr
	}
	err = k.fly(ctx, e, bad).wait(ctx)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.good(k.Now()) {
		return e.cur, nil
	}
	if err == nil { // it ended, or died, as soon as it was there
		err = errGone
	}
	return record{}, err
}
