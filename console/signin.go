package console

import (
	"encoding/hex"
	"net/http"
	"strings"
)

var signInRoutes = []route{
	{"GET", "/{$}", keepSelf, "", (*Console).home},
	{"GET", "/sign-in", "", "", (*Console).signInPage},
	{"POST", "/sign-in", "", "", (*Console).signIn},
	{"POST", "/sign-out", keepSelf, "sign_out", (*Console).signOut},
	{"GET", "/setup", "", "", (*Console).setupPage},
	{"POST", "/setup", "", "", (*Console).setup},
	{"POST", "/language", "", "", (*Console).language},
}

var signInWords = map[string]Text{
	"sign_in":  {"登录", "signed in"},
	"sign_out": {"退出登录", "signed out"},
	"setup":    {"设置密码", "chose a password"},
}

// home sends who is signed in to the first page.
func (c *Console) home(v *visit) error { return v.to("/overview") }

// signInView is what the page for signing in shows.
type signInView struct {
	Name  string
	First bool // nobody is on the staff yet
	Wrong Text
}

func (c *Console) signInPage(v *visit) error {
	if v.staff.Name != "" {
		return v.to("/")
	}
	first, err := c.leaveFirst(v.ctx)
	if err != nil {
		return err
	}
	return v.page(http.StatusOK, "signin", signInView{First: first})
}

// signIn begins a session for who knows his password. What is wrong isn't told, nor which
// names there are.
func (c *Console) signIn(v *visit) error {
	name, password := strings.ToLower(strings.TrimSpace(v.r.PostFormValue("name"))), v.r.PostFormValue("password")
	for _, by := range []string{"address/" + v.Client(v.r), v.by(name)} {
		if err := v.within(by); err != nil {
			return err
		}
	}
	if len(password) > 4*maxPassword {
		password = ""
	}
	of := name
	if !names.MatchString(name) {
		of = "" // nobody's, and as much work
	}
	staff, _, err := c.Store.ConsoleStaff(v.ctx, of)
	if err != nil {
		return err
	}
	ok, err := matches(v.ctx, staff.Password, password)
	if err != nil {
		return err
	}
	ok = ok && staff.Disabled.IsZero()
	e := v.entry("sign_in", "")
	e.Staff, e.Result = staff.Name, "done"
	switch {
	case !ok:
		e.Result = "refused"
	case staff.Factor:
		e.What = "sign_in_half"
	}
	if staff.Name != "" {
		_, err = c.Store.PutConsoleEntry(v.ctx, e)
	} else {
		err = c.Store.PassConsoleEntry(v.ctx)
	}
	if err != nil {
		return err
	}
	if !ok {
		return v.page(http.StatusUnauthorized, "signin", signInView{Name: name, Wrong: Text{"用户名或密码不正确", "The name or the password is wrong"}})
	}
	if staff.Factor {
		return v.halve(staff)
	}
	return v.begin(staff)
}

// begin begins a session in this browser, and ends the one that it had: a token that
// somebody else may have put there is never taken on.
func (v *visit) begin(staff Staff) error {
	if v.session.ID != "" {
		if err := v.Store.EndConsoleSessions(v.ctx, v.session.Staff, v.session.ID); err != nil {
			return err
		}
	}
	id := make([]byte, 8)
	v.Random(id)
	token, hash := v.newToken()
	now := v.Now()
	s := Session{ID: hex.EncodeToString(id), Hash: hash, Staff: staff.Name, Made: now, Used: now, Address: v.Client(v.r), Browser: browser(v.r)}
	begun, err := v.Store.PutConsoleSession(v.ctx, s, staff.Password)
	if err != nil {
		return err
	}
	if !begun { // his password was changed while this one was looked at
		return v.to("/sign-in")
	}
	if err := v.Sweep(v.ctx); err != nil {
		v.Log.WarnContext(v.ctx, "sweeping the console", "error", err)
	}
	v.setCookie(token)
	v.know(staff.Name)
	return v.to("/")
}

func browser(r *http.Request) string {
	name := strings.ToValidUTF8(r.UserAgent(), "")
	if len(name) > 200 {
		name = strings.ToValidUTF8(name[:200], "")
	}
	return strings.ReplaceAll(name, "\x00", "")
}

func (c *Console) signOut(v *visit) error {
	if err := c.Store.EndConsoleSessions(v.ctx, v.staff.Name, v.session.ID); err != nil {
		return err
	}
	v.setCookie("")
	v.w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
	return v.to("/sign-in")
}
