package wechatsim

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"
)

const sendTemplatePath = "/cgi-bin/message/template/send"

// sendEndpoints are the calls that send a person something.
var sendEndpoints = map[string]endpoint{
	sendTemplatePath:   {method: http.MethodPost, may: mayServe, run: (*call).sendTemplate},
	sendSubscribedPath: {method: http.MethodPost, may: mayServe, run: (*call).sendSubscribed},
	sendCustomPath:     {method: http.MethodPost, may: mayReadFans, run: (*call).sendCustom},
	typingPath:         {method: http.MethodPost, may: mayReadFans, run: (*call).showTyping},
}

// templateBody is the body of a template message and of a subscription
// notification.
type templateBody struct {
	To       string `json:"touser"`
	Template string `json:"template_id"`
	URL      string `json:"url"`
	Page     string `json:"page"`
	Mini     *struct {
		AppID string `json:"appid"`
		Path  string `json:"pagepath"`
	} `json:"miniprogram"`
	ClientID string `json:"client_msg_id"`
	Data     map[string]struct {
		Value any `json:"value"` // a number is taken for its digits
	} `json:"data"`
}

func (b templateBody) values() map[string]string {
	values := map[string]string{}
	for key, d := range b.Data {
		switch v := d.Value.(type) {
		case string:
			values[key] = v
		case float64:
			values[key] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	return values
}

// sendTemplate is /cgi-bin/message/template/send.
func (c *call) sendTemplate() {
	var body templateBody
	a, ok := c.bearing(&body)
	if !ok {
		return
	}
	p, known := c.whose(a.AppID, body.To)
	t, has := c.template(a.AppID, body.Template)
	switch {
	case !known:
		c.refuse(40003)
		return
	case !p.follows(a.AppID):
		c.refuse(43004)
		return
	case !has || t.Subscription:
		c.refuse(40037)
		return
	}
	lines, wrong := t.fit(body.values())
	if wrong != "" {
		c.refuseWith(47003, "argument invalid! data."+wrong+".value invalid")
		return
	}
	if code := c.checkMini(body); code != 0 {
		c.refuse(code)
		return
	}
	msgID, again := c.number(a.AppID, p.Name, body.ClientID)
	if !again {
		c.deliver(a, p, body, t, lines, msgID)
	}
	c.ok(field{"msgid", json.Number(strconv.FormatInt(msgID, 10))})
}

// checkMini says what is wrong with the mini program of a message.
func (c *call) checkMini(body templateBody) int {
	if body.Mini == nil {
		return 0
	}
	a, ok := c.account(body.Mini.AppID)
	if !ok || a.Kind != KindMini {
		return 40166
	}
	return 0
}

// number gives a message its msgid. Within ten minutes the same client_msg_id is
// the same message (wechat-api.md §10.1).
func (c *call) number(appid, person, clientID string) (msgID int64, again bool) {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	sent := c.state(appid).post.chat(person).sent
	if was, ok := sent[clientID]; ok && clientID != "" && now.Sub(was.at) < clientIDLife {
		return was.msgID, true
	}
	c.made.ids++
	msgID = c.messageID(c.made.ids)
	for id, was := range sent {
		if now.Sub(was.at) >= clientIDLife {
			delete(sent, id)
		}
	}
	if clientID != "" {
		sent[clientID] = sentMessage{now, msgID}
	}
	return msgID, false
}

// deliver shows a template message, and tells the account's server 1 to 5 s later
// what became of it.
func (c *call) deliver(a Account, p Person, body templateBody, t Template, lines []Line, msgID int64) {
	status := "success"
	switch {
	case c.Blocked(p.Name, a.AppID):
		status = []string{"failed:user block", "failed: user block"}[c.drawn(2, "status", strconv.FormatInt(msgID, 10))]
	case c.is("template_failed"):
		status = "failed: system failed"
	default:
		c.show(a.AppID, p.Name, body.message(KindTemplate, t, lines, msgID))
	}
	if c.is("template_result_lost") {
		return
	}
	c.later(msgID, func() {
		c.push(outgoing{account: a, person: p.Name, from: body.To, kind: "event", deaf: true, body: []element{
			{"Event", "TEMPLATESENDJOBFINISH"}, {"MsgID", msgID}, {"Status", status},
		}})
	})
}

// later does something 1 to 5 s from now; which depends on the id alone.
func (s *Sim) later(msgID int64, act func()) {
	wait := time.Second + time.Duration(s.drawn(4001, "result", strconv.FormatInt(msgID, 10)))*time.Millisecond
	s.agenda.do(s.ctx, s.Now().Add(wait), func(context.Context) { act() })
}

// message is what the person sees.
func (b templateBody) message(kind string, t Template, lines []Line, msgID int64) Message {
	m := Message{By: ByAccount, Kind: kind, Title: t.Title, Lines: lines, TemplateID: t.ID, MsgID: msgID, URL: b.URL}
	if b.Page != "" {
		m.URL = b.Page
	}
	if b.Mini != nil {
		m.MiniAppID, m.MiniPath = b.Mini.AppID, b.Mini.Path
	}
	return m
}
