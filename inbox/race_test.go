package inbox_test

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// between is a store that lets something happen right after a line was given back.
type between struct {
	inbox.Store
	after  func()
	looked chan struct{}
}

func (b *between) SettlePushes(ctx context.Context, line inbox.Line, holder string, s inbox.Settlement) (time.Time, error) {
	next, err := b.Store.SettlePushes(ctx, line, holder, s)
	if after := b.after; after != nil {
		b.after = nil
		after()
	}
	return next, err
}

func (b *between) DueLines(ctx context.Context, now time.Time, limit int) ([]inbox.Line, error) {
	lines, err := b.Store.DueLines(ctx, now, limit)
	select {
	case b.looked <- struct{}{}:
	default:
	}
	return lines, err
}

func TestRun(t *testing.T) {
	t.Parallel()
	t.Run("what comes just when a line is given back isn't left until the next look", func(t *testing.T) {
		t.Parallel()
		store := &between{looked: make(chan struct{}, 1)}
		w := start(t, func(c *inbox.Config) {
			store.Store = c.Store
			c.Store, c.Every = store, time.Hour
		})
		store.after = func() {
			select {
			case <-store.looked: // before
			default:
			}
			w.push(event("unsubscribe", ""))
			<-store.looked // and finds the line still worked on
		}
		w.push(event("subscribe", ""))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.Run(ctx) }()
		until(t, func() bool { w.mu.Lock(); defer w.mu.Unlock(); return len(w.heard) == 2 })
		cancel()
		<-ended
	})
	t.Run("what is under way when everything ends is settled, and the line is free", func(t *testing.T) {
		t.Parallel()
		w := start(t)
		begun, end := make(chan struct{}), make(chan struct{})
		w.fail = func(string) error {
			close(begun)
			<-end
			return nil
		}
		w.push(event("subscribe", ""))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { defer close(ended); w.Run(ctx) }()
		<-begun
		cancel()
		close(end)
		<-ended
		lines, err := w.store.PushLines(t.Context(), appID)
		if err != nil || len(lines) != 1 || lines[0].Waiting != 0 {
			t.Errorf("the lines are %+v, %v", lines, err)
		}
		w.wantHeard("follow")
	})
}
