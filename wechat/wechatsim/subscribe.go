package wechatsim

import (
	"fmt"
	"strconv"
)

const sendSubscribedPath = "/cgi-bin/message/subscribe/bizsend"

// consent is a person's consent to the notifications of one template.
type consent struct {
	once   int  // how many may still be sent
	always bool // a long-term subscription
	never  bool // switched off in the account's settings
}

// Subscribe makes a person answer the question whether an account may send
// notifications by one of its templates: one for every yes, or all of them if
// always. A no takes nothing back. It refuses who and what is unknown with
// [ErrUnknown].
func (s *Sim) Subscribe(person, appid, templateID string, accept, always bool) error {
	a, err := s.subscription(person, appid, templateID)
	if err != nil {
		return fmt.Errorf("subscribing: %w", err)
	}
	answer := "reject"
	if accept {
		answer = "accept"
		s.mu.Lock()
		c := s.state(appid).post.chat(person).consents
		was := c[templateID]
		was.once, was.always, was.never = was.once+1, was.always || always, false
		c[templateID] = was
		s.mu.Unlock()
	}
	s.event(a, person, "subscribe_msg_popup_event", list("SubscribeMsgPopupEvent",
		element{"TemplateId", templateID}, element{"SubscribeStatusString", answer}, element{"PopupScene", "2"}))
	s.touch()
	return nil
}

// SwitchSubscription makes a person switch the notifications of a template on or
// off, in the account's settings on the phone. It refuses who and what is unknown
// with [ErrUnknown].
func (s *Sim) SwitchSubscription(person, appid, templateID string, on bool) error {
	a, err := s.subscription(person, appid, templateID)
	if err != nil {
		return fmt.Errorf("switching a subscription: %w", err)
	}
	answer := "reject"
	if on {
		answer = "accept"
	}
	s.mu.Lock()
	c := s.state(appid).post.chat(person).consents
	was := c[templateID]
	was.never = !on
	c[templateID] = was
	s.mu.Unlock()
	s.event(a, person, "subscribe_msg_change_event", list("SubscribeMsgChangeEvent",
		element{"TemplateId", templateID}, element{"SubscribeStatusString", answer}))
	s.touch()
	return nil
}

// list is the form of the events about subscriptions: a list, here of one.
func list(name string, of ...element) element {
	return element{name, []element{{"List", of}}}
}

func (s *Sim) subscription(person, appid, templateID string) (Account, error) {
	_, a, err := s.pair(person, appid)
	if err != nil {
		return Account{}, err
	}
	if t, ok := s.template(appid, templateID); !ok || !t.Subscription {
		return Account{}, fmt.Errorf("%w template", ErrUnknown)
	}
	return a, nil
}

// Notices is how many notifications of a template an account may still send a
// person; -1 is as many as it likes.
func (s *Sim) Notices(person, appid, templateID string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state(appid).post.chat(person).consents[templateID].left()
}

func (c consent) left() int {
	switch {
	case c.never:
		return 0
	case c.always:
		return -1
	}
	return c.once
}

// spendConsent uses a consent up, if there is one.
func (s *Sim) spendConsent(person, appid, templateID string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	consents := s.state(appid).post.chat(person).consents
	c := consents[templateID]
	if c.left() == 0 {
		return false
	}
	if !c.always {
		c.once--
	}
	consents[templateID] = c
	return true
}

// sendSubscribed is /cgi-bin/message/subscribe/bizsend.
func (c *call) sendSubscribed() {
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
	case !has:
		c.refuse(40037)
		return
	case !t.Subscription:
		c.refuse(43102)
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
	if !c.spendConsent(p.Name, a.AppID, t.ID) {
		c.refuse(43101)
		return
	}
	msgID, _ := c.number(a.AppID, p.Name, "")
	errorCode, status := "0", "success"
	if c.is("template_failed") {
		errorCode, status = "1", "failed"
	} else {
		c.show(a.AppID, p.Name, body.message(KindSubscribed, t, lines, msgID))
	}
	if !c.is("template_result_lost") {
		c.later(msgID, func() {
			c.event(a, p.Name, "subscribe_msg_sent_event", list("SubscribeMsgSentEvent",
				element{"TemplateId", t.ID}, element{"MsgID", strconv.FormatInt(msgID, 10)},
				element{"ErrorCode", errorCode}, element{"ErrorStatus", status}))
		})
	}
	c.ok()
}
