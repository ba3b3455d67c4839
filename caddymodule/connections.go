package caddymodule

import (
	"bufio"
	"errors"
	"net"
	"net/http"
	"strings"
	"sync"
)

// connection is an answer that may go on for hours: a websocket, or a stream of events.
// Whoever is forgotten meanwhile is cut off, and has to come again to be recognised.
type connection struct {
	visitor *visitor

	mu    sync.Mutex
	ended bool
	taken net.Conn // of a websocket; nil if nobody has taken it over
}

// cut closes a websocket. A stream hears nothing more, and ends with what it should have
// heard next.
func (c *connection) cut() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ended = true; c.taken != nil {
		_ = c.taken.Close()
	}
}

func (c *connection) isCut() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.ended
}

// take is told who has the connection of a websocket.
func (c *connection) take(conn net.Conn) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.taken = conn; c.ended {
		_ = conn.Close()
	}
}

// hold notes a connection until it is over.
func (vs *visitors) hold(c *connection) (over func()) {
	vs.mu.Lock()
	for _, name := range c.visitor.listedAs() {
		if vs.open[name] == nil {
			vs.open[name] = map[*connection]struct{}{}
		}
		vs.open[name][c] = struct{}{}
	}
	vs.mu.Unlock()
	if c.visitor.gone.Load() { // since he was recognised
		c.cut()
	}
	return func() {
		vs.mu.Lock()
		defer vs.mu.Unlock()
		for _, name := range c.visitor.listedAs() {
			if delete(vs.open[name], c); len(vs.open[name]) == 0 {
				delete(vs.open, name)
			}
		}
	}
}

// cut ends the connections of the visitors of whom that is true.
func (vs *visitors) cut(ended func(*visitor) bool) {
	vs.mu.Lock()
	held := map[*connection]struct{}{}
	for _, under := range vs.open {
		for c := range under {
			held[c] = struct{}{}
		}
	}
	vs.mu.Unlock()
	for c := range held {
		if ended(c.visitor) {
			c.cut()
		}
	}
}

// keepsOpen says whether an answer that begins may go on for hours.
func keepsOpen(status int, h http.Header) bool {
	return status == http.StatusSwitchingProtocols || strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
}

// errCut ends the answer to somebody who was forgotten while it went on.
var errCut = errors.New("the session of the visitor has ended, or he is somebody else")

// cut says whether the answer must go no further.
func (p *passage) cut() error {
	if p.open != nil && p.open.isCut() {
		return errCut
	}
	return nil
}

// Hijack hands the connection over, and keeps an eye on it.
func (p *passage) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, buffered, err := http.NewResponseController(p.ResponseWriterWrapper.ResponseWriter).Hijack()
	if err == nil && p.open != nil {
		p.open.take(conn)
	}
	return conn, buffered, err
}
