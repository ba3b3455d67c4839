package merchant

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Wake has the desk look for notices now.
func (d *Desk) Wake() {
	select {
	case d.wake <- struct{}{}:
	default: // woken already
	}
}

// Run fills notices, and sweeps, until ctx ends.
func (d *Desk) Run(ctx context.Context) {
	ticker := time.NewTicker(d.Every)
	defer ticker.Stop()
	for swept := (time.Time{}); ; {
		err := d.Step(ctx)
		if now := d.Now(); now.Sub(swept) > time.Hour {
			swept, err = now, errors.Join(err, d.Sweep(ctx))
		}
		if err != nil && ctx.Err() == nil {
			d.Log.ErrorContext(ctx, "looking after notices to merchants", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-d.wake:
		case <-ticker.C:
		}
	}
}

// Step fills the notices that wait for it. One that can't be filled doesn't keep the others
// waiting.
func (d *Desk) Step(ctx context.Context) error {
	list, err := d.Store.OpenNotices(ctx, 100)
	if err != nil {
		return fmt.Errorf("looking for notices: %w", err)
	}
	for _, n := range list {
		err = errors.Join(err, d.Fill(ctx, n))
	}
	return err
}

// Sweep takes away codes and notices that were kept long enough.
func (d *Desk) Sweep(ctx context.Context) error {
	const limit = 200
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = d.Store.SweepMerchants(ctx, d.Now().Add(-d.KeepCodes), d.Now().Add(-d.KeepNotices), limit); err != nil {
			return fmt.Errorf("sweeping codes and notices: %w", err)
		}
	}
	return nil
}
