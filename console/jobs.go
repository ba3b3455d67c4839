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
