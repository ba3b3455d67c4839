package inbox

import (
	"context"
	"time"
)

// Handlers are what we do with pushes ourselves; nil ones do nothing. Each may be called
// again with what it had before. An error has the push handed over again later; a
// [*Failure] tells how.
type Handlers struct {
	// Follow hears of follows and unfollows.
	Follow func(ctx context.Context, f Follow) error
	// Scan hears of parametric QR codes that were scanned, after Follow, whatever came of
	// that.
	Scan func(ctx context.Context, s Scan) error
	// Sent hears what became of template messages.
	Sent func(ctx context.Context, s Sent) error
	// Personal hears of changed and withdrawn personal information.
	Personal func(ctx context.Context, p Personal) error
}

// Follow is a visitor who follows an account now, or has ceased to.
type Follow struct {
	AppID, OpenID string
	Following     bool
	At            time.Time
	Scene, Ticket string // of the QR code that he came by; empty if by none
}

// Scan is a visitor who has scanned a parametric QR code.
type Scan struct {
	AppID, OpenID string
	Scene, Ticket string
	Followed      bool // by this very scan
	At            time.Time
	Key           string // of this scan, the same whenever it is told again
}

// Sent is what became of a template message.
type Sent struct {
	AppID, OpenID string
	MsgID         int64
	Status        string // success, failed:user block, failed:system failed
	At            time.Time
}

// Personal is one of WeChat's three events about personal information.
type Personal struct {
	AppID, OpenID string
	UnionID       string // may be empty, and then OpenID isn't
	// Kind is user_info_modified (nickname and picture are out of date),
	// user_authorization_revoke (what Revoked names is to be deleted), or
	// user_authorization_cancellation (the person is gone from WeChat: erase him).
	Kind    string
	Revoked string // WeChat's number of what is withdrawn, such as 205 or 301
	At      time.Time
}

// Failure says why a push wasn't taken.
type Failure struct {
	// Code is a word for operators. It holds neither address nor secret.
	Code string
	// Unreachable says that the target, not the push, was the reason: the next one
	// would fare no better.
	Unreachable bool
	// Final says that trying again is no use.
	Final bool
}

func (f *Failure) Error() string { return f.Code }
