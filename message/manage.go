package message

import (
	"context"
	"fmt"
	"time"
)

// Get returns a message, or a [*Fault].
func (o *Outbox) Get(ctx context.Context, realm, id string) (Message, error) {
	m, found, err := o.Store.Message(ctx, realm, id)
	switch {
	case err != nil:
		return Message{}, fmt.Errorf("reading a message: %w", err)
	case !found:
		return Message{}, &Fault{Code: FaultNotFound}
	}
	return m, nil
}

// List returns a page of messages, the newest first. The id of its last message is
// what the next page is before.
func (o *Outbox) List(ctx context.Context, f Filter) ([]Message, error) {
	f.Limit = min(max(f.Limit, 1), 1000)
	list, err := o.Store.Messages(ctx, f)
	if err != nil {
		return nil, fmt.Errorf("listing messages: %w", err)
	}
	return list, nil
}

// Count counts the messages of a batch by their states: those of one sender, or of all if
// by is empty.
func (o *Outbox) Count(ctx context.Context, realm, batch, by string) (map[State]int64, error) {
	counts, err := o.Store.CountMessages(ctx, realm, batch, by)
	if err != nil {
		return nil, fmt.Errorf("counting messages: %w", err)
	}
	return counts, nil
}

// Paused returns the accounts whose messages of a kind are left alone at the moment, and
// why.
func (o *Outbox) Paused(ctx context.Context) ([]Pause, error) {
	pauses, err := o.Store.Pauses(ctx, o.Now())
	if err != nil {
		return nil, fmt.Errorf("listing accounts that wait: %w", err)
	}
	return pauses, nil
}

// Resume has an account tried again at once, such as after its quota was cleared.
func (o *Outbox) Resume(ctx context.Context, appID string) error {
	if err := o.Store.ResumeLanes(ctx, appID); err != nil {
		return fmt.Errorf("resuming an account: %w", err)
	}
	o.Wake()
	return nil
}

// Cancel takes a queued message back. While an attempt is under way it can't be. If an
// earlier one ended nobody knows how, the message may have arrived all the same: then
// the reason is [ReasonUnknown].
func (o *Outbox) Cancel(ctx context.Context, realm, id string) (Message, error) {
	now := o.Now()
	return o.change(ctx, realm, id, func(m *Message, under bool) error {
		switch {
		case m.State != Queued:
			return &Fault{Code: FaultState, Limit: string(m.State)}
		case under:
			return &Fault{Code: FaultState, Limit: "an attempt is under way"}
		}
		reason := ReasonNone
		if !m.Unsure.IsZero() {
			reason = ReasonUnknown
		}
		*m = ended(*m, Cancelled, reason, now)
		return nil
	})
}

// Replay queues a message again that was not delivered. WeChat gets it under a new id,
// for it would drop the old one without a word. One whose outcome is unknown may so
// arrive twice: whoever replays it has decided that.
func (o *Outbox) Replay(ctx context.Context, realm, id string) (Message, error) {
	now := o.Now()
	m, err := o.change(ctx, realm, id, func(m *Message, _ bool) error {
		switch m.State {
		case Failed, Dropped, Blocked, Cancelled:
		default:
			return &Fault{Code: FaultState, Limit: string(m.State)}
		}
		if m.Sealed == nil {
			return &Fault{Code: FaultContent}
		}
		m.State, m.Reason, m.Detail, m.MsgID = Queued, ReasonNone, "", 0
		m.Tries, m.Round = 0, m.Round+1
		m.Due, m.Next, m.Sent, m.Ended, m.Unsure = now, now, time.Time{}, time.Time{}, time.Time{}
		return nil
	})
	if err == nil {
		o.Wake()
	}
	return m, err
}

func (o *Outbox) change(ctx context.Context, realm, id string, change func(m *Message, under bool) error) (Message, error) {
	m, found, err := o.Store.ChangeMessage(ctx, realm, id, o.Now(), change)
	switch {
	case err != nil:
		return Message{}, fmt.Errorf("changing a message: %w", err)
	case !found:
		return Message{}, &Fault{Code: FaultNotFound}
	}
	o.Observe(m)
	return m, nil
}

// EraseUser takes away all messages to a user, also those that wait, and says how many
// there were. Ids that he had before he was merged have to be named by themselves.
func (o *Outbox) EraseUser(ctx context.Context, realm, user string) (int64, error) {
	n, err := o.Store.EraseMessages(ctx, realm, user)
	if err != nil {
		return 0, fmt.Errorf("erasing messages: %w", err)
	}
	return n, nil
}

// EraseUserAt is EraseUser for the messages at one openid of his.
func (o *Outbox) EraseUserAt(ctx context.Context, realm, user, appID, openID string) (int64, error) {
	n, err := o.Store.EraseMessagesAt(ctx, realm, user, appID, openID)
	if err != nil {
		return 0, fmt.Errorf("erasing messages: %w", err)
	}
	return n, nil
}

// Sweep takes away what was kept long enough: contents, then rows.
func (o *Outbox) Sweep(ctx context.Context) error {
	const limit, results = 1000, 24 * time.Hour
	now := o.Now()
	for more := true; more && ctx.Err() == nil; {
		var err error
		if more, err = o.Store.SweepMessages(ctx, now.Add(-o.KeepContent), now.Add(-o.KeepRows), now.Add(-results), limit); err != nil {
			return fmt.Errorf("sweeping messages: %w", err)
		}
	}
	return nil
}
