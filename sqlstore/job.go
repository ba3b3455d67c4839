package sqlstore

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
	background "github.com/caddy-wsite/caddy-wsite/job"
)

// AddJob queues a job; [background.ErrBusy] if one of its kind is under way for its account.
func (s *Store) AddJob(ctx context.Context, j background.Job, forget time.Time) error {
	params, err := json.Marshal(j.Params)
	if err != nil {
		return fmt.Errorf("adding a job: %w", err)
	}
	err = s.writer.write(ctx, func(c *session) error {
		if _, err := c.exec(`DELETE FROM job_problem WHERE job IN (SELECT id FROM job WHERE appid = $1 AND kind = $2 AND ended < $3)`,
			j.AppID, j.Kind, forget.UnixMicro()); err != nil {
			return err
		}
		if _, err := c.exec(`DELETE FROM job WHERE appid = $1 AND kind = $2 AND ended < $3`, j.AppID, j.Kind, forget.UnixMicro()); err != nil {
			return err
		}
		_, err := c.exec(`INSERT INTO job (id, kind, appid, params, state, fence, due_at, started, updated, by_whom)
			VALUES ($1, $2, $3, $4, $5, 0, $6, $6, $7, $8)`,
			j.ID, j.Kind, j.AppID, string(params), string(background.Queued), j.Started.UnixMicro(), j.Updated.UnixMicro(), j.By)
		return err
	})
	if errors.Is(err, identity.ErrConflict) {
		err = background.ErrBusy
	}
	if err != nil {
		return fmt.Errorf("adding a job: %w", err)
	}
	return nil
}

// TakeJob raises the fence of a job that is due and makes it running at a node;
// [background.ErrUnknown] if it isn't due.
func (s *Store) TakeJob(ctx context.Context, id, node string, now time.Time) (background.Job, error) {
	var taken []background.Job
	err := s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`UPDATE job SET state = 'running', fence = fence + 1, why = '', error = '', node = $3 WHERE id = $1 AND ended IS NULL AND due_at <= $2`,
			id, now.UnixMicro(), node)
		if err = someJob(n, err); err == nil {
			taken, err = jobs(c, jobByID, id)
		}
		return err
	})
	if err != nil {
		return background.Job{}, fmt.Errorf("taking a job: %w", err)
	}
	return taken[0], nil
}

// SaveJob writes the state and the progress of a running job, and adds problems;
// [background.ErrFenced] if the job is not running under j.Fence.
func (s *Store) SaveJob(ctx context.Context, j background.Job, problems []background.Problem) error {
	due := j.Until
	if j.State != background.Waiting {
		due = j.Started
	}
	err := s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`UPDATE job SET state = $3, due_at = $4, why = $5, error = $6, cursor_at = $7, done = $8, total = $9, filled = $10,
				problems = $11, tries = $12, worked = $13, updated = $14, ended = $15
			WHERE id = $1 AND fence = $2 AND state = 'running'`,
			j.ID, j.Fence, string(j.State), due.UnixMicro(), j.Why, j.Error, j.Cursor, j.Done, j.Total, j.Filled,
			j.Problems, j.Tries, j.Worked.Microseconds(), j.Updated.UnixMicro(), moment(j.Ended))
		if err != nil {
			return err
		}
		if n == 0 {
			return background.ErrFenced
		}
		seq := j.Problems - int64(len(problems))
		for _, p := range problems {
			if seq++; seq > background.MaxProblems {
				break
			}
			if _, err := c.exec(`INSERT INTO job_problem (job, seq, item, code, message) VALUES ($1, $2, $3, $4, $5)`,
				j.ID, seq, p.Row, p.Code, p.Message); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("saving a job: %w", err)
	}
	return nil
}

// CancelJob ends a job that isn't over; [background.ErrUnknown] if there is none.
func (s *Store) CancelJob(ctx context.Context, id string, now time.Time) error {
	err := s.writer.write(ctx, func(c *session) error {
		return someJob(c.exec(`UPDATE job SET state = 'cancelled', updated = $2, ended = $2 WHERE id = $1 AND ended IS NULL`, id, now.UnixMicro()))
	})
	if err != nil {
		return fmt.Errorf("cancelling a job: %w", err)
	}
	return nil
}

// ResumeJob queues a job again that has failed or was cancelled, to go on from its cursor;
// [background.ErrUnknown] if there is none, [background.ErrBusy] as AddJob.
func (s *Store) ResumeJob(ctx context.Context, id string, now time.Time) error {
	err := s.writer.write(ctx, func(c *session) error {
		return someJob(c.exec(`UPDATE job SET state = 'queued', why = '', error = '', tries = 0, due_at = $2, updated = $2, ended = NULL
			WHERE id = $1 AND state IN ('failed', 'cancelled')`, id, now.UnixMicro()))
	})
	if errors.Is(err, identity.ErrConflict) {
		err = background.ErrBusy
	}
	if err != nil {
		return fmt.Errorf("resuming a job: %w", err)
	}
	return nil
}

// someJob turns "no row" into the word for it.
func someJob(n int64, err error) error {
	if err == nil && n == 0 {
		return background.ErrUnknown
	}
	return err
}
