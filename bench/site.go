package main

import (
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
)

// site is the small upstream: 1 KiB for every request. On demand it keeps the bytes
// that came in, since what counts is what was really sent.
type site struct {
	server    *http.Server
	addresses []string
	listening atomic.Bool // bytes are kept
	mu        sync.Mutex
	heard     []byte
}

// startSite starts the site on two ports, since Caddyfile.example has two upstreams.
func startSite() (*site, error) {
	s := &site{}
	body := []byte(strings.Repeat("0123456789abcdef", 64))
	s.server = &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header()["Content-Type"] = []string{"text/plain; charset=utf-8"}
		_, _ = w.Write(body)
	})}
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			s.close()
			return nil, err
		}
		s.addresses = append(s.addresses, l.Addr().String())
		go func() { _ = s.server.Serve(listener{l, s}) }()
	}
	return s, nil
}

func (s *site) close() { _ = s.server.Close() }

// hear returns what came in while request ran.
func (s *site) hear(request func() error) (string, error) {
	s.mu.Lock()
	s.heard = nil
	s.mu.Unlock()
	s.listening.Store(true)
	defer s.listening.Store(false)
	err := request()
	s.mu.Lock()
	defer s.mu.Unlock()
	return string(s.heard), err
}

type listener struct {
	net.Listener
	site *site
}

func (l listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return conn{c, l.site}, nil
}

type conn struct {
	net.Conn
	site *site
}

func (c conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if c.site.listening.Load() {
		c.site.mu.Lock()
		c.site.heard = append(c.site.heard, p[:n]...)
		c.site.mu.Unlock()
	}
	return n, err
}
