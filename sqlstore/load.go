package sqlstore

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Load returns what is known about a claim, as of one moment.
func (s *Store) Load(ctx context.Context, q identity.Query) (identity.Known, error) {
	var known identity.Known
	err := s.view(ctx, func(c *session) error {
		known = identity.Known{}
		return load(c, q, &known)
	})
	if err != nil {
		return identity.Known{}, fmt.Errorf("loading facts: %w", err)
	}
	return known, nil
}

func load(c *session, q identity.Query, known *identity.Known) (err error) {
	if known.Openid, err = loadOpenid(c, q.Realm, q.Openid); err != nil {
		return err
	}
	unionid := q.Unionid
	if on := known.Openid.Unionid; on.UnionID != "" && on.Subject == q.Subject {
		unionid = on
	}
	if unionid.UnionID != "" {
		if err := loadUnion(c, q, unionid, known); err != nil {
			return err
		}
	}
	if q.User != "" {
		return loadGiven(c, q, known)
	}
	return nil
}

func loadOpenid(c *session, realm string, o identity.Openid) (identity.OpenidRow, error) {
	row := identity.OpenidRow{Openid: o}
	var issued sql.NullInt64
	_, err := c.one(
		`SELECT subject, unionid, gen, guest, issued, version FROM openid_key WHERE realm = $1 AND appid = $2 AND openid = $3`,
		[]any{realm, o.AppID, o.OpenID},
		[]any{&row.Subject, &row.UnionID, &row.Gen, &row.Guest, &issued, &row.Version})
	row.Issued = timeOf(issued)
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
		`SELECT n.userid, n.version, `+userColumns+`,
			EXISTS (SELECT 1 FROM userid p WHERE p.realm = u.realm AND p.parent = u.id AND p.retired_at >= $4)
		FROM union_key n JOIN userid u ON u.realm = n.realm AND u.id = n.userid
		WHERE n.realm = $1 AND n.subject = $2 AND n.unionid = $3`,
		[]any{q.Realm, unionid.Subject, unionid.UnionID, q.PrevSince.UnixMicro()},
		append(append([]any{&known.Union.User, &known.Union.Version}, row.dest(u)...), &prev))
	if err != nil || !found {
		return err
	}
	row.fill(u)
	if !prev {
		return nil
	}
	// Whoever was retired into somebody was so before that one was retired in
	// turn, so the search ends at the first that is too old. CROSS JOIN tells SQLite
	// to go from the few to their children; by itself it goes through the realm.
	return c.each(
		`WITH RECURSIVE gone (id, retired_at) AS (
			SELECT id, retired_at FROM userid WHERE realm = $1 AND parent = $2 AND retired_at >= $3
			UNION ALL
			SELECT u.id, u.retired_at FROM gone CROSS JOIN userid u WHERE u.realm = $1 AND u.parent = gone.id AND u.retired_at >= $3
		)
		SELECT id FROM gone ORDER BY retired_at DESC, id LIMIT 8`,
		[]any{q.Realm, u.ID, q.PrevSince.UnixMicro()},
		func(rows *sql.Rows) error {
			var id string
			err := rows.Scan(&id)
			known.Prev = append(known.Prev, id)
			return err
		})
}

// loadGiven fills in the user that the claim names: who he is, who stands for him
// now, whom that one serves, and where he came from.
func loadGiven(c *session, q identity.Query, known *identity.Known) (err error) {
	given, err := loadUser(c, q.Realm, q.User)
	if err != nil {
		return err
	}
	if given.ID == "" {
		if known.GivenHome, err = loadGuest(c, q.Realm, q.User); err != nil || known.GivenHome.Version == 0 {
			return err
		}
		known.Given = identity.User{ID: q.User, Kind: identity.Virtual, Born: known.GivenHome.Issued, Home: known.GivenHome.Openid}
		known.GivenRoot = known.Given
		return nil
	}
	root := given
	for !root.Live() {
		next, err := loadUser(c, q.Realm, root.Parent)
		if err != nil {
			return err
		}
		if next.ID == "" || next.ID == given.ID {
			return fmt.Errorf("following the forward pointers of %s: they lead nowhere", given.ID)
		}
		root = next
	}
	known.Given, known.GivenRoot = given, root
	if given.Home != (identity.Openid{}) {
		if given.Home == q.Openid {
			known.GivenHome = known.Openid
		} else if known.GivenHome, err = loadOpenid(c, q.Realm, given.Home); err != nil {
			return err
		}
	}
	if root.ID == known.UnionUser.ID && known.Union.Subject == q.Subject {
		known.GivenServes = known.Union.UnionID
		return nil
	}
	_, err = c.one(`SELECT unionid FROM union_key WHERE realm = $1 AND subject = $2 AND userid = $3`,
		[]any{q.Realm, q.Subject, root.ID}, []any{&known.GivenServes})
	return err
}

// loadGuest finds the openid that a guest id was issued for; Version is 0 if
// there is none.
func loadGuest(c *session, realm, guest string) (identity.OpenidRow, error) {
	var row identity.OpenidRow
	var issued sql.NullInt64
	found, err := c.one(
		// The condition guest <> '' is what lets the partial index be used.
		`SELECT appid, openid, subject, unionid, gen, guest, issued, version FROM openid_key WHERE realm = $1 AND guest = $2 AND guest <> ''`,
		[]any{realm, guest},
		[]any{&row.AppID, &row.OpenID, &row.Subject, &row.UnionID, &row.Gen, &row.Guest, &issued, &row.Version})
	if err != nil || !found {
		return identity.OpenidRow{}, err
	}
	row.Issued = timeOf(issued)
	return row, nil
}

// loadUser returns the zero user if there is no row.
func loadUser(c *session, realm, id string) (identity.User, error) {
	var u identity.User
	var row userRow
	found, err := c.one(`SELECT `+userColumns+` FROM userid u WHERE u.realm = $1 AND u.id = $2`, []any{realm, id}, row.dest(&u))
	if err != nil || !found {
		return identity.User{}, err
	}
	row.fill(&u)
	return u, nil
}

// userRow holds the columns of a user that are no plain fields.
type userRow struct {
	born    int64
	parent  sql.NullString
	retired sql.NullInt64
}

const userColumns = `u.id, u.kind, u.born, u.home_appid, u.home_openid, u.parent, u.retired_at, u.version`

func (r *userRow) dest(u *identity.User) []any {
	return []any{&u.ID, &u.Kind, &r.born, &u.Home.AppID, &u.Home.OpenID, &r.parent, &r.retired, &u.Version}
}

func (r *userRow) fill(u *identity.User) {
	u.Born = timeOf(sql.NullInt64{Int64: r.born, Valid: true})
	u.Parent = r.parent.String
	u.RetiredAt = timeOf(r.retired)
}
