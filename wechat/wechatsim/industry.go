package wechatsim

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"
)

// industry is a line of business, by WeChat's number.
type industry struct {
	ID            int
	First, Second string
}

// industries are some of WeChat's.
var industries = map[int]industry{
	1: {1, "IT科技", "互联网|电子商务"}, 2: {2, "IT科技", "IT软件与服务"}, 10: {10, "餐饮", "餐饮"},
	16: {16, "教育", "培训"}, 21: {21, "政府与公共事业", "交警"}, 39: {39, "房地产", "建筑"}, 41: {41, "消费品", "消费品"},
}

// industryOf are the two industries of an account; the first of all if it chose
// none.
func (s *Sim) industryOf(appid string) (first, second industry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	box := &s.state(appid).post
	if box.chosen.IsZero() {
		return industries[1], industries[2]
	}
	return box.industry[0], box.industry[1]
}

func (c *call) getIndustry() {
	a, ok := c.bearing(nil)
	if !ok {
		return
	}
	first, second := c.industryOf(a.AppID)
	show := func(i industry) map[string]string {
		return map[string]string{"first_class": i.First, "second_class": i.Second}
	}
	c.answer(field{"primary_industry", show(first)}, field{"secondary_industry", show(second)})
}

// setIndustry changes the industries, once a month. The templates of those that
// are left are lost (wechat-api.md §10.1): here all of them.
func (c *call) setIndustry() {
	var body struct {
		First  json.Number `json:"industry_id1"`
		Second json.Number `json:"industry_id2"`
	}
	a, ok := c.bearing(&body)
	if !ok {
		return
	}
	first, _ := strconv.Atoi(body.First.String())
	second, _ := strconv.Atoi(body.Second.String())
	one, known := industries[first]
	two, both := industries[second]
	if !known || !both {
		c.refuse(40102)
		return
	}
	now := c.Now()
	c.mu.Lock()
	box := &c.state(a.AppID).post
	late := !box.chosen.IsZero() && now.Sub(box.chosen) < 30*24*time.Hour
	if !late {
		box.industry, box.chosen = [2]industry{one, two}, now
		box.templates = slices.DeleteFunc(box.templates, func(t Template) bool { return !t.Subscription })
	}
	c.mu.Unlock()
	if late {
		c.refuse(43100)
		return
	}
	c.ok()
}
