package console

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// The code with which somebody chooses his password. It stands behind the # of a link,
// which no server sees and no log holds.

// invite makes a code for somebody.
func (c *Console) invite(name string) (code string, i Invitation) {
	code, hash := c.newToken()
	return code, Invitation{Hash: hash, Staff: name, Expires: c.Now().Add(Invited)}
}

// Add puts somebody on the staff, and returns the code with which he chooses his password.
// A name that is taken or can't be one is an error.
func (c *Console) Add(ctx context.Context, name string, role Role) (code string, err error) {
	name = strings.ToLower(strings.TrimSpace(name))
	switch {
	case !names.MatchString(name):
		return "", refuse(http.StatusBadRequest, "用户名须为 1 至 32 个小写字母、数字、点、横线或下划线", "A name has 1 to 32 of a-z, 0-9, dots, dashes and underscores")
	case !role.Valid():
		return "", refuse(http.StatusBadRequest, "没有这个角色", "There is no such role: viewer, operator or administrator")
	}
	code, i := c.invite(name)
	added, err := c.Store.PutConsoleStaff(ctx, Staff{Name: name, Role: role, Made: c.Now()}, i)
	if err != nil {
		return "", fmt.Errorf("adding staff: %w", err)
	}
	if !added {
		return "", refuse(http.StatusConflict, "该用户名已存在", "This name is taken")
	}
	return code, nil
}

// Reset takes somebody's password, second factor and sessions, and returns the code with which he chooses
// a new one. A name that nobody has is an error.
func (c *Console) Reset(ctx context.Context, name string) (code string, err error) {
	code, i := c.invite(name)
	found, err := c.Store.ResetConsoleStaff(ctx, i)
	if err != nil {
		return "", fmt.Errorf("resetting staff: %w", err)
	}
	if !found {
		return "", refuse(http.StatusNotFound, "没有该员工", "There is nobody of this name")
	}
	return code, nil
}

// leaveFirst leaves the code for the first administrator where only who runs the gateway
// finds it. first says that there is nobody yet.
func (c *Console) leaveFirst(ctx context.Context) (first bool, err error) {
	all, err := c.Store.ConsoleStaffs(ctx)
	if err != nil || len(all) > 0 {
		return false, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.Now().Sub(c.left) < Invited-time.Hour {
		return true, nil
	}
	code, i := c.invite("")
	if first, err = c.Store.PutFirstInvitation(ctx, i); err != nil || !first {
		return first, err
	}
	if err := c.Leave(code); err != nil {
		return true, fmt.Errorf("leaving the code for the first administrator: %w", err)
	}
	c.left = c.Now()
	return true, nil
}

// setupView is what the page for choosing a password shows.
type setupView struct {
	Code, Name string
	First      bool
	Wrong      Text
}

func (c *Console) setupPage(v *visit) error {
	first, err := c.leaveFirst(v.ctx)
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "setup", setupView{First: first})
}

// setup takes a code, and gives whom it is for his password.
func (c *Console) setup(v *visit) error {
	if err := v.within("address/" + v.Client(v.r)); err != nil {
		return err
	}
	code, name := strings.TrimSpace(v.r.PostFormValue("code")), strings.ToLower(strings.TrimSpace(v.r.PostFormValue("name")))
	password, again := v.r.PostFormValue("password"), v.r.PostFormValue("again")
	staff, wrong, err := c.choose(v.ctx, code, name, password, again)
	if err != nil {
		return err
	}
	if wrong != nil {
		all, err := c.Store.ConsoleStaffs(v.ctx)
		if err != nil {
			return err
		}
		return v.page(wrong.status, "setup", setupView{Code: code, Name: name, First: len(all) == 0, Wrong: wrong.Text})
	}
	e := v.entry("setup", "")
	e.Staff, e.Result = staff.Name, "done"
	if _, err := c.Store.PutConsoleEntry(v.ctx, e); err != nil {
		return err
	}
	return v.begin(staff)
}

// choose gives whom a code is for his password, or says what is wrong with it.
func (c *Console) choose(ctx context.Context, code, name, password, again string) (s Staff, wrong *fault, err error) {
	switch {
	case name != "" && !names.MatchString(name):
		return s, refuse(http.StatusBadRequest, "用户名须为 1 至 32 个小写字母、数字、点、横线或下划线", "A name has 1 to 32 of a-z, 0-9, dots, dashes and underscores"), nil
	case password != again:
		return s, refuse(http.StatusBadRequest, "两次输入的密码不一致", "The two passwords differ"), nil
	}
	if wrong := checkPassword(name, password); wrong != nil {
		return s, wrong, nil
	}
	kept, err := c.keep(ctx, password)
	if err != nil {
		return s, nil, err
	}
	s, ok, err := c.Store.TakeInvitation(ctx, digest(code), Staff{Name: name, Role: Administrator, Password: kept, Made: c.Now()}, c.Now())
	if err != nil {
		return s, nil, fmt.Errorf("choosing a password: %w", err)
	}
	if !ok && !s.Disabled.IsZero() {
		return s, refuse(http.StatusForbidden, "您的账户已停用，请联系管理员；启用后此链接仍可使用", "Your account is disabled: ask an administrator; once it is enabled this link is good"), nil
	}
	if !ok {
		return s, refuse(http.StatusForbidden, "该代码无效、已使用或已过期", "This code is wrong, used or too old"), nil
	}
	return s, nil, nil
}
