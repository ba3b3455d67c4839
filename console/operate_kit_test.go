package console_test

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-wsite/caddy-wsite/console"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// nasty is what others may have written into what is shown.
const nasty = `<script>alert(1)</script>"'><img src=x onerror=alert(2)>`

// openID is nowhere shown whole.
const openID = "oABCDEFGHIJKLMNOPQRSTUVWXYZ1"

// operations are a gateway's messages, events, pushes, jobs and audit. It notes what it is
// told to do.
type operations struct {
	mu     sync.Mutex
	done   []string
	fails  error
	jobs   []console.Job
	broken bool // the audit's chain
}

func (o *operations) do(what ...any) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.done = append(o.done, fmt.Sprint(what...))
	return o.fails
}

// told is what it was last told to do, of so many.
func (o *operations) told() (last string, n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n = len(o.done); n > 0 {
		last = o.done[n-1]
	}
	return last, n
}

func (o *operations) Messages(_ context.Context, f console.MessageFilter) ([]console.Message, error) {
	if f.AppID == "" && f.State == "" && f.Kind == "" {
		var full []console.Message
		for i := range f.Limit {
			full = append(full, console.Message{ID: fmt.Sprint("m", i), Kind: "custom", State: "sent"})
		}
		return full, o.fails
	}
	return []console.Message{
		{ID: "f1", User: "u1", AppID: "wx01", OpenID: openID, Kind: "template", Title: "Order " + nasty, Excerpt: "Green tea", State: "failed", Reason: console.Text{ZH: "微信拒绝发送", EN: "WeChat refuses it"}, Detail: nasty, Tries: 3, Fails: true, By: "key:1"},
		{ID: "q1", User: "u1", AppID: "wx01", OpenID: openID, Kind: "template", State: "queued", Waits: true, Next: time.Unix(1_800_000_000, 0)},
	}, o.fails
}

func (o *operations) Paused(context.Context) ([]console.Pause, error) {
	return []console.Pause{{AppID: "wx01", Kind: console.Text{ZH: "模板消息", EN: "template messages"}, Reason: console.Text{ZH: "额度已用完", EN: "used up"}, Detail: nasty}}, nil
}

func (o *operations) Resend(_ context.Context, realm, id string) error {
	return o.do("resend ", realm, "/", id)
}

func (o *operations) Cancel(_ context.Context, realm, id string) error {
	return o.do("cancel ", realm, "/", id)
}

func (o *operations) Quotas(context.Context) ([]console.Quota, error) {
	return []console.Quota{{AppID: "wx01", Clears: true, Used: []console.Used{{API: "cgi-bin/message/template/send", Today: 17, SpentUntil: time.Unix(1_800_000_000, 0)}}}}, nil
}

func (o *operations) Resume(_ context.Context, appID string) error { return o.do("resume ", appID) }

func (o *operations) ClearQuota(_ context.Context, appID string) error { return o.do("clear ", appID) }

func (o *operations) Lines(context.Context) ([]console.Line, error) {
	return []console.Line{{Realm: "main", Name: "orders", Served: true, Cursor: 5, Behind: 2, Parked: 1, Dead: 1, Error: "status_503"}, {Realm: "other", Name: "elsewhere"}}, o.fails
}

func (o *operations) Dead(context.Context, string, string, int64, int) ([]console.DeadEvent, error) {
	return []console.DeadEvent{{Event: identity.Event{ID: "v1" + nasty, Seq: 1, Type: identity.EventReplaced, Old: "v1", New: "r1"}, Tries: 99, Error: "timeout"}}, o.fails
}

func (o *operations) Replay(_ context.Context, realm, line string, ids []string) (int, error) {
	return 1, o.do("replay ", realm, "/", line, ids)
}

func (o *operations) Feed(_ context.Context, _ string, before int64, _ int) ([]identity.Event, error) {
	if before != 0 {
		return []identity.Event{{Seq: 1, Type: "userid.erased", Old: "gone"}}, nil
	}
	return []identity.Event{{Seq: 9, Type: "userid.replaced", Old: "v1", New: "r1", Via: "login", Cause: nasty}, {Seq: 8, Type: "userid.blocked", Old: "r2"}}, nil
}

