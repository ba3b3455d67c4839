package message

import (
	"encoding/json"
	"strconv"
	"time"
)

// Kind is a way in which WeChat takes messages.
type Kind string

const (
	KindTemplate     Kind = "template"     // wechat-api.md §10.1
	KindSubscription Kind = "subscription" // §10.2
	KindCustom       Kind = "custom"       // §10.3, within 48 hours of what the user did
)

// State is where a message stands.
type State string

const (
	// Queued: waits for its time, for its account, or for another attempt.
	Queued State = "queued"
	// Sent: WeChat has taken it. Of template messages the result follows; of others
	// WeChat tells no more.
	Sent State = "sent"
	// Delivered: WeChat says that it has reached the user.
	Delivered State = "delivered"
	// Blocked: the user refuses the account's messages.
	Blocked State = "blocked"
	// Failed: it can't be sent, and nobody knows that a later attempt would fare better.
	Failed State = "failed"
	// Dropped: the user can't be reached, or hasn't asked for it.
	Dropped State = "dropped"
	// Cancelled: somebody has taken it back.
	Cancelled State = "cancelled"
)

// Message is a message in the outbox.
type Message struct {
	// ID grows with time: ids are in the order in which messages were accepted.
	ID    string
	Realm string
	User  string // as addressed; he may have been merged into another since
	// AppID and OpenID are where it goes. They are chosen anew until an attempt may
	// have reached WeChat.
	AppID  string
	OpenID string
	Kind   Kind
	// Template is the template's id; empty for [KindCustom].
	Template string
	// Batch names what it was sent with; empty if it was sent alone.
	Batch string
	// By is who sent it, and ClientID his name for it; see [Order.ClientID].
	By       string
	ClientID string

	State State
	// Reason says why it stands so; empty if there is nothing to say. Detail is
	// WeChat's own sentence, if there is one.
	Reason Reason
	Detail string
	// MsgID is WeChat's number of it, by which the result is found; zero until sent.
	MsgID int64
	// Tries counts attempts. Round counts how often it was queued again after WeChat
	// had said for certain that it wasn't delivered.
	Tries int
	Round int

	Made  time.Time
	Due   time.Time // when it was wanted to go
	Next  time.Time // not before; while an attempt is under way: when it counts as lost
	Sent  time.Time // when WeChat took it
	Ended time.Time // when it got its state; zero while queued
	// Unsure is the beginning of the first attempt of which nobody knows how it ended;
	// zero if there is none.
	Unsure time.Time
	// Sealed is the content; nil after it was swept.
	Sealed []byte
}

// ClientMsgID is what the message is called towards WeChat, which takes one name for
// one openid only once within ten minutes.
func (m Message) ClientMsgID() string {
	if m.Round == 0 {
		return m.ID
	}
	return m.ID + "-" + strconv.Itoa(m.Round)
}

// content is what is sealed.
type content struct {
	Data      map[string]string `json:"data,omitempty"`
	URL       string            `json:"url,omitempty"`
	MiniAppID string            `json:"mini_appid,omitempty"`
	MiniPath  string            `json:"mini_path,omitempty"`
	Type      string            `json:"type,omitempty"`
	Content   json.RawMessage   `json:"content,omitempty"`
	Agent     string            `json:"agent,omitempty"`
	// Prefer is kept for the choice of an address at the time of sending.
	Prefer []string `json:"prefer,omitempty"`
}
