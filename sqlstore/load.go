package sqlstore

import (
	"context"
	"database/sql"
	"fmt"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Load returns what is known about a claim, as of one moment.
func (s *Store) Load(ctx context.Context, q identity.Query) (known identity.Known, err error) {
	if q.User == "" && q.OpenID != "" {
		var done bool
		err = s.readers.use(ctx, func(c *session) (err error) {
			done, err = loadLinked(c, q, &known)
			return err
		})
		if err == nil && done {
			return known, nil
		}
	}
	if err == nil {
		err = s.view(ctx, func(c *session) error {
			known = identity.Known{}
			return load(c, q, &known)
		})
	}
	if err != nil {
		return identity.Known{}, fmt.Errorf("loading facts: %w", err)
	}
	return known, nil
}

// loadLinked answers the usual claim by one statement, which needs no transaction to
// see one moment: an openid that is on record with a unionid, and nothing brought
// along. done is false if that isn't so, or there is more to tell.
func loadLinked(c *session, q identity.Query, known *identity.Known) (done bool, err error) {
	*known = identity.Known{Openid: identity.OpenidRow{Openid: q.Openid}}
	o, n, u := &known.Openid, &known.Union, &known.UnionUser
	var issued, since sql.NullInt64
	var row userRow
	var more bool
	dest := append(openidDest(o, &issued, &since), &n.User, &n.Slot, &n.Epoch, &n.Version)
	found, err := c.one(
		`SELECT o.subject, o.unionid, o.gen, o.guest, o.issued, o.since, o.hint, o.version, n.userid, n.slot, n.epoch, n.version, `+userColumns+`,
			EXISTS (SELECT 1 FROM userid p WHERE p.realm = u.realm AND p.parent = u.id AND p.retired_at >= $4) OR u.kind = 'virtual'
				AND EXISTS (SELECT 1 FROM union_key m WHERE m.realm = n.realm AND m.userid = n.userid AND (m.subject <> n.subject OR m.unionid <> n.unionid))
		FROM openid_key o
		JOIN union_key n ON n.realm = o.realm AND n.subject = o.subject AND n.unionid = o.unionid
		JOIN userid u ON u.realm = n.realm AND u.id = n.userid
		WHERE o.realm = $1 AND o.appid = $2 AND o.openid = $3 AND o.unionid <> ''`,
		[]any{q.Realm, q.AppID, q.OpenID, q.PrevSince.UnixMicro()}, append(append(dest, row.dest(u)...), &more))
	if err != nil || !found || more || o.Hint != "" || q.UnionID != "" && o.Subject != q.Subject {
		return false, err
	}
	o.Issued, o.Since, n.Unionid = timeOf(issued), timeOf(since), o.Unionid
	row.fill(u)
	return true, nil
}

// load reads what a claim may touch.
func load(c *session, q identity.Query, known *identity.Known) (err error) {
	if known.Openid, err = loadOpenid(c, q.Realm, q.Openid); err != nil {
		return err
	}
	recorded, unionid := known.Openid.Unionid, q.Unionid
	moved := recorded.UnionID != "" && unionid.UnionID != "" && recorded.Subject != unionid.Subject
	if recorded.UnionID != "" && !moved {
		unionid = recorded
	}
	if unionid.UnionID != "" {
		if err := loadUnion(c, q, unionid, known); err != nil {
			return err
		}
	}
	if q.Foreign && known.Union.Version == 0 && known.Union.Unionid == q.Unionid {
		var one int
		known.UnionForeign, err = c.one(`SELECT 1 FROM account a CROSS JOIN union_key n
			WHERE a.subject <> a.appid AND a.subject <> $3 AND n.realm = $1 AND n.subject = a.subject AND n.unionid = $2 LIMIT 1`, []any{q.Realm, q.UnionID, q.Subject}, []any{&one})
		if err != nil {
			return err
		}
	}
	if recorded.UnionID == "" {
		if err := loadUnlinked(c, q, known); err != nil {
			return err
		}
	}
	if known.Openid.Hint != "" || moved {
		if err := loadHint(c, q, known); err != nil {
			return err
		}
	}
	if q.User != "" {
		if err := loadGiven(c, q, known); err != nil {
			return err
		}
	}
	return loadErased(c, q, known)
}

// loadErased fills in what is remembered of those keys that aren't there: they may have
// been erased.
func loadErased(c *session, q identity.Query, known *identity.Known) error {
	if q.Mark == nil {
		return nil
	}
	const openid, unionid, user, browser = 0, 1, 2, 3
	var marks [4]string
	if known.Openid.Version == 0 && q.OpenID != "" {
		marks[openid] = q.Mark(identity.MarkOpenid, q.AppID, q.OpenID)
	}
	if n := known.Union; n.Version == 0 && n.UnionID != "" {
		marks[unionid] = q.Mark(identity.MarkUnionid, n.Subject, n.UnionID)
	}
	if known.Given.ID == "" && q.User != "" {
		marks[user] = q.Mark(identity.MarkUser, q.User)
	}
	if known.Guest.ID == "" && q.OpenID == "" && q.Browser != "" {
		marks[browser] = q.Mark(identity.MarkUser, q.Browser)
	}
	if marks == [4]string{} {
		return nil
	}
	return c.each(`SELECT mark, gen, at FROM tombstone WHERE realm = $1 AND mark IN ($2, $3, $4, $5)`,
		[]any{q.Realm, marks[0], marks[1], marks[2], marks[3]},
		func(rows *sql.Rows) error {
			var mark string
			var gen int
			var at sql.NullInt64
			err := rows.Scan(&mark, &gen, &at)
			switch mark {
			case marks[openid]:
				known.Openid.Gen, known.Openid.Since = gen, timeOf(at)
			case marks[unionid]:
				known.Union.Epoch = gen
			}
			known.GivenGone = known.GivenGone || mark == marks[user]
			known.GuestGone = known.GuestGone || mark == marks[browser]
			return err
		})
}

const openidColumns = `subject, unionid, gen, guest, issued, since, hint, version`

// openidDest scans openidColumns.
func openidDest(o *identity.OpenidRow, issued, since *sql.NullInt64) []any {
	return []any{&o.Subject, &o.UnionID, &o.Gen, &o.Guest, issued, since, &o.Hint, &o.Version}
}

func loadOpenid(c *session, realm string, o identity.Openid) (identity.OpenidRow, error) {
	row := identity.OpenidRow{Openid: o}
	if o.OpenID == "" {
		return row, nil
	}
	var issued, since sql.NullInt64
	_, err := c.one(
		`SELECT `+openidColumns+` FROM openid_key WHERE realm = $1 AND appid = $2 AND openid = $3`,
		[]any{realm, o.AppID, o.OpenID}, openidDest(&row, &issued, &since))
	row.Issued, row.Since = timeOf(issued), timeOf(since)
	return row, err
}

// loadUnion fills in where a unionid leads, and who was lately retired into that
// user.
func loadUnion(c *session, q identity.Query, unionid identity.Unionid, known *identity.Known) error {
	known.Union = identity.UnionRow{Unionid: unionid}
	u := &known.UnionUser
	var row userRow
	var prev bool
	found, err := c.one(
		`SELECT n.userid, n.slot, n.epoch, n.version, `+userColumns+`,
			EXISTS (SELECT 1 FROM userid p WHERE p.realm = u.realm AND p.parent = u.id AND p.retired_at >= $4)
		FROM union_key n JOIN userid u ON u.realm = n.realm AND u.id = n.userid
		WHERE n.realm = $1 AND n.subject = $2 AND n.unionid = $3`,
		[]any{q.Realm, unionid.Subject, unionid.UnionID, q.PrevSince.UnixMicro()},
		append(append([]any{&known.Union.User, &known.Union.Slot, &known.Union.Epoch, &known.Union.Version}, row.dest(u)...), &prev))
	if err != nil || !found {
		return err
	}
	row.fill(u)
	hinted := known.Openid.Hint != "" || known.Openid.UnionID != "" && known.Openid.Unionid != unionid
	if u.Kind == identity.Virtual || hinted { // a hint joins only where there is room for what it serves
		if known.UnionServes, err = loadServes(c, q.Realm, u.ID); err != nil {
			return err
		}
	}
	if prev {
		known.Prev, err = loadPrev(c, q.Realm, u.ID, q.PrevSince)
	}
	return err
}

// loadPrev finds the ids lately retired into a user.
//
// Whoever was retired into somebody was so before that one was retired in turn, so the
// search ends at the first that is too old. CROSS JOIN tells SQLite to go from the few
// to their children; by itself it goes through the realm.
func loadPrev(c *session, realm, id string, since time.Time) (prev []string, err error) {
	err = c.each(
		`WITH RECURSIVE gone (id, retired_at) AS (
			SELECT id, retired_at FROM userid WHERE realm = $1 AND parent = $2 AND retired_at >= $3
			UNION ALL
			SELECT u.id, u.retired_at FROM gone CROSS JOIN userid u WHERE u.realm = $1 AND u.parent = gone.id AND u.retired_at >= $3
		)
		SELECT id FROM gone ORDER BY retired_at DESC, id LIMIT 8`,
		[]any{realm, id, since.UnixMicro()},
		func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			prev = append(prev, id)
			return err
		})
	return prev, err
}

