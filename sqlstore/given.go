package sqlstore

import (
	"database/sql"
	"fmt"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// loadGiven fills in the user that the claim names: who he is, who stands for him
// now, whom that one serves, and where he came from.
func loadGiven(c *session, q identity.Query, known *identity.Known) (err error) {
	var home identity.OpenidRow
	if known.Given, known.GivenRoot, home, err = loadRoot(c, q.Realm, q.User); err != nil {
		return err
	}
	switch {
	case known.Given.ID == "":
		return nil
	case home.Version > 0:
		known.GivenHome = home
	case known.Given.Home == q.Openid:
		known.GivenHome = known.Openid
	case known.Given.Home != identity.Openid{}:
		if known.GivenHome, err = loadOpenid(c, q.Realm, known.Given.Home); err != nil {
			return err
		}
	}
	known.GivenServes, err = loadServes(c, q.Realm, known.GivenRoot.ID)
	return err
}

// loadRoot finds a user and who stands for him now; both are zero if nobody has the
// id. For a guest without a row it is what the row of his openid says.
func loadRoot(c *session, realm, id string) (given, root identity.User, home identity.OpenidRow, err error) {
	if given, err = loadUser(c, realm, id); err != nil {
		return given, root, home, err
	}
	if given.ID == "" {
		if home, err = loadGuest(c, realm, id); err != nil || home.Version == 0 {
			return given, root, home, err
		}
		given = identity.User{ID: id, Kind: identity.Virtual, Born: home.Issued, Home: home.Openid}
		return given, given, home, nil
	}
	for root = given; !root.Live(); {
		next, err := loadUser(c, realm, root.Parent)
		if err != nil {
			return given, root, home, err
		}
		if next.ID == "" || next.ID == given.ID {
			return given, root, home, fmt.Errorf("following the forward pointers of a user: they lead nowhere")
		}
		root = next
	}
	return given, root, home, nil
}

// loadGuest finds the openid that a guest id was issued for; Version is 0 if
// there is none.
func loadGuest(c *session, realm, guest string) (identity.OpenidRow, error) {
	var row identity.OpenidRow
	var issued, since sql.NullInt64
	found, err := c.one(
		// The condition guest <> '' is what lets the partial index be used.
		`SELECT appid, openid, `+openidColumns+` FROM openid_key WHERE realm = $1 AND guest = $2 AND guest <> ''`,
		[]any{realm, guest}, append([]any{&row.AppID, &row.OpenID}, openidDest(&row, &issued, &since)...))
	if err != nil || !found {
		return identity.OpenidRow{}, err
	}
	row.Issued, row.Since = timeOf(issued), timeOf(since)
	return row, nil
}
