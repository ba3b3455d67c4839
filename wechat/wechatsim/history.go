package wechatsim

import (
	"net/http"
	"net/url"
	"time"
)

// Request is a request that the simulator got, as it came.
type Request struct {
	At     time.Time  `json:"at"`
	Method string     `json:"method"`
	Path   string     `json:"path"`
	Query  url.Values `json:"-"` // holds secrets and codes: for the test's own eyes
	Person string     `json:"person,omitempty"`
	AppID  string     `json:"appid,omitempty"`
	Status int        `json:"status"` // 0: no answer was given
	Body   string     `json:"-"`
}

// String leaves out what must not be shown.
func (r Request) String() string {
	return r.Method + " " + r.Path + " " + r.AppID + " " + http.StatusText(r.Status)
}

// maxHistory bounds what is remembered.
const maxHistory = 10_000

// Requests are the requests so far, the oldest first; never nil.
func (s *Sim) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Request{}, s.requests...)
}

// Calls counts the requests to a path so far.
func (s *Sim) Calls(path string) int {
	n := 0
	for _, r := range s.Requests() {
		if r.Path == path {
			n++
		}
	}
	return n
}

// Forget empties the history.
func (s *Sim) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests = nil
}

func (s *Sim) note(r *http.Request, person, appID string, status int, body string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.record(r, person, appID, status, body)
}

// record is note with the lock held.
func (s *Sim) record(r *http.Request, person, appID string, status int, body string) {
	if len(s.requests) >= maxHistory {
		s.requests = append([]Request(nil), s.requests[maxHistory/2:]...)
	}
	s.requests = append(s.requests, Request{At: s.now(), Method: r.Method, Path: r.URL.Path, Query: r.URL.Query(), Person: person, AppID: appID, Status: status, Body: body})
}
