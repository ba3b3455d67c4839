package console

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// What WeChat has pushed, and what became of it.

var pushRoutes = []route{
	{"GET", "/pushes", seePushes, "", (*Console).pushesHome},
	{"GET", "/pushes/{appid}", seePushes, "", (*Console).pushesPage},
	{"GET", "/pushes/{appid}/dead", seePushes, "", (*Console).deadPushesPage},
	{"POST", "/pushes/{appid}/replay", replayPushes, "push_replay", (*Console).replayPushes},
}

var pushWords = map[string]Text{
	"push_replay": {"重发推送", "had pushes handed on again"},
}

// PushLog is what WeChat's server tells the gateway about accounts.
type PushLog interface {
	// Accounts are the app ids of those that take pushes.
	Accounts() []string
	// Lines tells how an account's targets stand.
	Lines(ctx context.Context, appID string) ([]PushLine, error)
	// Log lists pushes, the newest first, and the number before which it goes on; zero at
	// the end. A page may be shorter than it is long, for no more is looked at for it
	// than is reasonable.
	Log(ctx context.Context, f PushFilter) (page []Push, next int64, err error)
	// Dead lists at most limit dead letters of a target behind a number, in order.
	Dead(ctx context.Context, appID, target string, after int64, limit int) ([]Push, error)
	// Replay has dead letters of a target handed on again: the one with a key, or all if it
	// is empty. It says how many.
	Replay(ctx context.Context, appID, target, key string) (int, error)
}

// PushFilter picks pushes. Empty fields pick all.
type PushFilter struct {
	AppID       string // required
	Type, State string
	Before      int64
	Limit       int
}

// PushLine is how one target of an account's pushes stands; the empty one is the gateway.
type PushLine struct {
	Target  string
	Waiting int64
	Dead    int64
	Oldest  time.Time // when the oldest waiting one came
	Tries   int
	Next    time.Time
	Error   string
}

// Reason is what the last delivery failed with.
func (l PushLine) Reason() Text { return failureText(l.Error) }

// Push is something that WeChat has pushed. What it says is nowhere shown.
type Push struct {
	Seq    int64
	Key    string
	OpenID string
	Type   string // text, event:subscribe …
	At     time.Time
	Left   []PushTask // none once it is handed on to everybody
}

// PushTask is a target that a push has yet to be handed on to.
type PushTask struct {
	Target string
	Dead   bool
	Tries  int
	Next   time.Time
	Error  string
}

// Reason is what the last try failed with.
func (t PushTask) Reason() Text { return failureText(t.Error) }

var pushStates = []choice{
	{"waiting", Text{"等待处理", "waiting"}},
	{"dead", Text{"死信", "dead letter"}},
	{"done", Text{"已处理", "handed on"}},
}

type pushesView struct {
	AppID    string
	Accounts []string
	States   []choice
	Filter   PushFilter
	Lines    []PushLine
	List     []Push
	Next     string
	Short    bool // there may be others further back
}

// pushAccount is the account that the address names, which takes pushes.
func (v *visit) pushAccount() (string, error) {
	for _, appID := range v.Pushes.Accounts() {
		if appID == v.r.PathValue("appid") {
			return appID, nil
		}
	}
	return "", notFound
}

func (c *Console) pushesHome(v *visit) error {
	if all := c.Pushes.Accounts(); len(all) > 0 {
		return v.to("/pushes/" + all[0])
	}
	return v.page(http.StatusOK, "pushes", pushesView{})
}

func (c *Console) pushesPage(v *visit) error {
	appID, err := v.pushAccount()
	if err != nil {
		return err
	}
	f := PushFilter{AppID: appID, Type: plain(v.r.URL.Query().Get("type")), Before: max(v.seq("before"), 0), Limit: pageSize / 2}
	if f.State, err = v.chosen("state", pushStates); err != nil {
		return err
	}
	view := pushesView{AppID: appID, Accounts: c.Pushes.Accounts(), States: pushStates, Filter: f}
	if view.Lines, err = c.Pushes.Lines(v.ctx, appID); err != nil {
		return err
	}
	list, next, err := c.Pushes.Log(v.ctx, f)
	if err != nil {
		return err
	}
	view.List, view.Short = list, len(list) < f.Limit && next > 0
	if next > 0 {
		view.Next = v.next("before", strconv.FormatInt(next, 10))
	}
	return v.page(http.StatusOK, "pushes", view)
}

type deadPushesView struct {
	AppID, Target string
	List          []Push
	Next          string
}

func (c *Console) deadPushesPage(v *visit) error {
	appID, err := v.pushAccount()
	if err != nil {
		return err
	}
	view := deadPushesView{AppID: appID, Target: plain(v.r.URL.Query().Get("target"))}
	if view.List, err = c.Pushes.Dead(v.ctx, appID, view.Target, max(v.seq("after"), 0), pageSize); err != nil {
		return err
	}
	if len(view.List) == pageSize {
		view.Next = v.next("after", strconv.FormatInt(view.List[pageSize-1].Seq, 10))
	}
	return v.page(http.StatusOK, "deadpushes", view)
}

// replayPushes has the push that a form names handed on again, or all dead letters of the
// target.
func (c *Console) replayPushes(v *visit) error {
	appID, err := v.pushAccount()
	if err != nil {
		return err
	}
	target := plain(v.r.PostFormValue("target"))
	n, err := c.Pushes.Replay(v.ctx, appID, target, plain(v.r.PostFormValue("key")))
	if err != nil {
		return err
	}
	if n == 0 {
		return refuse(http.StatusConflict, "没有需要重发的推送，可能已经处理", "There is nothing to be handed on again: it may have been meanwhile")
	}
	return v.to("/pushes/" + appID + "/dead?done=push_replay&target=" + url.QueryEscape(target))
}
