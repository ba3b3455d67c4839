package wechat

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"
)

// Quota is what is left of an API on this day. A limit of 0 means none.
type Quota struct {
	Daily, Used, Remain int64
	Rate                Rate // of the account
	ComponentRate       Rate // of a third-party platform
}

// Rate is how often an API may be called; zero means without limit.
type Rate struct {
	Calls int64
	Per   time.Duration
}

// Quota asks for what is left of an API, such as "/cgi-bin/user/get"
// (wechat-api.md §4.4). The paths of sns are not supported. Any error is an
// [*Error].
func (c *Client) Quota(ctx context.Context, as Bearer, path string) (Quota, error) {
	q := as.pathQuery("cgi-bin/openapi/quota/get", path)
	q.idempotent = true
	type rate struct {
		Calls   long   `json:"call_count"`
		Seconds number `json:"refresh_second"`
	}
	var a struct {
		Quota *struct {
			Daily  long `json:"daily_limit"`
			Used   long `json:"used"`
			Remain long `json:"remain"`
		} `json:"quota"`
		Rate          rate `json:"rate_limit"`
		ComponentRate rate `json:"component_rate_limit"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return Quota{}, err
	}
	if a.Quota == nil {
		return Quota{}, q.fault("the answer has no quota")
	}
	of := func(r rate) Rate { return Rate{int64(r.Calls), time.Duration(r.Seconds) * time.Second} }
	return Quota{
		Daily: int64(a.Quota.Daily), Used: int64(a.Quota.Used), Remain: int64(a.Quota.Remain),
		Rate: of(a.Rate), ComponentRate: of(a.ComponentRate),
	}, nil
}

// ClearAPIQuota begins the day's quota of one API anew (wechat-api.md §4.4). It is
// sent again only if it surely never left. Any error is an [*Error].
func (c *Client) ClearAPIQuota(ctx context.Context, as Bearer, path string) error {
	err := c.do(ctx, as.pathQuery("cgi-bin/openapi/quota/clear", path), nil)
	if err == nil {
		c.usage.cleared(as.AppID, strings.TrimPrefix(path, "/"))
	}
	return err
}

func (b Bearer) pathQuery(api, path string) query {
	q := b.query(api, nil)
	q.need(strings.HasPrefix(path, "/") && apiPath(path[1:]), "the path is not one of WeChat's API")
	q.body = struct {
		Path string `json:"cgi_path"`
	}{path}
	return q
}

// ClearQuota begins the day's quotas of all APIs anew, 10 times a month at most,
// after which WeChat says 48006 (wechat-api.md §4.4). It is sent again only if it
// surely never left. Any error is an [*Error].
func (c *Client) ClearQuota(ctx context.Context, as Bearer) error {
	q := as.query("cgi-bin/clear_quota", nil)
	q.body = struct {
		AppID string `json:"appid"`
	}{as.AppID}
	return c.clearQuota(ctx, q)
}

// ClearQuotaBySecret is ClearQuota for when even the quota of tokens is gone
// (wechat-api.md §4.4).
func (c *Client) ClearQuotaBySecret(ctx context.Context, appID, secret string) error {
	q := query{api: "cgi-bin/clear_quota/v2", appID: appID, bySecret: true, secrets: []string{secret}}
	if e := q.checkAccount(appID, secret); e != nil {
		return e
	}
	q.body = struct {
		AppID  string `json:"appid"`
		Secret string `json:"appsecret"`
	}{appID, secret}
	return c.clearQuota(ctx, q)
}

func (c *Client) clearQuota(ctx context.Context, q query) error {
	err := c.do(ctx, q, nil)
	if err == nil {
		c.usage.cleared(q.appID, "")
	}
	return err
}

// Explained is what WeChat remembers of a call, for 7 days. Whatever in it may be a
// credential or an id is blotted out.
type Explained struct {
	At       time.Time
	Cost     time.Duration
	URL      string // of WeChat's own form: the query, without a host at times
	Request  string // its body
	Response string // its body
	ClientIP string
}

func (e Explained) String() string {
	return fmt.Sprintf("call at %v, %v", e.At.UTC().Format(time.RFC3339), e.Cost)
}

// Format is String under every verb, %#v included.
func (e Explained) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, e.String()) }

// LogValue is the call for a log.
func (e Explained) LogValue() slog.Value { return slog.StringValue(e.String()) }

// ExplainRID asks what happened at the call of a rid, as in [Error.RID]
// (wechat-api.md §4.4). It must be one of the account's own calls, or WeChat says
// 76003. Any error is an [*Error].
func (c *Client) ExplainRID(ctx context.Context, as Bearer, rid string) (Explained, error) {
	q := as.query("cgi-bin/openapi/rid/get", nil)
	q.idempotent = true
	q.need(ridForm.MatchString("rid: "+rid) && len(rid) == 26, "the rid is malformed")
	q.body = struct {
		RID string `json:"rid"`
	}{rid}
	var a struct {
		Request *struct {
			At       long `json:"invoke_time"`
			Cost     long `json:"cost_in_ms"`
			URL      text `json:"request_url"`
			Request  text `json:"request_body"`
			Response text `json:"response_body"`
			ClientIP text `json:"client_ip"`
		} `json:"request"`
	}
	if err := c.do(ctx, q, &a); err != nil {
		return Explained{}, err
	}
	r := a.Request
	if r == nil || r.At <= 0 || r.Cost < 0 || r.Cost > 1e9 {
		return Explained{}, q.fault("the answer has no request")
	}
	blotted := func(t text) string { return longRun.ReplaceAllString(oneLine(string(t)), blot) }
	return Explained{
		At: time.Unix(int64(r.At), 0), Cost: time.Duration(r.Cost) * time.Millisecond,
		URL: blotted(r.URL), Request: blotted(r.Request), Response: blotted(r.Response), ClientIP: blotted(r.ClientIP),
	}, nil
}
