package wechatsim

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The paths of the login of websites. Only the first is WeChat's; it asks for the
// rest by other means.
const (
	webLoginPath = "/connect/qrconnect"
	webWaitPath  = "/connect/qrconnect/wait"
	webCodePath  = "/connect/qrconnect/code"
	confirmPath  = "/connect/confirm"
)

// webLoginLife is how long a QR code of a website waits for a phone.
const webLoginLife = 5 * time.Minute

// WebLogin is a website's QR code that waits for a phone, or for its answer.
type WebLogin struct {
	Ticket string `json:"ticket"`
	AppID  string `json:"appid"`
	Person string `json:"person"` // who scanned it; empty for nobody yet
}

// webLogin is a login on a website: a browser shows a QR code, and a phone answers.
type webLogin struct {
	login
	ticket string
	asked  time.Time
	done   bool
	back   string // where the browser returns to; empty is nowhere
}

// websiteLogin is /connect/qrconnect, opened in any browser (wechat-api.md §2.1).
func (s *Sim) websiteLogin(rec *recorder, r *http.Request) {
	if r.Method != http.MethodGet {
		rec.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	l, no := s.readWebLogin(r.URL.RawQuery)
	if no != nil {
		s.refusePage(rec, *no)
		return
	}
	settings := s.Settings()
	if p, ok := s.holder(r); ok && settings.FastLogin {
		rec.req.Person = p.Name
		w := &webLogin{login: l}
		s.answerWeb(w, p.Name, settings.Consent != ConsentRefuse)
		s.leaveWeb(rec, w)
		return
	}
	l.afterHash = true
	w := &webLogin{login: l, ticket: s.dice.word(32, alphanumerics), asked: s.Now()}
	s.mu.Lock()
	s.sweep(w.asked)
	s.webLogins[w.ticket] = w
	s.mu.Unlock()
	s.touch()
	s.showWebCode(rec, w)
}

// readWebLogin checks the query of the page. Unlike the phone's, it is read in any
// order.
func (s *Sim) readWebLogin(raw string) (login, *refusal) {
	l := login{}
	given := map[string]string{}
	for _, pair := range strings.Split(raw, "&") {
		name, value, _ := strings.Cut(pair, "=")
		given[name] = value
	}
	scope, err := url.QueryUnescape(given["scope"])
	if err != nil || scope == "" {
		return login{}, &pageScope
	}
	l.scope, l.state = scope, given["state"]
	a, known := s.account(given["appid"])
	switch {
	case given["appid"] == "":
		return login{}, &pageNoAppID
	case given["redirect_uri"] == "":
		return login{}, &pageNoURI
	case given["response_type"] != "code":
		return login{}, &pageType
	case len(l.state) > 128:
		return login{}, &pageState
	case !known:
		return login{}, &pageRedirect
	case a.Kind != KindWeb || scope != scopeLogin:
		return login{}, &pageScope
	case a.Banned:
		return login{}, &pageBanned
	}
	l.account = a
	var fits bool
	if l.redirect, fits = a.returns(given["redirect_uri"]); !fits {
		return login{}, &pageRedirect
	}
	return l, nil
}

type webCodeView struct {
	Ticket, Account, Confirm string
	Scanned, Over, Refused   bool
}

// showWebCode shows the code, and looks again in a second.
func (s *Sim) showWebCode(rec *recorder, w *webLogin) {
	s.mu.Lock()
	v := webCodeView{
		Ticket: w.ticket, Account: w.account.Name, Confirm: confirmPath + "?ticket=" + w.ticket,
		Scanned: w.person != "", Over: s.clock.now().Sub(w.asked) >= webLoginLife, Refused: w.done && w.back == "",
	}
	s.mu.Unlock()
	if !v.Over && !v.Refused {
		rec.Header().Set("Refresh", "1; url="+webWaitPath+"?ticket="+w.ticket)
	}
	s.page(rec, "weblogin.html", v)
}

// waitWeb is what the page with the code looks at until a phone has answered.
func (s *Sim) waitWeb(rec *recorder, r *http.Request) {
	w, ok := s.webLogin(r.URL.Query().Get("ticket"))
	if !ok {
		s.refusePage(rec, pageBroken)
		return
	}
	s.leaveWeb(rec, w)
}

// leaveWeb sends the browser back once there is an answer.
func (s *Sim) leaveWeb(rec *recorder, w *webLogin) {
	s.mu.Lock()
	back := w.back
	rec.req.AppID, rec.req.Person = w.account.AppID, w.person
	s.mu.Unlock()
	if back == "" {
		s.showWebCode(rec, w)
		return
	}
	s.redirect(rec, back)
}

// webCode draws the QR code: the address that the phone is to open.
func (s *Sim) webCode(rec *recorder, r *http.Request) {
	w, ok := s.webLogin(r.URL.Query().Get("ticket"))
	if !ok {
		http.NotFound(rec, r)
		return
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	picture, err := qrImage(scheme + "://" + r.Host + confirmPath + "?ticket=" + w.ticket)
	if err != nil {
		http.Error(rec, "drawing: "+err.Error(), http.StatusInternalServerError)
		return
	}
	rec.Header().Set("Content-Type", "image/jpeg")
	_, _ = rec.ResponseWriter.Write(picture) // nobody reads it in a history
}

// confirmWeb is the page on the phone that scanned the code.
func (s *Sim) confirmWeb(rec *recorder, r *http.Request) {
	settings := s.Settings()
	if !settings.AnyBrowser && !inWeChat(r) {
		s.refusePage(rec, pageOutside)
		return
	}
	p, ok := s.holder(r)
	if !ok {
		s.redirect(rec, "/phone/?then="+url.QueryEscape(r.URL.RequestURI()))
		return
	}
	r.Body = http.MaxBytesReader(rec, r.Body, 4<<10)
	ticket, answer := r.URL.Query().Get("ticket"), settings.Consent
	if r.Method == http.MethodPost {
		if err := http.NewCrossOriginProtection().Check(r); err != nil {
			s.refusePage(rec, pageBroken)
			return
		}
		ticket, answer = r.PostFormValue("back"), r.PostFormValue("answer")
	}
	rec.req.Person = p.Name
	a, err := s.scanWeb(ticket, p.Name)
	if err == nil && answer != ConsentAsk {
		err = s.ConfirmWeb(ticket, p.Name, answer == ConsentAllow)
	}
	switch {
	case err != nil:
		s.refusePage(rec, pageOver)
	case answer == ConsentAsk:
		s.page(rec, "consent.html", consentView{Ticket: ticket, Account: a.Name, Person: personOnPage(p, ""), Action: confirmPath})
	default:
		s.page(rec, "closed.html", nil)
	}
}

func (s *Sim) webLogin(ticket string) (*webLogin, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.webLogins[ticket]
	return w, ok
}

// scanWeb notes who scanned a code.
func (s *Sim) scanWeb(ticket, person string) (Account, error) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	w, ok := s.webLogins[ticket]
	if !ok || w.done || now.Sub(w.asked) >= webLoginLife {
		return Account{}, fmt.Errorf("scanning a website's code: %w or too old", ErrUnknown)
	}
	w.person = person
	return w.account, nil
}

// WebLogins are the codes of websites that nobody answered yet, oldest first, never
// nil.
func (s *Sim) WebLogins() []WebLogin {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	waiting := []*webLogin{}
	for _, w := range s.webLogins {
		if !w.done && now.Sub(w.asked) < webLoginLife {
			waiting = append(waiting, w)
		}
	}
	slices.SortFunc(waiting, func(a, b *webLogin) int {
		if c := a.asked.Compare(b.asked); c != 0 {
			return c
		}
		return strings.Compare(a.ticket, b.ticket)
	})
	list := []WebLogin{}
	for _, w := range waiting {
		list = append(list, WebLogin{Ticket: w.ticket, AppID: w.account.AppID, Person: w.person})
	}
	return list
}

// ConfirmWeb makes a person scan a website's code and allow or refuse the login.
// The browser that shows the code then returns to its site. It refuses what it
// doesn't know, or no longer, with [ErrUnknown].
func (s *Sim) ConfirmWeb(ticket, person string, allow bool) error {
	if _, ok := s.person(person); !ok {
		return fmt.Errorf("confirming: %w person", ErrUnknown)
	}
	if _, err := s.scanWeb(ticket, person); err != nil {
		return err
	}
	w, _ := s.webLogin(ticket)
	s.answerWeb(w, person, allow)
	return nil
}

// answerWeb says where the browser returns to. A refusal returns with the state
// alone, or nowhere.
func (s *Sim) answerWeb(w *webLogin, person string, allow bool) {
	l := w.login
	l.person = person
	back := ""
	switch {
	case allow:
		s.granted(person, l.account.AppID)
		back = l.callback(s.issue(l))
	case !s.Settings().RefuseCloses:
		back = l.callback("")
	}
	s.mu.Lock()
	w.person, w.done, w.back = person, true, back
	s.mu.Unlock()
	s.touch()
}
