package sqlstore

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	background "github.com/caddy-wsite/caddy-wsite/job"
)

// jobModel is what should be known of the jobs of one kind and account.
type jobModel struct {
	s       *Store
	appID   string
	now     time.Time
	known   map[string]background.Job
	order   []string
	holders []background.Job // as they were taken, the stale ones too
}

// modelled numbers the accounts of the model, of which each run has its own.
var modelled atomic.Int64

// TestJobModel plays what runners and operators do, in any order, against the model:
// nobody but the last one who took a running job can save it, and of a kind never two are
// open.
func TestJobModel(t *testing.T) {
	t.Parallel()
	s := openNew(t) // TestJobs shows that both engines keep the same contract
	rapid.Check(t, func(t *rapid.T) {
		m := &jobModel{s: s, appID: fmt.Sprint("wx", modelled.Add(1)), now: jobEpoch, known: map[string]background.Job{}}
		t.Repeat(map[string]func(*rapid.T){
			"add": m.add, "take": m.take, "save": m.save, "cancel": m.cancel, "resume": m.resume,
			"wait": func(*rapid.T) { m.now = m.now.Add(time.Minute) },
			"":     m.check,
		})
	})
}

// open says whether another job than this one is open.
func (m *jobModel) open(but string) bool {
	for id, j := range m.known {
		if id != but && !j.State.Ended() {
			return true
		}
	}
	return false
}

func (m *jobModel) pick(t *rapid.T) string {
	if len(m.order) == 0 {
		t.Skip("no job yet")
	}
	return rapid.SampledFrom(m.order).Draw(t, "job")
}

func (m *jobModel) want(t *rapid.T, what string, err, want error) bool {
	if !errors.Is(err, want) || want == nil && err != nil {
		t.Fatalf("%s: got error %v, want %v", what, err, want)
	}
	return err == nil
}

func (m *jobModel) add(t *rapid.T) {
	j := newJob(fmt.Sprint(m.appID, "-", len(m.order)), "model", m.appID, m.now)
	var want error
	if m.open("") {
		want = background.ErrBusy
	}
	if m.want(t, "adding", m.s.AddJob(t.Context(), j, time.Unix(0, 0)), want) {
		m.known[j.ID], m.order = j, append(m.order, j.ID)
	}
}

func (m *jobModel) take(t *rapid.T) {
	id := m.pick(t)
	j := m.known[id]
	var want error
	if j.State.Ended() || m.now.Before(j.Until) {
		want = background.ErrUnknown
	}
	node := rapid.SampledFrom([]string{"web-1", "web-2"}).Draw(t, "node")
	taken, err := m.s.TakeJob(t.Context(), id, node, m.now)
	if m.want(t, "taking", err, want) {
		j.State, j.Fence, j.Until, j.Node = background.Running, j.Fence+1, time.Time{}, node
		m.known[id], m.holders = j, append(m.holders, taken)
	}
}

func (m *jobModel) save(t *rapid.T) {
	if len(m.holders) == 0 {
		t.Skip("nobody has a job yet")
	}
	j := rapid.SampledFrom(m.holders).Draw(t, "holder")
	j.State = rapid.SampledFrom([]background.State{background.Running, background.Waiting, background.Done, background.Failed}).Draw(t, "state")
	j.Done, j.Updated = rapid.Int64Range(0, 9).Draw(t, "done"), m.now
	if j.State == background.Waiting {
		j.Until = m.now.Add(time.Minute)
	}
	if j.State.Ended() {
		j.Ended = m.now
	}
	was := m.known[j.ID]
	var want error
	if was.State != background.Running || was.Fence != j.Fence {
		want = background.ErrFenced
	}
	if m.want(t, "saving", m.s.SaveJob(t.Context(), j, nil), want) {
		m.known[j.ID] = j
	}
}

func (m *jobModel) cancel(t *rapid.T) {
	id := m.pick(t)
	j := m.known[id]
	var want error
	if j.State.Ended() {
		want = background.ErrUnknown
	}
	if m.want(t, "cancelling", m.s.CancelJob(t.Context(), id, m.now), want) {
		j.State, j.Ended, j.Updated, j.Until = background.Cancelled, m.now, m.now, time.Time{}
		m.known[id] = j
	}
}

func (m *jobModel) resume(t *rapid.T) {
	id := m.pick(t)
	j := m.known[id]
	var want error
	switch {
	case j.State != background.Failed && j.State != background.Cancelled:
		want = background.ErrUnknown
	case m.open(id):
		want = background.ErrBusy
	}
	if m.want(t, "resuming", m.s.ResumeJob(t.Context(), id, m.now), want) {
		j.State, j.Ended, j.Updated = background.Queued, time.Time{}, m.now
		m.known[id] = j
	}
}

func (m *jobModel) check(t *rapid.T) {
	for id, want := range m.known {
		got, err := m.s.Job(t.Context(), id)
		if err != nil || got.State != want.State || got.Fence != want.Fence || got.Done != want.Done ||
			!got.Until.Equal(want.Until) || !got.Ended.Equal(want.Ended) || !got.Updated.Equal(want.Updated) {
			t.Fatalf("%s is %+v, %v; want %+v", id, got, err, want)
		}
	}
}
