package identity

import "time"

// EventReplaced is the type of the one event that every line of business must
// hear: an id was retired, and from now on another one stands for that person.
const EventReplaced = "userid.replaced"

// Event is something that happened to an id, written in the transaction that
// made it happen, so that it can neither be lost nor told of what was undone.
type Event struct {
	// ID names the event for ever: a consumer that has seen it can skip it.
	ID    string
	Realm string
	// Seq orders the events of a realm; the store sets it.
	Seq  int64
	Type string
	Old  string
	New  string
	// Via is how the claim came in, Cause the row of the decision table.
	Via     string
	Cause   string
	Subject string
	AppID   string
	At      time.Time
	Trace   string
}
