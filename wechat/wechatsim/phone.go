package wechatsim

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// lately is how many requests, pushes and codes the phone page shows of each.
const lately = 12

// liveWait is how long a phone page waits for news before it asks again.
const liveWait = 25 * time.Second

// phone serves the phone page.
func (s *Sim) phone() http.Handler {
	mux := http.NewServeMux()
	for pattern, show := range map[string]http.HandlerFunc{
		"GET /phone/{$}":                    s.showChats,
		"GET /phone/me":                     s.showMe,
		"GET /phone/scan":                   s.showScanner,
		"GET /phone/chat/{appid}":           s.showChat,
		"GET /phone/account/{appid}":        s.showAccount,
		"GET /phone/live":                   s.waitForNews,
		"GET /phone/code":                   s.showCode,
		"GET /phone/avatar/{person}/{size}": s.showAvatar,
		"GET /phone/emblem/{appid}":         s.showEmblem,
		"POST /phone/person":                s.takePhone,
		"POST /phone/follow":                s.tapFollow,
		"POST /phone/say":                   s.tapSay,
		"POST /phone/menu":                  s.tapMenu,
		"POST /phone/place":                 s.tapPlace,
		"POST /phone/block":                 s.tapBlock,
		"POST /phone/subscribe":             s.tapSubscribe,
		"POST /phone/scan":                  s.tapScan,
		"POST /phone/mini":                  s.tapMini,
		"POST /phone/consent":               s.tapConsent,
		"POST /phone/open":                  s.openLink,
		"POST /phone/fault":                 s.tapFault,
	} {
		mux.HandleFunc(pattern, show)
	}
	for _, file := range []string{"style.css", "live.js", "icon.svg"} {
		mux.HandleFunc("GET /phone/"+file, func(w http.ResponseWriter, r *http.Request) {
			http.ServeFileFS(w, r, pageFiles, "pages/"+file)
		})
	}
	toPhone := http.RedirectHandler("/phone/", http.StatusSeeOther)
	mux.Handle("GET /{$}", toPhone)
	mux.Handle("GET /phone", toPhone)
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, 64<<10))
}

// frame is what every page of the phone has around it: who holds it, and behind
// the scenes what WeChat was asked and what it pushed.
type frame struct {
	Title    string
	Tab      string
	Version  uint64
	Holder   *personView
	People   []personView
	Unread   int
	Faults   []Fault
	Armed    []Armed
	Requests []Request
	Pushes   []Push
	WeChat   bool // the login page will take this browser for WeChat's
	Then     string
}

func (s *Sim) frame(r *http.Request, title, tab string) frame {
	version, _ := s.live.now()
	f := frame{
		Title: title, Tab: tab, Version: version, Faults: Faults, Armed: s.Armed(),
		WeChat: s.Settings().AnyBrowser || inWeChat(r),
	}
	holder, held := s.holder(r)
	for _, p := range s.People() {
		f.People = append(f.People, personOnPage(p, holder.Name))
	}
	if held {
		p := personOnPage(holder, holder.Name)
		f.Holder = &p
	}
	for _, a := range s.Accounts() {
		if held {
			f.Unread += s.Unread(holder.Name, a.AppID)
		}
		f.Pushes = append(f.Pushes, s.lastPushes(a.AppID, lately)...)
	}
	slices.SortStableFunc(f.Pushes, func(a, b Push) int { return int(b.ID - a.ID) })
	f.Pushes = f.Pushes[:min(lately, len(f.Pushes))]
	f.Requests = s.Requests()
	f.Requests = f.Requests[max(0, len(f.Requests)-lately):]
	slices.Reverse(f.Requests)
	return f
}

type chatsView struct {
	frame
	Chats []chatRow // of accounts that are followed, the newest first
	Minis []Account
	Links []Link
}

// chatRow is an account in the list of chats.
type chatRow struct {
	Account
	Last   string
	At     time.Time
	Unread int
	Typing bool
}

