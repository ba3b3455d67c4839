package console

import (
	"bytes"
	"embed"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed assets/*
var assetFiles embed.FS

var roleNames = map[Role]Text{Viewer: {"查看者", "Viewer"}, Operator: {"操作员", "Operator"}, Administrator: {"管理员", "Administrator"}}

// whats are what the journal, the pages and the history of a merchant call what was done;
// each subject has its own in the file that does it.
var whats = func() map[string]Text {
	all := map[string]Text{}
	for _, of := range []map[string]Text{
		signInWords,
		halfWords,
		guessWords,
		factorWords,
		staffWords,
		merchantWords,
		codeWords,
		noticeWords,
		userWords,
		accountWords,
		accountEditWords,
		siteWords,
		messageWords,
		eventWords,
		pushWords,
		jobWords,
		auditWords,
	} {
		maps.Copy(all, of)
	}
	return all
}()

// section is a part of the console, as the menu names it. One of several pages has tabs, the
// first of them at its own path.
type section struct {
	Path  string
	Name  Text
	takes Action
	tabs  []section
}

var sections = []section{
	{"/overview", Text{"概览", "Overview"}, seeOverview, nil},
	{"/merchants", Text{"商户", "Merchants"}, seeMerchants, nil},
	{"/users", Text{"用户", "Users"}, seeUsers, nil},
	{"/accounts", Text{"公众号", "Accounts"}, seeAccounts, []section{
		{"/accounts", Text{"公众号", "Accounts"}, seeAccounts, nil}, {"/sites", Text{"站点", "Sites"}, seeAccounts, nil},
	}},
	{"/messages", Text{"消息", "Messages"}, seeMessages, []section{
		{"/messages", Text{"消息", "Messages"}, seeMessages, nil},
		{"/quota", Text{"额度", "Quota"}, seeMessages, nil},
		{"/events", Text{"事件", "Events"}, seeEvents, nil},
		{"/pushes", Text{"推送", "Pushes"}, seePushes, nil},
		{"/jobs", Text{"任务", "Jobs"}, seeJobs, nil},
	}},
	{"/staff", Text{"员工", "Staff"}, keepStaff, nil},
	{"/audit", Text{"审计", "Audit"}, seeAudit, []section{
		{"/audit", Text{"审计", "Audit"}, seeAudit, nil},
		{"/journal", Text{"日志", "Journal"}, seeJournal, nil},
	}},
}

// shown is what a page is given.
type shown struct {
	Lang, Path string
	Back       string // to this page, in another language
	Word       string // for forms
	Staff      Staff
	Done       string // what has just been done
	View       any
}

// May says whether who looks may do something.
func (s shown) May(a Action) bool { return s.Staff.Role.May(a) }

// Sections are those that who looks may see.
func (s shown) Sections() []section { return s.open(sections) }

func (s shown) open(all []section) []section {
	return slices.DeleteFunc(slices.Clone(all), func(at section) bool { return !s.May(at.takes) })
}

// At says whether the page is in a section.
func (s shown) At(at section) bool {
	return s.Path == at.Path || strings.HasPrefix(s.Path, at.Path+"/") || slices.ContainsFunc(at.tabs, s.At)
}

// Tabs are those of the section that the page is in; none if that is one page.
func (s shown) Tabs() []section {
	for _, at := range sections {
		if len(at.tabs) > 0 && s.At(at) {
			return s.open(at.tabs)
		}
	}
	return nil
}

// Pages are the paths of what staff can look at, as patterns of [http.ServeMux].
func Pages() []string {
	var all []string
	for _, r := range routes() {
		if r.method == http.MethodGet {
			all = append(all, r.path)
		}
	}
	return all
}

// page writes one of our pages.
func (v *visit) page(status int, name string, view any) error {
	done := v.r.URL.Query().Get("done")
	if _, known := whats[done]; !known {
		done = ""
	}
	var body bytes.Buffer
	s := shown{Lang: v.lang, Path: v.r.URL.Path, Back: v.again(), Word: v.word, Staff: v.staff, Done: done, View: view}
	if err := v.pages[v.lang][name].ExecuteTemplate(&body, "layout", s); err != nil {
		return fmt.Errorf("writing page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", v.lang)
	v.w.WriteHeader(status)
	_, err := v.w.Write(body.Bytes())
	return err
}

// again is the address at which the page is shown again: of one that answers a form, the page
// above it if it has none of its own.
func (v *visit) again() string {
	switch at := v.r.URL; {
	case v.r.Method == http.MethodGet:
		q := at.Query()
		q.Del("done")
		return (&url.URL{Path: at.Path, RawQuery: q.Encode()}).String()
	case v.shows(at.EscapedPath()):
		return at.EscapedPath()
	}
	return v.above()
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
	if !c.shows(back) {
		back = "/"
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: languageCookie, Value: to, Path: "/", MaxAge: 365 * 24 * 60 * 60, Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
	return v.to(back)
}

// shows says whether a path is that of a page of ours, written as we write it.
func (c *Console) shows(path string) bool {
	at, err := url.ParseRequestURI(path)
	if err != nil || path[0] != '/' || at.Host != "" || strings.HasPrefix(path, "//") || strings.Contains(path, "\\") {
		return false
	}
	_, pattern := c.mux.Handler(&http.Request{Method: http.MethodGet, URL: at})
	return strings.HasPrefix(pattern, "GET ")
}
