package wechatsim

import (
	"errors"
	"net/http"
	"net/url"
)

type chatView struct {
	frame
	Account  Account
	Messages []Message
	Followed bool
	Blocked  bool
	Typing   bool
	Notices  []noticeView
	Target   PushTarget
}

// noticeView is a template of subscription notifications, as a person sees it.
type noticeView struct {
	Template
	Left int // -1 is always
}

// showChat is a chat with an account. To open it is to read it.
func (s *Sim) showChat(w http.ResponseWriter, r *http.Request) {
	p, held := s.holder(r)
	a, ok := s.account(r.PathValue("appid"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	if !held {
		http.Redirect(w, r, "/phone/", http.StatusSeeOther)
		return
	}
	s.Read(p.Name, a.AppID)
	v := chatView{
		frame: s.frame(r, a.Name, ""), Account: a, Messages: s.Chat(p.Name, a.AppID), Followed: p.follows(a.AppID),
		Blocked: s.Blocked(p.Name, a.AppID), Typing: s.Typing(p.Name, a.AppID), Target: s.PushTargetOf(a.AppID),
	}
	for _, t := range s.Templates(a.AppID) {
		if t.Subscription {
			v.Notices = append(v.Notices, noticeView{t, s.Notices(p.Name, a.AppID, t.ID)})
		}
	}
	s.page(w, "chat.html", v)
}

type accountView struct {
	frame
	Account         Account
	Followed, Mini  bool
	Code            *Scene // the one that was scanned
	OpenID, UnionID string
	Word, Kind      string // what a mini program got, and of which call
}

// showAccount is an account's own page, with its button to follow. After a scan it
// follows by the code.
func (s *Sim) showAccount(w http.ResponseWriter, r *http.Request) {
	a, ok := s.account(r.PathValue("appid"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	p, held := s.holder(r)
	if !held {
		http.Redirect(w, r, "/phone/", http.StatusSeeOther)
		return
	}
	v := accountView{frame: s.frame(r, a.Name, ""), Account: a, Followed: p.follows(a.AppID), Mini: a.Kind == KindMini}
	v.OpenID, v.UnionID = s.OpenID(p.Name, a.AppID), s.UnionID(p.Name, a.AppID)
	if code, ok := s.scene(r.URL.Query().Get("ticket")); ok && code.AppID == a.AppID {
		v.Code = &code
	}
	s.page(w, "account.html", v)
}

// tapMini plays a mini program on the phone: the page shows the code that it would
// send to its server.
func (s *Sim) tapMini(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	play, kind := s.miniLogin, "wx.login"
	if r.PostFormValue("do") == "phone" {
		play, kind = s.miniPhone, "getPhoneNumber"
	}
	word, err := play(p.Name, r.PostFormValue("appid"))
	if err != nil {
		s.refuseTap(w, err)
		return
	}
	a, _ := s.account(r.PostFormValue("appid"))
	v := accountView{frame: s.frame(r, a.Name, ""), Account: a, Mini: true, Word: word, Kind: kind}
	v.OpenID, v.UnionID = s.OpenID(p.Name, a.AppID), s.UnionID(p.Name, a.AppID)
	s.page(w, "account.html", v)
}

// refuseTap says why a tap came to nothing.
func (s *Sim) refuseTap(w http.ResponseWriter, err error) {
	status := http.StatusBadRequest
	if errors.Is(err, ErrUnknown) {
		status = http.StatusNotFound
	}
	http.Error(w, err.Error(), status)
}

// after goes to a page of the phone, or says why not.
func (s *Sim) after(w http.ResponseWriter, r *http.Request, err error, to string) {
	if err != nil {
		s.refuseTap(w, err)
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

func chatPath(appid string) string { return "/phone/chat/" + url.PathEscape(appid) }

// tapFollow follows or leaves, and after a scan follows by the code.
func (s *Sim) tapFollow(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	appid, follow := r.PostFormValue("appid"), r.PostFormValue("follow") == "1"
	if ticket := r.PostFormValue("ticket"); ticket != "" && follow {
		s.after(w, r, s.FollowScanned(p.Name, ticket), chatPath(appid))
		return
	}
	to := "/phone/me"
	if follow {
		to = chatPath(appid)
	}
	s.after(w, r, s.Follow(p.Name, appid, follow), to)
}

func (s *Sim) tapSay(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	appid := r.PostFormValue("appid")
	var err error
	if picture := r.PostFormValue("picture"); picture != "" {
		err = s.SendImage(p.Name, appid, picture)
	} else {
		err = s.Say(p.Name, appid, r.PostFormValue("text"))
	}
	s.after(w, r, err, chatPath(appid))
}

// tapMenu taps an entry of the account's menu: one with a key, or a link, which
// opens.
func (s *Sim) tapMenu(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	appid, entry := r.PostFormValue("appid"), r.PostFormValue("entry")
	if !webAddress(entry) {
		s.after(w, r, s.Click(p.Name, appid, entry), chatPath(appid))
		return
	}
	if err := s.View(p.Name, appid, entry); err != nil {
		s.refuseTap(w, err)
		return
	}
	s.openPage(w, r, entry)
}

func (s *Sim) tapPlace(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	appid := r.PostFormValue("appid")
	here := Place{Latitude: 23.137466, Longitude: 113.352425, Precision: 119.38504, Label: "广州市天河区"}
	if r.PostFormValue("do") == "report" {
		s.after(w, r, s.ReportPlace(p.Name, appid, here), chatPath(appid))
		return
	}
	s.after(w, r, s.SendPlace(p.Name, appid, here), chatPath(appid))
}

func (s *Sim) tapBlock(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	appid := r.PostFormValue("appid")
	s.after(w, r, s.Block(p.Name, appid, r.PostFormValue("block") == "1"), chatPath(appid))
}

func (s *Sim) tapSubscribe(w http.ResponseWriter, r *http.Request) {
	p, _ := s.holder(r)
	appid, how := r.PostFormValue("appid"), r.PostFormValue("do")
	s.after(w, r, s.Subscribe(p.Name, appid, r.PostFormValue("template"), how != "refuse", how == "always"), chatPath(appid))
}
