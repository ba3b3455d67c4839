package console

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// What takes hours, and is done in the background.

var jobRoutes = []route{
	{"GET", "/jobs", seeJobs, "", (*Console).jobsPage},
	{"GET", "/jobs/live/events", seeJobs, "", (*Console).jobEvents},
	{"POST", "/jobs", runJobs, "job_start", (*Console).startJob},
	{"GET", "/jobs/{id}", seeJobs, "", (*Console).jobPage},
	{"POST", "/jobs/{id}/cancel", runJobs, "job_cancel", (*Console).cancelJob},
	{"POST", "/jobs/{id}/resume", runJobs, "job_resume", (*Console).resumeJob},
}

var jobWords = map[string]Text{
	"job_start":  {"启动任务", "started a job"},
	"job_cancel": {"取消任务", "cancelled a job"},
	"job_resume": {"继续任务", "let a job go on"},
}

// Jobs are what is done in the background. What it refuses it says by [Refuse].
type Jobs interface {
	// Accounts are the app ids of those that jobs are for.
	Accounts() []string
	// Jobs lists those of all accounts, the youngest first, before one of them.
	Jobs(ctx context.Context, before string, limit int) ([]Job, error)
	// Job finds one.
	Job(ctx context.Context, id string) (Job, error)
	// Problems lists the rows that it couldn't do, at most limit behind a number.
	Problems(ctx context.Context, id string, after int64, limit int) ([]Problem, error)
	// Start queues a job; from is the app id that the account had before, for a migration.
	Start(ctx context.Context, kind, appID, from, by string) (id string, err error)
	Cancel(ctx context.Context, id string) error
	Resume(ctx context.Context, id string) error
}

// Job is a job as a page shows it.
type Job struct {
	ID, Kind, AppID, By     string
	Node                    string // that works on it, or did last; empty before that
	State                   string
	Why, Error              string
	Until                   time.Time // how long it waits
	Done, Total, Filled     int64     // Total is an estimate; 0 before there is one
	Problems                int64
	Left                    time.Duration // of work; 0 if nobody knows
	Started, Updated, Ended time.Time
}

// Problem is a row that a job couldn't do; Row is masked.
type Problem struct {
	Seq                int64
	Row, Code, Message string
}

var (
	jobKinds = []choice{
		{"followers", Text{"统计关注者", "take stock of followers"}},
		{"backfill", Text{"补全 unionid", "complete unionids"}},
		{"resubject-backfill", Text{"更换开放平台后重取 unionid", "unionids of another open platform"}},
		{"migrate", Text{"公众号迁移：转换 openid", "openids of an account that has moved"}},
	}
	jobStates = []choice{
		{"queued", Text{"排队中", "queued"}},
		{"running", Text{"运行中", "running"}},
		{"waiting", Text{"等待中", "waiting"}},
		{"done", Text{"已完成", "done"}},
		{"failed", Text{"失败", "failed"}},
		{"cancelled", Text{"已取消", "cancelled"}},
	}
)

// jobReasons say why a job waits or has failed, and why it couldn't do a row.
var jobReasons = map[string]Text{
	"list_incomplete":   {"微信的关注者列表提前结束，未将任何人视为取消关注；请重新启动任务", "WeChat's list of followers ended early: nobody was taken for gone; start the job again"},
	"subject_missing":   {"该公众号不属于任何开放平台，因此没有 unionid；请填写其主体（subject）", "The account belongs to no open platform, so it has no unionids: give it its subject"},
	"account_unknown":   {"没有这个公众号", "There is no such account"},
	"from_missing":      {"迁移需要填写公众号原来的 AppID", "A migration needs the app id that the account had before"},
	"from_same":         {"原 AppID 与现在的相同，无法迁移", "An account can't be migrated to itself"},
	"kind_unknown":      {"没有这种任务", "There are no jobs of this kind"},
	"quota_share":       {"今日可用于任务的额度已用完，明天自动继续", "The share of today's quota that jobs may use is used up: it goes on tomorrow"},
	"facts_unavailable": {"无法访问数据库，恢复后自动继续", "The database can't be reached: it goes on by itself"},
	"broken":            {"出错了，详见网关日志", "Something went wrong: the gateway's log says what"},
	"openid_wrong":      {"微信表示这不是该公众号的 openid", "WeChat says that this is no openid of the account"},
	"openid_not_moved":  {"微信没有给出新的 openid", "WeChat gave no new openid"},
	"bad_openid":        {"这不可能是 openid", "This can't be an openid"},
	"bad_unionid":       {"微信给出的 unionid 有误", "What WeChat gave can't be a unionid"},
	"wechat_retry":      {"微信繁忙或无法访问，将自动重试", "WeChat is busy or can't be reached: it is tried again"},
	"wechat_fault":      {"微信的回答有误", "WeChat's answer makes no sense"},
	"wechat_config":     {"公众号的配置有误，请在「公众号」中检查", "The account's configuration is wrong: check it at Accounts"},
}

