package check

import (
	"context"
	"encoding/hex"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"

	"github.com/caddy-wsite/caddy-wsite/wechat/push"
)

// tryNetwork lets WeChat look up and ping the server that it pushes to.
func (c *check) tryNetwork(ctx context.Context) {
	seen, err := c.WeChat.CheckCallback(ctx, c.bearer(), "all", "DEFAULT")
	if err != nil {
		c.failed(WhatNetwork, err)
		return
	}
	if len(seen.DNS) == 0 {
		c.add(WhatNetwork, "push_no_name", hostOf(c.PushURL))
		return
	}
	for _, p := range seen.Ping {
		if p.Loss == "100%" {
			c.add(WhatNetwork, "push_no_ping", p.IP)
			return
		}
	}
	c.add(WhatNetwork, "push_network_ok", seen.DNS[0].IP)
}

// tryPush does what WeChat does when the address is saved in its console: a signed GET,
// to be answered by its echostr and nothing else (wechat-api.md §8.1).
func (c *check) tryPush(ctx context.Context) {
	u, err := url.Parse(c.PushURL)
	if err != nil || u.Host == "" {
		c.add(WhatPush, "push_malformed", "")
		return
	}
	if !ports(u) {
		c.add(WhatPush, "push_port", u.Host)
		return
	}
	b := make([]byte, 16)
	c.Random(b)
	nonce, echo := hex.EncodeToString(b[:8]), hex.EncodeToString(b[8:])
	timestamp := strconv.FormatInt(c.Now().Unix(), 10)
	q := u.Query()
	q.Set("timestamp", timestamp)
	q.Set("nonce", nonce)
	q.Set("echostr", echo)
	q.Set("signature", push.Sign(c.PushToken, timestamp, nonce))
	u.RawQuery = q.Encode()
	p, err := c.get(ctx, u.String(), "Mozilla/4.0")
	switch {
	case err != nil:
		c.add(WhatPush, "push_unreachable", u.Host)
	case p.redirects():
		c.add(WhatPush, "push_redirected", u.Host)
	case p.status != http.StatusOK:
		c.add(WhatPush, "push_refused", strconv.Itoa(p.status))
	case p.body != echo:
		c.add(WhatPush, "push_wrong_echo", u.Host)
	default:
		c.add(WhatPush, "push_ok", u.Host)
	}
}

// ports says whether WeChat would push there: to port 80 or 443 alone. On this machine,
// where only a simulated WeChat pushes, any port will do.
func ports(u *url.URL) bool {
	if ip, err := netip.ParseAddr(u.Hostname()); err == nil && ip.IsLoopback() || strings.EqualFold(u.Hostname(), "localhost") {
		return true
	}
	_, port, err := net.SplitHostPort(u.Host)
	return err != nil || u.Scheme == "http" && port == "80" || u.Scheme == "https" && port == "443"
}
