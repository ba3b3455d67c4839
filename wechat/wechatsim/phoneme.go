package wechatsim

import "net/http"

type meView struct {
	frame
	Accounts []followView
	Answers  []answerView
}

type followView struct {
	Account
	Followed, Blocked, CanFollow bool
	OpenID, UnionID              string
}

type answerView struct {
	Consent Consent
	ZH, EN  string
	Now     bool
}

// showMe is who holds the phone, whom he follows and how he answers.
func (s *Sim) showMe(w http.ResponseWriter, r *http.Request) {
	v := meView{frame: s.frame(r, "我 · Me", "me"), Answers: []answerView{
		{Consent: ConsentAsk, ZH: "问我", EN: "ask me"},
		{Consent: ConsentAllow, ZH: "允许", EN: "allow"},
		{Consent: ConsentRefuse, ZH: "拒绝", EN: "refuse"},
	}}
	now := s.Settings().Consent
	for i := range v.Answers {
		v.Answers[i].Now = v.Answers[i].Consent == now
	}
	if holder, held := s.holder(r); held {
		for _, a := range s.Accounts() {
			v.Accounts = append(v.Accounts, followView{
				a, holder.follows(a.AppID), s.Blocked(holder.Name, a.AppID), a.official(),
				s.OpenID(holder.Name, a.AppID), s.UnionID(holder.Name, a.AppID),
			})
		}
	}
	s.page(w, "me.html", v)
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

func (s *Sim) tapConsent(w http.ResponseWriter, r *http.Request) {
	if err := s.Change(func(set *Settings) { set.Consent = r.PostFormValue("ask") }); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	http.Redirect(w, r, "/phone/me", http.StatusSeeOther)
}
