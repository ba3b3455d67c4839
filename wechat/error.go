package wechat

import (
	"net/netip"
	"strconv"
	"strings"
	"time"
)

// Class says what to do about an [Error].
type Class string

const (
	// ClassRetry: the same call may work later. A code may be spent by then, so
	// a login begins anew rather than waiting.
	ClassRetry Class = "retry"
	// ClassRefresh: the token of this call is dead. An account's token is
	// fetched anew and the call repeated once (wechat-api.md §4.3); a visitor
	// whose grant can't be refreshed begins the login anew.
	ClassRefresh Class = "refresh"
	// ClassRestart: the code is of no use; begin the login anew, once. A visitor
	// who has a session just goes on (wechat-api.md §1.6).
	ClassRestart Class = "restart"
	// ClassConfig: the operator must act; see [Error.Hint].
	ClassConfig Class = "config"
	// ClassUser: WeChat refuses this visitor. Tell him; trying again is no use.
	ClassUser Class = "user"
	// ClassFault: nonsense from WeChat (no JSON, missing fields, an unknown
	// code), or a request that WeChat takes for nonsense. Worth a report.
	ClassFault Class = "fault"
)

// Error is a call to WeChat that failed. It may be logged and shown to an
// operator: it never holds a secret, a code, a token or a whole openid.
type Error struct {
	// API is the path that was called, such as "sns/userinfo".
	API string
	// Code is WeChat's errcode; 0 if there is none.
	Code  int
	Class Class
	// Message is WeChat's errmsg without its tail, cleaned and at most 200 bytes
	// long, or what is wrong with the answer. Its wording changes: never
	// compare it.
	Message string
	// RID is WeChat's number of the request, for its rid query and its support;
	// empty if it gave none.
	RID string
	// Hint tells the operator what to do; may be empty.
	Hint string
	// Until is when the same call may work again, if the code tells: midnight in
	// China for 45009, the next minute for 45011, an hour or a day after an
	// administrator's refusal (89507, 89506). Otherwise zero.
	Until time.Time
	// Err is why no answer came; nil when one came. It holds no URL.
	Err error

	unsent bool
}

// Unsent says that no answer came because the request surely never left, so that
// even a message may be sent again.
func (e *Error) Unsent() bool { return e.unsent }

// IP is this machine's address as WeChat saw it, from the message of a refusal
// for that address (40164, 45035, 61004, 89501 to 89507); otherwise it is not
// valid.
func (e *Error) IP() netip.Addr {
	switch e.Code {
	case 40164, 45035, 61004, 89501, 89503, 89506, 89507:
		if ip, ok := firstAddr(e.Message); ok {
			return ip
		}
	}
	return netip.Addr{}
}

func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("calling " + e.API + ": ")
	if e.Code != 0 {
		b.WriteString("errcode " + strconv.Itoa(e.Code) + " ")
	}
	b.WriteString(e.Message)
	if e.RID != "" {
		b.WriteString(" (rid " + e.RID + ")")
	}
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Unwrap gives what stopped the call, such as [context.DeadlineExceeded] or
// [ErrNoHost].
func (e *Error) Unwrap() error { return e.Err }
