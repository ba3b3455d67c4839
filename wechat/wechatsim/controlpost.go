package wechatsim

import (
	"errors"
	"net/http"
	"time"
)

// postRoutes are the calls of the control API about what passes between accounts,
// their servers and people.
var postRoutes = []route{
	{"GET /push", "where the pushes of `?appid=` go", func(s *Sim, r *http.Request) (any, error) {
		return s.PushTargetOf(r.URL.Query().Get("appid")), nil
	}},
	{"PUT /push", "sets that, after a check of the URL: `appid`, `url`, `token`, `aes_key`, `mode`", controlPush},
	{"GET /pushes", "the pushes of `?appid=` with all tries, oldest first", func(s *Sim, r *http.Request) (any, error) {
		return s.Pushes(r.URL.Query().Get("appid")), nil
	}},
	{"POST /settle", "waits until everything that is due is over; `seconds` lets so much time pass, stop by stop", controlSettle},
	{"GET /chat", "the chat of `?person=` with `?appid=`", func(s *Sim, r *http.Request) (any, error) {
		return s.Chat(r.URL.Query().Get("person"), r.URL.Query().Get("appid")), nil
	}},
	{"POST /say", "a follower writes: `person`, `appid`, `text`", controlTap(func(s *Sim, t gesture) error { return s.Say(t.Person, t.AppID, t.Text) })},
	{"POST /image", "a follower sends a picture: `person`, `appid`, `url`", controlTap(func(s *Sim, t gesture) error { return s.SendImage(t.Person, t.AppID, t.URL) })},
	{"POST /place", "a follower sends a place, or his phone reports it: `person`, `appid`, `place` with `latitude`, `longitude`, `precision`, `label`, and `report`", controlTap(controlPlace)},
	{"POST /click", "a follower taps the menu: `person`, `appid`, `key`, or `url` for a link", controlTap(controlClick)},
	{"GET /scenes", "the parametric QR codes of `?appid=`", func(s *Sim, r *http.Request) (any, error) {
		return s.Scenes(r.URL.Query().Get("appid")), nil
	}},
	{"POST /scan", "scans a ticket or an address: `person`, `code`, and `follow` to follow if he is asked to", controlScan},
	{"POST /block", "refuses an account's messages, or takes them again: `person`, `appid`, `on`", controlTap(func(s *Sim, t gesture) error { return s.Block(t.Person, t.AppID, t.On) })},
	{"GET /templates", "the templates of `?appid=`", func(s *Sim, r *http.Request) (any, error) {
		return s.Templates(r.URL.Query().Get("appid")), nil
	}},
	{"POST /templates", "gives `appid` a template: `template` with `title`, `content`, `example`, `subscription`, `words`", controlTemplate},
	{"POST /subscribe", "answers whether notifications may come: `person`, `appid`, `template_id`, `on`, `always`", controlTap(func(s *Sim, t gesture) error { return s.Subscribe(t.Person, t.AppID, t.TemplateID, t.On, t.Always) })},
	{"POST /subscriptions", "switches notifications on or off: `person`, `appid`, `template_id`, `on`", controlTap(func(s *Sim, t gesture) error { return s.SwitchSubscription(t.Person, t.AppID, t.TemplateID, t.On) })},
	{"POST /modify", "changes nickname or picture, as far as `appid` knows them: `person`, `appid`", controlTap(func(s *Sim, t gesture) error { return s.ModifyInfo(t.Person, t.AppID) })},
	{"POST /revoke", "takes a consent back: `person`, `appid`, `what` such as `205`", controlTap(func(s *Sim, t gesture) error { return s.Revoke(t.Person, t.AppID, t.What) })},
	{"POST /quit", "closes the WeChat account of `person`", controlTap(func(s *Sim, t gesture) error { return s.Quit(t.Person) })},
}

// gesture is something that a person does on the phone.
type gesture struct {
	Person     string `json:"person"`
	AppID      string `json:"appid"`
	Text       string `json:"text"`
	URL        string `json:"url"`
	Key        string `json:"key"`
	What       string `json:"what"`
	Place      Place  `json:"place"`
	Report     bool   `json:"report"`
	On         bool   `json:"on"`
	Always     bool   `json:"always"`
	TemplateID string `json:"template_id"`
}

func controlTap(act func(*Sim, gesture) error) func(*Sim, *http.Request) (any, error) {
	return func(s *Sim, r *http.Request) (any, error) {
		var t gesture
		if err := readJSON(r, &t); err != nil {
			return nil, err
		}
		return nil, act(s, t)
	}
}

func controlPush(s *Sim, r *http.Request) (any, error) {
	var p PushTarget
	if err := readJSON(r, &p); err != nil {
		return nil, err
	}
	return nil, s.SetPush(p.AppID, p.URL, p.Token, p.AESKey, p.Mode)
}

func controlSettle(s *Sim, r *http.Request) (any, error) {
	var c struct {
		Seconds float64 `json:"seconds"`
	}
	if r.ContentLength != 0 {
		if err := readJSON(r, &c); err != nil {
			return nil, err
		}
	}
	if c.Seconds < 0 || c.Seconds > 1e9 {
		return nil, errors.New("letting time pass: seconds are 0 to 1e9")
	}
	return nil, s.Pass(r.Context(), time.Duration(c.Seconds*float64(time.Second)))
}

func controlPlace(s *Sim, t gesture) error {
	if t.Report {
		return s.ReportPlace(t.Person, t.AppID, t.Place)
	}
	return s.SendPlace(t.Person, t.AppID, t.Place)
}

func controlClick(s *Sim, t gesture) error {
	if t.URL != "" {
		return s.View(t.Person, t.AppID, t.URL)
	}
	return s.Click(t.Person, t.AppID, t.Key)
}

func controlScan(s *Sim, r *http.Request) (any, error) {
	var c struct {
		Person string `json:"person"`
		Code   string `json:"code"`
		Follow bool   `json:"follow"`
	}
	if err := readJSON(r, &c); err != nil {
		return nil, err
	}
	scanned, err := s.Scan(c.Person, c.Code)
	if err == nil && scanned.Follow && c.Follow {
		err = s.FollowScanned(c.Person, scanned.Ticket)
	}
	if err != nil {
		return nil, err
	}
	return scanned, nil
}

func controlTemplate(s *Sim, r *http.Request) (any, error) {
	var c struct {
		AppID    string   `json:"appid"`
		Template Template `json:"template"`
	}
	if err := readJSON(r, &c); err != nil {
		return nil, err
	}
	t, err := s.AddTemplate(c.AppID, c.Template)
	if err != nil {
		return nil, err
	}
	return t, nil
}
