package console

import (
	"cmp"
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/identity"
)

// visit is a request, with who makes it.
type visit struct {
	*Console
	w    http.ResponseWriter
	r    *http.Request
	ctx  context.Context
	lang string

	staff   Staff // who is signed in; no name if nobody
	session Session
	word    string // that his forms carry
	about   string // what the journal says it is about
	// ... and what came of it, if it is answered with a page of its own; see [Entry].
	came, cameZH string
}

// What a form sends at most, in bytes: maxTable with a table of merchants.
const (
	maxForm  = 1 << 18
	maxTable = 16 << 20
)

// maxAbout is the longest that an entry of the journal is about, in bytes.
const maxAbout = 300

// serve answers a request for a route: where from, who, whether he may, and then what.
func (c *Console) serve(w http.ResponseWriter, r *http.Request, rt route) {
	v := &visit{Console: c, w: w, r: r, ctx: r.Context(), lang: language(r)}
	if err := v.answer(rt); err != nil {
		v.fail(err)
	}
}

func (v *visit) answer(rt route) error {
	if err := v.cross.Check(v.r); err != nil {
		return refuse(http.StatusForbidden, "该请求来自其他网站", "This request comes from another site")
	}
	if rt.serve == nil {
		return notFound
	}
	if v.r.Body != nil {
		most := int64(maxForm)
		if rt.what == merchantImport {
			most = maxTable
		}
		v.r.Body = http.MaxBytesReader(v.w, v.r.Body, most)
	}
	// A page that waits for a scan asks by itself: that nobody uses it shows all the same.
	if err := v.identify(!strings.HasSuffix(rt.path, "/events")); err != nil {
		return err
	}
	if rt.action == "" {
		return rt.serve(v.Console, v)
	}
	if v.staff.Name == "" {
		if rt.method == http.MethodGet {
			return v.to("/sign-in")
		}
		return refuse(http.StatusUnauthorized, "请先登录", "Sign in first")
	}
	if !v.staff.Role.May(rt.action) {
		return refuse(http.StatusForbidden, "您的角色没有此权限", "Your role may not do this")
	}
	if rt.action != keepSelf && v.needsFactor() {
		if rt.method == http.MethodGet {
			return v.to("/me")
		}
		return refuse(http.StatusForbidden, "请先开启两步验证", "Turn a second factor on first")
	}
	if rt.method == http.MethodGet {
		return rt.serve(v.Console, v)
	}
	if err := v.r.ParseMultipartForm(maxTable); err != nil && !errors.Is(err, http.ErrNotMultipart) {
		if big := (*http.MaxBytesError)(nil); errors.As(err, &big) {
			return err
		}
		return refuse(http.StatusBadRequest, "请求无法读取", "The request can't be read")
	}
	if subtle.ConstantTimeCompare([]byte(v.r.FormValue("word")), []byte(v.word)) != 1 {
		return refuse(http.StatusForbidden, "页面已过期，请返回刷新后重试", "This page is out of date: go back, reload it and try again")
	}
	return v.noted(rt)
}

// noted does what a route is for, between the lines of the journal.
func (v *visit) noted(rt route) error {
	v.about = v.r.PathValue("name") + v.r.PathValue("appid") + v.r.PathValue("ptid") + v.r.PathValue("realm")
	if appID := v.r.PostFormValue("appid"); v.about == "" && slices.Contains(v.AppIDs(), appID) {
		v.about = appID
	}
	if id := v.r.PathValue("id"); id != "" {
		v.about = strings.TrimPrefix(v.about+"/"+id, "/")
	}
	if v.about = plain(v.about); len(v.about) > maxAbout {
		return notFound
	}
	seq, err := v.Store.PutConsoleEntry(v.ctx, v.entry(rt.what, v.about))
	if err != nil {
		return err
	}
	if err = rt.serve(v.Console, v); err != nil {
		v.ended("refused", faultOf(err).Text)
	}
	if err := v.Store.SettleConsoleEntry(context.WithoutCancel(v.ctx), Entry{Seq: seq, About: v.about, Result: cmp.Or(v.came, "done"), ZH: v.cameZH}); err != nil {
		v.Log.ErrorContext(v.ctx, "writing the journal of the console", "error", err)
	}
	return err
}

