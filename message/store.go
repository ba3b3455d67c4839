package message

import (
	"context"
	"time"
)

// Store keeps messages and templates. One that can't be reached answers with
// identity.ErrUnavailable.
type Store interface {
	// PutMessages accepts messages in one transaction. Where (realm, by, client id) is
	// taken already the one that has it is returned in its place, and nothing is
	// written for it; elsewhere the returned message is empty.
	PutMessages(ctx context.Context, messages []Message) (before []Message, err error)
	// MessageOf finds a message by the name that its sender gave it.
	MessageOf(ctx context.Context, realm, by, clientID string) (Message, bool, error)
	// Message finds a message by its id.
	Message(ctx context.Context, realm, id string) (Message, bool, error)
	// Messages lists messages, the newest first.
	Messages(ctx context.Context, f Filter) ([]Message, error)
	// CountMessages counts the messages of a batch by their states: those of one sender,
	// or of all if by is empty.
	CountMessages(ctx context.Context, realm, batch, by string) (map[State]int64, error)

	// DueLanes returns at most limit lanes with messages that are due, without those
	// that are left alone.
	DueLanes(ctx context.Context, now time.Time, limit int) ([]Lane, error)
	// DueMessages counts the due messages of a lane, up to limit.
	DueMessages(ctx context.Context, l Lane, now time.Time, limit int) (int, error)
	// QueuedMessages counts, for each lane that an account ever had, the messages that
	// aren't sent yet.
	QueuedMessages(ctx context.Context, appID string) (map[Lane]int64, error)
	// TakeMessages reserves at most limit due messages of a lane for holder until then,
	// single ones before those of batches. Each counts as attempted from now on: what is
	// returned says as Unsure whether one was attempted before and nobody knows how that
	// ended.
	TakeMessages(ctx context.Context, l Lane, holder string, now, until time.Time, limit int) ([]Message, error)
	// SettleMessage writes how a message stands that holder had taken. If it is sent,
	// and its result came before, it writes what [Finish] makes of both. It returns
	// what it wrote; false if holder has it no longer.
	SettleMessage(ctx context.Context, m Message, holder string) (Message, bool, error)
	// PauseLane leaves a lane alone, for as long as [Paused] says.
	PauseLane(ctx context.Context, p Pause, now time.Time) error
	// ResumeLanes has all lanes of an account tried again.
	ResumeLanes(ctx context.Context, appID string) error
	// Pauses returns the lanes that are left alone at the moment.
	Pauses(ctx context.Context, now time.Time) ([]Pause, error)

	// FinishMessage writes what [Finish] makes of the message with that number and a
	// result. If there is no such message yet, the result is kept for it.
	FinishMessage(ctx context.Context, appID string, msgID int64, status string, at time.Time) (Message, bool, error)
	// ChangeMessage loads a message, has it changed, and writes it, all in one
	// transaction. An error of change is returned as it is, and nothing written.
	// under says that an attempt is under way.
	ChangeMessage(ctx context.Context, realm, id string, now time.Time, change func(m *Message, under bool) error) (m Message, found bool, err error)

	// SweepMessages takes away the content of at most limit messages that ended before
	// one moment, and as many messages that ended before another, and results that
	// nobody asked for in a day. more says that there may be others.
	SweepMessages(ctx context.Context, content, rows, results time.Time, limit int) (more bool, err error)
	// EraseMessages takes away all messages to a user, and says how many.
	EraseMessages(ctx context.Context, realm, user string) (int64, error)
	// EraseMessagesAt takes away those of them that went, or would go, to one openid.
	EraseMessagesAt(ctx context.Context, realm, user, appID, openID string) (int64, error)

	// PutTemplates writes the templates of an account as WeChat has listed them at a
	// moment. Those that are not among them are marked as removed, and what operators
	// approved for fields stays.
	PutTemplates(ctx context.Context, appID string, templates []Template, at time.Time) error
	// Templates returns the templates of an account by title and id, removed ones
	// among them, and when they were last listed; zero if never.
	Templates(ctx context.Context, appID string) ([]Template, time.Time, error)
	// TemplateOf finds a template by its id among some accounts.
	TemplateOf(ctx context.Context, id string, appIDs []string) ([]Template, error)
	// ApproveValues sets which values a field of a template may have; nil for any.
	ApproveValues(ctx context.Context, appID, id, field string, values []string) (bool, error)
}

// Filter picks messages of a realm. Empty fields pick all.
type Filter struct {
	Realm string // required
	State State
	AppID string
	Kind  Kind
	User  string
	Batch string
	// Before is the id of the last message of the page before; empty for the first.
	Before string
	Limit  int // at most this many, 1 to 1000
}

// Lane is an account's messages of a kind. WeChat counts each kind by itself, so that one
// whose quota is spent is left alone, and the others go on.
type Lane struct {
	AppID string
	Kind  Kind
}

// Pause is a lane that is left alone for a while.
type Pause struct {
	Lane
	Until time.Time
	// Reason says why, Detail in WeChat's words.
	Reason Reason
	Detail string
	// Times counts how often in a row.
	Times int
}
