package inbox

import (
	"context"
	"time"

	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// A push to whose sender a backend may reply is handed on at once, while WeChat waits.
// WeChat's retry joins the first try, wherever that is: it asks nobody again.

// flight is a first try that is under way.
type flight struct {
	done  chan struct{}
	reply []byte
	err   error
}

// conversation is a push whose sender may get a reply.
type conversation struct {
	push    Push
	message push.Message
	targets []Delivery
	replier Subscriber
}

const (
	// replyLife is how long a reply is kept for WeChat's retries, which come within
	// 15 s.
	replyLife = time.Minute
	// replyPoll is how often one looks whether another node has the reply.
	replyPoll = 50 * time.Millisecond
)

// underway stands in shared state for a reply that somebody waits for.
var underway = []byte{0}

// converse writes a push down and gets the reply to it; nil is none. The reply has what is
// left of ReplyWithin, but goes on when WeChat hangs up: its retry gets it then.
func (b *Inbox) converse(ctx context.Context, c conversation) ([]byte, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), b.ReplyWithin)
	defer cancel()
	name := label(c.push)
	b.mu.Lock()
	f, joined := b.flights[name]
	if !joined {
		f = &flight{done: make(chan struct{})}
		b.flights[name] = f
	}
	b.mu.Unlock()
	if joined {
		b.Observe(Observation{AppID: c.push.AppID, What: Duplicate})
		select {
		case <-f.done:
			return f.reply, f.err
		case <-ctx.Done():
			return nil, nil
		}
	}
	defer func() {
		b.mu.Lock()
		delete(b.flights, name)
		b.mu.Unlock()
		close(f.done)
	}()
	f.reply, f.err = b.first(ctx, c)
	return f.reply, f.err
}

// first writes a push down, and gets the reply unless another node is about to.
func (b *Inbox) first(ctx context.Context, c conversation) ([]byte, error) {
	name := "push/reply/" + c.push.AppID + "/" + c.push.Key
	if b.Shared != nil { // before the push is there, or its duplicate would find neither
		_, _ = b.Shared.PutNew(ctx, name, underway, replyLife)
	}
	fresh, err := b.put(ctx, c.push, c.targets)
	if err != nil {
		return nil, err
	}
	if !fresh {
		return b.elsewhere(ctx, name, c.push), nil
	}
	reply := b.ask(ctx, c)
	if b.Shared != nil {
		// A visitor's reply is as personal as what he wrote.
		_ = b.Shared.Put(context.WithoutCancel(ctx), name, b.Sealer.Seal(reply, label(c.push)+"\x00reply"), replyLife)
	}
	return reply, nil
}

// elsewhere waits for the reply that another node gets.
func (b *Inbox) elsewhere(ctx context.Context, name string, p Push) []byte {
	if b.Shared == nil {
		return nil
	}
	ticker := time.NewTicker(replyPoll)
	defer ticker.Stop()
	for {
		value, ok, err := b.Shared.Get(ctx, name)
		if err != nil || !ok {
			return nil
		}
		if len(value) != len(underway) {
			reply, _, err := b.Sealer.Open(value, label(p)+"\x00reply")
			if err != nil {
				return nil
			}
			return reply
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// ask hands a push to the backend that may reply, and returns what WeChat would take. If
// the backend wasn't reached, the push is tried again from the queue; the visitor then has
// had his answer, which was none.
func (b *Inbox) ask(ctx context.Context, c conversation) []byte {
	body, err := b.post(ctx, c.replier, c.message)
	seen := Observation{AppID: c.push.AppID, Target: c.replier.Name}
	if err != nil {
		seen.What, seen.Code = Unreplied, codeOf(err)
		b.Observe(seen)
		return nil
	}
	if err := b.Store.FinishPush(context.WithoutCancel(ctx), Line{c.push.AppID, c.replier.Name}, c.push.Key); err != nil {
		b.Log.WarnContext(ctx, "forgetting a push that was handed on: it is handed on again", "appid", c.push.AppID, "target", c.replier.Name, "error", err)
	}
	delivered := seen
	delivered.What = Delivered
	b.Observe(delivered)
	reply, err := readReply(c, body)
	switch {
	case err != nil:
		seen.What, seen.Code = Unreplied, codeOf(err)
	case len(reply) == 0:
		return nil
	default:
		seen.What = Replied
	}
	b.Observe(seen)
	return reply
}

// readReply reads a backend's answer. One to somebody else would be dropped by WeChat, and
// the visitor told that the account is out of order.
func readReply(c conversation, body []byte) ([]byte, error) {
	plain, err := c.replier.Keys.OpenReply(body)
	if err != nil || len(plain) == 0 {
		return nil, err
	}
	reply, err := push.ReadReply(plain)
	if err != nil {
		return nil, err
	}
	if reply.To != c.message.From || reply.From != c.message.To {
		return nil, &push.Refusal{Code: push.CodeReply, Why: "the reply is to somebody else"}
	}
	return plain, nil
}
