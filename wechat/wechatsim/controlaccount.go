package wechatsim

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
)

// accountRoutes are the calls of the control API about accounts, and those that
// play programs on a phone.
var accountRoutes = []route{
	{"PATCH /accounts/{appid}", "changes what is named of an account, as in WeChat's console: `secret`, `whitelist`, `banned`, `frozen`, `secret_frozen`, `unverified`, `subject`, `domains`, …", controlAccount},
	{"GET /tokens", "the global tokens that `?appid=` was ever given", func(s *Sim, r *http.Request) (any, error) {
		return s.Tokens(r.URL.Query().Get("appid")), nil
	}},
	{"DELETE /tokens", "ends the global tokens of `?appid=` at once", func(s *Sim, r *http.Request) (any, error) {
		s.KillTokens(r.URL.Query().Get("appid"))
		return nil, nil
	}},
	{"GET /tickets", "the tickets of the JS-SDK that `?appid=` was ever given", func(s *Sim, r *http.Request) (any, error) {
		return s.Tickets(r.URL.Query().Get("appid")), nil
	}},
	{"POST /limits", "changes how often an account may make a call: `appid`, `path`, `daily`, `minute`; 0 is without end", controlLimits},
	{"POST /migrate", "ends an account's migration: followers of `from` follow `to`, and changeopenid works for 15 days", controlMigrate},
	{"POST /mini/login", "plays wx.login for `person` in the mini program `appid`: the `code`", controlPlay((*Sim).miniLogin)},
	{"POST /mini/phone", "plays the button that tells the phone number of `person` to the mini program `appid`: the `code`", controlPlay((*Sim).miniPhone)},
	{"POST /mini/data", "plays wx.getUserInfo for `person` in the mini program `appid`: `encrypted_data`, `iv`, `raw_data`, `signature`", controlMiniData},
	{"POST /app/login", "plays the login of `person` in the app `appid`: the `code`", controlPlay((*Sim).appLogin)},
	{"GET /weblogins", "the QR codes of websites that wait for a phone", func(s *Sim, _ *http.Request) (any, error) { return s.WebLogins(), nil }},
	{"POST /weblogins", "scans one and answers: `ticket`, `person`, `allow`", controlConfirm},
}

func controlAccount(s *Sim, r *http.Request) (any, error) {
	appid := r.PathValue("appid")
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if err := decodeStrict(bytes.NewReader(body), new(Account)); err != nil {
		return nil, err
	}
	if err := s.ChangeAccount(appid, func(a *Account) { _ = json.Unmarshal(body, a) }); err != nil {
		return nil, err
	}
	a, _ := s.account(appid)
	return a, nil
}

func controlLimits(s *Sim, r *http.Request) (any, error) {
	var l struct {
		AppID string `json:"appid"`
		Path  string `json:"path"`
		Limits
	}
	if err := readJSON(r, &l); err != nil {
		return nil, err
	}
	return nil, s.SetLimits(l.AppID, l.Path, l.Limits)
}

func controlMigrate(s *Sim, r *http.Request) (any, error) {
	var m struct {
		From string `json:"from"`
		To   string `json:"to"`
	}
	if err := readJSON(r, &m); err != nil {
		return nil, err
	}
	return nil, s.Migrate(m.From, m.To)
}

// played is who plays which program.
type played struct {
	Person string `json:"person"`
	AppID  string `json:"appid"`
}

// controlPlay makes a call of what gives a code.
func controlPlay(play func(*Sim, string, string) (string, error)) func(*Sim, *http.Request) (any, error) {
	return func(s *Sim, r *http.Request) (any, error) {
		var p played
		if err := readJSON(r, &p); err != nil {
			return nil, err
		}
		code, err := play(s, p.Person, p.AppID)
		if err != nil {
			return nil, err
		}
		return map[string]string{"code": code}, nil
	}
}

func controlMiniData(s *Sim, r *http.Request) (any, error) {
	var p played
	if err := readJSON(r, &p); err != nil {
		return nil, err
	}
	sealed, err := s.miniData(p.Person, p.AppID)
	if err != nil {
		return nil, err
	}
	return sealed, nil
}

func controlConfirm(s *Sim, r *http.Request) (any, error) {
	var c struct {
		Ticket string `json:"ticket"`
		Person string `json:"person"`
		Allow  bool   `json:"allow"`
	}
	if err := readJSON(r, &c); err != nil {
		return nil, err
	}
	return nil, s.ConfirmWeb(c.Ticket, c.Person, c.Allow)
}
