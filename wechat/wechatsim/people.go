package wechatsim

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
)

// personCookie says who holds the phone.
const personCookie = "wechatsim-person"

// ErrUnknown says that there is no such person or account.
var ErrUnknown = errors.New("unknown")

// PersonCookie makes the browser that gets it the phone of a person. The authorize
// page and the phone page read it.
func (s *Sim) PersonCookie(person string) *http.Cookie {
	return &http.Cookie{Name: personCookie, Value: person, Path: "/", HttpOnly: true, SameSite: http.SameSiteLaxMode}
}

// holder is who holds the phone that a request comes from.
func (s *Sim) holder(r *http.Request) (Person, bool) {
	c, err := r.Cookie(personCookie)
	if err != nil {
		return Person{}, false
	}
	return s.person(c.Value)
}

// People are all people as they are now, never nil.
func (s *Sim) People() []Person {
	s.mu.Lock()
	defer s.mu.Unlock()
	people := []Person{}
	for _, p := range s.people {
		people = append(people, p.clone())
	}
	return people
}

func (s *Sim) person(name string) (Person, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.index(name)
	if i < 0 {
		return Person{}, false
	}
	return s.people[i].clone(), true
}

// index is where a person is, or -1. It is called with the lock held.
func (s *Sim) index(name string) int {
	if i, ok := s.places[name]; ok {
		return i
	}
	return -1
}

// place lets somebody in, or replaces the person of that name. It is called with
// the lock held.
func (s *Sim) place(p Person) {
	if i := s.index(p.Name); i >= 0 {
		s.people[i] = p.clone()
		return
	}
	s.places[p.Name] = len(s.people)
	s.people = append(s.people, p.clone())
	for appid, faces := range s.faces {
		faces[s.OpenID(p.Name, appid)] = p.Name
	}
}

// Add lets somebody in, or replaces the person of that name. It refuses a name or a
// colour that is none.
func (s *Sim) Add(p Person) error {
	if err := p.check(); err != nil {
		return fmt.Errorf("adding a person: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.place(p)
	return nil
}

// granted notes that a person consented to snsapi_userinfo.
func (s *Sim) granted(person, appid string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if i := s.index(person); i >= 0 && !slices.Contains(s.people[i].Granted, appid) {
		s.people[i].Granted = append(s.people[i].Granted, appid)
	}
}

func (p Person) clone() Person {
	p.Follows = append([]string{}, p.Follows...)
	p.Granted = append([]string{}, p.Granted...)
	return p
}
