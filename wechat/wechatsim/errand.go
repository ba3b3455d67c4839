package wechatsim

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"syscall"
	"time"
)

// errand is a request that the simulator makes itself, as WeChat's own machines do
// (wechat-api.md §1.6, §16 no. 12): without cookies.
type errand struct {
	url   string
	agent string
	after time.Duration // by the simulator's clock
}

// errandTimeout bounds an errand; nobody waits for it but Settle.
const errandTimeout = 30 * time.Second

// agents are phones other than the visitor's (wechat-api.md §14).
var agents = []string{
	"Mozilla/5.0 (Linux; Android 12; M2011K2C Build/SKQ1.211006.001; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/126.0.6478.188 Mobile Safari/537.36 XWEB/1260117 MMWEBSDK/20240404 MMWEBID/9203 MicroMessenger/8.0.49.2600(0x2800315A) WeChat/arm64 Weixin NetType/WIFI Language/zh_CN ABI/arm64",
	"Mozilla/5.0 (iPhone; CPU iPhone OS 17_4_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 MicroMessenger/8.0.48(0x18003030) NetType/WIFI Language/zh_CN",
	"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/122.0.0.0 Safari/537.36 NetType/WIFI MicroMessenger/7.0.20.1781(0x6700143B) WindowsWechat(0x63090c11) XWEB/11275 Flue",
}

// otherAgent is the User-Agent of a phone that isn't this one.
func (s *Sim) otherAgent(agent string) string {
	i := s.dice.upTo(len(agents))
	if agents[i] == agent {
		i = (i + 1) % len(agents)
	}
	return agents[i]
}

var errNotLoopback = errors.New("the simulator calls loopback addresses only")

// newErrandClient makes the client of all errands. The address is checked when the
// name is resolved: a name may promise one thing and mean another.
func newErrandClient() *http.Client {
	dialer := &net.Dialer{Timeout: 3 * time.Second, Control: func(_, address string, _ syscall.RawConn) error {
		addr, err := netip.ParseAddrPort(address)
		if err != nil || !addr.Addr().Unmap().IsLoopback() {
			return errNotLoopback
		}
		return nil
	}}
	return &http.Client{
		Transport:     &http.Transport{DialContext: dialer.DialContext, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       errandTimeout,
	}
}

// send runs an errand in the background. One that leads away from this machine
// isn't run.
func (s *Sim) send(e errand) {
	u, err := url.Parse(e.url)
	if err != nil || !loopbackName(u.Hostname()) {
		return
	}
	u.Fragment = ""
	s.agenda.do(s.ctx, s.Now().Add(e.after), func(ctx context.Context) { s.fetch(ctx, u, e.agent) })
}

func loopbackName(host string) bool {
	host = strings.ToLower(host)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && ip.Unmap().IsLoopback()
}

func (s *Sim) fetch(ctx context.Context, u *url.URL, agent string) {
	sent := Request{
		At: s.Now(), Method: http.MethodGet, Path: u.Path, Query: u.Query(), RawQuery: u.RawQuery, UserAgent: agent,
	}
	defer func() { s.sent.add(sent) }()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return
	}
	req.Header.Set("User-Agent", agent)
	req.Header.Set("Accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
	res, err := s.errands.Do(req)
	if err != nil {
		return // Status 0 says it
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxBody))
	if err != nil {
		return
	}
	sent.Status, sent.Location, sent.Body = res.StatusCode, res.Header.Get("Location"), string(body)
}
