package message

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/wechat"
)

// attempt sends a message, and returns how it stands then. unsure is when an earlier
// attempt began of which nobody knows how it ended; zero if there was none.
func (b *batch) attempt(ctx context.Context, m Message, unsure time.Time) Message {
	now := b.Now()
	if !unsure.IsZero() && !repeatable(m, unsure, now) {
		return ended(m, Failed, ReasonUnknown, now)
	}
	c, err := b.open(m)
	if err != nil {
		return ended(m, Failed, ReasonContent, now)
	}
	to, verdict := b.address(ctx, m, c, unsure)
	if verdict != nil {
		return b.settled(ctx, m, *verdict, unsure, now)
	}
	m.AppID, m.OpenID = to.AppID, to.OpenID
	m.Tries++
	ctx, cancel := context.WithTimeout(ctx, min(b.Lease/2, maxCall))
	defer cancel()
	called, msgID := false, int64(0)
	err = b.Call(ctx, m.AppID, func(ctx context.Context, as wechat.Bearer) (err error) {
		called = true
		msgID, err = b.call(ctx, as, m, c)
		return err
	})
	m.MsgID = msgID
	return b.settled(ctx, m, judge(err, called, m.Kind, b.Now()), unsure, now)
}

// repeatable says whether an attempt of unknown outcome may be repeated at a moment:
// whether WeChat would notice.
func repeatable(m Message, unsure, at time.Time) bool {
	return m.Kind == KindTemplate && at.Before(unsure.Add(sameID))
}

// call hands the message to WeChat.
func (b *batch) call(ctx context.Context, as wechat.Bearer, m Message, c content) (int64, error) {
	switch m.Kind {
	case KindSubscription:
		return 0, b.WeChat.SendSubscription(ctx, as, wechat.SubscriptionMessage{
			To: m.OpenID, TemplateID: m.Template, Page: c.URL, MiniAppID: c.MiniAppID, MiniPath: c.MiniPath, Data: c.Data,
		})
	case KindCustom:
		return 0, b.WeChat.SendCustom(ctx, as, wechat.CustomMessage{To: m.OpenID, Type: c.Type, Content: c.Content, Agent: c.Agent})
	}
	return b.WeChat.SendTemplate(ctx, as, wechat.TemplateMessage{
		To: m.OpenID, TemplateID: m.Template, URL: c.URL, MiniAppID: c.MiniAppID, MiniPath: c.MiniPath, Data: c.Data,
		ClientID: m.ClientMsgID(),
	})
}

// address finds out where the message goes now: since it was accepted the user may have
// unfollowed, or may have been parted from this openid, which is somebody else's then.
// An attempt of unknown outcome is repeated at the same place or not at all. Where
// another account is better, its messages have to wait their turn there.
func (b *batch) address(ctx context.Context, m Message, c content, unsure time.Time) (Address, *verdict) {
	addresses, err := b.People.Addresses(ctx, m.Realm, m.User)
	if err != nil {
		return Address{}, &verdict{state: Queued, reason: ReasonBusy}
	}
	had := slices.DeleteFunc(slices.Clone(addresses), func(a Address) bool { return a.AppID != m.AppID || a.OpenID != m.OpenID })
	if to, ok := choose(had, []string{m.AppID}, m.Kind); ok {
		return to, nil
	}
	if !unsure.IsZero() {
		return Address{}, &verdict{state: Failed, reason: ReasonUnknown}
	}
	to, ok := choose(addresses, c.Prefer, m.Kind)
	switch {
	case !ok:
		return Address{}, &verdict{state: Dropped, reason: ReasonUnreachable}
	case to.AppID != m.AppID:
		return Address{}, &verdict{state: Queued, move: &to, until: b.Now()}
	}
	return to, nil
}

// settled is how a message stands after a verdict on the attempt that began at a moment.
func (b *batch) settled(ctx context.Context, m Message, v verdict, unsure, began time.Time) Message {
	now := b.Now()
	ctx = context.WithoutCancel(ctx)
	if v.unsure && unsure.IsZero() {
		unsure = began
	}
	if v.unfollowed && b.Followers != nil {
		err := b.Followers.SetFollower(ctx, follower.Follower{AppID: m.AppID, OpenID: m.OpenID, At: now.Truncate(time.Second)})
		if err != nil {
			b.Log.WarnContext(ctx, "recording who doesn't follow an account", "appid", m.AppID, "error", err)
		}
	}
	if v.resync {
		b.resync(ctx, m.AppID)
	}
	m.Detail, m.Unsure = v.detail, unsure
	switch {
	case v.state == Sent:
		m.Unsure = time.Time{}
		m = ended(m, Sent, ReasonNone, now)
		m.Sent = now
		return m
	case v.state != Queued:
		return ended(m, v.state, v.reason, now)
	case v.move != nil:
		m.AppID, m.OpenID, m.Next = v.move.AppID, v.move.OpenID, now
		return m
	}
	m.Reason, m.Next = v.reason, now.Add(b.jittered(doubled(firstPause, m.Tries, maxPause)))
	switch {
	case v.lane:
		b.pause(ctx, Lane{m.AppID, m.Kind}, v)
		m.Next = now // as soon as the lane is of use again
	case !v.until.IsZero():
		m.Next = v.until
	}
	switch {
	case !unsure.IsZero() && !repeatable(m, unsure, later(v.until, m.Next, m.Next)):
		return ended(m, Failed, ReasonUnknown, now)
	case now.Sub(m.Due) > tooLate:
		return ended(m, Failed, ReasonTooLate, now)
	}
	return m
}

// ended is a message at its end, or at the end of what we do for it.
func ended(m Message, state State, reason Reason, now time.Time) Message {
	m.State, m.Reason, m.Ended, m.Next = state, reason, now, now
	return m
}

// pause leaves a lane alone, longer each time where nothing says how long.
func (b *batch) pause(ctx context.Context, l Lane, v verdict) {
	b.paused.Store(true)
	if err := b.Store.PauseLane(ctx, Pause{Lane: l, Until: v.until, Reason: v.reason, Detail: v.detail}, b.Now()); err != nil {
		b.Log.ErrorContext(ctx, "leaving an account's messages alone", "appid", l.AppID, "kind", string(l.Kind), "error", err)
		return
	}
	b.Log.WarnContext(ctx, "an account can't send messages: they wait", "appid", l.AppID, "kind", string(l.Kind), "code", string(v.reason), "wechat", v.detail)
}

// jittered is d, or up to a quarter more, so that not all come back at once.
func (o *Outbox) jittered(d time.Duration) time.Duration {
	var r [2]byte
	o.Random(r[:])
	return d + time.Duration(int64(d)/4*(int64(r[0])<<8|int64(r[1]))/(1<<16))
}
