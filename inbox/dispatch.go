package inbox

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// hand hands a push to the target of its line. The error is a [*Failure].
func (b *Inbox) hand(ctx context.Context, line Line, t Task) error {
	plain, _, err := b.Sealer.Open(t.Sealed, label(t.Push))
	if err != nil { // sealed under a master key that isn't here: it may come back
		return &Failure{Code: "sealed"}
	}
	m, err := push.Read(plain)
	if err != nil {
		return &Failure{Code: codeOf(err), Final: true}
	}
	if line.Target == Own {
		return b.handle(ctx, t.Push, m)
	}
	all := b.Subscribers(line.AppID)
	i := slices.IndexFunc(all, func(s Subscriber) bool { return s.Name == line.Target })
	if i < 0 { // taken out of the configuration; put back, it gets what it has missed
		return &Failure{Code: "no_subscriber", Unreachable: true}
	}
	_, err = b.post(ctx, all[i], m)
	return err
}

// wants says whether our own handlers have anything to do with a push.
func (b *Inbox) wants(m push.Message) bool {
	h := b.Handlers
	switch {
	case m.Type != "event":
		return false
	case m.Personal():
		return h.Personal != nil
	}
	switch m.Event {
	case "subscribe", "unsubscribe":
		return b.Followers != nil || h.Follow != nil || h.Scan != nil
	case "scan":
		return b.Followers != nil || h.Scan != nil
	case "templatesendjobfinish":
		return h.Sent != nil
	}
	return false
}

// handle does with a push what we do ourselves.
func (b *Inbox) handle(ctx context.Context, p Push, m push.Message) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			b.Log.ErrorContext(ctx, "handling a push: panic", "appid", p.AppID, "kind", p.Kind, "stack", string(debug.Stack()))
			err = &Failure{Code: "panic"}
		}
	}()
	switch {
	case m.Personal():
		return b.personal(ctx, p, m)
	case m.Event == "templatesendjobfinish":
		return call(ctx, b.Handlers.Sent, Sent{p.AppID, m.From, m.MsgID, m.Status, m.At})
	}
	following := m.Event != "unsubscribe"
	scene, scanned := m.Scene()
	if b.Followers != nil { // only a follower can send SCAN, so that one says it again
		f := follower.Follower{AppID: p.AppID, OpenID: m.From, Following: following, At: m.At, Scene: scene}
		if m.Event == "scan" {
			f.Scene = ""
		}
		if err := b.Followers.SetFollower(ctx, f); err != nil {
			return err
		}
	}
	if m.Event != "scan" {
		err = call(ctx, b.Handlers.Follow, Follow{p.AppID, m.From, following, m.At, scene, m.Ticket})
	}
	if scanned {
		// Whoever waits for the scan doesn't wait for what else there is to do.
		err = errors.Join(err, call(ctx, b.Handlers.Scan, Scan{p.AppID, m.From, scene, m.Ticket, m.Event == "subscribe", m.At, p.AppID + "/" + p.Key}))
	}
	return err
}

// personal hands on what WeChat says about personal information. What is about another
// account than the one it was pushed to is left to people: it leads to an erasure.
func (b *Inbox) personal(ctx context.Context, p Push, m push.Message) error {
	if appID := m.Field("AppID"); appID != "" && appID != p.AppID {
		return &Failure{Code: "foreign_account", Final: true}
	}
	person := Personal{p.AppID, m.Field("OpenID"), m.Field("UnionID"), m.Event, m.Field("RevokeInfo"), m.At}
	if person.OpenID == "" && person.UnionID == "" {
		return &Failure{Code: "nobody", Final: true}
	}
	return call(ctx, b.Handlers.Personal, person)
}

// call calls a handler, if there is one.
func call[T any](ctx context.Context, handler func(context.Context, T) error, what T) error {
	if handler == nil {
		return nil
	}
	if err := handler(ctx, what); err != nil {
		return fmt.Errorf("handling a push: %w", err)
	}
	return nil
}
