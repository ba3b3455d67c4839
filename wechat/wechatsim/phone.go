package wechatsim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// lately is how many requests the phone page shows.
const lately = 12

// phone serves the phone page.
func (s *Sim) phone() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /phone/{$}", s.showPhone)
	mux.HandleFunc("GET /phone/style.css", func(w http.ResponseWriter, r *http.Request) {
		http.ServeFileFS(w, r, pageFiles, "pages/style.css")
	})
	mux.HandleFunc("GET /phone/avatar/{person}/{size}", s.showAvatar)
	mux.HandleFunc("POST /phone/person", s.takePhone)
	mux.HandleFunc("POST /phone/follow", s.tapFollow)
	mux.HandleFunc("POST /phone/consent", s.tapConsent)
	mux.HandleFunc("POST /phone/open", s.openLink)
	mux.HandleFunc("POST /phone/fault", s.tapFault)
	toPhone := http.RedirectHandler("/phone/", http.StatusSeeOther)
	mux.Handle("GET /{$}", toPhone)
	mux.Handle("GET /phone", toPhone)
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, 64<<10))
}

type phoneView struct {
	Holder   *personView
	People   []personView
	Accounts []followView
	Links    []Link
	Answers  []answerView
	Faults   []Fault
	Armed    []Armed
	Requests []Request
	Then     string // where to go on once somebody holds the phone
	WeChat   bool   // the login page will take this browser for WeChat's
}

type followView struct {
	Account
	Followed        bool
	OpenID, UnionID string
}

type answerView struct {
	Consent Consent
	ZH, EN  string
	Now     bool
}

func (s *Sim) showPhone(w http.ResponseWriter, r *http.Request) {
	settings := s.Settings()
	v := phoneView{
		Links: s.links, Faults: Faults, Armed: s.Armed(), Then: ownPath(r.URL.Query().Get("then")),
		WeChat: settings.AnyBrowser || inWeChat(r),
		Answers: []answerView{
			{Consent: ConsentAsk, ZH: "问我", EN: "ask me"},
			{Consent: ConsentAllow, ZH: "允许", EN: "allow"},
			{Consent: ConsentRefuse, ZH: "拒绝", EN: "refuse"},
		},
	}
	for i := range v.Answers {
		v.Answers[i].Now = v.Answers[i].Consent == settings.Consent
	}
	holder, held := s.holder(r)
	for _, p := range s.People() {
		v.People = append(v.People, personOnPage(p, holder.Name))
	}
	if held {
		p := personOnPage(holder, holder.Name)
		v.Holder = &p
		for _, a := range s.Accounts() {
			v.Accounts = append(v.Accounts, followView{a, holder.follows(a.AppID), s.OpenID(holder.Name, a.AppID), s.UnionID(holder.Name, a.AppID)})
		}
	}
	v.Requests = s.Requests()
	v.Requests = v.Requests[max(0, len(v.Requests)-lately):]
	slices.Reverse(v.Requests)
	s.page(w, "phone.html", v)
}

func (s *Sim) showAvatar(w http.ResponseWriter, r *http.Request) {
	p, ok := s.person(r.PathValue("person"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.avatar(w, p)
}

// takePhone hands the phone to somebody, and goes on with the login that asked.
func (s *Sim) takePhone(w http.ResponseWriter, r *http.Request) {
	p, ok := s.person(r.PostFormValue("person"))
	if !ok {
		http.Error(w, "nobody of that name is here", http.StatusNotFound)
		return
	}
	http.SetCookie(w, s.PersonCookie(p.Name))
	to := ownPath(r.PostFormValue("then"))
	if to == "" {
		to = "/phone/"
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusSeeOther)
}

// ownPath lets only our own login pages through.
func ownPath(to string) string {
	ours := strings.HasPrefix(to, authorizePath+"?") || strings.HasPrefix(to, confirmPath+"?")
	if ours && !strings.ContainsAny(to, "\r\n") {
		return to
	}
	return ""
}

func (s *Sim) tapFollow(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	if err := s.Follow(p.Name, r.PostFormValue("appid"), r.PostFormValue("follow") == "1"); err != nil {
		http.Error(w, err.Error(), http.StatusNotFound)
		return
	}
	http.Redirect(w, r, "/phone/", http.StatusSeeOther)
}

func (s *Sim) tapConsent(w http.ResponseWriter, r *http.Request) {
	if err := s.Change(func(set *Settings) { set.Consent = r.PostFormValue("ask") }); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/phone/", http.StatusSeeOther)
}

func (s *Sim) tapFault(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("do") == "disarm" {
		s.Disarm("")
	} else if _, err := s.arm(r.PostFormValue("name")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/phone/", http.StatusSeeOther)
}

// openLink opens a link as a tap in a chat does, and lets WeChat look at it again
// if that fault is armed.
func (s *Sim) openLink(w http.ResponseWriter, r *http.Request) {
	u, err := url.Parse(strings.TrimSpace(r.PostFormValue("url")))
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		http.Error(w, "a link begins with http:// or https:// and a host", http.StatusBadRequest)
		return
	}
	// The request is the phone's, so it is none of [Sim.Requests]; the fault asks
	// for where it strikes.
	rec := &recorder{ResponseWriter: w, req: Request{Path: authorizePath}}
	if a, ok := s.strike(rec, "rerequest", ""); ok {
		s.send(errand{url: u.String(), agent: s.otherAgent(r.UserAgent()), after: a.delay(2 * time.Second)})
	}
	w.Header().Set("Location", u.String())
	w.WriteHeader(http.StatusSeeOther)
}
