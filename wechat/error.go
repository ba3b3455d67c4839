package wechat

import (
	"strconv"
	"strings"
)

// Class says what to do about an [Error].
type Class string

const (
	// ClassRetry: the same call may work later. A code may be spent by then, so
	// a login begins anew rather than waiting.
	ClassRetry Class = "retry"
	// ClassRefresh: the user token is dead. Who keeps no refresh token begins
	// the login anew.
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
	// Err is why no answer came; nil when one came. It holds no URL.
	Err error
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
