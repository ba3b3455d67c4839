package message

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// Finish is what becomes of a sent message when its result comes. The words are those
// of TEMPLATESENDJOBFINISH, which vary in their blanks (wechat-api.md §8.4).
func Finish(m Message, status string, at time.Time) Message {
	m.Detail, m.Ended = "", at
	switch s := strings.ToLower(strings.Join(strings.Fields(status), "")); {
	case s == "success":
		m.State, m.Reason = Delivered, ReasonNone
	case strings.HasPrefix(s, "failed:userblock"):
		m.State, m.Reason = Blocked, ReasonBlocked
	case strings.HasPrefix(s, "failed:freqlimit") && m.Round < maxRounds:
		// WeChat has said for certain that it wasn't delivered, so it may go out again,
		// under another id than the one that WeChat remembers.
		m.State, m.Reason, m.Round, m.MsgID = Queued, ReasonUserRate, m.Round+1, 0
		m.Next, m.Sent, m.Ended, m.Unsure = at.Add(userPause), time.Time{}, time.Time{}, time.Time{}
	case strings.HasPrefix(s, "failed:freqlimit"):
		m.State, m.Reason = Failed, ReasonUserRate
	default:
		m.State, m.Reason, m.Detail = Failed, ReasonSystem, shortened(status)
	}
	return m
}

// Finished takes the result of a template message, as WeChat pushes it. It may come
// several times, before the message is known to be sent, and for messages that
// somebody else has sent with the same account.
func (o *Outbox) Finished(ctx context.Context, appID string, msgID int64, status string, at time.Time) error {
	m, ours, err := o.Store.FinishMessage(ctx, appID, msgID, shortened(status), at)
	if err != nil {
		return fmt.Errorf("writing the result of a message: %w", err)
	}
	if ours {
		o.Observe(m)
	}
	return nil
}

// shortened bounds foreign text.
func shortened(s string) string {
	s = strings.ToValidUTF8(strings.Map(func(r rune) rune {
		if r < ' ' {
			return -1
		}
		return r
	}, s), "")
	for len(s) > 100 {
		s = s[:len(s)-1]
	}
	return strings.ToValidUTF8(s, "")
}
