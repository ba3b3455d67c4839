package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

// RecordScan finds the code of a scan, and records the scan.
func (s *Store) RecordScan(ctx context.Context, mark []byte, scan scene.Scan, grace time.Duration, keep int64) (code scene.Code, outcome scene.Outcome, done bool, err error) {
	// Most pushes of a busy account are for other systems, and cost no write.
	found := false
	err = s.readers.use(ctx, func(c *session) error {
		var one int
		var err error
		found, err = c.one(`SELECT 1 FROM scene_code WHERE mark = $1`, []any{mark}, []any{&one})
		return err
	})
	if err == nil && found {
		err = s.writer.write(ctx, func(c *session) (err error) {
			code, outcome, done, err = recordScan(c, mark, scan, grace, keep)
			return err
		})
	}
	switch {
	case err != nil:
		return scene.Code{}, "", false, fmt.Errorf("recording a scan: %w", err)
	case !found:
		return scene.Code{}, scene.Foreign, false, nil
	}
	return code, outcome, done, nil
}

func recordScan(c *session, mark []byte, scan scene.Scan, grace time.Duration, keep int64) (scene.Code, scene.Outcome, bool, error) {
	var r sceneRow
	found, err := c.one(sceneColumns+` WHERE mark = $1`, []any{mark}, r.dest())
	if err != nil || !found {
		return scene.Code{}, scene.Foreign, false, err
	}
	code := r.code()
	var outcome scene.Outcome
	var done int
	known, err := c.one(`SELECT outcome, done FROM scene_scan WHERE code = $1 AND event = $2`, []any{code.ID, scan.Key}, []any{&outcome, &done})
	if err != nil {
		return scene.Code{}, "", false, err
	}
	if known {
		return code, outcome, done == 1, nil
	}
	outcome = scene.Judge(code, scan, grace)
	code.Scans++
	if scan.At.After(code.LastScan) {
		code.LastScan = scan.At
	}
	if code.Single && outcome == scene.Good {
		code.Used, code.UsedBy = scan.At, scan.Key
	}
	_, err = c.exec(`INSERT INTO scene_scan (code, seq, event, appid, openid, followed, at, outcome) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`,
		code.ID, code.Scans, scan.Key, scan.AppID, scan.OpenID, bit(scan.Followed), scan.At.UnixMicro(), string(outcome))
	if err != nil {
		return scene.Code{}, "", false, err
	}
	_, err = c.exec(`UPDATE scene_code SET scans = $3, last_scan = $4, used_at = $5, used_by = $6 WHERE realm = $1 AND id = $2`,
		code.Realm, code.ID, code.Scans, moment(code.LastScan), moment(code.Used), code.UsedBy)
	if err != nil || code.Scans <= keep {
		return code, outcome, false, err
	}
	_, err = c.exec(`DELETE FROM scene_scan WHERE code = $1 AND seq <= $2`, code.ID, code.Scans-keep)
	return code, outcome, false, err
}

// EndScan writes that a scan was acted on.
func (s *Store) EndScan(ctx context.Context, code scene.Code, key string) error {
	err := s.writer.write(ctx, func(c *session) error {
		_, err := c.exec(`UPDATE scene_scan SET done = 1 WHERE code = $1 AND event = $2`, code.ID, key)
		return err
	})
	if err != nil {
		return fmt.Errorf("ending a scan: %w", err)
	}
	return nil
}

// Scans lists the newest scans of a code.
func (s *Store) Scans(ctx context.Context, realm, id string, limit int) ([]scene.Recorded, error) {
	var list []scene.Recorded
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(`SELECT x.openid, x.followed, x.at, x.outcome, x.done FROM scene_code s CROSS JOIN scene_scan x
			WHERE s.realm = $1 AND s.id = $2 AND x.code = s.id ORDER BY x.seq DESC LIMIT $3`, []any{realm, id, limit}, func(rows *sql.Rows) error {
			var r scene.Recorded
			var followed, done int
			var at int64
			err := rows.Scan(&r.OpenID, &followed, &at, &r.Outcome, &done)
			r.Followed, r.Done, r.At = followed == 1, done == 1, time.UnixMicro(at).UTC()
			list = append(list, r)
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing scans: %w", err)
	}
	return list, nil
}

// EraseScans forgets who made scans.
func (s *Store) EraseScans(ctx context.Context, appID, openID string) (n int64, err error) {
	err = s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE scene_scan SET openid = '' WHERE appid = $1 AND openid = $2 AND openid <> ''`, appID, openID)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("erasing scans: %w", err)
	}
	return n, nil
}

// SweepScenes takes away temporary codes that expired long ago.
func (s *Store) SweepScenes(ctx context.Context, before time.Time, limit int) (bool, error) {
	const old = `SELECT id FROM scene_code WHERE expires < $1 ORDER BY expires, id LIMIT $2`
	var n int64
	err := s.writer.write(ctx, func(c *session) (err error) {
		if _, err = c.exec(`DELETE FROM scene_scan WHERE code IN (`+old+`)`, before.UnixMicro(), limit); err != nil {
			return err
		}
		n, err = c.exec(`DELETE FROM scene_code WHERE id IN (`+old+`) AND expires < $1`, before.UnixMicro(), limit)
		return err
	})
	if err != nil {
		return false, fmt.Errorf("sweeping QR codes: %w", err)
	}
	return n == int64(limit), nil
}