// JobReason says in words what a code of a job's means.
func JobReason(code string) Text {
	if _, known := conflictNames[code]; known {
		return conflictText(code)
	}
	if said, known := jobReasons[code]; known {
		return said
	}
	if strings.HasPrefix(code, "wechat_") {
		return Text{"微信拒绝了请求", "WeChat has refused"}
	}
	return Text{code, code}
}

// Reason says why it waits or has failed. What WeChat said stands beside it.
func (j Job) Reason() Text { return JobReason(j.Why) }

// Reason says why it couldn't be done.
func (p Problem) Reason() Text { return JobReason(p.Code) }

// KindName is what its kind is called.
func (j Job) KindName() Text { return wordsOf(jobKinds, j.Kind) }

// StateName is what its state is called.
func (j Job) StateName() Text { return wordsOf(jobStates, j.State) }

// Tone is the style of its state.
func (j Job) Tone() string {
	switch j.State {
	case "done", "running":
		return "good"
	case "failed":
		return "bad"
	case "waiting":
		return "warn"
	}
	return ""
}

// Over says that nothing more comes of it by itself.
func (j Job) Over() bool { return j.State == "done" || j.State == "failed" || j.State == "cancelled" }

// GoesOn says that it can be let go on.
func (j Job) GoesOn() bool { return j.State == "failed" || j.State == "cancelled" }

// Most is what a bar of its progress goes up to.
func (j Job) Most() int64 { return max(j.Total, j.Done, 1) }

// Remaining is how long the rest takes, in minutes or hours.
func (j Job) Remaining() Text {
	switch left := j.Left.Round(time.Minute); {
	case j.Left <= 0 || j.Over():
		return Text{}
	case left < time.Minute:
		return Text{"不到 1 分钟", "less than a minute"}
	case left < time.Hour:
		return Text{fmt.Sprintf("约 %d 分钟", left/time.Minute), fmt.Sprintf("about %d min", left/time.Minute)}
	}
	return Text{fmt.Sprintf("约 %d 小时", (j.Left+time.Hour/2)/time.Hour), fmt.Sprintf("about %d h", (j.Left+time.Hour/2)/time.Hour)}
}

type jobsView struct {
	Accounts []string
	Kinds    []choice
	List     []Job
	First    bool // it is the first page, which stays up to date by itself
	Next     string
}

func (v *visit) jobs(before string) (jobsView, error) {
	view := jobsView{Accounts: v.Jobs.Accounts(), Kinds: jobKinds, First: before == ""}
	var err error
	if view.List, err = v.Jobs.Jobs(v.ctx, before, pageSize/4); err == nil && len(view.List) == pageSize/4 {
		view.Next = "?before=" + view.List[len(view.List)-1].ID
	}
	return view, err
}

func (c *Console) jobsPage(v *visit) error {
	view, err := v.jobs(plain(v.r.URL.Query().Get("before")))
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "jobs", view)
}

// jobEvents sends the list of jobs whenever it has changed (server-sent events). Jobs run
// on any gateway, so the facts are looked at.
func (c *Console) jobEvents(v *visit) error {
	return v.live(func() ([]byte, bool, error) {
		view, err := v.jobs("")
		if err != nil {
			return nil, false, err
		}
		var body bytes.Buffer
		err = c.pages[v.lang]["jobs"].ExecuteTemplate(&body, "live", shown{Lang: v.lang, Path: "/jobs", Word: v.word, Staff: v.staff, View: view})
		return body.Bytes(), slices.ContainsFunc(view.List, func(j Job) bool { return !j.Over() }), err
	})
}

type jobView struct {
	Job      Job
	Problems []Problem
	Next     string
}

func (c *Console) jobPage(v *visit) error {
	j, err := c.Jobs.Job(v.ctx, plain(v.r.PathValue("id")))
	if err != nil {
		return err
	}
	view := jobView{Job: j}
	if view.Problems, err = c.Jobs.Problems(v.ctx, j.ID, max(v.seq("after"), 0), pageSize); err != nil {
		return err
	}
	if len(view.Problems) == pageSize {
		view.Next = v.next("after", fmt.Sprint(view.Problems[pageSize-1].Seq))
	}
	return v.page(http.StatusOK, "job", view)
}

func (c *Console) startJob(v *visit) error {
	field := v.r.PostFormValue
	id, err := c.Jobs.Start(v.ctx, field("kind"), field("appid"), strings.TrimSpace(field("from")), v.staff.Actor())
	if err != nil {
		return err
	}
	return v.to("/jobs/" + url.PathEscape(id) + "?done=job_start")
}

func (c *Console) cancelJob(v *visit) error { return v.changeJob("job_cancel", c.Jobs.Cancel) }

func (c *Console) resumeJob(v *visit) error { return v.changeJob("job_resume", c.Jobs.Resume) }

func (v *visit) changeJob(done string, change func(ctx context.Context, id string) error) error {
	id := plain(v.r.PathValue("id"))
	if err := change(v.ctx, id); err != nil {
		return err
	}
	return v.to("/jobs/" + url.PathEscape(id) + "?done=" + done)
}
