package wechatsim

import (
	"fmt"
	"time"
)

// Limits are how often an account may make one call; 0 is as often as it likes.
type Limits struct {
	Daily  int `json:"daily"`  // until midnight in China; over it is 45009
	Minute int `json:"minute"` // until the next minute; over it is 45011
}

// limits are those of a new account, and of a sandbox (wechat-api.md §4.4). Paths
// that aren't here have none.
var limits = map[string]struct{ real, sandbox Limits }{
	tokenPath:                        {Limits{Daily: 2000}, Limits{Daily: 200}},
	stableTokenPath:                  {Limits{Daily: 500_000, Minute: 10_000}, Limits{Daily: 500_000, Minute: 10_000}},
	"/cgi-bin/message/custom/send":   {Limits{Daily: 500_000}, Limits{Daily: 50_000}},
	"/cgi-bin/message/template/send": {Limits{Daily: 100_000}, Limits{Daily: 100_000}},
	"/cgi-bin/qrcode/create":         {Limits{Daily: 100_000}, Limits{Daily: 10_000}},
	"/cgi-bin/user/get":              {Limits{Daily: 500}, Limits{Daily: 100}},
	"/cgi-bin/user/info":             {Limits{Daily: 5_000_000}, Limits{Daily: 500_000}},
	exchangePath:                     {Limits{Minute: 50_000}, Limits{Minute: 50_000}},
	refreshPath:                      {Limits{Minute: 50_000}, Limits{Minute: 50_000}},
	userInfoPath:                     {Limits{Minute: 50_000}, Limits{Minute: 50_000}},
}

// meter counts the calls of one account to one path.
type meter struct {
	day, minute    int64 // that the counts are of
	today, minutes int
	own            *Limits // set by SetLimits
}

// at forgets the counts of another day and minute.
func (m *meter) at(now time.Time) {
	if day := chinaDay(now); m.day != day {
		m.day, m.today = day, 0
	}
	if minute := now.Unix() / 60; m.minute != minute {
		m.minute, m.minutes = minute, 0
	}
}

// chinaDay numbers the days of China, where there is no summer time.
func chinaDay(t time.Time) int64 { return (t.Unix() + 8*3600) / 86400 }

// meterOf is called with the lock held.
func (s *Sim) meterOf(a Account, path string, now time.Time) (*meter, Limits) {
	st := s.state(a.AppID)
	m, ok := st.meters[path]
	if !ok {
		if st.meters == nil {
			st.meters = map[string]*meter{}
		}
		m = &meter{}
		st.meters[path] = m
	}
	m.at(now)
	switch {
	case m.own != nil:
		return m, *m.own
	case a.Sandbox:
		return m, limits[path].sandbox
	}
	return m, limits[path].real
}

// spend counts a call of an account. The result is 0 or WeChat's errcode.
func (c *call) spend(a Account) int {
	if c.is("quota_spent") {
		return 45009
	}
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	m, l := c.meterOf(a, c.r.URL.Path, now)
	switch {
	case l.Daily > 0 && m.today >= l.Daily:
		return 45009
	case l.Minute > 0 && m.minutes >= l.Minute:
		return 45011
	}
	m.today++
	m.minutes++
	return 0
}

// SetLimits changes how often an account may call a path of the API. It refuses an
// unknown account or path with [ErrUnknown].
func (s *Sim) SetLimits(appid, path string, l Limits) error {
	a, ok := s.account(appid)
	if _, known := s.api[path]; !ok || !known {
		return fmt.Errorf("limiting %s: %w account or path", path, ErrUnknown)
	}
	if l.Daily < 0 || l.Minute < 0 {
		return fmt.Errorf("limiting %s: a limit is 0 for none, or positive", path)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _ := s.meterOf(a, path, s.Now())
	m.own = &l
	return nil
}

// Used is how often an account called a path today, by WeChat's count: since
// midnight in China, or since the quota was cleared.
func (s *Sim) Used(appid, path string) int {
	a, _ := s.account(appid)
	s.mu.Lock()
	defer s.mu.Unlock()
	m, _ := s.meterOf(a, path, s.Now())
	return m.today
}
