package caddymodule

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity/outbox"
)

// line is a line of business of the configuration, ready to be served.
type line struct {
	outbox.Target
	fromStart bool
}

// settleLines reads whom events go to. What placeholders give stays here, and out of
// the stored configuration.
func (a *App) settleLines(expand func(text, standIn string) (string, error)) error {
	for _, realm := range a.directory().Realms() {
		for _, l := range realm.Broadcast {
			fault := func(field, message string) error {
				return &directory.Fault{Kind: "broadcast", ID: realm.Name + "/" + l.Name, Field: field, Message: message}
			}
			if l.RedisStream != "" {
				if len(a.Cluster.Redis) == 0 {
					return fault("redis_stream", "it needs the Redis of `cluster redis <url>`")
				}
				a.lines = append(a.lines, line{outbox.Target{Line: outbox.Line{Realm: realm.Name, Name: l.Name}, Sender: a.stream(l)}, l.From == "start"})
				continue
			}
			address, err := expand(l.Webhook, "https://placeholder.example")
			if err != nil {
				return fault("webhook", "a placeholder in it is empty")
			}
			var secrets []string
			for i, text := range l.Secret {
				secret, err := expand(text, "whsec_"+strings.Repeat([]string{"MDEy", "NDU2"}[i], 8))
				if err != nil {
					return fault("secret", fmt.Sprintf("the placeholder %s is empty", text))
				}
				secrets = append(secrets, secret)
			}
			sender, err := outbox.NewWebhook(outbox.WebhookConfig{
				URL: address, Secrets: secrets, Networks: a.webhooks, Issuer: a.issuer, Now: func() time.Time { return a.now() },
			})
			if err != nil {
				field, message, _ := strings.Cut(err.Error(), ": ")
				return fault(field, message)
			}
			a.lines = append(a.lines, line{outbox.Target{Line: outbox.Line{Realm: realm.Name, Name: l.Name}, Sender: sender}, l.From == "start"})
		}
	}
	return nil
}

// stream sends to a Redis stream. The Redis is opened at start only.
func (a *App) stream(l *directory.Line) *outbox.Stream {
	return outbox.NewStream(outbox.StreamConfig{
		Name: l.RedisStream, Max: l.Kept(), Issuer: a.issuer,
		Append: func(ctx context.Context, stream string, most int64, fields map[string]string) error {
			return a.redis.Append(ctx, stream, most, fields)
		},
	})
}

// startBroadcast begins to deliver events. Only an app that runs does.
func (a *App) startBroadcast(ctx context.Context) error {
	store, err := a.outbox()
	if err != nil {
		return err
	}
	id := make([]byte, 16)
	a.random(id)
	config := outbox.Config{
		Store: store, FinalAfter: a.Session.life(), Holder: hex.EncodeToString(id), Now: func() time.Time { return a.now() }, Random: a.random, Log: a.slog,
		Observe: func(l outbox.Line, o outbox.Outcome) {
			a.metrics.sent.WithLabelValues(l.Realm, l.Name, string(o)).Inc()
		},
	}
	for _, realm := range a.directory().Realms() {
		config.Realms = append(config.Realms, realm.Name)
	}
	for _, l := range a.lines {
		if err := store.Join(ctx, l.Line, l.fromStart); err != nil {
			return fmt.Errorf("starting broadcasts: %w", err)
		}
		config.Targets = append(config.Targets, l.Target)
	}
	relay := outbox.NewRelay(config)
	a.workers.Go(func() { relay.Run(ctx) })
	if len(a.lines) > 0 {
		a.workers.Go(func() { a.watchLines(ctx, store) })
	}
	return nil
}

// outbox is the part of the facts that knows who has heard what.
func (a *App) outbox() (outbox.Store, error) {
	store, ok := a.facts().Store.(outbox.Store)
	if !ok {
		return nil, errors.New("starting broadcasts: these facts don't know lines of business")
	}
	return store, nil
}

// serves says whether a line is configured now. One that was taken out keeps its
// place.
func (a *App) serves(l outbox.Line) bool {
	for _, mine := range a.lines {
		if mine.Line == l {
			return true
		}
	}
	return false
}

// watchLines keeps what the metrics say of the lines up to date.
func (a *App) watchLines(ctx context.Context, store outbox.Store) {
	ticker := time.NewTicker(15 * time.Second)
	defer ticker.Stop()
	for {
		if err := a.measureLines(ctx, store); err != nil && ctx.Err() == nil {
			a.log.Debug("measuring broadcasts", zap.Error(err))
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (a *App) measureLines(ctx context.Context, store outbox.Store) error {
	lines, err := store.Lines(ctx)
	if err != nil {
		return err
	}
	for _, l := range lines {
		if !a.serves(l.Line) {
			continue
		}
		lag := time.Duration(0)
		if !l.Oldest.IsZero() {
			lag = max(a.now().Sub(l.Oldest), 0)
		}
		a.metrics.lag.WithLabelValues(l.Realm, l.Name).Set(lag.Seconds())
		a.metrics.dead.WithLabelValues(l.Realm, l.Name).Set(float64(l.Dead))
	}
	return nil
}
