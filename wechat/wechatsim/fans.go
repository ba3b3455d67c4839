package wechatsim

import "net/http"

const (
	fanPath       = "/cgi-bin/user/info"
	fansPath      = "/cgi-bin/user/info/batchget"
	followersPath = "/cgi-bin/user/get"
)

const (
	maxFans    = 100    // openids of one batch
	maxFanPage = 10_000 // openids of one page of followers
)

// fanEndpoints are the calls that tell who follows.
var fanEndpoints = map[string]endpoint{
	fanPath:       {method: http.MethodGet, may: mayReadFans, run: (*call).fan},
	fansPath:      {method: http.MethodPost, may: mayReadFans, run: (*call).fans},
	followersPath: {method: http.MethodGet, may: mayReadFans, run: (*call).followers},
}

// fan is /cgi-bin/user/info.
func (c *call) fan() {
	a, code := c.bearerAccount()
	if code != 0 {
		c.refuse(code)
		return
	}
	openid := c.query.Get("openid")
	if openid == "" {
		c.refuse(41009)
		return
	}
	fields, ok := c.tellFan(a, openid)
	if !ok {
		c.refuse(40003)
		return
	}
	c.answer(fields...)
}

// fans is /cgi-bin/user/info/batchget. One openid that is nobody's spoils the lot.
func (c *call) fans() {
	a, code := c.bearerAccount()
	var body struct {
		List []struct {
			OpenID string `json:"openid"`
		} `json:"user_list"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	switch {
	case code != 0:
		c.refuse(code)
		return
	case len(body.List) == 0:
		c.refuse(40031)
		return
	case len(body.List) > maxFans:
		c.refuse(40032)
		return
	}
	list := []map[string]any{}
	for _, of := range body.List {
		fields, ok := c.tellFan(a, of.OpenID)
		if !ok {
			c.refuse(40003)
			return
		}
		one := map[string]any{}
		for _, f := range fields {
			one[f.name] = f.value
		}
		list = append(list, one)
	}
	c.answer(field{"user_info_list", list})
}

// tellFan is what WeChat tells of a person: to those who ask about somebody who
// doesn't follow, next to nothing. It says whether the openid is anybody's.
func (s *Sim) tellFan(a Account, openid string) ([]field, bool) {
	p, ok := s.whose(a.AppID, openid)
	if !ok {
		return nil, false
	}
	unionid := s.UnionID(p.Name, a.AppID)
	how, follows := s.Following(p.Name, a.AppID)
	if !follows {
		fields := []field{{"subscribe", 0}, {"openid", openid}, {"tagid_list", []int{}}}
		if unionid != "" && s.Settings().StrangerUnionID {
			fields = append(fields, field{"unionid", unionid})
		}
		return fields, true
	}
	fields := []field{
		{"subscribe", 1},
		{"openid", openid},
		{"nickname", ""}, // this and the next six are no longer told
		{"sex", 0},
		{"language", "zh_CN"},
		{"city", ""},
		{"province", ""},
		{"country", ""},
		{"headimgurl", ""},
		{"subscribe_time", int(how.Since.Unix())},
		{"remark", ""},
		{"groupid", 0},
		{"tagid_list", []int{}},
		{"subscribe_scene", how.Scene},
		{"qr_scene", int(how.SceneID)},
		{"qr_scene_str", how.SceneStr},
	}
	if unionid != "" {
		fields = append(fields, field{"unionid", unionid})
	}
	return fields, true
}

// followers is /cgi-bin/user/get: the followers after one, a page at a time. One
// who left meanwhile still marks his place.
func (c *call) followers() {
	a, code := c.bearerAccount()
	if code != 0 {
		c.refuse(code)
		return
	}
	total, page, ok := c.followersAfter(a.AppID, c.query.Get("next_openid"), c.Settings().FanPage)
	switch {
	case !ok:
		c.refuse(40003)
	case len(page) == 0:
		c.answer(field{"total", total}, field{"count", 0}, field{"next_openid", ""})
	default:
		c.answer(
			field{"total", total}, field{"count", len(page)},
			field{"data", map[string]any{"openid": page}}, field{"next_openid", page[len(page)-1]},
		)
	}
}

func (s *Sim) followersAfter(appid, openid string, most int) (total int, page []string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	after := -1
	if openid != "" {
		if after = s.whoseIndex(appid, openid); after < 0 {
			return 0, nil, false
		}
	}
	for i, p := range s.people {
		if !p.follows(appid) {
			continue
		}
		total++
		if i > after && len(page) < most {
			page = append(page, s.OpenID(p.Name, appid))
		}
	}
	return total, page, true
}
