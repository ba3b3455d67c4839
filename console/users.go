package console

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/directory"
	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Users: who they are, and what leads to them.

var userRoutes = []route{
	{"GET", "/users", seeUsers, "", (*Console).usersHome},
	{"GET", "/users/{realm}", seeUsers, "", (*Console).usersPage},
	{"POST", "/users/{realm}/find", seeUsers, "user_find", (*Console).findUser},
	{"GET", "/users/{realm}/of/{id}", seeUsers, "", (*Console).userPage},
	{"POST", "/users/{realm}/of/{id}/sign-out", operateUsers, "user_sign_out", (*Console).signOutUser},
	{"POST", "/users/{realm}/of/{id}/block", operateUsers, "user_block", (*Console).blockUser},
	{"POST", "/users/{realm}/of/{id}/unblock", operateUsers, "user_unblock", (*Console).unblockUser},
	{"POST", "/users/{realm}/of/{id}/unbind", operateUsers, "user_unbind", (*Console).unbindUser},
	{"POST", "/users/{realm}/of/{id}/move", operateUsers, "user_move", (*Console).moveUser},
	{"POST", "/users/{realm}/of/{id}/give", operateUsers, "user_move", (*Console).giveLink},
	{"POST", "/users/{realm}/of/{id}/move/cancel", operateUsers, "user_move_cancel", (*Console).cancelMove},
	{"POST", "/users/{realm}/of/{id}/merge", mergeUsers, "user_merge", (*Console).mergeUser},
	{"POST", "/users/{realm}/of/{id}/erase", mergeUsers, "user_erase", (*Console).eraseUser},
}

var userWords = map[string]Text{
	"user_find":        {"查找用户", "looked for a user"},
	"user_sign_out":    {"结束用户会话", "ended a user's sessions"},
	"user_block":       {"封禁用户", "blocked a user"},
	"user_unblock":     {"解除封禁", "unblocked a user"},
	"user_unbind":      {"解绑用户微信", "unbound a user"},
	"user_move":        {"申请换绑微信", "asked for a move to another WeChat account"},
	"user_move_cancel": {"取消换绑", "called a move off"},
	"user_merge":       {"合并用户", "merged users"},
	"user_erase":       {"删除用户", "erased a user"},
	"conflict_resolve": {"处理冲突", "resolved a conflict"},
	"conflict_dismiss": {"忽略冲突", "dismissed a conflict"},
	"conflict_reopen":  {"重新列为待处理", "took a conflict up again"},
}

// Users is where staff look users up and deal with them. What the rules of identity refuse
// is an [identity.Conflict]; a [Seen] that holds no more is [ErrUserChanged]. Nothing is
// done then.
type Users interface {
	// Places are the accounts of a realm, where somebody can be looked up.
	Places(realm string) []Place
	// User is all that is known of a user. An id that was retired leads to who stands for
	// it.
	User(ctx context.Context, realm, id string) (User, error)
	// ByOpenid and ByUnionid name the user to whom one leads; nobody is minted for it.
	ByOpenid(ctx context.Context, realm string, o identity.Openid) (string, error)
	ByUnionid(ctx context.Context, realm string, n identity.Unionid) (string, error)
	// History is what was done to a user, the newest first.
	History(ctx context.Context, realm, id string, limit int) ([]identity.AuditRecord, error)

	SignOut(ctx context.Context, s Seen, by identity.By) error
	Block(ctx context.Context, s Seen, by identity.By) error
	Unblock(ctx context.Context, s Seen, by identity.By) error
	Unbind(ctx context.Context, s Seen, from identity.Unionid, by identity.By) error
	// Move asks for user to be moved to the WeChat account behind an openid.
	Move(ctx context.Context, s Seen, user string, to identity.Openid, by identity.By) error
	CancelMove(ctx context.Context, s Seen, by identity.By) error
	Merge(ctx context.Context, from, into Seen, by identity.By) error
	Erase(ctx context.Context, s Seen, by identity.By) error

	// Dismiss leaves a conflict as it is, or takes that back; user is whom it is about.
	Dismiss(ctx context.Context, row identity.ConflictRow, dismissed bool, user string, by identity.By) error
	// Conflicts are those of a realm with Seq < before, the newest first; 0 for all.
	Conflicts(ctx context.Context, realm string, before int64, limit int) ([]identity.ConflictRow, error)
}

