package wechatsim

import (
	"fmt"
	"strings"
)

// Fault is something that goes wrong at WeChat now and then.
type Fault struct {
	Name   string `json:"name"`
	What   string `json:"what"`
	Lesson string `json:"lesson"`
}

// Faults is the one table of all faults: the control API, `--help` and
// docs/simulator.md come from it.
var Faults = []Fault{
	{"callback_twice", "the callback is requested a second time, at once, with the same code, by another client without cookies", "exchange a code once, and let only the browser that asked for it use it"},
	{"two_codes", "the callback is requested a second time with another code and the same state, unless `connect_redirect=1` was sent", "a state may come back more than once"},
	{"code_used", "the exchange says that the code has been used (40163)", "go on if there is a session, else begin again, once"},
	{"code_invalid", "the exchange says that the code is invalid (40029)", "begin again, once"},
	{"slow", "the answer takes three seconds", "have time-outs, and a page that can wait"},
	{"busy", "the answer is -1, system busy", "try again, with a pause"},
	{"rate_limited", "the answer is 45011, too many calls this minute", "tell the visitor to try again later"},
	{"snapshot", "the visitor looks at a preview: openid and unionid are made up, and `is_snapshotuser` is 1", "keep nothing of such a visitor"},
	{"timeout_after_use", "the code is used up, but the answer never comes", "never send a code twice unless it surely never left"},
	{"host_down", "the connection is closed without an answer", "have a second host"},
	{"rerequest", "WeChat fetches the page anew from elsewhere, without cookies, with a real-looking user agent", "a visit without cookies creates nothing"},
	{"not_json", "the answer is a page of HTML", "decide by what can be read, not by what was hoped for"},
	{"missing_openid", "the answer lacks the openid", "check what you build on"},
	{"numbers_as_strings", "numbers come as strings", "take both"},
	{"unknown_fields", "the answer has fields that nobody has heard of", "pass over them"},
	{"http_500", "the answer is 500 without a body", "tell an outage from a refusal"},
	{"secret_changed", "the secret is wrong (40125)", "tell the operator, not the visitor"},
	{"ip_not_listed", "the caller's address is not in the account's whitelist (40164)", "tell the operator which address to add"},
	{"refuse_closes", "a refusal closes the page instead of coming back", "don't wait for an answer that may never come"},
}

// FaultHelp is the table as text.
func FaultHelp() string {
	var b strings.Builder
	for _, f := range Faults {
		fmt.Fprintf(&b, "  %-20s %s\n", f.Name, f.What)
	}
	return b.String()
}

// armed is a fault that waits for its requests.
type armed struct {
	Name   string  `json:"name"`
	Left   int     `json:"left"` // requests to come; below zero always
	AppID  string  `json:"appid,omitempty"`
	Chance float64 `json:"chance,omitempty"` // of hitting a request; 0 hits all
}

// FaultOption narrows a fault.
type FaultOption func(*armed)

// Times makes a fault happen n times; Always makes it stay. By default it happens once.
func Times(n int) FaultOption { return func(a *armed) { a.Left = n } }

// Always makes a fault stay until it is disarmed.
func Always() FaultOption { return Times(-1) }

// For makes a fault happen to one account only.
func For(appID string) FaultOption { return func(a *armed) { a.AppID = appID } }

// Chance makes a fault happen with a probability between 0 and 1, drawn from the seed.
func Chance(p float64) FaultOption { return func(a *armed) { a.Chance = p } }

// Fail arms a fault by its name. It panics at a name that isn't in [Faults]: a test
// that misspells it would pass for nothing.
func (s *Sim) Fail(name string, opts ...FaultOption) {
	if err := s.arm(name, opts...); err != nil {
		panic(err)
	}
}

func (s *Sim) arm(name string, opts ...FaultOption) error {
	for _, f := range Faults {
		if f.Name == name {
			a := &armed{Name: name, Left: 1}
			for _, o := range opts {
				o(a)
			}
			s.mu.Lock()
			defer s.mu.Unlock()
			s.faults = append(s.faults, a)
			return nil
		}
	}
	return fmt.Errorf("arming fault: there is none called %q", name)
}

// Disarm takes all faults of a name away, or all faults without one.
func (s *Sim) Disarm(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept := s.faults[:0]
	for _, a := range s.faults {
		if name != "" && a.Name != name {
			kept = append(kept, a)
		}
	}
	s.faults = kept
}

// hit says whether a fault happens now. It is called with the lock held.
func (s *Sim) hit(name, appID string) bool {
	for i, a := range s.faults {
		if a.Name != name || a.Left == 0 || a.AppID != "" && a.AppID != appID || a.Chance > 0 && s.random.Float64() >= a.Chance {
			continue
		}
		if a.Left > 0 {
			a.Left--
		}
		if a.Left == 0 {
			s.faults = append(s.faults[:i:i], s.faults[i+1:]...)
		}
		return true
	}
	return false
}