// ended notes for the journal whether it was done or refused, and what there is to say of it.
func (v *visit) ended(state string, said Text) { v.came, v.cameZH = state+": "+said.EN, said.ZH }

func (v *visit) entry(what, about string) Entry {
	return Entry{At: v.Now(), Staff: v.staff.Name, What: what, About: about, Address: v.Client(v.r)}
}

func (c *Console) cookieName() string {
	if c.Secure {
		return "__Host-wsite-console"
	}
	return "wsite-console" // for loopback: browsers would drop the other one
}

// identify finds out whose session the request carries, which may count as a use of it.
func (v *visit) identify(uses bool) error {
	// Of two cookies one may be somebody else's, put there by another host of the domain.
	cookies := v.r.CookiesNamed(v.cookieName())
	if len(cookies) != 1 || len(cookies[0].Value) > 64 {
		return nil
	}
	token := cookies[0].Value
	session, staff, found, err := v.Store.ConsoleSession(v.ctx, digest(token))
	if err != nil {
		return err
	}
	now := v.Now()
	if !found || !session.alive(now) || !staff.Disabled.IsZero() || staff.Password == "" {
		return nil
	}
	if uses && now.Sub(session.Used) >= time.Minute {
		if err := v.Store.UseConsoleSession(v.ctx, session.ID, now); err != nil && !errors.Is(err, identity.ErrUnavailable) {
			return err
		}
	}
	v.staff, v.session, v.word = staff, session, formWord(token)
	return nil
}

// setCookie gives the browser a session; an empty one takes it away.
func (v *visit) setCookie(token string) {
	age := int(Longest / time.Second)
	if token == "" {
		age = -1
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: v.cookieName(), Value: token, Path: "/", MaxAge: age, Secure: v.Secure, HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// to sends the browser to another page of ours.
func (v *visit) to(path string) error {
	http.Redirect(v.w, v.r, path, http.StatusSeeOther)
	return nil
}

// fault is something that is refused, in two languages.
type fault struct {
	status int
	Text
	after time.Duration // to be tried again; zero for nothing
}

func refuse(status int, zh, en string) *fault { return &fault{status: status, Text: Text{zh, en}} }

// Refuse makes an error of what shall be shown in place of what was asked for: an HTTP
// status, and a sentence in Chinese and in English.
func Refuse(status int, zh, en string) error { return refuse(status, zh, en) }

func (f *fault) Error() string { return f.EN }

var notFound = refuse(http.StatusNotFound, "没有这个页面", "There is no such page")

// faultOf says in our words what went wrong.
func faultOf(err error) *fault {
	var f *fault
	var big *http.MaxBytesError
	switch {
	case errors.As(err, &f):
		return f
	case merchantFault(err) != nil:
		return merchantFault(err)
	case userFault(err) != nil:
		return userFault(err)
	case errors.As(err, &big):
		return refuse(http.StatusRequestEntityTooLarge, "内容过大", "That is too much at once")
	case errors.Is(err, identity.ErrUnavailable):
		return refuse(http.StatusServiceUnavailable, "暂时无法访问数据库，请稍后再试", "The database can't be reached at the moment: try again")
	}
	return refuse(http.StatusInternalServerError, "出错了，请查看网关日志", "Something went wrong: the gateway's log says what")
}

type problemView struct {
	Said Text
	Back string // a page to go on from
}

// above is the nearest page above the address that who looks may see.
func (v *visit) above() string {
	for at := path.Dir(v.r.URL.Path); at != "/" && at != "."; at = path.Dir(at) {
		if v.opens(v.staff.Role, at) {
			return at
		}
	}
	return "/"
}

// fail shows what went wrong.
func (v *visit) fail(err error) {
	f := faultOf(err)
	if f.status >= http.StatusInternalServerError {
		v.Log.ErrorContext(v.ctx, "answering a request to the console", "path", v.r.Pattern, "error", err)
	}
	if f.after > 0 {
		v.w.Header().Set("Retry-After", strconv.Itoa(int(f.after/time.Second)+1))
	}
	if err := v.page(f.status, "problem", problemView{f.Text, v.above()}); err != nil {
		v.Log.ErrorContext(v.ctx, "writing a page of the console", "error", err)
	}
}
