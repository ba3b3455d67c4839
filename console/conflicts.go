package console

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// Conflicts: what was claimed of somebody against what is on record. Nothing has changed by
// them, and nothing says that one was resolved: it is over once the two no longer
// contradict each other, or somebody has dismissed it.

var conflictRoutes = []route{
	{"GET", "/users/{realm}/conflicts", seeUsers, "", (*Console).conflictsPage},
	{"POST", "/users/{realm}/conflicts/{id}", mergeUsers, "conflict_resolve", (*Console).resolveConflict},
	{"POST", "/users/{realm}/conflicts/{id}/dismiss", mergeUsers, "conflict_dismiss", (*Console).dismissConflict},
	{"POST", "/users/{realm}/conflicts/{id}/reopen", mergeUsers, "conflict_reopen", (*Console).reopenConflict},
}

// conflictPage is how many a page has.
const conflictPage = 30

// The means by which a conflict can be resolved.
const (
	keepHolder = "keep_holder" // both are one person, who keeps the id of who is on record
	keepNamed  = "keep_named"  // ... the id that was named
	partHolder = "part_holder" // the WeChat account leads to who is on record no more
	partNamed  = "part_named"  // the other WeChat account leads to who was named no more
	moveNamed  = "move_named"  // who was named moves to this WeChat account
	letIn      = "let_in"      // who was named is unblocked
)

var meansNames = map[string]Text{
	keepHolder: {"合并为登记的用户", "merge into the one on record"},
	keepNamed:  {"合并为此次声明的用户", "merge into the one that was named"},
	partHolder: {"解绑登记的用户，让本人重新登录", "unbind the one on record; the person logs in again"},
	partNamed:  {"解绑该用户的另一个微信，让本人重新登录", "unbind the other WeChat account; the person logs in again"},
	moveNamed:  {"把该用户换绑到此微信（24 小时后生效）", "move the user to this WeChat account, in 24 hours"},
	letIn:      {"解除封禁", "unblock"},
}

// meeting is a conflict as it stands now.
type meeting struct {
	identity.ConflictRow
	Said Text
	Open bool
	Left bool // the two contradict each other, and it was dismissed
	// Holder is who is on record, Named who was named; no ID if that is nobody any more.
	Holder, Named           identity.User
	HolderState, NamedState string
	Means                   []string
	part                    identity.Unionid // that would be parted
}

type conflictsView struct {
	Realm  Realm
	Realms []Realm
	List   []meeting
	Before int64
	Wrong  Text
}

// Path is the address of a user.
func (v conflictsView) Path(id string) string { return userPath(v.Realm.Name, id) }

// Way is what a means is called.
func (v conflictsView) Way(means string) Text { return meansNames[means] }

// Why is why one was dismissed, without the openid and unionids that it may quote.
func (v conflictsView) Why(m meeting) string {
	said := m.DismissedWhy
	ids := []string{m.OpenID, m.part.UnionID}
	if m.Code == identity.CodeUnionIDMismatch {
		ids = append(ids, m.Have, m.Got)
	}
	for _, id := range ids {
		if id != "" {
			said = strings.ReplaceAll(said, id, Masked(id))
		}
	}
	return said
}

func (c *Console) conflictsPage(v *visit) error {
	before, _ := strconv.ParseInt(v.r.URL.Query().Get("before"), 10, 64)
	return c.showConflicts(v, http.StatusOK, max(before, 0), Text{})
}

// showConflicts lists a page of them, the newest first, and of these those that are open.
func (c *Console) showConflicts(v *visit, status int, before int64, wrong Text) error {
	realm, err := v.realm()
	if err != nil {
		return err
	}
	rows, err := c.Users.Conflicts(v.ctx, realm.Name, before, conflictPage)
	if err != nil {
		return err
	}
	view := conflictsView{Realm: realm, Realms: c.Realms(), Wrong: wrong}
	for _, row := range rows {
		s, err := c.meeting(v, row)
		if err != nil {
			return err
		}
		view.List = append(view.List, s)
	}
	if len(rows) == conflictPage {
		view.Before = rows[len(rows)-1].Seq
	}
	slices.SortStableFunc(view.List, func(a, b meeting) int {
		return map[bool]int{true: 0, false: 1}[a.Open] - map[bool]int{true: 0, false: 1}[b.Open]
	})
	return v.page(status, "conflicts", view)
}

