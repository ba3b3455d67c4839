package wechat

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// plainClient is a copy of the given client, or an own one, that follows no
// redirect: the next address would come from outside and get our query.
func plainClient(given *http.Client, proxy string) (*http.Client, error) {
	var c http.Client
	if given != nil {
		c = *given
	}
	if c.Transport == nil {
		t := newTransport()
		if proxy != "" {
			u, err := proxyURL(proxy)
			if err != nil {
				return nil, err
			}
			t.Proxy = http.ProxyURL(u)
		}
		c.Transport = t
	} else if proxy != "" {
		return nil, errors.New("a transport of one's own has its own proxy")
	}
	c.Jar = nil
	c.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &c, nil
}

// proxyURL may hold credentials, so no error repeats it.
func proxyURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return nil, errors.New("the address can't be read as a URL")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5":
		return nil, errors.New("the address begins with http://, https:// or socks5://")
	case u.Hostname() == "":
		return nil, errors.New("the address needs a host")
	case strings.TrimSuffix(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the address has no path, query or fragment")
	}
	return u, nil
}

// newTransport has no proxy: [http.ProxyFromEnvironment] would let whoever sets
// HTTP_PROXY read every secret. It speaks HTTP/1.1, where it is easy to tell
// whether a request has left.
func newTransport() *http.Transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: 3 * time.Second, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            dialer.DialContext,
		TLSHandshakeTimeout:    3 * time.Second,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    128,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
		Protocols:              protocols,
	}
}
