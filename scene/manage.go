package scene

import (
	"context"
	"fmt"
	"time"
)

// Get returns a code, or a [*Fault].
func (r *Registry) Get(ctx context.Context, realm, id string) (Code, error) {
	c, found, err := r.Store.Scene(ctx, realm, id)
	switch {
	case err != nil:
		return Code{}, fmt.Errorf("reading a QR code: %w", err)
	case !found:
		return Code{}, &Fault{Code: FaultNotFound}
	}
	return c, nil
}

// List returns a page of codes, the newest first. The id of its last code is what the
// next page is before.
func (r *Registry) List(ctx context.Context, f Filter) ([]Code, error) {
	f.Limit = min(max(f.Limit, 1), 1000)
	list, err := r.Store.Scenes(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("listing QR codes: %w", err)
	}
	return list, nil
}

// Scans returns the newest scans of a code.
func (r *Registry) Scans(ctx context.Context, realm, id string, limit int) ([]Recorded, error) {
	list, err := r.Store.Scans(ctx, realm, id, min(max(limit, 1), 1000))
	if err != nil {
		return nil, fmt.Errorf("listing scans: %w", err)
	}
	return list, nil
}

// Revoke has a code do nothing any more, for good. Revoking twice is allowed.
func (r *Registry) Revoke(ctx context.Context, realm, id string) error {
	found, err := r.Store.RevokeScene(ctx, realm, id, r.Now())
	switch {
	case err != nil:
		return fmt.Errorf("revoking a QR code: %w", err)
	case !found:
		return &Fault{Code: FaultNotFound}
	}
	return nil
}

// Quota says how many permanent codes of an account were made here, and how many WeChat
// gives it. What other systems have made it can't know.
func (r *Registry) Quota(ctx context.Context, appID string) (made, most int64, err error) {
	made, err = r.Store.PermanentScenes(ctx, appID)
	if err != nil {
		return 0, 0, fmt.Errorf("counting permanent QR codes: %w", err)
	}
	return made, MaxPermanent, nil
}

// ImageURL is where WeChat shows the image of a code; empty of a secret one, whose ticket
// isn't kept.
func (r *Registry) ImageURL(c Code) string {
	if c.Ticket == "" {
		return ""
	}
	return r.WeChat.QRImageURL(c.Ticket)
}

// Erase forgets that a visitor of an account made scans, and says how many.
func (r *Registry) Erase(ctx context.Context, appID, openID string) (int64, error) {
	n, err := r.Store.EraseScans(ctx, appID, openID)
	if err != nil {
		return 0, fmt.Errorf("erasing scans: %w", err)
	}
	return n, nil
}

// Run sweeps until ctx ends.
func (r *Registry) Run(ctx context.Context) {
	const every = 10 * time.Minute
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := r.Sweep(ctx); err != nil && ctx.Err() == nil {
			r.Log.ErrorContext(ctx, "sweeping QR codes", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// Sweep takes away temporary codes that were kept long enough after they expired.
func (r *Registry) Sweep(ctx context.Context) error {
	const limit = 200
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = r.Store.SweepScenes(ctx, r.Now().Add(-r.KeepCodes), limit); err != nil {
			return fmt.Errorf("sweeping QR codes: %w", err)
		}
	}
	return nil
}
