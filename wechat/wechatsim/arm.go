package wechatsim

import (
	"fmt"
	"slices"
	"time"
)

// Armed is a fault that waits for its requests.
type Armed struct {
	ID   int    `json:"id"`
	Name string `json:"name"`
	// Left is how many requests it still strikes; -1 is every one.
	Left int `json:"left"`
	// AppID and Path, if set, are the only account and path that it strikes.
	AppID string `json:"appid,omitempty"`
	Path  string `json:"path,omitempty"`
	// Host, if set, is the only name of the simulator that it strikes, without
	// port: "localhost" may fail while "127.0.0.1" works.
	Host string `json:"host,omitempty"`
	// Chance is the share of fitting requests that it strikes, 0 to 1; those
	// that it spares don't count.
	Chance float64 `json:"chance"`
	// Delay is how long a fault that waits does so, by the simulator's clock;
	// negative is the fault's own choice.
	Delay time.Duration `json:"-"`
}

// FaultOption narrows a fault down.
type FaultOption func(*Armed)

// Times makes a fault strike the next n requests instead of one; n is positive.
func Times(n int) FaultOption { return func(a *Armed) { a.Left = n } }

// Always makes a fault strike until it is disarmed.
func Always() FaultOption { return func(a *Armed) { a.Left = -1 } }

// For makes a fault strike one account only.
func For(appid string) FaultOption { return func(a *Armed) { a.AppID = appid } }

// On makes a fault strike one path only, such as "/sns/userinfo".
func On(path string) FaultOption { return func(a *Armed) { a.Path = path } }

// AtHost makes a fault strike one name of the simulator only, without port, as one
// of WeChat's API hosts fails and the others work.
func AtHost(name string) FaultOption { return func(a *Armed) { a.Host = name } }

// Chance makes a fault strike a share of the requests, by the seeded dice.
func Chance(p float64) FaultOption { return func(a *Armed) { a.Chance = p } }

// Delay sets how long slow and rerequest wait, by the simulator's clock.
func Delay(d time.Duration) FaultOption { return func(a *Armed) { a.Delay = d } }

// delay is how long a fault waits that would wait for d by itself.
func (a Armed) delay(d time.Duration) time.Duration {
	if a.Delay >= 0 {
		return a.Delay
	}
	return d
}

// Fail arms a fault for the next request that it can strike. Of several faults,
// each strikes where it can; of several of one name, the oldest. It panics on a
// name that isn't in [Faults], and on an option that makes no sense: a test with
// a misspelt fault would prove nothing.
func (s *Sim) Fail(name string, opts ...FaultOption) {
	if _, err := s.arm(name, opts...); err != nil {
		panic("wechatsim: " + err.Error())
	}
}

func (s *Sim) arm(name string, opts ...FaultOption) (Armed, error) {
	f, ok := lookUp(name)
	if !ok {
		return Armed{}, fmt.Errorf("arming %q: the faults are %s", name, faultNames())
	}
	a := &Armed{Name: name, Left: 1, Chance: 1, Delay: -1}
	for _, o := range opts {
		o(a)
	}
	switch {
	case a.Left < -1 || a.Left == 0:
		return Armed{}, fmt.Errorf("arming %s: it needs a positive number of requests", name)
	case a.Chance <= 0 || a.Chance > 1:
		return Armed{}, fmt.Errorf("arming %s: a chance is above 0 and at most 1", name)
	case a.Path != "" && !s.strikes(f, a.Path):
		return Armed{}, fmt.Errorf("arming %s: it can't strike %s, only %v", name, a.Path, f.paths)
	}
	if _, ok := s.account(a.AppID); a.AppID != "" && !ok {
		return Armed{}, fmt.Errorf("arming %s: %s is no account", name, a.AppID)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armings++
	a.ID = s.armings
	s.armed = append(s.armed, a)
	return *a, nil
}

// Armed are the faults that still wait, oldest first, never nil.
func (s *Sim) Armed() []Armed {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []Armed{}
	for _, a := range s.armed {
		list = append(list, *a)
	}
	return list
}

// Disarm takes the faults of a name back; "" is all of them.
func (s *Sim) Disarm(name string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = slices.DeleteFunc(s.armed, func(a *Armed) bool { return name == "" || a.Name == name })
}

// strike uses up a fault if one is armed for this request.
func (s *Sim) strike(rec *recorder, name, appid string) (Armed, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.strikeLocked(rec, name, appid)
}

// strikeLocked is strike for who holds the lock.
func (s *Sim) strikeLocked(rec *recorder, name, appid string) (Armed, bool) {
	f, ok := lookUp(name)
	if !ok {
		panic("wechatsim: no fault is called " + name)
	}
	path := rec.req.Path
	if path == consentPath {
		path = authorizePath // the second half of it
	}
	if !s.strikes(f, path) {
		return Armed{}, false
	}
	for i, a := range s.armed {
		elsewhere := a.AppID != "" && a.AppID != appid || a.Path != "" && a.Path != path || a.Host != "" && a.Host != rec.req.hostname()
		if a.Name != name || elsewhere || a.Chance < 1 && !s.dice.chance(a.Chance) {
			continue
		}
		if a.Left > 0 {
			a.Left--
		}
		if a.Left == 0 {
			s.armed = slices.Delete(s.armed, i, i+1)
		}
		if !slices.Contains(rec.req.Faults, name) {
			rec.req.Faults = append(rec.req.Faults, name)
		}
		return *a, true
	}
	return Armed{}, false
}
