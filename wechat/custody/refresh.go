package custody

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const (
	// pollPause is between two looks at what another node is getting, on average.
	pollPause = 200 * time.Millisecond
	// postponed is how soon a token is looked for again that another node is getting.
	postponed = 5 * time.Second
	// keepTime bounds keeping what was got, and giving a lease back.
	keepTime = 5 * time.Second
	// forceGap keeps below the 20 times a day that WeChat permits.
	forceGap = 90 * time.Minute
	// shortLife is how long a token lives at least that wasn't found dead early.
	shortLife = time.Hour
	// firstGap and maxGap bound how soon a token is replaced that was found dead,
	// like the one before.
	firstGap, maxGap = 30 * time.Second, 10 * time.Minute
)

// EarlyError says that a token was found dead so soon after the one before that
// getting the next one at once would only spend the account's quota.
type EarlyError struct {
	// Until is when the next one is got.
	Until time.Time
}

func (e *EarlyError) Error() string {
	return "tokens were found dead one after the other: the next one is got at " + e.Until.UTC().Format(time.TimeOnly) + " UTC"
}

// errPaused says that this node did nothing for so long that its lease may have ended.
var errPaused = errors.New("this node stood still for too long")

// refresh gets the next token or ticket, or what another node got, which need not
// differ from the dead one: see [Keeper.fetch].
func (k *Keeper) refresh(ctx context.Context, e *entry, dead string) error {
	a, ok := k.Account(e.key.appID)
	if !ok {
		return ErrUnknownAccount
	}
	v := k.vaultOf(e.key, a.Legacy)
	if k.look(ctx, e) == nil && k.fine(e, dead) {
		return k.settle(e, nil)
	}
	c, err := k.claim(ctx, v, e, dead)
	if err != nil || c == nil {
		return k.settle(e, err)
	}
	defer c.release(ctx)
	// Somebody may have been faster between the look and the lease.
	if c.lone == nil && k.look(ctx, e) == nil && k.fine(e, dead) {
		return k.settle(e, nil)
	}
	if err := k.early(e, dead); err != nil {
		return k.settle(e, err)
	}
	if k.Now().Sub(c.at) > k.Lease/2 {
		return k.settle(e, errPaused)
	}
	// The wait for the lease may have taken most of the time for the work: a question whose
	// answer nobody waits for would be one more, and end the token that it gives.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.Lease/2)
	defer cancel()
	r, err := k.fetch(ctx, a, e, dead, c.fence)
	if err != nil {
		return k.settle(e, err)
	}
	return k.keep(ctx, e, v, c, r, dead)
}

// keep puts what was got where all nodes find it.
func (k *Keeper) keep(ctx context.Context, e *entry, v vault, c *claim, r record, dead string) error {
	// The time for the work may be over, but what was got for it isn't thrown away.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
	defer cancel()
	if c.lone == nil {
		put, err := v.write(ctx, c.fence, k.seal(r), r.Until.Sub(k.Now()))
		switch {
		case err != nil:
			// It is used here; other nodes will have to get one again.
			k.Log.ErrorContext(ctx, "keeping a token", "step", "custody", "appid", e.key.appID, "kind", e.key.kind, "error", err)
		case !put:
			// Others have the next one already. This one must not come after it, unless
			// there is none, but for something that nobody can read.
			if err := k.look(ctx, e); err != nil || k.fine(e, dead) || !v.alone() {
				return k.settle(e, err)
			}
		}
	}
	k.adopt(e, r)
	k.succeeded(e, r, dead)
	return nil
}

// fine says whether a token need not be got: there is one to serve, not the dead one,
// and not near its end.
func (k *Keeper) fine(e *entry, dead string) bool {
	now := k.Now()
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.good(now) && e.cur.Value != dead && now.Before(e.due)
}

// early refuses to replace a token that was got a moment ago in place of another dead
// one. Two programs that take the legacy token from each other would do nothing else.
func (k *Keeper) early(e *entry, dead string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if dead == "" || e.cur.Value != dead || e.cur.Deaths == 0 {
		return nil
	}
	gap := min(firstGap<<min(e.cur.Deaths-1, 10), maxGap)
	if until := e.cur.Start.Add(gap); k.Now().Before(until) {
		return &EarlyError{Until: until}
	}
	return nil
}

