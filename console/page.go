package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"

	"github.com/caddy-wsite/caddy-wsite/merchant"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

// pages are all templates by language and name.
var pages = func() map[string]map[string]*template.Template {
	files, err := pageFiles.ReadDir("pages")
	if err != nil {
		panic(err)
	}
	all := map[string]map[string]*template.Template{}
	for _, lang := range []string{"zh", "en"} {
		all[lang] = map[string]*template.Template{}
		for _, file := range files {
			name := strings.TrimSuffix(file.Name(), ".html")
			if name != "layout" {
				all[lang][name] = template.Must(template.New(name).Funcs(words(lang)).ParseFS(pageFiles, "pages/layout.html", "pages/"+file.Name()))
			}
		}
	}
	return all
}()

// china is where staff read the time.
var china = time.FixedZone("UTC+8", 8*60*60)

// words are the functions of templates in a language.
func words(lang string) template.FuncMap {
	t := func(zh, en string) string {
		if lang == "en" {
			return en
		}
		return zh
	}
	return template.FuncMap{
		"t":    t,
		"text": func(said Text) string { return t(said.ZH, said.EN) },
		"when": func(at time.Time) string {
			if at.IsZero() {
				return "–"
			}
			return at.In(china).Format("2006-01-02 15:04")
		},
		"iso":          func(at time.Time) string { return at.UTC().Format(time.RFC3339) },
		"role":         func(r Role) string { return t(roleNames[r].ZH, roleNames[r].EN) },
		"section":      strings.HasPrefix,
		"mask":         Masked,
		"merchantPath": merchantPath,
		"noticePath":   noticePath,
		"recipient":    recipientText,
		"reason":       reasonText,
		"codeState":    func(s merchant.State) string { return t(codeNames[s].ZH, codeNames[s].EN) },
		"what": func(code string) string {
			if said, known := whats[code]; known {
				return t(said.ZH, said.EN)
			}
			return code
		},
	}
}

var roleNames = map[Role]Text{Viewer: {"查看者", "Viewer"}, Operator: {"操作员", "Operator"}, Administrator: {"管理员", "Administrator"}}

// whats are what the journal and the pages call what was done.
var whats = map[string]Text{
	"sign_in": {"登录", "signed in"}, "sign_out": {"退出登录", "signed out"}, "setup": {"设置密码", "chose a password"},
	"password": {"修改密码", "changed the password"}, "session_end": {"结束会话", "ended a session"},
	"staff_add": {"添加员工", "added staff"}, "staff_role": {"修改角色", "changed a role"}, "staff_disable": {"停用员工", "disabled staff"},
	"staff_enable": {"启用员工", "enabled staff"}, "staff_reset": {"重置密码", "reset a password"}, "staff_sessions_end": {"结束员工会话", "ended sessions of staff"},
	"account_check": {"检查公众号", "checked an account"}, "saved": {"已保存", "Saved"},
	"merchant_add": {"新增商户", "added a merchant"}, "merchant_edit": {"编辑商户", "edited a merchant"}, merchantImport: {"导入商户", "imported merchants"},
	"merchant_disable": {"停用商户", "disabled a merchant"}, "merchant_enable": {"启用商户", "enabled a merchant"},
	"notice_send": {"发送通知", "sent a notice"}, "notice_resend": {"重发通知", "sent a notice again"}, "notice_cancel": {"取消通知", "cancelled a notice"},
	"unbind": {"解绑", "unbound"}, "replace": {"替换绑定", "replaced who is bound"}, "code_make": {"生成绑定码", "made a code"}, "code_cancel": {"作废绑定码", "cancelled a code"},
	merchant.EventMade: {"新增", "added"}, merchant.EventEdited: {"编辑", "edited"}, merchant.EventCode: {"生成绑定码", "code made"}, merchant.EventCancelled: {"绑定码作废", "code cancelled"},
	merchant.EventSuperseded: {"绑定码被取代", "code superseded"}, merchant.EventBound: {"绑定", "bound"}, merchant.EventRefused: {"扫码未能绑定", "scan refused"},
	merchant.EventUnbound: {"解绑", "unbound"}, merchant.EventReplaced: {"绑定被替换", "replaced"}, merchant.EventNotice: {"通知", "notice"}, merchant.EventErased: {"绑定者已被删除", "who was bound was erased"},
}

// shown is what a page is given.
type shown struct {
	Lang, Path string
	Word       string // for forms
	Staff      Staff
	Done       string // what has just been done
	View       any
}

// May says whether who looks may do something.
func (s shown) May(a Action) bool { return s.Staff.Role.May(a) }

// page writes one of our pages.
func (v *visit) page(status int, name string, view any) error {
	done := v.r.URL.Query().Get("done")
	if _, known := whats[done]; !known {
		done = ""
	}
	var body bytes.Buffer
	s := shown{Lang: v.lang, Path: v.r.URL.Path, Word: v.word, Staff: v.staff, Done: done, View: view}
	if err := pages[v.lang][name].ExecuteTemplate(&body, "layout", s); err != nil {
		return fmt.Errorf("writing page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.lang)
	v.w.WriteHeader(status)
	_, err := v.w.Write(body.Bytes())
	return err
}

// serveAsset answers with a style or a script of ours.
func serveAsset(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("file")
	text, err := assetFiles.ReadFile("assets/" + name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	kind := "text/css; charset=utf-8"
	if strings.HasSuffix(name, ".js") {
		kind = "text/javascript; charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(text)
}

const languageCookie = "wsite-console-language"

// language is the one that somebody has chosen, or his browser prefers; Chinese if neither
// says.
func language(r *http.Request) string {
	if c, err := r.Cookie(languageCookie); err == nil && (c.Value == "zh" || c.Value == "en") {
		return c.Value
	}
	for _, accepted := range strings.Split(r.Header.Get("Accept-Language"), ",") {
		switch accepted = strings.ToLower(strings.TrimSpace(accepted)); {
		case strings.HasPrefix(accepted, "zh"):
			return "zh"
		case strings.HasPrefix(accepted, "en"):
			return "en"
		}
	}
	return "zh"
}

// language remembers the language that somebody chooses.
func (c *Console) language(v *visit) error {
	to, back := v.r.FormValue("to"), v.r.FormValue("back")
	if to != "zh" && to != "en" {
		return notFound
	}
	if !strings.HasPrefix(back, "/") || strings.HasPrefix(back, "//") || strings.ContainsAny(back, "\\\r\n") {
		back = "/"
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: languageCookie, Value: to, Path: "/", MaxAge: 365 * 24 * 60 * 60, Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return v.to(back)
}
