package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/inbox"
)

// The log of pushes.

// log is a page of it, as keys, and the number before which it goes on.
func log(t *testing.T, s inbox.Store, f inbox.LogFilter) (keys string, next int64, page []inbox.Logged) {
	t.Helper()
	f.AppID = line.AppID
	if f.Look == 0 {
		f.Look = 100
	}
	page, next, err := s.PushLog(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range page {
		keys += l.Key + " "
	}
	return keys, next, page
}

func logged(t *testing.T, s inbox.Store) {
	die(t, s, "dead", "o1")
	put(t, s, "done", "o2")
	tasks, _ := take(t, s, line, t0)
	settle(t, s, line, inbox.Settlement{Done: []int64{tasks[0].Seq}})
	put(t, s, "waiting", "o3", inbox.Delivery{Target: inbox.Own, Next: t0}, inbox.Delivery{Target: "crm", Next: t0.Add(time.Hour)})
	if _, err := s.PutPush(t.Context(), inbox.Push{AppID: "wx2", Key: "foreign", Kind: "text", At: t0, Came: t0, Sealed: []byte{}}, nil); err != nil {
		t.Fatal(err)
	}
	keys, next, page := log(t, s, inbox.LogFilter{Limit: 10})
	want(t, keys, "waiting done dead ")
	want(t, next, int64(0))
	want(t, page[0].OpenID, "o3")
	want(t, page[0].Came, t0)
	want(t, len(page[0].Sealed), 0)
	want(t, fmt.Sprint(page[0].Tasks[0].Target, page[0].Tasks[1].Target, page[0].Tasks[1].Next.Equal(t0.Add(time.Hour))), "crmtrue")
	want(t, len(page[1].Tasks), 0)
	want(t, fmt.Sprint(page[2].Tasks[0].Dead, page[2].Tasks[0].Tries, page[2].Tasks[0].Error), "true 9status_500")
	for f, found := range map[inbox.LogFilter]string{
		{Limit: 10, Standing: inbox.StandsDead}:                     "dead ",
		{Limit: 10, Standing: inbox.StandsWaiting}:                  "waiting ",
		{Limit: 10, Standing: inbox.StandsDone}:                     "done ",
		{Limit: 10, Kind: page[0].Kind}:                             "waiting done dead ",
		{Limit: 10, Kind: "event:none"}:                             "",
		{Limit: 10, Kind: page[0].Kind, Standing: inbox.StandsDead}: "dead ",
		{Limit: 1}:                       "waiting ",
		{Limit: 10, Before: page[1].Seq}: "dead ",
		{Limit: 10, Before: page[1].Seq, Standing: inbox.StandsWaiting}:         "",
		{Limit: 10, Before: page[0].Seq, Standing: inbox.StandsDone, Look: 100}: "done ",
	} {
		got, _, _ := log(t, s, f)
		want(t, fmt.Sprintf("%+v: %s", f, got), fmt.Sprintf("%+v: %s", f, found))
	}
	_, next, _ = log(t, s, inbox.LogFilter{Limit: 1})
	want(t, next, page[0].Seq)
}

func lookedAt(t *testing.T, s inbox.Store) {
	for i := range 9 {
		put(t, s, fmt.Sprint("k", i), "o1")
	}
	die(t, s, "k0", "o1")
	keys, next, _ := log(t, s, inbox.LogFilter{Limit: 2, Look: 5, Standing: inbox.StandsDead})
	want(t, keys, "")
	keys, _, page := log(t, s, inbox.LogFilter{Limit: 2, Look: 5, Before: next, Standing: inbox.StandsDead})
	want(t, keys, "k0 ")
	want(t, page[0].Tasks[0].Dead, true)
	keys, next, _ = log(t, s, inbox.LogFilter{Limit: 2, Look: 50, Standing: inbox.StandsDead})
	want(t, keys, "k0 ")
	want(t, next, int64(0))
}