// claim is the right to get a token.
type claim struct {
	fence int64
	at    time.Time // before it was given
	// lone is why nobody could be asked for the right; nil if it was given.
	lone    error
	release func(context.Context)
}

// claim waits until nobody else gets the token. It returns nil if there is no need to
// get it any more, or to wait for whoever does.
func (k *Keeper) claim(ctx context.Context, v vault, e *entry, dead string) (*claim, error) {
	holder := fmt.Sprintf("%s/%d", k.Holder, k.works.Add(1))
	for {
		now := k.Now()
		fence, ok, err := v.claim(ctx, holder, now, k.Lease)
		k.reached(ctx, v, err)
		switch {
		case err != nil && v.alone() && ctx.Err() == nil:
			e.mu.Lock()
			defer e.mu.Unlock()
			return &claim{fence: e.cur.Fence, at: now, lone: err, release: func(context.Context) {}}, nil
		case err != nil:
			return nil, err
		case ok:
			return &claim{fence: fence, at: now, release: func(ctx context.Context) {
				ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), keepTime)
				defer cancel()
				if err := v.release(ctx, holder); err != nil {
					k.Log.WarnContext(ctx, "giving a lease back", "step", "custody", "appid", e.key.appID, "kind", e.key.kind, "error", err)
				}
			}}, nil
		}
		e.mu.Lock()
		served := e.good(now) && e.cur.Value != dead
		if served {
			e.due = now.Add(postponed/2 + k.spread(postponed))
		}
		e.mu.Unlock()
		if served {
			return nil, nil
		}
		if err := k.Sleep(ctx, pollPause/2+k.spread(pollPause)); err != nil {
			return nil, fmt.Errorf("waiting for another node: %w", err)
		}
		if k.look(ctx, e) == nil && k.fine(e, dead) {
			return nil, nil
		}
	}
}

// fetch asks WeChat. If it gives the dead stable token again, that one is kept, for
// WeChat says that it lives, unless the operator has permitted to have it killed.
func (k *Keeper) fetch(ctx context.Context, a Account, e *entry, dead string, fence int64) (record, error) {
	e.mu.Lock()
	before := e.cur
	e.mu.Unlock()
	r := record{Key: e.key.name(), Fence: fence, Start: k.Now(), Forced: before.Forced}
	fresh, err := k.ask(ctx, a, e.key.kind, false)
	if err == nil && fresh.Token == dead && !a.Legacy && k.Force && r.Start.Sub(r.Forced) >= forceGap {
		r.Start = k.Now()
		r.Forced = r.Start
		fresh, err = k.ask(ctx, a, e.key.kind, true)
	}
	if err != nil {
		return record{}, err
	}
	r.Value, r.Until = fresh.Token, r.Start.Add(fresh.Life)
	if dead != "" {
		r.Deaths = 1
		if r.Start.Sub(before.Start) < shortLife {
			r.Deaths = before.Deaths + 1
		}
	}
	return r, nil
}

func (k *Keeper) ask(ctx context.Context, a Account, kind Kind, force bool) (fresh wechat.Fresh, err error) {
	switch {
	case kind != KindToken:
		asked := false
		err = k.Do(ctx, a.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
			asked = true
			fresh, err = k.Source.JSTicket(ctx, as, string(kind))
			return err
		})
		if err != nil && !asked {
			err = &tokenError{err}
		}
	case a.Legacy:
		fresh, err = k.Source.AccessToken(ctx, a.AppID, a.Secret)
	default:
		fresh, err = k.Source.StableToken(ctx, a.AppID, a.Secret, force)
	}
	return fresh, err
}

// tokenError says that a ticket can't be had for want of a token, whose own entry has
// told the operator why.
type tokenError struct{ err error }

func (e *tokenError) Error() string { return e.err.Error() }
func (e *tokenError) Unwrap() error { return e.err }
