package wechatsim

import (
	"bytes"
	_ "embed"
	"html/template"
	"net/http"
	"slices"
	"strings"
)

//go:embed phone.css
var phoneCSS string

const pageHead = `<!doctype html><html lang="zh"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{{.Title}}</title><link rel="stylesheet" href="/phone/style.css"></head><body><div class="banner">模拟器，不是微信 · A simulation, not WeChat</div><main>`

const pageFoot = `</main></body></html>`

var errorPage = template.Must(template.New("error").Parse(pageHead + `<h1>{{.ZH}}</h1><p class="soft">{{.EN}}</p>{{with .Code}}<p class="code">{{.}}</p>{{end}}` + pageFoot))

//go:embed phone.html
var phoneHTML string

var phonePage = template.Must(template.New("phone").Parse(pageHead + phoneHTML + pageFoot))

// phoneView is what the phone shows.
type phoneView struct {
	Title    string
	Holder   *Person
	People   []Person
	Accounts []followView
	Links    []Link
	Ask      string
	Then     string
	Requests []Request
}

type followView struct {
	Account
	Followed        bool
	OpenID, UnionID string
}

// Initial is the letter on a person's face.
func (p Person) Initial() string {
	for _, r := range p.Nickname {
		return string(r)
	}
	return "?"
}

// phone is the phone in a visitor's hand.
func (s *Sim) phone(w http.ResponseWriter, r *http.Request) {
	view := phoneView{Title: "手机 · The phone", People: s.People(), Links: s.options.Links, Then: ownPath(r.URL.Query().Get("then"))}
	holder := s.holder(r)
	for _, p := range view.People {
		if p.Name == holder {
			view.Holder = &p
		}
	}
	if view.Holder != nil {
		for _, a := range s.options.Accounts {
			view.Accounts = append(view.Accounts, followView{a, slices.Contains(view.Holder.Follows, a.AppID), s.OpenID(holder, a.AppID), s.UnionID(holder, a.AppID)})
		}
	}
	requests := s.Requests()
	requests = requests[max(0, len(requests)-12):]
	slices.Reverse(requests)
	view.Requests = requests
	s.mu.Lock()
	view.Ask = s.ask
	s.mu.Unlock()
	s.writePage(w, phonePage, view)
}

// pick hands the phone to somebody.
func (s *Sim) pick(w http.ResponseWriter, r *http.Request) {
	http.SetCookie(w, s.PersonCookie(r.PostFormValue("person")))
	to := ownPath(r.PostFormValue("then"))
	if to == "" {
		to = "/phone/"
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// ownPath lets only this simulator's own paths through.
func ownPath(to string) string {
	if strings.HasPrefix(to, "/connect/") {
		return to
	}
	return ""
}

func (s *Sim) follow(w http.ResponseWriter, r *http.Request) {
	s.Follow(s.holder(r), r.PostFormValue("appid"), r.PostFormValue("follow") == "1")
	http.Redirect(w, r, "/phone/", http.StatusSeeOther)
}

func (s *Sim) setConsent(w http.ResponseWriter, r *http.Request) {
	s.Answer(r.PostFormValue("ask"))
	http.Redirect(w, r, "/phone/", http.StatusSeeOther)
}

// writeError shows an error as WeChat does: a page, with status 200.
func (s *Sim) writeError(w http.ResponseWriter, r *http.Request, code, zh, en string) {
	s.note(r, s.holder(r), r.URL.Query().Get("appid"), http.StatusOK, code)
	s.writePage(w, errorPage, map[string]string{"Title": "微信", "ZH": zh, "EN": en, "Code": code})
}

func (s *Sim) writePage(w http.ResponseWriter, page *template.Template, view any) {
	var body bytes.Buffer
	if err := page.Execute(&body, view); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self' 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "no-store")
	_, _ = body.WriteTo(w)
}

func (s *Sim) style(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/css; charset=utf-8")
	_, _ = w.Write([]byte(phoneCSS))
}
