package custody

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
)

// errGone says that a token came to nothing between two looks at it.
var errGone = errors.New("the token is gone already")

// errPanic says that work panicked. What with stands in the log.
var errPanic = errors.New("the work panicked")

// flight is one piece of work for all who want its result.
type flight struct {
	dead string // the token to replace, or ""
	done chan struct{}
	err  error // once done is closed
}

func (f *flight) wait(ctx context.Context) error {
	select {
	case <-f.done:
		return f.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// fly joins the work on an entry, or begins it. It goes on without whoever began it: it
// waits for half of a lease at most, and then works for as long.
func (k *Keeper) fly(ctx context.Context, e *entry, dead string) *flight {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.flight != nil {
		return e.flight
	}
	f := &flight{dead: dead, done: make(chan struct{})}
	e.flight = f
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.Lease/2)
	go func() {
		defer cancel()
		err := k.contained(ctx, e, dead)
		e.mu.Lock()
		e.flight, f.err = nil, err
		e.mu.Unlock()
		close(f.done)
	}()
	return f
}

// contained turns a panic into an error. Its value might hold a token, so nobody is
// told more of it than its type.
func (k *Keeper) contained(ctx context.Context, e *entry, dead string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			k.Log.ErrorContext(ctx, "getting a token panicked", "step", "custody", "appid", e.key.appID, "kind", e.key.kind, "panic", fmt.Sprintf("%T", p), "stack", string(debug.Stack()))
			err = errPanic
			k.failed(e, err)
		}
	}()
	return k.refresh(ctx, e, dead)
}

// replace sees to it that something else than a dead token is in custody. sure says
// that WeChat itself has just refused it.
func (k *Keeper) replace(ctx context.Context, appID, dead string, sure bool) error {
	e, err := k.entry(key{appID, KindToken})
	if err != nil {
		return err
	}
	if !e.holds(dead) {
		return nil
	}
	_ = k.look(ctx, e) // where the vault can't be reached, this node replaces it alone, if it may
	// The first flight may be another one's, which was after something else.
	for {
		now := k.Now()
		e.mu.Lock()
		held := e.cur.Value == dead
		if held && sure {
			e.bad = e.cur
		}
		waiting, lastErr := now.Before(e.retryAt), e.lastErr
		e.mu.Unlock()
		if !held {
			return nil
		}
		if waiting && lastErr != nil {
			return lastErr
		}
		f := k.fly(ctx, e, dead)
		if err := f.wait(ctx); f.dead == dead || ctx.Err() != nil {
			return err
		}
	}
}

// holds says whether a token is the one in custody, as far as this node knows. That is
// the compare: without it, everybody who held the dead one would replace the new one.
func (e *entry) holds(token string) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return token != "" && e.cur.Value == token
}

// heard notes that a call went well, or not.
func (k *Keeper) heard(appID, token string, err error) {
	if err != nil {
		return
	}
	if e, _ := k.entry(key{appID, KindToken}); e != nil && e.holds(token) {
		k.calm(e, ReasonDead)
	}
}
