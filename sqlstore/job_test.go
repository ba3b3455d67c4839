package sqlstore

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/caddy-wsite/caddy-wsite/follower"
	"github.com/caddy-wsite/caddy-wsite/identity"
	background "github.com/caddy-wsite/caddy-wsite/job"
)

// The contract of package job, which both engines keep.
var (
	_ background.Store         = (*Store)(nil)
	_ background.Facts         = (*Store)(nil)
	_ background.FollowerStore = (*Store)(nil)
)

func TestJobs(t *testing.T) {
	t.Parallel()
	onBoth(t, func(t *testing.T, fresh func(testing.TB) string) {
		for promise, try := range map[string]func(t *testing.T, s *Store){
			"a job comes back as it was added":                                jobComesBack,
			"of a kind one job is under way for an account":                   oneJobOfAKind,
			"who takes a job fences off the one who had it":                   jobFenced,
			"a cancelled job can be saved by nobody, and be resumed":          jobCancelled,
			"a waiting job is due when its time has come":                     jobWaits,
			"problems are numbered, and the first thousand are kept":          jobProblems,
			"jobs are listed from the youngest on, page by page":              jobsListed,
			"old jobs of the kind are forgotten with their problems":          jobsForgotten,
			"openids of an account are listed in pages, and found by name":    openidsOfAccount,
			"followers of an account are listed in pages":                     followersOfAccount,
			"every statement about jobs finds its rows by an index":           jobsIndexed,
			"a job is kept whatever its texts are, within what a text can be": jobTexts,
		} {
			t.Run(promise, func(t *testing.T) {
				t.Parallel()
				try(t, openAt(t, fresh(t)))
			})
		}
	})
}

// jobEpoch is when the jobs of these tests begin.
var jobEpoch = time.Date(2026, 5, 1, 12, 0, 0, 123456000, time.UTC)

func newJob(id, kind, appID string, at time.Time) background.Job {
	return background.Job{ID: id, Kind: kind, AppID: appID, State: background.Queued, Started: at, Updated: at, By: "key:k1"}
}

