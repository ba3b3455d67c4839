package caddymodule

import (
	"context"
	"errors"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

const (
	pollEvery   = time.Second
	rotateEvery = time.Hour
	sweepEvery  = 10 * time.Minute
	moveEvery   = time.Minute // users who wait to be moved to another WeChat account
	// factsGrace is how long visitors in the cache go on without the facts.
	factsGrace = 15 * time.Minute
)

// factsTrusted says whether what is cached may still be used: the facts were
// reached lately, so that nothing new can have escaped us.
func (a *App) factsTrusted(now time.Time) bool {
	return now.UnixNano()-a.factsSeen.Load() < int64(factsGrace)
}

// watchFacts follows what the facts tell caches, and keeps the keys turning.
func (a *App) watchFacts(ctx context.Context) {
	poll, rotate, sweep, move := time.NewTicker(pollEvery), time.NewTicker(rotateEvery), time.NewTicker(sweepEvery), time.NewTicker(moveEvery)
	defer move.Stop()
	defer poll.Stop()
	defer rotate.Stop()
	defer sweep.Stop()
	down := false
	for {
		var err error
		select {
		case <-ctx.Done():
			return
		case <-a.look: // another node has changed something
			_ = a.follow(ctx) // whether the facts are there is told by the clock
			continue
		case <-poll.C:
			err = a.follow(ctx)
			if up := err == nil; up == down && ctx.Err() == nil {
				down = !up
				a.logFacts(err)
			}
			continue
		case <-rotate.C:
			err = a.facts().keys.Rotate(ctx)
			a.keysFailed.Store(err != nil)
			a.resealFactors(ctx)
			err = errors.Join(err, a.resealAccounts(ctx))
		case <-sweep.C:
			err = a.facts().Sweep(ctx, a.now())
		case <-move.C:
			err = a.moveUsers(ctx)
		}
		if err != nil && ctx.Err() == nil {
			a.log.Error("keeping the facts in order", zap.String("step", "identity"), zap.Error(err))
		}
	}
}

// moveUsers makes the moves to other WeChat accounts that are due.
func (a *App) moveUsers(ctx context.Context) error {
	for _, realm := range a.directory().Realms() {
		if _, err := a.facts().RunRebinds(ctx, realm.Name); err != nil {
			return err
		}
	}
	return nil
}

func (a *App) logFacts(err error) {
	a.metrics.factsUp(err == nil)
	a.factsDown.Store(err != nil)
	if err != nil {
		a.log.Error("the facts can't be reached: visitors in the cache go on for 15 minutes, others get 503", zap.String("step", "identity"), zap.Error(err))
		return
	}
	a.log.Info("the facts can be reached again", zap.String("step", "identity"))
}

// obey acts on what is new. Doing it twice does no harm.
func (a *App) obey(ctx context.Context, entries []identity.Stale) error {
	read := map[identity.StaleKind]bool{} // what is read anew as a whole, once
	for _, e := range entries {
		switch e.Kind {
		case identity.StaleUser:
			a.visitors.forget(userName(e.Realm, e.Key))
		case identity.StaleSession:
			a.visitors.forget(sessionName(e.Key))
		case identity.StaleCutoff:
			if err := a.obeyCutoff(ctx, identity.CutoffKind(e.Key)); err != nil {
				return err
			}
		case identity.StaleSite:
			a.sites.forget(e.Key)
			read[e.Kind] = true
		case identity.StaleAccount, identity.StaleSecret:
			read[e.Kind] = true
		}
	}
	if read[identity.StaleSecret] {
		if err := a.facts().keys.Load(ctx); err != nil {
			return err
		}
	}
	switch {
	case read[identity.StaleAccount]:
		return a.relearn(ctx)
	case read[identity.StaleSite]:
		return a.learnUses(ctx)
	}
	return nil
}

// follow acts on what is new since the last time.
func (a *App) follow(ctx context.Context) error {
	const batch = 1000
	began := a.now()
	f := a.facts()
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for {
		entries, newest, err := f.Stale(ctx, f.seen, batch)
		if err != nil {
			return err
		}
		if err := a.obey(ctx, entries); err != nil {
			return err
		}
		if len(entries) > 0 {
			f.seen = entries[len(entries)-1].Seq
		}
		if len(entries) < batch {
			f.seen = max(f.seen, newest)
			break
		}
	}
	if !a.factsTrusted(began) { // away for so long that entries may have been swept
		if err := a.relearn(ctx); err != nil {
			return err
		}
		if err := a.obeyCutoff(ctx, identity.CutoffAll); err != nil {
			return err
		}
		a.visitors.cut(func(*visitor) bool { return true })
	}
	a.factsSeen.Store(began.UnixNano())
	return nil
}
