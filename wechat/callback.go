package wechat

import (
	"context"
	"net/netip"
	"strings"
)

// CallbackIPs lists from where WeChat pushes to the account's server
// (wechat-api.md §4.4). Any error is an [*Error].
func (c *Client) CallbackIPs(ctx context.Context, as Bearer) ([]netip.Prefix, error) {
	return c.ipList(ctx, as.query("cgi-bin/getcallbackip", nil))
}

// APIDomainIPs lists where WeChat's API is. Never pin them: retired ones answer
// 48017 (wechat-api.md §4.4, §5). Any error is an [*Error].
func (c *Client) APIDomainIPs(ctx context.Context, as Bearer) ([]netip.Prefix, error) {
	return c.ipList(ctx, as.query("cgi-bin/get_api_domain_ip", nil))
}

func (c *Client) ipList(ctx context.Context, q query) ([]netip.Prefix, error) {
	q.idempotent = true
	var a struct {
		List []text `json:"ip_list"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return nil, err
	}
	list := make([]netip.Prefix, 0, len(a.List))
	for _, s := range a.List {
		p, err := netip.ParsePrefix(string(s))
		if ip, ipErr := netip.ParseAddr(string(s)); ipErr == nil && ip.Zone() == "" {
			p, err = netip.PrefixFrom(ip, ip.BitLen()), nil
		}
		if err != nil {
			return nil, q.fault("the answer has an address that is none")
		}
		list = append(list, p.Masked())
	}
	if len(list) == 0 {
		return nil, q.fault("the answer has no addresses")
	}
	return list, nil
}

// CallbackCheck is how WeChat reaches the account's server.
type CallbackCheck struct {
	DNS  []CheckedName
	Ping []CheckedPing
}

// CheckedName is an address that the server's name has.
type CheckedName struct {
	IP       string
	Operator string // in whose network it is, such as UNICOM
}

// CheckedPing is how an address was reached.
type CheckedPing struct {
	IP   string
	From string // from whose network
	Loss string // such as "0%"
	Time string // such as "23.079ms"
}

// CheckCallback lets WeChat look the server's name up ("dns"), ping it ("ping"),
// or both ("all"), from an operator's network: DEFAULT, CHINANET, UNICOM or CAP
// (wechat-api.md §4.4). Any error is an [*Error].
func (c *Client) CheckCallback(ctx context.Context, as Bearer, action, operator string) (CallbackCheck, error) {
	q := as.query("cgi-bin/callback/check", nil)
	q.idempotent = true
	q.need(action == "dns" || action == "ping" || action == "all", "the action is not dns, ping or all")
	q.need(strings.Contains(" DEFAULT CHINANET UNICOM CAP ", " "+operator+" ") && operator != "", "the operator is not DEFAULT, CHINANET, UNICOM or CAP")
	q.body = struct {
		Action   string `json:"action"`
		Operator string `json:"check_operator"`
	}{action, operator}
	var a struct {
		DNS []struct {
			IP       text `json:"ip"`
			Operator text `json:"real_operator"`
		} `json:"dns"`
		Ping []struct {
			IP   text `json:"ip"`
			From text `json:"from_operator"`
			Loss text `json:"package_loss"`
			Time text `json:"time"`
		} `json:"ping"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return CallbackCheck{}, err
	}
	short := func(t text) string { return redact(string(t), q.secrets) }
	var check CallbackCheck
	for _, d := range a.DNS {
		check.DNS = append(check.DNS, CheckedName{short(d.IP), short(d.Operator)})
	}
	for _, p := range a.Ping {
		check.Ping = append(check.Ping, CheckedPing{short(p.IP), short(p.From), short(p.Loss), short(p.Time)})
	}
	return check, nil
}
