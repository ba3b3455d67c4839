package console

import (
	"errors"
	"net/http"
	"strings"
	"time"
)

// Staff, as administrators see them, and everybody himself.

var staffRoutes = []route{
	{"GET", "/me", keepSelf, "", (*Console).mePage},
	{"POST", "/me/password", keepSelf, "password", (*Console).changePassword},
	{"POST", "/me/sessions/end", keepSelf, "session_end", (*Console).endMine},
	{"GET", "/staff", keepStaff, "", (*Console).staffPage},
	{"POST", "/staff", keepStaff, "staff_add", (*Console).addStaff},
	{"GET", "/staff/{name}", keepStaff, "", (*Console).personPage},
	{"POST", "/staff/{name}/role", keepStaff, "staff_role", (*Console).changeRole},
	{"POST", "/staff/{name}/disable", keepStaff, "staff_disable", (*Console).disableStaff},
	{"POST", "/staff/{name}/enable", keepStaff, "staff_enable", (*Console).enableStaff},
	{"POST", "/staff/{name}/reset", keepStaff, "staff_reset", (*Console).resetStaff},
	{"POST", "/staff/{name}/sessions/end", keepStaff, "staff_sessions_end", (*Console).endTheirs},
}

var staffWords = map[string]Text{
	"password":           {"修改密码", "changed the password"},
	"session_end":        {"结束会话", "ended a session"},
	"staff_add":          {"添加员工", "added staff"},
	"staff_role":         {"修改角色", "changed a role"},
	"staff_disable":      {"停用员工", "disabled staff"},
	"staff_enable":       {"启用员工", "enabled staff"},
	"staff_reset":        {"重置密码", "reset a password"},
	"staff_sessions_end": {"结束员工会话", "ended sessions of staff"},
	"saved":              {"已保存", "Saved"},
}

type meView struct {
	Sessions   []Session
	This       string // the id of the one that looks
	Recoveries int    // recovery codes that are left
	Needs      bool   // a second factor, before he may do anything
	Guesses    []guesses
}

func (c *Console) mePage(v *visit) error {
	sessions, err := c.sessionsOf(v, v.staff.Name)
	if err != nil {
		return err
	}
	_, left, _, err := c.Store.ConsoleFactor(v.ctx, v.staff.Name)
	if err != nil {
		return err
	}
	guessed, err := c.guesses(v.ctx, v.staff.Name)
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "me", meView{sessions, v.session.ID, left, v.needsFactor(), guessed})
}

// sessionsOf are those of somebody that still hold.
func (c *Console) sessionsOf(v *visit, name string) ([]Session, error) {
	list, err := c.Store.ConsoleSessions(v.ctx, name)
	if err != nil {
		return nil, err
	}
	var alive []Session
	for _, s := range list {
		if s.alive(c.Now()) {
			alive = append(alive, s)
		}
	}
	return alive, nil
}

// changePassword takes the old one, so that who finds an open browser can't stay.
func (c *Console) changePassword(v *visit) error {
	old, password := v.r.PostFormValue("old"), v.r.PostFormValue("password")
	if err := v.within("name/" + v.staff.Name); err != nil {
		return err
	}
	ok, err := matches(v.ctx, v.staff.Password, old)
	switch {
	case err != nil:
		return err
	case !ok:
		return refuse(http.StatusForbidden, "原密码不正确", "The old password is wrong")
	case password != v.r.PostFormValue("again"):
		return refuse(http.StatusBadRequest, "两次输入的密码不一致", "The two passwords differ")
	}
	if wrong := checkPassword(v.staff.Name, password); wrong != nil {
		return wrong
	}
	kept, err := c.keep(v.ctx, password)
	if err != nil {
		return err
	}
	if err := c.Store.SetConsolePassword(v.ctx, v.staff.Name, kept, v.session.ID); err != nil {
		return err
	}
	return v.to("/me?done=password")
}

func (c *Console) endMine(v *visit) error {
	id := v.r.PostFormValue("id")
	if id == "" {
		return notFound
	}
	if err := c.Store.EndConsoleSessions(v.ctx, v.staff.Name, id); err != nil {
		return err
	}
	return v.to("/me?done=session_end")
}

