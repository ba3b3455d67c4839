package console

import (
	"encoding/base64"
	"html/template"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Turning the second factor on and off.

// enrolling is how long a secret that is shown may be turned on.
const enrolling = 15 * time.Minute

var factorRoutes = []route{
	{"GET", "/me/factor", keepSelf, "", (*Console).enrolPage},
	{"POST", "/me/factor", keepSelf, "factor_on", (*Console).turnOn},
	{"POST", "/me/factor/off", keepSelf, "factor_off", (*Console).turnOff},
	{"POST", "/staff/{name}/factor/off", keepStaff, "staff_factor_off", (*Console).takeFactor},
}

var factorWords = map[string]Text{
	"factor_on":        {"开启两步验证", "turned a second factor on"},
	"factor_off":       {"关闭两步验证", "turned a second factor off"},
	"staff_factor_off": {"取消员工的两步验证", "took a second factor away"},
}

// enrolView is a secret that may be turned on, or, once it is, the recovery codes.
type enrolView struct {
	Image  template.HTML
	Secret string // in groups of four
	Sealed string // the same for the form
	Codes  []string
	Wrong  Text
}

func (c *Console) enrolPage(v *visit) error {
	if v.staff.Factor {
		return v.to("/me")
	}
	secret, url, err := c.newFactor(v.staff.Name, v.r.Host)
	if err != nil {
		return err
	}
	return c.showEnrol(v, http.StatusOK, secret, url, Text{})
}

func (c *Console) showEnrol(v *visit, status int, secret, url string, wrong Text) error {
	svg, _, err := c.Draw(url)
	if err != nil {
		return err
	}
	plain := strconv.FormatInt(c.Now().Add(enrolling).Unix(), 10) + " " + secret + " " + url
	view := enrolView{Image: template.HTML(svg), Sealed: base64.RawURLEncoding.EncodeToString(c.Sealer.Seal([]byte(plain), "enrol "+v.staff.Name)), Wrong: wrong}
	for i := 0; i < len(secret); i += 4 {
		view.Secret += secret[i:min(i+4, len(secret))] + " "
	}
	view.Secret = strings.TrimSpace(view.Secret)
	return v.page(status, "factor", view)
}

// turnOn takes the secret that was shown, once a code shows that the phone has it, and the
// password: who finds an open browser mustn't lock its owner out.
func (c *Console) turnOn(v *visit) error {
	secret, url, ok := c.enrolled(v)
	if !ok {
		return refuse(http.StatusConflict, "页面已过期，请重新开始", "This page is out of date: begin again")
	}
	if err := v.within("name/" + v.staff.Name); err != nil {
		return err
	}
	right, err := matches(v.ctx, v.staff.Password, v.r.PostFormValue("password"))
	if err != nil {
		return err
	}
	step, proved := codeStep(secret, plainCode(v.r.PostFormValue("code")), c.Now())
	if !right || !proved {
		said := Text{"密码或验证码不正确，请检查手机时间", "The password or the code is wrong; is the phone's clock right?"}
		v.ended("refused", said)
		return c.showEnrol(v, http.StatusForbidden, secret, url, said)
	}
	codes, hashes := c.newRecoveries()
	put, err := c.Store.PutConsoleFactor(v.ctx, Factor{v.staff.Name, c.Sealer.Seal([]byte(secret), factorOf(v.staff.Name)), step}, hashes, v.session.ID)
	if err != nil {
		return err
	}
	if !put {
		return refuse(http.StatusConflict, "两步验证已开启", "A second factor is on already")
	}
	return v.page(http.StatusOK, "factor", enrolView{Codes: codes})
}

// enrolled is the secret that a form was made with, for who sends it.
func (c *Console) enrolled(v *visit) (secret, url string, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(v.r.PostFormValue("sealed"))
	if err != nil {
		return "", "", false
	}
	plain, _, err := c.Sealer.Open(sealed, "enrol "+v.staff.Name)
	parts := strings.SplitN(string(plain), " ", 3)
	if err != nil || len(parts) != 3 {
		return "", "", false
	}
	ends, err := strconv.ParseInt(parts[0], 10, 64)
	return parts[1], parts[2], err == nil && c.Now().Unix() < ends
}

// turnOff takes password and code.
func (c *Console) turnOff(v *visit) error {
	if err := v.within("name/" + v.staff.Name); err != nil {
		return err
	}
	right, err := matches(v.ctx, v.staff.Password, v.r.PostFormValue("password"))
	if err == nil && right { // a code is not spent on a wrong password
		if err := v.codeWithin(v.staff.Name); err != nil {
			return err
		}
		right, err = c.proves(v.ctx, v.staff.Name, v.r.PostFormValue("code"))
	}
	if err != nil {
		return err
	}
	if !right {
		return refuse(http.StatusForbidden, "密码或验证码不正确", "The password or the code is wrong")
	}
	if _, err := c.Store.EndConsoleFactor(v.ctx, v.staff.Name); err != nil {
		return err
	}
	return v.to("/me?done=factor_off")
}

// takeFactor takes away somebody else's.
func (c *Console) takeFactor(v *visit) error {
	s, err := c.person(v)
	if err != nil {
		return err
	}
	if s.Name == v.staff.Name {
		return refuse(http.StatusForbidden, "请在「我的账户」中关闭自己的两步验证", "Turn your own off at My account")
	}
	had, err := c.Store.EndConsoleFactor(v.ctx, s.Name)
	if err != nil {
		return err
	}
	if !had {
		return refuse(http.StatusConflict, "该员工没有开启两步验证", "He has no second factor")
	}
	return v.to("/staff/" + s.Name + "?done=staff_factor_off")
}