// Place is an account at which somebody can be looked up.
type Place struct {
	AppID   string
	Kind    directory.AccountKind
	Subject string
}

// User is a user as staff see him.
type User struct {
	identity.UserFacts
	// Follows says who of the openids follows its account, as far as that is known.
	Follows map[identity.Openid]bool
	// Stands are the merchants to whom he is bound.
	Stands []Stand
	// Moving is his move to another WeChat account that waits; nil if none does.
	Moving *identity.RebindRow
}

// Stand is a merchant to whom somebody is bound.
type Stand struct{ Merchant, Name, AppID string }

// Seen is a user as staff saw him when they decided what to do.
type Seen struct{ Realm, User, State string }

// ErrUserChanged says that a user isn't as he was seen.
var ErrUserChanged = errors.New("the user has changed since he was looked at")

// StateOf tells two states of a user apart.
func StateOf(f identity.UserFacts) string {
	lines := []string{fmt.Sprint(f.Root.ID, f.Root.Version, f.Gone)}
	for _, n := range f.Unions {
		lines = append(lines, fmt.Sprint("u", n.Unionid, n.Version))
	}
	for _, o := range f.Openids {
		lines = append(lines, fmt.Sprint("o", o.Openid, o.Version))
	}
	for _, u := range f.Retired {
		lines = append(lines, fmt.Sprint("r", u.ID))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return hex.EncodeToString(sum[:12])
}

func userPath(realm, id string) string { return "/users/" + realm + "/of/" + url.PathEscape(id) }

type usersView struct {
	Realm  Realm
	Realms []Realm
	Places []Place
	Wrong  Text
}

// Subjects are those that have unionids.
func (v usersView) Subjects() []string {
	var all []string
	for _, p := range v.Places {
		if p.Subject != "" && !slices.Contains(all, p.Subject) {
			all = append(all, p.Subject)
		}
	}
	return all
}

func (c *Console) usersHome(v *visit) error {
	if len(c.Realms()) == 0 {
		return notFound
	}
	return v.to("/users/" + c.Realms()[0].Name)
}

func (c *Console) usersPage(v *visit) error { return c.showFind(v, http.StatusOK, Text{}) }

func (c *Console) showFind(v *visit, status int, wrong Text) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	return v.page(status, "users", usersView{realm, c.Realms(), c.Users.Places(realm.Name), wrong})
}

// findUser goes to the page of a user. What was typed reaches no address unless it is the
// id of somebody: it may be an openid, in the wrong field.
func (c *Console) findUser(v *visit) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	typed := strings.TrimSpace(v.r.PostFormValue("id"))
	if len(typed) > 64 {
		typed = "" // nobody is called so
	}
	id := typed
	switch by := v.r.PostFormValue("by"); {
	case by == "openid":
		id, err = c.Users.ByOpenid(v.ctx, realm.Name, identity.Openid{AppID: v.r.PostFormValue("appid"), OpenID: typed})
	case by == "unionid" && identity.ValidOpenid(typed):
		id, err = c.Users.ByUnionid(v.ctx, realm.Name, identity.Unionid{Subject: v.r.PostFormValue("subject"), UnionID: typed})
	case by == "unionid":
		err = &identity.Fault{Field: "unionid"}
	}
	if err == nil {
		_, err = c.Users.User(v.ctx, realm.Name, id)
	}
	if f := userFault(err); f != nil {
		v.ended("refused", f.Text)
		return c.showFind(v, f.status, f.Text)
	}
	if err != nil {
		return err
	}
	return v.to(userPath(realm.Name, id))
}

// number64 is a field with a number; zero if it is none.
func (v *visit) number64(field string) int64 {
	n, _ := strconv.ParseInt(v.r.PostFormValue(field), 10, 64)
	return n
}
