package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/scene"
)

// PutScene reserves a code.
func (s *Store) PutScene(ctx context.Context, code scene.Code, mark []byte, most int64) (bool, error) {
	left := false
	err := s.writer.write(ctx, func(c *session) error {
		left = true
		if code.Permanent {
			var made int64
			if _, err := c.one(`SELECT last FROM counter WHERE name = $1`, []any{sceneCounter(code.AppID)}, []any{&made}); err != nil {
				return err
			}
			if left = made < most; !left {
				return nil
			}
			if _, err := count(c, sceneCounter(code.AppID), 1); err != nil {
				return err
			}
		}
		_, err := c.exec(`INSERT INTO scene_code (realm, id, appid, mark, scene, ticket, url, purpose, ref, maker, permanent, secret, single, made_at, expires)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
			code.Realm, code.ID, code.AppID, mark, code.Scene, code.Ticket, code.URL, code.Purpose, code.Ref, code.Maker,
			bit(code.Permanent), bit(code.Secret), bit(code.Single), code.Made.UnixMicro(), moment(code.Expires))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("reserving a QR code: %w", err)
	}
	return left, nil
}

// sceneCounter counts the permanent codes of an account.
func sceneCounter(appID string) string { return "scene/" + appID }

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

// SettleScene writes what WeChat has made of a code.
func (s *Store) SettleScene(ctx context.Context, code scene.Code, supersede bool) error {
	err := s.writer.write(ctx, func(c *session) error {
		if _, err := c.exec(`UPDATE scene_code SET ticket = $3, url = $4, expires = $5 WHERE realm = $1 AND id = $2`,
			code.Realm, code.ID, code.Ticket, code.URL, moment(code.Expires)); err != nil || !supersede {
			return err
		}
		_, err := c.exec(`UPDATE scene_code SET revoked = $5 WHERE realm = $1 AND purpose = $2 AND ref = $3 AND maker = $6 AND id <> $4 AND revoked IS NULL`,
			code.Realm, code.Purpose, code.Ref, code.ID, code.Made.UnixMicro(), code.Maker)
		return err
	})
	if err != nil {
		return fmt.Errorf("writing a QR code: %w", err)
	}
	return nil
}

// DropScene forgets a code that WeChat didn't make.
func (s *Store) DropScene(ctx context.Context, code scene.Code) error {
	err := s.writer.write(ctx, func(c *session) error {
		n, err := c.exec(`DELETE FROM scene_code WHERE realm = $1 AND id = $2`, code.Realm, code.ID)
		if err != nil || n == 0 || !code.Permanent {
			return err
		}
		_, err = count(c, sceneCounter(code.AppID), -1)
		return err
	})
	if err != nil {
		return fmt.Errorf("forgetting a QR code: %w", err)
	}
	return nil
}

// PermanentScenes counts the permanent codes of an account.
func (s *Store) PermanentScenes(ctx context.Context, appID string) (n int64, err error) {
	err = s.readers.use(ctx, func(c *session) error {
		n = 0
		_, err := c.one(`SELECT last FROM counter WHERE name = $1`, []any{sceneCounter(appID)}, []any{&n})
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("counting QR codes: %w", err)
	}
	return n, nil
}

// RevokeScene revokes a code.
func (s *Store) RevokeScene(ctx context.Context, realm, id string, at time.Time) (bool, error) {
	var n int64
	err := s.writer.write(ctx, func(c *session) (err error) {
		n, err = c.exec(`UPDATE scene_code SET revoked = COALESCE(revoked, $3) WHERE realm = $1 AND id = $2`, realm, id, at.UnixMicro())
		return err
	})
	if err != nil {
		return false, fmt.Errorf("revoking a QR code: %w", err)
	}
	return n == 1, nil
}

const sceneColumns = `SELECT realm, id, appid, scene, ticket, url, purpose, ref, maker, permanent, secret, single,
	made_at, expires, revoked, used_at, used_by, scans, last_scan FROM scene_code`

// sceneRow is where a row of a code is scanned into.
type sceneRow struct {
	scene.Code
	permanent, secret, single     int
	made                          int64
	expires, revoked, used, newly sql.NullInt64
}

func (r *sceneRow) dest() []any {
	c := &r.Code
	return []any{
		&c.Realm, &c.ID, &c.AppID, &c.Scene, &c.Ticket, &c.URL, &c.Purpose, &c.Ref, &c.Maker, &r.permanent, &r.secret, &r.single,
		&r.made, &r.expires, &r.revoked, &r.used, &c.UsedBy, &c.Scans, &r.newly,
	}
}

func (r *sceneRow) code() scene.Code {
	c := r.Code
	c.Permanent, c.Secret, c.Single = r.permanent == 1, r.secret == 1, r.single == 1
	c.Made, c.Expires, c.Revoked = time.UnixMicro(r.made).UTC(), timeOf(r.expires), timeOf(r.revoked)
	c.Used, c.LastScan = timeOf(r.used), timeOf(r.newly)
	return c
}

// Scene finds a code by its id.
func (s *Store) Scene(ctx context.Context, realm, id string) (scene.Code, bool, error) {
	var r sceneRow
	found := false
	err := s.readers.use(ctx, func(c *session) (err error) {
		r = sceneRow{}
		found, err = c.one(sceneColumns+` WHERE realm = $1 AND id = $2`, []any{realm, id}, r.dest())
		return err
	})
	if err != nil || !found {
		if err != nil {
			err = fmt.Errorf("reading a QR code: %w", err)
		}
		return scene.Code{}, false, err
	}
	return r.code(), true, nil
}

// Scenes lists codes, the newest first.
func (s *Store) Scenes(ctx context.Context, f scene.Filter) ([]scene.Code, error) {
	before := f.Before
	if before == "" {
		before = "g" // ids are of hexadecimal digits
	}
	query, args := sceneColumns+` WHERE realm = $1 AND id < $2`, []any{f.Realm, before, f.Limit}
	if f.Purpose != "" {
		query, args = query+` AND purpose = $4`, append(args, f.Purpose)
		if f.Ref != "" {
			query, args = query+` AND ref = $5`, append(args, f.Ref)
		}
	}
	var list []scene.Code
	err := s.readers.use(ctx, func(c *session) error {
		list = nil
		return c.each(query+` ORDER BY id DESC LIMIT $3`, args, func(rows *sql.Rows) error {
			var r sceneRow
			err := rows.Scan(r.dest()...)
			list = append(list, r.code())
			return err
		})
	})
	if err != nil {
		return nil, fmt.Errorf("listing QR codes: %w", err)
	}
	return list, nil
}
