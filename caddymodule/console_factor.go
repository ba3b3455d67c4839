package caddymodule

import (
	"context"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/console"
)

// resealFactors seals the second factors of staff under the master key in force. It does so
// at every start, and again and again, since another gateway may still seal under the older
// one. One that doesn't open keeps nobody but its owner out.
func (a *App) resealFactors(ctx context.Context) {
	if err := console.Reseal(ctx, a.consoleStore(), a.factors); err != nil && ctx.Err() == nil {
		a.log.Error("sealing the second factors of staff under the master key in force", zap.Error(err))
	}
}
