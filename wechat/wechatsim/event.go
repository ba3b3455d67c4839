package wechatsim

import (
	"errors"
	"fmt"
	"strconv"
)

// ErrNotFollowing says that a person has to follow an account first.
var ErrNotFollowing = errors.New("not a follower")

// Place is somewhere on earth, in degrees; Precision is in metres.
type Place struct {
	Latitude  float64 `json:"latitude"`
	Longitude float64 `json:"longitude"`
	Precision float64 `json:"precision"`
	Label     string  `json:"label"`
}

// event pushes an event that a person caused.
func (s *Sim) event(a Account, person, name string, further ...element) {
	s.push(outgoing{
		account: a, person: person, from: s.OpenID(person, a.AppID), kind: "event",
		body: append([]element{{"Event", name}}, further...), dialogue: name == "CLICK", deaf: name == "unsubscribe",
	})
}

// follower looks up a person who follows an account.
func (s *Sim) follower(person, appid string) (Account, error) {
	p, a, err := s.pair(person, appid)
	if err == nil && !p.follows(appid) {
		err = fmt.Errorf("%s is %w", person, ErrNotFollowing)
	}
	return a, err
}

// subscribed tells the account's server that somebody follows now, or left. Code
// is the parametric code that brought him, if any.
func (s *Sim) subscribed(person, appid string, follow bool, code *Scene) {
	defer s.touch()
	a, ok := s.account(appid)
	if !ok {
		return
	}
	switch {
	case !follow:
		s.mu.Lock()
		clear(s.state(appid).post.chat(person).allowed)
		s.mu.Unlock()
		s.event(a, person, "unsubscribe", element{"EventKey", ""})
	case code != nil:
		s.allow(appid, person, "scan")
		s.allow(appid, person, "follow")
		s.event(a, person, "subscribe", element{"EventKey", "qrscene_" + code.Scene}, element{"Ticket", code.Ticket})
	case s.dice.chance(0.5): // the element may be absent or empty (wechat-api.md §8.4)
		s.allow(appid, person, "follow")
		s.event(a, person, "subscribe")
	default:
		s.allow(appid, person, "follow")
		s.event(a, person, "subscribe", element{"EventKey", ""})
	}
}

// say shows and pushes a message of a person. Its errors are [ErrUnknown] and
// [ErrNotFollowing].
func (s *Sim) say(person, appid string, m Message, body ...element) error {
	a, err := s.follower(person, appid)
	if err != nil {
		return fmt.Errorf("writing to %s: %w", appid, err)
	}
	s.allow(appid, person, "message")
	m.By = ByPerson
	s.show(appid, person, m)
	s.mu.Lock()
	s.made.ids++
	id := s.messageID(s.made.ids)
	s.mu.Unlock()
	s.push(outgoing{
		account: a, person: person, from: s.OpenID(person, appid), kind: m.Kind,
		body: append(body, element{"MsgId", id}), dialogue: true,
	})
	return nil
}

// Say makes a follower write a text to an account. Its errors are [ErrUnknown],
// [ErrNotFollowing], and that there is no text.
func (s *Sim) Say(person, appid, text string) error {
	if text == "" {
		return errors.New("writing to an account: the text is empty")
	}
	return s.say(person, appid, Message{Kind: "text", Text: text}, element{"Content", text})
}

// SendImage makes a follower send a picture, which has an address at WeChat, to an
// account. Its errors are [ErrUnknown] and [ErrNotFollowing].
func (s *Sim) SendImage(person, appid, picture string) error {
	media := s.derive("media", person, appid, picture)
	return s.say(person, appid, Message{Kind: "image", Picture: picture, MediaID: media},
		element{"PicUrl", picture}, element{"MediaId", media})
}

// SendPlace makes a follower send a place to an account, as a message. Its errors
// are [ErrUnknown] and [ErrNotFollowing].
func (s *Sim) SendPlace(person, appid string, at Place) error {
	return s.say(person, appid, Message{Kind: "location", Text: at.Label},
		element{"Location_X", degrees(at.Latitude)}, element{"Location_Y", degrees(at.Longitude)},
		element{"Scale", 16}, element{"Label", at.Label})
}

// ReportPlace makes the phone of a follower report where it is, as it does when
// the person opens the chat and has agreed to it. Its errors are [ErrUnknown] and
// [ErrNotFollowing].
func (s *Sim) ReportPlace(person, appid string, at Place) error {
	a, err := s.follower(person, appid)
	if err != nil {
		return fmt.Errorf("reporting a place to %s: %w", appid, err)
	}
	s.event(a, person, "LOCATION", element{"Latitude", degrees(at.Latitude)},
		element{"Longitude", degrees(at.Longitude)}, element{"Precision", degrees(at.Precision)})
	return nil
}

func degrees(f float64) bare { return bare(strconv.FormatFloat(f, 'f', 6, 64)) }

// Click makes a follower tap an entry of an account's menu that has a key. Its
// errors are [ErrUnknown] and [ErrNotFollowing].
func (s *Sim) Click(person, appid, key string) error {
	a, err := s.follower(person, appid)
	if err != nil {
		return fmt.Errorf("tapping the menu of %s: %w", appid, err)
	}
	s.allow(appid, person, "click")
	s.event(a, person, "CLICK", element{"EventKey", key})
	return nil
}

// View makes a follower tap an entry of an account's menu that is a link. It opens
// nothing and allows the account nothing. Its errors are [ErrUnknown] and
// [ErrNotFollowing].
func (s *Sim) View(person, appid, url string) error {
	a, err := s.follower(person, appid)
	if err != nil {
		return fmt.Errorf("tapping the menu of %s: %w", appid, err)
	}
	s.event(a, person, "VIEW", element{"EventKey", url})
	return nil
}
