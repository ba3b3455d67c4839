package wechatsim

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Control is the control API: what a test in another process needs, as JSON. It
// goes on a listener of its own, since WeChat has nothing like it;
// docs/simulator.md has its reference.
func (s *Sim) Control() http.Handler {
	mux := http.NewServeMux()
	for _, r := range routes {
		mux.HandleFunc(r.pattern, func(w http.ResponseWriter, req *http.Request) {
			answer, err := r.act(s, req)
			switch {
			case errors.Is(err, ErrUnknown):
				writeJSON(w, http.StatusNotFound, map[string]string{"error": err.Error()})
			case err != nil:
				writeJSON(w, http.StatusBadRequest, map[string]string{"error": err.Error()})
			case answer == nil:
				w.WriteHeader(http.StatusNoContent)
			default:
				writeJSON(w, http.StatusOK, answer)
			}
		})
	}
	return http.NewCrossOriginProtection().Handler(http.MaxBytesHandler(mux, 1<<20))
}

// route is one call of the control API. A nil answer is 204.
type route struct {
	pattern string
	what    string
	act     func(*Sim, *http.Request) (any, error)
}

// routes are the whole control API; docs/simulator.md is compared with it.
var routes = slices.Concat(mainRoutes, accountRoutes, postRoutes)

var mainRoutes = []route{
	{"GET /faults", "the table of all faults, and those that are armed", func(s *Sim, _ *http.Request) (any, error) {
		return map[string]any{"known": Faults, "armed": s.Armed()}, nil
	}},
	{"POST /faults", "arms a fault: `name`, `left`, `appid`, `path`, `host`, `chance`, `delay_seconds`", controlArm},
	{"DELETE /faults", "disarms all faults, or those of `?name=`", func(s *Sim, r *http.Request) (any, error) {
		s.Disarm(r.URL.Query().Get("name"))
		return nil, nil
	}},
	{"GET /accounts", "the accounts, with their secrets", func(s *Sim, _ *http.Request) (any, error) { return s.Accounts(), nil }},
	{"GET /people", "the people", func(s *Sim, _ *http.Request) (any, error) { return s.People(), nil }},
	{"POST /people", "lets a person in, or replaces one: `name`, `nickname`, `colour`, `phone`, `follows`, `granted`", controlAdd},
	{"POST /follow", "follows or leaves: `person`, `appid`, `follow`", controlFollow},
	{"GET /ids", "openid and unionid of `?person=` at `?appid=`", controlIDs},
	{"GET /requests", "what was asked of WeChat, oldest first; `?raw` adds query, location and both bodies", func(s *Sim, r *http.Request) (any, error) {
		return showRequests(s.Requests(), r.URL.Query().Has("raw")), nil
	}},
	{"GET /sent", "what the simulator asked itself, in the same form", func(s *Sim, r *http.Request) (any, error) {
		return showRequests(s.Sent(), r.URL.Query().Has("raw")), nil
	}},
	{"DELETE /requests", "forgets both", func(s *Sim, _ *http.Request) (any, error) { s.Forget(); return nil, nil }},
	{"GET /settings", "the settings", func(s *Sim, _ *http.Request) (any, error) { return s.Settings(), nil }},
	{"PATCH /settings", "changes those that are named", controlSettings},
	{"GET /clock", "the time in there, and the seed", func(s *Sim, _ *http.Request) (any, error) {
		return map[string]any{"now": s.Now(), "seed": s.Seed()}, nil
	}},
	{"POST /clock", "moves the clock forward by `seconds`", controlClock},
}

// controlTable is the control API as Markdown, as docs/simulator.md has it.
func controlTable() string {
	var b strings.Builder
	b.WriteString("| call | what it does |\n|---|---|\n")
	for _, r := range routes {
		fmt.Fprintf(&b, "| `%s` | %s |\n", r.pattern, r.what)
	}
	return b.String()
}

