package wechat

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// busyTries is how often a call is repeated after WeChat said that it is busy.
const busyTries = 2

// busyPause is the mean wait before the first repetition; it doubles after that.
const busyPause = 100 * time.Millisecond

// query is one call of WeChat's API: a GET, or a POST if it has a body.
type query struct {
	api        string // path without the leading slash
	appID      string // the account whose quota it costs
	params     url.Values
	body       any // what is sent as JSON
	idempotent bool
	once       bool     // not even repeated when WeChat says that it is busy
	bySecret   bool     // proved with the account's secret, not with a token
	secrets    []string // values that no error may repeat

	method      string // of Raw; else it follows from the body
	contentType string
	payload     []byte
	limit       int64 // bytes of the answer; 0 is maxAnswer
	media       bool  // an answer that is no JSON is one, too

	problem string // why it can't be sent at all
}

// need notes the first reason for which the query can't be sent.
func (q *query) need(ok bool, problem string) {
	if !ok && q.problem == "" {
		q.problem = problem
	}
}

// do asks WeChat and reads an answer without an error code into a struct of
// tolerant fields, unless into is nil. Any error is an [*Error].
func (c *Client) do(ctx context.Context, q query, into any) error {
	if q.body != nil {
		payload, err := encode(q.body)
		q.need(err == nil, "what is to be sent is no JSON")
		q.method, q.contentType, q.payload = http.MethodPost, "application/json", payload
	}
	r, err := c.send(ctx, q)
	if err != nil || into == nil {
		return err
	}
	if err := readAnswer(r.body, into); err != nil {
		return q.fault(err.Error())
	}
	return nil
}

// send sends the query, and again while WeChat is too busy to look at it. A
// response beside an error is what WeChat refused with.
func (c *Client) send(ctx context.Context, q query) (response, error) {
	if q.problem != "" {
		return response{}, &Error{API: q.api, Class: ClassFault, Message: q.problem, Hint: hintBug}
	}
	for busy := 0; ; busy++ {
		r, err := c.ask(ctx, q)
		var e *Error
		if !errors.As(err, &e) || e.Code != codeBusy || q.once || busy == busyTries {
			return r, err
		}
		pause := int(busyPause << busy)
		if c.sleep(ctx, time.Duration(pause/2+c.rand(pause))) != nil {
			return response{}, err
		}
	}
}

// ask sends the query once, to the first host that takes it, and judges the
// answer.
func (c *Client) ask(ctx context.Context, q query) (response, error) {
	r, err := c.fetch(ctx, q)
	if err != nil {
		e := &Error{
			API: q.api, Class: ClassRetry, Message: "no answer", Err: err,
			Hint: "check that this machine reaches WeChat's hosts: name server, firewall, clock and root certificates",
		}
		var f *failure
		e.unsent = !errors.As(err, &f) || !f.left
		c.usage.failed(q, e, c.now())
		return response{}, e
	}
	if e := q.judge(r, c.now()); e != nil {
		c.usage.failed(q, e, c.now())
		return r, e
	}
	return r, nil
}

// judge says what is wrong with a response, if anything is.
func (q query) judge(r response, now time.Time) *Error {
	if int64(len(r.body)) > q.most() {
		return q.fault(fmt.Sprintf("the answer is larger than %d bytes", q.most()))
	}
	if r.status >= 300 && r.status < 400 {
		return q.fault(fmt.Sprintf("a redirect, which is never followed (HTTP status %d)", r.status))
	}
	var h head
	if err := readAnswer(r.body, &h); err != nil && !q.media {
		return q.fault(fmt.Sprintf("%v (HTTP status %d)", err, r.status))
	}
	if h.ErrCode != 0 {
		return q.refusal(int(h.ErrCode), string(h.ErrMsg), now)
	}
	if r.status/100 != 2 {
		return q.fault(fmt.Sprintf("no error code in an answer with HTTP status %d", r.status))
	}
	return nil
}

// most is how many bytes of an answer are read.
func (q query) most() int64 {
	if q.limit > 0 {
		return q.limit
	}
	return maxAnswer
}

// fault is an answer that WeChat should not give.
func (q query) fault(what string) *Error {
	return &Error{API: q.api, Class: ClassFault, Message: what, Hint: hintFault}
}
