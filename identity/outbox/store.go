package outbox

import (
	"context"
	"errors"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// ErrLeaseLost says that another relay has taken a line over meanwhile: nothing was
// settled, and the other one delivers again.
var ErrLeaseLost = errors.New("another relay has taken the line over")

// Line names a line of business.
type Line struct {
	Realm string
	Name  string
}

// Store keeps what is delivered to whom. The events are those of [identity.Store];
// a store that can't be reached answers with [identity.ErrUnavailable].
type Store interface {
	// Join makes a line known. One that is new begins behind the newest event, or
	// with fromStart at the oldest; one that is known goes on where it was.
	Join(ctx context.Context, line Line, fromStart bool) error

	// Pending reads what a line has yet to hear, as of one moment: parked events
	// that are due, at most half of limit, then new ones.
	Pending(ctx context.Context, line Line, now time.Time, limit int) (Batch, error)

	// Lease reserves a line for holder until then, unless somebody else has it now.
	// With until = now the holder gives it back.
	Lease(ctx context.Context, line Line, holder string, now, until time.Time) (bool, error)

	// Settle writes what became of a batch, in one transaction; [ErrLeaseLost] if
	// holder isn't the one who has the line.
	Settle(ctx context.Context, line Line, holder string, s Settlement) error

	// Finalise writes the final event of each retirement that was first told
	// before a moment: at most limit events are looked at, each once for ever,
	// whoever else is at it. more says that there may be others.
	Finalise(ctx context.Context, realm string, before, now time.Time, limit int) (more bool, err error)

	// Lines tells how every line stands that was ever known, by realm and name.
	Lines(ctx context.Context) ([]Status, error)

	// Dead returns at most limit dead letters of a line with Seq > after, in order.
	Dead(ctx context.Context, line Line, after int64, limit int) ([]Parcel, error)

	// Replay makes parked events due now, dead letters among them, and lets the
	// line be tried at once: those with the ids given, or all of them. It says how
	// many.
	Replay(ctx context.Context, line Line, ids []string, now time.Time) (int, error)
}

// Batch is what a line has yet to hear.
type Batch struct {
	State
	Holder string    // of the lease
	Until  time.Time // the lease's end
	// Parcels are in the order of their events.
	Parcels []Parcel
}

// State is how far a line is, and how it goes.
type State struct {
	// Cursor is the Seq up to which every event was delivered or parked.
	Cursor int64
	// Tries counts how often in a row the line couldn't be reached, Since says
	// since when, and before Next it isn't tried again.
	Tries int
	Since time.Time
	Next  time.Time
	// Error is the code of the last failure; empty after a batch without one.
	Error string
}

// Parcel is an event on its way to one line. Its New is who stands for the old id
// now; Recorded is who did when the event was written.
type Parcel struct {
	identity.Event
	Recorded string
	// Parked tells an event that was set aside from a new one. Tries counts how
	// often it was sent, Since is the first time, and before Next it isn't sent
	// again; Error is the code of the last failure.
	Parked bool
	Tries  int
	Since  time.Time
	Next   time.Time
	Error  string
	// Dead letters are sent when somebody asks for it, and stop no other event.
	Dead bool
	// Blocked says that a parked event about the same user has to go first.
	Blocked bool
}

// Settlement is what became of a batch.
type Settlement struct {
	State
	Delivered []int64  // parked events to forget, by Seq
	Parked    []Parcel // to park, or to change
}

// Status is how a line stands.
type Status struct {
	Line
	State
	Behind  int64     // events after the cursor
	Waiting int64     // parked events that will be tried again
	Dead    int64     // dead letters
	Oldest  time.Time // when the oldest event happened that is neither delivered nor dead; zero if none
}