// showChats is the first page: the chats, or who holds the phone.
func (s *Sim) showChats(w http.ResponseWriter, r *http.Request) {
	v := chatsView{frame: s.frame(r, "微信 · WeChat", "chats"), Links: s.links}
	v.Then = ownPath(r.URL.Query().Get("then"))
	holder, held := s.holder(r)
	for _, a := range s.Accounts() {
		switch {
		case a.Kind == KindMini:
			v.Minis = append(v.Minis, a)
		case held && a.official():
			list := s.Chat(holder.Name, a.AppID)
			if !holder.follows(a.AppID) && len(list) == 0 {
				continue
			}
			row := chatRow{Account: a, Unread: s.Unread(holder.Name, a.AppID), Typing: s.Typing(holder.Name, a.AppID)}
			if len(list) > 0 {
				row.Last, row.At = list[len(list)-1].summary(), list[len(list)-1].At
			}
			v.Chats = append(v.Chats, row)
		}
	}
	slices.SortStableFunc(v.Chats, func(a, b chatRow) int { return b.At.Compare(a.At) })
	s.page(w, "phone.html", v)
}

// summary is a message on one line.
func (m Message) summary() string {
	switch m.Kind {
	case "text", KindNotice, KindMenuAnswer, "transfer_customer_service":
		return m.Text
	case "image":
		return "[图片 · Picture]"
	case "voice":
		return "[语音 · Voice]"
	case "location":
		return "[位置 · Place]"
	}
	if m.Title != "" {
		return m.Title
	}
	return "[" + m.Kind + "]"
}

// waitForNews answers with the present version, at once if the page has another
// one, and otherwise when something changes.
func (s *Sim) waitForNews(w http.ResponseWriter, r *http.Request) {
	timer := time.NewTimer(liveWait)
	defer timer.Stop()
	version, changed := s.live.now()
	if r.URL.Query().Get("since") == strconv.FormatUint(version, 10) {
		select {
		case <-changed:
		case <-timer.C:
		case <-r.Context().Done():
		case <-s.ctx.Done():
		}
		version, _ = s.live.now()
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(strconv.FormatUint(version, 10)))
}

func (s *Sim) showAvatar(w http.ResponseWriter, r *http.Request) {
	p, ok := s.person(r.PathValue("person"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.avatar(w, p)
}

// showEmblem draws an account as if it were a person.
func (s *Sim) showEmblem(w http.ResponseWriter, r *http.Request) {
	a, ok := s.account(r.PathValue("appid"))
	if !ok {
		http.NotFound(w, r)
		return
	}
	s.avatar(w, Person{Name: a.AppID, Nickname: a.Name})
}

// ownPath lets only our own login pages through.
func ownPath(to string) string {
	own := strings.HasPrefix(to, authorizePath+"?") || strings.HasPrefix(to, confirmPath+"?")
	if own && !strings.ContainsAny(to, "\r\n") {
		return to
	}
	return ""
}

func (s *Sim) tapFault(w http.ResponseWriter, r *http.Request) {
	if r.PostFormValue("do") == "disarm" {
		s.Disarm("")
	} else if _, err := s.arm(r.PostFormValue("name")); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	s.touch()
	http.Redirect(w, r, samePage(r), http.StatusSeeOther)
}

// samePage is the page of the phone that a form was on.
func samePage(r *http.Request) string {
	u, err := url.Parse(r.Referer())
	if err != nil || !strings.HasPrefix(u.Path, "/phone/") {
		return "/phone/"
	}
	return u.RequestURI()
}

// openLink opens a link as a tap in a chat does, and lets WeChat look at it again
// if that fault is armed.
func (s *Sim) openLink(w http.ResponseWriter, r *http.Request) {
	address := strings.TrimSpace(r.PostFormValue("url"))
	if !webAddress(address) {
		http.Error(w, "a link begins with http:// or https:// and a host", http.StatusBadRequest)
		return
	}
	s.openPage(w, r, address)
}

func (s *Sim) openPage(w http.ResponseWriter, r *http.Request, address string) {
	// The request is the phone's, so it is none of [Sim.Requests]; the fault asks
	// for where it strikes.
	rec := &recorder{ResponseWriter: w, req: Request{Path: authorizePath}}
	if a, ok := s.strike(rec, "rerequest", ""); ok {
		s.send(errand{url: address, agent: s.otherAgent(r.UserAgent()), after: a.delay(2 * time.Second)})
	}
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
}
