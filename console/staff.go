package console

import (
	"cmp"
	"context"
	"errors"
	"regexp"
	"strings"
	"time"
)

// How long a session lasts, and a code with which somebody chooses his password.
const (
	Idle    = 12 * time.Hour
	Longest = 7 * 24 * time.Hour
	Invited = 24 * time.Hour
)

// Staff is somebody who works with the console.
type Staff struct {
	Name string // 1 to 32 of a-z, 0-9, dots, dashes and underscores
	Role Role
	// Password is argon2id in the PHC form; empty until he has chosen one.
	Password string
	Made     time.Time
	Disabled time.Time // zero if he isn't
	Factor   bool      // he has a second factor
}

// Actor is how histories name him.
func (s Staff) Actor() string { return "staff:" + s.Name }

// Seen is how he stands, for a form that changes it.
func (s Staff) Seen() string {
	if s.Disabled.IsZero() {
		return string(s.Role)
	}
	return string(s.Role) + " disabled"
}

// ErrStaffChanged says that somebody else has changed one of the staff meanwhile.
var ErrStaffChanged = errors.New("somebody else has changed him meanwhile")

var names = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]{0,31}$`)

// Session is a browser in which somebody has signed in.
type Session struct {
	ID      string // public
	Hash    []byte // SHA-256 of the token
	Staff   string
	Made    time.Time
	Used    time.Time // to a minute
	Address string    // from which he has signed in
	Browser string    // as it calls itself, at most 200 bytes
}

// alive says whether a session holds at a moment.
func (s Session) alive(now time.Time) bool {
	return now.Sub(s.Used) < Idle && now.Sub(s.Made) < Longest
}

// Invitation is a code with which somebody chooses his password.
type Invitation struct {
	Hash    []byte // SHA-256 of the code
	Staff   string // empty for the first administrator, who chooses his name as well
	Expires time.Time
}

// Entry is an entry of the journal.
type Entry struct {
	Seq     int64
	At      time.Time
	Staff   string
	What    string
	About   string // whom or what it is about
	Address string
	// Result is done or refused, perhaps with what there is to say of it in English; empty
	// if the gateway stopped in between. ZH is the same in Chinese, without done or refused;
	// empty in entries of older versions.
	Result, ZH string
}

// Came is what came of it, in words.
func (e Entry) Came() Text {
	state, said, _ := strings.Cut(e.Result, ": ")
	zh := map[string]string{"done": "成功", "refused": "拒绝"}[state]
	switch said = cmp.Or(e.ZH, said); {
	case zh == "":
		zh = cmp.Or(e.ZH, e.Result)
	case said != "":
		zh += "：" + said
	}
	return Text{zh, e.Result}
}

// Done says that it was done, whatever else the result tells.
func (e Entry) Done() bool { return e.Result == "done" || strings.HasPrefix(e.Result, "done: ") }

// EntryFilter picks entries of the journal. Empty fields pick all.
type EntryFilter struct {
	Staff, What string
	Before      int64 // an entry; zero for the newest
	Limit       int
}

// Store keeps staff. One that can't be reached answers with identity.ErrUnavailable. Every
// method that writes does it in one transaction.
type Store interface {
	FactorStore

	// ConsoleStaff finds somebody by his name.
	ConsoleStaff(ctx context.Context, name string) (Staff, bool, error)
	// ConsoleStaffs lists all, by name.
	ConsoleStaffs(ctx context.Context) ([]Staff, error)
	// PutConsoleStaff adds somebody with his invitation; false if the name is taken.
	PutConsoleStaff(ctx context.Context, s Staff, i Invitation) (bool, error)
	// ResetConsoleStaff takes somebody's password, second factor, sessions and
	// invitations, and gives him a new one; false if there is nobody of this name.
	ResetConsoleStaff(ctx context.Context, i Invitation) (bool, error)
	// PutFirstInvitation writes one for the first administrator; false if there is staff.
	PutFirstInvitation(ctx context.Context, i Invitation) (bool, error)
	// TakeInvitation gives whom a code is for his password, and returns him. Of the first
	// administrator the name is taken from as. false if the code is for nobody, or by now
	// there is staff; or for somebody who is disabled, who is returned and whose code stays.
	TakeInvitation(ctx context.Context, hash []byte, as Staff, now time.Time) (Staff, bool, error)
	// ChangeConsoleStaff writes role and Disabled, and ends the sessions of who is
	// disabled; false if that would leave no administrator who can sign in. If he has
	// another role than was, or is disabled and was wasn't, it is [ErrStaffChanged].
	ChangeConsoleStaff(ctx context.Context, was, s Staff) (bool, error)
	// SetConsolePassword writes a password, and ends all sessions but one.
	SetConsolePassword(ctx context.Context, name, password, keep string) error

	// PutConsoleSession writes a session of somebody who has this password, and isn't
	// disabled; false if by now he hasn't, or is.
	PutConsoleSession(ctx context.Context, s Session, password string) (bool, error)
	// ConsoleSession finds a session with whose it is.
	ConsoleSession(ctx context.Context, hash []byte) (Session, Staff, bool, error)
	// UseConsoleSession notes that a session is used.
	UseConsoleSession(ctx context.Context, id string, at time.Time) error
	// ConsoleSessions lists somebody's sessions, the newest first.
	ConsoleSessions(ctx context.Context, staff string) ([]Session, error)
	// EndConsoleSessions ends one of somebody's sessions; all if id is empty.
	EndConsoleSessions(ctx context.Context, staff, id string) error
	// SweepConsole takes away sessions that were last used or made before a moment, and
	// invitations that have expired.
	SweepConsole(ctx context.Context, used, made, now time.Time) error

	// PutConsoleEntry adds to the journal.
	PutConsoleEntry(ctx context.Context, e Entry) (seq int64, err error)
	// PassConsoleEntry is as much work as PutConsoleEntry, and writes no entry: how long a
	// try to sign in takes doesn't tell which names there are, and strangers fill no journal.
	PassConsoleEntry(ctx context.Context) error
	// SettleConsoleEntry writes About, Result and ZH of an entry that has no result yet.
	SettleConsoleEntry(ctx context.Context, e Entry) error
	// ConsoleEntries lists the journal, the newest first.
	ConsoleEntries(ctx context.Context, f EntryFilter) ([]Entry, error)
}
