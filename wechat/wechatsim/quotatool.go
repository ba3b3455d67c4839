package wechatsim

import (
	"net/http"
	"strings"
	"time"
)

const (
	clearQuotaPath    = "/cgi-bin/clear_quota"
	clearQuotaV2Path  = "/cgi-bin/clear_quota/v2"
	quotaPath         = "/cgi-bin/openapi/quota/get"
	clearAPIQuotaPath = "/cgi-bin/openapi/quota/clear"
)

// clearsAMonth is how often an account may clear its counts, by whichever call.
const clearsAMonth = 10

// quotaEndpoints are the calls about limits (wechat-api.md §4.4).
var quotaEndpoints = map[string]endpoint{
	clearQuotaPath:    {method: http.MethodPost, may: mayCall, run: (*call).clearQuota},
	clearQuotaV2Path:  {method: http.MethodPost, run: (*call).clearQuotaBySecret},
	quotaPath:         {method: http.MethodPost, may: mayCall, run: (*call).quota},
	clearAPIQuotaPath: {method: http.MethodPost, may: mayCall, run: (*call).clearAPIQuota},
}

// clears counts how often an account cleared its counts in a month of China.
type clears struct {
	month string
	n     int
}

// clear forgets the counts of an account: of one path, or of all if that is empty.
// The result is 0 or WeChat's errcode.
func (s *Sim) clear(appid, path string) int {
	month := s.Now().UTC().Add(8 * time.Hour).Format("2006-01")
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.state(appid)
	if st.clears.month != month {
		st.clears = clears{month: month}
	}
	if st.clears.n >= clearsAMonth {
		return 48006
	}
	st.clears.n++
	for p, m := range st.meters {
		if path == "" || p == path {
			m.today, m.minutes = 0, 0
		}
	}
	return 0
}

// clearQuota is /cgi-bin/clear_quota.
func (c *call) clearQuota() {
	a, code := c.bearerAccount()
	var body struct {
		AppID string `json:"appid"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	if code == 0 && body.AppID != a.AppID {
		code = 40013
	}
	if code == 0 {
		code = c.clear(a.AppID, "")
	}
	c.finish(code)
}

// clearQuotaBySecret is /cgi-bin/clear_quota/v2, for those whose quota of tokens is
// spent.
func (c *call) clearQuotaBySecret() {
	var body struct {
		AppID  string `json:"appid"`
		Secret string `json:"appsecret"`
	}
	code := c.decode(&body)
	if code == 0 {
		_, code = c.askedBy(credential{GrantType: "client_credential", AppID: body.AppID, Secret: body.Secret})
	}
	if code == 0 {
		code = c.clear(body.AppID, "")
	}
	c.finish(code)
}

// finish answers a call that has nothing to tell.
func (c *call) finish(code int) {
	if code != 0 {
		c.refuse(code)
		return
	}
	c.ok()
}

// path is the path that a call about limits asks after. Those of the web login
// have none that could be asked for.
func (c *call) path(of Account) (string, int) {
	var body struct {
		Path string `json:"cgi_path"`
	}
	if code := c.decode(&body); code != 0 {
		return "", code
	}
	e, ok := c.api[body.Path]
	switch {
	case !ok, strings.HasPrefix(body.Path, "/sns/"):
		return "", 76021
	case e.may != nil && !e.may(of):
		return "", 76022
	}
	return body.Path, 0
}

// quota is /cgi-bin/openapi/quota/get.
func (c *call) quota() {
	a, code := c.bearerAccount()
	path := ""
	if code == 0 {
		path, code = c.path(a)
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	now := c.Now()
	c.mu.Lock()
	m, l := c.meterOf(a, path, now)
	day := map[string]any{"daily_limit": l.Daily, "used": m.today, "remain": max(0, l.Daily-m.today)}
	c.mu.Unlock()
	fields := []field{{"quota", day}}
	if l.Minute > 0 {
		fields = append(fields, field{"rate_limit", map[string]any{"call_count": l.Minute, "refresh_second": 60}})
	}
	c.ok(fields...)
}

// clearAPIQuota is /cgi-bin/openapi/quota/clear.
func (c *call) clearAPIQuota() {
	a, code := c.bearerAccount()
	path := ""
	if code == 0 {
		path, code = c.path(a)
	}
	if code == 0 {
		code = c.clear(a.AppID, path)
	}
	c.finish(code)
}
