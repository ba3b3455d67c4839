package console

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// The page of a user.

// shownRecords is how much of his history the page of a user has.
const shownRecords = 30

type userView struct {
	Realm   Realm
	User    User
	Picture picture
	Places  []Place
	History []identity.AuditRecord
	// Was is the retired id by which he was asked for.
	Was *identity.User
	// Wrong is why something was refused, Since what others have done meanwhile.
	Wrong Text
	Since []identity.AuditRecord
	At    int64 // when this was read
}

func (c *Console) userPage(v *visit) error {
	return c.showUser(v, http.StatusOK, Text{}, time.Time{})
}

// showUser shows the user whom the address names; if something was refused, with why, and
// with what others have done since a moment.
func (c *Console) showUser(v *visit, status int, wrong Text, since time.Time) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	id, at := v.r.PathValue("id"), c.Now()
	u, err := c.Users.User(v.ctx, realm.Name, id)
	if err != nil {
		return err
	}
	view := userView{Realm: realm, User: u, Places: c.Users.Places(realm.Name), Wrong: wrong, At: at.UnixMicro()}
	if id != u.Root.ID {
		view.Was = &u.Given
	}
	if view.History, err = c.Users.History(v.ctx, realm.Name, u.Root.ID, shownRecords); err != nil {
		return err
	}
	if !since.IsZero() {
		for _, r := range view.History {
			if r.At.After(since) {
				view.Since = append(view.Since, r)
			}
		}
	}
	view.Picture = draw(u)
	return v.page(status, "user", view)
}

// State is what he is seen as.
func (v userView) State() string { return StateOf(v.User.UserFacts) }

// listed is how many WeChat accounts, and how many retired ids, the page of a user lists.
const listed = 100

// Persons are those that are listed.
func (v userView) Persons() []Person {
	all := v.User.Persons()
	return all[:min(len(all), listed)]
}

// MorePersons are left out.
func (v userView) MorePersons() int { return max(len(v.User.Persons())-listed, 0) }

// Retired are those that are listed.
func (v userView) Retired() []identity.User { return v.User.Retired[:min(len(v.User.Retired), listed)] }

// MoreRetired are left out.
func (v userView) MoreRetired() int { return max(len(v.User.Retired)-listed, 0) }

// Path is the address of a user.
func (v userView) Path(id string) string { return userPath(v.Realm.Name, id) }

// Link is an openid with a key by which a form can name it, as a page shows no openid whole.
type Link struct {
	identity.OpenidRow
	Key            string
	Follows, Known bool // whether he follows the account, if that is Known
}

// Person is a WeChat account that leads to a user, with its openids.
type Person struct {
	identity.Unionid
	Key   string
	Links []Link
}

// keyOf names ids without showing them.
func keyOf(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, "\x00")))
	return hex.EncodeToString(sum[:8])
}

// Persons are the WeChat accounts that lead to a user. Openids without a unionid come
// last, each for itself.
func (u User) Persons() []Person {
	var all []Person
	for _, n := range u.Unions {
		all = append(all, Person{Unionid: n.Unionid, Key: keyOf(n.Subject, n.UnionID)})
	}
	for _, o := range u.Openids {
		follows, known := u.Follows[o.Openid]
		link := Link{o, keyOf(o.AppID, o.OpenID), follows, known}
		i := slices.IndexFunc(all, func(p Person) bool { return o.UnionID != "" && p.Unionid == o.Unionid })
		if i < 0 {
			all, i = append(all, Person{Key: link.Key}), len(all)
		}
		all[i].Links = append(all[i].Links, link)
	}
	for _, p := range all {
		slices.SortFunc(p.Links, func(a, b Link) int { return cmp.Compare(a.AppID+a.OpenID, b.AppID+b.OpenID) })
	}
	return all
}
