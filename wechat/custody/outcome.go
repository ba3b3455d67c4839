package custody

import (
	"errors"
	"net/netip"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

const (
	// Between two attempts after a failure lies first, then twice as long each time,
	// up to most.
	firstPause, mostPause = time.Second, time.Minute
	// What an operator must change is tried less often: each attempt may count.
	firstConfigPause, mostConfigPause = time.Minute, 30 * time.Minute
	// mostWait bounds what WeChat says itself: a quota may be cleared, and a
	// whitelist be changed, before that.
	mostWait = time.Hour
	// downAfter is how many failures in a row make an alarm of their own.
	downAfter = 3
	// rivalAfter is how many tokens found dead in a row do.
	rivalAfter = 3
)

// settle notes how work ended that got nothing itself.
func (k *Keeper) settle(e *entry, err error) error {
	var early *EarlyError
	switch {
	case err == nil:
		k.calm(e, ReasonDown)
	case errors.As(err, &early):
		e.mu.Lock()
		e.retryAt, e.lastErr = early.Until, err
		e.mu.Unlock()
	default:
		k.failed(e, err)
	}
	return err
}

// failed notes a failure, and when it is tried again.
func (k *Keeper) failed(e *entry, err error) {
	now := k.Now()
	r, code, ip := reasonOf(err)
	e.mu.Lock()
	pause := k.pause(e.failures, r, err, now)
	e.failures++
	e.retryAt, e.lastErr = now.Add(pause), err
	down := e.failures >= downAfter && !e.good(now) && e.alarm.Reason == ""
	begins := e.failures == 1
	e.mu.Unlock()
	if begins {
		k.Log.Warn("getting a token failed", "step", "custody", "appid", e.key.appID, "kind", e.key.kind, "code", code, "error", err)
	}
	var ofToken *tokenError
	switch {
	case r != "":
		k.raise(e, r, code, ip)
	case down && !errors.As(err, &ofToken):
		k.raise(e, ReasonDown, code, ip)
	}
}

// pause is how long to wait after some failures before this one.
func (k *Keeper) pause(failures int, r Reason, err error, now time.Time) time.Duration {
	first, most := firstPause, mostPause
	if r != "" {
		first, most = firstConfigPause, mostConfigPause
	}
	d := min(first<<min(failures, 10), most)
	var e *wechat.Error
	if errors.As(err, &e) && e.Until.After(now) {
		d = min(e.Until.Sub(now), mostWait)
	}
	return d + k.spread(d/2)
}

// succeeded notes that a token or ticket was got, in place of a dead one or not.
func (k *Keeper) succeeded(e *entry, r record, dead string) {
	e.mu.Lock()
	e.failures, e.retryAt, e.lastErr = 0, time.Time{}, nil
	e.refreshes++
	e.mu.Unlock()
	k.calm(e, ReasonIP, ReasonConfirm, ReasonRefused, ReasonSecret, ReasonFrozen, ReasonQuota, ReasonConfig, ReasonDown)
	switch {
	case dead != "" && r.Value == dead:
		k.raise(e, ReasonDead, 0, netip.Addr{})
	case r.Deaths >= rivalAfter:
		k.raise(e, ReasonRival, 0, netip.Addr{})
	case r.Deaths == 0:
		k.calm(e, ReasonDead, ReasonRival)
	default:
		k.calm(e, ReasonDead)
	}
}