type staffView struct {
	Staff []Staff
	Roles []Role
	// Name and Code are of who was just added, or reset.
	Name, Code string
}

func (c *Console) staffPage(v *visit) error { return c.showStaff(v, "", "") }

func (c *Console) showStaff(v *visit, name, code string) error {
	all, err := c.Store.ConsoleStaffs(v.ctx)
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "staff", staffView{all, Roles, name, code})
}

func (c *Console) addStaff(v *visit) error {
	name := v.r.PostFormValue("name")
	if len(name) <= 32 {
		v.about = name
	}
	code, err := c.Add(v.ctx, name, Role(v.r.PostFormValue("role")))
	if err != nil {
		return err
	}
	return c.showStaff(v, name, code)
}

// resetStaff isn't for oneself: who finds an open browser could stay, without knowing the
// password or having the second factor.
func (c *Console) resetStaff(v *visit) error {
	if v.r.PathValue("name") == v.staff.Name {
		return refuse(http.StatusForbidden, "自己的密码请在「我的账户」中修改", "Change your own password at your account")
	}
	code, err := c.Reset(v.ctx, v.r.PathValue("name"))
	if err != nil {
		return err
	}
	return c.showStaff(v, v.r.PathValue("name"), code)
}

// person is who the address names.
func (c *Console) person(v *visit) (Staff, error) {
	name := v.r.PathValue("name")
	if !names.MatchString(name) {
		return Staff{}, notFound
	}
	s, found, err := c.Store.ConsoleStaff(v.ctx, name)
	if err == nil && !found {
		err = notFound
	}
	return s, err
}

type personView struct {
	Person   Staff
	Roles    []Role
	Sessions []Session
	Was      *Staff // as he was seen, if somebody else has changed him since
}

func (c *Console) personPage(v *visit) error { return c.showPerson(v, http.StatusOK, nil) }

func (c *Console) showPerson(v *visit, status int, was *Staff) error {
	s, err := c.person(v)
	if err != nil {
		return err
	}
	sessions, err := c.sessionsOf(v, s.Name)
	if err != nil {
		return err
	}
	return v.page(status, "person", personView{s, Roles, sessions, was})
}

func (c *Console) changeRole(v *visit) error {
	role := Role(v.r.PostFormValue("role"))
	if !role.Valid() {
		return notFound
	}
	return c.change(v, func(s *Staff) { s.Role = role })
}

func (c *Console) disableStaff(v *visit) error {
	return c.change(v, func(s *Staff) { s.Disabled = c.Now() })
}

func (c *Console) enableStaff(v *visit) error {
	return c.change(v, func(s *Staff) { s.Disabled = time.Time{} })
}

// change changes him as he was seen; what somebody else has changed since is shown.
func (c *Console) change(v *visit, change func(*Staff)) error {
	s, err := c.person(v)
	if err != nil {
		return err
	}
	role, disabled, _ := strings.Cut(v.r.PostFormValue("seen"), " ")
	was := Staff{Role: Role(role)}
	if disabled != "" {
		was.Disabled = c.Now()
	}
	change(&s)
	done, err := c.Store.ChangeConsoleStaff(v.ctx, was, s)
	if errors.Is(err, ErrStaffChanged) {
		v.ended("refused", Text{"其他管理员刚刚修改过", ErrStaffChanged.Error()})
		return c.showPerson(v, http.StatusConflict, &was)
	}
	if err != nil {
		return err
	}
	if !done {
		return refuse(http.StatusConflict, "至少要保留一位可登录的管理员", "One administrator who can sign in has to stay")
	}
	return v.to("/staff/" + s.Name + "?done=saved")
}

func (c *Console) endTheirs(v *visit) error {
	s, err := c.person(v)
	if err != nil {
		return err
	}
	if err := c.Store.EndConsoleSessions(v.ctx, s.Name, v.r.PostFormValue("id")); err != nil {
		return err
	}
	return v.to("/staff/" + s.Name + "?done=staff_sessions_end")
}
