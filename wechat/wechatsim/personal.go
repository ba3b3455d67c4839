package wechatsim

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
)

// The events about personal information (wechat-api.md §8.4). They come from a
// service of WeChat's, and name the person in OpenID.

var revokeForm = regexp.MustCompile(`^[1-9][0-9]{0,2}$`)

// personal pushes an event about a person's own data.
func (s *Sim) personal(a Account, person, event string, further ...element) {
	id, app, union := "OpenID", "AppID", "UnionID"
	if event == "user_info_modified" && s.dice.chance(0.5) {
		id, app = "openid", "appid" // both forms have been seen
	}
	body := []element{{"Event", event}, {id, s.OpenID(person, a.AppID)}}
	if unionid := s.UnionID(person, a.AppID); unionid != "" {
		body = append(body, element{union, unionid})
	}
	body = append(body, element{app, a.AppID})
	s.push(outgoing{
		account: a, person: person, from: s.OpenID("the push service of WeChat", a.AppID), kind: "event",
		body: append(body, further...), deaf: true,
	})
}

// ModifyInfo makes a person change nickname or picture: user_info_modified at an
// account to which he once granted them. Its only error is [ErrUnknown].
func (s *Sim) ModifyInfo(person, appid string) error {
	_, a, err := s.pair(person, appid)
	if err != nil {
		return fmt.Errorf("changing what %s knows: %w", appid, err)
	}
	s.personal(a, person, "user_info_modified")
	return nil
}

// Revoke makes a person take back what he once let an account know:
// user_authorization_revoke. What is WeChat's number for it, such as "205" for
// nickname and picture. It refuses what is unknown with [ErrUnknown], and what
// isn't a number.
func (s *Sim) Revoke(person, appid, what string) error {
	_, a, err := s.pair(person, appid)
	switch {
	case err != nil:
		return fmt.Errorf("revoking at %s: %w", appid, err)
	case !revokeForm.MatchString(what):
		return errors.New("revoking: what is revoked is a number of up to three digits")
	}
	s.ungrant(person, appid)
	s.personal(a, person, "user_authorization_revoke", element{"RevokeInfo", what})
	return nil
}

// Quit makes a person close his WeChat account: every account that he follows or
// once granted something gets user_authorization_cancellation. He stays in the
// cast. Its only error is [ErrUnknown].
func (s *Sim) Quit(person string) error {
	p, ok := s.person(person)
	if !ok {
		return fmt.Errorf("quitting: %w person", ErrUnknown)
	}
	for _, a := range s.Accounts() {
		if p.knows(a.AppID) {
			s.ungrant(person, a.AppID)
			s.personal(a, person, "user_authorization_cancellation")
		}
	}
	return nil
}

// ungrant forgets that a person consented to snsapi_userinfo.
func (s *Sim) ungrant(person, appid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(person); i >= 0 {
		s.people[i].Granted = slices.DeleteFunc(s.people[i].Granted, func(id string) bool { return id == appid })
	}
}

// knows says whether a person follows an account or once granted it something.
func (p Person) knows(appid string) bool {
	return p.follows(appid) || slices.Contains(p.Granted, appid)
}
