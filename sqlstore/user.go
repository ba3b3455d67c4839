package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"slices"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

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
	blocked sql.NullInt64
}

const userColumns = `u.id, u.kind, u.born, u.home_appid, u.home_openid, u.parent, u.retired_at, u.blocked_at, u.version`

func (r *userRow) dest(u *identity.User) []any {
	return []any{&u.ID, &u.Kind, &r.born, &u.Home.AppID, &u.Home.OpenID, &r.parent, &r.retired, &r.blocked, &u.Version}
}

func (r *userRow) fill(u *identity.User) {
	u.Born = timeOf(sql.NullInt64{Int64: r.born, Valid: true})
	u.Parent = r.parent.String
	u.RetiredAt = timeOf(r.retired)
	u.BlockedAt = timeOf(r.blocked)
}

// User returns all that is known of a user, as of one moment.
func (s *Store) User(ctx context.Context, realm, id, mark string) (identity.UserFacts, error) {
	var facts identity.UserFacts
	err := s.view(ctx, func(c *session) error {
		facts = identity.UserFacts{}
		return loadFacts(c, realm, id, mark, &facts)
	})
	if err != nil {
		return identity.UserFacts{}, fmt.Errorf("loading user: %w", err)
	}
	return facts, nil
}

func loadFacts(c *session, realm, id, mark string, facts *identity.UserFacts) error {
	var home identity.OpenidRow
	var err error
	if facts.Given, facts.Root, home, err = loadRoot(c, realm, id); err != nil {
		return err
	}
	if facts.Given.ID == "" {
		var one int
		facts.Gone, err = c.one(`SELECT 1 FROM tombstone WHERE realm = $1 AND mark = $2`, []any{realm, mark}, []any{&one})
		return err
	}
	if facts.Unions, err = loadServes(c, realm, facts.Root.ID); err != nil {
		return err
	}
	if home.Version == 0 && facts.Root.Home != (identity.Openid{}) {
		if home, err = loadOpenid(c, realm, facts.Root.Home); err != nil {
			return err
		}
	}
	if home.Version > 0 && home.UnionID == "" && home.Guest == facts.Root.ID {
		facts.Openids = append(facts.Openids, home)
	}
	for _, n := range facts.Unions {
		if err := loadOpenids(c, realm, n.Unionid, facts); err != nil {
			return err
		}
	}
	if err := loadRetired(c, realm, facts); err != nil {
		return err
	}
	for _, u := range append(facts.Retired, facts.Root) { // a login stays under the name it was made with
		var logins int
		if _, err := c.one(`SELECT COUNT(*) FROM login WHERE realm = $1 AND userid = $2`, []any{realm, u.ID}, []any{&logins}); err != nil {
			return err
		}
		facts.Logins += logins
	}
	return nil
}

// loadOpenids adds the openids that are on record with a unionid.
func loadOpenids(c *session, realm string, n identity.Unionid, facts *identity.UserFacts) error {
	first := len(facts.Openids)
	err := c.each(`SELECT appid, openid, `+openidColumns+` FROM openid_key
		WHERE realm = $1 AND subject = $2 AND unionid = $3 AND unionid <> ''`,
		[]any{realm, n.Subject, n.UnionID},
		func(rows *sql.Rows) error {
			var o identity.OpenidRow
			var issued, since sql.NullInt64
			err := rows.Scan(append([]any{&o.AppID, &o.OpenID}, openidDest(&o, &issued, &since)...)...)
			o.Issued, o.Since = timeOf(issued), timeOf(since)
			facts.Openids = append(facts.Openids, o)
			return err
		})
	// Sorted here, or SQLite would rather walk through the realm in this order.
	slices.SortFunc(facts.Openids[first:], func(a, b identity.OpenidRow) int {
		return cmp.Or(strings.Compare(a.AppID, b.AppID), strings.Compare(a.OpenID, b.OpenID))
	})
	return err
}

// loadRetired adds the ids that forward to the root, the youngest retirement first.
func loadRetired(c *session, realm string, facts *identity.UserFacts) error {
	return c.each(
		`WITH RECURSIVE gone (id) AS (
			SELECT id FROM userid WHERE realm = $1 AND parent = $2
			UNION ALL
			SELECT u.id FROM gone CROSS JOIN userid u WHERE u.realm = $1 AND u.parent = gone.id
		)
		SELECT `+userColumns+` FROM gone CROSS JOIN userid u WHERE u.realm = $1 AND u.id = gone.id ORDER BY u.retired_at DESC, u.id`,
		[]any{realm, facts.Root.ID},
		func(rows *sql.Rows) error {
			var u identity.User
			var row userRow
			err := rows.Scan(row.dest(&u)...)
			row.fill(&u)
			facts.Retired = append(facts.Retired, u)
			return err
		})
}

// Openids returns at most limit openids of a realm in the order of account and
// openid, after the one given.
func (s *Store) Openids(ctx context.Context, realm string, after identity.Openid, limit int) ([]identity.OpenidFacts, error) {
	var list []identity.OpenidFacts
	err := s.readers.use(ctx, func(c *session) error {
		return c.each(`SELECT o.appid, o.openid, o.subject, o.unionid, o.gen, o.guest, o.issued, o.since, o.hint, o.version,
				u.id, u.kind, u.born FROM openid_key o
			LEFT JOIN union_key n ON n.realm = o.realm AND n.subject = o.subject AND n.unionid = o.unionid AND o.unionid <> ''
			LEFT JOIN userid u ON u.realm = o.realm AND u.id = n.userid
			WHERE o.realm = $1 AND (o.appid, o.openid) > ($2, $3) ORDER BY o.appid, o.openid LIMIT $4`,
			[]any{realm, after.AppID, after.OpenID, max(limit, 0)},
			func(rows *sql.Rows) error {
				var o identity.OpenidFacts
				var issued, since, born sql.NullInt64
				var id, kind sql.NullString
				dest := append([]any{&o.AppID, &o.OpenID}, openidDest(&o.OpenidRow, &issued, &since)...)
				err := rows.Scan(append(dest, &id, &kind, &born)...)
				o.Issued, o.Since = timeOf(issued), timeOf(since)
				o.User.ID, o.User.Kind, o.User.Born = id.String, identity.Kind(kind.String), timeOf(born)
				list = append(list, o)
				return err
			})
	})
	if err != nil {
		return nil, fmt.Errorf("listing openids: %w", err)
	}
	return list, nil
}
