package sqlstore

import (
	"strings"
	"testing"
)

// jobCrowd fills the tables of jobs, so that PostgreSQL cares how it reads them.
var jobCrowd = []string{
	`INSERT INTO job (id, kind, appid, params, state, fence, due_at, started, updated, ended, by_whom)
		SELECT 'x' || i, 'k', 'wx' || i % 100, '{}', CASE WHEN i % 50 = 0 THEN 'queued' ELSE 'done' END, 0, i, i, i, CASE WHEN i % 50 = 0 THEN NULL ELSE i END, 'b'
		FROM generate_series(1, 5000) AS i WHERE i % 50 <> 0 OR i <= 100`,
	`INSERT INTO job_problem (job, seq, item, code, message) SELECT 'x' || i % 50, i, 'o', 'c', 'm' FROM generate_series(1, 5000) AS i`,
	`INSERT INTO follower (appid, openid, following, at, scene) SELECT 'wx1', 'o' || i, 1, 1, '' FROM generate_series(1, 5000) AS i`,
	`ANALYZE`,
}

// jobsIndexed runs all other promises, and looks how the engine answers what they asked.
func jobsIndexed(t *testing.T, s *Store) {
	jobComesBack(t, s)
	oneJob := newJob("i1", "indexed", "wx7", jobEpoch)
	addJob(t, s, oneJob)
	takeJob(t, s, "i1")
	_ = s.CancelJob(t.Context(), "i1", jobEpoch)
	_ = s.ResumeJob(t.Context(), "i1", jobEpoch)
	_, _ = s.JobProblems(t.Context(), "i1", 0, 1)
	_, _ = s.DueJobs(t.Context(), jobEpoch, 1)
	_, _ = s.Jobs(t.Context(), "", oneJob, 1)
	_, _ = s.Jobs(t.Context(), "wx7", oneJob, 1)
	openidsOfAccount(t, s)
	followersOfAccount(t, s)
	asked := map[string]bool{}
	for range cap(s.readers.idle) {
		r := <-s.readers.idle
		if r != nil {
			for q := range r.statements {
				asked[q] = true
			}
		}
		defer func() { s.readers.idle <- r }()
	}
	if err := s.writer.write(t.Context(), func(c *session) error {
		for q := range c.statements {
			asked[q] = true
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if isPostgres(placeOf(s)) {
		run(t, placeOf(s), append(append([]string{}, crowd[:len(crowd)-1]...), jobCrowd...)...)
	}
	seen := 0
	for q := range asked {
		ours := strings.Contains(q, " job") || strings.Contains(q, "FROM follower") || strings.Contains(q, "FROM openid_key WHERE realm = $1 AND appid = $2")
		if !ours || strings.Contains(q, "DELETE FROM job_problem") { // of a few jobs, when another is started
			continue
		}
		seen++
		wantPlan(t, s, q)
	}
	if seen < 12 {
		t.Errorf("only %d statements were seen", seen)
	}
}