func controlArm(s *Sim, r *http.Request) (any, error) {
	a := Armed{Left: 1, Chance: 1}
	seconds := struct {
		*Armed
		DelaySeconds *float64 `json:"delay_seconds"`
	}{Armed: &a}
	if err := readJSON(r, &seconds); err != nil {
		return nil, err
	}
	delay := time.Duration(-1)
	if d := seconds.DelaySeconds; d != nil {
		delay = time.Duration(*d * float64(time.Second))
	}
	armed, err := s.arm(a.Name, Times(a.Left), For(a.AppID), On(a.Path), AtHost(a.Host), Chance(a.Chance), Delay(delay))
	if err != nil {
		return nil, err
	}
	return armed, nil
}

func controlAdd(s *Sim, r *http.Request) (any, error) {
	var p Person
	if err := readJSON(r, &p); err != nil {
		return nil, err
	}
	return nil, s.Add(p)
}

func controlFollow(s *Sim, r *http.Request) (any, error) {
	var f struct {
		Person string `json:"person"`
		AppID  string `json:"appid"`
		Follow bool   `json:"follow"`
	}
	if err := readJSON(r, &f); err != nil {
		return nil, err
	}
	return nil, s.Follow(f.Person, f.AppID, f.Follow)
}

func controlIDs(s *Sim, r *http.Request) (any, error) {
	q := r.URL.Query()
	if _, ok := s.person(q.Get("person")); !ok {
		return nil, fmt.Errorf("looking for ids: %w person", ErrUnknown)
	}
	if _, ok := s.account(q.Get("appid")); !ok {
		return nil, fmt.Errorf("looking for ids: %w account", ErrUnknown)
	}
	return map[string]string{
		"openid": s.OpenID(q.Get("person"), q.Get("appid")), "unionid": s.UnionID(q.Get("person"), q.Get("appid")),
	}, nil
}

func controlSettings(s *Sim, r *http.Request) (any, error) {
	// Into a copy first: a body may be slow, and the lock is everybody's.
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if err := json.Unmarshal(body, new(Settings)); err != nil {
		return nil, fmt.Errorf("reading the body: %w", err)
	}
	if err := s.Change(func(set *Settings) { _ = json.Unmarshal(body, set) }); err != nil {
		return nil, err
	}
	return s.Settings(), nil
}

func controlClock(s *Sim, r *http.Request) (any, error) {
	var c struct {
		Seconds float64 `json:"seconds"`
	}
	if err := readJSON(r, &c); err != nil {
		return nil, err
	}
	if c.Seconds < 0 || c.Seconds > 1e9 {
		return nil, errors.New("moving the clock: seconds are 0 to 1e9; it doesn't go backward")
	}
	s.Advance(time.Duration(c.Seconds * float64(time.Second)))
	return nil, nil
}

// readJSON refuses fields that it doesn't know: a misspelt one would be ignored.
func readJSON(r *http.Request, into any) error { return decodeStrict(r.Body, into) }

func decodeStrict(from io.Reader, into any) error {
	d := json.NewDecoder(from)
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return fmt.Errorf("reading the body: %w", err)
	}
	return nil
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v)
}

// shownRequest is a request as the control API shows it.
type shownRequest struct {
	At        time.Time `json:"at"`
	Line      string    `json:"line"` // with everything masked
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	AppID     string    `json:"appid"`
	Person    string    `json:"person"`
	UserAgent string    `json:"user_agent"`
	Cookies   int       `json:"cookies"`
	Status    int       `json:"status"`
	ErrCode   int       `json:"errcode"`
	Faults    []string  `json:"faults"`
	Query     string    `json:"query,omitempty"` // these four only when asked for
	Posted    string    `json:"posted,omitempty"`
	Location  string    `json:"location,omitempty"`
	Body      string    `json:"body,omitempty"`
}

func showRequests(list []Request, raw bool) []shownRequest {
	shown := []shownRequest{}
	for _, r := range list {
		s := shownRequest{
			At: r.At, Line: r.String(), Method: r.Method, Path: r.Path, AppID: r.AppID, Person: r.Person,
			UserAgent: r.UserAgent, Cookies: r.Cookies, Status: r.Status, ErrCode: r.ErrCode(),
			Faults: append([]string{}, r.Faults...),
		}
		if raw {
			s.Query, s.Posted, s.Location, s.Body = r.RawQuery, r.Posted, r.Location, r.Body
		}
		shown = append(shown, s)
	}
	return shown
}
