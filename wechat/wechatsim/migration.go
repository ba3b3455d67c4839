package wechatsim

import (
	"fmt"
	"net/http"
	"time"
)

const changeOpenIDPath = "/cgi-bin/changeopenid"

// migrationLife is how long WeChat tells the new openids of a migration.
const migrationLife = 15 * 24 * time.Hour

// migrationEndpoints are the calls of a new account about an old one's followers.
var migrationEndpoints = map[string]endpoint{
	changeOpenIDPath: {method: http.MethodPost, may: mayReadFans, run: (*call).changeOpenIDs},
}

// migration is an old account whose followers became another's.
type migration struct {
	done  time.Time
	moved map[string]bool // names of those who followed
}

// Migrate ends the review of an account's migration: its followers follow the other
// account from now on, it is frozen, and for 15 days changeopenid tells their new
// openids (wechat-api.md §6.4). It refuses what it doesn't know with [ErrUnknown].
func (s *Sim) Migrate(from, to string) error {
	target, ok := s.account(to)
	if !ok {
		return fmt.Errorf("migrating to %s: %w account", to, ErrUnknown)
	}
	if !target.official() || from == to {
		return fmt.Errorf("migrating to %s: followers move to another official account", to)
	}
	if err := s.ChangeAccount(from, func(a *Account) { a.Frozen = true }); err != nil {
		return fmt.Errorf("migrating: %w", err)
	}
	now := s.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	m := migration{done: now, moved: map[string]bool{}}
	for i, p := range s.people {
		if !p.follows(from) {
			continue
		}
		m.moved[p.Name] = true
		s.setFollowing(i, from, false, Following{}, now)
		if !p.follows(to) {
			s.setFollowing(i, to, true, Following{Scene: "ADD_SCENE_ACCOUNT_MIGRATION"}, now)
		}
	}
	st := s.state(to)
	if st.migrations == nil {
		st.migrations = map[string]migration{}
	}
	st.migrations[from] = m
	return nil
}

// changeOpenIDs is /cgi-bin/changeopenid. One openid that is nobody's doesn't spoil
// the others.
func (c *call) changeOpenIDs() {
	a, code := c.bearerAccount()
	var body struct {
		From string   `json:"from_appid"`
		List []string `json:"openid_list"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	if code == 0 {
		code = c.changeable(a, body.From, len(body.List))
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	c.ok(field{"result_list", c.changed(a.AppID, body.From, body.List)})
}

// changeable says whether openids may be changed: 0 or WeChat's errcode.
func (c *call) changeable(a Account, from string, n int) int {
	now := c.Now()
	c.mu.Lock()
	defer c.mu.Unlock()
	m, ok := c.state(a.AppID).migrations[from]
	switch {
	case n == 0:
		return 40031
	case n > maxFans:
		return 40032
	case !ok, now.Sub(m.done) >= migrationLife:
		return 63178
	}
	return 0
}

func (s *Sim) changed(to, from string, openids []string) []map[string]any {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.state(to).migrations[from]
	list := []map[string]any{}
	for _, openid := range openids {
		one := map[string]any{"ori_openid": openid, "err_msg": "ori_openid error"}
		if i := s.whoseIndex(from, openid); i >= 0 && m.moved[s.people[i].Name] {
			one["new_openid"], one["err_msg"] = s.OpenID(s.people[i].Name, to), "ok"
		}
		list = append(list, one)
	}
	return list
}
