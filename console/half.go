package console

import (
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Signing in with a second factor: who knows the password gets half of a session, which is
// good for nothing but to be asked for a code.

// Halved is how long he has to give one.
const Halved = 5 * time.Minute

var halfRoutes = []route{
	{"GET", "/sign-in/code", "", "", (*Console).codePromptPage},
	{"POST", "/sign-in/code", "", "", (*Console).signInByCode},
}

var halfWords = map[string]Text{
	"sign_in_half": {"输入密码（待验证码）", "gave the password to sign in, and was asked for a code"},
	"sign_in_code": {"登录验证码", "gave a code to sign in"},
}

func (c *Console) halfName() string { return c.cookieName() + "-half" }

// halve gives the browser half of a session. It is worth nothing after another password.
func (v *visit) halve(staff Staff) error {
	plain := strings.Join([]string{staff.Name, strconv.FormatInt(v.Now().Add(Halved).Unix(), 10), hex.EncodeToString(digest(staff.Password))}, " ")
	v.setHalf(base64.RawURLEncoding.EncodeToString(v.Sealer.Seal([]byte(plain), "half")))
	return v.to("/sign-in/code")
}

// setHalf gives the browser half of a session; an empty one takes it away.
func (v *visit) setHalf(value string) {
	age := int(Halved / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: v.halfName(), Value: value, Path: "/", MaxAge: age, Secure: v.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// half is whose half of a session the request carries; no name if nobody's.
func (v *visit) half() (Staff, error) {
	cookies := v.r.CookiesNamed(v.halfName())
	if len(cookies) != 1 || len(cookies[0].Value) > 512 {
		return Staff{}, nil
	}
	sealed, err := base64.RawURLEncoding.DecodeString(cookies[0].Value)
	if err != nil {
		return Staff{}, nil
	}
	plain, _, err := v.Sealer.Open(sealed, "half")
	if err != nil {
		return Staff{}, nil // of another time, or made up
	}
	parts := strings.Split(string(plain), " ")
	if len(parts) != 3 {
		return Staff{}, nil
	}
	ends, err := strconv.ParseInt(parts[1], 10, 64)
	if err != nil || v.Now().Unix() >= ends {
		return Staff{}, nil
	}
	s, found, err := v.Store.ConsoleStaff(v.ctx, parts[0])
	if err != nil || !found || !s.Factor || !s.Disabled.IsZero() || hex.EncodeToString(digest(s.Password)) != parts[2] {
		return Staff{}, err
	}
	return s, nil
}

type codePromptView struct{ Wrong Text }

func (c *Console) codePromptPage(v *visit) error {
	s, err := v.half()
	switch {
	case err != nil:
		return err
	case s.Name == "":
		return v.to("/sign-in")
	}
	return v.page(http.StatusOK, "factorcode", codePromptView{})
}

// signInByCode begins a session for who has half of one and gives a code.
func (c *Console) signInByCode(v *visit) error {
	if err := v.within("address/" + v.Client(v.r)); err != nil {
		return err
	}
	staff, err := v.half()
	if err != nil {
		return err
	}
	if staff.Name == "" {
		v.setHalf("")
		return v.to("/sign-in")
	}
	if err := v.codeWithin(staff.Name); err != nil {
		return err
	}
	ok, err := c.proves(v.ctx, staff.Name, v.r.PostFormValue("code"))
	if err != nil {
		return err
	}
	e := v.entry("sign_in_code", "")
	e.Staff, e.Result = staff.Name, "done"
	if !ok {
		e.Result = "refused"
	}
	if _, err := c.Store.PutConsoleEntry(v.ctx, e); err != nil {
		return err
	}
	if !ok {
		return v.page(http.StatusUnauthorized, "factorcode", codePromptView{Text{"验证码不正确或已使用", "The code is wrong, or was used before"}})
	}
	v.setHalf("")
	return v.begin(staff)
}

// needsFactor says whether who is signed in has to turn a second factor on first.
func (v *visit) needsFactor() bool {
	return v.Factor != "" && !v.staff.Factor && slices.Index(Roles, v.staff.Role) >= slices.Index(Roles, v.Factor)
}

// within counts a try by somebody, and refuses it when there were too many.
func (v *visit) within(by string) error {
	after, ok := v.Within(v.ctx, by)
	if ok {
		return nil
	}
	f := refuse(http.StatusTooManyRequests, "尝试次数过多，请稍后再试", "Too many tries: wait a moment")
	f.after = after
	return f
}
