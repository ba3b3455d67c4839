package wechatsim

import (
	"net/http"
	"net/url"
	"time"
)

type scannerView struct {
	frame
	Codes     []codeView
	WebLogins []codeView
	Problem   string
}

// codeView is a code that can be scanned, with its image.
type codeView struct {
	Account, Image, Word, Text string
	Left                       time.Duration // 0 is for ever
}

// showScanner is the scanner, with the codes that somebody made lately.
func (s *Sim) showScanner(w http.ResponseWriter, r *http.Request) { s.scanner(w, r, "") }

func (s *Sim) scanner(w http.ResponseWriter, r *http.Request, problem string) {
	v := scannerView{frame: s.frame(r, "扫一扫 · Scan", "scan"), Problem: problem}
	now := s.Now()
	for _, c := range s.newestScenes(lately) {
		a, _ := s.account(c.AppID)
		one := codeView{Account: a.Name, Image: "/phone/code?word=" + url.QueryEscape(c.URL), Word: c.Ticket, Text: c.Scene}
		if !c.Permanent {
			one.Left = c.Until.Sub(now).Round(time.Second)
		}
		v.Codes = append(v.Codes, one)
	}
	for _, l := range s.WebLogins() {
		a, _ := s.account(l.AppID)
		to := confirmPath + "?ticket=" + url.QueryEscape(l.Ticket)
		v.WebLogins = append(v.WebLogins, codeView{Account: a.Name, Image: "/phone/code?word=" + url.QueryEscape(to), Word: to})
	}
	s.page(w, "scan.html", v)
}

// showCode draws a code for the phone page, which WeChat's own address for it
// would put into the history.
func (s *Sim) showCode(w http.ResponseWriter, r *http.Request) {
	picture, err := qrImage(r.URL.Query().Get("word"))
	if err != nil {
		http.Error(w, "drawing: "+err.Error(), http.StatusBadRequest)
		return
	}
	w.Header().Set("Content-Type", "image/jpeg")
	w.Header().Set("Cache-Control", "max-age=3600")
	_, _ = w.Write(picture)
}

// tapScan scans: a follower goes to the chat, a stranger to the account's page, and
// an address is opened.
func (s *Sim) tapScan(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	word := r.PostFormValue("code")
	if ownPath(word) != "" {
		http.Redirect(w, r, word, http.StatusSeeOther)
		return
	}
	scanned, err := s.Scan(p.Name, word)
	switch {
	case err != nil:
		s.scanner(w, r, err.Error())
	case scanned.URL != "":
		s.openPage(w, r, scanned.URL)
	case scanned.Follow:
		to := "/phone/account/" + scanned.AppID + "?ticket=" + url.QueryEscape(scanned.Ticket)
		http.Redirect(w, r, to, http.StatusSeeOther)
	default:
		http.Redirect(w, r, chatPath(scanned.AppID), http.StatusSeeOther)
	}
}
