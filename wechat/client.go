package wechat

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"
)

// Config tells a [Client] where WeChat is. The zero value means the real one.
type Config struct {
	// OpenURL is where visitors are sent to; default "https://open.weixin.qq.com".
	OpenURL string
	// Hosts are the base addresses of the API in the order in which they are
	// tried; default "https://api.weixin.qq.com", "https://api2.weixin.qq.com".
	// A bare host means https; http is for loopback only.
	Hosts []string
	// MPURL is where the images of QR codes are; default
	// "https://mp.weixin.qq.com".
	MPURL string
	// Proxy is the proxy through which the hosts are called: an http, https or
	// socks5 URL, which may hold credentials. Empty means none: the environment
	// is never asked. It can't be set beside a transport of one's own.
	Proxy string
	// HTTP does the calls. The default has its own transport, which takes no
	// proxy from the environment. Redirects are never followed and cookies never
	// kept, whatever is set here.
	HTTP *http.Client
	// Timeout bounds one attempt at one host, reading included; default 5 s.
	Timeout time.Duration
	// Trip is how many attempts in a row a host must fail before it is left
	// alone; default 5.
	Trip uint32
	// Cool is how long a tripped host is left alone before one call tries it
	// again; default 10 s.
	Cool time.Duration
	// Now is the clock for the life of user tokens; default [time.Now].
	Now func() time.Time
	// Rand returns a number in [0, n), for jitter; default from crypto/rand.
	Rand func(n int) int
	// Sleep waits before a busy WeChat is asked again. It ends early with the
	// context's error. The default waits for real.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Client calls WeChat. It is safe for concurrent use.
type Client struct {
	openURL string
	mpURL   string
	usage   *usages
	hosts   []*host
	http    *http.Client
	timeout time.Duration
	now     func() time.Time
	rand    func(n int) int
	sleep   func(ctx context.Context, d time.Duration) error
}

// NewClient checks a configuration and makes a client of it. It refuses addresses
// with a path, a query or credentials, and http on anything but loopback.
func NewClient(cfg Config) (*Client, error) {
	c := &Client{
		timeout: cfg.Timeout, now: cfg.Now, rand: cfg.Rand, sleep: cfg.Sleep,
		usage: newUsages(),
	}
	var err error
	if c.http, err = plainClient(cfg.HTTP, cfg.Proxy); err != nil {
		return nil, fmt.Errorf("configuring the proxy: %w", err)
	}
	if cfg.OpenURL == "" {
		cfg.OpenURL = "https://open.weixin.qq.com"
	}
	if cfg.MPURL == "" {
		cfg.MPURL = "https://mp.weixin.qq.com"
	}
	if len(cfg.Hosts) == 0 {
		cfg.Hosts = []string{"https://api.weixin.qq.com", "https://api2.weixin.qq.com"}
	}
	if c.timeout <= 0 {
		c.timeout = 5 * time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	if c.rand == nil {
		c.rand = jitter
	}
	if c.sleep == nil {
		c.sleep = sleep
	}

	if c.openURL, err = baseURL(cfg.OpenURL); err != nil {
		return nil, fmt.Errorf("configuring where visitors log in: %w", err)
	}
	if c.mpURL, err = baseURL(cfg.MPURL); err != nil {
		return nil, fmt.Errorf("configuring where images of QR codes are: %w", err)
	}
	for _, h := range cfg.Hosts {
		base, err := baseURL(h)
		if err != nil {
			return nil, fmt.Errorf("configuring WeChat's hosts: %w", err)
		}
		c.hosts = append(c.hosts, newHost(base, cfg.Trip, cfg.Cool))
	}
	return c, nil
}

// baseURL makes "scheme://host[:port]" of an address and refuses everything
// beyond that. The address itself may hold credentials, so no error repeats it.
func baseURL(s string) (string, error) {
	if !strings.Contains(s, "://") {
		s = "https://" + s
	}
	u, err := url.Parse(s)
	if err != nil {
		return "", errors.New("the address can't be read as a URL")
	}
	switch {
	case u.User != nil:
		return "", errors.New("an address holds no credentials")
	case u.Hostname() == "":
		return "", errors.New("an address needs a host")
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return "", fmt.Errorf("%s: an address is scheme and host alone, without path, query and fragment", u.Host)
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return "", fmt.Errorf("%s: http is for loopback only, use https", u.Host)
	case u.Scheme != "http" && u.Scheme != "https":
		return "", fmt.Errorf("%s: an address begins with https://", u.Host)
	}
	return u.Scheme + "://" + u.Host, nil
}

func loopback(host string) bool {
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// Close closes the connections that wait for another call. Calls under way go on,
// and the client may still be used.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// jitter is a number in [0, n).
func jitter(n int) int {
	var b [4]byte
	rand.Read(b[:])
	return int(binary.BigEndian.Uint32(b[:]) % uint32(n))
}