func addJob(t *testing.T, s *Store, j background.Job) {
	t.Helper()
	if err := s.AddJob(t.Context(), j, time.Time{}.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
}

func takeJob(t *testing.T, s *Store, id string) background.Job {
	t.Helper()
	j, err := s.TakeJob(t.Context(), id, "web-1", jobEpoch)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

func wantErr(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("got error %v, want %v", err, want)
	}
}

func jobComesBack(t *testing.T, s *Store) {
	added := newJob("j1", "migrate", "wx1", jobEpoch)
	added.Params = map[string]string{"from": "wx0"}
	addJob(t, s, added)
	got, err := s.Job(t.Context(), "j1")
	if err != nil || !reflect.DeepEqual(got, added) {
		t.Errorf("got %+v, %v; want %+v", got, err, added)
	}
	_, err = s.Job(t.Context(), "j2")
	wantErr(t, err, background.ErrUnknown)

	saved := takeJob(t, s, "j1")
	if saved.State != background.Running || saved.Fence != 1 || saved.Node != "web-1" {
		t.Fatalf("took %+v", saved)
	}
	saved.State, saved.Why, saved.Error, saved.Until = background.Waiting, "quota", "no more today", jobEpoch.Add(time.Hour)
	saved.Cursor, saved.Done, saved.Total, saved.Filled, saved.Problems, saved.Tries = `{"after":"o1"}`, 2, 3, 1, 0, 4
	saved.Worked, saved.Updated = 5*time.Second, jobEpoch.Add(time.Minute)
	if err := s.SaveJob(t.Context(), saved, nil); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Job(t.Context(), "j1"); err != nil || !reflect.DeepEqual(got, saved) {
		t.Errorf("got %+v, %v; want %+v", got, err, saved)
	}
}

func oneJobOfAKind(t *testing.T, s *Store) {
	addJob(t, s, newJob("j1", "backfill", "wx1", jobEpoch))
	wantErr(t, s.AddJob(t.Context(), newJob("j2", "backfill", "wx1", jobEpoch), time.Unix(0, 0)), background.ErrBusy)
	addJob(t, s, newJob("j3", "backfill", "wx2", jobEpoch))
	addJob(t, s, newJob("j4", "followers", "wx1", jobEpoch))
	if err := s.CancelJob(t.Context(), "j1", jobEpoch); err != nil {
		t.Fatal(err)
	}
	addJob(t, s, newJob("j5", "backfill", "wx1", jobEpoch))
	wantErr(t, s.ResumeJob(t.Context(), "j1", jobEpoch), background.ErrBusy)
}

func jobFenced(t *testing.T, s *Store) {
	addJob(t, s, newJob("j1", "backfill", "wx1", jobEpoch))
	first, second := takeJob(t, s, "j1"), takeJob(t, s, "j1")
	if second.Fence != first.Fence+1 {
		t.Fatalf("fences %d and %d", first.Fence, second.Fence)
	}
	second.Cursor, second.Done = "two", 2
	if err := s.SaveJob(t.Context(), second, nil); err != nil {
		t.Fatal(err)
	}
	first.Cursor, first.Done, first.State, first.Ended, first.Problems = "one", 1, background.Done, jobEpoch, 1
	wantErr(t, s.SaveJob(t.Context(), first, []background.Problem{{Row: "o…", Code: "c"}}), background.ErrFenced)
	got, err := s.Job(t.Context(), "j1")
	if err != nil || got.Cursor != "two" || got.State != background.Running {
		t.Errorf("got %+v, %v", got, err)
	}
	if list, err := s.JobProblems(t.Context(), "j1", 0, 10); err != nil || len(list) != 0 {
		t.Errorf("got problems %v, %v", list, err)
	}
}

func jobCancelled(t *testing.T, s *Store) {
	addJob(t, s, newJob("j1", "backfill", "wx1", jobEpoch))
	j := takeJob(t, s, "j1")
	j.Cursor = "here"
	if err := s.SaveJob(t.Context(), j, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.CancelJob(t.Context(), "j1", jobEpoch.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.SaveJob(t.Context(), j, nil), background.ErrFenced)
	wantErr(t, s.CancelJob(t.Context(), "j1", jobEpoch), background.ErrUnknown)
	_, err := s.TakeJob(t.Context(), "j1", "web-1", jobEpoch.Add(time.Hour))
	wantErr(t, err, background.ErrUnknown)
	if err := s.ResumeJob(t.Context(), "j1", jobEpoch); err != nil {
		t.Fatal(err)
	}
	wantErr(t, s.SaveJob(t.Context(), j, nil), background.ErrFenced)
	if again := takeJob(t, s, "j1"); again.Cursor != "here" || again.Fence != j.Fence+1 || !again.Ended.IsZero() {
		t.Errorf("resumed as %+v", again)
	}
	wantErr(t, s.ResumeJob(t.Context(), "j1", jobEpoch), background.ErrUnknown)
}

func jobWaits(t *testing.T, s *Store) {
	addJob(t, s, newJob("j1", "backfill", "wx1", jobEpoch))
	j := takeJob(t, s, "j1")
	until := jobEpoch.Add(time.Hour)
	j.State, j.Until = background.Waiting, until
	if err := s.SaveJob(t.Context(), j, nil); err != nil {
		t.Fatal(err)
	}
	addJob(t, s, newJob("j2", "backfill", "wx2", jobEpoch.Add(time.Minute)))
	due := func(now time.Time) string {
		list, err := s.DueJobs(t.Context(), now, 10)
		if err != nil {
			t.Fatal(err)
		}
		var ids []string
		for _, j := range list {
			ids = append(ids, j.ID)
		}
		return strings.Join(ids, " ")
	}
	if got := due(until.Add(-time.Microsecond)); got != "j2" {
		t.Errorf("before its time %q is due", got)
	}
	_, err := s.TakeJob(t.Context(), "j1", "web-1", until.Add(-time.Microsecond))
	wantErr(t, err, background.ErrUnknown)
	if got := due(until); got != "j2 j1" {
		t.Errorf("at its time %q is due", got)
	}
	if j, err = s.TakeJob(t.Context(), "j1", "web-1", until); err != nil || j.Why != "" || !j.Until.IsZero() {
		t.Errorf("took %+v, %v", j, err)
	}
	if got := due(until); got != "j2 j1" {
		t.Errorf("%q is due, but a killed process has left j1 running", got)
	}
}

func jobProblems(t *testing.T, s *Store) {
	addJob(t, s, newJob("j1", "backfill", "wx1", jobEpoch))
	j := takeJob(t, s, "j1")
	const most = background.MaxProblems
	for met := 0; met < most+300; met += 130 {
		var some []background.Problem
		for i := range 130 {
			some = append(some, background.Problem{Row: fmt.Sprint("o…", met+i), Code: "c", Message: "m"})
		}
		j.Problems += 130
		if err := s.SaveJob(t.Context(), j, some); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.JobProblems(t.Context(), "j1", 0, 10*most)
	if err != nil || len(list) != most || list[0].Seq != 1 || list[most-1].Seq != most || list[most-1].Row != fmt.Sprint("o…", most-1) {
		t.Fatalf("got %d problems, %v", len(list), err)
	}
	page, err := s.JobProblems(t.Context(), "j1", 500, 2)
	if err != nil || !reflect.DeepEqual(page, list[500:502]) {
		t.Errorf("got page %v, %v", page, err)
	}
	if got, err := s.Job(t.Context(), "j1"); err != nil || got.Problems != j.Problems {
		t.Errorf("got %d problems counted, %v; want %d", got.Problems, err, j.Problems)
	}
}

func jobsListed(t *testing.T, s *Store) {
	for i := range 7 {
		// Several are started at the same moment.
		addJob(t, s, newJob(fmt.Sprint("j", i), fmt.Sprint("kind", i), fmt.Sprint("wx", i%2), jobEpoch.Add(time.Duration(i/2)*time.Second)))
	}
	for appID, want := range map[string]string{"": "j6 j5 j4 j3 j2 j1 j0", "wx1": "j5 j3 j1", "wx9": ""} {
		var ids []string
		var last background.Job
		for {
			page, err := s.Jobs(t.Context(), appID, last, 2)
			if err != nil {
				t.Fatal(err)
			}
			if len(page) == 0 {
				break
			}
			for _, last = range page {
				ids = append(ids, last.ID)
			}
		}
		if got := strings.Join(ids, " "); got != want {
			t.Errorf("of %q: got %s, want %s", appID, got, want)
		}
	}
}

func jobsForgotten(t *testing.T, s *Store) {
	for i, appID := range []string{"wx1", "wx2"} {
		addJob(t, s, newJob(fmt.Sprint("j", i), "backfill", appID, jobEpoch))
		j := takeJob(t, s, fmt.Sprint("j", i))
		j.State, j.Ended, j.Problems = background.Done, jobEpoch, 1
		if err := s.SaveJob(t.Context(), j, []background.Problem{{Row: "o…", Code: "c"}}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.AddJob(t.Context(), newJob("j2", "backfill", "wx1", jobEpoch), jobEpoch); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Job(t.Context(), "j0"); err != nil {
		t.Errorf("one that is just old enough to stay is gone: %v", err)
	}
	if err := s.CancelJob(t.Context(), "j2", jobEpoch.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if err := s.AddJob(t.Context(), newJob("j3", "backfill", "wx1", jobEpoch), jobEpoch.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	_, err := s.Job(t.Context(), "j0")
	wantErr(t, err, background.ErrUnknown)
	for id, want := range map[string]int{"j0": 0, "j1": 1} {
		if list, err := s.JobProblems(t.Context(), id, 0, 10); err != nil || len(list) != want {
			t.Errorf("%s: got problems %v, %v; want %d", id, list, err, want)
		}
	}
}

func openidsOfAccount(t *testing.T, s *Store) {
	c := centre(s)
	for _, x := range []identity.Claim{claim("o1", ""), claim("O2", "n2"), claim("o3", ""), claim("o_4", ""), claim("o-5", "")} {
		if _, err := c.Resolve(t.Context(), x); err != nil {
			t.Fatal(err)
		}
	}
	other := claim("o6", "")
	other.AppID = "wx2"
	if _, err := c.Resolve(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	linked := map[string]string{}
	for after := ""; ; {
		page, err := s.OpenidsOf(t.Context(), "shop", "wx1", after, 2)
		if err != nil {
			t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, o := range page {
			if linked[o.OpenID] = o.UnionID; o.AppID != "wx1" || o.Version == 0 {
				t.Errorf("got %+v", o)
			}
			after = o.OpenID
		}
	}
	want := map[string]string{"o1": "", "O2": "n2", "o3": "", "o_4": "", "o-5": ""}
	if !reflect.DeepEqual(linked, want) {
		t.Errorf("got %v, want %v", linked, want)
	}
	if n, err := s.CountOpenidsOf(t.Context(), "shop", "wx1"); n != 5 || err != nil {
		t.Errorf("counted %d, %v", n, err)
	}
	named, err := s.OpenidsNamed(t.Context(), "shop", "wx1", []string{"O2", "o6", "o1"})
	if err != nil || len(named) != 2 || named["O2"].UnionID != "n2" || named["o1"].Guest == "" {
		t.Errorf("got %+v, %v", named, err)
	}
}

func followersOfAccount(t *testing.T, s *Store) {
	given := []follower.Follower{
		{AppID: "wx1", OpenID: "oa", Following: true, At: jobEpoch, Scene: "ADD_SCENE_SEARCH"},
		{AppID: "wx1", OpenID: "ob", At: jobEpoch},
		{AppID: "wx2", OpenID: "oc", Following: true, At: jobEpoch},
		{AppID: "wx1", OpenID: "od", Following: true, At: jobEpoch.Add(time.Second)},
	}
	if err := s.SetFollowers(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	first, err := s.FollowersOf(t.Context(), "wx1", "", 2)
	if err != nil || !reflect.DeepEqual(first, given[:2]) {
		t.Errorf("got %+v, %v", first, err)
	}
	if rest, err := s.FollowersOf(t.Context(), "wx1", "ob", 2); err != nil || !reflect.DeepEqual(rest, given[3:]) {
		t.Errorf("got %+v, %v", rest, err)
	}
}

func jobTexts(t *testing.T, s *Store) {
	j := newJob("j1", "backfill", "wx1", jobEpoch)
	j.Params = map[string]string{`a"b`: "中文 '\\"}
	addJob(t, s, j)
	taken := takeJob(t, s, "j1")
	taken.Error = `it's "quoted" 中文`
	if err := s.SaveJob(t.Context(), taken, []background.Problem{{Row: "o…'", Code: "c", Message: "中文"}}); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Job(t.Context(), "j1"); err != nil || got.Error != taken.Error || !reflect.DeepEqual(got.Params, j.Params) {
		t.Errorf("got %+v, %v", got, err)
	}
}