// known is what is known of a user, nothing of one who was erased or never was.
func (c *Console) known(v *visit, realm, id string) (u User, err error) {
	if id == "" {
		return u, nil
	}
	if u, err = c.Users.User(v.ctx, realm, id); userFault(err) != nil {
		return User{}, nil
	}
	return u, err
}

// meeting finds out how a conflict stands, and what can be done.
func (c *Console) meeting(v *visit, row identity.ConflictRow) (meeting, error) {
	s, err := c.compared(v, row)
	if !row.Dismissed.IsZero() {
		s.Open, s.Left = false, s.Open
	}
	return s, err
}

// compared sets what was claimed against what is on record.
func (c *Console) compared(v *visit, row identity.ConflictRow) (meeting, error) {
	s := meeting{ConflictRow: row, Said: conflictText(row.Code)}
	if row.Code == identity.CodeUnionIDMismatch {
		return c.mismatch(v, s)
	}
	named, err := c.known(v, row.Realm, row.Got)
	if err != nil {
		return s, err
	}
	s.Named, s.NamedState = named.Root, StateOf(named.UserFacts)
	if named.Root.ID == "" {
		return s, nil
	}
	switch row.Code {
	case identity.CodeUnionIDTaken:
		return c.taken(v, s)
	case identity.CodeUserTaken:
		s.part = identity.Unionid{Subject: row.Subject, UnionID: row.Have}
		s.Open = serves(named, s.part) && !leads(named, row.Openid)
		s.Means = []string{partNamed, moveNamed}
		if row.OpenID == "" {
			s.Means = s.Means[:1]
		}
	case identity.CodeUserBlocked:
		s.Open, s.Means = !named.Root.BlockedAt.IsZero(), []string{letIn}
	}
	return s, nil
}

// mismatch stands until the openid is on record with another unionid.
func (c *Console) mismatch(v *visit, s meeting) (meeting, error) {
	id, err := c.Users.ByOpenid(v.ctx, s.Realm, s.Openid)
	if userFault(err) != nil {
		return s, nil
	}
	if err != nil {
		return s, err
	}
	u, err := c.known(v, s.Realm, id)
	s.Holder, s.HolderState = u.Root, StateOf(u.UserFacts)
	s.Open = slices.ContainsFunc(u.Openids, func(o identity.OpenidRow) bool { return o.Openid == s.Openid && o.UnionID == s.Have })
	return s, err
}

// taken stands until both are one, or the WeChat account leads to another one.
func (c *Console) taken(v *visit, s meeting) (meeting, error) {
	holder, err := c.known(v, s.Realm, s.Have)
	if err != nil {
		return s, err
	}
	s.Holder, s.HolderState = holder.Root, StateOf(holder.UserFacts)
	if s.Open = holder.Root.ID != "" && holder.Root.ID != s.Named.ID; !s.Open {
		return s, nil
	}
	s.Means = []string{keepHolder, keepNamed}
	if s.OpenID != "" {
		s.Open = leads(holder, s.Openid)
		for _, o := range holder.Openids {
			if o.Openid == s.Openid {
				s.part, s.Means = o.Unionid, append(s.Means, partHolder)
			}
		}
	}
	return s, nil
}

func leads(u User, o identity.Openid) bool {
	return slices.ContainsFunc(u.Openids, func(r identity.OpenidRow) bool { return r.Openid == o })
}

func serves(u User, n identity.Unionid) bool {
	return slices.ContainsFunc(u.Unions, func(r identity.UnionRow) bool { return r.Unionid == n })
}
