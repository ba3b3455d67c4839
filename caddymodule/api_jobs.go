package caddymodule

import (
	"time"

	"github.com/caddy-wsite/caddy-wsite/job"
)

// Jobs: what takes hours, and is done in the background.

// jobIn is a job that somebody wants done.
type jobIn struct {
	// Kind is backfill, followers, migrate or resubject-backfill.
	Kind string `json:"kind"`
	// From is the app id that the account had before; for migrate.
	From string `json:"from,omitempty"`
}

type jobOut struct {
	ID    string    `json:"id"`
	Kind  string    `json:"kind"`
	AppID string    `json:"appid"`
	State job.State `json:"state"`
	// Until is how long a waiting job waits, Why a code for why it waits or has failed.
	Until time.Time `json:"until,omitzero"`
	Why   string    `json:"why,omitempty"`
	Error string    `json:"error,omitempty"`
	// Done and Total count rows; Total is an estimate, 0 before there is one. Filled are
	// those about which something was learnt.
	Done     int64 `json:"done"`
	Total    int64 `json:"total"`
	Filled   int64 `json:"filled"`
	Problems int64 `json:"problems"`
	// Remaining is how many seconds of work are left; missing if nobody knows.
	Remaining int       `json:"remaining,omitempty"`
	Started   time.Time `json:"started"`
	Updated   time.Time `json:"updated"`
	Ended     time.Time `json:"ended,omitzero"`
	By        string    `json:"by"`
	// Node is the gateway that works on it, or did last, as its machine and the number of
	// its process.
	Node string `json:"node,omitempty"`
}

func jobOf(j job.Job) jobOut {
	out := jobOut{
		ID: j.ID, Kind: j.Kind, AppID: j.AppID, State: j.State, Why: j.Why, Error: j.Error, Done: j.Done, Total: j.Total, Filled: j.Filled,
		Problems: j.Problems, Started: j.Started, Updated: j.Updated, Ended: j.Ended, By: j.By, Node: j.Node,
	}
	if j.State == job.Waiting {
		out.Until = j.Until
	}
	if left, ok := j.Remaining(); ok && !j.State.Ended() {
		out.Remaining = int(left / time.Second)
	}
	return out
}

// wholeAccount refuses a key that isn't for every realm of an account, where something is
// about all who use the account.
func (c *apiCall) wholeAccount(appID string) error {
	for _, realm := range c.realmsOf(appID) {
		if !c.key.For(realm) {
			return apiRefuse(apiNoAccount).saying("the account is used in other realms, too: this needs a key for all of them")
		}
	}
	return nil
}

func (c *apiCall) startJob(in jobIn) (jobOut, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return jobOut{}, err
	}
	if !c.at.KeepsToken() {
		return jobOut{}, apiRefuse(apiNoToken) // it would try for hours
	}
	var params map[string]string
	if in.From != "" {
		params = map[string]string{job.ParamFrom: in.From}
	}
	j, err := c.jobs.Start(c.ctx, in.Kind, c.at.AppID, params, c.actor())
	return jobOf(j), err
}

// job is the one that the address names, if it is for this key.
func (c *apiCall) job() (job.Job, error) {
	j, err := c.jobs.Get(c.ctx, c.r.PathValue("id"))
	if err != nil {
		return j, err
	}
	if c.atAccount(j.AppID) != nil || c.wholeAccount(j.AppID) != nil {
		return job.Job{}, job.ErrUnknown
	}
	return j, nil
}

func (c *apiCall) getJob(none) (jobOut, error) {
	j, err := c.job()
	return jobOf(j), err
}

func (c *apiCall) cancelJob(none) (none, error) {
	j, err := c.job()
	if err == nil {
		err = c.jobs.Cancel(c.ctx, j.ID)
	}
	return none{}, err
}

func (c *apiCall) resumeJob(none) (none, error) {
	j, err := c.job()
	if err == nil {
		err = c.jobs.Resume(c.ctx, j.ID)
	}
	return none{}, err
}

type jobsQuery struct {
	// Before is the id of the last job of the page before.
	Before string `json:"before,omitempty"`
	Limit  int    `json:"limit,omitempty"`
}

type jobsOut struct {
	Jobs   []jobOut `json:"jobs"`
	Before string   `json:"before,omitempty"`
}

// listJobs lists the jobs of an account, the youngest first.
func (c *apiCall) listJobs(in jobsQuery) (jobsOut, error) {
	if err := c.wholeAccount(c.at.AppID); err != nil {
		return jobsOut{}, err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return jobsOut{}, err
	}
	var before job.Job
	if in.Before != "" {
		if before, err = c.jobs.Get(c.ctx, in.Before); err != nil {
			return jobsOut{}, apiRefuse(apiBadCursor)
		}
	}
	list, err := c.jobs.List(c.ctx, c.at.AppID, before, limit)
	out := jobsOut{Jobs: []jobOut{}}
	for _, j := range list {
		out.Jobs = append(out.Jobs, jobOf(j))
	}
	if len(list) == limit {
		out.Before = list[limit-1].ID
	}
	return out, err
}

type problemsQuery struct {
	After int `json:"after,omitempty"`
	Limit int `json:"limit,omitempty"`
}

type problemOut struct {
	Seq int64 `json:"seq"`
	// Row names the row, masked.
	Row     string `json:"row"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

type problemsOut struct {
	Problems []problemOut `json:"problems"`
}

// jobProblems lists the rows that a job could not do.
func (c *apiCall) jobProblems(in problemsQuery) (problemsOut, error) {
	j, err := c.job()
	if err != nil {
		return problemsOut{}, err
	}
	limit, err := pageSize(in.Limit)
	if err != nil {
		return problemsOut{}, err
	}
	list, err := c.jobs.Problems(c.ctx, j.ID, int64(in.After), limit)
	out := problemsOut{Problems: []problemOut{}}
	for _, p := range list {
		out.Problems = append(out.Problems, problemOut{p.Seq, p.Row, p.Code, p.Message})
	}
	return out, err
}

// jobAccount is an account as the jobs want to know it.
func (a *App) jobAccount(appID string) (job.Account, bool) {
	account := a.directory().Account(appID)
	if account == nil {
		return job.Account{}, false
	}
	return job.Account{AppID: appID, Subject: account.SubjectOrSelf(), Realms: a.realmsOf(appID)}, true
}
