package console

import (
	"errors"
	"net/http"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// What staff do to users.

// maxWhy bounds a reason in characters.
const maxWhy = 500

// why is the reason that a form gives, for the audit.
func (v *visit) why() (identity.By, error) {
	said := strings.TrimSpace(v.r.PostFormValue("reason"))
	if said == "" || utf8.RuneCountInString(said) > maxWhy {
		return identity.By{}, refuse(http.StatusBadRequest, "请填写原因（最多 500 个字符）", "Say why, in at most 500 characters")
	}
	return identity.By{Actor: v.staff.Actor(), Via: "console", Evidence: said}, nil
}

// seen is the user of the address, as the form says that he was seen.
func (v *visit) seen(realm Realm) Seen {
	return Seen{realm.Name, v.r.PathValue("id"), v.r.PostFormValue("seen")}
}

// deed does something to the user of the address, and goes back to his page.
func (c *Console) deed(v *visit, done string, do func(s Seen, by identity.By) error) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	by, err := v.why()
	if err == nil {
		err = do(v.seen(realm), by)
	}
	if err != nil {
		return c.refused(v, err)
	}
	return v.to(userPath(realm.Name, v.r.PathValue("id")) + "?done=" + done)
}

// refused shows the user again with why nothing was done.
func (c *Console) refused(v *visit, err error) error {
	f := userFault(err)
	if own := (*fault)(nil); f == nil && errors.As(err, &own) {
		f = own
	}
	if f == nil {
		return err
	}
	var since time.Time
	if errors.Is(err, ErrUserChanged) {
		since = time.UnixMicro(v.number64("at"))
	}
	v.ended("refused", f.Text)
	if shown := c.showUser(v, f.status, f.Text, since); shown != nil {
		return err // there is nobody to show
	}
	return nil
}

func (c *Console) signOutUser(v *visit) error {
	return c.deed(v, "user_sign_out", func(s Seen, by identity.By) error { return c.Users.SignOut(v.ctx, s, by) })
}

func (c *Console) blockUser(v *visit) error {
	return c.deed(v, "user_block", func(s Seen, by identity.By) error { return c.Users.Block(v.ctx, s, by) })
}

func (c *Console) unblockUser(v *visit) error {
	return c.deed(v, "user_unblock", func(s Seen, by identity.By) error { return c.Users.Unblock(v.ctx, s, by) })
}

func (c *Console) cancelMove(v *visit) error {
	return c.deed(v, "user_move_cancel", func(s Seen, by identity.By) error { return c.Users.CancelMove(v.ctx, s, by) })
}

// unbindUser parts him from the WeChat account that the form names by its key.
func (c *Console) unbindUser(v *visit) error {
	return c.deed(v, "user_unbind", func(s Seen, by identity.By) error {
		u, err := c.Users.User(v.ctx, s.Realm, s.User)
		if err != nil {
			return err
		}
		for _, p := range u.Persons() {
			if p.UnionID != "" && p.Key == v.r.PostFormValue("link") {
				return c.Users.Unbind(v.ctx, s, p.Unionid, by)
			}
		}
		return ErrUserChanged
	})
}

// moveUser moves him to another WeChat account.
func (c *Console) moveUser(v *visit) error {
	return c.deed(v, "user_move", func(s Seen, by identity.By) error {
		to := identity.Openid{AppID: v.r.PostFormValue("appid"), OpenID: strings.TrimSpace(v.r.PostFormValue("openid"))}
		// Whom it leads to is of no concern here; but it has to be an openid of this realm.
		if _, err := c.Users.ByOpenid(v.ctx, s.Realm, to); err != nil {
			return err
		}
		return c.Users.Move(v.ctx, s, s.User, to, by)
	})
}

// giveLink moves another user to the WeChat account behind a link of this one.
func (c *Console) giveLink(v *visit) error {
	return c.deed(v, "user_move", func(s Seen, by identity.By) error {
		u, err := c.Users.User(v.ctx, s.Realm, s.User)
		if err != nil {
			return err
		}
		for _, p := range u.Persons() {
			for _, link := range p.Links {
				if link.Key == v.r.PostFormValue("link") {
					return c.Users.Move(v.ctx, s, strings.TrimSpace(v.r.PostFormValue("to")), link.Openid, by)
				}
			}
		}
		return ErrUserChanged
	})
}

type mergeView struct {
	Realm      Realm
	From, Into userView
	Reason     string
	At         int64
}

// mergeUser merges the user of the address into another one, after it has shown both.
func (c *Console) mergeUser(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	by, err := v.why()
	if err != nil {
		return c.refused(v, err)
	}
	from, into := v.seen(realm), Seen{realm.Name, strings.TrimSpace(v.r.PostFormValue("into")), v.r.PostFormValue("into_seen")}
	if v.r.PostFormValue("sure") != "yes" {
		return c.mergePage(v, realm, into.User, by.Evidence)
	}
	if err := c.Users.Merge(v.ctx, from, into, by); err != nil {
		return c.refused(v, err)
	}
	return v.to(userPath(realm.Name, into.User) + "?done=user_merge")
}

// mergePage shows both before they are merged.
func (c *Console) mergePage(v *visit, realm Realm, into, reason string) error {
	view := mergeView{Realm: realm, Reason: reason, At: c.Now().UnixMicro()}
	for id, at := range map[string]*userView{v.r.PathValue("id"): &view.From, into: &view.Into} {
		u, err := c.Users.User(v.ctx, realm.Name, id)
		if err == nil && u.Root.ID != id {
			err = &identity.Conflict{Code: identity.CodeUserRetired, User: id, Holder: u.Root.ID}
		}
		if err == nil && v.r.PathValue("id") == into {
			err = &identity.Conflict{Code: identity.CodeSameUser, User: id}
		}
		if err != nil {
			return c.refused(v, err)
		}
		*at = userView{Realm: realm, User: u}
	}
	v.came, v.cameZH = "asked to confirm", "等待确认"
	return v.page(http.StatusOK, "usermerge", view)
}

// eraseUser forgets him, if his id was typed as well.
func (c *Console) eraseUser(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	by, err := v.why()
	if err == nil && strings.TrimSpace(v.r.PostFormValue("typed")) != v.r.PathValue("id") {
		err = refuse(http.StatusBadRequest, "输入的用户 ID 不一致，未删除", "The id that you typed is another one: nothing was erased")
	}
	if err == nil {
		err = c.Users.Erase(v.ctx, v.seen(realm), by)
	}
	if err != nil {
		return c.refused(v, err)
	}
	return v.to("/users/" + realm.Name + "?done=user_erase")
}
