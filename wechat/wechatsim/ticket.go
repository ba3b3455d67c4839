package wechatsim

import (
	"net/http"
	"time"
)

const ticketPath = "/cgi-bin/ticket/getticket"

// ticketEndpoints are the calls of the JS-SDK.
var ticketEndpoints = map[string]endpoint{
	ticketPath: {method: http.MethodGet, may: mayTicket, run: (*call).ticket},
}

// Ticket is a ticket of the JS-SDK (wechat-api.md §11.1), now or in the past.
type Ticket struct {
	AppID  string    `json:"appid"`
	Kind   string    `json:"kind"` // "jsapi" or "wx_card"
	Word   string    `json:"word"`
	Issued time.Time `json:"issued"`
	Until  time.Time `json:"until"`
}

// Tickets are all tickets that an account was ever given, oldest first.
func (s *Sim) Tickets(appid string) []Ticket {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Ticket{}, s.state(appid).tickets...)
}

// ticket is /cgi-bin/ticket/getticket: the same ticket until its last 5 minutes.
func (c *call) ticket() {
	a, code := c.bearerAccount()
	kind := c.query.Get("type")
	if code == 0 && kind != "jsapi" && kind != "wx_card" {
		code = 40097
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	t, left := c.ticketOf(a.AppID, kind)
	c.ok(field{"ticket", t.Word}, field{"expires_in", int(left / time.Second)})
}

func (s *Sim) ticketOf(appid, kind string) (Ticket, time.Duration) {
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(appid)
	for _, t := range st.tickets {
		if left := t.Until.Sub(now); t.Kind == kind && left > tokenOverlap {
			return t, left
		}
	}
	t := Ticket{AppID: appid, Kind: kind, Word: s.dice.word(86, tokenLetters), Issued: now, Until: now.Add(globalLife)}
	st.tickets = append(st.tickets, t)
	return t, globalLife
}
