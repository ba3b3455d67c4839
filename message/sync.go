package message

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// resyncAfter keeps many messages that are refused for their template from listing the
// templates as often.
const resyncAfter = time.Hour

// Sync lists an account's templates, and writes what WeChat says.
func (o *Outbox) Sync(ctx context.Context, appID string) error {
	began := o.Now() // what changes while WeChat answers may be missing in the answer
	var listed []wechat.Template
	err := o.Call(ctx, appID, func(ctx context.Context, as wechat.Bearer) (err error) {
		listed, err = o.WeChat.Templates(ctx, as)
		return err
	})
	if err != nil {
		return fmt.Errorf("listing templates: %w", err)
	}
	templates := make([]Template, 0, len(listed))
	for _, t := range listed {
		templates = append(templates, Template{AppID: appID, ID: t.ID, Title: t.Title, Content: t.Content, Example: t.Example, Industry: t.Industry})
	}
	if err := o.Store.PutTemplates(ctx, appID, templates, began); err != nil {
		return fmt.Errorf("listing templates: %w", err)
	}
	return nil
}

// Templates are those of an account, by title and id, removed ones among them, and when
// WeChat last listed them; zero if never.
func (o *Outbox) Templates(ctx context.Context, appID string) ([]Template, time.Time, error) {
	templates, at, err := o.Store.Templates(ctx, appID)
	if err != nil {
		return nil, time.Time{}, fmt.Errorf("reading templates: %w", err)
	}
	return templates, at, nil
}

// ApproveValues sets which values a field of a template may have, as WeChat's console
// shows them for const and enum fields; nil for any. Messages that are queued already
// aren't checked again.
func (o *Outbox) ApproveValues(ctx context.Context, appID, id, field string, values []string) error {
	known, err := o.Store.ApproveValues(ctx, appID, id, field, values)
	switch {
	case err != nil:
		return fmt.Errorf("approving values: %w", err)
	case !known:
		return &Fault{Code: FaultTemplate}
	}
	return nil
}

// syncIf lists the templates of an account whose list is older than that.
func (o *Outbox) syncIf(ctx context.Context, appID string, older time.Duration) {
	_, at, err := o.Store.Templates(ctx, appID)
	if err == nil && o.Now().Sub(at) < older {
		return
	}
	if err == nil {
		err = o.Sync(ctx, appID)
	}
	if err != nil && ctx.Err() == nil {
		o.Log.WarnContext(ctx, "listing an account's templates", "appid", appID, "error", err)
	}
}

func (o *Outbox) resync(ctx context.Context, appID string) { o.syncIf(ctx, appID, resyncAfter) }

// upkeep keeps templates up to date, and sweeps.
func (o *Outbox) upkeep(ctx context.Context) {
	const every = 10 * time.Minute
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if o.Accounts != nil {
			for _, appID := range o.Accounts() {
				if ctx.Err() != nil {
					return
				}
				o.syncIf(ctx, appID, o.SyncEvery)
			}
		}
		if err := o.Sweep(ctx); err != nil && ctx.Err() == nil {
			o.Log.ErrorContext(ctx, "sweeping messages", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}
