package sqlstore

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"time"

	background "github.com/caddy-wsite/caddy-wsite/job"
)

const (
	jobColumns = `SELECT id, kind, appid, params, state, fence, due_at, why, error, cursor_at, done, total, filled,
		problems, tries, worked, started, updated, ended, by_whom, node FROM job `
	jobByID       = jobColumns + `WHERE id = $1`
	jobsOfAll     = jobColumns + `WHERE (started, id) < ($1, $2) ORDER BY started DESC, id DESC LIMIT $3`
	jobsOfAccount = jobColumns + `WHERE appid = $4 AND (started, id) < ($1, $2) ORDER BY started DESC, id DESC LIMIT $3`
	jobsDue       = jobColumns + `WHERE ended IS NULL AND due_at <= $1 ORDER BY due_at LIMIT $2`
)

// jobs are the jobs that one of the queries above finds.
func jobs(c *session, query string, args ...any) ([]background.Job, error) {
	var list []background.Job
	err := c.each(query, args, func(rows *sql.Rows) error {
		var j background.Job
		var params string
		var due, worked, started, updated int64
		var ended sql.NullInt64
		err := rows.Scan(&j.ID, &j.Kind, &j.AppID, &params, &j.State, &j.Fence, &due, &j.Why, &j.Error, &j.Cursor, &j.Done, &j.Total, &j.Filled,
			&j.Problems, &j.Tries, &worked, &started, &updated, &ended, &j.By, &j.Node)
		if err != nil {
			return err
		}
		if j.State == background.Waiting {
			j.Until = time.UnixMicro(due).UTC()
		}
		j.Worked = time.Duration(worked) * time.Microsecond
		j.Started, j.Updated, j.Ended = time.UnixMicro(started).UTC(), time.UnixMicro(updated).UTC(), timeOf(ended)
		list = append(list, j)
		return json.Unmarshal([]byte(params), &list[len(list)-1].Params)
	})
	return list, err
}

// Job returns a job; [background.ErrUnknown] if there is none.
func (s *Store) Job(ctx context.Context, id string) (background.Job, error) {
	list, err := s.jobs(ctx, jobByID, id)
	if err == nil && len(list) == 0 {
		err = background.ErrUnknown
	}
	if err != nil {
		return background.Job{}, fmt.Errorf("reading a job: %w", err)
	}
	return list[0], nil
}

// Jobs returns at most limit jobs, the youngest first, from before the given start and id,
// if any; those of all accounts if appID is empty.
func (s *Store) Jobs(ctx context.Context, appID string, before background.Job, limit int) ([]background.Job, error) {
	from := int64(1<<63 - 1)
	if !before.Started.IsZero() {
		from = before.Started.UnixMicro()
	}
	query, args := jobsOfAll, []any{from, before.ID, max(limit, 0)}
	if appID != "" {
		query, args = jobsOfAccount, append(args, appID)
	}
	list, err := s.jobs(ctx, query, args...)
	if err != nil {
		return nil, fmt.Errorf("listing jobs: %w", err)
	}
	return list, nil
}

// DueJobs returns at most limit jobs to work on, the one that is due for the longest time
// first.
func (s *Store) DueJobs(ctx context.Context, now time.Time, limit int) ([]background.Job, error) {
	list, err := s.jobs(ctx, jobsDue, now.UnixMicro(), max(limit, 0))
	if err != nil {
		return nil, fmt.Errorf("looking for jobs: %w", err)
	}
	return list, nil
}

func (s *Store) jobs(ctx context.Context, query string, args ...any) (list []background.Job, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		list, err = jobs(c, query, args...)
		return err
	})
	return list, err
}

// JobProblems returns at most limit problems of a job with Seq > after, in order.
func (s *Store) JobProblems(ctx context.Context, id string, after int64, limit int) ([]background.Problem, error) {
	var list []background.Problem
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT seq, item, code, message FROM job_problem WHERE job = $1 AND seq > $2 ORDER BY seq LIMIT $3`,
			[]any{id, after, max(limit, 0)}, func(rows *sql.Rows) error {
				var p background.Problem
				err := rows.Scan(&p.Seq, &p.Row, &p.Code, &p.Message)
				list = append(list, p)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("reading the problems of a job: %w", err)
	}
	return list, nil
}
