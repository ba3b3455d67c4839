package inbox

import (
	"context"
	"errors"
	"time"
)

// ErrLeaseLost says that another node has taken the line over meanwhile: nothing was
// settled, and the other one hands on again.
var ErrLeaseLost = errors.New("another node has taken the line over")

// Own is the target of the line that leads to our own handlers. No subscriber has an
// empty name.
const Own = ""

// Line is where pushes of an account are handed on to: a subscriber, or [Own].
type Line struct{ AppID, Target string }

// Push is a push in the queue.
type Push struct {
	AppID string
	// Key tells it apart from all others of the account (push.Message.Key).
	Key    string
	OpenID string // whom it is about; may be empty
	Kind   string // text, event:subscribe, …
	At     time.Time
	Came   time.Time
	Sealed []byte // what WeChat said
}

// Delivery is a target of a new push, and the time before which it isn't handed on.
type Delivery struct {
	Target string
	Next   time.Time
}

// Task is a push on its way to one target.
type Task struct {
	Push
	Target string
	Seq    int64 // in the order in which pushes came
	// Tries counts the failures, Since is the first, Error the code of the last one,
	// and before Next it isn't tried again.
	Tries int
	Since time.Time
	Next  time.Time
	Error string
	// LineTries is Settlement.Tries of the line as it was taken.
	LineTries int
	// Dead letters are handed on when somebody asks for it, and stop no other.
	Dead bool
}

// Settlement is what became of the tasks that were taken.
type Settlement struct {
	Done   []int64 // by Seq
	Failed []Task  // with what changes of them: Tries, Since, Next, Error, Dead
	// Tries counts how often in a row the line couldn't be reached, and before Next
	// it isn't tried again. Error is the code of the last failure.
	Tries int
	Next  time.Time
	Error string
}

// LineStatus is how a line stands.
type LineStatus struct {
	Line
	Waiting int64     // not handed on yet
	Dead    int64     // dead letters
	Oldest  time.Time // when the oldest waiting one came; zero if none
	Tries   int       // how often in a row it couldn't be reached
	Next    time.Time // when it is tried again, if Tries isn't 0
	Error   string    // code of the last failure
}

// Standing says how far a push is: with some of its targets, or with all.
type Standing string

const (
	StandsWaiting Standing = "waiting" // to be handed on to some target
	StandsDead    Standing = "dead"    // a dead letter for some target
	StandsDone    Standing = "done"    // handed on to everybody
)

// LogFilter picks pushes of an account. Empty fields pick all.
type LogFilter struct {
	AppID    string // required
	Kind     string
	Standing Standing
	// Before is the Seq before which to look; zero for the newest.
	Before int64
	// Limit is how many pushes are returned, Look how many are looked at for them.
	Limit, Look int
}

// Logged is a push as the log tells of it, without what it says.
type Logged struct {
	Push
	Seq int64
	// Tasks are the targets that it has yet to be handed on to.
	Tasks []Task
}

// Store keeps the queue. One that can't be reached answers with
// identity.ErrUnavailable; what it has acknowledged it never loses.
type Store interface {
	// PutPush queues a push for its targets, unless one with its key is or was
	// there: fresh tells. All nodes agree on it.
	PutPush(ctx context.Context, p Push, targets []Delivery) (fresh bool, err error)

	// DueLines returns lines that have something to be handed on now and that nobody
	// works on, those that wait longest first.
	DueLines(ctx context.Context, now time.Time, limit int) ([]Line, error)

	// TakePushes reserves a line for holder until then, and returns what is due, at
	// most limit, and of each visitor only what came first. ok is false if somebody
	// else has the line.
	TakePushes(ctx context.Context, line Line, holder string, now, until time.Time, limit int) (due []Task, ok bool, err error)

	// SettlePushes writes what became of tasks and gives the line back, in one
	// transaction; [ErrLeaseLost] if holder isn't the one who has the line. Of a visitor whose task failed and isn't
	// dead all others wait, too. next says when the line is due again; zero if nothing
	// is left.
	SettlePushes(ctx context.Context, line Line, holder string, s Settlement) (next time.Time, err error)

	// FinishPush forgets the task of a push that was handed on past the queue.
	FinishPush(ctx context.Context, line Line, key string) error

	// PushLines tells how the lines of an account stand, by target.
	PushLines(ctx context.Context, appID string) ([]LineStatus, error)

	// DeadPushes returns at most limit dead letters with Seq > after, in order.
	DeadPushes(ctx context.Context, line Line, after int64, limit int) ([]Task, error)

	// PushLog returns at most f.Limit pushes of an account, the newest first, each with
	// what is left to be done about it. It looks at no more than f.Look pushes; next is
	// the Seq before which it goes on, zero if nothing is left.
	PushLog(ctx context.Context, f LogFilter) (page []Logged, next int64, err error)

	// ReplayPushes makes dead letters due now and lets the line be tried at once: those
	// with the keys given, or all of them. It says how many.
	ReplayPushes(ctx context.Context, line Line, keys []string, now time.Time) (int, error)

	// SweepPushes forgets, of what came since from and at most limit, what came before
	// done and was handed on to everybody, and all that came before all. It returns where
	// to go on; zero at the end.
	SweepPushes(ctx context.Context, from, done, all time.Time, limit int) (next time.Time, err error)

	// ForgetPushes forgets all that is about a visitor, but for what WeChat says about
	// his personal information, such as that it is to be erased: subscribers have to
	// hear it, too.
	ForgetPushes(ctx context.Context, appID, openID string) error
}