// loadServes finds the unionids that lead to a user.
func loadServes(c *session, realm, user string) (serves []identity.UnionRow, err error) {
	if user == "" {
		return nil, nil
	}
	err = c.each(`SELECT subject, unionid, slot, epoch, version FROM union_key WHERE realm = $1 AND userid = $2 ORDER BY subject, slot`,
		[]any{realm, user},
		func(rows *sql.Rows) error {
			n := identity.UnionRow{User: user}
			err := rows.Scan(&n.Subject, &n.UnionID, &n.Slot, &n.Epoch, &n.Version)
			serves = append(serves, n)
			return err
		})
	return serves, err
}

// loadUnlinked fills in what matters only while no unionid is on record: the row of
// the guest, and who logged in in this session.
func loadUnlinked(c *session, q identity.Query, known *identity.Known) (err error) {
	guest := known.Openid.Guest
	if q.OpenID == "" {
		guest = q.Browser
	}
	if guest != "" {
		if known.Guest, err = loadUser(c, q.Realm, guest); err != nil {
			return err
		}
	}
	if q.Session == "" {
		return nil
	}
	if known.Login, err = loadLogin(c, q.Realm, q.Session); err != nil || known.Login.User == "" {
		return err
	}
	if _, known.LoginUser, _, err = loadRoot(c, q.Realm, known.Login.User); err != nil {
		return err
	}
	if known.UnionUser.ID == "" {
		if known.Prev, err = loadPrev(c, q.Realm, known.LoginUser.ID, q.PrevSince); err != nil {
			return err
		}
	}
	known.LoginServes, err = loadServes(c, q.Realm, known.LoginUser.ID)
	return err
}

// loadHint fills in whom this openid led to in another way.
func loadHint(c *session, q identity.Query, known *identity.Known) (err error) {
	id := known.Openid.Hint
	if id == "" {
		on := known.Openid.Unionid
		_, err := c.one(`SELECT userid FROM union_key WHERE realm = $1 AND subject = $2 AND unionid = $3`, []any{q.Realm, on.Subject, on.UnionID}, []any{&id})
		if err != nil || id == "" {
			return err
		}
	}
	if _, known.Hint, _, err = loadRoot(c, q.Realm, id); err != nil {
		return err
	}
	known.HintServes, err = loadServes(c, q.Realm, known.Hint.ID)
	return err
}
