package wechatsim

import (
	"bytes"
	"embed"
	"html/template"
	"net/http"
	"strings"
)

//go:embed pages
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

// policy lets a page load our style sheet and our script, and pictures from
// everywhere, since articles in a chat have some. A form may lead anywhere: a
// browser applies form-action to the whole chain of redirects, and ours end at
// somebody's site.
const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' http: https:; base-uri 'none'; frame-ancestors 'none'; form-action 'self' http: https:"

// page renders a page whole before it sends the first byte.
func (s *Sim) page(w http.ResponseWriter, name string, view any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, view); err != nil {
		http.Error(w, "rendering the page: "+err.Error(), http.StatusInternalServerError)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", policy)
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b.Bytes())
}

// refusePage shows one of WeChat's error pages. HTTP status 200 is right.
func (s *Sim) refusePage(w http.ResponseWriter, r refusal) {
	s.page(w, "refusal.html", refusalView{Code: r.code, ZH: r.zh, EN: r.en})
}

type refusalView struct {
	Code   int
	ZH, EN string
}

type consentView struct {
	Ticket, Account, Action string
	Person                  personView
}

// personView is a person on a page.
type personView struct {
	Name, Nickname string
	Holder         bool // holds the phone
}

func personOnPage(p Person, holder string) personView {
	return personView{Name: p.Name, Nickname: p.label(), Holder: p.Name == holder}
}

// colours of faces, for people who brought none.
var colours = []string{"#2f7d5b", "#b4552d", "#3b5fa8", "#8a4d9e", "#97731a", "#1f7f8c", "#a8395b"}

type avatarView struct{ Colour, Letter string }

// avatar draws a person: the first letter of the nickname on a colour.
func (s *Sim) avatar(w http.ResponseWriter, p Person) {
	view := avatarView{Colour: p.Colour, Letter: "?"}
	for _, r := range strings.TrimSpace(p.label()) {
		view.Letter = string(r)
		break
	}
	if view.Colour == "" {
		sum := 0
		for _, b := range []byte(p.Name) {
			sum += int(b)
		}
		view.Colour = colours[sum%len(colours)]
	}
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, "avatar.html", view); err != nil {
		http.Error(w, "drawing: "+err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "image/svg+xml")
	w.Header().Set("Content-Security-Policy", "default-src 'none'")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	_, _ = w.Write(b.Bytes())
}
