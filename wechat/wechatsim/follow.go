package wechatsim

import (
	"errors"
	"fmt"
	"slices"
	"time"
)

// Following is how somebody came to follow an account.
type Following struct {
	Since time.Time
	// Scene is one of WeChat's words (wechat-api.md §6.1), such as
	// "ADD_SCENE_QR_CODE"; empty is ADD_SCENE_SEARCH.
	Scene string
	// SceneID or SceneStr is that of the parametric code that was scanned.
	SceneID  int64
	SceneStr string
}

// fan is a person at an account.
type fan struct{ person, appid string }

// Follow makes a person follow an account, or leave it. It refuses who or what it
// doesn't know with [ErrUnknown], and what can't be followed.
func (s *Sim) Follow(person, appid string, follow bool) error {
	changed, err := s.follow(person, appid, follow, Following{})
	if changed {
		s.subscribed(person, appid, follow, nil)
	}
	return err
}

// follow says whether it changed anything. How is for one that begins to follow;
// its Since may be zero for now.
func (s *Sim) follow(person, appid string, follow bool, how Following) (bool, error) {
	a, ok := s.account(appid)
	if !ok {
		return false, fmt.Errorf("following %s: %w account", appid, ErrUnknown)
	}
	if !a.official() {
		return false, fmt.Errorf("following %s: %w", appid, errors.New("only an official account can be followed"))
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(person)
	if i < 0 {
		return false, fmt.Errorf("following %s: %w person", appid, ErrUnknown)
	}
	if s.people[i].follows(appid) == follow {
		return false, nil
	}
	s.setFollowing(i, appid, follow, how, now)
	return true, nil
}

// setFollowing is called with the lock held.
func (s *Sim) setFollowing(i int, appid string, follow bool, how Following, now time.Time) {
	p := &s.people[i]
	p.Follows = slices.DeleteFunc(p.Follows, func(id string) bool { return id == appid })
	delete(s.follows, fan{p.Name, appid})
	if !follow {
		return
	}
	p.Follows = append(p.Follows, appid)
	if how.Since.IsZero() {
		how.Since = now
	}
	s.follows[fan{p.Name, appid}] = how
}

// following is how a follower came. Who followed from the start did so a day before
// it. It is called with the lock held.
func (s *Sim) following(person, appid string) Following {
	how, ok := s.follows[fan{person, appid}]
	if !ok {
		how.Since = s.began.Add(-24 * time.Hour)
	}
	if how.Scene == "" {
		how.Scene = "ADD_SCENE_SEARCH"
	}
	return how
}

// Following is how a person came to follow an account; false if he doesn't.
func (s *Sim) Following(person, appid string) (Following, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(person)
	if i < 0 || !s.people[i].follows(appid) {
		return Following{}, false
	}
	return s.following(person, appid), true
}

// whose finds the person of an openid.
func (s *Sim) whose(appid, openid string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.whoseIndex(appid, openid)
	if i < 0 {
		return Person{}, false
	}
	return s.people[i].clone(), true
}

// whoseIndex is -1 for nobody. The openids of an account are worked out when the
// first is asked for. It is called with the lock held.
func (s *Sim) whoseIndex(appid, openid string) int {
	faces, ok := s.faces[appid]
	if !ok {
		faces = map[string]string{}
		for _, p := range s.people {
			faces[s.OpenID(p.Name, appid)] = p.Name
		}
		s.faces[appid] = faces
	}
	name, ok := faces[openid]
	if !ok {
		return -1
	}
	return s.index(name)
}
