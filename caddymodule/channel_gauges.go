package caddymodule

import (
	"context"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// channelGauges are how much the channels have yet to do, and what they have used.
type channelGauges struct {
	used map[[2]string]float64 // of WeChat's quotas, by account and API
}

// watchChannels keeps what the metrics say of the channels up to date.
func (a *App) watchChannels(ctx context.Context) {
	ticker := time.NewTicker(15 * time.Second)
	defer ticker.Stop()
	gauges := channelGauges{used: map[[2]string]float64{}}
	for {
		if err := gauges.measure(ctx, a); err != nil && ctx.Err() == nil {
			a.log.Debug("measuring the channels to WeChat", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (g channelGauges) measure(ctx context.Context, a *App) error {
	g.measureQuotas(a)
	for _, account := range a.directory().Accounts() {
		if account.Push != nil {
			if err := a.measurePushes(ctx, account.AppID); err != nil {
				return err
			}
		}
		if !account.KeepsToken() {
			continue
		}
		queued, err := a.channelStore().QueuedMessages(ctx, account.AppID)
		if err != nil {
			return err
		}
		for lane, n := range queued {
			a.metrics.queued.WithLabelValues(lane.AppID, string(lane.Kind)).Set(float64(n))
		}
	}
	return nil
}

// measurePushes tells how the pushes of an account stand. A subscriber that was taken out
// keeps its place, but is nobody's concern.
func (a *App) measurePushes(ctx context.Context, appID string) error {
	lines, err := a.channelStore().PushLines(ctx, appID)
	for _, l := range lines {
		if !a.handsOn(l.Line) {
			continue
		}
		lag := time.Duration(0)
		if !l.Oldest.IsZero() {
			lag = max(a.now().Sub(l.Oldest), 0)
		}
		a.metrics.pushLag.WithLabelValues(l.AppID, l.Target).Set(lag.Seconds())
		a.metrics.pushDead.WithLabelValues(l.AppID, l.Target).Set(float64(l.Dead))
	}
	return err
}

// handsOn says whether pushes go to a target now.
func (a *App) handsOn(line inbox.Line) bool {
	if line.Target == inbox.Own {
		return true
	}
	for _, s := range a.directory().proofs[line.AppID].subscribers {
		if s.Name == line.Target {
			return true
		}
	}
	return false
}

// measureQuotas tells what of the day's quotas this node has used. What was used
// yesterday is nothing today.
func (g channelGauges) measureQuotas(a *App) {
	for of := range g.used {
		g.used[of] = 0
	}
	for _, u := range a.wechat.Usage() {
		g.used[[2]string{u.AppID, a.quotaLabel(u.AppID, u.API)}] += float64(u.Today)
	}
	for of, n := range g.used {
		a.metrics.quota.WithLabelValues(of[0], of[1]).Set(n)
	}
}

// quotaLabel is what an API is called in the metrics. Of those that the config lets
// through by a pattern it is the pattern: whoever calls them may have made the name up.
func (a *App) quotaLabel(appID, api string) string {
	account := a.directory().Account(appID)
	if account == nil || api == "" {
		return "other"
	}
	for _, p := range account.PassThrough {
		if prefix, all := strings.CutSuffix(p, "*"); all && strings.HasPrefix("/"+api, prefix) {
			return p[1:]
		}
	}
	return api
}
