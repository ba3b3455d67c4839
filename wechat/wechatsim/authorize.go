package wechatsim

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// authorize is /connect/oauth2/authorize, opened in WeChat's browser. The fragment
// #wechat_redirect, which WeChat demands, never reaches a server; whether a client
// sends it shows in the Location header of that client alone.
func (s *Sim) authorize(rec *recorder, r *http.Request) {
	if r.Method != http.MethodGet {
		// A HEAD comes from a robot and must not cost a code.
		rec.WriteHeader(http.StatusMethodNotAllowed)
		return
	}
	settings := s.Settings()
	if !settings.AnyBrowser && !inWeChat(r) {
		s.refusePage(rec, pageOutside)
		return
	}
	l, no := s.readLogin(r.URL.RawQuery)
	if no != nil {
		s.refusePage(rec, *no)
		return
	}
	p, ok := s.holder(r)
	if !ok {
		s.redirect(rec, "/phone/?then="+url.QueryEscape(r.URL.RequestURI()))
		return
	}
	l.person, rec.req.Person = p.Name, p.Name
	l.grantedBefore = slices.Contains(p.Granted, l.account.AppID)
	if l.account.FollowersOnly && !p.follows(l.account.AppID) {
		s.refusePage(rec, pageFollow)
		return
	}
	_, l.snapshot = s.strike(rec, "snapshot", l.account.AppID)
	switch {
	case !l.userinfo(), l.snapshot, settings.FromMenu && p.follows(l.account.AppID), settings.Consent == ConsentAllow:
		s.giveCode(rec, r, l)
	case settings.Consent == ConsentRefuse:
		s.giveRefusal(rec, l)
	default:
		s.askConsent(rec, p, l)
	}
}

// inWeChat says whether a page is opened in WeChat. WeCom calls itself
// MicroMessenger, too, but has a login of its own (wechat-api.md §14).
func inWeChat(r *http.Request) bool {
	ua := strings.ToLower(r.UserAgent())
	return strings.Contains(ua, "micromessenger") && !strings.Contains(ua, "wxwork/")
}

// giveCode sends the phone back with a code, and does what WeChat does at times
// besides.
func (s *Sim) giveCode(rec *recorder, r *http.Request, l login) {
	appid := l.account.AppID
	if l.userinfo() && !l.snapshot {
		s.granted(l.person, appid)
	}
	back := l.callback(s.issue(l))
	if !l.hopped {
		if _, ok := s.strike(rec, "two_codes", appid); ok {
			s.send(errand{url: back, agent: r.UserAgent()})
			// The hop repeats nothing but the code: consent is given.
			s.redirect(rec, l.callback(s.issue(l)))
			return
		}
	}
	if _, ok := s.strike(rec, "callback_twice", appid); ok {
		s.send(errand{url: back, agent: s.otherAgent(r.UserAgent())})
	}
	if a, ok := s.strike(rec, "rerequest", appid); ok {
		s.send(errand{url: back, agent: s.otherAgent(r.UserAgent()), after: a.delay(2 * time.Second)})
	}
	s.redirect(rec, back)
}

// giveRefusal sends the phone back without a code, or nowhere.
func (s *Sim) giveRefusal(rec *recorder, l login) {
	if _, ok := s.strike(rec, "refuse_closes", l.account.AppID); ok || s.Settings().RefuseCloses {
		s.page(rec, "closed.html", nil)
		return
	}
	s.redirect(rec, l.callback(""))
}

// redirect sends the location byte for byte: [http.Redirect] would tidy it up.
func (s *Sim) redirect(rec *recorder, to string) {
	rec.Header().Set("Cache-Control", "no-store")
	rec.Header().Set("Location", to)
	rec.WriteHeader(http.StatusFound)
}

// pending is a login that waits for consent.
type pending struct {
	login
	asked time.Time
}

func (s *Sim) askConsent(rec *recorder, p Person, l login) {
	ticket := s.dice.word(32, alphanumerics)
	now := s.Now()
	s.mu.Lock()
	s.sweep(now)
	s.pending[ticket] = pending{login: l, asked: now}
	s.mu.Unlock()
	s.page(rec, "consent.html", consentView{Ticket: ticket, Account: l.account.Name, Person: personOnPage(p, ""), Action: consentPath})
}

// consent takes the answer of the consent page, once.
func (s *Sim) consent(rec *recorder, r *http.Request) {
	if err := new(http.CrossOriginProtection).Check(r); err != nil || r.Method != http.MethodPost {
		http.Error(rec, "consent is given on the consent page", http.StatusForbidden)
		return
	}
	r.Body = http.MaxBytesReader(rec, r.Body, 4<<10)
	ticket := r.PostFormValue("back")
	s.mu.Lock()
	p, ok := s.pending[ticket]
	delete(s.pending, ticket)
	s.mu.Unlock()
	if !ok {
		s.refusePage(rec, pageBroken)
		return
	}
	rec.req.Person = p.person
	if r.PostFormValue("answer") != "allow" {
		s.giveRefusal(rec, p.login)
		return
	}
	s.giveCode(rec, r, p.login)
}
