package identity

import "time"

// EventType says what happened.
type EventType string

const (
	// EventReplaced is the one event that every line of business must act on: an id
	// was retired, and from now on another one stands for that person.
	EventReplaced EventType = "userid.replaced"
	// EventUnbound tells that a WeChat account no longer leads to Old, who lives on.
	// New is the fresh virtual id by which that WeChat account is known from now on.
	EventUnbound EventType = "userid.unbound"
	// EventErased tells that Old is forgotten: delete what is kept under it.
	EventErased EventType = "userid.erased"
	// EventBlocked and EventUnblocked tell that Old is turned away, and let in again.
	EventBlocked   EventType = "userid.blocked"
	EventUnblocked EventType = "userid.unblocked"
	// EventRebindAsked is the notice before a user moves to another WeChat account:
	// tell the person now, while there is time to object.
	EventRebindAsked EventType = "userid.rebind_requested"
	// EventRebindEnded tells that such a move was called off or couldn't be made;
	// Cause says which.
	EventRebindEnded EventType = "userid.rebind_ended"
	// EventConflict tells that a business named a user for Old who can't be; Cause is
	// the code of the [Conflict]. Nothing has changed.
	EventConflict EventType = "userid.conflict"
)

// EventTypes are all of them.
var EventTypes = []EventType{
	EventReplaced, EventUnbound, EventErased, EventBlocked, EventUnblocked, EventRebindAsked, EventRebindEnded, EventConflict,
}

// Phase tells the two events of one retirement apart.
type Phase string

const (
	PhaseFirst Phase = "first" // the id has just been retired
	PhaseFinal Phase = "final" // nobody can hold a token with the retired id any more: rewrite what came late
)

// Event is something that happened to an id, written in the transaction that
// made it happen, so that it can neither be lost nor told of what was undone.
type Event struct {
	// ID names the event for ever: a consumer that has seen it can skip it.
	ID    string
	Realm string
	// Seq orders the events of a realm without gaps; the store sets it.
	Seq  int64
	Type EventType
	// Phase is empty but for [EventReplaced].
	Phase Phase
	Old   string
	New   string
	// Via is how the claim came in, Cause the row of the decision table or the code
	// of a conflict.
	Via     string
	Cause   string
	Subject string
	AppID   string
	At      time.Time
	Trace   string
}
