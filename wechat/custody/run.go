package custody

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// Run looks at what is due not more often than this, and not less.
	minRest, maxRest = time.Second, time.Minute
	// firstSpread is the time over which the first tokens are got.
	firstSpread = time.Minute
	// landing bounds how long Run waits at its end for what is under way.
	landing = 500 * time.Millisecond
)

// Run gets tokens and tickets early, so that nobody waits for them, until ctx ends. An
// account costs nothing but that: there is no timer and no goroutine for each.
//
// What is under way at the end has half a second. After that it goes on by itself, within
// its own bounds, so that a token that WeChat gives then is kept all the same; nobody
// waits for WeChat.
func (k *Keeper) Run(ctx context.Context) {
	k.expect()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			k.land()
			return
		case <-timer.C:
		}
		next := k.Step(ctx)
		timer.Reset(min(max(next.Sub(k.Now()), minRest), maxRest))
	}
}

// expect has the first tokens got over a minute, before anybody needs one.
func (k *Keeper) expect() {
	if k.Accounts == nil {
		return
	}
	now := k.Now()
	for _, appID := range k.Accounts() {
		e, err := k.entry(key{appID, KindToken})
		if err != nil {
			continue // it keeps none
		}
		e.mu.Lock()
		if e.cur.Value == "" {
			e.expected, e.due = true, now.Add(k.spread(firstSpread))
		}
		e.mu.Unlock()
	}
}

// land waits a moment for what is under way.
func (k *Keeper) land() {
	over := time.NewTimer(landing)
	defer over.Stop()
	for _, e := range k.all() {
		e.mu.Lock()
		f := e.flight
		e.mu.Unlock()
		if f == nil {
			continue
		}
		select {
		case <-f.done:
		case <-over.C:
			return
		}
	}
}

// Step gets what is due now, forgets what nobody has asked for, and says when the next
// is due. It ends early with ctx. Run calls it.
func (k *Keeper) Step(ctx context.Context) (next time.Time) {
	now := k.Now()
	next = now.Add(maxRest)
	var all sync.WaitGroup
	places := make(chan struct{}, k.Concurrency)
	for _, e := range k.all() {
		e.mu.Lock()
		idle := now.Sub(e.used) >= k.Idle && e.flight == nil
		at := e.due
		if at.Before(e.retryAt) {
			at = e.retryAt
		}
		wanted, bad := e.expected || e.cur.Value != "" || e.lastErr != nil, e.bad.Value
		e.mu.Unlock()
		switch {
		case idle:
			k.forget(e)
		case !wanted: // whoever asks gets it
		case now.Before(at):
			if at.Before(next) {
				next = at
			}
		default:
			select {
			case <-ctx.Done():
				return next
			case places <- struct{}{}:
			}
			f := k.fly(ctx, e, bad)
			all.Go(func() {
				<-f.done
				<-places
			})
		}
	}
	done := make(chan struct{})
	go func() {
		all.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
	}
	return next
}

// forget drops an entry, and ends its alarm: nobody would hear of its end otherwise.
func (k *Keeper) forget(e *entry) {
	k.mu.Lock()
	delete(k.entries, e.key)
	k.mu.Unlock()
	e.alarms.Lock()
	defer e.alarms.Unlock()
	k.end(e)
}

// all is every entry, in no order.
func (k *Keeper) all() []*entry {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Collect(maps.Values(k.entries))
}

// State is what an operator may see of a token or ticket; the token itself he may not.
type State struct {
	AppID     string
	Kind      Kind
	Until     time.Time // its end; zero if there is none
	Refreshed time.Time // when WeChat was asked for it
	LastError string    // of the last attempt; empty if it went well
	RetryAt   time.Time // when the next attempt is made after that
	Alarm     Reason    // empty if no operator need act
	Do, DoZH  string    // what he shall do
	IP        string    // of this machine, if WeChat told
	Refreshes int64     // by this node, since it started
}

// States returns what is kept here, by account and kind.
func (k *Keeper) States() []State {
	var states []State
	for _, e := range k.all() {
		e.mu.Lock()
		s := State{
			AppID: e.key.appID, Kind: e.key.kind, Until: e.cur.Until, Refreshed: e.cur.Start,
			Alarm: e.alarm.Reason, Do: e.alarm.Do, DoZH: e.alarm.DoZH, Refreshes: e.refreshes,
		}
		if e.lastErr != nil {
			s.LastError, s.RetryAt = e.lastErr.Error(), e.retryAt
		}
		if e.alarm.IP.IsValid() {
			s.IP = e.alarm.IP.String()
		}
		e.mu.Unlock()
		states = append(states, s)
	}
	slices.SortFunc(states, func(a, b State) int {
		return cmp.Or(strings.Compare(a.AppID, b.AppID), strings.Compare(string(a.Kind), string(b.Kind)))
	})
	return states
}

// Renewed says that what proves an account is new: what was refused is tried again within
// a minute, and the first token of a new account is got.
func (k *Keeper) Renewed(appID string) {
	if _, err := k.entry(key{appID, KindToken}); err != nil {
		return // it keeps none
	}
	for _, e := range k.all() {
		if e.key.appID != appID {
			continue
		}
		e.mu.Lock()
		e.failures, e.retryAt = 0, time.Time{}
		if !e.good(k.Now()) {
			e.expected, e.due = true, k.Now()
		}
		e.mu.Unlock()
	}
}
