package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"time"
)

// busyTries is how often a call is repeated after WeChat said that it is busy.
const busyTries = 2

// busyPause is the mean wait before the first repetition; it doubles after that.
const busyPause = 100 * time.Millisecond

// query is one GET to WeChat's API.
type query struct {
	api        string // path without the leading slash
	params     url.Values
	idempotent bool
	secrets    []string // values that no error may repeat
}

// do asks WeChat and returns an answer without an error code. Any error is an
// [*Error].
func (c *Client) do(ctx context.Context, q query) (answer, error) {
	for busy := 0; ; busy++ {
		a, err := c.ask(ctx, q)
		var e *Error
		if !errors.As(err, &e) || e.Code != codeBusy || busy == busyTries {
			return a, err
		}
		pause := int(busyPause << busy)
		if c.sleep(ctx, time.Duration(pause/2+c.rand(pause))) != nil {
			return answer{}, err
		}
	}
}

// ask sends the query once, to the first host that takes it.
func (c *Client) ask(ctx context.Context, q query) (answer, error) {
	r, err := c.fetch(ctx, q)
	if err != nil {
		return answer{}, &Error{
			API: q.api, Class: ClassRetry, Message: "no answer", Err: err,
			Hint: "check that this machine reaches WeChat's hosts: name server, firewall, clock and root certificates",
		}
	}
	if len(r.body) > maxAnswer {
		return answer{}, q.fault(fmt.Sprintf("the answer is larger than %d bytes", maxAnswer))
	}
	if r.status >= 300 && r.status < 400 {
		return answer{}, q.fault(fmt.Sprintf("a redirect, which is never followed (HTTP status %d)", r.status))
	}
	a, err := readAnswer(r.body)
	if err != nil {
		return answer{}, q.fault(fmt.Sprintf("%v (HTTP status %d)", err, r.status))
	}
	if a.ErrCode != 0 {
		return answer{}, q.refusal(int(a.ErrCode), string(a.ErrMsg))
	}
	if r.status/100 != 2 {
		return answer{}, q.fault(fmt.Sprintf("no error code in an answer with HTTP status %d", r.status))
	}
	return a, nil
}

// fault is an answer that WeChat should not give.
func (q query) fault(what string) *Error {
	return &Error{API: q.api, Class: ClassFault, Message: what, Hint: hintFault}
}
