package wechatsim

import (
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"time"
)

const (
	ridPath           = "/cgi-bin/openapi/rid/get"
	callbackIPPath    = "/cgi-bin/getcallbackip"
	apiDomainIPPath   = "/cgi-bin/get_api_domain_ip"
	checkCallbackPath = "/cgi-bin/callback/check"
)

// ridLife is how long WeChat explains a refused call.
const ridLife = 7 * 24 * time.Hour

// supportEndpoints are the calls that help to find out what is wrong
// (wechat-api.md §4.4).
var supportEndpoints = map[string]endpoint{
	ridPath:           {method: http.MethodPost, may: mayCall, run: (*call).explain},
	callbackIPPath:    {method: http.MethodGet, may: mayCall, run: (*call).addresses},
	apiDomainIPPath:   {method: http.MethodGet, may: mayCall, run: (*call).addresses},
	checkCallbackPath: {method: http.MethodPost, may: mayCall, run: (*call).checkCallback},
}

var ridForm = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{8}-[0-9a-f]{8}$`)

// explain is /cgi-bin/openapi/rid/get. It knows the calls of [Sim.Requests].
func (c *call) explain() {
	a, code := c.bearerAccount()
	var body struct {
		RID string `json:"rid"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	all := c.Requests()
	i := slices.IndexFunc(all, func(r Request) bool { return r.RID != "" && r.RID == body.RID })
	switch {
	case !ridForm.MatchString(body.RID):
		c.refuse(76002)
	case i < 0:
		c.refuse(76001)
	case all[i].AppID != a.AppID:
		c.refuse(76003)
	case c.Now().Sub(all[i].At) >= ridLife:
		c.refuse(76004)
	default:
		c.ok(field{"request", map[string]any{
			"invoke_time": all[i].At.Unix(), "cost_in_ms": 1 + c.dice.upTo(50),
			"request_url":  "https://api.weixin.qq.com" + all[i].Path + "?" + all[i].RawQuery,
			"request_body": all[i].Posted, "response_body": all[i].Body, "client_ip": c.caller(),
		}})
	}
}

// addresses are where our pushes come from, and where our API is: this machine.
func (c *call) addresses() {
	if _, code := c.bearerAccount(); code != 0 {
		c.refuse(code)
		return
	}
	c.answer(field{"ip_list", []string{"127.0.0.1", "127.0.0.0/8", "::1"}})
}

// checkCallback is /cgi-bin/callback/check. All names lead to this machine, and all
// is well there.
func (c *call) checkCallback() {
	_, code := c.bearerAccount()
	var body struct {
		Action   string `json:"action"`
		Operator string `json:"check_operator"`
	}
	if code == 0 {
		code = c.decode(&body)
	}
	if code == 0 && (!slices.Contains([]string{"dns", "ping", "all"}, body.Action) ||
		!slices.Contains([]string{"DEFAULT", "CHINANET", "UNICOM", "CAP"}, body.Operator)) {
		code = 40035
	}
	if code != 0 {
		c.refuse(code)
		return
	}
	here := netip.AddrFrom4([4]byte{127, 0, 0, 1}).String()
	fields := []field{}
	if body.Action != "ping" {
		fields = append(fields, field{"dns", []map[string]any{{"ip": here, "real_operator": body.Operator}}})
	}
	if body.Action != "dns" {
		fields = append(fields, field{"ping", []map[string]any{{
			"ip": here, "from_operator": body.Operator, "package_loss": "0%", "time": "0.300ms",
		}}})
	}
	c.answer(fields...)
}