// pushes are an account's.
type pushes struct{ *operations }

func (pushes) Accounts() []string { return []string{"wx01"} }
func (pushes) Lines(context.Context, string) ([]console.PushLine, error) {
	return []console.PushLine{{Target: "", Waiting: 1}, {Target: "crm", Dead: 2, Error: "unreachable"}}, nil
}

func (p pushes) Log(_ context.Context, f console.PushFilter) ([]console.Push, int64, error) {
	if f.Before != 0 || f.Type != "" && f.Type != "text" {
		return nil, 0, nil
	}
	return []console.Push{
		{Seq: 9, Key: "k9", OpenID: openID, Type: "event:" + nasty, Left: []console.PushTask{{Target: "crm", Dead: true, Tries: 7, Error: "unreachable"}}},
		{Seq: 8, Key: "k8", OpenID: openID, Type: "text"},
	}, 5, nil
}

func (p pushes) Dead(context.Context, string, string, int64, int) ([]console.Push, error) {
	return []console.Push{{Seq: 9, Key: "k9", OpenID: openID, Type: "text", Left: []console.PushTask{{Dead: true, Tries: 7, Error: "status_500"}}}}, nil
}

func (p pushes) Replay(_ context.Context, appID, target, key string) (int, error) {
	if key == "gone" {
		return 0, nil
	}
	return 1, p.do("push ", appID, "/", target, "/", key)
}

// jobs are what runs in the background.
type jobs struct{ *operations }

func (jobs) Accounts() []string { return []string{"wx01"} }
func (j jobs) Jobs(context.Context, string, int) ([]console.Job, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.operations.jobs, j.fails
}

func (j jobs) Job(_ context.Context, id string) (console.Job, error) {
	if id != "j1" {
		return console.Job{}, console.Refuse(http.StatusNotFound, "没有这个任务", "There is no such job")
	}
	return console.Job{ID: "j1", Kind: "followers", AppID: "wx01", Node: "web-1/4711", State: "failed", Error: nasty, Why: "broken", Done: 5, Total: 10, Problems: 1}, nil
}

func (jobs) Problems(context.Context, string, int64, int) ([]console.Problem, error) {
	return []console.Problem{{Seq: 1, Row: "oA…Z1", Code: "refused", Message: nasty}}, nil
}

func (j jobs) Start(_ context.Context, kind, appID, from, by string) (string, error) {
	return "j1", j.do("start ", kind, " ", appID, " ", from, " ", by)
}
func (j jobs) Cancel(_ context.Context, id string) error { return j.do("end ", id) }
func (j jobs) Resume(_ context.Context, id string) error { return j.do("go on ", id) }

func (o *operations) Records(_ context.Context, q identity.AuditQuery) ([]identity.AuditRecord, int64, error) {
	_ = o.do("records ", q.About, " ", q.Actor, " ", q.Op, " ", q.Before, " ", q.From.UTC().Format(time.RFC3339))
	if q.Before != 0 {
		return []identity.AuditRecord{{Seq: 1, Actor: "gateway", Op: "resolve"}}, 0, nil
	}
	return []identity.AuditRecord{
		{Seq: 3, Actor: "staff:li", Op: "block", Detail: &identity.AuditDetail{User: "=cmd|' /C calc'!A0", Evidence: nasty, OpenID: openID, AppID: "wx01"}},
		{Seq: 2, Actor: "key:1", Op: "bind", Detail: &identity.AuditDetail{User: "u2", OpenID: "(erased)"}},
	}, 2, nil
}

func (o *operations) Verify(_ context.Context, realm string, kept []byte, progress func(int64)) (int64, []byte, int64, error) {
	_ = o.do("verify ", realm)
	progress(1000)
	switch {
	case o.broken:
		return 1000, make([]byte, 32), 0, fmt.Errorf("verifying audit: record 1001 is missing: %w", identity.ErrAuditBroken)
	case len(kept) > 0 && kept[0] == 7:
		return 2000, make([]byte, 32), 0, nil
	case len(kept) > 0:
		return 2000, make([]byte, 32), 1500, nil
	}
	return 2000, make([]byte, 32), 0, nil
}
