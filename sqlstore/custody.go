package sqlstore

import (
	"context"
	"fmt"
	"time"
)

// Custody reads the sealed token of an account, and the fence of the last
// reservation. Without one, both are zero.
func (s *Store) Custody(ctx context.Context, appID string) (sealed []byte, fence int64, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		sealed, fence = nil, 0
		_, err := c.one(`SELECT sealed, fence FROM custody WHERE appid = $1`, []any{appID}, []any{&sealed, &fence})
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("reading a token in custody: %w", err)
	}
	return sealed, fence, nil
}

// ReserveCustody makes holder the only one who may write an account's token, until
// until or the next reservation. ok is false while somebody else's lasts.
func (s *Store) ReserveCustody(ctx context.Context, appID, holder string, now, until time.Time) (fence int64, ok bool, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		ok, err = c.one(`INSERT INTO custody (appid, fence, holder, until_at) VALUES ($1, 1, $2, $4)
			ON CONFLICT (appid) DO UPDATE SET fence = custody.fence + 1, holder = excluded.holder, until_at = excluded.until_at
				WHERE custody.until_at <= $3 RETURNING fence`,
			[]any{appID, holder, now.UnixMicro(), until.UnixMicro()}, []any{&fence})
		return err
	})
	if err != nil {
		return 0, false, fmt.Errorf("reserving a token in custody: %w", err)
	}
	return fence, ok, nil
}

// PutCustody writes an account's token, if fence is that of the last reservation,
// even where that has run out.
func (s *Store) PutCustody(ctx context.Context, appID string, fence int64, sealed []byte) (put bool, err error) {
	err = s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`UPDATE custody SET sealed = $3 WHERE appid = $1 AND fence = $2`, appID, fence, sealed)
		put = n > 0
		return err
	})
	if err != nil {
		return false, fmt.Errorf("writing a token in custody: %w", err)
	}
	return put, nil
}

// ReleaseCustody ends the reservation of holder. That of anybody else stays.
func (s *Store) ReleaseCustody(ctx context.Context, appID, holder string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE custody SET until_at = 0 WHERE appid = $1 AND holder = $2`, appID, holder)
		return err
	})
	if err != nil {
		return fmt.Errorf("releasing a token in custody: %w", err)
	}
	return nil
}
