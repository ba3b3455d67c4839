package scene

import (
	"context"
	"errors"
	"fmt"
)

// ErrNoPurpose says that a scanned code has a purpose that nobody has registered here:
// another version of this program has made it. The event is worth another try.
var ErrNoPurpose = errors.New("the code's purpose is not known here")

// Scanned acts on a scan, once for each event. A scan of a code that isn't ours is none of
// our business and no error.
func (r *Registry) Scanned(ctx context.Context, s Scan) error {
	if s.Scene == "" || len(s.Scene) > 4*maxScene {
		return r.foreign(ctx, s)
	}
	c, outcome, done, err := r.Store.RecordScan(ctx, Mark(s.AppID, s.Scene), s, r.Grace, r.KeepScans)
	if err != nil {
		return fmt.Errorf("recording a scan: %w", err)
	}
	switch {
	case outcome == Foreign:
		return r.foreign(ctx, s)
	case done:
		return nil
	}
	if outcome == Good {
		act := r.act(c.Purpose)
		if act == nil {
			return fmt.Errorf("acting on a scan for %s: %w", c.Purpose, ErrNoPurpose)
		}
		err = act(ctx, c, s)
	} else if r.Refused != nil {
		err = r.Refused(ctx, c, s, outcome)
	}
	if err != nil {
		return fmt.Errorf("acting on a scan for %s: %w", c.Purpose, err)
	}
	if err := r.Store.EndScan(context.WithoutCancel(ctx), c, s.Key); err != nil {
		return fmt.Errorf("acting on a scan for %s: %w", c.Purpose, err)
	}
	r.observe(c.Purpose, outcome)
	return nil
}

func (r *Registry) foreign(ctx context.Context, s Scan) error {
	r.observe("", Foreign)
	if r.Foreign == nil {
		return nil
	}
	if err := r.Foreign(ctx, s); err != nil {
		return fmt.Errorf("handing on a foreign scan: %w", err)
	}
	return nil
}

func (r *Registry) observe(purpose string, o Outcome) {
	if r.Observe != nil {
		r.Observe(purpose, o)
	}
}
