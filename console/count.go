package console

import "time"

// What is counted, hour by hour.

// Count is how often something happened in an hour.
type Count struct {
	Hour time.Time // its beginning: whole hours of UTC
	Name string    // of a [Counted]
	N    int64
}

// Counted is something that is counted by the hour.
type Counted int

const (
	// Visitors are sessions and guests that a gateway sees for the first time in an hour,
	// at each site: one who comes in three hours, or by two gateways, counts several times.
	Visitors Counted = iota
	// Visits are pages that were handed on to sites.
	Visits
	LoginsDone
	LoginsGuest // known by no more than a cookie
	LoginsDeclined
	LoginsFailed
	UsersMinted // of guests, only those whom WeChat has named
	UsersMerged
	// Pushes are those of WeChat that were its own, each once.
	Pushes
	MessagesSent
	MessagesDelivered // as far as WeChat tells
	MessagesFailed
	// Refused are requests of visitors that the gateway turned away.
	Refused
	// Failed are those that ended with a fault of ours or of a site: 5xx.
	Failed
	// EveryCounted is how many there are.
	EveryCounted
)

var countedNames = [EveryCounted]string{
	"visitors", "visits", "logins_done", "logins_guest", "logins_declined", "logins_failed", "users_minted", "users_merged",
	"pushes", "messages_sent", "messages_delivered", "messages_failed", "refused", "failed",
}

func (c Counted) String() string { return countedNames[c] }

// KeepCounts is how long hours are kept.
const KeepCounts = 400 * 24 * time.Hour
